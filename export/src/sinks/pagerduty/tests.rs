//! The events as PagerDuty's published schema wants them, their order, and that no alert breaks out of them.

use ledger::Timestamp;
use operations::alert::State;
use proptest::prelude::*;

use super::*;
use crate::fixtures::{alert_of, outbox, records_of};

fn sink() -> PagerDuty {
    serde_json::from_value(json!({"routing_key": "env:PD"})).unwrap()
}

fn render(alerts: &[Alert]) -> Vec<(Message, Value)> {
    let messages = sink().render(&records_of(alerts), &outbox()).messages;
    messages.into_iter().map(|message| (message.clone(), serde_json::from_slice(&message.body).unwrap())).collect()
}

/// What the schema of Events API v2 demands of an event: names, types, words and lengths.
fn check_schema(event: &Value) {
    let action = event["event_action"].as_str().unwrap();
    assert!(["trigger", "acknowledge", "resolve"].contains(&action));
    let known = ["routing_key", "event_action", "dedup_key", "payload", "client", "client_url", "links", "images"];
    assert!(event.as_object().unwrap().keys().all(|key| known.contains(&key.as_str())));
    assert!((1..=255).contains(&event["dedup_key"].as_str().unwrap().len()));
    if action == "trigger" {
        let payload = event["payload"].as_object().unwrap();
        let known = ["summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details"];
        assert!(payload.keys().all(|key| known.contains(&key.as_str())));
        assert!((1..=1_024).contains(&payload["summary"].as_str().unwrap().chars().count()));
        assert!(!payload["source"].as_str().unwrap().trim().is_empty());
        assert!(["critical", "error", "warning", "info"].contains(&payload["severity"].as_str().unwrap()));
        assert!(payload["custom_details"].is_object());
    } else {
        assert!(event.get("payload").is_none());
    }
    assert!(event.to_string().len() < 512 << 10);
}

#[test]
fn an_alert_is_triggered_and_resolved_under_one_key() {
    let end = Alert { revision: 2, state: State::Resolved, ..alert_of(1, Severity::High) };
    let events = render(&[alert_of(1, Severity::High), end]);
    for (_, event) in &events {
        check_schema(event);
    }
    let actions: Vec<&str> = events.iter().map(|(_, event)| event["event_action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["trigger", "resolve"]);
    let key = format!("tachograph/{}", alert_of(1, Severity::High).id);
    assert!(events.iter().all(|(_, event)| event["dedup_key"] == key.as_str()));
    let payload = &events[0].1["payload"];
    assert_eq!((&payload["severity"], &payload["source"]), (&json!("error"), &json!("alice/api")));
    assert_eq!(payload["summary"], "[HIGH] Refused POST to attacker-logger.com");
    assert!(payload["custom_details"].get("truncated").is_none());
}

#[test]
fn severities_are_mapped_and_long_texts_say_that_they_were_cut() {
    let words = Severity::ALL.map(|severity| render(&[alert_of(1, severity)])[0].1["payload"]["severity"].clone());
    assert_eq!(words, ["info", "info", "warning", "error", "critical"].map(Value::from));
    let long = Alert { reason: "x".repeat(1 << 20), title: "y".repeat(1 << 20), ..alert_of(1, Severity::High) };
    let event = &render(&[long])[0].1;
    check_schema(event);
    assert_eq!(event["payload"]["custom_details"]["truncated"], true);
}

#[test]
fn a_storm_is_few_incidents() {
    let alerts: Vec<Alert> = (0..2_000).map(|number| alert_of(number, Severity::ALL[number as usize % 5])).collect();
    let events = render(&alerts);
    assert_eq!(events.len(), 6);
    for (_, event) in &events {
        check_schema(event);
    }
    assert!(events[..5].iter().all(|(_, event)| event["payload"]["severity"] == "critical"));
    let digest = &events[5].1;
    assert_eq!(digest["payload"]["summary"], "1995 alerts: 395 critical, 400 high, 400 medium, 400 low, 400 info");
    assert_eq!(digest["payload"]["custom_details"]["truncated"], true);
    assert_eq!(digest["payload"]["custom_details"]["worst"][0]["severity"], "critical");
}

#[test]
fn the_key_is_in_the_request_only_and_goes_to_its_region() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    std::fs::write(&path, "0123456789abcdef0123456789abcdef\n").unwrap();
    let settings = |region: &str| json!({"routing_key": format!("file:{}", path.display()), "region": region});
    for (region, host) in [("us", "https://events.pagerduty.com/"), ("eu", "https://events.eu.pagerduty.com/")] {
        let sink: PagerDuty = serde_json::from_value(settings(region)).unwrap();
        let rendered = sink.render(&records_of(&[alert_of(1, Severity::High)]), &outbox());
        let request = sink.payload(&rendered.messages[0], Timestamp::EPOCH).unwrap();
        assert!(request.shown_url.starts_with(host), "{}", request.shown_url);
        let event: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(event["routing_key"], "0123456789abcdef0123456789abcdef");
        check_schema(&event);
        assert!(!String::from_utf8_lossy(&rendered.messages[0].body).contains("0123456789abcdef0123"));
    }
    std::fs::write(&path, "hunter2\",\"x").unwrap();
    let sink: PagerDuty = serde_json::from_value(settings("us")).unwrap();
    let error = sink.payload(&Message::default(), Timestamp::EPOCH).err().unwrap().to_string();
    assert!(error.contains("integration key") && !error.contains("hunter2"), "{error}");
    assert!(serde_json::from_value::<PagerDuty>(settings("asia")).is_err());
}

#[test]
fn answers_are_judged() {
    let judge = |status: u16| {
        sink().judge(&Response { status, retry_after: Some(Duration::from_mins(1)), body: "{}".to_owned() })
    };
    assert!(matches!(judge(202), Judgement::Acked(_)));
    assert!(matches!(judge(400), Judgement::Reject { index: 0, .. }));
    assert!(matches!(judge(429), Judgement::Retry { after: Some(_), .. }));
    assert!(matches!(judge(500), Judgement::Uncertain { .. }));
    assert!(matches!(judge(403), Judgement::Park { .. }));
}

proptest! {
    #[test]
    fn whatever_an_alert_says_the_event_is_valid(title in ".{0,2000}", reason in ".{0,3000}", who in "\\PC{0,400}", rule in ".{0,40}") {
        let mut alert = Alert { title, reason, rule, ..alert_of(1, Severity::High) };
        (alert.who.agent, alert.who.team, alert.who.workspace_name) = (Some(who.clone()), Some(who.clone()), Some(who));
        let events = render(&[alert]);
        check_schema(&events[0].1);
        let text = events[0].1.to_string();
        prop_assert!(!text.chars().any(crate::delivery::text::is_hidden));
    }
}
