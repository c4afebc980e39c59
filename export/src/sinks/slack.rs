//! `slack`: alerts to a channel in Block Kit, through an incoming webhook or with a bot token.
//!
//! The first alert goes at once. What comes while a message is on its way, or while Slack asks to wait, is folded into the
//! next message. Alerts about old events wait a moment for each other and arrive as one digest. Slack knows no ids, so a
//! message through a webhook can arrive twice after a cut connection; with a token the channel is searched for it first.

mod bot;
mod escape;
mod message;
mod signature;

use std::time::Duration;

use ledger::LedgerName;
use ledger::Timestamp;
use operations::fold::Outbox;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capabilities::{Capabilities, Fallback, Reconcile, Reconciled};
use crate::connections::http::{Http, Request, Response};
use crate::connections::{Connection, Reach};
use crate::delivery::{self, Delivery};
use crate::judgement::{Ack, Judgement};
use crate::limits::ALERTS_MAX;
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::sink::{Class, Settings, Sink, SinkSpec, check_url, post_to_secret};
use operations::secret::{Secret, SecretError};
pub use signature::{ACKNOWLEDGE_ACTION, SignatureError, verify_signature};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "slack",
    what: "Alerts to a Slack channel: through an incoming webhook (`webhook`), or with a bot token (`token` and `channel`, the \
           id of a channel; scopes chat:write and channels:history), which gives each alert a thread. With the app's signing secret (`signing_secret`) messages have a button that \
           acknowledges; the app's interactivity then asks /api/v1/integrations/slack/interactions of the console.",
    guarantee: "At least once; through a webhook a message can arrive twice after a cut connection, with a token the channel \
                is searched for it before it is sent again. Alerts that wait are folded into one message.",
    class: Class::Delivery(crate::sink::delivery::<SlackSettings>),
    example: "webhook = \"env:SLACK_WEBHOOK\"",
    fields: crate::sink::fields::<SlackSettings>,
    schema: crate::sink::schema::<SlackSettings>,
};

/// Slack takes about one message per second and channel, and bears bursts: so the first alert of an hour does not make the
/// second, which may be the worse one, wait.
const INTERVAL: Duration = Duration::from_secs(1);
/// Messages that go at once.
const BURST: u32 = 3;
/// The form of a message.
const JSON: &str = "application/json; charset=utf-8";

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SlackSettings {
    /// The address of the incoming webhook. It is a reference, since the address is the secret.
    #[serde(default)]
    webhook: Option<Secret>,
    /// The bot's token, `xoxb-…`. It is used in place of a webhook, with `channel`.
    #[serde(default)]
    token: Option<Secret>,
    /// The id of the channel that the bot writes to.
    #[serde(default)]
    channel: Option<String>,
    /// The app's signing secret. With it messages have a button that acknowledges (docs/slack.md).
    #[serde(default)]
    signing_secret: Option<Secret>,
    /// Another address than Slack's own for the methods of the bot, for a relay.
    #[serde(default = "api")]
    api: String,
    /// Milliseconds for which alerts about old events wait for each other.
    #[schemars(range(max = delivery::DIGEST_WAIT_MS_MAX))]
    #[serde(default = "delivery::digest_wait_ms")]
    digest_wait_ms: u64,
}

fn api() -> String {
    "https://slack.com/api".to_owned()
}

impl Settings for SlackSettings {
    type Sink = Slack;

    fn sink(self) -> Result<Slack, String> {
        check_url("api", &self.api)?;
        delivery::check_wait(self.digest_wait_ms)?;
        let way = match (self.webhook, self.token, self.channel) {
            (Some(webhook), None, None) => Way::Webhook(webhook),
            (None, Some(token), Some(channel)) => Way::Bot(Bot::new(token, channel, &self.api)?),
            _ => return Err("give either webhook, or token and channel".to_owned()),
        };
        let digest_wait = Duration::from_millis(self.digest_wait_ms);
        Ok(Slack { way, signing_secret: self.signing_secret, digest_wait })
    }
}

/// A channel of Slack.
#[derive(Debug)]
pub(super) struct Slack {
    way: Way,
    /// The app's signing secret. With it messages have a button that acknowledges.
    signing_secret: Option<Secret>,
    digest_wait: Duration,
}

/// How a message reaches the channel.
#[derive(Debug)]
enum Way {
    /// Through an incoming webhook. Its address is the secret.
    Webhook(Secret),
    /// By the methods of a bot.
    Bot(Bot),
}

/// A bot that writes to one channel.
#[derive(Debug)]
struct Bot {
    token: Secret,
    /// The channel's id.
    channel: String,
    /// The address of its methods, without a slash at the end.
    api: String,
}

