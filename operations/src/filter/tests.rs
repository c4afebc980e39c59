//! What filters are, what they hold for, and that no text is neither a filter nor an error.

use ledger::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::triage::tests::alert;

/// 2026-11-24T14:03:12Z.
const NOW: Timestamp = Timestamp::from_unix_seconds(1_795_528_992);

#[test]
fn a_filter_is_what_it_reads_like() {
    let check = |text: &str, canonical: &str| {
        let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(filter.to_string(), canonical, "{text}");
        assert_eq!(Filter::parse(canonical), Ok(filter), "{text}");
    };
    check("", "");
    check("  team:payments,web   kind:egress.http ", "team:payments,web kind:egress.http");
    check("action:deny", "outcome:deny");
    check("host:*.example.com cost>5 -user:bob", "host:*.example.com cost>5 -user:bob");
    check("\"Free Text\" Foo", "\"free text\" foo");
    check("cost>=$0.250 cost:5 cost:*", "cost>=0.25 cost:5 cost:*");
    check("duration>2000ms duration<=1.5s", "duration>2s duration<=1500ms");
    check("bytes_out>1MB tokens_out>=1000", "bytes_out>1000000 tokens_out>=1000");
    check("since:2h until:14:03 since:90m", "since:2h until:14:03 since:90m");
    check("since:2026-11-24 until:2026-11-24T14:03:12+01:00", "since:2026-11-24 until:2026-11-24T13:03:12Z");
    check("since:14:01:52.5", "since:14:01:52.500000");
    check("severity>=high status:open", "severity:high,critical status:open");
    check("status:4* status>=500", "status:4* status>=500");
    check(r#"command:*"cargo test"* file:"a,b*""#, r#"command:*"cargo test"* file:"a,b*""#);
    check(r#"team:"" -team:*"#, r#"team:"" -team:*"#);
    check(r#"path:"say \"hi\" \n""#, r#"path:"say \"hi\" \\n""#);
    check("column.action:push column.team:red trust:agent", "column.action:push team:red trust:agent");
    check("record.level:error 14:03", "record.level:error \"14:03\"");
    check("a**b", "a*b");
}

#[test]
fn what_is_no_filter_is_told_with_what_is_possible() {
    let check = |text: &str, at: usize, says: &str| {
        let error = Filter::parse_for(Subject::Events, text).expect_err(text);
        assert_eq!(error.at, at, "{text}: {error}");
        assert!(error.to_string().contains(says), "{text}: {error}");
    };
    check("kind:command tema:red", 13, "did you mean team?");
    check("zzzzzzzz:1", 0, "there are kind, outcome,");
    check("https://a.example", 0, "stands in quotes");
    check("outcome:dney", 0, "it is one of allow, deny, success, error, blocked; did you mean deny?");
    check("team>5", 0, "it is a text");
    check("cost>much", 0, "in USD");
    check("duration>5", 0, "250ms");
    check("tokens_out>1,2", 0, "compared with one number");
    check("since:yesterday", 0, "2026-11-24");
    check("-since:2h", 0, "the other way round");
    check("observed:1", 0, "use since: and until:");
    check("cuts:1", 0, "bytes");
    check("assignee:ada", 0, "events have no \"assignee\"");
    check("team:a OR team:b", 7, "team:a,b");
    check("team:\"a", 0, "a quote is not closed");
    check("- x", 0, "minus sign");
    check("*", 0, "no text");
    check("a\u{1b}", 0, "control characters");
    check(&"x ".repeat(33), 0, "more than 32 terms");
    check(&"x".repeat(5_000), 0, "more than 4096 bytes");
    for text in ["status:open", "assignee:ada", "since:2h"] {
        let error = Filter::parse_for_delivery(text).expect_err(text).to_string();
        assert!(error.contains("what a detector found"), "{error}");
    }
    let error = Filter::parse_for(Subject::Alerts, "status:opne").expect_err("no word").to_string();
    assert!(error.contains("did you mean open?"), "{error}");
}

#[test]
fn filters_hold_for_alerts_as_they_read() {
    let mut alert = alert("a", 1);
    alert.who.team = Some("payments".to_owned());
    alert.who.workspace = Some("w-1".to_owned());
    alert.who.workspace_name = Some("upgrade".to_owned());
    alert.what.host = Some("api.attacker-logger.com".to_owned());
    alert.what.domain = None;
    alert.tags = vec!["T1567".to_owned()];
    alert.title = "Denied Upload".to_owned();
    alert.last_seen = NOW;
    alert.first_seen = NOW.saturating_sub(std::time::Duration::from_mins(90));
    let check = |text: &str, expected: bool| {
        let filter = Filter::parse_for(Subject::Alerts, text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(filter.matches(&alert, NOW), expected, "{text}");
    };
    for text in [
        "",
        "team:payments severity:high",
        "team:web,payments -user:bob",
        "workspace:up* workspace:w-1",
        "host:*.attacker-logger.com domain:*.com",
        "agent:\"\" -agent:*",
        "tag:T15*",
        "denied \"d upload\"",
        "severity>=medium",
        "since:2h until:now",
        "since:1s",
        "until:13:03",
        "until:2026-11-24",
    ] {
        check(text, true);
    }
    for text in [
        "team:Payments",
        "-team:payments",
        "team:\"\"",
        "workspace:upgrad",
        "severity>high",
        "until:2h",
        "nothing",
        "tag:T",
        "tag:\"\"",
    ] {
        check(text, false);
    }
}

#[test]
fn moments_are_what_they_read_like() {
    let check = |text: &str, begin: &str, end: &str| {
        let moment = Moment::read(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(
            (time_text(moment.begin(NOW)).as_str(), time_text(moment.end(NOW)).as_str()),
            (begin, end),
            "{text}"
        );
    };
    check("2h", "2026-11-24T12:03:12Z", "2026-11-24T12:03:12Z");
    check("14:03", "2026-11-24T14:03:00Z", "2026-11-24T14:03:00Z");
    check("14:04", "2026-11-23T14:04:00Z", "2026-11-23T14:04:00Z");
    check("2026-11-23", "2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z");
    check("2026-11-24T15:00:00+01:00", "2026-11-24T14:00:00Z", "2026-11-24T14:00:00Z");
}

#[test]
fn words_are_unique_documented_and_of_something() {
    let names: Vec<&str> =
        words::ALL.iter().flat_map(|word| std::iter::once(&word.word).chain(word.aliases)).copied().collect();
    for word in words::ALL {
        assert!(word.doc.ends_with('.') && !word.doc.contains('|'), "{}", word.word);
        assert!(Subject::ALL.into_iter().any(|subject| Place::Word(word).is_of(subject)), "{}", word.word);
    }
    for name in &names {
        assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
        assert!(!words::MOMENTS.iter().any(|(moment, _)| moment == name), "{name}");
    }
}

/// Text that is often a filter.
fn any_filter() -> impl Strategy<Value = String> {
    let value = prop_oneof![
        "[a-z*.]{1,6}",
        "\"[a-zA-Z *,\\\\:-]{0,6}\"",
        Just("\"\"".to_owned()),
        "[0-9]{1,4}",
        "[0-9]{1,3}(ms|s|m|h|d)",
        "[0-2][0-9]:[0-5][0-9]",
    ];
    let name = prop::sample::select(words::names(None));
    let sign = prop::sample::select(vec![":", ":", ":", "=", ">", ">=", "<", "<="]);
    let term =
        ("-?", prop::option::of((name, sign)), prop::collection::vec(value, 1..3)).prop_map(|(minus, name, values)| {
            let (name, sign) = name.unwrap_or_default();
            format!("{minus}{name}{sign}{}", values.join(","))
        });
    prop::collection::vec(term, 0..5).prop_map(|terms| terms.join(" "))
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(text in any_filter()) {
        if let Ok(filter) = Filter::parse(&text) {
            prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter.clone()), "{}", filter);
            let _ = filter.matches(&alert("a", 1), NOW);
        }
    }

    #[test]
    fn any_text_is_a_filter_or_an_error(text in "\\PC{0,60}") {
        for subject in Subject::ALL {
            if let Ok(filter) = Filter::parse_for(subject, &text) {
                prop_assert_eq!(Filter::parse_for(subject, &filter.to_string()), Ok(filter));
            }
        }
    }

    #[test]
    fn any_bytes_between_signs_are_a_filter_or_an_error(text in "[a-z:\"\\\\*,<>=\\- \u{e9}0-9]{0,40}") {
        if let Ok(filter) = Filter::parse(&text) {
            prop_assert_eq!(Filter::parse(&filter.to_string()), Ok(filter));
        }
    }
}

/// What docs/filter.md says.
fn reference() -> String {
    let mut text = "# Filters\n\n<!-- Made by `UPDATE_DOCS=1 cargo test -p operations filter` from `operations/src/filter/words.rs`. -->\n\n\
        One grammar for pages, the API (`filter=`), `tachograph tail`, `tachograph alerts list` and routes. Terms stand with blanks between them, and all \
        must hold.\n\n```text\nteam:payments,web kind:egress.http outcome:deny host:*.example.com cost>5 -user:bob \"free text\" since:2h until:14:03\n```\n\n\
        * `word:value` compares with the whole value, `*` stands for any characters, commas separate alternatives. What stands in quotes is itself: \
        `command:*\"cargo test\"*`; `\\\"` and `\\\\` in them are a quote and a backslash.\n\
        * `word:*` is any value and `word:\"\"` none. A minus sign before a term says that it must not hold; what is not known does not hold.\n\
        * Numbers are compared with `>`, `>=`, `<`, `<=`: money in USD, durations with a unit (`250ms`, `2s`, `1h`), sizes with `kB`, `MB`, `KiB`, ….\n\
        * A text without a word is searched, whatever the case of letters, in kind, action, target, host, path, rule, model, tool, server, person and \
        workspace of records, and in their content where that is read; in rule, title and reason of alerts.\n\
        * On sessions, words of records ask whether the session has one record for which all of them hold; with a minus sign it must have none.\n\
        * Every other column of the ledger has its own name (`trust:agent`); `column.status` is the column where the name is a word, `record.level` a \
        field of the source's record.\n\n| word | of | what |\n|---|---|---|\n"
        .to_owned();
    for word in words::ALL {
        let of = Subject::ALL.into_iter().filter(|subject| match subject {
            Subject::Sessions => !word.sessions.is_empty(),
            subject => Place::Word(word).is_of(*subject),
        });
        let of: Vec<&str> = of.map(Subject::as_str).collect();
        let names: Vec<String> =
            std::iter::once(&word.word).chain(word.aliases).map(|name| format!("`{name}`")).collect();
        text = format!("{text}| {} | {} | {} |\n", names.join(", "), of.join(", "), word.doc);
    }
    for (word, doc) in words::MOMENTS {
        text = format!("{text}| `{word}` | all | {doc} |\n");
    }
    text
}

/// `UPDATE_DOCS=1 cargo test -p operations filter` writes the file.
#[test]
fn the_reference_is_that_of_the_words() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/filter.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, reference()).unwrap();
    }
    let file = std::fs::read_to_string(path).unwrap_or_default();
    assert!(file == reference(), "docs/filter.md is stale: run UPDATE_DOCS=1 cargo test -p operations filter");
}
