//! What counts as progress and what does not, whoever words it how; a stored state goes on as one that was not.

use detect_core::pack::Pack;
use detect_core::shared::Shared;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::fixtures;

fn observe(events: &[Value]) -> Vec<Alert> {
    let mut detector = NoProgress::new(&Parameters::default(), fixtures::key());
    let (mut shared, mut found) = (Shared::new(fixtures::key()), Vec::new());
    for row in fixtures::rows(events).iter() {
        let mut findings = Findings::new();
        detector.observe(&shared.event(&row, false, &mut findings), &mut findings);
        found.extend(findings.take());
    }
    found
}

/// How bad thirty-two rounds are at worst.
fn check(what: &str, round: impl Fn(i64) -> Vec<Value>, worst: Option<Severity>) {
    let mut events: Vec<Value> = (0..32).flat_map(round).collect();
    for (second, event) in events.iter_mut().enumerate() {
        event["second"] = json!(second * 5);
        event["session"] = json!("s");
    }
    let found = observe(&events).into_iter().map(|alert| alert.severity).max();
    assert_eq!(found, worst, "{what}");
}

fn step(kind: &str, tool: &str, (action, result): (i64, i64), outcome: &str) -> Value {
    json!({"kind": kind, "tool": tool, "action_fp": action, "result_fp": result, "outcome": outcome})
}

fn edit(change: i64) -> Value {
    // It shows the file, whose other parts differ each time.
    step("file.write", "Edit", (1_000 + change % 100, 5_000 + change), "success")
}

fn run(line: &str, (action, result): (i64, i64), outcome: &str) -> Value {
    let mut event = step("command", "Bash", (action, result), outcome);
    event["command"] = json!(line);
    event
}

const CRITICAL: Option<Severity> = Some(Severity::Critical);

#[test]
fn steps_that_bring_nothing_are_a_standstill_however_they_are_varied() {
    check("one answer to varied calls", |n| vec![run("cart --check", (n, 7), "error")], CRITICAL);
    check("varied calls that fail in other words", |n| vec![run("pip install carts", (n, 100 + n), "error")], CRITICAL);
    check(
        "the same, told by words only",
        |n| {
            let mut failed = run("pip install carts | tail", (n, 100 + n), "success");
            failed["marks"] = json!(["error:network"]);
            vec![failed]
        },
        CRITICAL,
    );
    check(
        "files that are read again, in no order",
        |n| vec![step("file.read", "Read", (n * n % 5, n * n % 5), "success")],
        CRITICAL,
    );
    check(
        "a change that is made and undone, and its echo differs",
        |n| vec![edit(n % 2 + 100 * n), run("make test", (1, 1), "error")],
        CRITICAL,
    );
    check(
        "edits that fail each in its own way, while the same files are read again and again",
        |n| {
            let failed = (0..5).map(|at| step("file.write", "Edit", (200 + 5 * n + at, 900 + 5 * n + at), "error"));
            failed.chain([step("file.read", "Read", (n % 3, n % 3), "success")]).collect()
        },
        CRITICAL,
    );
    check(
        "a look at something new now and then",
        |n| {
            let look = run("ls src", (200 + n, 200 + n), "success");
            let fails = run("make test", (1, 1), "error");
            vec![fails.clone(), fails.clone(), fails, look]
        },
        CRITICAL,
    );
    check(
        "a note in between is no progress",
        |n| vec![step("tool.result", "TodoWrite", (50 + n, 50 + n), "success"), run("make", (1, 1), "error")],
        CRITICAL,
    );
    check(
        "an echo and a clock are none",
        |n| vec![run("echo once more; date", (50 + n, 50 + n), "success"), run("make", (1, 1), "error")],
        CRITICAL,
    );
}

#[test]
fn work_that_looks_repetitive_and_waiting_are_none() {
    check(
        "a test that fails as before after each new change",
        |n| vec![edit(n), run("make test", (1, 1), "error")],
        None,
    );
    check(
        "many files, each followed by checks that pass as before",
        |n| {
            let passes = |number: i64| run("cargo check", (number, number), "success");
            vec![edit(n), passes(1), passes(2), passes(3), passes(4)]
        },
        None,
    );
    check(
        "something new is looked at before each check that fails as before",
        |n| vec![run("ls src", (200 + n, 200 + n), "success"), run("make test", (1, 1), "error")],
        None,
    );
    check("an answer that moves on", |n| vec![run("gh run view 7", (1, n), "success")], None);
    check("waiting with pauses", |_| vec![run("sleep 30; gh run view 7", (1, 1), "success")], None);
    check("asking for the output of a command", |_| vec![step("tool.result", "BashOutput", (1, 1), "success")], None);
    check("new looks", |n| vec![run("grep -rn cart src", (n, n), "success")], None);
    check(
        "searches of which every other finds something",
        |n| {
            let mut none = run("grep -rn cart src", (200 + n, 1), "error");
            none["exit_code"] = json!(1);
            vec![none, run("grep -rn cart src", (n, 10 + n), "success")]
        },
        None,
    );
    check(
        "infrastructure that is away for a while",
        |n| {
            let mut failed = run("curl acme.example", (1, 1), "error");
            failed["exit_code"] = json!(124);
            if n < 6 { vec![failed] } else { vec![edit(n)] }
        },
        None,
    );
}

#[test]
fn sub_agents_stand_still_each_for_itself_and_a_pause_begins_anew() {
    let fails = |second: i64, agent: i64| json!({"second": second, "kind": "command", "tool": "Bash", "session": "s", "agent": format!("sub-{agent}"), "action_fp": second, "result_fp": 7, "outcome": "error"});
    assert!(
        observe(&(0..16).map(|at| fails(at, at % 4)).collect::<Vec<_>>()).is_empty(),
        "four failures of each of four"
    );
    let found = observe(&(0..16).map(|at| fails(at, 1)).collect::<Vec<_>>());
    assert_eq!(found.last().and_then(|alert| alert.who.agent.as_deref()), Some("sub-1"));
    assert!(
        observe(&(0..16).map(|at| fails(at * 1_000, 1)).collect::<Vec<_>>()).is_empty(),
        "one each quarter of an hour"
    );
}

proptest! {
    #[test]
    fn a_stored_state_goes_on_the_same(steps in proptest::collection::vec((0i64..40, 0i64..4, any::<bool>()), 1..200), cut in 0usize..200) {
        let events: Vec<Value> = steps.iter().enumerate().map(|(second, (action, result, fails))| {
            let mut event = step("command", "Bash", (*action, *result), if *fails { "error" } else { "success" });
            (event["second"], event["session"]) = (json!(second), json!("s"));
            event
        }).collect();
        let (mut agent, mut loaded) = (Agent::default(), None::<Agent>);
        for (at, row) in fixtures::rows(&events).iter().enumerate() {
            if at == cut {
                let mut bytes = Vec::new();
                agent.pack(&mut bytes);
                prop_assert!(bytes.len() < 512, "{} bytes", bytes.len());
                loaded = Some(Agent::unpack(&mut bytes.as_slice()).unwrap());
            }
            let event = EventRow::new(&row, false, fixtures::key());
            let step = agent.feed.step(&event).unwrap();
            let further = agent.evidence.take(&step, &event);
            if let Some(loaded) = &mut loaded {
                prop_assert_eq!(loaded.evidence.take(&step, &event), further);
                prop_assert_eq!(loaded.evidence.points(), agent.evidence.points());
                prop_assert_eq!(loaded.evidence.steps(), agent.evidence.steps());
            }
        }
    }
}
