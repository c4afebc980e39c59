//! The messages, and what of them is the same for each attempt.

use ledger::Timestamp;
use operations::alert::Severity;

use super::*;
use crate::connections::Payload as _;
use crate::fixtures::{self, alert_of, outbox, records_of, told};

fn render(alerts: &[Alert]) -> Vec<(Message, Value)> {
    let sink: Webhook =
        serde_json::from_value(json!({"url": "https://hooks.acme.example/x", "secret": "env:W"})).unwrap();
    let messages = sink.render(&records_of(alerts), &outbox()).messages;
    messages.into_iter().map(|message| (message.clone(), serde_json::from_slice(&message.body).unwrap())).collect()
}

#[test]
fn the_form_is_that_of_the_specification() {
    let messages = render(&[alert_of(1, Severity::High)]);
    let (message, body) = &messages[0];
    assert_eq!(
        (&body["type"], &body["timestamp"], &body["data"]["alert_id"], &body["data"]["who"]["user"]),
        (
            &json!("alert.firing"),
            &json!("2025-11-21T00:00:00.000000Z"),
            &json!(alert_of(1, Severity::High).id),
            &json!("alice")
        )
    );
    assert!(message.body.len() < 20_000);
    let end = Alert { revision: 2, state: State::Resolved, ..alert_of(1, Severity::High) };
    assert_eq!(render(&[alert_of(1, Severity::High), end])[0].1["type"], "alert.resolved");
    let storm: Vec<Alert> = (0..1_000).map(|number| alert_of(number, Severity::Medium)).collect();
    let messages = render(&storm);
    assert_eq!((messages.len(), &messages[0].1["type"]), (1, &json!("alert.digest")));
    assert!(messages[0].0.body.len() < 20_000, "{}", messages[0].0.body.len());
}

#[test]
fn the_timestamp_belongs_to_the_attempt_and_the_rest_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    std::fs::write(&path, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    let settings = json!({"url": "https://hooks.acme.example/x", "secret": format!("file:{}", path.display())});
    let sink: Webhook = serde_json::from_value(settings).unwrap();
    let rendered = sink.render(&records_of(&[alert_of(1, Severity::High)]), &outbox());
    let (first, second) = (
        sink.payload(&rendered.messages[0], Timestamp::from_unix_seconds(1)).unwrap(),
        sink.payload(&rendered.messages[0], Timestamp::from_unix_micros(9_999_999)).unwrap(),
    );
    let header =
        |request: &Request, name: &str| request.headers.iter().find(|(header, _)| *header == name).unwrap().1.clone();
    assert_eq!((&first.body, header(&first, "webhook-id")), (&second.body, header(&second, "webhook-id")));
    assert_eq!((header(&first, "webhook-timestamp"), header(&second, "webhook-timestamp")), ("1".into(), "9".into()));
    assert_ne!(header(&first, "webhook-signature"), header(&second, "webhook-signature"));
    assert!(!header(&first, "webhook-id").contains('.') && !first.shown(b"{}").contains("MfKQ"));
    std::fs::write(&path, "hunter2").unwrap();
    let error = sink.payload(&rendered.messages[0], Timestamp::EPOCH).err().unwrap().to_string();
    assert!(error.contains("whsec_") && !error.contains("hunter2"), "{error}");
}

#[test]
fn answers_are_judged() {
    let sink: Webhook = serde_json::from_value(json!({"url": "https://h.acme.example", "secret": "env:W"})).unwrap();
    let judge = |status: u16| sink.judge(&Response { status, retry_after: None, body: String::new() });
    assert!(matches!(judge(204), Judgement::Acked(_)));
    assert!(matches!(judge(400), Judgement::Reject { .. }));
    assert!(matches!(judge(429), Judgement::Retry { .. }));
    assert!(matches!(judge(500), Judgement::Uncertain { .. }));
    for status in [302, 401, 410] {
        assert!(matches!(judge(status), Judgement::Park { .. }), "{status}");
    }
}

#[test]
fn a_closed_alert_says_who_closed_it_when_and_as_what() {
    let alert = alert_of(1, Severity::High);
    let step = fixtures::step("alert.close", &alert);
    let records = fixtures::alert_records(&fixtures::operations(&[step]));
    let sink: Webhook =
        serde_json::from_value(json!({"url": "https://hooks.acme.example/x", "secret": "env:W"})).unwrap();
    let rendered = sink.render(&records, &told(&[1], false));
    let body: Value = serde_json::from_slice(&rendered.messages[0].body).unwrap();
    let data = &body["data"];
    assert_eq!((&body["type"], &body["timestamp"]), (&json!("alert.closed"), &time(records[0].recorded)));
    assert_eq!([&data["closed_by"], &data["close_reason"], &data["status"]], ["alice", "false_positive", "closed"]);
    assert_eq!((&data["closed_at"], &data["title"]), (&body["timestamp"], &json!(alert.title)));
}
