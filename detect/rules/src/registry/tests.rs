//! Tests over the list: the examples hold, names are well formed, and every detector keeps the contract.

use std::collections::BTreeSet;

use detect_core::engine::Engine;
use detect_core::findings::Findings;
use detect_core::sample::{self, pass};
use ledger::Timestamp;
use operations::alert::Alert;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::fixtures::{self, START};
use crate::rule_set::RuleSet;

/// Feeds events one by one with every second in between, and lets time pass until `until`.
fn run(engine: &mut Engine, events: &[Value], until: i64) -> Findings {
    sample::run(engine, &fixtures::rows(events), until)
}

#[test]
fn every_example_gives_exactly_its_alerts() {
    for spec in DETECTORS {
        assert!(spec.examples.iter().any(|example| example.alerts.is_empty()), "{}: a quiet example", spec.name);
        assert!(spec.examples.iter().any(|example| !example.alerts.is_empty()), "{}: a firing example", spec.name);
        for outcome in crate::rule_test::examples(spec) {
            assert!(outcome.differences.is_empty(), "{}: {}: {:#?}", spec.name, outcome.name, outcome.differences);
        }
    }
}

/// What the alerts of a rule are about, each once.
fn subjects(rule: &str, findings: &Findings) -> BTreeSet<String> {
    let opened =
        findings.alerts().iter().filter(|alert| alert.rule == rule && alert.state == operations::alert::State::Open);
    opened.map(|alert| format!("{} {} {:?}", alert.rule, alert.title, alert.who)).collect()
}

/// Loads the events of an example at once, long after they happened.
fn load_at_once(spec: &Spec, example: &detect_core::spec::Example) -> BTreeSet<String> {
    const LATER: i64 = 20 * 86_400;
    let mut entries: Vec<Value> = example.events.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    for event in &mut entries {
        let second = event["second"].as_i64().unwrap();
        if event.get("time").is_none() {
            event["time"] = json!((START + second) * 1_000_000);
        }
        let mut marks = event["marks"].as_array().cloned().unwrap_or_default();
        marks.push(json!("backfill"));
        (event["second"], event["marks"]) = (json!(LATER), json!(marks));
    }
    let mut engine = RuleSet::default().engine(fixtures::key(), Timestamp::EPOCH);
    subjects(spec.name, &sample::run(&mut engine, &fixtures::rows(&entries), LATER + 100_000))
}

#[test]
fn loading_at_once_gives_what_living_through_gave_or_nothing() {
    // They judge the time of records itself, or how a source behaves now.
    const NOW: [&str; 3] = ["clock.skew", "collector.silent", "ledger.gap"];
    let (mut more, mut found) = (Vec::new(), BTreeSet::new());
    for spec in DETECTORS.iter().filter(|spec| !NOW.contains(&spec.name)) {
        for example in spec.examples {
            let events: Vec<Value> = example.events.iter().map(|event| serde_json::from_str(event).unwrap()).collect();
            let mut engine = RuleSet::default().engine(fixtures::key(), Timestamp::EPOCH);
            let lived = subjects(spec.name, &run(&mut engine, &events, example.until));
            let loaded = load_at_once(spec, example);
            let new: Vec<&String> = loaded.difference(&lived).collect();
            if !loaded.is_empty() {
                found.insert(spec.name);
            }
            if !new.is_empty() {
                more.push(format!("{}: {}: {new:?}", spec.name, example.name));
            }
        }
    }
    assert!(more.is_empty(), "{more:#?}");
    assert!(found.len() >= 15, "these alone find something: {found:?}");
}

#[test]
fn rules_measure_what_their_sentences_state() {
    // They say that something is so, not how much of it.
    const WITHOUT: [&str; 2] = ["egress.typosquat", "policy.weak"];
    for spec in DETECTORS {
        let mut measured = 0;
        for alert in spec.examples.iter().flat_map(|example| crate::rule_test::alerts(spec, example).unwrap()) {
            let Some(measurement) = alert.measured else { continue };
            assert!(!measurement.what.is_empty() && measurement.observed >= 0, "{}: {measurement:?}", spec.name);
            let before = measurement.last.len() as u32;
            assert_eq!(before, alert.revision - 1, "{}: a value for each time that it spoke before", spec.name);
            measured += 1;
        }
        assert_eq!(measured == 0, WITHOUT.contains(&spec.name), "{}", spec.name);
    }
}

#[test]
fn texts_of_the_reference_are_complete() {
    for spec in DETECTORS {
        assert!(spec.name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'.'), "{}", spec.name);
        for text in [spec.what, spec.why, spec.false_positives, spec.tuning] {
            assert!(text.ends_with('.') && text.len() > 20, "{}: {text}", spec.name);
        }
        assert!(!spec.tags.is_empty(), "{}", spec.name);
    }
}

