//! What a message holds, and that no alert can break out of it.

use ledger::alert::{Alert, Severity, State, What, Who};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::fixtures::{self, alert_of};

fn sink() -> Slack {
    serde_json::from_value(json!({"webhook": "env:SLACK_WEBHOOK", "console": "https://tachograph.acme.example/"}))
        .unwrap()
}

fn records(alerts: &[Alert]) -> Vec<Record> {
    let entries: Vec<Value> = alerts.iter().map(fixtures::entry_of).collect();
    fixtures::records(&fixtures::operations(&entries))
}

fn render(alerts: &[Alert]) -> Value {
    serde_json::from_slice(&sink().render(&records(alerts)).body).unwrap()
}

#[test]
fn one_alert_is_shown_in_full() {
    let message = render(&[alert_of(1, Severity::High)]);
    assert_eq!(message["text"], "[HIGH][OPEN] Refused POST to attacker-logger.com");
    assert_eq!(
        (&message["unfurl_links"], &message["unfurl_media"], &message["mrkdwn"]),
        (&json!(false), &json!(false), &json!(false))
    );
    let text = message.to_string();
    for part in [
        "egress.denied_post",
        "alice/api",
        "events/0/7",
        "https://tachograph.acme.example/alerts/alert-0",
        "was refused once",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn several_are_folded_worst_first_and_many_are_counted() {
    let mut alerts: Vec<Alert> = (0..500).map(|number| alert_of(number, Severity::Medium)).collect();
    alerts.push(alert_of(999, Severity::Critical));
    let newer = Alert { revision: 2, state: State::Resolved, ..alert_of(3, Severity::Medium) };
    alerts.push(newer);
    let message = render(&alerts);
    assert_eq!(message["text"], "501 alerts: 1 critical, 500 medium");
    let text = message.to_string();
    assert!(text.contains("and 493 more: 493 medium"), "{text}");
    assert!(message["blocks"][1].to_string().contains("critical"));
}

#[test]
fn old_alerts_are_one_digest() {
    let old: Vec<Alert> = (0..50).map(|number| Alert { backfill: true, ..alert_of(number, Severity::High) }).collect();
    let message = render(&old);
    assert_eq!(message["text"], "Digest: 50 alerts about events that were old when they were recorded");
    assert!(message.to_string().contains("50 × `egress.denied_post` (high)"));
    assert!(sink().linger(&records(&old).into()) > Duration::ZERO);
    let mut mixed = old;
    mixed.push(alert_of(99, Severity::High));
    assert_eq!(sink().linger(&records(&mixed).into()), Duration::ZERO, "a live alert never waits");
    assert_eq!(render(&mixed)["text"], "1 alert: 1 high; and 50 alerts about old events");
}

#[test]
fn answers_are_judged_and_a_refused_form_falls_back_to_text() {
    let answer =
        |status: u16, body: &str| Answer { status, retry_after: Some(Duration::from_secs(30)), body: body.to_owned() };
    let judge = |status: u16, body: &str| sink().judge(&answer(status, body));
    assert!(matches!(judge(200, "ok"), Outcome::Acked(_)));
    assert!(matches!(judge(429, ""), Outcome::Retry { after: Some(_), .. }));
    assert!(matches!(judge(500, "rollup_error"), Outcome::Uncertain { .. }));
    for (status, body) in [(403, "invalid_token"), (404, "no_service"), (410, "channel_is_archived"), (302, "")] {
        assert!(matches!(judge(status, body), Outcome::Park { .. }), "{status} {body}");
    }
    let records = records(&[alert_of(1, Severity::High)]);
    let plain = sink().fallback(&answer(400, "invalid_blocks"), &records).unwrap();
    let plain: Value = serde_json::from_slice(&plain).unwrap();
    assert!(plain["blocks"].is_null() && plain["text"].as_str().unwrap().contains("was refused once"), "{plain}");
    assert!(sink().fallback(&answer(400, "invalid_payload"), &records).is_none());
}

#[test]
fn the_webhook_is_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webhook");
    std::fs::write(&path, "https://hooks.slack.example/services/T1/B1/hunter2\n").unwrap();
    let sink: Slack = serde_json::from_value(json!({"webhook": format!("file:{}", path.display())})).unwrap();
    let request = sink.request(b"{}").unwrap();
    assert_eq!(request.shown_url, "https://hooks.slack.example/****");
    assert!(!request.to_string().contains("hunter2") && !format!("{sink:?}").contains("hunter2"));
    std::fs::write(&path, "hunter2\n").unwrap();
    let error = sink.request(b"{}").err().unwrap().to_string();
    assert!(!error.contains("hunter2") && error.contains("webhook"), "{error}");
}

fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,40}",
        ".{0,400}",
        Just("<!channel> `x` <https://attacker-logger.com|acme> &lt; *b* _i_ ~s~ :fire:".to_owned()),
        Just("\u{202e}\u{200b}\u{0}\n```".repeat(300)),
        Just("&".repeat(5_000))
    ]
}

