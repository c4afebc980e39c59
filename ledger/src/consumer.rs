//! A consumer: whoever does something with the rows of a ledger, batch by batch.
//!
//! Following stands here once: read from a durable cursor on, wait for more, give batches in order, stop, record what followed
//! from them and the cursor in one group ([`Recorder`]), wait while nothing has space, and show cursor, lag and what is waited
//! for ([`Monitor`]). What a consumer makes of rows, and what its cursor looks like, stands with the consumer. One that is a
//! function over a batch is a [`Process`] and is [run](Consumer::run); one that waits for other things beside, such as an
//! answer of a receiver, asks for the [next batch](Consumer::next_batch).
//!
//! # Contract
//!
//! * Rows MUST be given in order and without a gap from the cursor on that the consumer starts with.
//! * A row MUST be given again after a restart unless the recorded cursor is behind it: whatever follows from rows goes into
//!   the group of the cursor, so it is durable once.
//! * Of a ledger that is read first ([`Consumer::after`]), every row that was durable before a row of the other one was
//!   MUST be given before it.

mod monitor;
mod recorder;
mod source;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use monitor::{Condition, ConsumerStatus, End, Monitor};
pub use recorder::{Journal, Recorder};
pub use source::Source;

use crate::error::{AppendError, LedgerError};
use crate::follower::Follower;
use crate::position::LedgerName;
use crate::reader::{ReadLimit, Reader};
use crate::rows::Rows;
use crate::seq::Seq;
use crate::store::Durable;

/// What a consumer does that is one function over a batch.
pub trait Process: Send {
    /// Why it cannot go on.
    type Error: From<LedgerError> + From<AppendError> + Send;

    /// Takes the next batch. What follows from it is recorded with a [`Recorder`] before it returns, or with a later batch.
    fn process(&mut self, batch: &Batch) -> impl Future<Output = Result<(), Halt<Self::Error>>> + Send;

    /// Where to read on when the next row would be `cursor`: elsewhere if the consumer has no use for what comes up to
    /// there. `durable` was looked at before the ledger that is read first was read to its end.
    fn seek(&mut self, cursor: Seq, durable: &Durable) -> Result<Seq, Self::Error> {
        let _ = durable;
        Ok(cursor)
    }

    /// After how long it wants to be called although there is nothing new, with a batch without rows.
    fn due(&self) -> Option<Duration> {
        None
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

impl<E> Halt<E> {
    /// How a consumer ended that ended for this reason: a stop is no error.
    pub fn end(self) -> Result<(), E> {
        match self {
            Self::Stopped => Ok(()),
            Self::Failed(error) => Err(error),
        }
    }
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

/// Who reads a ledger in order from its own cursor, waits for what is not there yet, and hears a stop.
#[derive(Debug)]
pub struct Consumer<S = Follower> {
    source: S,
    first: Option<S>,
    monitor: Monitor,
    stop: CancellationToken,
    linger: Duration,
    drain: Drain,
    /// It is given no rows.
    skips: bool,
    /// Everything was given that was durable when somebody looked, and there is a linger before the next look.
    lingers: bool,
}

/// Whether what is durable when it is told to stop is given first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Drain {
    No,
    Yes,
    /// It was told to stop, and gives it.
    Begun,
}

impl Consumer<Follower> {
    /// A consumer of a ledger from its beginning. `content` says whether content parts are read.
    pub fn of(reader: Reader, content: bool, limit: ReadLimit, monitor: Monitor, stop: CancellationToken) -> Self {
        Self::new(Follower::new(reader, Seq::FIRST, content, limit), monitor, stop)
    }

    /// One that needs no rows: its batches, from the end of the ledger on, say only that there is more.
    pub fn of_news(reader: Reader, monitor: Monitor, stop: CancellationToken) -> Self {
        let mut consumer = Self::of(reader, false, ReadLimit { rows: 1, bytes: 1 }, monitor, stop);
        consumer.skips = true;
        consumer
    }

    /// Gives all that is durable in another ledger, from its beginning, before what became durable later in the one that it
    /// follows.
    #[must_use]
    pub fn after(mut self, reader: Reader, limit: ReadLimit) -> Self {
        self.first = Some(Follower::new(reader, Seq::FIRST, false, limit));
        self
    }
}

impl<S: Source> Consumer<S> {
    /// A consumer of what `source` reads, which shows its state through `monitor` and ends when `stop` is cancelled: after the
    /// batch that it has.
    pub fn new(source: S, monitor: Monitor, stop: CancellationToken) -> Self {
        monitor.starts(&source);
        Self {
            source,
            first: None,
            monitor,
            stop,
            linger: Duration::ZERO,
            drain: Drain::No,
            skips: false,
            lingers: false,
        }
    }

    /// Collects for so long before it reads on when it had read everything.
    #[must_use]
    pub fn lingering(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// Takes what is durable when it is told to stop before it ends.
    #[must_use]
    pub fn draining(mut self) -> Self {
        self.drain = Drain::Yes;
        self
    }

    /// A handle with which it records.
    pub fn recorder<J: Journal>(&self, journal: J) -> Recorder<J> {
        Recorder::new(journal, self.monitor.clone(), self.stop.clone())
    }

    /// How it stands.
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// Goes to another position, as one that has read nothing.
    pub fn seek(&mut self, cursor: Seq) {
        self.source.seek(cursor);
        self.monitor.gives(0, cursor);
    }

    /// What is durable now of the ledger that it follows.
    pub fn durable(&self) -> Result<Durable, LedgerError> {
        self.source.durable()
    }

    /// Waits for something else beside rows, unless it is told to stop before.
    pub async fn unless_stopped<O, E>(&self, work: impl Future<Output = O>) -> Result<O, Halt<E>> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Halt::Stopped),
            output = work => Ok(output),
        }
    }

