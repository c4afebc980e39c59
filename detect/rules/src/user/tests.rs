//! What user rules find, which mistakes in them are named, and that their state survives a restart wherever it comes.

use std::path::Path;

use detect_core::engine::Engine;
use detect_core::findings::Findings;
use detect_core::sample::pass;
use ledger::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::fixtures::{self, START};
use crate::rule_set::RuleSet;
use crate::rule_test;

fn read(text: &str) -> Loaded {
    let mut loaded = Loaded::default();
    loaded.add_file(Path::new("a.toml"), text, Depth::Events);
    loaded
}

/// A rule with these lines besides the usual ones.
fn rule(lines: &str) -> String {
    format!(
        "[[rule]]\nname = \"acme.a\"\nseverity = \"low\"\ntitle = \"T\"\nreason = \"R\"\nby = [\"session\"]\n{lines}\n"
    )
}

#[track_caller]
fn one(lines: &str) -> Rule {
    let loaded = read(&rule(lines));
    assert_eq!(loaded.errors, []);
    loaded.rules[0].rule.clone()
}

fn examples_directory() -> Loaded {
    let mut loaded = Loaded::default();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rules");
    for file in std::fs::read_dir(directory).unwrap() {
        let file = file.unwrap().path();
        loaded.add_file(&file, &std::fs::read_to_string(&file).unwrap(), Depth::Events);
    }
    loaded.check_together();
    loaded
}

#[test]
fn the_shipped_rules_are_in_order_and_pass_their_tests() {
    let loaded = examples_directory();
    assert_eq!(loaded.errors, []);
    let operators: std::collections::BTreeSet<&str> =
        loaded.rules.iter().map(|source| source.rule.operator()).collect();
    assert_eq!(operators.len(), OPERATORS.len() + 1, "an example for each operator: {operators:?}");
    for source in &loaded.rules {
        for test in &source.tests {
            let outcome = rule_test::run(&source.rule, test);
            assert!(
                outcome.differences.is_empty(),
                "{}: {}: {:#?}",
                source.rule.form().name,
                outcome.name,
                outcome.differences
            );
        }
    }
    let missing = loaded.warnings.iter().find(|warning| !warning.message.contains("reads content"));
    assert_eq!(missing, None);
}

#[test]
fn mistakes_are_named_with_line_and_column() {
    let check = |lines: &str, place: (usize, usize), says: &str| {
        let errors = read(&rule(lines)).errors;
        assert_eq!(errors.len(), 1, "{lines}: {errors:?}");
        assert!(errors[0].message.contains(says), "{lines} says {}, not {says}", errors[0]);
        assert_eq!(errors[0].place, place, "{lines}: {}", errors[0]);
    };
    check("condition = 'hsot == \"a\"'", (7, 14), "condition: unknown column `hsot`; did you mean `host`?");
    check("condition = '''\n  kind == \"a\" &&\n  prot > 3'''", (9, 3), "did you mean `port`?");
    check(
        "sequence = { within_seconds = 9, steps = ['true', 'host > 3'] }",
        (7, 57),
        "sequence.steps[1]: `>` does not fit",
    );
    check("absence = { within_seconds = 9, expect = 'host' }", (7, 43), "absence.expect: a condition is true or false");
    check("sverity = 3", (7, 1), "did you mean `severity`?");
    check("quiet_seconds = 0", (7, 1), "1 to 2592000");
    check("rate = { events = 1, within_seconds = 9 }", (7, 10), "rate.events is 1; it must be 2 to 1000000");
    check("rate = { events = 9, within = 9 }", (7, 22), "unknown field `within`");
    check("rate = { events = 9, within_seconds = 9 }\nrepeat = { column = 'host', times = 3 }", (7, 1), "one operator");
    check("repeat = { column = 'hots', times = 3 }", (7, 12), "did you mean `host`?");
    check("burn = { column = 'host', budget = 3 }", (7, 10), "holds no numbers");
    check("tags = [3]", (7, 9), "invalid type");
    check(
        "[[rule.test]]\nname = 'x'\nevents = [{ second = 0, knd = 'a' }]",
        (8, 9),
        "unknown column `knd`; did you mean `kind`?",
    );
    check("[[rule.test]]\nname = 'x'\nevents = [{ second = 0, port = 'a' }]", (8, 9), "`port` holds a whole number");
    let check = |from: &str, to: &str, says: &str| {
        let errors = read(&rule("").replace(from, to)).errors;
        assert!(errors[0].message.contains(says), "{}", errors[0]);
    };
    check("acme.a", "egress.mine", "those of built-in detectors");
    check("acme.a", "Acme", "two or more words");
    check("\"low\"", "\"bad\"", "unknown variant `bad`");
    check("session", "file", "made from content");
    check("session", "port", "holds numbers");
    check("\"T\"", "\"{command}\"", "title: `command` is made from content");
    check("name = \"acme.a\"", "name =", "string");
    check("title = \"T\"\n", "", "missing field `title`");
    let mut twice = read(&rule(""));
    twice.add_file(Path::new("b.toml"), &rule(""), Depth::Events);
    assert_eq!(twice.errors, []);
    twice.check_together();
    assert!(
        twice.errors[0].to_string().contains("b.toml:1:1: acme.a: the name is taken by a.toml:1"),
        "{}",
        twice.errors[0]
    );
}

