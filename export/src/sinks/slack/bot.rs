//! Slack with a bot token: one message per alert, later revisions in its thread and in place, and a look whether a message
//! arrived before it is sent again.
//!
//! What the first message of an alert is called by Slack (`ts`) comes from the outbox, which is read from the ledger.

use ledger::Timestamp;
use operations::alert::Alert;
use operations::fold::Outbox;
use operations::kind::delivery::SentAlert;
use serde_json::{Value, json};

use super::escape::escape;
use super::message::{self, AlertList};
use crate::capabilities::Reconciled;
use crate::connections::http::Response;
use crate::delivery::content::{DIGEST_OVER, happened, nobody};
use crate::delivery::text::line;
use crate::delivery::{Digest, Notification, Style, batch, fold};
use crate::judgement::{Ack, Judgement};
use crate::limits::{SLACK_LOOK_BACK, VALUE_CHARS_MAX};
use crate::message::{Message, MessageKind, Rendered};
use crate::record::Record;

/// Where a message goes when it replaces another.
pub const UPDATE: &str = "chat.update";
/// Where any other message goes.
pub const POST: &str = "chat.postMessage";

/// Errors after which the same message may be taken later.
const LATER: [&str; 7] = [
    "ratelimited",
    "rate_limited",
    "internal_error",
    "fatal_error",
    "request_timeout",
    "service_unavailable",
    "team_added_to_org",
];
/// Errors that are about this message only.
const THIS_MESSAGE: [&str; 9] = [
    "invalid_blocks",
    "invalid_blocks_format",
    "msg_blocks_too_long",
    "msg_too_long",
    "no_text",
    "message_not_found",
    "cant_update_message",
    "edit_window_closed",
    "metadata_too_large",
];

/// Renders a batch for a channel.
pub fn render(channel: &str, buttons: message::Buttons, records: &[Record], outbox: &Outbox) -> Rendered {
    let records = batch(records);
    let folded = fold(records, outbox, Style::Messages);
    let writer = Writer { channel, buttons };
    let mut messages = Vec::new();
    folded.notifications.iter().for_each(|notification| writer.notification(notification, &mut messages));
    messages.extend(folded.digest.iter().map(|digest| writer.digest(digest)));
    messages.extend(folded.ended.iter().map(|key| writer.digest_over(key)));
    Rendered { messages, taken: records.len(), silent: folded.silent }
}

struct Writer<'a> {
    channel: &'a str,
    buttons: message::Buttons,
}

impl Writer<'_> {
    fn notification(&self, notification: &Notification<'_>, messages: &mut Vec<Message>) {
        let is_news =
            notification.over.is_some() || notification.acknowledged.is_some() || notification.escalated.is_some();
        match (notification.handle(), notification.newest()) {
            (None, Some(alert)) => {
                let message = notification.message(POST, Vec::new());
                messages.push(self.seal(message, self.alert(alert, notification)));
            }
            // An alert that is new in a thread stands there in full.
            (Some(ts), Some(alert)) if notification.told.is_none() => {
                let mut body = self.alert(alert, notification);
                body["thread_ts"] = ts.into();
                messages.push(self.seal(notification.message(POST, Vec::new()), body));
            }
            // An alert that is only updated changes in place: nobody is called for it.
            (Some(ts), Some(alert)) if !is_news => {
                let message = notification.message(UPDATE, Vec::new());
                messages.push(self.seal(message, replacing(self.alert(alert, notification), ts)));
            }
            (Some(ts), newest) => {
                let mut reply = text(&happened(notification));
                reply["thread_ts"] = ts.into();
                // The channel hears of what nobody acknowledged.
                reply["reply_broadcast"] = notification.escalated.is_some().into();
                let message = self.seal(notification.message(POST, Vec::new()), reply);
                let root = newest.filter(|_| !notification.is_follower()).map(|alert| Message {
                    kind: MessageKind::Alerts,
                    key: format!("{}/root", message.key),
                    to: UPDATE,
                    alerts: Vec::<SentAlert>::new(),
                    body: replacing(self.alert(alert, notification), ts).to_string().into_bytes(),
                    ..Message::default()
                });
                messages.push(message);
                messages.extend(root);
            }
            (None, None) => {
                let message = notification.message(POST, Vec::new());
                messages
                    .push(self.seal(message, text(&format!("{}: {}", named(notification), happened(notification)))));
            }
        }
    }

    fn alert(&self, alert: &Alert, notification: &Notification<'_>) -> Value {
        let notes = [notification.escalated.map(nobody), notification.more()];
        let notes: Vec<String> = notes.into_iter().flatten().collect();
        message::noted(&AlertList::of(&[alert]), self.buttons, &notes)
    }

    fn digest(&self, digest: &Digest<'_>) -> Message {
        let body =
            message::noted(&AlertList::of(&digest.alerts), message::Buttons::None, digest.unacknowledged().as_slice());
        self.seal(digest.message(POST, Vec::new()), body)
    }

    fn digest_over(&self, key: &str) -> Message {
        self.seal(Message::end_of(key, POST, Vec::new()), text(DIGEST_OVER))
    }

    /// Writes channel and name into a message, so that it can be found again.
    fn seal(&self, message: Message, mut body: Value) -> Message {
        body["channel"] = self.channel.into();
        body["metadata"] = json!({"event_type": "tachograph_alert", "event_payload": {"key": message.key}});
        Message { body: body.to_string().into_bytes(), ..message }
    }
}