    /// Whether it was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// What tells it to stop.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// The next batch, if there is one now, whether it was told to stop or not. It reads, which may take some milliseconds.
    pub fn try_next_batch(&mut self) -> Result<Option<Batch>, LedgerError> {
        self.monitor.asks();
        self.read(&mut |cursor, _| Ok::<_, LedgerError>(cursor))
    }

    /// Waits until something became durable since it looked last, unless it is told to stop before.
    pub async fn until_more<E: From<LedgerError>>(&mut self) -> Result<(), Halt<E>> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(Halt::Stopped),
            changed = self.source.changed() => Ok(changed?),
            changed = changed(&mut self.first) => Ok(changed?),
        }
    }

    /// The next batch; waits for one. `Stopped` once it was told to stop; a draining one is given first what is durable by
    /// then.
    ///
    /// Dropping the future at any moment loses nothing.
    pub async fn next_batch<E: From<LedgerError>>(&mut self) -> Result<Batch, Halt<E>> {
        self.next(&mut |cursor, _| Ok(cursor), None).await
    }

    /// Gives `process` what it reads, from where it stands, until it is told to stop or something fails.
    ///
    /// Dropping the future at any moment loses nothing. What it had queued by then may become durable later.
    pub async fn run<P: Process>(&mut self, process: &mut P) -> Result<(), P::Error> {
        loop {
            let due = process.due();
            let given = match self.next(&mut |cursor, durable| process.seek(cursor, durable), due).await {
                Ok(batch) => process.process(&batch).await,
                Err(halt) => Err(halt),
            };
            if let Err(halt) = given {
                return halt.end();
            }
        }
    }

    async fn next<E: From<LedgerError>>(
        &mut self,
        seek: &mut (dyn FnMut(Seq, &Durable) -> Result<Seq, E> + Send),
        due: Option<Duration>,
    ) -> Result<Batch, Halt<E>> {
        self.monitor.asks();
        // Lets others have the thread, and a stop its turn.
        tokio::task::yield_now().await;
        let due = due.map(|due| tokio::time::Instant::now() + due);
        loop {
            match self.drain {
                Drain::No if self.stop.is_cancelled() => return Err(Halt::Stopped),
                // What is durable by now is looked at once more.
                Drain::Yes if self.stop.is_cancelled() => (self.drain, self.lingers) = (Drain::Begun, false),
                _ => {}
            }
            if !std::mem::take(&mut self.lingers)
                && let Some(batch) = self.read(seek).map_err(Halt::Failed)?
            {
                // One that drains ends there.
                let rests = self.drain == Drain::Begun || !self.linger.is_zero();
                self.lingers = rests && batch.is_last && batch.ledger == self.source.ledger();
                return Ok(batch);
            }
            if self.drain == Drain::Begun {
                return Err(Halt::Stopped);
            }
            let woken = tokio::select! {
                woken = self.until_more() => woken,
                () = until(due) => {
                    let (ledger, rows) = (self.source.ledger(), self.source.nothing());
                    return Ok(Batch { ledger, rows, is_last: true });
                }
            };
            match woken {
                // What is durable by now may have to be given first.
                Err(Halt::Stopped) if self.stop.is_cancelled() => {}
                woken => woken?,
            }
            if !self.linger.is_zero() {
                let _ = tokio::time::timeout(self.linger, self.stop.cancelled()).await;
            }
        }
    }

    /// Reads once.
    fn read<E: From<LedgerError>>(
        &mut self,
        seek: &mut (dyn FnMut(Seq, &Durable) -> Result<Seq, E> + Send),
    ) -> Result<Option<Batch>, E> {
        // The end is looked at before the other ledger is read to its own: what caused a row is given before it.
        let durable = self.source.look()?;
        if let Some(first) = &mut self.first {
            let durable = first.look()?;
            if let Some(rows) = first.next_until(&durable)? {
                let is_last = first.cursor() >= durable.next_seq;
                return Ok(Some(Batch { ledger: first.ledger(), rows, is_last }));
            }
        }
        let cursor = self.source.cursor();
        // What one is passed over that needs no rows is what its batch tells of; what another has no use for is done.
        let (sought, from) = if self.skips {
            (durable.next_seq, cursor)
        } else {
            let sought = seek(cursor, &durable)?;
            (sought, sought)
        };
        if sought != cursor {
            self.source.seek(sought);
        }
        let rows = self.source.next_until(&durable)?;
        let cursor = self.source.cursor();
        self.monitor.gives(cursor.distance_from(from), cursor);
        let is_last = cursor >= durable.next_seq;
        Ok(rows.map(|rows| Batch { ledger: self.source.ledger(), rows, is_last }))
    }
}

impl<S> Drop for Consumer<S> {
    fn drop(&mut self) {
        self.monitor.ends();
    }
}

/// Waits until something became durable in a ledger, for ever if there is none.
async fn changed<S: Source>(source: &mut Option<S>) -> Result<(), LedgerError> {
    match source {
        Some(source) => source.changed().await,
        None => std::future::pending().await,
    }
}

/// Waits until a moment, for ever if there is none.
async fn until(moment: Option<tokio::time::Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment).await,
        None => std::future::pending().await,
    }
}