#[test]
fn every_parameter_has_its_meaning_and_its_default_lies_in_its_range() {
    let defaults = serde_json::to_value(Rules::default()).unwrap();
    let schema = schemars::schema_for!(Rules).to_value();
    let mut bounded = 0;
    for spec in DETECTORS {
        let defaults = defaults[spec.name].as_object().unwrap();
        let table = schema["properties"][spec.name]["$ref"].as_str().unwrap().strip_prefix('#').unwrap();
        let properties = schema.pointer(table).unwrap()["properties"].as_object().unwrap();
        let names = |of: &serde_json::Map<String, Value>| of.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(names(properties), names(defaults), "{}", spec.name);
        for (name, property) in properties {
            let text = property["description"].as_str().unwrap();
            assert!(text.ends_with('.') && text.len() > 20, "{}: {name}: {text}", spec.name);
            let default = &defaults[name];
            assert_eq!(&property["default"], default, "{}: {name}", spec.name);
            let [least, greatest] = ["minimum", "maximum"].map(|bound| property[bound].as_i64());
            let lies = |value: i64| {
                least.is_none_or(|least| least <= value) && greatest.is_none_or(|greatest| value <= greatest)
            };
            assert!(default.as_i64().is_none_or(lies), "{}: {name}: {default}", spec.name);
            bounded += usize::from(greatest.is_some());
            for value in [least.map(|least| least - 1), greatest.map(|greatest| greatest + 1)].into_iter().flatten() {
                let set = json!({ spec.name: { name: value } });
                let refused = serde_json::from_value::<Rules>(set).is_ok_and(|rules| {
                    rules.check().is_err_and(|error| error.rule == spec.name && error.message.contains(name.as_str()))
                });
                assert!(refused || value < 0, "{}: {name} = {value}", spec.name);
            }
        }
    }
    assert!(bounded > DETECTORS.len(), "{bounded} have a range");
}

/// Events over few names, so that episodes meet; some old, some with secrets, some with hostile texts.
fn event() -> impl Strategy<Value = (Value, i64)> {
    let name = prop_oneof!["[ab]", Just("\u{0}many".to_owned()), "\\PC{0,3}"];
    (0u8..19, name.clone(), name, 0i64..40, any::<bool>()).prop_map(|(form, who, domain, gap, old)| {
        let (kind, outcome, method) = match form {
            0 => ("egress.http", "allow", "GET"),
            1..=3 => ("egress.http", "deny", "POST"),
            4 => ("egress.http", "blocked", "put"),
            5 => ("file.read", "success", "GET"),
            6..=9 => ("command", "error", ""),
            10 | 15 => ("tool.call", "success", ""),
            11 => ("model.tokens", "error", ""),
            12 => ("approval", "deny", ""),
            13..=14 => ("egress.http", "allow", "POST"),
            _ => ("audit", "deny", "POST"),
        };
        let mut event = json!({"kind": kind, "outcome": outcome, "method": method, "domain": domain, "workspace": who});
        match form {
            5 => event["file"] = json!("/x/.env"),
            6..=10 | 12 => {
                event["action_fp"] = json!(gap % 2);
                event["result_fp"] = json!(i64::from(form / 9));
                event["command"] = json!("sudo rm -rf /");
                event["tool"] = json!(domain);
            }
            11 => {
                event["cost_micros"] = json!(gap * 100_000);
                event["status"] = json!(429);
            }
            14 => {
                event["rule"] = json!("domain=*");
                event["redactions"] = json!(["jwt:url:9"]);
            }
            15 => event["command"] = json!("npm i lodahs; boundary --use-real-dns -- bash"),
            _ => {}
        }
        if gap % 3 == 0 {
            event["stream"] = json!("s");
            event["stream_seq"] = json!(gap / 3 * i64::from(form));
            event["collector"] = json!(domain);
        }
        if form >= 17 {
            event["kind"] = json!("model.tokens");
            event["family"] = json!(if form == 17 { "gateway" } else { "workspace" });
            event["model"] = event["domain"].clone();
            event["tokens_in"] = json!(gap * 40_000);
            if gap % 3 > 0 {
                event["cost_micros"] = json!(gap * 1_500_000);
            }
        }
        if old {
            event["time"] = json!(START - 100_000);
        }
        (event, gap)
    })
}

