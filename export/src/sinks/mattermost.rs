//! `mattermost`: alerts to a channel of Mattermost, through an incoming webhook or with the token of a bot.
//!
//! With a token each alert has a thread: what happens to it later is a reply. Everything that an alert says stands in code spans, in which
//! Mattermost reads neither Markdown nor mentions; notifications go out for nothing in one.

use std::time::Duration;

use ledger::Timestamp;
use operations::alert::Severity;
use operations::fold::Outbox;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::capabilities::{Capabilities, Fallback};
use crate::connections::http::{Http, Request, Response};
use crate::connections::{Connection, Reach};
use crate::delivery::content::{Bounds, Content};
use crate::delivery::text::word;
use crate::delivery::{self, Delivery, Style, fold};
use crate::judgement::{Ack, Judgement};
use crate::limits::ALERTS_MAX;
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::sink::{Class, Settings, Sink, SinkSpec, check_url, post_to_secret};
use operations::secret::{Secret, SecretError};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "mattermost",
    what: "Alerts to a channel of Mattermost: through an incoming webhook (`webhook`), or with a bot's token (`url`, `token` and `channel`, the \
           id of a channel), which gives each alert a thread.",
    guarantee: "At least once. With a token Mattermost folds what is repeated within 30 seconds after a cut connection; later, and through a \
                webhook, a message can arrive twice.",
    class: Class::Delivery(crate::sink::delivery::<MattermostSettings>),
    example: "url = \"https://chat.acme.example\"\ntoken = \"env:MATTERMOST_TOKEN\"\nchannel = \"4xp9fdt77pncbef59f4k1qe83o\"",
    fields: crate::sink::fields::<MattermostSettings>,
    schema: crate::sink::schema::<MattermostSettings>,
};

/// Requests that go at once,
const BURST: u32 = 5;
/// and the time for one more: Mattermost allows ten in a second unless it is told otherwise.
const INTERVAL: Duration = Duration::from_millis(200);
/// What stays far below the 16,383 characters of a message, and in sum below the 8,000 that attachments had in old versions.
const BOUNDS: Bounds = Bounds { title: 150, reason: 1_500, value: 120, named: 10, rules: 8 };
/// Characters of a value with what stands around it.
const FACT_CHARS_MAX: usize = 240;
/// Bytes of the name by which Mattermost folds repetitions.
const PENDING_BYTES_MAX: usize = 200;

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct MattermostSettings {
    /// The address of the incoming webhook. It is a reference, since the address is the secret.
    #[serde(default)]
    webhook: Option<Secret>,
    /// The address of the server, for a bot.
    #[serde(default)]
    url: Option<String>,
    /// The bot's token. It is used in place of a webhook, with `url` and `channel`.
    #[serde(default)]
    token: Option<Secret>,
    /// The id of the channel that the bot writes to.
    #[serde(default)]
    channel: Option<String>,
    /// Milliseconds for which alerts about old events wait for each other.
    #[schemars(range(max = delivery::DIGEST_WAIT_MS_MAX))]
    #[serde(default = "delivery::digest_wait_ms")]
    digest_wait_ms: u64,
}

impl Settings for MattermostSettings {
    type Sink = Mattermost;

    fn sink(self) -> Result<Mattermost, String> {
        delivery::check_wait(self.digest_wait_ms)?;
        let way = match (self.webhook, self.url, self.token, self.channel) {
            (Some(webhook), None, None, None) => Way::Webhook(webhook),
            (None, Some(url), Some(token), Some(channel)) => {
                check_url("url", &url)?;
                if !is_id(&channel) {
                    return Err("channel must be the id of a channel, which has 26 letters and digits".to_owned());
                }
                Way::Bot(Bot { url: format!("{}/api/v4/posts", url.trim_end_matches('/')), token, channel })
            }
            _ => return Err("give either webhook, or url, token and channel".to_owned()),
        };
        Ok(Mattermost { way, digest_wait: Duration::from_millis(self.digest_wait_ms) })
    }
}

/// A channel of Mattermost.
#[derive(Debug)]
pub(super) struct Mattermost {
    way: Way,
    digest_wait: Duration,
}

/// How a message reaches the channel.
#[derive(Debug)]
enum Way {
    /// Through an incoming webhook. Its address is the secret.
    Webhook(Secret),
    /// As posts of a bot.
    Bot(Bot),
}

/// A bot that writes to one channel.
#[derive(Debug)]
struct Bot {
    /// Where posts are created.
    url: String,
    token: Secret,
    channel: String,
}

impl Bot {
    fn render(&self, records: &[Record], outbox: &Outbox) -> Rendered {
        let records = delivery::batch(records);
        let folded = fold(records, outbox, Style::Mails);
        let mut messages: Vec<Message> = Vec::new();
        for notification in &folded.notifications {
            let content = BOUNDS.notification(notification);
            messages.push(self.post(&content, notification.handle(), notification.message("", Vec::new())));
        }
        if let Some(digest) = &folded.digest {
            messages.push(self.post(&BOUNDS.digest(digest), None, digest.message("", Vec::new())));
        }
        for key in &folded.ended {
            let end = Message::end_of(key, "", Vec::new());
            messages.push(self.post(&Content::digest_over(), outbox.digest_handle(key), end));
        }
        Rendered { messages, taken: records.len(), silent: folded.silent }
    }

