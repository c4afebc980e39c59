//! The contract of a sink: what each must do, for whom its messages are, and how its settings are read. How records become messages is the
//! business of `delivery` and `streams`, how messages travel that of `connections`. The sinks themselves stand in `sinks`.

use std::sync::Arc;

use ledger::{LedgerName, Timestamp};
use schemars::{JsonSchema, Schema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::capabilities::{Capabilities, ReadBack};
use crate::connections::http::Request;
use crate::connections::{Connection, Protocol, Reach};
use crate::delivery::Delivery;
use crate::judgement::Judgement;
use crate::message::{BatchLimits, Message};
use crate::sender::{Bound, Sender};
use crate::streams::Stream;
use operations::secret::{Secret, SecretError};

/// A receiver of messages: how each becomes a payload, and what the answer means. A sink is a [`Delivery`] or a [`Stream`]
/// beside, which say how records become messages.
pub trait Sink: Send + Sync + Sized + 'static {
    /// What carries its messages.
    type Protocol: Protocol;

    /// What one batch may hold.
    fn limits(&self) -> BatchLimits;

    /// Prepares the connection. Nothing is sent. The error says what of the configuration is wrong.
    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Self::Protocol>>, String>;

    /// What carries a message at `now`. Reads the secret.
    fn payload(&self, message: &Message, now: Timestamp) -> Result<PayloadOf<Self>, SecretError>;

    /// What an answer means.
    fn judge(&self, answer: &AnswerOf<Self>) -> Judgement;

    /// What it can do beside.
    fn capabilities(&self) -> Capabilities<'_, Self::Protocol>;
}

/// What carries the messages of a sink.
pub type PayloadOf<S> = <<S as Sink>::Protocol as Protocol>::Payload;
/// What comes back.
pub type AnswerOf<S> = <<S as Sink>::Protocol as Protocol>::Answer;

/// A sink, whatever carries its messages.
pub trait ErasedSink: Send + Sync {
    /// What one batch may hold.
    fn batch_limits(&self) -> BatchLimits;

    /// The secret with which the receiver signs what people do with its messages, if anybody listens to that.
    fn signing_secret(&self) -> Option<&Secret>;

    /// How it is asked for all that it has, if it can be asked.
    fn read_back(&self) -> Option<&dyn ReadBack>;

    /// The sink with its connection. The error says what of the configuration is wrong.
    fn sender(self: Arc<Self>, reach: &Reach) -> Result<Box<dyn Sender>, String>;

    /// The sink with a connection that a test made: a boxed `dyn Connection` of its protocol.
    #[cfg(test)]
    fn sender_over(self: Arc<Self>, connection: Box<dyn std::any::Any>) -> Box<dyn Sender>;

    /// What an answer with this code and text means, if there are such answers.
    #[cfg(test)]
    fn judge_text(&self, code: u16, text: String) -> Option<Judgement>;
}

impl<S: Sink> ErasedSink for S {
    fn batch_limits(&self) -> BatchLimits {
        self.limits()
    }

    fn signing_secret(&self) -> Option<&Secret> {
        self.capabilities().signing_secret
    }

    fn read_back(&self) -> Option<&dyn ReadBack> {
        self.capabilities().read_back
    }

    fn sender(self: Arc<Self>, reach: &Reach) -> Result<Box<dyn Sender>, String> {
        let connection = self.connect(reach)?;
        Ok(Box::new(Bound::new(self, connection)))
    }

    #[cfg(test)]
    fn sender_over(self: Arc<Self>, connection: Box<dyn std::any::Any>) -> Box<dyn Sender> {
        Box::new(Bound::new(self, *connection.downcast().unwrap()))
    }

    #[cfg(test)]
    fn judge_text(&self, code: u16, text: String) -> Option<Judgement> {
        crate::connections::Answer::of(code, text).map(|answer| self.judge(&answer))
    }
}

/// A sink by those for whom its messages are.
#[derive(Clone)]
pub enum AnySink {
    /// It tells people of alerts.
    Delivery(Arc<dyn Delivery>),
    /// It gives a SIEM every record.
    Stream(Arc<dyn Stream>),
}

impl AnySink {
    /// The sink, whoever its messages are for.
    pub fn erased(&self) -> &dyn ErasedSink {
        match self {
            Self::Delivery(sink) => sink.as_ref(),
            Self::Stream(sink) => sink.as_ref(),
        }
    }

