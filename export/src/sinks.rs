//! The contract of a sink, and the list of sinks. One line here and one file make a sink; configuration, reference and the
//! tests over the list derive from it.

mod alertmanager;
mod email;
mod pagerduty;
mod slack;
mod splunk_hec;
mod webhook;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ledger::LedgerName;
use operations::fold::Outbox;
use operations::kind::delivery::{SentAlert, SentThread};
use serde_json::Value;

use crate::config::Start;
use crate::connections::http::{Answer, Request};
use crate::judgement::Judgement;
use crate::record::Record;
use crate::secret::{Secret, SecretError};

pub use slack::{ACKNOWLEDGE_ACTION, SignatureError, verify_signature};

/// A receiver of records.
///
/// Rendering MUST be a pure function of the records and of what the receiver was told by the newest receipt: the same give
/// the same bytes, and the records that were `taken` give the same bytes when they are rendered alone. So a message that is
/// repeated is identical to the byte. What belongs to the attempt, such as a timestamp in a header, is in the request.
pub trait Sink: Send + Sync {
    /// What one batch may hold.
    fn limits(&self) -> BatchLimits;

    /// Renders as many of the records, from the first on, as one batch takes; at least one.
    fn render(&self, records: &[Record], outbox: &Outbox) -> Rendered;

    /// The request that carries a message at `now`, in microseconds since 1970 UTC. Reads the secret.
    fn request(&self, message: &Message, now: i64) -> Result<Request, SecretError>;

    /// What an answer means.
    fn judge(&self, answer: &Answer) -> Judgement;

    /// What the receiver calls the message that it took, if later messages refer to it.
    fn handle(&self, _answer: &Answer) -> Option<String> {
        None
    }

    /// Another form of a message that the receiver refused as it is, tried at once.
    fn fallback(&self, _answer: &Answer, _message: &Message, _records: &[Record]) -> Option<Message> {
        None
    }

    /// The request that asks whether the receiver has a message already, if it can be asked. It is made before a message
    /// whose fate is not certain is sent again.
    fn reconcile(&self, _message: &Message, _now: i64) -> Option<Result<Request, SecretError>> {
        None
    }

    /// What the answer to [`Sink::reconcile`] says.
    fn reconciled(&self, _message: &Message, answer: &Answer) -> Reconciled {
        Reconciled::Unknown(self.judge(answer))
    }

    /// How to ask whether a message that it accepted is safe, if accepting is not enough.
    fn confirmation(&self, _accepted: &Answer) -> Option<Confirmation> {
        None
    }

    /// The request that asks.
    fn confirmation_request(&self, _confirmation: &Confirmation) -> Result<Request, SecretError> {
        Err(SecretError::NotAReference)
    }

    /// What the answer to it says; `None` if the message is not safe yet.
    fn confirmed(&self, _confirmation: &Confirmation, _answer: &Answer) -> Option<Confirmed> {
        None
    }

    /// How long to wait for more records before a batch of these is sent.
    fn linger(&self, _records: &VecDeque<Record>) -> Duration {
        Duration::ZERO
    }

    /// The secret with which the receiver signs what people do with its messages, if anybody listens to that.
    fn signing(&self) -> Option<&Secret> {
        None
    }

    /// Checks what types cannot.
    fn check(&self) -> Result<(), String>;
}

/// What one batch may hold, and how often a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchLimits {
    /// Records in one batch.
    pub records: usize,
    /// Messages that may follow one another at once: the size of the token bucket.
    pub burst: u32,
    /// The time in which the bucket gets one token back; zero if the receiver counts nothing.
    pub interval: Duration,
}

/// The messages of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The messages in the order in which they are sent. Records that stand in none of them need no message.
    pub messages: Vec<Message>,
    /// How many records the batch holds, from the first on.
    pub taken: usize,
    /// Alerts that are over and of which the receiver need not be told, because it knows them from a digest only.
    pub silent: Vec<SentAlert>,
}

/// One message to a receiver: the unit that is sent, acknowledged and repeated.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Message {
    /// Its name, from what it says: the same for each attempt. Empty if the message is the whole batch, which a receiver then
    /// takes or refuses by parts.
    pub key: String,
    /// The sink's own word for where it goes, if there are several places.
    pub to: &'static str,
    /// Numbers in the batch of the records that it tells of.
    pub records: Vec<usize>,
    /// The revisions of alerts that it tells of.
    pub alerts: Vec<SentAlert>,
    /// The thread that it belongs to, if alerts are grouped.
    pub thread: Option<SentThread>,
    /// Whether it is a digest of many alerts.
    pub digest: bool,
    /// Whether it ends a digest or a thread and no record stands for it: then no dead letter can.
    pub end: bool,
    /// The body before compression.
    pub body: Vec<u8>,
}

impl Rendered {
    /// A batch that is one message.
    pub fn whole(body: Vec<u8>, taken: usize) -> Self {
        let message = Message { records: (0..taken).collect(), body, ..Message::default() };
        Self { messages: vec![message], taken, silent: Vec::new() }
    }
}

impl Message {
    /// The end of a digest or a thread by its name, where it is not the end of one of its alerts that says so.
    fn end_of(name: &str, to: &'static str, body: Vec<u8>) -> Self {
        Self { key: format!("{name}/over"), to, end: true, body, ..Self::default() }
    }
}

/// The question whether a message that was accepted is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confirmation {
    /// The receiver's number of the message; `None` if it gave none, and can only be asked whether it numbers messages now.
    pub id: Option<u64>,
    /// The wait before it is asked first; it doubles.
    pub wait: Duration,
    /// When the message is taken for lost.
    pub give_up: Duration,
}

/// Whether a message that was accepted is safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Confirmed {
    /// It is; what the receiver said.
    Safe(String),
    /// The receiver does not know of it, or not in time: it is sent again.
    Lost(String),
    /// There is no answer to the question; it can be asked again.
    Unanswered(String),
    /// The question is refused until somebody changes the configuration.
    Park(String),
}

/// Whether the receiver has a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reconciled {
    /// It has it, and calls it so.
    Has(Option<String>),
    /// It does not.
    HasNot,
    /// It did not say; what its answer means.
    Unknown(Judgement),
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
    /// Its own settings, for the reference.
    pub settings: &'static [Setting],
    /// The names that its own settings have when they are read.
    pub fields: fn() -> &'static [&'static str],
    /// Reads its own settings.
    pub parse: fn(Value) -> Result<Arc<dyn Sink>, String>,
}

/// One setting of a kind of sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name in the configuration.
    pub name: &'static str,
    /// What it means, what it may be, and its default.
    pub doc: &'static str,
}

impl Setting {
    pub(crate) const fn new(name: &'static str, doc: &'static str) -> Self {
        Self { name, doc }
    }
}

impl std::fmt::Debug for SinkSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SinkSpec").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Every kind of sink.
pub static SINKS: &[&SinkSpec] =
    &[&splunk_hec::SPEC, &slack::SPEC, &pagerduty::SPEC, &webhook::SPEC, &alertmanager::SPEC, &email::SPEC];

/// The names of the settings of one kind of sink.
fn fields<T: for<'de> serde::Deserialize<'de>>() -> &'static [&'static str] {
    operations::field_names(|probe| T::deserialize(probe))
}

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
mod payloads;
#[cfg(test)]
mod tests;
