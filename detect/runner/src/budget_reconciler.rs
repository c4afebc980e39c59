//! The reconciler of hard budgets: it adds up what recorded model calls cost, and writes down what was decided about
//! reservations. It follows both ledgers and decides nothing.
//!
//! Sums, decisions and both cursors are one commit, and a sum is that of the whole day or month. So an event counts
//! exactly once, wherever the process was killed.

mod reconciliation;
mod sums;

use ledger::consumer::{Batch, Halt, Monitor, Process, Recorder};
use ledger::{AppendError, Appender, Consumer, Durable, Ledger, LedgerError, LedgerName, ReadLimit, Reader, Seq};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::limits::{READ_BYTES, READ_ROWS, RECONCILER_LINGER, RECONCILER_READ_ROWS};
use reconciliation::{BUDGETS, Reconciliation};

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
#[derive(Debug, Clone)]
pub struct ReconcilerMetrics {
    commits: Counter,
    monitor: Monitor,
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
            metrics: ReconcilerMetrics { commits: Counter::default(), monitor: Monitor::new(BUDGETS) },
        }
    }

    /// Its metrics.
    pub fn metrics(&self) -> ReconcilerMetrics {
        self.metrics.clone()
    }

    /// Reconciles until `stop` is cancelled or something fails. What was decided by then is written before it
    /// returns, unless the disk is full: then the next start finds it again.
    pub async fn run(self, stop: CancellationToken) -> Result<(), ReconcilerError> {
        let reconciliation = Reconciliation::new(&self.operations, self.shard)?;
        let ReconcilerMetrics { commits, monitor } = self.metrics;
        // What is known of budgets is read from the beginning.
        let mut consumer = Consumer::of(self.events.clone(), false, EVENTS_LIMIT, monitor, stop)
            .after(self.operations, OPERATIONS_LIMIT)
            .lingering(RECONCILER_LINGER)
            .draining();
        consumer.seek(reconciliation.events_seq());
        let recorder = consumer.recorder(self.appender);
        let mut running = Running { reconciliation, events: self.events, recorder, commits };
        consumer.run(&mut running).await
    }
}

/// A reconciler that was given something. Entries come before the events that they are about, so an event finds the
/// reservation that was made before it: money is kept before it is spent.
struct Running {
    reconciliation: Reconciliation,
    events: Reader,
    recorder: Recorder,
    commits: Counter,
}

impl Process for Running {
    type Error = ReconcilerError;

    fn seek(&mut self, _: Seq, durable: &Durable) -> Result<Seq, ReconcilerError> {
        Ok(self.reconciliation.seek_events(&self.events, durable.next_seq)?)
    }

    async fn process(&mut self, batch: &Batch) -> Result<(), Halt<ReconcilerError>> {
        match batch.ledger {
            LedgerName::Operations => {
                self.reconciliation.take_operations(&batch.rows);
                if self.reconciliation.is_behind() {
                    // Nothing is new yet, and a long history must not keep a stop waiting.
                    return if self.recorder.is_stopping() { Err(Halt::Stopped) } else { Ok(()) };
                }
                self.reconciliation.find_events(&self.events)?;
            }
            LedgerName::Events => {
                self.reconciliation.take_events(&batch.rows);
                // What is small waits for the last batch.
                if !batch.is_last && !self.reconciliation.is_due() {
                    return Ok(());
                }
            }
        }
        while let Some(group) = self.reconciliation.group()? {
            self.recorder.record(&group).await?;
            self.reconciliation.written();
            self.commits.inc();
        }
        Ok(())
    }
}

impl ReconcilerMetrics {
    /// How the reconciler stands, for health.
    pub fn monitor(&self) -> Monitor {
        self.monitor.clone()
    }

    /// Names them in a registry.
    pub fn register(&self, registry: &mut Registry) {
        let commits = self.commits.clone();
        registry.register("tachograph_budget_commits", "Commits of the reconciler of hard budgets", commits);
    }
}

#[cfg(test)]
mod tests;
