//! What examples do not show: witnesses that the configuration expects, and firewalls by workspace.

use detect_core::parameters::Parameters as _;
use ledger::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::fixtures;
use crate::registry::Rules;
use crate::rule_set::RuleSet;

/// The titles of what the rule opens.
fn found(expected: &[&str], events: &[Value]) -> Vec<String> {
    let mut rules = Rules::off();
    rules.coverage_missing.enabled = true;
    rules.coverage_missing.expected = expected.iter().map(ToString::to_string).collect();
    let mut engine = RuleSet::from(rules).engine(fixtures::key(), Timestamp::EPOCH);
    let findings = detect_core::sample::run(&mut engine, &fixtures::rows(events), 0);
    let opened = findings.alerts().iter().filter(|alert| alert.revision == 1);
    opened.map(|alert| alert.title.clone()).collect()
}

/// A session of twenty events of a kind in as many minutes.
fn session(begin: i64, name: &str, kind: &str) -> Vec<Value> {
    (0..20)
        .map(|number| {
            json!({"second": begin + number * 60, "kind": kind, "family": "workspace", "trust": "agent", "session": name,
                "workspace": format!("w-{name}"), "team": "red"})
        })
        .collect()
}

#[test]
fn what_the_configuration_expects_is_missed_at_once() {
    let events = session(0, "a", "tool.call");
    assert!(found(&[], &events).is_empty());
    assert!(found(&["hooks"], &events).is_empty());
    assert_eq!(found(&["gateway"], &events), ["A session that no gateway sees"]);
    let all = ["A workspace without a firewall", "A session that no gateway sees", "A session without telemetry"];
    assert_eq!(found(&["telemetry", "firewall", "hooks", "gateway"], &events), all);
    let none =
        json!({"second": 0, "kind": "inventory", "action": "managed_settings", "target": "none", "session": "a"});
    assert_eq!(found(&["managed_settings"], &[none]), ["An agent without managed settings"]);
}

#[test]
fn a_firewall_is_missed_in_the_workspace_that_has_none() {
    let asked = |name: &str, second: i64| {
        json!({"second": second, "kind": "egress.http", "family": "boundary", "host": "packages.acme.example", "method": "GET",
            "workspace": format!("w-{name}"), "session": "of-the-firewall", "team": "red"})
    };
    let watched = |number: i64| {
        let name = number.to_string();
        let mut events = session(number * 2_000, &name, "tool.call");
        events.insert(0, asked(&name, number * 2_000));
        events
    };
    let mut events: Vec<Value> = (0..6).flat_map(watched).collect();
    assert!(found(&[], &events).is_empty());
    events.extend(session(20_000, "bare", "tool.call"));
    assert_eq!(found(&[], &events), ["A workspace without a firewall"]);
}

#[test]
fn words_that_name_no_witness_are_refused() {
    let check = |words: &[&str]| {
        let expected = words.iter().map(ToString::to_string).collect();
        Parameters { expected, ..Parameters::default() }.check()
    };
    assert_eq!(check(&["firewall", "managed_settings"]), Ok(()));
    assert!(check(&["fire_wall"]).unwrap_err().contains("firewall, gateway"));
    assert!(check(&["agent"]).is_err());
}
