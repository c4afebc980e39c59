//! A consumer: whoever does something with the rows of a ledger, as one function over a batch ([`Process`]).
//!
//! The loop stands here once: read from a durable cursor on, wait for more, give batches in order, record what followed from
//! them and the cursor in one group, wait while nothing has space, stop, and show cursor, lag and what is waited for. What a
//! consumer makes of rows, and what its cursor looks like, stands with the consumer.
//!
//! # Contract
//!
//! * Rows MUST be given in order and without a gap from the cursor on that the consumer starts with.
//! * A row MUST be given again after a restart unless the recorded cursor is behind it: whatever follows from rows goes into
//!   the group of the cursor, so it is durable once.
//! * Of a ledger that is read first ([`Consumer::run`]), every row that was durable before a row of the other one was
//!   MUST be given before it.

mod monitor;
mod recorder;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use monitor::{Condition, ConsumerStatus, Monitor};
pub use recorder::{Journal, Recorder};

use crate::error::{AppendError, LedgerError};
use crate::follower::Follower;
use crate::position::LedgerName;
use crate::rows::Rows;
use crate::store::Durable;

/// What a consumer does.
pub trait Process: Send {
    /// Why it cannot go on.
    type Error: From<LedgerError> + From<AppendError> + Send;

    /// Takes the next batch: the one function over a batch. What follows from it is recorded with a [`Recorder`] before it
    /// returns, or with a later batch.
    fn process(&mut self, batch: &Batch) -> impl Future<Output = Result<(), Halt<Self::Error>>> + Send;

    /// Where to read on when the next row would be `cursor`: elsewhere if the consumer has no use for what comes up to
    /// there. `durable` was looked at before the ledger that is read first was read to its end.
    fn seek(&mut self, cursor: u64, durable: &Durable) -> Result<u64, Self::Error> {
        let _ = durable;
        Ok(cursor)
    }
}

/// What a consumer is given at once.
pub struct Batch {
    /// The ledger that the rows are of.
    pub ledger: LedgerName,
    /// The rows in order, none if only recorded time moved or a batch of the ledger was closed.
    pub rows: Rows,
    /// Whether this was the last of what was durable when somebody looked. What is small may wait for it.
    pub is_last: bool,
}

/// Why a consumer ends.
#[derive(Debug)]
pub enum Halt<E> {
    /// It was told to stop, or the ledger was: the next start goes on from the recorded cursor.
    Stopped,
    /// It cannot go on.
    Failed(E),
}

impl<E: From<AppendError>> From<AppendError> for Halt<E> {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Stopped => Self::Stopped,
            error => Self::Failed(error.into()),
        }
    }
}

impl<E: From<LedgerError>> From<LedgerError> for Halt<E> {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Append(AppendError::Stopped) => Self::Stopped,
            error => Self::Failed(error.into()),
        }
    }
}

/// The loop of a consumer.
#[derive(Debug)]
pub struct Consumer {
    monitor: Monitor,
    stop: CancellationToken,
    linger: Duration,
    drains: bool,
}

impl Consumer {
    /// A consumer with a name for logs, metrics and health, which ends when `stop` is cancelled: after the batch that it
    /// has.
    pub fn new(name: &'static str, stop: CancellationToken) -> Self {
        Self { monitor: Monitor::new(name), stop, linger: Duration::ZERO, drains: false }
    }

    /// Shows its state through this one, which others may hold since before it began.
    #[must_use]
    pub fn shown_by(self, monitor: Monitor) -> Self {
        Self { monitor, ..self }
    }

    /// Collects for so long before it reads on when it had read everything.
    #[must_use]
    pub fn lingering(self, linger: Duration) -> Self {
        Self { linger, ..self }
    }

    /// Takes what is durable when it is told to stop before it ends.
    #[must_use]
    pub fn draining(self) -> Self {
        Self { drains: true, ..self }
    }

    /// A handle with which its [`Process`] records.
    pub fn recorder<J: Journal>(&self, journal: J) -> Recorder<J> {
        Recorder::new(journal, self.stop.clone(), self.monitor.clone())
    }

    /// Gives `process` what `follower` reads, from where that stands, until it is told to stop or something fails. Of `first`, if
    /// there is one, all that is durable is given before what became durable later in the other.
    ///
    /// Dropping the future at any moment loses nothing. What it had queued by then may become durable later.
    pub async fn run<P: Process>(
        self,
        mut follower: Follower,
        mut first: Option<Follower>,
        process: &mut P,
    ) -> Result<(), P::Error> {
        self.monitor.starts(&follower);
        let ended = self.follow(&mut follower, &mut first, process).await;
        self.monitor.ends();
        match ended {
            Ok(()) | Err(Halt::Stopped) => Ok(()),
            Err(Halt::Failed(error)) => Err(error),
        }
    }

    async fn follow<P: Process>(
        &self,
        follower: &mut Follower,
        first: &mut Option<Follower>,
        process: &mut P,
    ) -> Result<(), Halt<P::Error>> {
        loop {
            let stopping = self.stop.is_cancelled();
            if stopping && !self.drains {
                return Ok(());
            }
            self.catch_up(follower, first, process).await?;
            if stopping {
                return Ok(());
            }
            tokio::select! {
                () = self.stop.cancelled() => {}
                changed = follower.changed() => changed?,
                changed = changed(first) => changed?,
            }
            if !self.linger.is_zero() {
                let _ = tokio::time::timeout(self.linger, self.stop.cancelled()).await;
            }
        }
    }

    /// Gives everything that is durable now.
    async fn catch_up<P: Process>(
        &self,
        follower: &mut Follower,
        first: &mut Option<Follower>,
        process: &mut P,
    ) -> Result<(), Halt<P::Error>> {
        loop {
            // The end is looked at before the other ledger is read to its own: what caused a row is given before it.
            let durable = follower.durable()?;
            if let Some(first) = first {
                loop {
                    let durable = first.durable()?;
                    let Some(rows) = first.next_until(&durable)? else { break };
                    let is_last = first.cursor() >= durable.next_seq;
                    self.give(process, Batch { ledger: first.ledger(), rows, is_last }).await?;
                }
            }
            let sought = process.seek(follower.cursor(), &durable).map_err(Halt::Failed)?;
            follower.seek(sought);
            let rows = follower.next_until(&durable)?;
            self.monitor.reached(follower.cursor());
            let Some(rows) = rows else { return Ok(()) };
            let is_last = follower.cursor() >= durable.next_seq;
            self.give(process, Batch { ledger: follower.ledger(), rows, is_last }).await?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// Gives one batch, then lets others have the thread, and a stop its turn.
    async fn give<P: Process>(&self, process: &mut P, batch: Batch) -> Result<(), Halt<P::Error>> {
        process.process(&batch).await?;
        tokio::task::yield_now().await;
        if self.stop.is_cancelled() && !self.drains { Err(Halt::Stopped) } else { Ok(()) }
    }
}

/// Waits until something became durable in a ledger, for ever if there is none.
async fn changed(follower: &mut Option<Follower>) -> Result<(), LedgerError> {
    match follower {
        Some(follower) => follower.changed().await,
        None => std::future::pending().await,
    }
}
