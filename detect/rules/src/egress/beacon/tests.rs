//! Floods of decoys, merged requests, rarity, several agents, rotation and what programs poll. The ordinary course stands in the
//! examples.

use operations::alert::{Alert, Severity, State};
use serde_json::{Value, json};

use super::*;
use crate::fixtures::{self, Noise};

fn call(second: i64, workspace: &str, domain: &str) -> Value {
    json!({"second": second, "kind": "egress.http", "outcome": "allow", "method": "GET", "domain": domain, "workspace": workspace})
}

fn ask(second: i64, workspace: &str, domain: &str, path: &str) -> Value {
    let mut event = call(second, workspace, domain);
    event["path"] = json!(path);
    event
}

fn observe(mut events: Vec<Value>) -> Vec<Alert> {
    events.sort_by_key(|event| event["second"].as_i64());
    let mut detector = Beacon::new(&Parameters::default(), fixtures::key());
    fixtures::observe(&mut detector, &fixtures::rows(&events), false).alerts().to_vec()
}

/// The alerts that were opened.
fn opened(events: Vec<Value>) -> Vec<Alert> {
    observe(events).into_iter().filter(|alert| alert.state == State::Open).collect()
}

#[test]
fn decoys_between_the_callbacks_hide_nothing() {
    let mut events = Vec::new();
    for number in 0..24 {
        events.push(call(number * 120, "w", "attacker-logger.com"));
        events.extend((0..20).map(|decoy| call(number * 120 + 1 + decoy, "w", &format!("d{number}x{decoy}.example"))));
    }
    let alerts = opened(events);
    assert_eq!(alerts.len(), 1);
    assert!(alerts[0].reason.contains("about every 2 min") && alerts[0].count >= 16, "{}", alerts[0].reason);
}

#[test]
fn a_slow_beacon_survives_an_agent_that_browses() {
    let mut numbers = Noise::new(7);
    let mut events = Vec::new();
    for hour in 0..30 {
        // An hour, and up to half of it more or less.
        events.push(call(hour * 3_600 + 1_800 + numbers.below(1_800) as i64, "w", "attacker-logger.com"));
        for site in 0..200 {
            let begin = hour * 3_600 + numbers.below(3_500) as i64;
            let pages = 1 + numbers.below(3) as i64;
            events.extend((0..pages).map(|page| {
                let path = format!("/page-of-{}", ["red", "green", "blue"][page as usize]);
                ask(begin + page * 30, "w", &format!("site{hour}x{site}.example"), &path)
            }));
        }
    }
    let alerts = opened(events);
    assert_eq!(alerts.len(), 1);
    assert!(alerts[0].what.domain.as_deref() == Some("attacker-logger.com"), "{}", alerts[0].reason);
}

#[test]
fn requests_of_one_page_are_one_callback_and_traffic_is_none() {
    let page = |number: i64| call(number / 10 * 120 + number % 10 / 3, "w", "acme.example");
    let alerts = opened((0..200).map(page).collect());
    assert_eq!(alerts.len(), 1);
    assert!(alerts[0].reason.contains("15 of the latest 15"), "{}", alerts[0].reason);
    assert_eq!(opened((0..4_000).map(|number| call(number, "w", "acme.example")).collect()), []);
}

#[test]
fn what_most_of_the_fleet_polls_is_no_beacon() {
    let mut events: Vec<Value> = (0..4).map(|number| call(0, &format!("other{number}"), "acme.example")).collect();
    events.extend((0..40).map(|number| call(number * 60, "w", "acme.example")));
    events.extend((0..40).map(|number| call(2_400 + number * 60, "w", "github.com")));
    assert_eq!(observe(events), []);
}

/// A fleet of forty, so that few of them are not most.
fn fleet() -> Vec<Value> {
    (0..40).map(|number| call(0, &format!("w{number}"), "packages.example")).collect()
}

