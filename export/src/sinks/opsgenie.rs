//! `opsgenie`: alerts through the alert API of Opsgenie, and through the same API of Jira Service Management, to which Opsgenie's customers
//! move: Opsgenie is no longer sold and ends on 5 April 2027. The other kind is `jira_service_management`; all but names and addresses is
//! here.
//!
//! Every alert has one alias, by which repeats are folded and the end is told. Create, acknowledge and close go one after the other, each
//! on record before the next: what is created after it was closed is another alert.

use std::time::Duration;

use ledger::Timestamp;
use operations::alert::Severity;
use operations::fold::Outbox;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::capabilities::Capabilities;
use crate::connections::http::{Http, Request, Response};
use crate::connections::{Connection, Reach};
use crate::delivery::content::{Bounds, Content, DIGEST_OVER, happened};
use crate::delivery::text::{line, word};
use crate::delivery::{self, Delivery, Notification, Style, fold};
use crate::judgement::{Ack, Judgement};
use crate::limits::ALERTS_MAX;
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::sink::{Class, Settings, Sink, SinkSpec, check_url};
use operations::secret::{Secret, SecretError};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "opsgenie",
    what: "Alerts through Opsgenie's alert API: create, acknowledge and close in order. Opsgenie ends on 5 April 2027; its successor is \
           `jira_service_management`.",
    guarantee: GUARANTEE,
    class: Class::Delivery(crate::sink::delivery::<OpsgenieSettings>),
    example: "api_key = \"env:OPSGENIE_API_KEY\"\nregion = \"eu\"",
    fields: crate::sink::fields::<OpsgenieSettings>,
    schema: crate::sink::schema::<OpsgenieSettings>,
};

/// What both kinds promise.
pub const GUARANTEE: &str = "Effectively once: repeats are folded by the alert's alias, and nothing is created after it was closed. The answer \
     comes before the alert is processed: what is refused after it shows only in the integration's own log there.";

/// Bounds of the API: characters of a message,
const MESSAGE_CHARS_MAX: usize = 130;
/// bytes of a description, of which the API takes 15,000 characters,
const DESCRIPTION_BYTES_MAX: usize = 14_000;
/// bytes of an alias,
const ALIAS_BYTES_MAX: usize = 256;
/// tags,
const TAGS_MAX: usize = 20;
/// and characters of one,
const TAG_CHARS_MAX: usize = 50;
/// characters of the details, of which it takes 8,000 in all,
const DETAIL_CHARS_MAX: usize = 300;
/// of an entity,
const ENTITY_CHARS_MAX: usize = 512;
/// and of a note.
const NOTE_CHARS_MAX: usize = 1_000;
/// Requests that go at once,
const BURST: u32 = 10;
/// and the time for one more.
const INTERVAL: Duration = Duration::from_millis(500);

/// Where Opsgenie keeps the account.
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
pub(super) struct OpsgenieSettings {
    /// The key of an integration of the type API.
    api_key: Secret,
    /// Where the account is.
    #[serde(default)]
    region: Region,
    /// Another address than Opsgenie's own, for a relay; without `/v2/alerts`.
    #[serde(default)]
    url: Option<String>,
    /// Milliseconds for which alerts about old events wait for each other.
    #[schemars(range(max = delivery::DIGEST_WAIT_MS_MAX))]
    #[serde(default = "delivery::digest_wait_ms")]
    digest_wait_ms: u64,
}

impl Settings for OpsgenieSettings {
    type Sink = Opsgenie;

    fn sink(self) -> Result<Opsgenie, String> {
        let own = match self.region {
            Region::Us => "https://api.opsgenie.com",
            Region::Eu => "https://api.eu.opsgenie.com",
        };
        Opsgenie::new(self.url.as_deref().unwrap_or(own), self.api_key, self.digest_wait_ms)
    }
}

/// Somebody who takes alerts by this API.
#[derive(Debug)]
pub(super) struct Opsgenie {
    /// The address without `/v2/alerts`.
    url: String,
    api_key: Secret,
    digest_wait: Duration,
}

impl Opsgenie {
    /// The API at this address. The error says what of the settings cannot be meant.
    pub fn new(url: &str, api_key: Secret, digest_wait_ms: u64) -> Result<Self, String> {
        delivery::check_wait(digest_wait_ms)?;
        check_url("url", url)?;
        let (url, digest_wait) = (url.trim_end_matches('/').to_owned(), Duration::from_millis(digest_wait_ms));
        Ok(Self { url, api_key, digest_wait })
    }
}

/// What an alert is called there.
fn alias(subject: &str) -> String {
    word(&format!("tachograph-{subject}"), ALIAS_BYTES_MAX)
}

