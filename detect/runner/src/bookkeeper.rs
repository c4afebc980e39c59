//! The bookkeeper of hard budgets: it adds up what recorded model calls cost, and writes down what was decided about
//! reservations. It follows both ledgers and decides nothing.
//!
//! Sums, decisions and both cursors are one commit, and a sum is that of the whole day or month. So an event counts
//! exactly once, wherever the process was killed.

mod books;
mod sums;

use std::ops::ControlFlow;

use ledger::{AppendError, Appender, Ledger, LedgerError, ReadLimit, Reader};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::limits::{BOOKKEEPER_LINGER, BOOKKEEPER_READ_ROWS, NO_SPACE_RETRY, READ_BYTES, READ_ROWS};
use books::Books;

/// Why the bookkeeper stopped. Caps hold without it; spend that nobody reserved is not seen meanwhile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BookkeeperError {
    /// A ledger could not be read.
    #[error("the books of the budgets stopped: {0}")]
    Ledger(#[from] LedgerError),
    /// The books could not be written.
    #[error("the books of the budgets stopped, because they cannot be recorded: {0}")]
    Append(#[from] AppendError),
}

/// Keeps the books over a store.
pub struct Bookkeeper {
    events: Reader,
    operations: Reader,
    appender: Appender,
    shard: u32,
    metrics: BookkeeperMetrics,
}

/// Metrics of the bookkeeper. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct BookkeeperMetrics {
    commits: Counter,
    lag: Gauge,
}

const EVENTS_LIMIT: ReadLimit = ReadLimit { rows: READ_ROWS, bytes: READ_BYTES };
const OPERATIONS_LIMIT: ReadLimit = ReadLimit { rows: BOOKKEEPER_READ_ROWS, bytes: READ_BYTES };

impl Bookkeeper {
    /// Reads `events` and `operations`, and writes to `operations`. Nothing is read before [`Bookkeeper::run`].
    pub fn new(events: &Ledger, operations: &Ledger) -> Self {
        Self {
            events: events.reader(),
            operations: operations.reader(),
            appender: operations.appender(),
            shard: events.shard(),
            metrics: BookkeeperMetrics::default(),
        }
    }

    /// Its metrics.
    pub fn metrics(&self) -> BookkeeperMetrics {
        self.metrics.clone()
    }

    /// Keeps the books until `stop` is cancelled or something fails. What was decided by then is written before it
    /// returns.
    pub async fn run(self, stop: CancellationToken) -> Result<(), BookkeeperError> {
        match self.keep(&stop).await {
            // The store was stopped first: the next start goes on from the cursor.
            Err(
                BookkeeperError::Append(AppendError::Stopped)
                | BookkeeperError::Ledger(LedgerError::Append(AppendError::Stopped)),
            ) => Ok(()),
            ended => ended,
        }
    }

    async fn keep(&self, stop: &CancellationToken) -> Result<(), BookkeeperError> {
        let (Some(mut events), Some(mut operations)) = (self.events.watch(), self.operations.watch()) else {
            return Ok(());
        };
        let mut books = Books::new(&self.operations, self.shard)?;
        // A long history must neither keep others from this thread nor a stop waiting.
        while books.catch_up(&self.operations, OPERATIONS_LIMIT)? {
            if stop.is_cancelled() {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
        loop {
            let stopping = stop.is_cancelled();
            events.borrow_and_update();
            operations.borrow_and_update();
            self.round(&mut books, stop).await?;
            if stopping {
                return Ok(());
            }
            let changed = tokio::select! {
                () = stop.cancelled() => Ok(()),
                changed = events.changed() => changed,
                changed = operations.changed() => changed,
            };
            if changed.is_err() {
                return Ok(());
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(BOOKKEEPER_LINGER) => {}
            }
        }
    }

    /// Reads both ledgers to where they end now and writes what there is to say.
    async fn round(&self, books: &mut Books, stop: &CancellationToken) -> Result<(), BookkeeperError> {
        loop {
            // The end of the events is taken first and operations are read to their end then, so that an event finds the
            // reservation that was made before it: money is kept before it is spent.
            let until = self.events.durable()?.next_seq;
            while books.read_operations(&self.operations, OPERATIONS_LIMIT)? {
                if self.write(books, stop).await?.is_break() {
                    return Ok(());
                }
                tokio::task::yield_now().await;
            }
            let more = books.read_events(&self.events, EVENTS_LIMIT, until)?;
            self.metrics.lag.set(self.events.durable()?.next_seq.saturating_sub(books.events_seq()) as i64);
            // What is small waits for the end of the round; what came by then is written by the next one.
            if (!more || books.is_due()) && self.write(books, stop).await?.is_break() {
                return Ok(());
            }
            if !more {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }

    /// Writes what is pending, if anything is. Breaks if it was stopped while the disk was full: what is pending then is
    /// found again by the next start.
    async fn write(&self, books: &mut Books, stop: &CancellationToken) -> Result<ControlFlow<()>, BookkeeperError> {
        while let Some(group) = books.group()? {
            match self.appender.append(group).await {
                Ok(_) => {
                    books.written();
                    self.metrics.commits.inc();
                }
                Err(error) if error.is_of_disk() => {
                    tracing::error!(%error, "the books of the budgets wait for the disk");
                    tokio::select! {
                        () = stop.cancelled() => return Ok(ControlFlow::Break(())),
                        () = tokio::time::sleep(NO_SPACE_RETRY) => {}
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

impl BookkeeperMetrics {
    /// Names them in a registry.
    pub fn register(&self, registry: &mut Registry) {
        let (commits, lag) = (self.commits.clone(), self.lag.clone());
        registry.register("tachograph_budget_books", "Commits of the books of hard budgets", commits);
        registry.register("tachograph_budget_lag_events", "Durable events that no budget has counted yet", lag);
    }
}

#[cfg(test)]
mod tests;
