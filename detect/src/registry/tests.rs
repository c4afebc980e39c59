//! Tests over the list: the examples hold, names are well formed, and every detector keeps the contract.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::detector::Findings;
use crate::engine::Engine;
use crate::fixtures::{self, START};
use crate::rule_set::RuleSet;
use crate::sample::{self, pass};

/// Feeds events one by one with every second in between, and lets time pass until `until`.
fn run(engine: &mut Engine, events: &[Value], until: i64) -> Findings {
    sample::run(engine, &fixtures::rows(events), until)
}

#[test]
fn every_example_gives_exactly_its_alerts() {
    for spec in DETECTORS {
        assert!(spec.examples.iter().any(|example| example.alerts.is_empty()), "{}: a quiet example", spec.name);
        assert!(spec.examples.iter().any(|example| !example.alerts.is_empty()), "{}: a firing example", spec.name);
        for outcome in crate::user::examples(spec) {
            assert!(outcome.differences.is_empty(), "{}: {}: {:#?}", spec.name, outcome.name, outcome.differences);
        }
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

proptest! {
    #[test]
    fn a_restored_engine_finds_the_same(steps in proptest::collection::vec(event(), 1..60), cut in 0usize..60, quiet in 1u32..60) {
        let mut second = 0;
        let events: Vec<Value> = steps.into_iter().map(|(mut event, gap)| {
            second += gap;
            event["second"] = json!(second);
            event
        }).collect();
        let mut rules = Rules::default();
        rules.egress_denied_post.quiet_seconds = quiet;
        // So low that the few events of a case are enough.
        rules.egress_new_domain.learning_hours = 0;
        rules.egress_denied_burst.requests = 3;
        (rules.egress_slow_post.writes, rules.egress_slow_post.stretches) = (2, 2);
        rules.egress_slow_post.stretch_seconds = 1;
        (rules.egress_beacon.callbacks, rules.egress_beacon.minutes) = (8, 0);
        let rules = RuleSet::from(rules);
        let mut whole = Engine::new(&rules, fixtures::key(), 0);
        let expected = run(&mut whole, &events, second + 100);

        let cut = cut.min(events.len());
        let rows = fixtures::rows(&events);
        let mut engine = Engine::new(&rules, fixtures::key(), 0);
        let mut findings = Findings::new();
        for (number, row) in rows.iter().enumerate() {
            if number == cut {
                engine = Engine::restore(&engine.snapshot().unwrap(), fixtures::key()).unwrap();
            }
            pass(&mut engine, row.recorded.div_euclid(1_000_000), &mut findings);
            engine.observe(&row, &mut findings);
        }
        pass(&mut engine, START + second + 100, &mut findings);
        prop_assert_eq!(findings.alerts(), expected.alerts());
        prop_assert_eq!(engine.snapshot().unwrap(), whole.snapshot().unwrap());
    }
}