#[test]
fn who_runs_rules_builds_no_events_of_their_tests() {
    let errors = |lines: &str, depth: Depth| {
        let mut loaded = Loaded::default();
        loaded.add_file(Path::new("a.toml"), &rule(&format!("[[rule.test]]\nname = 'x'\n{lines}")), depth);
        loaded.errors.len()
    };
    let (odd, malformed) = ("events = [{ second = 0, knd = 'a', repeat = 99999 }]", "events = 3");
    assert_eq!([errors(odd, Depth::Form), errors(odd, Depth::Events)], [0, 1]);
    assert_eq!([errors(malformed, Depth::Form), errors(malformed, Depth::Events)], [1, 1]);
}

#[test]
fn a_rule_is_recorded_as_it_is_written_and_a_changed_one_starts_anew() {
    let old = one("condition = 'kind == \"a\"'\nrate = { events = 3, within_seconds = 60 }");
    let set = RuleSet::only_user(vec![old.clone()]);
    let json = serde_json::to_string(&set).unwrap();
    assert_eq!(serde_json::from_str::<RuleSet>(&json).unwrap(), set);
    assert_eq!(
        serde_json::from_str::<RuleSet>(r#"{"rules":{}}"#).unwrap(),
        RuleSet::default(),
        "before there were user rules"
    );
    let event = |second: i64| json!({"second": second, "kind": "a", "session": "s"});
    let rows = fixtures::rows(&[event(0), event(1), event(2)]);
    let alerts_after = |new: &Rule| {
        let mut engine = set.engine(fixtures::key(), Timestamp::EPOCH);
        let mut findings = Findings::new();
        for (number, row) in rows.iter().enumerate() {
            if number == 2 {
                engine = engine.with_parts(RuleSet::only_user(vec![new.clone()]).build(fixtures::key())).unwrap();
            }
            engine.observe(&row, &mut findings);
        }
        findings.take().len()
    };
    let mut form = old.form().clone();
    assert_eq!(alerts_after(&old), 1);
    form.reason = "Other words.".to_owned();
    assert_eq!(alerts_after(&Rule::try_from(form.clone()).unwrap()), 1, "words are not what a state means");
    form.condition = "kind == 'a' && true".to_owned();
    assert_eq!(alerts_after(&Rule::try_from(form).unwrap()), 0, "another condition counts from the start");
}

#[test]
fn what_was_recorded_is_read_whatever_is_asked_of_rules_by_now() {
    let mut form = one("condition = 'kind == \"a\"'").form().clone();
    form.name = "egress.mine".to_owned();
    form.why = "x".repeat(2_000);
    assert!(Rule::written(form.clone()).is_err());
    let mut set = serde_json::json!({"rules": {}, "user": [form]});
    let mut gone = set["user"][0].clone();
    gone["condition"] = json!("hsot == 'a'");
    set["user"].as_array_mut().unwrap().push(gone);
    let read: RuleSet = serde_json::from_value(set).unwrap();
    assert_eq!(read.user.iter().map(|rule| rule.form().name.as_str()).collect::<Vec<_>>(), ["egress.mine"]);
}

#[test]
fn what_cannot_be_computed_is_no_match_and_is_counted() {
    let set = RuleSet::only_user(vec![one("condition = 'status / port > 3'")]);
    let mut engine = set.engine(fixtures::key(), Timestamp::EPOCH);
    let mut findings = Findings::new();
    let rows = fixtures::rows(&[
        json!({"second": 0, "session": "s", "status": 8, "port": 0}),
        json!({"second": 0, "session": "s", "status": 8}),
        json!({"second": 0, "session": "s", "status": 8, "port": 2}),
    ]);
    rows.iter().for_each(|row| engine.observe(&row, &mut findings));
    assert_eq!((findings.alerts().len(), findings.take_failed().get("acme.a")), (1, Some(&1)));
    // The conditions of operators count as well, each once for an event.
    for (operator, failures) in [
        ("sequence = { within_seconds = 9, steps = ['status / port > 9', 'status / port > 3', 'true'] }", 2),
        ("absence = { within_seconds = 9, expect = 'status / port > 9' }", 1),
    ] {
        let set = RuleSet::only_user(vec![one(operator)]);
        let mut engine = set.engine(fixtures::key(), Timestamp::EPOCH);
        rows.iter().for_each(|row| engine.observe(&row, &mut findings));
        assert_eq!(findings.take_failed().get("acme.a"), Some(&failures), "{operator}");
    }
}

#[test]
fn a_time_that_an_agent_tells_ends_no_learning_and_no_chain() {
    let alerts = |lines: &str, events: &[Value]| {
        let set = RuleSet::only_user(vec![one(lines)]);
        let mut engine = set.engine(fixtures::key(), Timestamp::EPOCH);
        detect_core::sample::run(&mut engine, &fixtures::rows(events), 0).take().len()
    };
    let event =
        |second: i64, time: i64, host: &str| json!({"second": second, "session": "s", "host": host, "time": time});
    let live = |second: i64, host: &str| event(second, (START + second) * 1_000_000, host);
    for operator in
        ["first_seen = { column = 'host' }", "rarity = { column = 'host', fewer_than = 1, within_days = 1 }"]
    {
        let events = [event(0, 0, "a"), live(10, "b"), live(86_399, "c")];
        assert_eq!(alerts(operator, &events), 0, "{operator}");
        let events = [event(0, 0, "a"), live(10, "b"), event(86_400, 0, "c")];
        assert_eq!(alerts(operator, &events), 1, "{operator}");
    }
    let repeat = "repeat = { column = 'host', times = 3, gap_seconds = 60 }";
    assert_eq!(alerts(repeat, &[live(0, "a"), event(1, 0, "a"), live(2, "a")]), 1);
    let sequence = "sequence = { within_seconds = 60, steps = [\"host == 'a'\", \"host == 'b'\"] }";
    assert_eq!(alerts(sequence, &[live(0, "a"), event(1, 0, "a"), live(2, "b")]), 1);
    // Recorded before the first start, and from the future: it is backfill too.
    let set = RuleSet::only_user(vec![one("rate = { events = 2, within_seconds = 60 }")]);
    let mut engine = set.engine(fixtures::key(), Timestamp::from_unix_seconds(START + 1));
    let events = [event(0, i64::MAX, "a"), live(1_000, "a"), live(2_000, "a")];
    assert_eq!(detect_core::sample::run(&mut engine, &fixtures::rows(&events), 0).take().len(), 0);
}

#[test]
fn silence_during_an_outage_means_nothing_and_a_sign_of_life_ends_it() {
    let set = RuleSet::only_user(vec![one("absence = { within_seconds = 60 }\nquiet_seconds = 100000")]);
    let mut engine = set.engine(fixtures::key(), Timestamp::EPOCH);
    let mut findings = Findings::new();
    let rows = fixtures::rows(&[
        json!({"second": 0, "session": "x".repeat(400)}),
        json!({"second": 2_000, "session": "x".repeat(400)}),
    ]);
    engine.observe(&rows.get(0).unwrap(), &mut findings);
    engine.advance(START + 1_000, true, &mut findings);
    pass(&mut engine, START + 1_059, &mut findings);
    assert_eq!(findings.alerts().len(), 0);
    pass(&mut engine, START + 1_060, &mut findings);
    engine = Engine::restore(&engine.snapshot().unwrap(), set.build(fixtures::key()), fixtures::key()).unwrap();
    pass(&mut engine, START + 2_000, &mut findings);
    engine.observe(&rows.get(1).unwrap(), &mut findings);
    let states: Vec<&str> = findings.alerts().iter().map(|alert| alert.state.as_str()).collect();
    assert_eq!(states, ["open", "resolved"]);
}

#[test]
fn many_rules_share_one_room_and_who_brings_many_keys_loses_its_own() {
    let rules = |count: usize| {
        let text = rule("rate = { events = 2, within_seconds = 600000 }");
        let one = |at: usize| read(&text.replace("acme.a", &format!("acme.r{at}"))).rules[0].rule.clone();
        RuleSet::only_user((0..count).map(one).collect())
    };
    let event = |session: &str, user: &str| json!({"second": 0, "session": session, "user": user});
    let mut flood = event("b{n}", "b");
    flood["repeat"] = json!(1_500);
    let events = [event("a", "a"), event("b", "b"), flood, event("a", "a"), event("b", "b")];
    let told = |count: usize| {
        let mut engine = rules(count).engine(fixtures::key(), Timestamp::EPOCH);
        let alerts = detect_core::sample::run(&mut engine, &fixtures::rows(&events), 0).take();
        let mine = alerts.iter().filter(|alert| alert.rule == "acme.r0");
        mine.map(|alert| alert.who.session.clone().unwrap_or_default()).collect::<Vec<_>>()
    };
    assert_eq!(told(1), ["a", "b"]);
    assert_eq!(told(crate::limits::USER_RULES_MAX), ["a"], "each rule has fewer states, and b brought too many");
}

/// Rules of every operator with parameters that a few events reach.
fn small_rules() -> Vec<Rule> {
    let operators = [
        "",
        "repeat = { column = 'host', times = 2, gap_seconds = 5 }",
        "rate = { events = 2, within_seconds = 9 }",
        "distinct = { column = 'host', values = 2, within_seconds = 9 }",
        "first_seen = { column = 'host', learning_hours = 0, forget_days = 1 }",
        "rarity = { column = 'host', fewer_than = 1, within_days = 1, learning_hours = 0 }",
        "burn = { column = 'cost_micros', budget = 720, windows = [{ long_seconds = 60, short_seconds = 9, rate_percent = 900 }] }",
        "sequence = { steps = [\"host == 'a'\", 'port > 3', 'true'], within_seconds = 20 }",
        "absence = { expect = 'port > 5', within_seconds = 4 }",
        "absence = { within_seconds = 7 }",
    ];
    let rules = operators.iter().enumerate().map(|(at, operator)| {
        let by = ["[\"session\"]", "[]", "[\"session\", \"user\"]"][at % 3];
        let text = rule(&format!("condition = \"kind == 'a'\"\nquiet_seconds = {}\n{operator}", 5 + at * 3));
        let loaded = read(&text.replace("acme.a", &format!("acme.r{at}")).replace("[\"session\"]", by));
        assert_eq!(loaded.errors, [], "{operator}");
        loaded.rules[0].rule.clone()
    });
    rules.collect()
}

fn event() -> impl Strategy<Value = (Value, i64)> {
    ("[ab]", "[abc]", prop_oneof![Just("u".to_owned()), "\\PC{0,3}"], 0i64..9, 0i64..12, any::<bool>()).prop_map(
        |(session, host, user, port, gap, old)| {
            let kind = if port == 8 { "b" } else { "a" };
            let mut event =
                json!({"kind": kind, "session": session, "host": host, "user": user, "port": port, "cost_micros": gap});
            match gap {
                3 if old => event["time"] = json!((START - 100_000 + gap) * 1_000_000),
                7 if old => event["time"] = json!(i64::MIN),
                7 => event["time"] = json!(i64::MAX),
                8 if old => event["cost_micros"] = json!(i64::MAX),
                _ => {}
            }
            (event, gap)
        },
    )
}

proptest! {
    #[test]
    fn a_restored_engine_finds_the_same(steps in proptest::collection::vec(event(), 1..80), cut in 0usize..80) {
        let (events, second) = fixtures::timed(steps);
        let rules = RuleSet::only_user(small_rules());
        let rows = fixtures::rows(&events);
        let mut whole = rules.engine(fixtures::key(), Timestamp::EPOCH);
        let expected = detect_core::sample::run(&mut whole, &rows, second + 100);
        let mut engine = rules.engine(fixtures::key(), Timestamp::EPOCH);
        let mut findings = Findings::new();
        for (number, row) in rows.iter().enumerate() {
            if number == cut.min(events.len() - 1) {
                engine = Engine::restore(&engine.snapshot().unwrap(), rules.build(fixtures::key()), fixtures::key()).unwrap();
            }
            pass(&mut engine, row.recorded.unix_seconds(), &mut findings);
            engine.observe(&row, &mut findings);
        }
        pass(&mut engine, START + second + 100, &mut findings);
        prop_assert_eq!(findings.alerts(), expected.alerts());
        prop_assert_eq!(engine.snapshot().unwrap(), whole.snapshot().unwrap());
    }

    #[test]
    fn no_file_makes_the_reader_panic(text in any::<String>(), cut in 0usize..900, noise in "[-a-z{}\\[\\]='\"\n0-9]{0,8}") {
        read(&text);
        let whole = rule("condition = 'kind == \"a\"'\nrate = { events = 3, within_seconds = 60 }\n[[rule.test]]\nname = 'n'\nevents = [{ second = 0, repeat = 2, kind = 'a' }]");
        let cut = whole.floor_char_boundary(cut.min(whole.len()));
        for source in &read(&format!("{}{noise}{}", &whole[..cut], &whole[cut..])).rules {
            source.tests.iter().for_each(|test| _ = rule_test::run(&source.rule, test));
        }
    }
}
