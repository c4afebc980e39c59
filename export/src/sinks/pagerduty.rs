//! `pagerduty`: alerts as incidents, through the Events API v2.
//!
//! Every alert has one dedup key; alerts of one group share that of the first. Trigger, acknowledgement and resolution go one
//! after the other, each on record before the next: a trigger after a resolution opens a new incident, so there is one only
//! when the alert is open again. PagerDuty folds repeats of one key, so a message that is sent twice changes nothing.

use std::time::Duration;

use ledger::Timestamp;
use operations::alert::{Alert, Measurement, Severity};
use operations::fold::Outbox;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::capabilities::Capabilities;
use crate::connections::http::{Http, Request, Response};
use crate::connections::{Connection, Reach};
use crate::delivery::text::line;
use crate::delivery::{self, Delivery, Digest, Notification, Style, fold};
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
    kind: "pagerduty",
    what: "Alerts as PagerDuty incidents through the Events API v2: trigger, acknowledge and resolve in order.",
    guarantee: "Effectively once: PagerDuty folds repeats by the alert's dedup key, and nothing is triggered after it was resolved. \
                If it refuses the end of a digest or of a group, somebody has to close that incident there: an error in the log and the metric \
                tachograph_export_ends_refused say so.",
    class: Class::Delivery(crate::sink::delivery::<PagerDuty>),
    example: "routing_key = \"env:PAGERDUTY_ROUTING_KEY\"\nregion = \"us\"",
    fields: crate::sink::fields::<PagerDuty>,
    schema: crate::sink::schema::<PagerDuty>,
};

/// PagerDuty's own bounds: characters of a summary,
const SUMMARY_CHARS_MAX: usize = 1_024;
/// and of a dedup key.
const DEDUP_KEY_MAX: usize = 255;
/// Events that go at once; PagerDuty publishes no rate and answers 429 above its own.
const BURST: u32 = 10;
/// The time for one more.
const INTERVAL: Duration = Duration::from_millis(500);

/// Where PagerDuty keeps the account.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Region {
    #[default]
    Us,
    Eu,
}

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PagerDuty {
    /// The integration key of a service. An incident can only be resolved with the key that opened it.
    routing_key: Secret,
    /// Where the account is.
    #[serde(default)]
    region: Region,
    /// Another address than PagerDuty's own, for a relay.
    #[serde(default)]
    url: Option<String>,
    /// Milliseconds for which alerts about old events wait for each other.
    #[schemars(range(max = delivery::DIGEST_WAIT_MS_MAX))]
    #[serde(default = "delivery::digest_wait_ms")]
    digest_wait_ms: u64,
}

impl PagerDuty {
    fn url(&self) -> &str {
        match (&self.url, self.region) {
            (Some(url), _) => url,
            (None, Region::Us) => "https://events.pagerduty.com/v2/enqueue",
            (None, Region::Eu) => "https://events.eu.pagerduty.com/v2/enqueue",
        }
    }
}

