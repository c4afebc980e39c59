//! Names that operators give, and hostile texts. The ordinary course stands in the examples.

use operations::alert::Severity;
use serde_json::{Value, json};

use super::*;
use crate::fixtures;

fn observe(parameters: &Parameters, events: &[Value]) -> Findings {
    let mut detector = Typosquat::new(parameters, fixtures::key());
    fixtures::observe(&mut detector, &fixtures::rows(events), false)
}

#[test]
fn operators_name_what_is_theirs() {
    let event = json!({"second": 0, "kind": "command", "command": "npm i acme-wigdets lodahs", "session": "s"});
    let events = [event.clone(), event];
    let titles = |parameters: &Parameters| -> Vec<String> {
        observe(parameters, &events).alerts().iter().map(|alert| alert.title.clone()).collect()
    };
    let mut parameters = Parameters::default();
    assert_eq!(titles(&parameters), ["lodahs imitates lodash"]);
    parameters.protected_names = serde_json::from_value(json!(["acme-widgets"])).unwrap();
    assert_eq!(titles(&parameters), ["acme-wigdets imitates acme-widgets", "lodahs imitates lodash"]);
    parameters.known_names = serde_json::from_value(json!(["acme-wigdets", "lodahs"])).unwrap();
    assert_eq!(titles(&parameters), Vec::<String>::new());
}

#[test]
fn what_was_refused_is_mild_until_it_goes_through() {
    let ask = |outcome: &str| json!({"second": 0, "kind": "egress.http", "outcome": outcome, "host": "g1thub.example", "domain": "g1thub.example", "workspace": "w"});
    let findings = observe(&Parameters::default(), &[ask("deny"), ask("allow")]);
    let severities: Vec<Severity> = findings.alerts().iter().map(|alert| alert.severity).collect();
    assert_eq!(severities, [Severity::Low, Severity::High]);
}

#[test]
fn long_commands_are_bounded() {
    let command = format!("npm i {}", "lodahs ".repeat(5_000));
    let findings = observe(&Parameters::default(), &[json!({"second": 0, "kind": "command", "command": command})]);
    assert!(findings.alerts().len() <= crate::limits::PACKAGES_PER_COMMAND_MAX);
}
