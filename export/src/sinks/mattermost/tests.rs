//! What a channel gets by both ways, threads, and what answers mean.

use operations::alert::{Alert, State};

use super::*;
use crate::fixtures::{alert_of, outbox, records_of, told_as};

const POST: &str = "q3xk6ao6s7yumy1bqk4h5hzu4c";

fn bot() -> Mattermost {
    let settings =
        json!({"url": "https://chat.acme.example/", "token": "env:M", "channel": "4xp9fdt77pncbef59f4k1qe83o"});
    serde_json::from_value::<MattermostSettings>(settings).unwrap().sink().unwrap()
}

fn hook() -> Mattermost {
    serde_json::from_value::<MattermostSettings>(json!({"webhook": "env:M"})).unwrap().sink().unwrap()
}

fn bodies(sink: &Mattermost, alerts: &[Alert], outbox: &Outbox) -> Vec<Value> {
    let messages = sink.render(&records_of(alerts), outbox).messages;
    messages.into_iter().map(|message| serde_json::from_slice(&message.body).unwrap()).collect()
}

fn resolved(number: u64) -> Alert {
    Alert { revision: 2, state: State::Resolved, ..alert_of(number, Severity::High) }
}

#[test]
fn an_end_is_a_reply_with_a_token_and_a_message_through_a_webhook() {
    let first = &bodies(&bot(), &[alert_of(1, Severity::High)], &outbox())[0];
    assert_eq!(first["message"], "`[HIGH][OPEN] Refused POST to attacker-logger.com`");
    assert_eq!(first["channel_id"], "4xp9fdt77pncbef59f4k1qe83o");
    assert!(first.get("root_id").is_none());
    let end = &bodies(&bot(), &[resolved(1)], &told_as(&[1], false, POST))[0];
    assert_eq!((&end["root_id"], &end["props"]["attachments"][0]["color"]), (&json!(POST), &json!("#2da44e")));
    assert_ne!(first["pending_post_id"], end["pending_post_id"]);
    let over = &bodies(&bot(), &[resolved(1)], &told_as(&[1], true, POST))[0];
    assert_eq!((&over["root_id"], &over["message"]), (&json!(POST), &json!("`[RESOLVED] Digest`")));
    let end = &bodies(&hook(), &[resolved(1)], &told_as(&[1], false, POST))[0];
    assert_eq!(end["text"], "`[HIGH][RESOLVED] Refused POST to attacker-logger.com`");
}

#[test]
fn nobody_is_mentioned_and_nothing_is_a_link() {
    let evil = "`@channel` [a](https://b.example) @all";
    let alert = Alert { title: evil.into(), reason: evil.into(), ..alert_of(1, Severity::High) };
    for sink in [bot(), hook()] {
        let body = &bodies(&sink, std::slice::from_ref(&alert), &outbox())[0];
        let shown = if body.get("text").is_some() { body } else { &body["props"] };
        let text = [&body["text"], &body["message"], &shown["attachments"][0]["text"]];
        for text in text.into_iter().filter_map(Value::as_str) {
            assert!(text.starts_with('`') && text.ends_with('`') && text.matches('`').count() == 2, "{text}");
        }
    }
}

#[test]
fn a_storm_is_few_messages() {
    let alerts: Vec<Alert> = (0..2_000).map(|number| alert_of(number, Severity::ALL[number as usize % 5])).collect();
    for sink in [bot(), hook()] {
        let bodies = bodies(&sink, &alerts, &outbox());
        assert_eq!(bodies.len(), 6);
        assert!(bodies[5].to_string().contains("[DIGEST] 1995 alerts"));
    }
}

#[test]
fn a_reply_whose_thread_is_gone_stands_alone() {
    let message = bot().render(&records_of(&[resolved(1)]), &told_as(&[1], false, POST)).messages.remove(0);
    let refused = |id: &str| Response { status: 400, retry_after: None, body: json!({"id": id}).to_string() };
    let other = bot().fallback(&refused("api.post.create_post.root_id.app_error"), &message, &[]).unwrap();
    assert!(serde_json::from_slice::<Value>(&other.body).unwrap().get("root_id").is_none());
    assert!(bot().fallback(&refused("model.post.is_valid.message_length.app_error"), &message, &[]).is_none());
    assert!(bot().fallback(&refused("api.post.create_post.root_id.app_error"), &other, &[]).is_none());
}

#[test]
fn answers_are_judged_by_way() {
    let answer = |status: u16, body: &str| Response { status, retry_after: None, body: body.to_owned() };
    let by_bot = |status: u16, body: &str| bot().judge(&answer(status, body));
    let by_hook = |status: u16, body: &str| hook().judge(&answer(status, body));
    let created = by_bot(201, &json!({"id": POST}).to_string());
    assert!(matches!(created, Judgement::Acked(Ack { handle: Some(id), .. }) if id == POST));
    assert!(matches!(by_bot(201, "{\"id\": \"../x\"}"), Judgement::Acked(Ack { handle: None, .. })));
    assert!(matches!(by_hook(200, "ok"), Judgement::Acked(_)));
    for judge in [&by_bot as &dyn Fn(u16, &str) -> Judgement, &by_hook] {
        assert!(matches!(judge(429, ""), Judgement::Retry { .. }));
        assert!(matches!((judge(500, ""), judge(502, "")), (Judgement::Uncertain { .. }, Judgement::Uncertain { .. })));
        assert!(matches!((judge(401, ""), judge(403, "")), (Judgement::Park { .. }, Judgement::Park { .. })));
        assert!(matches!(judge(413, ""), Judgement::Reject { .. }));
    }
    assert!(matches!(by_bot(400, "message_length"), Judgement::Reject { .. }));
    assert!(matches!(by_bot(400, "api.post.create_post.can_not_post_to_deleted.error"), Judgement::Park { .. }));
    assert!(matches!(by_hook(400, "web.incoming_webhook.parse.app_error"), Judgement::Reject { .. }));
    assert!(matches!(by_hook(400, "web.incoming_webhook.invalid.app_error"), Judgement::Park { .. }));
    assert!(matches!(by_hook(501, ""), Judgement::Park { .. }));
}

#[test]
fn one_way_is_given() {
    let check = |settings: Value, says: &str| {
        let error = serde_json::from_value::<MattermostSettings>(settings).unwrap().sink().err().unwrap();
        assert!(error.contains(says), "{error}");
    };
    check(json!({}), "give either");
    check(json!({"webhook": "env:M", "token": "env:T"}), "give either");
    check(json!({"url": "https://chat.acme.example", "token": "env:T", "channel": "town-square"}), "26");
    check(json!({"url": "chat", "token": "env:T", "channel": "4xp9fdt77pncbef59f4k1qe83o"}), "url");
}
