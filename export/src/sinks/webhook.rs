//! `webhook`: alerts to any HTTP receiver, as Standard Webhooks describes it.
//!
//! Body and `webhook-id` are the same for each attempt; the timestamp, and the signature over both and it, belong to the
//! attempt. A receiver that remembers ids gets everything once.

pub mod sign;

use std::time::Duration;

use ledger::Timestamp;
use operations::alert::{Alert, Measurement, State};
use operations::fold::Outbox;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::capabilities::Capabilities;
use crate::connections::http::{Http, Request, Response};
use crate::connections::{Connection, Reach};
use crate::delivery::text::line;
use crate::delivery::{self, Delivery, Digest, Notification, Over, Style, fold};
use crate::judgement::{Ack, Judgement};
use crate::limits::{
    ALERTS_MAX, DIGEST_NAMED_MAX, DIGEST_RULES_MAX, REASON_CHARS_MAX, TITLE_CHARS_MAX, VALUE_CHARS_MAX,
};
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::sink::{Class, Settings, Sink, SinkSpec, check_url};
use crate::streams::fields::time;
use operations::secret::{Secret, SecretError};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "webhook",
    what: "Alerts to any HTTP receiver by the specification Standard Webhooks, signed with HMAC-SHA256 or Ed25519.",
    guarantee: "Effectively once at a receiver that remembers webhook-id; at least once at others.",
    class: Class::Delivery(crate::sink::delivery::<Webhook>),
    example: "url = \"https://hooks.acme.example/tachograph\"\nsecret = \"env:WEBHOOK_SECRET\"",
    fields: crate::sink::fields::<Webhook>,
    schema: crate::sink::schema::<Webhook>,
};

/// Messages that go at once,
const BURST: u32 = 20;
/// and the time for one more.
const INTERVAL: Duration = Duration::from_millis(100);
/// Tags in one message.
const TAGS_MAX: usize = 32;

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Webhook {
    /// The address of the receiver.
    url: String,
    /// The secrets, separated by white space: `whsec_…` for HMAC-SHA256, `whsk_…` for Ed25519. Each signs, so that one can
    /// replace another.
    secret: Secret,
    /// Milliseconds for which alerts about old events wait for each other.
    #[schemars(range(max = delivery::DIGEST_WAIT_MS_MAX))]
    #[serde(default = "delivery::digest_wait_ms")]
    digest_wait_ms: u64,
}

/// What is told of one alert.
fn notification(notification: &Notification<'_>) -> Message {
    let kind = match (&notification.over, notification.opened, notification.told) {
        (Some(Over::Resolved(_)), _, _) => "alert.resolved",
        (Some(Over::Closed(_)), _, _) => "alert.closed",
        (None, Some(_), _) if notification.escalated.is_some() => "alert.escalated",
        (None, Some(alert), None) if alert.state == State::Open => "alert.firing",
        (None, Some(_), _) => "alert.updated",
        (None, None, _) => "alert.acknowledged",
    };
    let mut data = notification.about().map_or_else(|| json!({"alert_id": notification.id}), data);
    if let Some(action) = notification.acknowledged {
        data["acknowledged_by"] = line(&action.actor, VALUE_CHARS_MAX).text.into();
    }
    if let Some(Over::Closed(action)) = notification.over {
        data["status"] = "closed".into();
        data["closed_by"] = line(&action.actor, VALUE_CHARS_MAX).text.into();
        data["closed_at"] = time(action.recorded);
        if let Some(reason) = action.reason {
            data["close_reason"] = reason.as_str().into();
        }
        if let Some(other) = &action.duplicate_of {
            data["duplicate_of"] = line(other, VALUE_CHARS_MAX).text.into();
        }
    }
    if let Some(step) = notification.escalated {
        data["escalation"] = line(step, VALUE_CHARS_MAX).text.into();
    }
    if notification.thread.is_some() {
        data["thread"] = notification.subject().into();
    }
    let others = notification.followers.iter().filter_map(Notification::newest);
    let others: Vec<Value> = others.take(DIGEST_NAMED_MAX).map(named).collect();
    if !others.is_empty() {
        data["others"] = json!({"alerts": notification.followers.len(), "worst": others});
    }
    notification.message("", body(kind, notification.time(), &data))
}

