//! Rotation of every kind: other names, other directories, copies, compression, links, equal beginnings.

use super::*;

const HEAD: &str = "a line that stands at the beginning of every file, and is longer than what may be alike by chance";

#[tokio::test]
async fn what_was_rotated_away_while_down_is_read_once_whatever_its_name() {
    let names = [
        ["a.json.1", "a.json.2"],
        ["a-20261127.json", "a-20261128.json"],
        ["a.json-20261127", "a.json-20261128"],
        ["a.1.json", "a.2.json"],
        ["20261127-a.json", "20261128-a.json"],
        ["old/a.json.1", "old/a.json.2"],
    ];
    for [first, second] in names {
        let mut fixture = Fixture::new("a.json", Origin::Beginning);
        fs::create_dir(fixture.path("old")).unwrap();
        let script = vec![
            write("a.json", "1\n2\n"),
            Step,
            write("a.json", "3\n"),
            Rename("a.json", first),
            write("a.json", "4\n5\n"),
            Rename("a.json", second),
            write("a.json", "6\n"),
            Restart,
            Step,
            Restart,
            Step,
        ];
        for act in script {
            fixture = fixture.act(act).await;
        }
        assert_eq!(fixture.house.records(), ["1", "2", "3", "4", "5", "6"], "{first}");
    }
    check(
        "a and away/*",
        "another folder",
        vec![write("a", "1\n"), Step, write("a", "2\n"), Rename("a", "x"), write("a", "3\n"), Step],
        &["1", "2", "3"],
    )
    .await;
}

#[tokio::test]
async fn what_is_rotated_away_in_the_tick_of_the_last_look_is_read() {
    let twice = || {
        vec![
            write("a", "2\n"),
            Rename("a", "a.2"),
            write("a", "3\n"),
            // Nothing stands at the path from now on: only the directory tells that a file was there.
            Rename("a", "a.1"),
        ]
    };
    let start = |acts: Act| vec![write("a", "1\n"), Step, acts, Step, Wait(2), Step];
    check("a", "after the first look", start(InOneTick(twice())), &["1", "2", "3"]).await;
    let later =
        vec![write("a", "1\n"), Step, Wait(9), write("b", "x\n"), Step, InOneTick(twice()), Step, Wait(2), Step];
    check("a", "after a later look", later, &["1", "2", "3"]).await;
}

#[tokio::test]
async fn compressed_files_are_read_through_and_not_again() {
    for ending in ["a.1.gz", "a.1.zst"] {
        let half =
            vec![write("a", &format!("{HEAD}\n1\n")), Step, write("a", "2\n"), Rename("a", "a.1"), Pack("a.1", ending)];
        let then = |more: Vec<Act>| [half.clone(), more].concat();
        check("a", "rest", then(vec![write("a", "3\n"), Restart, Step, Restart, Step]), &[HEAD, "1", "2", "3"]).await;
        let all = vec![write("a", "1\n2\n"), Step, Rename("a", "a.1"), Pack("a.1", ending), write("a", "3\n")];
        check("a", "whole", [all.clone(), vec![Restart, Step]].concat(), &["1", "2", "3"]).await;
        check("a", "running", [all, vec![Step, Wait(9), Step, Restart, Step]].concat(), &["1", "2", "3"]).await;
        let new = vec![
            write("a", "1\n"),
            Step,
            Rename("a", "a.2"),
            write("a", "2\n"),
            Rename("a", "a.1"),
            Pack("a.1", ending),
        ];
        check(
            "a",
            "never met",
            [new, vec![write("a", "3\n"), Restart, Step, Restart, Step]].concat(),
            &["1", "2", "3"],
        )
        .await;
    }
    let mut fixture = Fixture::new("a", Origin::Beginning);
    for act in [write("a", "1\n"), Step, write("a.1.bz2", "BZh91AY"), write("a", "2\n"), Restart, Step] {
        fixture = fixture.act(act).await;
    }
    assert!(fixture.tailer.standing().reason.is_some_and(|reason| reason.contains("a.1.bz2: bzip2 is not read")));
}

