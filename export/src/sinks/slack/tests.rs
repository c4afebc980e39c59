//! What a message holds, and that no alert can break out of it.

use ledger::Timestamp;
use operations::alert::{Alert, Severity, State, What, Who};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::connections::Payload as _;
use crate::fixtures::{self, alert_of, records_of};
use crate::message::MessageKind;

fn of_settings(settings: Value) -> Result<Slack, String> {
    serde_json::from_value::<SlackSettings>(settings).unwrap().sink()
}

fn sink() -> Slack {
    of_settings(json!({"webhook": "env:SLACK_WEBHOOK"})).unwrap()
}

fn body(alerts: &[Alert]) -> Vec<u8> {
    sink().render(&records_of(alerts), &fixtures::outbox()).messages[0].body.clone()
}

fn render(alerts: &[Alert]) -> Value {
    serde_json::from_slice(&body(alerts)).unwrap()
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
    for part in ["egress.denied_post", "alice/api", "events/0/7", "was refused once"] {
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
fn a_webhook_hears_what_other_receivers_hear() {
    let close = json!({"kind": "alert.close", "subject": alert_of(1, Severity::High).id, "actor": "alice",
        "record": r#"{"revision":1,"token":"t","reason":"benign"}"#});
    let escalation = fixtures::notice(&json!({"because": "escalation", "step": "s", "receivers": []}), 1);
    let known = fixtures::told(&[1], false);
    let told = |entries: &[Value]| {
        let records = fixtures::alert_records(&fixtures::operations(entries));
        sink().render(&records, &known).messages.into_iter().map(|message| message.records).collect::<Vec<_>>()
    };
    assert_eq!(told(std::slice::from_ref(&escalation)), [[0]]);
    assert_eq!(told(&[close, escalation]), [[0]; 0], "somebody closed it before");
}

#[test]
fn old_alerts_are_one_digest() {
    let old: Vec<Alert> = (0..50).map(|number| Alert { backfill: true, ..alert_of(number, Severity::High) }).collect();
    let message = render(&old);
    assert_eq!(message["text"], "Digest: 50 alerts about events that were old when they were recorded");
    assert!(message.to_string().contains("50 × `egress.denied_post` (high)"));
    let linger = |alerts: &[Alert]| delivery::linger(&records_of(alerts).into(), sink().digest_wait().unwrap());
    assert!(linger(&old) > Duration::ZERO);
    let mut mixed = old;
    mixed.push(alert_of(99, Severity::High));
    assert_eq!(linger(&mixed), Duration::ZERO, "a live alert never waits");
    assert_eq!(render(&mixed)["text"], "1 alert: 1 high; and 50 alerts about old events");
}

#[test]
fn answers_are_judged_and_a_refused_form_falls_back_to_text() {
    let answer = |status: u16, body: &str| Response {
        status,
        retry_after: Some(Duration::from_secs(30)),
        body: body.to_owned(),
    };
    let judge = |status: u16, body: &str| sink().judge(&answer(status, body));
    assert!(matches!(judge(200, "ok"), Judgement::Acked(_)));
    assert!(matches!(judge(429, ""), Judgement::Retry { after: Some(_), .. }));
    assert!(matches!(judge(500, "rollup_error"), Judgement::Uncertain { .. }));
    for (status, body) in [(403, "invalid_token"), (404, "no_service"), (410, "channel_is_archived"), (302, "")] {
        assert!(matches!(judge(status, body), Judgement::Park { .. }), "{status} {body}");
    }
    let records = records_of(&[alert_of(1, Severity::High)]);
    let sent = Message { key: "k".into(), ..Message::default() };
    let plain = sink().fallback(&answer(400, "invalid_blocks"), &sent, &records).unwrap();
    assert_eq!(plain.key, "k");
    let plain: Value = serde_json::from_slice(&plain.body).unwrap();
    assert!(plain["blocks"].is_null() && plain["text"].as_str().unwrap().contains("was refused once"), "{plain}");
    assert!(sink().fallback(&answer(400, "invalid_payload"), &sent, &records).is_none());
}

#[test]
fn the_webhook_is_never_shown() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("webhook");
    std::fs::write(&path, "https://hooks.slack.example/services/T1/B1/hunter2\n").unwrap();
    let sink = of_settings(json!({"webhook": format!("file:{}", path.display())})).unwrap();
    let request = sink.payload(&Message::default(), Timestamp::EPOCH).unwrap();
    assert_eq!(request.shown_url, "https://hooks.slack.example/****");
    assert!(!request.shown(b"{}").contains("hunter2") && !format!("{sink:?}").contains("hunter2"));
    std::fs::write(&path, "hunter2\n").unwrap();
    let error = sink.payload(&Message::default(), Timestamp::EPOCH).err().unwrap().to_string();
    assert!(!error.contains("hunter2") && error.contains("webhook"), "{error}");
}

fn bot() -> Slack {
    of_settings(
        json!({"token": "env:SLACK_TOKEN", "channel": "C0123456789", "signing_secret": "env:SLACK_SIGNING_SECRET"}),
    )
    .unwrap()
}

fn of_bot(alerts: &[Alert], outbox: &Outbox) -> Vec<(Message, Value)> {
    let messages = bot().render(&records_of(alerts), outbox).messages;
    messages.into_iter().map(|message| (message.clone(), serde_json::from_slice(&message.body).unwrap())).collect()
}

#[test]
fn a_bot_posts_updates_in_place_and_ends_in_the_thread() {
    let first = of_bot(&[alert_of(1, Severity::High)], &fixtures::outbox());
    let (message, body) = &first[0];
    assert_eq!((first.len(), message.to, &body["channel"]), (1, "chat.postMessage", &json!("C0123456789")));
    assert_eq!(body["metadata"]["event_payload"]["key"], message.key);
    let buttons = body["blocks"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&buttons["elements"][0]["action_id"], &buttons["elements"][0]["value"]),
        (&json!(ACKNOWLEDGE_ACTION), &json!(alert_of(1, Severity::High).id))
    );
    let deaf = of_settings(json!({"token": "env:SLACK_TOKEN", "channel": "C0123456789"})).unwrap();
    let shown = deaf.render(&records_of(&[alert_of(1, Severity::High)]), &fixtures::outbox()).messages[0].body.clone();
    assert!(!String::from_utf8(shown).unwrap().contains(ACKNOWLEDGE_ACTION), "nobody would hear of it");
    let known = fixtures::told(&[1], false);
    let next = Alert { revision: 2, state: State::Updated, ..alert_of(1, Severity::High) };
    let (message, body) = &of_bot(&[next], &known)[0];
    assert_eq!((message.to, &body["ts"]), ("chat.update", &json!("1763750001.000200")));
    let end = Alert { revision: 3, state: State::Resolved, ..alert_of(1, Severity::High) };
    let last = of_bot(&[end], &known);
    assert_eq!(
        (last.len(), last[0].0.to, &last[0].1["thread_ts"]),
        (2, "chat.postMessage", &json!("1763750001.000200"))
    );
    assert_eq!(
        (last[1].0.to, &last[1].1["ts"], last[1].0.records.len()),
        ("chat.update", &json!("1763750001.000200"), 0)
    );
    // A change in place that is refused leaves nothing open; the end of a digest does.
    let end = Alert { revision: 2, state: State::Resolved, ..alert_of(1, Severity::High) };
    let of_digest = of_bot(&[end], &fixtures::told(&[1], true));
    assert_eq!((last[1].0.kind, of_digest.len(), of_digest[0].0.kind), (MessageKind::Alerts, 1, MessageKind::End));
    let storm: Vec<Alert> = (0..300).map(|number| alert_of(number, Severity::Low)).collect();
    let storm = of_bot(&storm, &fixtures::outbox());
    assert_eq!((storm.len(), &storm[0].1["text"]), (1, &json!("300 alerts: 300 low")));
}

#[test]
fn a_digest_says_what_nobody_acknowledged() {
    let notices: Vec<Value> = (0..11)
        .map(|number| fixtures::notice(&json!({"because": "escalation", "step": "s", "receivers": []}), number))
        .collect();
    let records = fixtures::alert_records(&fixtures::operations(&notices));
    let messages = bot().render(&records, &fixtures::outbox()).messages;
    let body: Value = serde_json::from_slice(&messages[0].body).unwrap();
    assert_eq!(
        (messages.len(), &body["blocks"][0]["text"]["text"]),
        (1, &json!("11 of them not acknowledged in time"))
    );
}

#[test]
fn a_bot_looks_before_it_sends_again() {
    let (message, _) = &of_bot(&[alert_of(1, Severity::High)], &fixtures::outbox())[0];
    let (method, form) = super::bot::question(message, "C0123456789", Timestamp::from_unix_seconds(100_000)).unwrap();
    assert_eq!(
        (method, form.as_str()),
        ("conversations.history", "channel=C0123456789&include_all_metadata=true&limit=50")
    );
    let bot = bot();
    let reconcile = bot.capabilities().reconcile.unwrap();
    let reconciled = |body: &Value| {
        reconcile.reconciled(message, &Response { status: 200, retry_after: None, body: body.to_string() })
    };
    let found = json!({"ok": true, "messages": [{"ts": "1.1", "text": "x"},
        {"ts": "1.2", "metadata": {"event_payload": {"key": message.key}}}]});
    assert_eq!(reconciled(&found), Reconciled::Has(Some("1.2".into())));
    assert_eq!(reconciled(&json!({"ok": true, "messages": []})), Reconciled::HasNot);
    assert_eq!(reconciled(&json!({"ok": false, "error": "missing_scope"})), Reconciled::HasNot);
    let limited = reconciled(&json!({"ok": false, "error": "ratelimited"}));
    assert!(matches!(limited, Reconciled::Unknown(Judgement::Retry { .. })));
    let change = Message { to: "chat.update", ..message.clone() };
    assert!(reconcile.question(&change, Timestamp::EPOCH).is_none(), "a change in place can be repeated");
    assert!(sink().capabilities().reconcile.is_none(), "nobody can be asked through a webhook");
}

#[test]
fn a_bot_hears_refusals_in_answers_of_200() {
    let answer = |body: &Value| Response { status: 200, retry_after: None, body: body.to_string() };
    let judge = |body: Value| bot().judge(&answer(&body));
    assert!(
        matches!(judge(json!({"ok": true, "ts": "1.2"})), Judgement::Acked(ack) if ack.said == "ts 1.2" && ack.handle.as_deref() == Some("1.2"))
    );
    assert!(matches!(judge(json!({"ok": false, "error": "ratelimited"})), Judgement::Retry { .. }));
    assert!(matches!(judge(json!({"ok": false, "error": "msg_too_long"})), Judgement::Reject { .. }));
    assert!(matches!(judge(json!({"ok": false, "error": "channel_not_found"})), Judgement::Park { .. }));
    let known = fixtures::told(&[1], false);
    let next = Alert { revision: 2, state: State::Updated, ..alert_of(1, Severity::High) };
    let (message, _) = &of_bot(&[next], &known)[0];
    let gone = answer(&json!({"ok": false, "error": "message_not_found"}));
    let other = bot().fallback(&gone, message, &[]).unwrap();
    assert_eq!((other.to, &other.key), ("chat.postMessage", &message.key));
    let refused = answer(&json!({"ok": false, "error": "invalid_blocks"}));
    let plain: Value = serde_json::from_slice(&bot().fallback(&refused, message, &[]).unwrap().body).unwrap();
    assert!(plain.get("blocks").is_none() && plain["ts"].is_string());
}

#[test]
fn a_channel_is_reached_in_one_way() {
    for settings in [
        json!({}),
        json!({"token": "env:T"}),
        json!({"webhook": "env:W", "token": "env:T", "channel": "C1"}),
        json!({"token": "env:T", "channel": "C1&x=1"}),
    ] {
        assert!(of_settings(settings).is_err());
    }
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
        let rendered = body(&alerts);
        let message: Value = serde_json::from_slice(&rendered).unwrap();
        let mut found = Vec::new();
        texts(&message, &mut found);
        let mut total = 0;
        for (mrkdwn, text) in &found {
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
        prop_assert_eq!(body(&alerts), rendered);
    }
}