/// The event that opens an incident, or says that it goes on.
fn trigger(alert: &Alert, notification: &Notification<'_>) -> Vec<u8> {
    let mut details = Details::default();
    let (who, what) = (&alert.who, &alert.what);
    let workspace = who.workspace_name.as_deref().or(who.workspace.as_deref());
    let values = [
        ("workspace", workspace),
        ("user", who.user.as_deref()),
        ("agent", who.agent.as_deref()),
        ("session", who.session.as_deref()),
        ("team", who.team.as_deref()),
        ("host", what.host.as_deref()),
        ("method", what.method.as_deref()),
        ("path", what.path.as_deref()),
        ("tool", what.tool.as_deref()),
        ("model", what.model.as_deref()),
    ];
    let source = details.cut(workspace.or(who.agent.as_deref()).unwrap_or("tachograph"), VALUE_CHARS_MAX);
    let title = details.cut(&alert.title, TITLE_CHARS_MAX);
    let rule = details.cut(&alert.rule, VALUE_CHARS_MAX);
    details.text("reason", &alert.reason, REASON_CHARS_MAX);
    for (name, value) in values {
        if let Some(value) = value {
            details.text(name, value, VALUE_CHARS_MAX);
        }
    }
    details.put("alert_id", alert.id.clone());
    details.put("revision", alert.revision);
    details.put("rule", format!("{rule} v{}", alert.rule_version));
    details.put("events", alert.count);
    details.put("evidence", alert.evidence.iter().map(ToString::to_string).collect::<Vec<_>>());
    if let Some(Measurement { what, unit, observed, usual, .. }) = &alert.measured {
        let usual = usual.map_or_else(String::new, |usual| format!(", usually {} to {}", usual.low, usual.high));
        details.text("measured", &format!("{what}: {observed} {}{usual}", unit.as_str()), VALUE_CHARS_MAX);
    }
    details.put("tags", alert.tags.iter().map(|tag| line(tag, VALUE_CHARS_MAX).text).take(32).collect::<Vec<_>>());
    if let Some(step) = notification.escalated {
        details.text("escalation", &format!("nobody acknowledged it in time (step {step})"), VALUE_CHARS_MAX);
    }
    if let Some(more) = notification.more() {
        details.text("group", &more, VALUE_CHARS_MAX);
    }
    let mut payload = json!({
        "summary": line(&format!("[{}] {title}", alert.severity.as_str().to_ascii_uppercase()), SUMMARY_CHARS_MAX).text,
        "source": non_empty(&source),
        "severity": severity(alert.severity),
        "timestamp": time(alert.last_seen),
        "class": non_empty(&rule),
    });
    for (name, value) in [("component", &who.agent), ("group", &who.team)] {
        let value = value.as_deref().map(|value| line(value, VALUE_CHARS_MAX).text);
        // PagerDuty's clients leave out what is empty.
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            payload[name] = value.into();
        }
    }
    event("trigger", notification.subject(), Some((payload, details)))
}

/// One incident for many alerts.
fn many(digest: &Digest<'_>) -> Vec<u8> {
    let mut details = Details::default();
    let rules = digest.rules();
    let counted = rules.iter().take(DIGEST_RULES_MAX);
    let counts: Vec<Value> = counted
        .map(|(rule, severity, count)| json!({"rule": line(rule, VALUE_CHARS_MAX).text, "severity": severity.as_str(), "alerts": count}))
        .collect();
    let named = digest.alerts.iter().take(DIGEST_NAMED_MAX);
    let worst: Vec<Value> = named
        .map(|alert| json!({"alert_id": alert.id, "severity": alert.severity.as_str(), "title": line(&alert.title, TITLE_CHARS_MAX).text}))
        .collect();
    details.truncated = rules.len() > DIGEST_RULES_MAX || digest.alerts.len() > DIGEST_NAMED_MAX;
    details.put("rules", counts);
    details.put("worst", worst);
    details.put("alerts", digest.alerts.len());
    // Nobody is woken for what was old when it was recorded.
    let old = digest.old == digest.alerts.len();
    let payload = json!({
        "summary": line(&digest.summary(), SUMMARY_CHARS_MAX).text,
        "source": "tachograph",
        "severity": if old { "info" } else { severity(digest.severity()) },
        "class": "digest",
    });
    event("trigger", &digest.key, Some((payload, details)))
}

fn tell(notification: &Notification<'_>, messages: &mut Vec<Message>) {
    if let Some(alert) = notification.opened {
        messages.push(notification.opening("", trigger(alert, notification)));
    }
    if notification.acknowledged.is_some() {
        messages.push(notification.acknowledgement("", event("acknowledge", notification.subject(), None)));
    }
    if notification.over.is_some() {
        messages.push(notification.ending("", event("resolve", notification.subject(), None)));
    }
}

/// `custom_details`, with a mark if something of them is missing.
#[derive(Default)]
struct Details {
    values: Map<String, Value>,
    truncated: bool,
}