    /// A post, in the thread of `root` if there is one.
    fn post(&self, content: &Content, root: Option<&str>, message: Message) -> Message {
        let mut body = json!({
            "channel_id": self.channel,
            "message": code(&content.subject),
            "props": {"attachments": [attachment(content)]},
            // Mattermost takes a second post of this name for the first, as long as it remembers it.
            "pending_post_id": word(&message.key, PENDING_BYTES_MAX),
        });
        if let Some(root) = root.filter(|root| is_id(root)) {
            body["root_id"] = root.into();
        }
        Message { body: body.to_string().into_bytes(), ..message }
    }
}

/// Whether a text can be an id of Mattermost.
fn is_id(text: &str) -> bool {
    text.len() == 26 && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

fn attachment(content: &Content) -> Value {
    let fields: Vec<Value> = content
        .facts(FACT_CHARS_MAX)
        .map(|(name, value)| json!({"short": value.chars().count() < 40, "title": name, "value": code(&value)}))
        .collect();
    json!({"fallback": content.subject, "color": color(content), "text": code(&content.lead), "fields": fields})
}

/// A text in which nothing is interpreted.
fn code(text: &str) -> String {
    let text = text.replace('`', "'");
    // An empty code span would show its back-ticks.
    if text.trim().is_empty() { "–".to_owned() } else { format!("`{}`", text.trim()) }
}

fn color(content: &Content) -> &'static str {
    match content.severity {
        _ if content.is_over() => "#2da44e",
        Severity::Critical => "#8b0000",
        Severity::High => "#d73a4a",
        Severity::Medium => "#d29922",
        Severity::Low | Severity::Info => "#6e7781",
    }
}

fn judge_webhook(answer: &Response) -> Judgement {
    let reason = answer.to_string();
    // Mattermost answers 400 for a webhook that is gone, too.
    let about_message = ["incoming_webhook.parse", "incoming_webhook.text", "incoming_webhook.split_props"];
    match answer.status {
        200..=299 => Judgement::Acked(Ack::new(reason)),
        429 | 503 => Judgement::Retry { after: answer.retry_after, reason },
        413 => Judgement::Reject { index: 0, reason },
        400 if about_message.iter().any(|id| answer.body.contains(id)) => Judgement::Reject { index: 0, reason },
        408 | 500 | 502 | 504..=599 => Judgement::Uncertain { reason },
        // The webhook or its channel is gone, or webhooks are turned off (501).
        _ => Judgement::Park { reason },
    }
}

fn judge_bot(answer: &Response) -> Judgement {
    let reason = answer.to_string();
    match answer.status {
        200..=299 => {
            let said: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
            let handle = said["id"].as_str().filter(|id| is_id(id)).map(ToOwned::to_owned);
            let said = format!("post {}", handle.as_deref().unwrap_or_default());
            Judgement::Acked(Ack { handle, ..Ack::new(said) })
        }
        429 | 503 => Judgement::Retry { after: answer.retry_after, reason },
        408 | 500..=599 => Judgement::Uncertain { reason },
        // The channel was archived.
        400 if answer.body.contains("can_not_post_to_deleted") => Judgement::Park { reason },
        400 | 413 => Judgement::Reject { index: 0, reason },
        // The token, the bot or the channel is gone; the alerts wait until somebody mends it.
        _ => Judgement::Park { reason },
    }
}

impl Sink for Mattermost {
    type Protocol = Http;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: ALERTS_MAX, burst: BURST, interval: INTERVAL }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Http>>, String> {
        Http::connect(reach)
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Request, SecretError> {
        let request = match &self.way {
            Way::Webhook(webhook) => post_to_secret(webhook, message.body.clone())?,
            Way::Bot(bot) => Request::post(&bot.url, message.body.clone()).authorized("Bearer", bot.token.read()?),
        };
        Ok(request.header("content-type", "application/json"))
    }

    fn judge(&self, answer: &Response) -> Judgement {
        match self.way {
            Way::Webhook(_) => judge_webhook(answer),
            Way::Bot(_) => judge_bot(answer),
        }
    }

    fn capabilities(&self) -> Capabilities<'_, Http> {
        Capabilities { fallback: Some(self), ..Capabilities::default() }
    }
}

impl Fallback<Http> for Mattermost {
    /// A reply whose thread is gone stands alone.
    fn fallback(&self, refused: &Response, message: &Message, _records: &[Record]) -> Option<Message> {
        if !refused.body.contains("create_post.root_id") && !refused.body.contains("create_post.channel_root_id") {
            return None;
        }
        let mut body: Value = serde_json::from_slice(&message.body).ok()?;
        body.as_object_mut()?.remove("root_id")?;
        Some(Message { body: body.to_string().into_bytes(), ..message.clone() })
    }
}

impl Delivery for Mattermost {
    fn render(&self, records: &[Record], outbox: &Outbox) -> Rendered {
        match &self.way {
            Way::Webhook(_) => delivery::texts(records, outbox, &BOUNDS, |_, content, _| {
                let body = json!({"text": code(&content.subject), "attachments": [attachment(content)]});
                body.to_string().into_bytes()
            }),
            Way::Bot(bot) => bot.render(records, outbox),
        }
    }

    fn digest_wait(&self) -> Option<Duration> {
        Some(self.digest_wait)
    }
}

#[cfg(test)]
mod tests;
