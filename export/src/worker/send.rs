//! Sending one message until it is settled: waits, jitter, `Retry-After`, parking.

use std::pin::pin;
use std::time::Duration;

use ledger::Timestamp;
use ledger::consumer::{Halt, Source};
use tokio::time::Instant;

use super::ahead::Flight;
use super::plan::{Batch, Plan};
use super::rest::Rest;
use super::{Result, SinkWorker, StateStore};
use crate::capabilities::{Confirmed, Reconciled};
use crate::connections::{SendError, excerpt};
use crate::judgement::{Ack, Judgement, Later, Parts};
use crate::limits::{BLOCKED_AFTER, STATUS_EVERY};
use crate::message::{Message, MessageKind};
use crate::sender::confirm::Accepted;
use crate::sender::{Meaning, Reaction};
use crate::status::now;

/// How a message ended, and after how many requests.
#[derive(Debug)]
pub struct Attempt {
    /// The end.
    pub settled: Settled,
    /// Requests.
    pub attempts: u32,
}

/// The ends that a message can come to. Everything else is tried again.
#[derive(Debug, PartialEq, Eq)]
pub enum Settled {
    /// The sink has it.
    Acked(Ack),
    /// The sink will never take the record with this number.
    Refused {
        /// Number in the batch.
        index: usize,
        /// What it said.
        reason: String,
    },
    /// The sink has the batch but for some records, which it will never take.
    Parts(Parts),
    /// The sink does not take the batch as it is.
    TooLarge {
        /// What it said.
        reason: String,
    },
}

/// What one request led to.
enum Next {
    Settled(Settled),
    /// Try again, not before the floor. `doubtful` says that the receiver may have it nevertheless.
    Again {
        floor: Duration,
        reason: String,
        doubtful: bool,
    },
    Park {
        reason: String,
    },
    /// Some of it is left.
    Rest(Later),
}

impl<F: Source, S: StateStore> SinkWorker<F, S> {
    /// Sends a message until it is settled. The bytes are the same each time. A stop may cut a request off: its intent is on
    /// record, so the same bytes follow. `doubtful` says that the receiver may have it already.
    pub async fn deliver(
        &mut self,
        plan: &mut Plan,
        batch: &Batch,
        message: &Message,
        mut doubtful: bool,
    ) -> Result<Attempt> {
        let (mut attempts, mut accepted, began) = (0_u32, None, now());
        let mut rest = Rest::default();
        let mut flight = if doubtful { None } else { self.ahead.take(plan.export_seq(), batch) };
        loop {
            // What has not been sent waits until it goes on.
            if flight.is_none() && self.pause.is_cancelled() {
                return Err(Halt::Stopped);
            }
            attempts = attempts.saturating_add(1);
            let in_doubt = plan.doubts(batch);
            let mut doubt = in_doubt.then_some(batch);
            let attempt = self.attempt(plan, batch, rest.message(message), doubtful, flight.take(), &mut accepted);
            let next = self.watched(plan, began, &mut doubt, attempt).await;
            if !matches!(next, Ok(Next::Settled(_)))
                && let Some(batch) = doubt.take()
            {
                // What was taken before is not repeated with what may fail for long, or is cut off by a stop.
                self.flush(plan, &mut plan.doubt(batch)).await?;
            }
            if in_doubt && doubt.is_none() {
                plan.doubted(batch);
                self.receipt_due = Instant::now() + self.timing.receipt_every;
            }
            let (wait, reason, parked) = match next? {
                Next::Settled(settled) => {
                    let settled = rest.settled(settled);
                    self.report_settled(plan, batch, message, &settled);
                    return Ok(Attempt { settled, attempts });
                }
                Next::Again { floor, reason, doubtful: now } => {
                    doubtful |= now;
                    (floor + self.jitter(attempts), reason, false)
                }
                Next::Park { reason } => (self.timing.park, reason, true),
                Next::Rest(later) => {
                    let (floor, reason) = (later.after.unwrap_or_default(), later.reason.clone());
                    rest.keep(later, &self.config.sink, &plan.records(batch));
                    (floor + self.jitter(attempts), reason, false)
                }
            };
            self.metrics.retries.inc();
            self.update_status(plan, |status| {
                status.retries += 1;
                status.last_error = Some(reason);
                status.parked = parked;
                status.blocked_since.get_or_insert(began);
                status.next_attempt = Some(now().saturating_add(wait));
            });
            let sleep = tokio::time::sleep_until(Instant::now() + wait);
            let mut nothing = None;
            tokio::select! {
                biased;
                () = self.pause.cancelled() => return Err(Halt::Stopped),
                waited = self.watched(plan, began, &mut nothing, sleep) => waited?,
            }
        }
    }

    /// Waits for what a message waits for, unless it is stopped. The lag grows meanwhile, and after some seconds the sink is
    /// blocked. What is to be recorded before the message of this batch is taken is recorded when a receipt is due; then there is no such batch any more.
    async fn watched<O>(
        &self,
        plan: &Plan,
        began: Timestamp,
        doubt: &mut Option<&Batch>,
        future: impl Future<Output = O>,
    ) -> Result<O> {
        let (start, mut future) = (Instant::now(), pin!(future));
        loop {
            tokio::select! {
                biased;
                () = self.consumer.stop().cancelled() => return Err(Halt::Stopped),
                output = &mut future => return Ok(output),
                () = tokio::time::sleep(STATUS_EVERY) => {}
            }
            if let Some(batch) = *doubt
                && plan.is_growing()
                && Instant::now() >= self.receipt_due
            {
                let mut entries = plan.doubt(batch);
                self.try_flush(plan, &mut entries).await?;
                *doubt = doubt.filter(|_| !entries.is_empty());
            }
            let is_blocked = start.elapsed() >= BLOCKED_AFTER;
            self.update_status(plan, |status| {
                if is_blocked {
                    status.blocked_since.get_or_insert(began);
                }
            });
        }
    }