impl Details {
    fn cut(&mut self, text: &str, limit: usize) -> String {
        let cut = line(text, limit);
        self.truncated |= cut.truncated;
        cut.text
    }

    fn text(&mut self, name: &str, text: &str, limit: usize) {
        let text = self.cut(text, limit);
        self.put(name, text);
    }

    fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.values.insert(name.to_owned(), value.into());
    }

    fn done(mut self) -> Value {
        if self.truncated {
            self.put("truncated", true);
        }
        Value::Object(self.values)
    }
}

/// An event without its routing key, which only the request holds.
fn event(action: &str, subject: &str, payload: Option<(Value, Details)>) -> Vec<u8> {
    let mut event = json!({"event_action": action, "dedup_key": dedup_key(subject)});
    if let Some((mut payload, details)) = payload {
        payload["custom_details"] = details.done();
        event["payload"] = payload;
        event["client"] = "tachograph".into();
    }
    event.to_string().into_bytes()
}

fn dedup_key(subject: &str) -> String {
    let key = format!("tachograph/{subject}");
    if key.len() <= DEDUP_KEY_MAX { key } else { format!("tachograph/{}", crate::hash::sha256(subject.as_bytes())) }
}

fn non_empty(text: &str) -> &str {
    if text.trim().is_empty() { "unknown" } else { text }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info | Severity::Low => "info",
        Severity::Medium => "warning",
        Severity::High => "error",
        Severity::Critical => "critical",
    }
}

impl Settings for PagerDuty {
    type Sink = Self;

    fn sink(self) -> Result<Self, String> {
        delivery::check_wait(self.digest_wait_ms)?;
        self.url.as_deref().map_or(Ok(()), |url| check_url("url", url))?;
        Ok(self)
    }
}

impl Sink for PagerDuty {
    type Protocol = Http;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: ALERTS_MAX, burst: BURST, interval: INTERVAL }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Http>>, String> {
        Http::connect(reach)
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Request, SecretError> {
        let key = self.routing_key.read()?;
        let plain = key.expose().bytes().all(|b| b.is_ascii_alphanumeric());
        if !plain {
            let place = self.routing_key.to_string();
            return Err(SecretError::Unusable {
                place,
                expected: "an integration key, which has letters and digits only",
            });
        }
        // The body is a JSON object that is not empty; the key becomes its first member.
        let mut body = format!("{{\"routing_key\":\"{}\",", key.expose()).into_bytes();
        body.extend_from_slice(message.body.strip_prefix(b"{").unwrap_or(&message.body));
        Ok(Request::post(self.url(), body).header("content-type", "application/json"))
    }

    fn judge(&self, answer: &Response) -> Judgement {
        let reason = answer.to_string();
        match answer.status {
            200..=299 => Judgement::Acked(Ack::new(reason)),
            429 => Judgement::Retry { after: answer.retry_after, reason },
            408 | 500..=599 => Judgement::Uncertain { reason },
            // PagerDuty says of a 400 that it must not be repeated.
            400 | 413 => Judgement::Reject { index: 0, reason },
            _ => Judgement::Park { reason },
        }
    }

    fn capabilities(&self) -> Capabilities<'_, Http> {
        Capabilities::default()
    }
}

impl Delivery for PagerDuty {
    fn render(&self, records: &[Record], outbox: &Outbox) -> Rendered {
        let records = delivery::batch(records);
        let folded = fold(records, outbox, Style::Incidents);
        let mut messages = Vec::new();
        folded.notifications.iter().for_each(|notification| tell(notification, &mut messages));
        messages.extend(folded.digest.iter().map(|digest| digest.message("", many(digest))));
        messages.extend(
            folded
                .ended
                .into_iter()
                .chain(folded.deserted)
                .map(|key| Message::end_of(&key, "", event("resolve", &key, None))),
        );
        Rendered { messages, taken: records.len(), silent: folded.silent }
    }

    fn digest_wait(&self) -> Option<Duration> {
        Some(Duration::from_millis(self.digest_wait_ms))
    }
}

#[cfg(test)]
mod tests;