/// Parameters so low that the few events of a case are enough.
fn eager(quiet: u32) -> RuleSet {
    let mut rules = Rules::default();
    rules.egress_denied_post.quiet_seconds = quiet;
    rules.egress_new_domain.learning_hours = 0;
    rules.egress_denied_burst.requests = 3;
    (rules.egress_slow_post.writes, rules.egress_slow_post.stretches) = (2, 2);
    rules.egress_slow_post.stretch_seconds = 1;
    (rules.egress_beacon.callbacks, rules.egress_beacon.minutes) = (8, 0);
    rules.file_unusual.deletes = 2;
    (rules.source_disagreement.calls, rules.source_disagreement.silent_seconds) = (2, 1);
    rules.coverage_missing.hook_failures = 1;
    rules.coverage_missing.expected = ["firewall", "gateway", "hooks"].map(str::to_owned).to_vec();
    rules.resource_excess.hold_seconds = 1;
    rules.mcp_new_server.learning_hours = 0;
    RuleSet::from(rules)
}

/// Kinds of events that rules look at, and some that they do not.
const KINDS: [&str; 31] = [
    "egress.http",
    "egress.dns",
    "inventory",
    "credential",
    "review",
    "sensor.alert",
    "process.exec",
    "metric",
    "model.summary",
    "session.start",
    "dns.query",
    "tool.result",
    "command",
    "file.read",
    "file.write",
    "file.delete",
    "tool.call",
    "model.call",
    "model.call.end",
    "model.tokens",
    "approval",
    "check.result",
    "loss",
    "boundary.failure",
    "boundary.start",
    "resource",
    "connection",
    "audit",
    "workspace.build",
    "prompt",
    "session.end",
];

