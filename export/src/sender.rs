//! A sink together with its connection: one try at a message, and the questions about it, whatever carries them. When to try
//! again is the worker's business.

pub mod confirm;

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use ledger::Timestamp;

use crate::capabilities::{Confirmation, Confirmed, Reconciled};
use crate::connections::{Connection, Payload as _, SendError};
use crate::judgement::Judgement;
use crate::message::Message;
use crate::record::Record;
use crate::sink::{AnswerOf, PayloadOf, Sink};
use operations::secret::SecretError;

/// Carries the messages of one sink.
pub trait Sender: Send + Sync {
    /// What would be sent at `now`, for people: its secrets are masked.
    fn shown(&self, message: &Message, now: Timestamp) -> Result<String, SecretError>;

    /// Sends a message, and says what the answer means. `records` are those of its batch: another form of what is refused may
    /// be made of them, which is sent at once.
    fn send<'a>(
        &'a self,
        message: &'a Message,
        records: &'a [Record],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Reaction, SendError>>;

    /// Asks whether the receiver has a message. Of one that cannot be asked, or not about this message, it says that it has not.
    fn reconcile<'a>(&'a self, message: &'a Message, now: Timestamp) -> BoxFuture<'a, Result<Reconciled, SendError>>;

    /// Asks whether a message that was accepted is safe; `None` if it is not yet.
    fn confirm<'a>(&'a self, confirmation: &'a Confirmation) -> BoxFuture<'a, Result<Option<Confirmed>, SendError>>;
}

/// What a receiver made of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// What it answered, as it may be shown.
    pub answer: String,
    /// What that means.
    pub meaning: Meaning,
}

/// What an answer means for the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// This became of it.
    Judged(Judgement),
    /// It was accepted, and this is how to ask whether it is safe.
    Accepted(Confirmation),
}

/// A sink and what carries its messages.
pub struct Bound<S: Sink> {
    sink: Arc<S>,
    connection: Box<dyn Connection<S::Protocol>>,
}

impl<S: Sink> Bound<S> {
    /// Puts them together.
    pub fn new(sink: Arc<S>, connection: Box<dyn Connection<S::Protocol>>) -> Self {
        Self { sink, connection }
    }

    fn judged(&self, answer: &AnswerOf<S>, message: &Message) -> Reaction {
        let told = self.sink.capabilities().outcomes;
        let told = told.and_then(|told| Some((told.outcomes(answer, message.records.len())?, told.after(answer))));
        let judgement = match told {
            Some((outcomes, after)) => Judgement::of_outcomes(outcomes, after, answer.to_string()),
            None => self.sink.judge(answer),
        };
        Reaction { answer: answer.to_string(), meaning: Meaning::Judged(judgement) }
    }

    /// A payload for which the secret cannot be read is refused before anything is sent.
    async fn carry(&self, payload: Result<PayloadOf<S>, SecretError>) -> Result<AnswerOf<S>, SendError> {
        self.connection.send(payload.map_err(|error| SendError::Refused(error.to_string()))?).await
    }
}

impl<S: Sink> Sender for Bound<S> {
    fn shown(&self, message: &Message, now: Timestamp) -> Result<String, SecretError> {
        Ok(self.sink.payload(message, now)?.shown(&message.body))
    }

    fn send<'a>(
        &'a self,
        message: &'a Message,
        records: &'a [Record],
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Reaction, SendError>> {
        async move {
            let answer = self.carry(self.sink.payload(message, now)).await?;
            let capabilities = self.sink.capabilities();
            if let Some(confirmation) = capabilities.confirm.and_then(|confirm| confirm.confirmation(&answer)) {
                return Ok(Reaction { answer: answer.to_string(), meaning: Meaning::Accepted(confirmation) });
            }
            let Some(other) = capabilities.fallback.and_then(|other| other.fallback(&answer, message, records)) else {
                return Ok(self.judged(&answer, message));
            };
            let answer = self.carry(self.sink.payload(&other, now)).await?;
            let mut reaction = self.judged(&answer, &other);
            if let Meaning::Judged(Judgement::Acked(ack)) = &mut reaction.meaning {
                ack.said.push_str(" (in another form)");
                ack.body = Some(other.body);
            }
            Ok(reaction)
        }
        .boxed()
    }

    fn reconcile<'a>(&'a self, message: &'a Message, now: Timestamp) -> BoxFuture<'a, Result<Reconciled, SendError>> {
        async move {
            let Some(reconcile) = self.sink.capabilities().reconcile else { return Ok(Reconciled::HasNot) };
            let Some(question) = reconcile.question(message, now) else { return Ok(Reconciled::HasNot) };
            Ok(reconcile.reconciled(message, &self.carry(question).await?))
        }
        .boxed()
    }

    fn confirm<'a>(&'a self, confirmation: &'a Confirmation) -> BoxFuture<'a, Result<Option<Confirmed>, SendError>> {
        async move {
            let Some(confirm) = self.sink.capabilities().confirm else { return Ok(None) };
            let answer = self.carry(confirm.question(confirmation)).await?;
            Ok(confirm.confirmed(confirmation, &answer))
        }
        .boxed()
    }
}