#[tokio::test]
async fn a_copy_that_was_made_before_a_cut_is_read_where_the_file_ended() {
    let before = vec![write("a.log", &format!("{HEAD}\n1\n")), Step];
    let then = |more: Vec<Act>| [before.clone(), more].concat();
    let copied = vec![write("a.log", "2\n"), Copy("a.log", "a.1.log"), Cut("a.log"), write("a.log", "3\n")];
    let want = [HEAD, "1", "2", "3"];
    for pattern in ["a.log", "*.log"] {
        check(pattern, "down", then([copied.clone(), vec![Restart, Step, Restart, Step]].concat()), &want).await;
        check(pattern, "running", then([copied.clone(), vec![Step, Wait(9), Step, Restart, Step]].concat()), &want)
            .await;
        let slowly =
            vec![Copy("a.log", "a.1.log"), Step, Step, Cut("a.log"), Step, write("a.log", "3\n"), Step, Restart, Step];
        check(pattern, "slowly", then(slowly), &[HEAD, "1", "3"]).await;
        let packed = vec![
            write("a.log", "2\n"),
            Copy("a.log", "b"),
            Cut("a.log"),
            Pack("b", "a.log.1.gz"),
            write("a.log", "3\n"),
        ];
        check(pattern, "compressed", then([packed, vec![Restart, Step, Restart, Step]].concat()), &want).await;
    }
    // What came between two cuts stands in a copy of which nothing was read.
    let packed = vec![Step, Pack("a.log.1", "a.log.1.gz"), Wait(9), Step];
    for between in [vec![Step], packed] {
        let twice = [
            vec![Copy("a.log", "a.log.1"), Cut("a.log")],
            between,
            vec![
                write("a.log", "2\n"),
                Copy("a.log", "a.log.2"),
                Cut("a.log"),
                write("a.log", "3\n"),
                Step,
                Wait(9),
                Step,
            ],
        ];
        check("a.log", "twice", then(twice.concat()), &want).await;
    }
    // A line that was not finished when the file was cut is whole in the copy.
    let unfinished = vec![
        write("a.log", "2"),
        Step,
        write("a.log", "2\n"),
        Copy("a.log", "x.log"),
        Cut("a.log"),
        write("a.log", "3\n"),
        Step,
    ];
    check("a.log", "unfinished", then(unfinished), &[HEAD, "1", "22", "3"]).await;
}

#[tokio::test]
async fn what_goes_on_with_a_file_that_was_read_comes_before_what_was_never_met() {
    let begun = vec![write("a", &format!("{HEAD}\n")), Step, write("a", "1\n")];
    let then = |more: Vec<Act>| [begun.clone(), more, vec![Restart, Step, Restart, Step]].concat();
    let want = [HEAD, "1", "2", "3"];
    // The inode of what was read is that of a later file, as where inodes are used again at once.
    let used_again =
        vec![Copy("a", "b"), Pack("b", "a.2.gz"), Cut("a"), write("a", "2\n"), Rename("a", "a.1"), write("a", "3\n")];
    check("a", "inode", then(used_again), &want).await;
    // It was compressed by a program that does not keep the time.
    let packed_late = vec![
        Rename("a", "a.1"),
        write("a", "2\n"),
        Rename("a", "a-20261128"),
        Pack("a.1", "a.1.gz"),
        Touch("a.1.gz"),
        write("a", "3\n"),
    ];
    check("a", "time", then(packed_late), &want).await;
}

#[tokio::test]
async fn files_that_are_read_in_many_steps_wait_for_each_other() {
    let many = format!("{}\n", "2".repeat(limits::LINE_BYTES_MAX))
        .repeat(limits::TAIL_STEP_BYTES / limits::LINE_BYTES_MAX * 3);
    // Twice copied and cut within one pause of the scan.
    let script = vec![
        write("a", &format!("{HEAD}\n")),
        Step,
        write("a", "1\n"),
        Copy("a", "a.2"),
        Cut("a"),
        write("a", &many),
        Copy("a", "a.1"),
        Cut("a"),
        write("a", "3\n"),
        Step,
    ];
    let mut fixture = Fixture::new("a", Origin::Beginning);
    for act in script {
        fixture = fixture.act(act).await;
    }
    let mut found = fixture.house.records();
    for line in &mut found {
        line.truncate(1);
    }
    found.dedup();
    assert_eq!(found, ["a", "1", "2", "3"]);
}