/// Events of any kind with any columns, those included that no source sends together.
fn odd_event() -> impl Strategy<Value = (Value, i64)> {
    (0..KINDS.len(), any::<u32>(), 0i64..3, 0i64..40).prop_map(|(kind, columns, value, gap)| {
        let mut event = json!({"kind": KINDS[kind], "workspace": "w", "session": "s", "collector": "c", "user": "u"});
        let mark = ["conflict", "void:tokens_in", "void:port"][value as usize];
        let values = [
            ("outcome", json!(["error", "deny", "success"][value as usize])),
            ("method", json!("POST")),
            ("domain", json!(["new.example", "lodahs.example", "acme.example"][value as usize])),
            ("rule", json!("domain=*")),
            ("command", json!(["rm -rf .", "sudo boundary --use-real-dns", "npm i lodahs"][value as usize])),
            ("file", json!(["/x/.env", "/etc/passwd", "/w/boundary.yaml"][value as usize])),
            ("redactions", json!(["jwt:url:9"])),
            ("cost_micros", json!(value * 60_000_000)),
            ("tokens_in", json!(value * 1_000_000)),
            ("model", json!("m")),
            ("stream", json!("s")),
            ("stream_seq", json!(value * 7)),
            ("action_fp", json!(value / 2)),
            ("result_fp", json!(1)),
            ("status", json!(429)),
            ("exit_code", json!(value)),
            ("tool", json!("Bash")),
            ("tool_call", json!(gap.to_string())),
            ("action", json!("connect_audit_socket")),
            ("record", json!(r#"{"cwd":"/x"}"#)),
            ("family", json!(["gateway", "workspace", "boundary"][value as usize])),
            ("marks", json!([mark])),
            ("trust", json!(["agent", "workspace", "gateway"][value as usize])),
            ("token", json!("t")),
            ("agent", json!(["a", "b", "c"][value as usize])),
            ("action", json!(["hook_failed", "used", "pull_request.merged"][value as usize])),
            ("target", json!(["disabled", "none", "acme/web#7"][value as usize])),
            ("amount", json!([9, 900, 900_000_000][value as usize])),
            ("amount_max", json!(10)),
            ("mcp_server", json!(["github", "http://mcp.acme.example", "http://203.0.113.9/sse"][value as usize])),
            ("actor", json!(["person", "automation", "sub_agent"][value as usize])),
        ];
        for (at, (name, value)) in values.into_iter().enumerate() {
            if columns >> at & 1 == 1 {
                event[name] = value;
            }
        }
        (event, gap)
    })
}

/// Numbers that no arithmetic may stumble over.
fn extreme() -> impl Strategy<Value = i64> {
    let now = (START + 40) * 1_000_000;
    prop_oneof![
        Just(i64::MIN),
        Just(i64::MAX),
        Just(i64::MIN / 1_000_000),
        Just(-1),
        Just(0),
        now - 5_000_000..now,
        any::<i64>()
    ]
}

#[test]
fn an_event_that_says_that_it_comes_from_the_future_hides_nothing() {
    let asked = |second: i64, outcome: &str| {
        json!({"second": second, "kind": "egress.http", "workspace": "w", "outcome": outcome, "method": "GET",
            "host": "rare.example", "domain": "rare.example", "path": format!("/{second}")})
    };
    let failed =
        |second: i64| json!({"second": second, "kind": "model.call", "model": "m", "status": 529, "session": "s"});
    let callbacks: Vec<Value> = (0..20).map(|number| asked(number * 60, "allow")).collect();
    let refusals: Vec<Value> = (0..20).map(|number| asked(number, "deny")).collect();
    let errors: Vec<Value> = (0..20).map(failed).collect();
    for (rule, events) in
        [("egress.beacon", callbacks), ("egress.denied_burst", refusals), ("loop.retry_storm", errors)]
    {
        for forged in [0, 4, 5, 9] {
            let mut events = events.clone();
            events[forged]["time"] = json!(i64::MAX);
            let told = run(&mut eager(30).engine(fixtures::key(), Timestamp::EPOCH), &events, 0);
            let alert = told.alerts().iter().find(|alert| alert.rule == rule);
            let alert = alert.unwrap_or_else(|| panic!("{rule} is hidden by event {forged}"));
            assert!(alert.last_seen <= alert.recorded_last, "{rule} ends in the future");
        }
    }
}

proptest! {
    #[test]
    fn no_time_and_no_number_of_an_event_makes_a_detector_panic(
        steps in proptest::collection::vec((prop_oneof![event(), odd_event()], 0usize..24, extreme(), extreme()), 1..80),
    ) {
        let mut second = 0;
        let events: Vec<Value> = steps.into_iter().map(|((mut event, gap), which, time, number)| {
            second += gap % 3;
            event["second"] = json!(second);
            event["time"] = json!(time);
            match which {
                0..=3 => event["observed"] = json!(number),
                4 | 5 => event["stream_seq"] = json!(number),
                6 | 7 => event["cost_micros"] = json!(number),
                8 | 9 => event["cost_source_micros"] = json!(number),
                10 | 11 => event["tokens_in"] = json!(number),
                12 => event["tokens_cache_read"] = json!(number),
                13 => event["bytes_out"] = json!(number),
                14 => event["status"] = json!(number),
                15 => event["exit_code"] = json!(number),
                16 => event["time"] = json!(null),
                _ => {}
            }
            if event["time"].is_null() {
                event.as_object_mut().unwrap().remove("time");
            }
            event
        }).collect();
        let mut engine = eager(30).engine(fixtures::key(), Timestamp::EPOCH);
        run(&mut engine, &events, second + 100);
        prop_assert!(engine.snapshot().is_ok());
    }

    #[test]
    fn what_a_detector_does_not_look_at_changes_nothing(
        steps in proptest::collection::vec(prop_oneof![event(), odd_event()], 1..80),
    ) {
        let (events, second) = fixtures::timed(steps);
        let rules = eager(30);
        let mut all = rules.engine(fixtures::key(), Timestamp::EPOCH);
        all.show_everything();
        let expected = run(&mut all, &events, second + 100);
        let found = run(&mut rules.engine(fixtures::key(), Timestamp::EPOCH), &events, second + 100);
        for spec in DETECTORS {
            let of = |findings: &Findings| -> Vec<Alert> {
                findings.alerts().iter().filter(|alert| alert.rule == spec.name).cloned().collect()
            };
            prop_assert_eq!(of(&found), of(&expected), "{}", spec.name);
        }
    }

    #[test]
    fn a_restored_engine_finds_the_same(
        steps in proptest::collection::vec(prop_oneof![event(), odd_event()], 1..60), cut in 0usize..60, quiet in 1u32..60,
    ) {
        let (events, second) = fixtures::timed(steps);
        let rules = eager(quiet);
        let mut whole = rules.engine(fixtures::key(), Timestamp::EPOCH);
        let expected = run(&mut whole, &events, second + 100);

        let cut = cut.min(events.len());
        let rows = fixtures::rows(&events);
        let mut engine = rules.engine(fixtures::key(), Timestamp::EPOCH);
        let mut findings = Findings::new();
        for (number, row) in rows.iter().enumerate() {
            if number == cut {
                engine = Engine::restore(&engine.snapshot().unwrap(), rules.build(fixtures::key()), fixtures::key()).unwrap();
            }
            pass(&mut engine, row.recorded.unix_seconds(), &mut findings);
            engine.observe(&row, &mut findings);
        }
        pass(&mut engine, START + second + 100, &mut findings);
        prop_assert_eq!(findings.alerts(), expected.alerts());
        prop_assert_eq!(engine.snapshot().unwrap(), whole.snapshot().unwrap());
    }
}
