//! `slack`: alerts to a channel in Block Kit, through an incoming webhook or with a bot token.
//!
//! The first alert goes at once. What comes while a message is on its way, or while Slack asks to wait, is folded into the
//! next message. Alerts about old events wait a moment for each other and arrive as one digest. Slack knows no ids, so a
//! message through a webhook can arrive twice after a cut connection; with a token the channel is searched for it first.

mod bot;
mod escape;
mod message;
mod signature;

use std::collections::VecDeque;
use std::time::Duration;

use ledger::LedgerName;
use operations::fold::Outbox;
use serde::{Deserialize, Serialize};

use super::{Setting, Sink, SinkSpec, check_url};
use crate::capabilities::Reconciled;
use crate::config::Start;
use crate::connections::excerpt;
use crate::connections::http::{Answer, Request};
use crate::delivery;
use crate::judgement::Judgement;
use crate::limits::ALERTS_MAX;
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::secret::{Secret, SecretError, SecretText};
pub use signature::{ACKNOWLEDGE_ACTION, SignatureError, verify_signature};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "slack",
    what: "Alerts to a Slack channel: through an incoming webhook (`webhook`), or with a bot token (`token` and `channel`, the \
           id of a channel; scopes chat:write and channels:history), which gives each alert a thread. With the app's signing secret (`signing_secret`) messages have a button that \
           acknowledges; the app's interactivity then asks /api/v1/integrations/slack/interactions of the console.",
    guarantee: "At least once; through a webhook a message can arrive twice after a cut connection, with a token the channel \
                is searched for it before it is sent again. Alerts that wait are folded into one message.",
    ledgers: &[LedgerName::Operations],
    alerts_only: true,
    start: Start::Now,
    example: "webhook = \"env:SLACK_WEBHOOK\"",
    settings: &[
        Setting::new("webhook", "The address of the incoming webhook: a reference, since the address is the secret."),
        Setting::new(
            "token",
            "The bot's token, `xoxb-…`: a reference. It is used in place of a webhook, with `channel`.",
        ),
        Setting::new("channel", "The id of the channel that the bot writes to."),
        Setting::new(
            "signing_secret",
            "The app's signing secret: a reference. With it messages have a button that acknowledges (docs/slack.md).",
        ),
        Setting::new("api", "Another address than Slack's own for the methods of the bot, for a relay."),
        delivery::DIGEST_WAIT_MS,
    ],
    fields: super::fields::<Slack>,
    parse: super::parse::<Slack>,
};

/// Slack takes about one message per second and channel, and bears bursts: so the first alert of an hour does not make the
/// second, which may be the worse one, wait.
const INTERVAL: Duration = Duration::from_secs(1);
/// Messages that go at once.
const BURST: u32 = 3;

/// The settings.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Slack {
    /// The address of the incoming webhook. The address is the secret.
    #[serde(default)]
    webhook: Option<Secret>,
    /// The bot's token, `xoxb-…`.
    #[serde(default)]
    token: Option<Secret>,
    /// The id of the channel that the bot writes to.
    #[serde(default)]
    channel: Option<String>,
    /// The app's signing secret. With it messages have a button that acknowledges.
    #[serde(default)]
    signing_secret: Option<Secret>,
    /// Another address than Slack's own for the methods of the bot, for a relay.
    #[serde(default = "api")]
    api: String,
    /// Milliseconds for which alerts about old events wait for each other.
    #[serde(default = "delivery::digest_wait_ms")]
    digest_wait_ms: u64,
}

fn api() -> String {
    "https://slack.com/api".to_owned()
}

/// How a message reaches the channel.
enum Way<'a> {
    Webhook(&'a Secret),
    Bot { token: &'a Secret, channel: &'a str },
}