/// What a receiver gets of an alert.
fn data(alert: &Alert) -> Value {
    let text = |text: &str, limit| line(text, limit).text;
    let named = |values: Value| -> Value {
        let values = values.as_object().cloned().unwrap_or_default();
        let cut = |value: Value| value.as_str().map_or(Value::Null, |value| text(value, VALUE_CHARS_MAX).into());
        values.into_iter().map(|(name, value)| (name, cut(value))).collect()
    };
    json!({
        "alert_id": alert.id,
        "revision": alert.revision,
        "rule": text(&alert.rule, VALUE_CHARS_MAX),
        "rule_version": alert.rule_version,
        "severity": alert.severity.as_str(),
        "status": alert.state.as_str(),
        "title": text(&alert.title, TITLE_CHARS_MAX),
        "reason": text(&alert.reason, REASON_CHARS_MAX),
        "who": named(serde_json::to_value(&alert.who).unwrap_or_default()),
        "what": named(serde_json::to_value(&alert.what).unwrap_or_default()),
        "first_seen": time(alert.first_seen),
        "last_seen": time(alert.last_seen),
        "events": alert.count,
        "evidence": alert.evidence.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "tags": alert.tags.iter().take(TAGS_MAX).map(|tag| text(tag, VALUE_CHARS_MAX)).collect::<Vec<_>>(),
        "backfill": alert.backfill,
        "measured": alert.measured.as_ref().map(measured),
    })
}

/// The numbers behind the reason, without the values before.
fn measured(measured: &Measurement) -> Value {
    let Measurement { what, unit, observed, window_seconds, limit, usual, observations, last: _ } = measured;
    json!({
        "what": line(what, VALUE_CHARS_MAX).text, "unit": unit.as_str(), "observed": observed, "window_seconds": window_seconds, "limit": limit,
        "usual": usual, "observations": observations,
    })
}

/// One of many alerts.
fn named(alert: &Alert) -> Value {
    json!({"alert_id": alert.id, "revision": alert.revision, "severity": alert.severity.as_str(),
        "status": alert.state.as_str(), "title": line(&alert.title, TITLE_CHARS_MAX).text})
}

fn digest(digest: &Digest<'_>) -> Message {
    let rules: Vec<Value> = digest
        .rules()
        .into_iter()
        .take(DIGEST_RULES_MAX)
        .map(|(rule, severity, count)| json!({"rule": line(rule, VALUE_CHARS_MAX).text, "severity": severity.as_str(), "alerts": count}))
        .collect();
    let worst: Vec<Value> = digest.alerts.iter().take(DIGEST_NAMED_MAX).map(|alert| named(alert)).collect();
    let recorded = digest.alerts.iter().map(|alert| alert.recorded_last).max();
    let data = json!({"summary": digest.summary(), "alerts": digest.alerts.len(), "rules": rules, "worst": worst,
        "truncated": digest.alerts.len() > DIGEST_NAMED_MAX});
    digest.message("", body("alert.digest", recorded, &data))
}

fn body(kind: &str, recorded: Option<Timestamp>, data: &Value) -> Vec<u8> {
    let mut body = json!({"type": kind, "data": data});
    if let Some(recorded) = recorded {
        body["timestamp"] = time(recorded);
    }
    body.to_string().into_bytes()
}

/// The name of a message as an id, in which no full stop may stand.
fn id(key: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    format!("msg_{}", key.chars().map(plain).collect::<String>())
}

impl Settings for Webhook {
    type Sink = Self;

    fn sink(self) -> Result<Self, String> {
        delivery::check_wait(self.digest_wait_ms)?;
        check_url("url", &self.url)?;
        Ok(self)
    }
}

impl Sink for Webhook {
    type Protocol = Http;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: ALERTS_MAX, burst: BURST, interval: INTERVAL }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Http>>, String> {
        Http::connect(reach)
    }

    fn payload(&self, message: &Message, now: Timestamp) -> Result<Request, SecretError> {
        sign::request(&self.url, &self.secret, &id(&message.key), now, &message.body)
    }

    fn judge(&self, answer: &Response) -> Judgement {
        let reason = answer.to_string();
        match answer.status {
            200..=299 => Judgement::Acked(Ack::new(reason)),
            429 | 503 => Judgement::Retry { after: answer.retry_after, reason },
            400 | 413 | 422 => Judgement::Reject { index: 0, reason },
            // 410 says that nobody is there any more; a redirection is not followed.
            300..=399 | 401 | 403 | 404 | 405 | 410 => Judgement::Park { reason },
            _ => Judgement::Uncertain { reason },
        }
    }

    fn capabilities(&self) -> Capabilities<'_, Http> {
        Capabilities::default()
    }
}

impl Delivery for Webhook {
    fn render(&self, records: &[Record], outbox: &Outbox) -> Rendered {
        let records = delivery::batch(records);
        let folded = fold(records, outbox, Style::Messages);
        let mut messages: Vec<Message> = folded.notifications.iter().map(notification).collect();
        messages.extend(folded.digest.as_ref().map(digest));
        messages.extend(
            folded
                .ended
                .into_iter()
                .map(|key| Message::end_of(&key, "", body("alert.digest_over", None, &json!({"digest": id(&key)})))),
        );
        Rendered { messages, taken: records.len(), silent: folded.silent }
    }

    fn digest_wait(&self) -> Option<Duration> {
        Some(Duration::from_millis(self.digest_wait_ms))
    }
}

#[cfg(test)]
mod tests;
