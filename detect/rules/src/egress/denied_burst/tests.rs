//! Probing, bursts that get worse, and bounds. The ordinary course stands in the examples.

use detect_core::parameters::Parameters as _;
use operations::alert::{Severity, State};
use serde_json::{Value, json};

use super::*;
use crate::fixtures;

fn denied(second: i64, host: &str, path: &str) -> Value {
    json!({"second": second, "kind": "egress.http", "outcome": "deny", "method": "GET", "host": host, "path": path, "workspace": "w"})
}

fn observe(events: &[Value]) -> Findings {
    let mut detector = DeniedBurst::new(&Parameters::default(), fixtures::key());
    fixtures::observe(&mut detector, &fixtures::rows(events), false)
}

#[test]
fn many_paths_of_one_host_are_probing() {
    let events: Vec<Value> =
        (0..15).map(|number| denied(number, "admin.acme.example", &format!("/{number}"))).collect();
    let findings = observe(&events);
    let alert = &findings.alerts()[0];
    assert_eq!((alert.severity, alert.count, alert.evidence.len()), (Severity::Medium, 15, 15));
    assert!(alert.reason.contains("somebody tries what is let through there"), "{}", alert.reason);
    assert!(alert.reason.contains("never refused anything"), "{}", alert.reason);
}

#[test]
fn a_confused_agent_that_begins_to_scan_is_said_at_once() {
    let mut events: Vec<Value> = (0..20).map(|number| denied(number, "packages.acme.example", "/")).collect();
    events.extend((20..40).map(|number| denied(number, &format!("h{number}.example"), "/")));
    let findings = observe(&events);
    let said: Vec<(State, Severity)> = findings.alerts().iter().map(|alert| (alert.state, alert.severity)).collect();
    let expected = [(State::Open, Severity::Low), (State::Updated, Severity::High)];
    assert_eq!(said, expected);
}

#[test]
fn parameters_out_of_range_are_named() {
    for (parameters, name) in [
        (Parameters { quiet_seconds: 0, ..Parameters::default() }, "quiet_seconds"),
        (Parameters { requests: 33, ..Parameters::default() }, "requests"),
        (Parameters { window_seconds: 0, ..Parameters::default() }, "window_seconds"),
    ] {
        assert!(parameters.check().unwrap_err().contains(name));
    }
}
