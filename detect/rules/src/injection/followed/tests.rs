//! Tests of `injection.followed` on what intake writes.

use detect_core::sample;
use ledger::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::rule_set::RuleSet;

/// The worst severity of what is told of these events, and the words of its reason.
fn worst(events: &[Value]) -> Option<(Severity, String)> {
    let rows = sample::rows(events).unwrap();
    let mut engine = RuleSet::default().engine(sample::key(), Timestamp::EPOCH);
    let alerts = sample::run(&mut engine, &rows, 600).take();
    let own = alerts.into_iter().filter(|alert| alert.rule == SPEC.name);
    own.map(|alert| (alert.severity, alert.reason)).max_by_key(|(severity, _)| *severity)
}

/// A session: what the person asked for, a result with these signs that names `email`, and an action.
fn session(asks: &[&str], signs: &[&str], action: &Value) -> Vec<Value> {
    let mut action = action.clone();
    (action["session"], action["second"]) = (json!("s"), json!(9));
    vec![
        json!({"second": 0, "kind": "prompt", "session": "s", "text_signs": asks}),
        json!({"second": 5, "kind": "tool.result", "session": "s", "tool": "read", "text_signs": signs, "named": ["told:email:00000000000a"]}),
        action,
    ]
}

fn sends(kind: &str) -> Value {
    json!({"kind": kind, "tool": "mail_send", "effects": ["send"], "named": ["email:00000000000a"]})
}

#[test]
fn how_bad_it_is_follows_from_the_text_and_from_what_was_done() {
    let check = |asks: &[&str], signs: &[&str], action: &Value, severity: Option<Severity>| {
        let found = worst(&session(asks, signs, action));
        assert_eq!(found.as_ref().map(|(severity, _)| *severity), severity, "{asks:?} {signs:?} {action}: {found:?}");
    };
    let hostile = ["instructions", "override"];
    check(&[], &hostile, &sends("tool.result"), Some(Severity::Critical));
    check(&["asks.send"], &hostile, &sends("tool.result"), Some(Severity::Critical));
    check(&[], &hostile, &sends("tool.call"), Some(Severity::High));
    check(&[], &["instructions", "addressed"], &sends("tool.result"), Some(Severity::High));
    check(&[], &["instructions"], &sends("tool.result"), Some(Severity::High));
    // Who asked for mails gets mails, unless the text is hostile; and who asked to do what a text says gets that.
    check(&["asks.send"], &["instructions"], &sends("tool.result"), None);
    check(&["asks.delegate"], &["instructions"], &sends("tool.result"), None);
    let reads = json!({"kind": "file.read", "tool": "Read", "effects": ["read"], "named": ["path:00000000000b"]});
    check(&[], &hostile, &reads, None);
    let fetches =
        json!({"kind": "tool.result", "tool": "fetch", "effects": ["download"], "named": ["email:00000000000a"]});
    check(&[], &hostile, &fetches, Some(Severity::High));
    check(&[], &["instructions"], &fetches, None);
    // It names nothing of the text, and does what it never did.
    let other =
        json!({"kind": "tool.result", "tool": "mail_send", "effects": ["send"], "named": ["email:00000000000f"]});
    check(&[], &hostile, &other, Some(Severity::Medium));
    check(&["asks.send"], &hostile, &other, None);
    check(&[], &["instructions"], &other, None);
}

#[test]
fn what_was_used_before_or_is_too_old_is_none_of_the_text() {
    let hostile = ["instructions", "override"];
    let mut events = session(&["asks.send"], &hostile, &sends("tool.result"));
    let mut before = sends("tool.result");
    (before["session"], before["second"]) = (json!("s"), json!(2));
    events.insert(1, before);
    assert_eq!(worst(&events), None);
    let mut events = session(&["asks.send"], &hostile, &sends("tool.result"));
    events[2]["second"] = json!(9_999);
    assert_eq!(worst(&events), None);
    let mut events = session(&["asks.send"], &hostile, &sends("tool.result"));
    events[2]["session"] = json!("another");
    assert_eq!(worst(&events), None);
}

#[test]
fn a_request_at_the_firewall_is_an_action_of_the_workspace() {
    let events = [
        json!({"second": 0, "kind": "tool.result", "session": "s", "workspace": "w", "tool": "read", "text_signs": ["instructions", "hidden"],
            "named": ["told:host:00000000000a"]}),
        json!({"second": 4, "kind": "egress.http", "workspace": "w", "method": "POST", "host": "drop.example", "domain": "drop.example",
            "outcome": "allow", "named": ["host:00000000000a"]}),
    ];
    let (severity, reason) = worst(&events).unwrap();
    assert_eq!(severity, Severity::Critical);
    assert!(reason.contains("a host") && reason.contains("events/0/0"), "{reason}");
}