impl Slack {
    fn way(&self) -> Option<Way<'_>> {
        match (&self.webhook, &self.token, &self.channel) {
            (Some(webhook), None, None) => Some(Way::Webhook(webhook)),
            (None, Some(token), Some(channel)) => Some(Way::Bot { token, channel }),
            _ => None,
        }
    }

    /// A button is shown where somebody would hear of it.
    fn buttons(&self) -> message::Buttons {
        if self.signing_secret.is_some() { message::Buttons::Interactive } else { message::Buttons::None }
    }

    fn by_webhook(webhook: &Secret, message: &Message) -> Result<Request, SecretError> {
        let url = webhook.read()?;
        if check_url("webhook", url.expose()).is_err() {
            let place = webhook.to_string();
            return Err(SecretError::Unusable { place, expected: "the address of an incoming webhook" });
        }
        let shown_url = reqwest::Url::parse(url.expose())
            .map(|url| format!("{}://{}/****", url.scheme(), url.host_str().unwrap_or_default()))
            .unwrap_or_default();
        let headers = vec![("content-type", "application/json; charset=utf-8".to_owned())];
        Ok(Request { url, shown_url, headers, authorization: None, body: message.body.clone(), mail: None })
    }

    fn by_bot(&self, token: &Secret, method: &str, kind: &str, body: Vec<u8>) -> Result<Request, SecretError> {
        let url = format!("{}/{method}", self.api.trim_end_matches('/'));
        let headers = vec![("content-type", kind.to_owned())];
        let authorization = Some(("authorization", "Bearer ", token.read()?));
        Ok(Request { url: SecretText::public(&url), shown_url: url, headers, authorization, body, mail: None })
    }
}

impl Sink for Slack {
    fn limits(&self) -> BatchLimits {
        BatchLimits { records: ALERTS_MAX, burst: BURST, interval: INTERVAL }
    }

    fn render(&self, records: &[Record], outbox: &Outbox) -> Rendered {
        let records = delivery::batch(records);
        if let Some(Way::Bot { channel, .. }) = self.way() {
            return bot::render(channel, self.buttons(), records, outbox);
        }
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

    fn request(&self, message: &Message, _now: i64) -> Result<Request, SecretError> {
        match self.way() {
            Some(Way::Webhook(webhook)) => Self::by_webhook(webhook, message),
            Some(Way::Bot { token, .. }) => {
                self.by_bot(token, message.to, "application/json; charset=utf-8", message.body.clone())
            }
            None => Err(SecretError::NotAReference),
        }
    }

    fn handle(&self, answer: &Answer) -> Option<String> {
        self.token.as_ref().and_then(|_| bot::handle(answer))
    }

    fn reconcile(&self, message: &Message, now: i64) -> Option<Result<Request, SecretError>> {
        let Some(Way::Bot { token, channel }) = self.way() else { return None };
        let (method, form) = bot::question(message, channel, now)?;
        Some(self.by_bot(token, method, "application/x-www-form-urlencoded", form.into_bytes()))
    }

    fn reconciled(&self, message: &Message, answer: &Answer) -> Reconciled {
        bot::reconciled(message, answer)
    }

    fn judge(&self, answer: &Answer) -> Judgement {
        if self.token.is_some() {
            return bot::judge(answer);
        }
        let reason = format!("{} {}", answer.status, excerpt(&answer.body));
        match answer.status {
            200..=299 => Judgement::Acked(reason),
            429 | 503 => Judgement::Retry { after: answer.retry_after, reason },
            408 | 500..=599 => Judgement::Uncertain { reason },
            400 | 413 => Judgement::Split { reason },
            // The webhook, the app or the channel is gone; the alerts wait until somebody mends it.
            _ => Judgement::Park { reason },
        }
    }

    fn fallback(&self, answer: &Answer, sent: &Message, records: &[Record]) -> Option<Message> {
        if self.token.is_some() {
            return bot::fallback(answer, sent);
        }
        let form = ["invalid_blocks", "msg_blocks_too_long", "invalid_attachments"];
        let refused = answer.status == 400 && form.iter().any(|word| answer.body.contains(word));
        let nothing_told = Outbox::new("", LedgerName::Operations, 0, true);
        let list = || message::AlertList::new(&delivery::news(records, &nothing_told));
        let body = || message::plain(&list()).to_string().into_bytes();
        refused.then(|| Message { body: body(), ..sent.clone() })
    }

    fn linger(&self, records: &VecDeque<Record>) -> Duration {
        delivery::linger(records, Duration::from_millis(self.digest_wait_ms))
    }

    fn signing(&self) -> Option<&Secret> {
        self.signing_secret.as_ref()
    }

    fn check(&self) -> Result<(), String> {
        if self.way().is_none() {
            return Err("give either webhook, or token and channel".to_owned());
        }
        let plain = |channel: &String| !channel.is_empty() && channel.bytes().all(|b| b.is_ascii_alphanumeric());
        if self.channel.as_ref().is_some_and(|channel| !plain(channel)) {
            return Err("channel must be the id of a channel, such as C0123456789".to_owned());
        }
        check_url("api", &self.api)?;
        delivery::check_wait(self.digest_wait_ms)
    }
}

#[cfg(test)]
mod tests;
