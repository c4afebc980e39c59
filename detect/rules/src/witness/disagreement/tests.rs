//! What examples do not show: a team in which many work without hooks, and floods of sessions.

use ledger::Timestamp;
use serde_json::{Value, json};

use crate::fixtures;
use crate::registry::Rules;
use crate::rule_set::RuleSet;

/// The alerts that the rule opens, by session.
fn found(events: &[Value]) -> Vec<String> {
    let mut rules = Rules::off();
    rules.source_disagreement.enabled = true;
    let mut engine = RuleSet::from(rules).engine(fixtures::key(), Timestamp::EPOCH);
    let findings = detect_core::sample::run(&mut engine, &fixtures::rows(events), 0);
    let opened = findings.alerts().iter().filter(|alert| alert.revision == 1);
    opened.map(|alert| alert.who.session.clone().unwrap_or_default()).collect()
}

fn call(second: i64, session: &str) -> Value {
    json!({"second": second, "kind": "model.tokens", "family": "gateway", "trust": "gateway", "tokens_in": 5, "session": session, "team": "red"})
}

fn word(second: i64, session: &str) -> Value {
    json!({"second": second, "kind": "tool.call", "family": "workspace", "trust": "agent", "session": session, "team": "red"})
}

/// A session of calls alone, long enough to be told.
fn alone(begin: i64, session: &str) -> Vec<Value> {
    (0..25).map(|number| call(begin + number * 30, session)).collect()
}

#[test]
fn where_many_work_without_hooks_it_is_no_finding() {
    let paired = |begin: i64, sessions: i64| {
        (0..sessions).flat_map(move |number| {
            let session = format!("b{begin}-{number}");
            [word(begin, &session), call(begin, &session)]
        })
    };
    let few: Vec<Value> = paired(0, 2).chain(alone(10, "x")).collect();
    assert!(found(&few).is_empty(), "two sessions show no habit");
    let enough: Vec<Value> = paired(0, 3).chain(alone(10, "x")).collect();
    assert_eq!(found(&enough), ["x"]);
    let mixed: Vec<Value> = alone(0, "y").into_iter().chain(paired(1_000, 4)).chain(alone(1_010, "x")).collect();
    assert!(found(&mixed).is_empty(), "one of five is usual there");
}

#[test]
fn an_agent_that_cannot_be_believed_hides_no_silence_of_another_session() {
    let mut events = vec![word(0, "s"), call(1, "s")];
    events.extend((0..30).flat_map(|number| [call(10 + number * 30, "s"), word(10 + number * 30, "other")]));
    assert_eq!(found(&events), ["s"]);
}