impl Bot {
    fn new(token: Secret, channel: String, api: &str) -> Result<Self, String> {
        if channel.is_empty() || !channel.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err("channel must be the id of a channel, such as C0123456789".to_owned());
        }
        Ok(Self { token, channel, api: api.trim_end_matches('/').to_owned() })
    }

    fn request(&self, method: &str, content_type: &str, body: Vec<u8>) -> Result<Request, SecretError> {
        let request = Request::post(&format!("{}/{method}", self.api), body).header("content-type", content_type);
        Ok(request.authorized("Bearer", self.token.read()?))
    }
}

impl Slack {
    /// A button is shown where somebody would hear of it.
    fn buttons(&self) -> message::Buttons {
        if self.signing_secret.is_some() { message::Buttons::Interactive } else { message::Buttons::None }
    }

    /// The one message of a batch that goes through a webhook.
    fn list(&self, records: &[Record], outbox: &Outbox) -> Rendered {
        let list = message::AlertList::new(&delivery::news(records, outbox));
        if list.is_empty() {
            return Rendered { messages: Vec::new(), taken: records.len(), silent: Vec::new() };
        }
        let notes: &[String] = if list.escalated { &["Nobody acknowledged it in time.".to_owned()] } else { &[] };
        let body = message::noted(&list, self.buttons(), notes);
        let body = body.to_string().into_bytes();
        let mut rendered = Rendered::whole(body, records.len());
        rendered.messages[0].alerts = list.sent();
        rendered.messages[0].records = list.records().to_vec();
        rendered
    }
}

fn judge_webhook(answer: &Response) -> Judgement {
    let reason = answer.to_string();
    match answer.status {
        200..=299 => Judgement::Acked(Ack::new(reason)),
        429 | 503 => Judgement::Retry { after: answer.retry_after, reason },
        408 | 500..=599 => Judgement::Uncertain { reason },
        400 | 413 => Judgement::Split { reason },
        // The webhook, the app or the channel is gone; the alerts wait until somebody mends it.
        _ => Judgement::Park { reason },
    }
}

impl Sink for Slack {
    type Protocol = Http;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: ALERTS_MAX, burst: BURST, interval: INTERVAL }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Http>>, String> {
        Http::connect(reach)
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Request, SecretError> {
        match &self.way {
            Way::Webhook(webhook) => Ok(post_to_secret(webhook, message.body.clone())?.header("content-type", JSON)),
            Way::Bot(bot) => bot.request(message.to, JSON, message.body.clone()),
        }
    }

    fn judge(&self, answer: &Response) -> Judgement {
        match self.way {
            Way::Webhook(_) => judge_webhook(answer),
            Way::Bot(_) => bot::judge(answer),
        }
    }

    fn capabilities(&self) -> Capabilities<'_, Http> {
        let reconcile = match &self.way {
            Way::Webhook(_) => None,
            Way::Bot(bot) => Some(bot as &dyn Reconcile<Http>),
        };
        let signing_secret = self.signing_secret.as_ref();
        Capabilities { fallback: Some(self), reconcile, signing_secret, ..Capabilities::default() }
    }
}

impl Delivery for Slack {
    fn render(&self, records: &[Record], outbox: &Outbox) -> Rendered {
        let records = delivery::batch(records);
        match &self.way {
            Way::Webhook(_) => self.list(records, outbox),
            Way::Bot(bot) => bot::render(&bot.channel, self.buttons(), records, outbox),
        }
    }

    fn digest_wait(&self) -> Option<Duration> {
        Some(self.digest_wait)
    }
}

impl Fallback<Http> for Slack {
    fn fallback(&self, refused: &Response, sent: &Message, records: &[Record]) -> Option<Message> {
        if let Way::Bot(_) = self.way {
            return bot::fallback(refused, sent);
        }
        let form = ["invalid_blocks", "msg_blocks_too_long", "invalid_attachments"];
        if refused.status != 400 || !form.iter().any(|word| refused.body.contains(word)) {
            return None;
        }
        let nothing_told = Outbox::new("", LedgerName::Operations, 0, true);
        let list = message::AlertList::new(&delivery::news(records, &nothing_told));
        Some(Message { body: message::plain(&list).to_string().into_bytes(), ..sent.clone() })
    }
}

impl Reconcile<Http> for Bot {
    fn question(&self, message: &Message, now: Timestamp) -> Option<Result<Request, SecretError>> {
        let (method, form) = bot::question(message, &self.channel, now)?;
        Some(self.request(method, "application/x-www-form-urlencoded", form.into_bytes()))
    }

    fn reconciled(&self, message: &Message, answer: &Response) -> Reconciled {
        bot::reconciled(message, answer)
    }
}

#[cfg(test)]
mod tests;