    /// The sink with its connection. The error says what of the configuration is wrong.
    pub fn sender(&self, reach: &Reach) -> Result<Box<dyn Sender>, String> {
        match self {
            Self::Delivery(sink) => Arc::clone(sink).sender(reach),
            Self::Stream(sink) => Arc::clone(sink).sender(reach),
        }
    }
}

/// For whom the messages of a kind of sink are, and how its settings are read.
#[derive(Clone, Copy)]
pub enum Class {
    /// People, who are told of alerts.
    Delivery(fn(Value) -> Result<Arc<dyn Delivery>, String>),
    /// A SIEM, which gets every record.
    Stream(fn(Value) -> Result<Arc<dyn Stream>, String>),
}

impl Class {
    /// Makes the sink that these settings describe.
    pub fn parse(self, settings: Value) -> Result<AnySink, String> {
        Ok(match self {
            Self::Delivery(parse) => AnySink::Delivery(parse(settings)?),
            Self::Stream(parse) => AnySink::Stream(parse(settings)?),
        })
    }

    /// Whether it gets alerts only.
    pub fn is_delivery(self) -> bool {
        matches!(self, Self::Delivery(_))
    }

    /// The ledgers that a sink follows.
    pub fn ledgers(self) -> &'static [LedgerName] {
        match self {
            Self::Delivery(_) => &[LedgerName::Operations],
            Self::Stream(_) => &LedgerName::ALL,
        }
    }

    /// Where a new sink starts unless its configuration says so: nobody wants to be told of old alerts.
    pub fn start(self) -> Start {
        match self {
            Self::Delivery(_) => Start::Now,
            Self::Stream(_) => Start::Beginning,
        }
    }
}

/// What a reader of the reference wants to know about a kind of sink.
pub struct SinkSpec {
    /// The word in `type`.
    pub kind: &'static str,
    /// What it is.
    pub what: &'static str,
    /// What is promised.
    pub guarantee: &'static str,
    /// For whom its messages are, and how its settings are read.
    pub(crate) class: Class,
    /// An example of its own settings, in TOML.
    pub example: &'static str,
    /// The names that its own settings have when they are read.
    pub fields: fn() -> &'static [&'static str],
    /// Its own settings with their meaning, for the reference.
    pub schema: fn() -> Schema,
}

impl std::fmt::Debug for SinkSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SinkSpec").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// The names of the settings of one kind of sink.
pub fn fields<T: for<'de> serde::Deserialize<'de>>() -> &'static [&'static str] {
    operations::field_names(|probe| T::deserialize(probe))
}

/// The settings of one kind of sink, as its type declares them.
pub fn schema<T: JsonSchema>() -> Schema {
    schemars::schema_for!(T)
}

/// The settings of a kind of sink, as they are written.
pub trait Settings: DeserializeOwned {
    /// The sink that they describe.
    type Sink: Sink;

    /// Makes it. The error says what of the settings cannot be meant.
    fn sink(self) -> Result<Self::Sink, String>;
}

/// Reads the settings of one kind of sink, and makes the sink.
pub fn read<T: Settings>(settings: Value) -> Result<Arc<T::Sink>, String> {
    let settings: T = serde_json::from_value(settings).map_err(|error| error.to_string())?;
    settings.sink().map(Arc::new)
}

/// The same for a sink that tells people of alerts.
pub fn delivery<T: Settings<Sink: Delivery>>(settings: Value) -> Result<Arc<dyn Delivery>, String> {
    Ok(read::<T>(settings)?)
}

/// The same for a sink that gives a SIEM every record.
pub fn stream<T: Settings<Sink: Stream>>(settings: Value) -> Result<Arc<dyn Stream>, String> {
    Ok(read::<T>(settings)?)
}

/// Whether a text can be the address of a receiver.
pub fn check_url(name: &str, text: &str) -> Result<(), String> {
    match reqwest::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "https" | "http") && url.has_host() => Ok(()),
        _ => Err(format!("{name} must be an http or https address")),
    }
}

/// A POST to an address that is itself the secret, as those of incoming webhooks are.
pub fn post_to_secret(url: &Secret, body: Vec<u8>) -> Result<Request, SecretError> {
    let text = url.read()?;
    if check_url("the address", text.expose()).is_err() {
        return Err(SecretError::Unusable { place: url.to_string(), expected: "the address of an incoming webhook" });
    }
    Ok(Request::post_secretly(text, body))
}

/// Where a sink without a receipt starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// At the first entry that is stored.
    Beginning,
    /// At what is recorded from then on.
    Now,
}
