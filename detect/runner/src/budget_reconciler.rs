//! The reconciler of hard budgets: it adds up what recorded model calls cost, and writes down what was decided about
//! reservations. It follows both ledgers and decides nothing.
//!
//! Sums, decisions and both cursors are one commit, and a sum is that of the whole day or month. So an event counts
//! exactly once, wherever the process was killed.

mod reconciliation;
mod sums;

use std::ops::ControlFlow;

use ledger::{AppendError, Appender, Ledger, LedgerError, ReadLimit, Reader};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::limits::{NO_SPACE_RETRY, READ_BYTES, READ_ROWS, RECONCILER_LINGER, RECONCILER_READ_ROWS};
use reconciliation::Reconciliation;

/// Why the reconciler stopped. Caps hold without it; spend that nobody reserved is not seen meanwhile.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReconcilerError {
    /// A ledger could not be read.
    #[error("budget reconciliation stopped: {0}")]
    Ledger(#[from] LedgerError),
    /// Sums and decisions could not be written.
    #[error("budget reconciliation stopped, because sums and decisions cannot be recorded: {0}")]
    Append(#[from] AppendError),
}

/// Reconciles budgets with what a store recorded.
pub struct BudgetReconciler {
    events: Reader,
    operations: Reader,
    appender: Appender,
    shard: u32,
    metrics: ReconcilerMetrics,
}

/// Metrics of the reconciler. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct ReconcilerMetrics {
    commits: Counter,
    lag: Gauge,
}

const EVENTS_LIMIT: ReadLimit = ReadLimit { rows: READ_ROWS, bytes: READ_BYTES };
const OPERATIONS_LIMIT: ReadLimit = ReadLimit { rows: RECONCILER_READ_ROWS, bytes: READ_BYTES };

impl BudgetReconciler {
    /// Reads `events` and `operations`, and writes to `operations`. Nothing is read before [`BudgetReconciler::run`].
    pub fn new(events: &Ledger, operations: &Ledger) -> Self {
        Self {
            events: events.reader(),
            operations: operations.reader(),
            appender: operations.appender(),
            shard: events.shard(),
            metrics: ReconcilerMetrics::default(),
        }
    }

    /// Its metrics.
    pub fn metrics(&self) -> ReconcilerMetrics {
        self.metrics.clone()
    }

    /// Reconciles until `stop` is cancelled or something fails. What was decided by then is written before it
    /// returns.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ReconcilerError> {
        match self.reconcile(&stop).await {
            // The store was stopped first: the next start goes on from the cursor.
            Err(
                ReconcilerError::Append(AppendError::Stopped)
                | ReconcilerError::Ledger(LedgerError::Append(AppendError::Stopped)),
            ) => Ok(()),
            ended => ended,
        }
    }

    async fn reconcile(&self, stop: &CancellationToken) -> Result<(), ReconcilerError> {
        let (Some(mut events), Some(mut operations)) = (self.events.watch(), self.operations.watch()) else {
            return Ok(());
        };
        let mut reconciliation = Reconciliation::new(&self.operations, self.shard)?;
        // A long history must neither keep others from this thread nor a stop waiting.
        while reconciliation.catch_up(&self.operations, OPERATIONS_LIMIT)? {
            if stop.is_cancelled() {
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
        loop {
            let stopping = stop.is_cancelled();
            events.borrow_and_update();
            operations.borrow_and_update();
            self.round(&mut reconciliation, stop).await?;
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
                () = tokio::time::sleep(RECONCILER_LINGER) => {}
            }
        }
    }

    /// Reads both ledgers to where they end now and writes what there is to say.
    async fn round(
        &self,
        reconciliation: &mut Reconciliation,
        stop: &CancellationToken,
    ) -> Result<(), ReconcilerError> {
        loop {
            // The end of the events is taken first and operations are read to their end then, so that an event finds the
            // reservation that was made before it: money is kept before it is spent.
            let until = self.events.durable()?.next_seq;
            while reconciliation.read_operations(&self.operations, OPERATIONS_LIMIT)? {
                if self.write(reconciliation, stop).await?.is_break() {
                    return Ok(());
                }
                tokio::task::yield_now().await;
            }
            let more = reconciliation.read_events(&self.events, EVENTS_LIMIT, until)?;
            self.metrics.lag.set(self.events.durable()?.next_seq.saturating_sub(reconciliation.events_seq()) as i64);
            // What is small waits for the end of the round; what came by then is written by the next one.
            if (!more || reconciliation.is_due()) && self.write(reconciliation, stop).await?.is_break() {
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
    async fn write(
        &self,
        reconciliation: &mut Reconciliation,
        stop: &CancellationToken,
    ) -> Result<ControlFlow<()>, ReconcilerError> {
        while let Some(group) = reconciliation.group()? {
            match self.appender.append(group).await {
                Ok(_) => {
                    reconciliation.written();
                    self.metrics.commits.inc();
                }
                Err(error) if error.is_of_disk() => {
                    tracing::error!(%error, "budget reconciliation waits for the disk");
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

impl ReconcilerMetrics {
    /// Names them in a registry.
    pub fn register(&self, registry: &mut Registry) {
        let (commits, lag) = (self.commits.clone(), self.lag.clone());
        registry.register("tachograph_budget_commits", "Commits of the reconciler of hard budgets", commits);
        registry.register("tachograph_budget_lag_events", "Durable events that no budget has counted yet", lag);
    }
}

#[cfg(test)]
mod tests;
