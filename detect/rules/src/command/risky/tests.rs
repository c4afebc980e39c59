//! What becomes of calls: asked, refused, done, in any order; what a session made itself; what is learned does not matter.

use serde_json::{Value, json};

use super::*;
use crate::fixtures;

fn told(events: &[Value]) -> Vec<(Severity, String)> {
    let mut detector = Risky::new(&Parameters::default(), fixtures::key());
    let findings = fixtures::observe(&mut detector, &fixtures::rows(events), false);
    findings.alerts().iter().map(|alert| (alert.severity, alert.reason.clone())).collect()
}

fn event(second: i64, kind: &str, outcome: Option<&str>, line: Option<&str>) -> Value {
    let mut event = json!({"second": second, "kind": kind, "tool": "Bash", "tool_call": "c1", "session": "s1"});
    if let Some(outcome) = outcome {
        event["outcome"] = json!(outcome);
    }
    if let Some(line) = line {
        event["command"] = json!(line);
    }
    event
}

#[test]
fn techniques_of_an_effect_are_those_of_the_rule() {
    for kind in EffectKind::ALL {
        assert!(told::tags(*kind).iter().all(|tag| SPEC.tags.contains(tag)), "{kind:?}");
    }
}

#[test]
fn a_refusal_is_told_as_one() {
    let line = Some("rm -rf ~");
    let check = |events: &[Value], expected: &[(Severity, &str)]| {
        let told = told(events);
        assert_eq!(told.len(), expected.len(), "{told:?}");
        for ((severity, reason), (expected, words)) in told.iter().zip(expected) {
            assert!(severity == expected && reason.contains(words), "{severity:?} {reason}");
        }
    };
    let asked = || event(0, "tool.call", None, line);
    let unknown = (Severity::Medium, "asked to destroy what cannot be brought back: rm of a root");
    let refused = (Severity::Medium, "It was refused and did not run.");
    let ran = (Severity::High, "A command destroys");
    check(&[asked()], &[unknown]);
    check(&[asked(), event(1, "approval", Some("deny"), None)], &[unknown, refused]);
    check(&[asked(), event(1, "command", Some("blocked"), line)], &[unknown, refused]);
    check(&[asked(), event(1, "command", Some("success"), line)], &[unknown, ran]);
    check(&[asked(), event(1, "command", Some("error"), line)], &[unknown, ran]);
    check(&[event(0, "approval", Some("deny"), line)], &[refused]);
    check(&[event(0, "command", Some("success"), line), asked()], &[ran]);
    // Refused, and carried out all the same.
    let denied = event(1, "approval", Some("deny"), None);
    check(&[asked(), denied, event(2, "command", Some("success"), line)], &[unknown, refused, ran]);
    check(&[event(0, "approval", Some("deny"), None)], &[]);
}

#[test]
fn a_tool_for_the_web_that_asks_for_credentials_is_told() {
    let fetch = |host: &str| json!({"second": 0, "kind": "tool.call", "tool": "WebFetch", "tool_call": "c1", "session": "s1", "host": host});
    let found = told(&[fetch("169.254.169.254")]);
    assert!(matches!(&found[..], [(Severity::High, reason)] if reason.contains("metadata service")), "{found:?}");
    assert!(told(&[fetch("docs.acme.example")]).is_empty());
}

#[test]
fn what_a_session_made_it_may_remove() {
    let told_of = |made: &str, outcome: &str, removed: &str| {
        let events = [
            json!({"second": 0, "kind": "command", "outcome": outcome, "command": made, "session": "s1"}),
            json!({"second": 1, "kind": "command", "outcome": "success", "command": removed, "session": "s1"}),
        ];
        !told(&events).is_empty()
    };
    assert!(!told_of("git checkout -b try", "success", "git branch -D try"));
    assert!(!told_of("createdb shop_copy", "success", "dropdb shop_copy"));
    assert!(!told_of("kubectl create ns try", "success", "kubectl delete ns try"));
    assert!(told_of("git checkout -b try", "success", "git branch -D main"));
    assert!(told_of("git branch main", "error", "git branch -D main"), "it was there before");
    assert!(told_of("git branch main; true", "success", "git branch -D main"), "whether it was there is not said");
    assert!(told_of("mkdir -p ~", "success", "rm -rf ~"));
    assert!(told_of("mkdir ~", "success", "rm -rf ~"), "a home is nobody's own work");
}

#[test]
fn a_habit_is_no_excuse() {
    let day = 86_400;
    let events: Vec<Value> = (0..5)
        .map(|at| json!({"second": at * day, "kind": "command", "outcome": "success", "command": "git push --force", "session": format!("s{at}"), "workspace": "w1"}))
        .collect();
    assert_eq!(told(&events).iter().filter(|(severity, _)| *severity == Severity::High).count(), 5);
}
