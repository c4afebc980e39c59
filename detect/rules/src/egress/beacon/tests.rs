//! Floods of decoys, merged requests and rarity. The ordinary course stands in the examples.

use serde_json::{Value, json};

use super::*;
use crate::fixtures;

fn call(second: i64, workspace: &str, domain: &str) -> Value {
    json!({"second": second, "kind": "egress.http", "outcome": "allow", "method": "GET", "domain": domain, "workspace": workspace})
}

fn observe(events: &[Value]) -> Findings {
    let mut detector = Beacon::new(&Parameters::default(), fixtures::key());
    fixtures::observe(&mut detector, &fixtures::rows(events), false)
}

#[test]
fn decoys_between_the_callbacks_hide_nothing() {
    let mut events = Vec::new();
    for number in 0..24 {
        events.push(call(number * 120, "w", "attacker-logger.com"));
        // The second and later callbacks have a history; decoys have none.
        events.extend(
            (0..if number == 0 { 0 } else { 20 })
                .map(|decoy| call(number * 120 + 1 + decoy, "w", &format!("d{number}x{decoy}.example"))),
        );
    }
    let findings = observe(&events);
    assert_eq!(findings.alerts().len(), 1);
    let alert = &findings.alerts()[0];
    assert!(alert.reason.contains("about every 2 min") && alert.count == 16, "{}", alert.reason);
}

#[test]
fn requests_of_one_page_are_one_callback() {
    let events: Vec<Value> =
        (0..200).map(|number| call(number / 10 * 120 + number % 10 / 3, "w", "acme.example")).collect();
    let findings = observe(&events);
    assert_eq!(findings.alerts().len(), 1);
    assert!(findings.alerts()[0].reason.contains("15 of the latest 15"), "{}", findings.alerts()[0].reason);
}

#[test]
fn what_several_agents_poll_is_no_beacon() {
    let mut events: Vec<Value> = (0..4).map(|number| call(0, &format!("other{number}"), "acme.example")).collect();
    events.extend((0..40).map(|number| call(number * 60, "w", "acme.example")));
    events.extend((0..40).map(|number| call(2_400 + number * 60, "w", "github.com")));
    assert!(observe(&events).alerts().is_empty());
}