fn create(subject: &str, content: &Content, notification: Option<&Notification<'_>>) -> Vec<u8> {
    let alert = notification.and_then(|notification| notification.opened);
    let mut details = Map::new();
    let mut left = 7_000_usize;
    for (name, value) in content.facts(DETAIL_CHARS_MAX).filter(|(name, _)| *name != "Alert" && *name != "Rule") {
        let value = line(&value, DETAIL_CHARS_MAX.min(left)).text;
        left = left.saturating_sub(value.chars().count() + name.len());
        if left > 0 {
            details.entry(name.to_ascii_lowercase()).or_insert(Value::String(value));
        }
    }
    let mut body = json!({
        "message": message(&content.subject),
        "alias": alias(subject),
        "description": content.lines(DESCRIPTION_BYTES_MAX),
        "source": "tachograph",
        "priority": priority(content.severity),
        "details": details,
    });
    if let Some(alert) = alert {
        let tags = alert.tags.iter().map(|tag| line(tag, TAG_CHARS_MAX).text).filter(|tag| !tag.trim().is_empty());
        body["tags"] = tags.take(TAGS_MAX).collect::<Vec<_>>().into();
        let about = alert.who.workspace_name.as_deref().or(alert.who.workspace.as_deref());
        let entity = about.map(|about| line(about, ENTITY_CHARS_MAX).text).filter(|entity| !entity.trim().is_empty());
        if let Some(entity) = entity {
            body["entity"] = entity.into();
        }
    }
    body.to_string().into_bytes()
}

fn message(subject: &str) -> String {
    line(subject, MESSAGE_CHARS_MAX).text
}

fn priority(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "P1",
        Severity::High => "P2",
        Severity::Medium => "P3",
        Severity::Low => "P4",
        Severity::Info => "P5",
    }
}

/// What somebody did, or that it is over.
fn step(note: &str) -> Vec<u8> {
    json!({"source": "tachograph", "note": line(note, NOTE_CHARS_MAX).text}).to_string().into_bytes()
}

/// Where a message goes.
fn at(subject: &str, action: &str, message: Message) -> Message {
    let path = match action {
        "" => "/v2/alerts".to_owned(),
        action => format!("/v2/alerts/{}/{action}?identifierType=alias", alias(subject)),
    };
    Message { path, ..message }
}

fn tell(notification: &Notification<'_>, messages: &mut Vec<Message>) {
    let subject = notification.subject();
    if notification.opened.is_some() {
        let mut content = Bounds::GENERAL.notification(notification);
        if let Some(alert) = notification.opened {
            // It opens as what it is; that it is over is told by the next message.
            let title = line(&alert.title, MESSAGE_CHARS_MAX).text;
            content.subject = format!("[{}] {title}", alert.severity.as_str().to_ascii_uppercase());
        }
        let body = create(subject, &content, Some(notification));
        messages.push(at(subject, "", notification.opening("", body)));
    }
    if let Some(action) = notification.acknowledged {
        let note = format!("{} looks after it.", line(&action.actor, NOTE_CHARS_MAX / 2).text);
        messages.push(at(subject, "acknowledge", notification.acknowledgement("", step(&note))));
    }
    if notification.over.is_some() {
        messages.push(at(subject, "close", notification.ending("", step(&happened(notification)))));
    }
}

impl Sink for Opsgenie {
    type Protocol = Http;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: ALERTS_MAX, burst: BURST, interval: INTERVAL }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Http>>, String> {
        Http::connect(reach)
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Request, SecretError> {
        let request = Request::post(&format!("{}{}", self.url, message.path), message.body.clone());
        Ok(request.header("content-type", "application/json").authorized("GenieKey", self.api_key.read()?))
    }

    fn judge(&self, answer: &Response) -> Judgement {
        let reason = answer.to_string();
        match answer.status {
            200..=299 => Judgement::Acked(Ack::new(reason)),
            429 | 503 => Judgement::Retry { after: answer.retry_after, reason },
            408 | 500..=599 => Judgement::Uncertain { reason },
            400 | 413 | 422 => Judgement::Reject { index: 0, reason },
            // The key is of another account or region, or the integration is turned off.
            _ => Judgement::Park { reason },
        }
    }

    fn capabilities(&self) -> Capabilities<'_, Http> {
        Capabilities::default()
    }
}

impl Delivery for Opsgenie {
    fn render(&self, records: &[Record], outbox: &Outbox) -> Rendered {
        let records = delivery::batch(records);
        let folded = fold(records, outbox, Style::Incidents);
        let mut messages = Vec::new();
        folded.notifications.iter().for_each(|notification| tell(notification, &mut messages));
        if let Some(digest) = &folded.digest {
            let body = create(&digest.key, &Bounds::GENERAL.digest(digest), None);
            messages.push(at(&digest.key, "", digest.message("", body)));
        }
        let over = "All alerts of the thread are over.";
        let ends = folded.ended.iter().map(|key| (key, DIGEST_OVER));
        for (key, note) in ends.chain(folded.deserted.iter().map(|key| (key, over))) {
            messages.push(at(key, "close", Message::end_of(key, "", step(note))));
        }
        Rendered { messages, taken: records.len(), silent: folded.silent }
    }

    fn digest_wait(&self) -> Option<Duration> {
        Some(self.digest_wait)
    }
}

#[cfg(test)]
mod tests;
