//! The contract of a sink, and the list of sinks. One line here and one file make a sink; configuration, reference and the
//! tests over the list derive from it.

mod slack;
mod splunk_hec;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ledger::LedgerName;
use serde_json::Value;

use crate::config::Start;
use crate::http::{Answer, Request};
use crate::outcome::Outcome;
use crate::record::Record;
use crate::secret::SecretError;

/// A receiver of records.
///
/// Rendering MUST be a pure function of the records: the same records give the same bytes, and the records that were
/// `taken` give the same bytes when they are rendered alone. So a request that is repeated is identical to the byte.
pub trait Sink: Send + Sync {
    /// What one batch may hold.
    fn limits(&self) -> BatchLimits;

    /// Renders as many of the records, from the first on, as one request takes; at least one.
    fn render(&self, records: &[Record]) -> Rendered;

    /// The request that carries a body. Reads the secret.
    fn request(&self, body: &[u8]) -> Result<Request, SecretError>;

    /// What an answer means.
    fn judge(&self, answer: &Answer) -> Outcome;

    /// Another rendering of a batch whose form the receiver refused, tried at once.
    fn fallback(&self, _answer: &Answer, _records: &[Record]) -> Option<Vec<u8>> {
        None
    }

    /// How long to wait for more records before a batch of these is sent.
    fn linger(&self, _records: &VecDeque<Record>) -> Duration {
        Duration::ZERO
    }

    /// Checks what types cannot.
    fn check(&self) -> Result<(), String>;
}

/// What one batch may hold, and how often one is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Records in one batch.
    pub records: usize,
    /// The time from the end of one batch to the start of the next, if the receiver counts requests.
    pub interval: Duration,
}

/// A body and the number of records in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The body before compression.
    pub body: Vec<u8>,
    /// How many records it holds, from the first on.
    pub taken: usize,
}

/// What a reader of the reference wants to know about a kind of sink.
pub struct SinkSpec {
    /// The word in `type`.
    pub kind: &'static str,
    /// What it is.
    pub what: &'static str,
    /// What is promised.
    pub guarantee: &'static str,
    /// The ledgers that it follows.
    pub ledgers: &'static [LedgerName],
    /// Whether it gets alerts only.
    pub alerts_only: bool,
    /// Where a new sink starts unless it says so.
    pub start: Start,
    /// An example of its own settings, in TOML.
    pub example: &'static str,
    /// Reads its own settings.
    pub parse: fn(Value) -> Result<Arc<dyn Sink>, String>,
}

impl std::fmt::Debug for SinkSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SinkSpec").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Every kind of sink.
pub static SINKS: &[&SinkSpec] = &[&splunk_hec::SPEC, &slack::SPEC];

/// Reads the settings of one kind of sink.
fn parse<T: for<'de> serde::Deserialize<'de> + Sink + 'static>(settings: Value) -> Result<Arc<dyn Sink>, String> {
    let sink: T = serde_json::from_value(settings).map_err(|error| error.to_string())?;
    sink.check()?;
    Ok(Arc::new(sink))
}

/// Whether a text can be the address of a receiver.
fn check_url(name: &str, text: &str) -> Result<(), String> {
    match reqwest::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() => Ok(()),
        _ => Err(format!("{name} must be an http or https address")),
    }
}

/// The start of an answer, for receipts and the status: one line, no control characters.
pub fn excerpt(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(crate::limits::ANSWER_CHARS_KEPT).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests;
