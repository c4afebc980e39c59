//! Sending one batch until it is settled: waits, jitter, `Retry-After`, parking.

use std::time::Duration;

use tokio::time::Instant;

use super::plan::{Batch, Plan};
use super::{Book, Feed, Lane, LaneError};
use crate::http::{Failure, Transport};
use crate::outcome::Outcome;
use crate::sink::excerpt;
use crate::status::now_micros;

/// How a batch ended, and after how many requests.
#[derive(Debug)]
pub struct Attempt {
    /// The end.
    pub settled: Settled,
    /// Requests.
    pub attempts: u32,
}

/// The ends that a batch can come to. Everything else is tried again.
#[derive(Debug, PartialEq, Eq)]
pub enum Settled {
    /// The sink has it.
    Acked {
        /// What it said.
        ack: String,
        /// The body that it took, if that was the fallback.
        body: Option<Vec<u8>>,
    },
    /// The sink will never take the record with this number.
    Refused {
        /// Number in the batch.
        index: usize,
        /// What it said.
        reason: String,
    },
    /// The sink does not take the batch as it is.
    TooLarge {
        /// What it said.
        reason: String,
    },
}

/// What one request led to.
enum Step {
    Settled(Settled),
    /// Try again, not before the floor.
    Again {
        floor: Duration,
        reason: String,
    },
    Park {
        reason: String,
    },
}

impl<F: Feed, B: Book, T: Transport> Lane<F, B, T> {
    /// Sends a batch until it is settled. The bytes are the same each time. A stop may cut a request off: its intent is on
    /// record, so the same bytes follow.
    pub async fn deliver(&mut self, plan: &Plan, batch: &Batch) -> Result<Attempt, LaneError> {
        let mut attempts = 0_u32;
        loop {
            attempts = attempts.saturating_add(1);
            let stop = self.stop.clone();
            let step = tokio::select! {
                biased;
                () = stop.cancelled() => return Err(LaneError::Stopped),
                step = self.request(plan, batch) => step,
            };
            let (wait, reason, parked) = match step {
                Step::Settled(settled) => {
                    self.note_settled(plan, batch, &settled);
                    return Ok(Attempt { settled, attempts });
                }
                Step::Again { floor, reason } => (floor + self.jitter(attempts), reason, false),
                Step::Park { reason } => (self.timing.park, reason, true),
            };
            self.metrics.retries.inc();
            if parked || attempts == 1 {
                tracing::warn!(
                    sink = self.config.common.name,
                    reason,
                    wait_ms = wait.as_millis(),
                    "a batch was not taken"
                );
            }
            self.note(plan, |status| {
                status.retries += 1;
                status.last_error = Some(reason);
                status.parked = parked;
                status.next_attempt = Some(now_micros() + wait.as_micros() as i64);
            });
            tokio::select! {
                biased;
                () = stop.cancelled() => return Err(LaneError::Stopped),
                () = tokio::time::sleep_until(Instant::now() + wait) => {}
            }
        }
    }

    async fn request(&mut self, plan: &Plan, batch: &Batch) -> Step {
        match self.post(&batch.body).await {
            Ok(answer) => {
                if let Some(body) = self.config.sink.fallback(&answer, &plan.records(batch)) {
                    return match self.post(&body).await.map(|answer| self.config.sink.judge(&answer)) {
                        Ok(Outcome::Acked(ack)) => {
                            let ack = format!("{ack} (in its plain form)");
                            Step::Settled(Settled::Acked { ack, body: Some(body) })
                        }
                        Ok(outcome) => step(outcome),
                        Err(step) => step,
                    };
                }
                step(self.config.sink.judge(&answer))
            }
            Err(step) => step,
        }
    }

    async fn post(&self, body: &[u8]) -> Result<crate::http::Answer, Step> {
        let request = self.config.sink.request(body).map_err(|error| Step::Park { reason: error.to_string() })?;
        self.transport.post(request).await.map_err(|failure| match failure {
            Failure::NotSent(reason) => Step::Again { floor: Duration::ZERO, reason: excerpt(&reason) },
            Failure::Uncertain(reason) => Step::Again {
                floor: Duration::ZERO,
                reason: format!("it is not certain that it arrived: {}", excerpt(&reason)),
            },
            Failure::Refused(reason) => Step::Park { reason: excerpt(&reason) },
        })
    }

    fn note_settled(&self, plan: &Plan, batch: &Batch, settled: &Settled) {
        let now = now_micros();
        let acked = matches!(settled, Settled::Acked { .. });
        if acked && let Some(record) = plan.first_record(batch) {
            self.metrics.latency.observe((now - record.recorded).max(0) as f64 / 1e6);
        }
        self.note(plan, |status| {
            status.parked = false;
            status.next_attempt = None;
            match settled {
                Settled::Acked { .. } => (status.last_ack, status.last_error) = (Some(now), None),
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

fn step(outcome: Outcome) -> Step {
    match outcome {
        Outcome::Acked(ack) => Step::Settled(Settled::Acked { ack, body: None }),
        Outcome::Retry { after, reason } => Step::Again { floor: after.unwrap_or_default(), reason },
        Outcome::Split { reason } => Step::Settled(Settled::TooLarge { reason }),
        Outcome::Reject { index, reason } => Step::Settled(Settled::Refused { index, reason }),
        Outcome::Uncertain { reason } => Step::Again { floor: Duration::ZERO, reason },
        Outcome::Park { reason } => Step::Park { reason },
    }
}
