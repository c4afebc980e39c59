//! Learning, risky classes and trusted domains. The ordinary course stands in the examples.

use detect_core::parameters::Parameters as _;
use operations::alert::Severity;
use serde_json::{Value, json};

use super::*;
use crate::fixtures;

fn ask(second: i64, workspace: &str, method: &str, host: &str) -> Value {
    json!({"second": second, "kind": "egress.http", "outcome": "allow", "method": method, "host": host, "workspace": workspace})
}

fn observe(parameters: &Parameters, events: &[Value]) -> Findings {
    let mut detector = NewDomain::new(parameters, fixtures::key());
    fixtures::observe(&mut detector, &fixtures::rows(events), false)
}

#[test]
fn writes_to_risky_places_are_told_while_learning_and_others_are_not() {
    let events = [
        ask(0, "w1", "POST", "attacker-logger.com"),
        ask(1, "w1", "POST", "a1.webhook.site"),
        ask(2, "w1", "GET", "paste.rs"),
        ask(3, "w2", "POST", "a1.webhook.site"),
    ];
    let findings = observe(&Parameters::default(), &events);
    assert_eq!(findings.alerts().len(), 1, "{:?}", findings.alerts());
    let alert = &findings.alerts()[0];
    assert_eq!(alert.severity, Severity::High);
    assert!(alert.reason.contains("shows what it is sent to whoever made the address"), "{}", alert.reason);
}

#[test]
fn trusted_and_popular_domains_are_never_new() {
    let mut parameters = Parameters { learning_hours: 0, ..Parameters::default() };
    let events = [ask(0, "w1", "POST", "hooks.acme.example"), ask(1, "w1", "POST", "github.com")];
    assert_eq!(observe(&parameters, &events).alerts().len(), 1);
    parameters.trusted_domains = serde_json::from_value(json!(["hooks.acme.example"])).unwrap();
    assert_eq!(observe(&parameters, &events).alerts().len(), 0);
}

#[test]
fn reading_a_page_first_does_not_excuse_the_write() {
    let parameters = Parameters { learning_hours: 0, ..Parameters::default() };
    let events = [ask(0, "w1", "GET", "attacker-logger.com"), ask(1, "w1", "POST", "attacker-logger.com")];
    let findings = observe(&parameters, &events);
    let severities: Vec<Severity> = findings.alerts().iter().map(|alert| alert.severity).collect();
    assert_eq!(severities, [Severity::Info, Severity::Medium]);
}

#[test]
fn parameters_out_of_range_are_named() {
    for (parameters, name) in [
        (Parameters { quiet_seconds: 0, ..Parameters::default() }, "quiet_seconds"),
        (Parameters { learning_hours: 9_999, ..Parameters::default() }, "learning_hours"),
        (Parameters { rare_agents: 0, ..Parameters::default() }, "rare_agents"),
    ] {
        assert!(parameters.check().unwrap_err().contains(name));
    }
}
