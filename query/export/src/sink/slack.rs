//! `slack`: alerts to a channel through an incoming webhook, in Block Kit.
//!
//! The first alert goes at once. What comes while a message is on its way, or while Slack asks to wait, is folded into the
//! next message. Alerts about old events wait a moment for each other and arrive as one digest. Slack knows no ids for
//! webhooks, so a message can arrive twice after a cut connection; it never gets lost.

mod escape;
mod message;

use std::collections::VecDeque;
use std::time::Duration;

use ledger::LedgerName;
use serde::{Deserialize, Serialize};

use super::{BatchLimits, Rendered, Sink, SinkSpec, check_url, excerpt};
use crate::config::Start;
use crate::http::{Answer, Request};
use crate::outcome::Outcome;
use crate::record::{Body, Record};
use crate::secret::{Secret, SecretError};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "slack",
    what: "Alerts to a Slack channel through an incoming webhook.",
    guarantee: "At least once; a message can arrive twice after a cut connection. Alerts that wait are folded into one message.",
    ledgers: &[LedgerName::Operations],
    alerts_only: true,
    start: Start::Now,
    example: "webhook = \"env:SLACK_WEBHOOK\"\nconsole = \"https://tachograph.acme.example\"",
    parse: super::parse::<Slack>,
};

/// Alerts in one message; most of them are only counted.
const BATCH_RECORDS_MAX: usize = 1_000;
/// Slack takes about one message per second and channel.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long alerts about old events wait for each other.
const DIGEST_WAIT: Duration = Duration::from_secs(5);

/// The settings.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Slack {
    /// The address of the incoming webhook. The address is the secret.
    webhook: Secret,
    /// The address of the console, for a link in each message.
    #[serde(default)]
    console: Option<String>,
    /// Milliseconds between two messages.
    #[serde(default = "interval_ms")]
    interval_ms: u64,
    /// Milliseconds for which alerts about old events wait for each other.
    #[serde(default = "digest_wait_ms")]
    digest_wait_ms: u64,
}

fn interval_ms() -> u64 {
    INTERVAL.as_millis() as u64
}

fn digest_wait_ms() -> u64 {
    DIGEST_WAIT.as_millis() as u64
}

impl Sink for Slack {
    fn limits(&self) -> BatchLimits {
        BatchLimits { records: BATCH_RECORDS_MAX, interval: Duration::from_millis(self.interval_ms) }
    }

    fn render(&self, records: &[Record]) -> Rendered {
        let records = &records[..records.len().min(BATCH_RECORDS_MAX)];
        let body = message::blocks(&message::Batch::new(records), self.console.as_deref()).to_string().into_bytes();
        Rendered { body, taken: records.len() }
    }

    fn request(&self, body: &[u8]) -> Result<Request, SecretError> {
        let url = self.webhook.read()?;
        if check_url("webhook", url.expose()).is_err() {
            let place = self.webhook.to_string();
            return Err(SecretError::Unusable { place, expected: "the address of an incoming webhook" });
        }
        let shown_url = reqwest::Url::parse(url.expose())
            .map(|url| format!("{}://{}/****", url.scheme(), url.host_str().unwrap_or_default()))
            .unwrap_or_default();
        let headers = vec![("content-type", "application/json; charset=utf-8".to_owned())];
        Ok(Request { url, shown_url, headers, authorization: None, body: body.to_vec() })
    }

    fn judge(&self, answer: &Answer) -> Outcome {
        let reason = format!("{} {}", answer.status, excerpt(&answer.body));
        match answer.status {
            200..=299 => Outcome::Acked(reason),
            429 | 503 => Outcome::Retry { after: answer.retry_after, reason },
            408 | 500..=599 => Outcome::Uncertain { reason },
            400 | 413 => Outcome::Split { reason },
            // The webhook, the app or the channel is gone; the alerts wait until somebody mends it.
            _ => Outcome::Park { reason },
        }
    }

    fn fallback(&self, answer: &Answer, records: &[Record]) -> Option<Vec<u8>> {
        let form = ["invalid_blocks", "msg_blocks_too_long", "invalid_attachments"];
        let refused = answer.status == 400 && form.iter().any(|word| answer.body.contains(word));
        refused.then(|| message::plain(&message::Batch::new(records)).to_string().into_bytes())
    }

    fn linger(&self, records: &VecDeque<Record>) -> Duration {
        let backfill = |record: &Record| matches!(&record.body, Body::Alert(alert) if alert.backfill);
        let digest = !records.is_empty() && records.iter().all(backfill);
        if digest { Duration::from_millis(self.digest_wait_ms) } else { Duration::ZERO }
    }

    fn check(&self) -> Result<(), String> {
        if self.interval_ms > 60_000 || self.digest_wait_ms > 60_000 {
            return Err("interval_ms and digest_wait_ms must be at most 60000".to_owned());
        }
        self.console.as_deref().map_or(Ok(()), |console| check_url("console", console))
    }
}

#[cfg(test)]
mod tests;
