//! Delivery of audit logs and rules that are meant so. The ordinary course stands in the examples.

use serde_json::{Value, json};

use super::*;
use crate::fixtures;

fn observe(parameters: &Parameters, events: &[Value]) -> Findings {
    let mut detector = WeakPolicy::new(parameters, fixtures::key());
    fixtures::observe(&mut detector, &fixtures::rows(events), false)
}

#[test]
fn audit_logs_that_are_not_delivered_are_told_once() {
    let failure = |second: i64| json!({"second": second, "kind": "boundary.failure", "action": "connect_audit_socket", "outcome": "error", "collector": "c"});
    let findings = observe(&Parameters::default(), &[failure(0), failure(5), failure(10)]);
    assert_eq!(findings.alerts().len(), 1);
    assert!(findings.alerts()[0].reason.contains("cannot deliver its audit logs"));
}

#[test]
fn rules_that_are_meant_so_are_quiet() {
    let event = json!({"second": 0, "kind": "egress.http", "outcome": "allow", "rule": "domain=*", "workspace": "w"});
    let events = [event];
    assert_eq!(observe(&Parameters::default(), &events).alerts().len(), 1);
    let meant = Parameters { ignored_rules: vec!["domain=*".to_owned()], ..Parameters::default() };
    assert!(observe(&meant, &events).alerts().is_empty());
}