fn any_alert() -> impl Strategy<Value = Alert> {
    (proptest::collection::vec(hostile(), 9), 0u64..20, 0usize..5, any::<bool>()).prop_map(
        |(texts, number, severity, backfill)| {
            let mut texts = texts.into_iter();
            let mut next = || texts.next().unwrap_or_default();
            let base = alert_of(number, Severity::ALL[severity]);
            let who = Who {
                user: Some(next()),
                workspace: Some(next()),
                agent: Some(next()),
                session: Some(next()),
                ..Who::default()
            };
            let what = What { host: Some(next()), method: Some(next()), path: Some(next()), ..What::default() };
            Alert { title: next(), reason: next(), who, what, backfill, ..base }
        },
    )
}

/// Every text in a message, with whether Slack reads it as mrkdwn.
fn texts(value: &Value, found: &mut Vec<(bool, String)>) {
    match value {
        Value::Object(object) => {
            if let Some(Value::String(text)) = object.get("text") {
                found.push((object.get("type") == Some(&json!("mrkdwn")), text.clone()));
            }
            object.values().for_each(|value| texts(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn no_alert_breaks_out_of_its_message(alerts in proptest::collection::vec(any_alert(), 1..30)) {
        let rendered = sink().render(&records(&alerts));
        let message: Value = serde_json::from_slice(&rendered.body).unwrap();
        let mut found = Vec::new();
        texts(&message, &mut found);
        let mut total = 0;
        for (mrkdwn, text) in &found {
            // Our own link is the only thing in angle brackets.
            let text = text.replace("|open>", "").replace("<https://tachograph.acme.example/alerts/", "");
            prop_assert!(!text.contains(['<', '>']), "{text}");
            prop_assert!(text.split('&').skip(1).all(|rest| ["amp;", "lt;", "gt;"].iter().any(|entity| rest.starts_with(entity))));
            prop_assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || "\u{202e}\u{200b}\u{feff}".contains(c)), "{text:?}");
            prop_assert!(!text.contains("``") && text.matches('`').count().is_multiple_of(2), "{text}");
            prop_assert!(*mrkdwn || !text.contains('`'));
            prop_assert!(!text.trim().is_empty() && text.chars().count() <= 3_000);
            total += text.chars().count();
        }
        prop_assert!(total <= 12_000, "{total} characters");
        let blocks = message["blocks"].as_array().unwrap();
        prop_assert!(blocks.len() <= 40);
        for block in blocks {
            if block["type"] == "header" {
                prop_assert!(block["text"]["text"].as_str().unwrap().chars().count() <= 150);
            }
            for field in block["fields"].as_array().into_iter().flatten() {
                prop_assert!(field["text"].as_str().unwrap().chars().count() <= 2_000);
                prop_assert_eq!(&field["verbatim"], &json!(true));
            }
            prop_assert!(block["fields"].as_array().map_or(0, Vec::len) <= 10);
        }
        prop_assert_eq!(sink().render(&records(&alerts)).body, rendered.body);
    }
}
