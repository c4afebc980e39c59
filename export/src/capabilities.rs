//! What a sink can do beside taking messages. A sink has each of these or has not; nobody has to know about those that it has not.

use std::time::Duration;

use async_trait::async_trait;
use ledger::Timestamp;

use crate::connections::{Protocol, Reach, SendError};
use crate::judgement::{Judgement, Outcome};
use crate::message::Message;
use crate::receipts::ReceiptsError;
use crate::receipts::copy::Copy;
use crate::record::Record;
use operations::secret::{Secret, SecretError};

/// What a sink can do. What it cannot is `None`.
pub struct Capabilities<'a, P: Protocol> {
    /// It takes another form of what it refused.
    pub fallback: Option<&'a dyn Fallback<P>>,
    /// It can be asked whether it has a message.
    pub reconcile: Option<&'a dyn Reconcile<P>>,
    /// What it accepts is not yet safe, and it can be asked for that.
    pub confirm: Option<&'a dyn Confirm<P>>,
    /// Its answers tell what became of each record.
    pub outcomes: Option<&'a dyn Outcomes<P>>,
    /// It can be asked for all that it has.
    pub read_back: Option<&'a dyn ReadBack>,
    /// The secret with which it signs what people do with its messages.
    pub signing_secret: Option<&'a Secret>,
}

impl<P: Protocol> Default for Capabilities<'_, P> {
    fn default() -> Self {
        Self { fallback: None, reconcile: None, confirm: None, outcomes: None, read_back: None, signing_secret: None }
    }
}

/// A sink that takes another form of what it refused.
pub trait Fallback<P: Protocol>: Send + Sync {
    /// Another form of a message, tried at once; `None` if the answer is not about its form.
    fn fallback(&self, refused: &P::Answer, message: &Message, records: &[Record]) -> Option<Message>;
}

/// A sink whose answer tells what became of each record of a batch. One that says of single records that they may be taken later MUST know
/// records by ids: the batch is sent again.
pub trait Outcomes<P: Protocol>: Send + Sync {
    /// What became of each of so many records, in their order; `None` if the answer does not say so of each: then the whole is judged.
    fn outcomes(&self, answer: &P::Answer, records: usize) -> Option<Vec<Outcome>>;

    /// The shortest wait that the answer asks for.
    fn after(&self, answer: &P::Answer) -> Option<Duration>;
}

/// A sink that can be asked whether it has a message. It is asked before a message whose fate is not certain is sent again.
pub trait Reconcile<P: Protocol>: Send + Sync {
    /// The question; `None` if a repetition of this message changes nothing.
    fn question(&self, message: &Message, now: Timestamp) -> Option<Result<P::Payload, SecretError>>;

    /// What the answer says.
    fn reconciled(&self, message: &Message, answer: &P::Answer) -> Reconciled;
}

/// A sink that accepts messages before they are safe.
pub trait Confirm<P: Protocol>: Send + Sync {
    /// How to ask whether a message is safe; `None` if the answer does not accept it.
    fn confirmation(&self, accepted: &P::Answer) -> Option<Confirmation>;

    /// The question.
    fn question(&self, confirmation: &Confirmation) -> Result<P::Payload, SecretError>;

    /// What the answer says; `None` if the message is not safe yet.
    fn confirmed(&self, confirmation: &Confirmation, answer: &P::Answer) -> Option<Confirmed>;
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

/// A sink that can be asked for all that it has of what it was sent. Nothing is changed there, and what is kept of a record does not grow with it.
#[async_trait]
pub trait ReadBack: Send + Sync {
    /// How long what it acknowledged may not be found yet.
    fn settling(&self) -> Duration {
        Duration::ZERO
    }

    /// What `read` must have, as an example in TOML, if it is asked elsewhere than it is sent to; empty if its own settings may be enough.
    fn needs(&self) -> &'static str {
        ""
    }

    /// Puts everything into a copy, in whatever order. An answer that may not be all of it is an error.
    async fn read_back(&self, reach: &Reach, copy: &mut Copy) -> Result<(), ReceiptsError>;
}

impl From<SendError> for ReceiptsError {
    fn from(error: SendError) -> Self {
        let (SendError::NotSent(why) | SendError::Uncertain(why) | SendError::Refused(why)) = error;
        Self::Unanswered(why)
    }
}

impl From<SecretError> for ReceiptsError {
    fn from(error: SecretError) -> Self {
        Self::Unanswered(error.to_string())
    }
}
