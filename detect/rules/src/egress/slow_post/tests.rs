//! Bounds, queries that carry data, and fleets too small to tell. The demo's story stands in the examples.

use detect_core::pack::Pack as _;
use operations::alert::Severity;
use serde_json::{Value, json};

use super::*;
use crate::fixtures;

fn post(second: i64, workspace: &str, domain: &str) -> Value {
    json!({"second": second, "kind": "egress.http", "outcome": "allow", "method": "POST", "domain": domain, "workspace": workspace})
}

fn observe(events: &[Value]) -> Findings {
    let mut detector = SlowPost::new(&Parameters::default(), fixtures::key());
    fixtures::observe(&mut detector, &fixtures::rows(events), false)
}

#[test]
fn data_in_queries_is_found_and_a_single_agent_is_no_fleet() {
    let path = format!("/pixel.gif?d={}", "A".repeat(400));
    let events: Vec<Value> = (0..8)
        .map(|number| {
            let mut event = post(number * 400, "w", "attacker-logger.com");
            event["method"] = json!("GET");
            event["path"] = json!(path);
            event
        })
        .collect();
    let findings = observe(&events);
    let alert = &findings.alerts()[0];
    assert_eq!(alert.severity, Severity::Medium);
    for part in ["6 requests with long queries", "at least 2412 bytes in queries", "So small a fleet"] {
        assert!(alert.reason.contains(part), "{part}: {}", alert.reason);
    }
}

#[test]
fn decoys_do_not_push_out_a_trickle() {
    let mut events = Vec::new();
    for number in 0..8 {
        events.push(post(number * 600, "w", "attacker-logger.com"));
        let decoys = if number < 2 { 0 } else { 30 };
        events.extend((0..decoys).map(|decoy| post(number * 600 + 1, "w", &format!("d{number}x{decoy}.example"))));
    }
    let findings = observe(&events);
    assert_eq!(findings.alerts().len(), 1, "{:?}", findings.alerts());
    assert_eq!(findings.alerts()[0].what.domain.as_deref(), Some("attacker-logger.com"));
}

#[test]
fn the_state_of_one_agent_is_small() {
    let mut trickles = Candidates::<Trickle, TRICKLES_PER_AGENT>::default();
    for number in 0..10_000u64 {
        let event = post(number as i64, "w", &format!("d{}.example", number % 50));
        let rows = fixtures::rows(std::slice::from_ref(&event));
        let row = rows.get(0).unwrap();
        let event = EventRow::new(&row, false, fixtures::key());
        let request = event.request().unwrap();
        let trickle =
            trickles.of(event.domain() as u32, event.second(), || Trickle::new(event.domain() as u32)).unwrap();
        trickle.note(&event, request, 300);
    }
    let mut bytes = Vec::new();
    trickles.pack(&mut bytes);
    assert!(bytes.len() <= 600, "{} bytes", bytes.len());
}

#[test]
fn a_pause_of_days_begins_anew() {
    let events: Vec<Value> = (0..8).map(|number| post(number * 300_000, "w", "attacker-logger.com")).collect();
    assert!(observe(&events).alerts().is_empty());
}