#[tokio::test]
async fn files_with_the_same_beginning_are_told_apart() {
    let banner = "banner\n".repeat(300);
    let lines = |more: &[&'static str]| [vec!["banner"; 300], more.to_vec()].concat();
    let two = vec![
        write("a.log", &banner),
        write("a.log", "1\n"),
        Step,
        write("b.log", &banner),
        Step,
        write("b.log", "2\n"),
        Step,
    ];
    check("*.log", "two", two, &[lines(&["1"]), lines(&["2"])].concat()).await;
    // The same inode with the same head and another content, longer than what was read.
    let replaced =
        vec![write("a", &format!("{banner}1\n")), Step, Cut("a"), write("a", &format!("{banner}2\n3\n")), Step];
    check("a", "replaced", replaced, &[lines(&["1"]), lines(&["2", "3"])].concat()).await;
    let down = vec![
        write("a", &format!("{banner}1\n")),
        Step,
        Cut("a"),
        write("a", &format!("{banner}2\n3\n")),
        Restart,
        Step,
    ];
    check("a", "replaced while down", down, &[lines(&["1"]), lines(&["2", "3"])].concat()).await;
    let in_place = vec![
        write("a", &format!("{HEAD}\n")),
        Step,
        Copy("a", "n"),
        write("n", "2\n"),
        Rename("n", "a"),
        Step,
        Wait(9),
        Step,
        Step,
    ];
    check("a", "in place", in_place, &[HEAD, "2"]).await;
}

#[tokio::test]
async fn a_link_to_the_current_file_is_followed_over_all_that_it_led_to() {
    let script = vec![
        write("app-20261126.log", "1\n"),
        Link("app-20261126.log", "current"),
        Step,
        write("app-20261126.log", "2\n"),
        write("app-20261127.log", "3\n"),
        write("app-20261128.log", "4\n"),
        Link("app-20261128.log", "current"),
    ];
    check("current", "running", [script.clone(), vec![Step, Step]].concat(), &["1", "2", "3", "4"]).await;
    check("current", "down", [script, vec![Restart, Step, Restart, Step]].concat(), &["1", "2", "3", "4"]).await;
}

#[tokio::test]
async fn files_behind_the_links_of_a_pattern_are_followed_as_they_are_rotated() {
    let rotate = |to, next| vec![write("pods/1/0.log", next), Rename("pods/1/0.log", to)];
    let script = [
        vec![write("pods/1/0.log", "1\n"), Link("pods/1/0.log", "links/a.log"), Step],
        rotate("pods/1/0.log.20261128-090000", "2\n"),
        rotate("pods/1/0.log.20261128-100000", "3\n"),
        vec![Pack("pods/1/0.log.20261128-090000", "pods/1/0.log.20261128-090000.gz")],
        vec![write("pods/1/0.log", "4\n"), write("pods/1/other.log", "not ours\n")],
    ]
    .concat();
    check("links/*.log", "running", [script.clone(), vec![Step, Step]].concat(), &["1", "2", "3", "4"]).await;
    check("links/*.log", "down", [script, vec![Restart, Step, Restart, Step]].concat(), &["1", "2", "3", "4"]).await;
}

#[tokio::test]
async fn what_nobody_can_know_is_told() {
    let mut fixture = Fixture::new("a.log", Origin::Beginning);
    for act in [write("a.log", "1\n"), Step, write("a-audit.log", "x\n"), write("other.log", "y\n"), Restart, Step] {
        fixture = fixture.act(act).await;
    }
    let standing = fixture.tailer.standing();
    assert_eq!(standing.state, State::PassedOver);
    assert!(standing.reason.is_some_and(|reason| reason.contains("a-audit.log: nobody can know")));
    assert_eq!(fixture.house.records(), ["1"]);
    let fixture = fixture.act(Remove("a-audit.log")).await.act(Wait(9)).await.act(Step).await;
    assert_eq!(fixture.tailer.standing().state, State::Ok, "what is gone is passed over no longer");
}

#[tokio::test]
async fn holes_are_no_lines() {
    let hole = "\0".repeat(3_000);
    let script = vec![
        write("a", "1\n2\n"),
        Step,
        Cut("a"),
        write("a", &format!("{hole}3\n")),
        Step,
        Restart,
        write("a", "4\n"),
        Step,
    ];
    check("a", "hole", script, &["1", "2", "3", "4"]).await;
}