#[test]
fn several_agents_with_one_rhythm_are_one_alert_and_worse() {
    let mut events = fleet();
    for number in 0..60 {
        events.extend((0..3).map(|agent| call(10 + agent * 7 + number * 60, &format!("w{agent}"), "cdn-sync.example")));
        // One agent more asks for another domain with a rhythm, and several without.
        let uneven = number * 60 + [0, 50, 3, 55, 9][number as usize % 5];
        events.extend((4..9).map(|agent| call(uneven, &format!("w{agent}"), "tools.example")));
        events.push(call(number * 60, "w10", "tools.example"));
    }
    let alerts = opened(events);
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert_eq!(alerts[0].severity, Severity::High);
    let reason = &alerts[0].reason;
    assert!(reason.contains("workspaces call cdn-sync.example with one rhythm, about every 60 s"), "{reason}");
}

#[test]
fn the_alert_of_the_first_agent_ends_when_a_second_one_has_its_rhythm() {
    let mut events = fleet();
    events.extend((0..60).map(|number| call(10 + number * 60, "w1", "cdn-sync.example")));
    events.extend((30..60).map(|number| call(20 + number * 60, "w2", "cdn-sync.example")));
    let told: Vec<(State, Severity, String)> = observe(events)
        .into_iter()
        .filter(|alert| alert.state != State::Updated)
        .map(|alert| (alert.state, alert.severity, alert.title))
        .collect();
    let one = || "Regular callbacks to cdn-sync.example".to_owned();
    let two = || "Regular callbacks of 2 workspaces to cdn-sync.example".to_owned();
    let expected = [
        (State::Open, Severity::Medium, one()),
        (State::Open, Severity::High, two()),
        (State::Resolved, Severity::High, two()),
    ];
    assert_eq!(told, expected);
}

#[test]
fn one_rare_domain_after_another_at_regular_times_is_a_beacon() {
    let rotating = |number: i64| call(number * 300 + number % 3, "w", &format!("c2-{number}.example"));
    let alerts = opened((0..40).map(rotating).collect());
    assert_eq!(alerts.len(), 1);
    let reason = &alerts[0].reason;
    assert!(reason.contains("one rare domain after another, about every 5 min"), "{reason}");
    assert!(alerts[0].what.domain.is_none(), "{reason}");
    // Who reads one page after another for half an hour does so at work.
    assert_eq!(opened((0..60).map(|number| call(number * 30, "w", &format!("d{number}.example"))).collect()), []);
}

#[test]
fn what_programs_poll_is_told_late_and_as_low() {
    let poll = |number: i64| ask(number * 60, "w", "status.example", "/api/jobs/71/status");
    let mut events: Vec<Value> = (0..900).map(poll).collect();
    assert_eq!(observe(events.clone()), [], "nothing is known of commands");
    events.push(json!({"second": 30, "kind": "command", "command": "ls", "workspace": "w"}));
    let alerts = opened(events.clone());
    assert_eq!(alerts.iter().map(|alert| alert.severity).collect::<Vec<_>>(), [Severity::Low]);
    assert!(alerts[0].reason.contains("Against it: 15 of the latest 15 asked for"), "{}", alerts[0].reason);
    events.extend(
        (0..54).map(|hour| json!({"second": hour * 1_000, "kind": "command", "command": "ls", "workspace": "w"})),
    );
    assert_eq!(observe(events), [], "the agent is at work");
}

#[test]
fn the_own_house_is_no_beacon() {
    let own = |number: i64| {
        let mut event = call(number * 60, "w", "acme.example");
        event["user"] = json!("ada@acme.example");
        event
    };
    assert_eq!(observe((0..60).map(own).collect()), []);
}

#[test]
fn pages_that_are_read_evenly_are_judged_after_an_hour() {
    let words = ["install", "guide", "api", "types", "errors", "async", "macros", "tests", "docs", "tools"];
    let read = |number: usize| {
        let second = [25, 45, 30, 50, 20, 40][number % 6] + number as i64 * 60;
        ask(second, "w", "docs.example", &format!("/{}/{}", words[number % 10], words[number / 10 % 10]))
    };
    assert_eq!(opened((0..50).map(read).collect()), []);
    assert_eq!(opened((0..100).map(read).collect()).len(), 1);
}
