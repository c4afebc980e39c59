//! Names that carry data, and names that do not. The ordinary course stands in the examples.

use operations::alert::Severity;
use serde_json::{Value, json};

use super::*;
use crate::fixtures;

fn ask(second: i64, workspace: &str, host: &str, domain: &str) -> Value {
    json!({"second": second, "kind": "dns.query", "host": host, "domain": domain, "workspace": workspace})
}

/// Letters and digits that look random and are the same each time.
fn random(seed: u64, len: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let digit = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(state >> 59) as usize])
    };
    (0..len).map(digit).collect()
}

/// The severities of what is found where so many other agents ask for the domain once.
fn check(what: &str, others: usize, events: &[Value], expected: &[Severity]) {
    let mut all: Vec<Value> =
        (0..others).map(|other| ask(0, &format!("o{other}"), "www.t.example", "t.example")).collect();
    all.extend_from_slice(events);
    let mut detector = DnsTunnel::new(&Parameters::default(), fixtures::key());
    let findings = fixtures::observe(&mut detector, &fixtures::rows(&all), false);
    let opened = findings.alerts().iter().filter(|alert| alert.revision == 1);
    let found: Vec<Severity> = opened.map(|alert| alert.severity).collect();
    assert_eq!(found, expected, "{what}: {:?}", findings.alerts());
}

#[test]
fn data_is_found_at_any_pace_and_length() {
    let names = |count: u64, len: usize, gap: i64| -> Vec<Value> {
        let name = |number: u64| format!("{}.t.example", random(number + 1, len));
        (0..count).map(|number| ask(number as i64 * gap, "w", &name(number), "t.example")).collect()
    };
    check("long labels", 0, &names(40, 60, 1), &[Severity::Medium]);
    check("an hour between any two", 0, &names(40, 60, 3_600), &[Severity::Medium]);
    check("too little", 0, &names(10, 30, 1), &[]);
    check("many others ask, too", 5, &names(40, 30, 1), &[]);
    check("many others ask, too, but it is much", 5, &names(120, 60, 1), &[Severity::Medium]);
    let mut wide = names(20, 24, 1);
    for event in &mut wide {
        event["action"] = json!("TXT");
    }
    check("answers carry data", 0, &wide, &[Severity::Medium]);
}

#[test]
fn hosts_of_requests_and_questions_over_https_count() {
    let requests: Vec<Value> = (0..40)
        .map(|number| {
            let host = format!("{}.t.example", random(number + 1, 60));
            json!({"second": number, "kind": "egress.http", "method": "GET", "outcome": "deny", "host": host,
                "domain": "t.example", "workspace": "w"})
        })
        .collect();
    check("hosts", 0, &requests, &[Severity::Medium]);
    let questions: Vec<Value> = (0..40)
        .map(|number| {
            let path = format!("/resolve?name={}.t.example&type=TXT", random(number + 1, 60));
            json!({"second": number, "kind": "egress.http", "method": "GET", "outcome": "allow", "host": "dns.google",
                "domain": "dns.google", "path": path, "workspace": "w"})
        })
        .collect();
    check("over HTTPS", 0, &questions, &[Severity::Medium]);
}
