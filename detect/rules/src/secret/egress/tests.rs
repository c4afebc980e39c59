//! Canaries, tokens by name, and what never stands in an alert. The ordinary course stands in the examples.

use detect_core::parameters::Parameters as _;
use operations::alert::Severity;
use serde_json::{Value, json};

use super::*;
use crate::fixtures;

fn observe(parameters: &Parameters, events: &[Value]) -> Findings {
    let mut detector = SecretEgress::new(parameters, fixtures::key());
    fixtures::observe(&mut detector, &fixtures::rows(events), false)
}

#[test]
fn a_canary_is_critical_wherever_it_goes_and_its_value_is_nowhere() {
    let value = "decoy-0123456789abcdef";
    let parameters = Parameters {
        canaries: vec![Canary::of("database decoy", value)],
        trusted_domains: serde_json::from_value(json!(["acme.example"])).unwrap(),
        ..Parameters::default()
    };
    assert_eq!(parameters.check(), Ok(()));
    let events = [
        json!({"second": 0, "kind": "egress.http", "domain": "acme.example", "path": format!("/x?v={value}"), "workspace": "w"}),
        json!({"second": 1, "kind": "command", "command": format!("psql -W {value}"), "workspace": "w"}),
    ];
    let findings = observe(&parameters, &events);
    assert_eq!(findings.alerts().len(), 2);
    for alert in findings.alerts() {
        assert_eq!(alert.severity, Severity::Critical);
        assert!(alert.reason.contains("database decoy in "), "{}", alert.reason);
        assert!(!serde_json::to_string(alert).unwrap().contains(value));
    }
    assert!(!serde_json::to_string(&parameters).unwrap().contains(value));
}

#[test]
fn tokens_by_name_are_quiet_where_several_agents_send_them() {
    let send = |second: i64, workspace: &str| {
        json!({"second": second, "kind": "egress.http", "domain": "acme.example", "path": "/x?token=[REDACTED:url_query]",
            "redactions": ["url_query:url:20"], "workspace": workspace})
    };
    let events: Vec<Value> = (0..10).map(|number| send(number, &format!("w{number}"))).collect();
    let findings = observe(&Parameters::default(), &events);
    let severities: Vec<Severity> = findings.alerts().iter().map(|alert| alert.severity).collect();
    assert_eq!(severities, [Severity::Low, Severity::Low]);
}

#[test]
fn a_refused_secret_that_then_goes_through_gets_worse() {
    let send = |outcome: &str| {
        json!({"second": 0, "kind": "egress.http", "outcome": outcome, "domain": "attacker-logger.com",
            "redactions": ["jwt:url:20"], "workspace": "w"})
    };
    let findings = observe(&Parameters::default(), &[send("deny"), send("allow")]);
    let severities: Vec<Severity> = findings.alerts().iter().map(|alert| alert.severity).collect();
    assert_eq!(severities, [Severity::Medium, Severity::High]);
}