fn text(text: &str) -> Value {
    json!({"text": escape(text, VALUE_CHARS_MAX), "mrkdwn": false, "unfurl_links": false, "unfurl_media": false})
}

fn replacing(mut body: Value, ts: &str) -> Value {
    body["ts"] = ts.into();
    body
}

/// The title of an alert, as far as it is known here, or its id.
fn named(notification: &Notification<'_>) -> String {
    notification
        .about()
        .map_or_else(|| notification.id.to_owned(), |alert| line(&alert.title, message::TITLE_CHARS_MAX).text)
}

/// The answer's fields, if it is Slack's.
fn reply(answer: &Response) -> Value {
    serde_json::from_str(&answer.body).unwrap_or(Value::Null)
}

/// What Slack calls a message.
fn handle(reply: &Value) -> Option<String> {
    reply["ts"].as_str().map(|ts| ts.chars().filter(|c| c.is_ascii_digit() || *c == '.').take(32).collect())
}

/// What an answer means. Slack answers 200 also when it refuses.
pub fn judge(answer: &Response) -> Judgement {
    let (reply, reason) = (reply(answer), answer.to_string());
    let error = reply["error"].as_str().unwrap_or_default();
    match answer.status {
        200..=299 if reply["ok"] == true => {
            let handle = handle(&reply);
            let said = format!("ts {}", handle.as_deref().unwrap_or_default());
            Judgement::Acked(Ack { handle, ..Ack::new(said) })
        }
        429 | 503 => Judgement::Retry { after: answer.retry_after, reason },
        408 | 500..=599 => Judgement::Uncertain { reason },
        200..=299 if reply.is_null() => Judgement::Uncertain { reason },
        _ if LATER.contains(&error) => Judgement::Retry { after: answer.retry_after, reason },
        _ if THIS_MESSAGE.contains(&error) || answer.status == 413 => Judgement::Reject { index: 0, reason },
        // The token, the app or the channel is gone; the alerts wait until somebody mends it.
        _ => Judgement::Park { reason },
    }
}

/// The same without what Slack refused of it.
pub fn fallback(answer: &Response, message: &Message) -> Option<Message> {
    let reply = reply(answer);
    let mut body: Value = serde_json::from_slice(&message.body).ok()?;
    let fields = body.as_object_mut()?;
    match reply["error"].as_str()? {
        "invalid_blocks" | "invalid_blocks_format" | "msg_blocks_too_long" => {
            fields.remove("blocks")?;
        }
        // The first message is gone: this one takes its place. A change in place that only follows a reply is not needed.
        "message_not_found" | "cant_update_message" | "edit_window_closed" if !message.key.ends_with("/root") => {
            fields.remove("ts")?;
        }
        "thread_not_found" => {
            fields.remove("thread_ts")?;
        }
        _ => return None,
    }
    let to = if body.get("ts").is_some() { UPDATE } else { POST };
    Some(Message { to, body: body.to_string().into_bytes(), ..message.clone() })
}

/// The question whether a message arrived: the method and its form, or `None` if a repetition changes nothing.
pub fn question(message: &Message, channel: &str, now: Timestamp) -> Option<(&'static str, String)> {
    if message.to != POST {
        return None;
    }
    let body: Value = serde_json::from_slice(&message.body).ok()?;
    let form = format!("channel={channel}&include_all_metadata=true&limit=50");
    Some(match body["thread_ts"].as_str() {
        // Of a thread Slack tells the first messages first, so those of long ago are left out.
        Some(ts) => {
            let oldest = now.saturating_sub(SLACK_LOOK_BACK).unix_seconds();
            ("conversations.replies", format!("{form}&oldest={oldest}&ts={ts}"))
        }
        // Of a channel it tells the newest, whatever the time is here: a clock that is wrong hides nothing.
        None => ("conversations.history", form),
    })
}

/// What the answer to the question says.
pub fn reconciled(message: &Message, answer: &Response) -> Reconciled {
    let reply = reply(answer);
    if reply["ok"] != true {
        return match reply["error"].as_str() {
            // The app may write here and not read: a message can then arrive twice, and never gets lost.
            Some("missing_scope" | "not_allowed_token_type" | "access_denied" | "thread_not_found") => {
                Reconciled::HasNot
            }
            _ => match judge(answer) {
                Judgement::Reject { reason, .. } => Reconciled::Unknown(Judgement::Park { reason }),
                outcome => Reconciled::Unknown(outcome),
            },
        };
    }
    let messages = reply["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let ours = |found: &&Value| found["metadata"]["event_payload"]["key"] == message.key.as_str();
    match messages.iter().find(ours).and_then(|found| found["ts"].as_str()) {
        Some(ts) => Reconciled::Has(Some(ts.to_owned())),
        None => Reconciled::HasNot,
    }
}