    /// Asks first whether the receiver has a message whose fate is not certain, and sends it if not. `accepted` is what it
    /// accepted and did not yet call safe, and `flight` that it was sent before its turn.
    async fn attempt(
        &self,
        plan: &Plan,
        batch: &Batch,
        message: &Message,
        doubtful: bool,
        flight: Option<Flight>,
        accepted: &mut Option<Accepted>,
    ) -> Next {
        if let Some(asked) = *accepted {
            return self.confirm(asked, accepted).await;
        }
        if doubtful {
            match self.sender.reconcile(message, now()).await {
                Ok(Reconciled::Has(handle)) => {
                    let ack = Ack { handle, ..Ack::new("the receiver had it already") };
                    return Next::Settled(Settled::Acked(ack));
                }
                Ok(Reconciled::HasNot) => {}
                Ok(Reconciled::Unknown(judgement)) => return next(judgement),
                // The question changed nothing at the receiver; the message is as doubtful as before.
                Err(error) => return failed(error),
            }
        }
        let sent = match flight {
            Some(flight) => flight.landed().await,
            None => self.sender.send(message, &plan.records(batch), now()).await,
        };
        let Reaction { meaning, .. } = match sent {
            Ok(reaction) => reaction,
            Err(error) => return failed(error),
        };
        match meaning {
            Meaning::Judged(judgement) => next(judgement),
            Meaning::Accepted(confirmation) => {
                let asked = *accepted.insert(Accepted::new(confirmation));
                asked.wait().await;
                self.confirm(asked, accepted).await
            }
        }
    }

    /// Asks whether what the receiver accepted is safe. Only what is lost is sent again, with the same bytes; what cannot be
    /// asked now is asked at the next attempt.
    async fn confirm(&self, asked: Accepted, accepted: &mut Option<Accepted>) -> Next {
        match asked.settle(self.sender.as_ref()).await {
            Confirmed::Safe(said) => Next::Settled(Settled::Acked(Ack::new(said))),
            Confirmed::Lost(reason) => {
                *accepted = None;
                Next::Again { floor: Duration::ZERO, reason, doubtful: true }
            }
            Confirmed::Unanswered(reason) => Next::Again { floor: Duration::ZERO, reason, doubtful: true },
            Confirmed::Park(reason) => Next::Park { reason },
        }
    }

    /// An end for which no record stands is no dead letter if it is refused, so it is counted, and said aloud.
    fn report_settled(&self, plan: &Plan, batch: &Batch, message: &Message, settled: &Settled) {
        let now = now();
        let acked = matches!(settled, Settled::Acked(_) | Settled::Parts(_));
        if acked && let Some(record) = plan.first_record(batch) {
            self.metrics.latency.observe(now.since(record.recorded).as_secs_f64());
        }
        if let Settled::Refused { reason, .. } | Settled::TooLarge { reason } = settled
            && message.kind == MessageKind::End
        {
            self.metrics.ends_refused.inc();
            tracing::error!(
                sink = self.config.common.name,
                message = message.key,
                reason,
                "the end of an incident was refused; it stays open there until somebody closes it"
            );
        }
        self.update_status(plan, |status| {
            status.parked = false;
            status.blocked_since = None;
            status.next_attempt = None;
            match settled {
                Settled::Acked(_) => (status.last_ack, status.last_error) = (Some(now), None),
                Settled::Parts(parts) => {
                    (status.last_ack, status.last_error) = (Some(now), Some(parts.reason().to_owned()));
                }
                Settled::Refused { reason, .. } | Settled::TooLarge { reason } => {
                    status.last_error = Some(reason.clone());
                }
            }
        });
    }

    /// A wait between zero and a bound that doubles with each attempt: receivers that come back are not stormed.
    fn jitter(&self, attempts: u32) -> Duration {
        let doublings = attempts.saturating_sub(1).min(16);
        let bound = self.timing.retry_min.saturating_mul(1 << doublings).min(self.timing.retry_max);
        // Without randomness from the system the whole bound is waited, which is safe.
        let random = getrandom::u32().unwrap_or(u32::MAX);
        bound.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

fn next(judgement: Judgement) -> Next {
    match judgement {
        Judgement::Acked(ack) => Next::Settled(Settled::Acked(ack)),
        Judgement::Retry { after, reason } => Next::Again { floor: after.unwrap_or_default(), reason, doubtful: false },
        Judgement::Split { reason } => Next::Settled(Settled::TooLarge { reason }),
        Judgement::Reject { index, reason } => Next::Settled(Settled::Refused { index, reason }),
        Judgement::Parts(parts) => Next::Settled(Settled::Parts(parts)),
        Judgement::Later(later) => Next::Rest(later),
        Judgement::Uncertain { reason } => Next::Again { floor: Duration::ZERO, reason, doubtful: true },
        Judgement::Park { reason } => Next::Park { reason },
    }
}

/// What follows when no answer came.
fn failed(error: SendError) -> Next {
    match error {
        SendError::NotSent(reason) => Next::Again { floor: Duration::ZERO, reason: excerpt(&reason), doubtful: false },
        SendError::Uncertain(reason) => Next::Again {
            floor: Duration::ZERO,
            reason: format!("it is not certain that it arrived: {}", excerpt(&reason)),
            doubtful: true,
        },
        SendError::Refused(reason) => Next::Park { reason: excerpt(&reason) },
    }
}
