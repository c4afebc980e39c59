//! The runner: feeds recorded events to the detectors and writes what they find to `operations`.
//!
//! Alerts and cursor are one commit. After a crash the engine starts from a snapshot, sees again what lies between the
//! snapshot and the cursor, and its findings up to the cursor are dropped: they stand in the ledger already. So every
//! finding is recorded exactly once, wherever the process was killed.

mod journal;
mod snapshots;
mod start;

use std::io;
use std::path::PathBuf;

use detect_core::clock::Outage;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_rules::rule_set::RuleSet;
use ledger::consumer::{Batch, Halt, Monitor, Process, Recorder, Source};
use ledger::{AppendError, Consumer, Ledger, LedgerError, ReadLimit, Reader, Seq};
use tokio_util::sync::CancellationToken;

use crate::detection::{Detection, SnapshotError};
use crate::limits::{
    FINDINGS_MAX, OUTAGES_MAX, READ_BYTES, READ_ROWS, SNAPSHOT_BYTES_MAX, SNAPSHOT_EVENTS, SNAPSHOT_SECONDS,
    SNAPSHOTS_KEPT,
};
use crate::metrics::Metrics;
pub use journal::newest_rules;
use journal::{Cursor, DetectionJournal, JournalRecord, LedgerJournal, RulesChange, SnapshotRef};
use snapshots::Snapshots;

/// What the runner needs to know.
#[derive(Debug, Clone)]
pub struct RunnerOptions {
    /// The rules, checked.
    pub rules: RuleSet,
    /// The key of the detectors' hashes.
    pub key: Key,
    /// Directory of the snapshots; it is created. Everything in it can be made anew.
    pub snapshots: PathBuf,
    /// A snapshot is written after this many events; usually [`crate::limits::SNAPSHOT_EVENTS`].
    pub snapshot_events: u64,
    /// A larger snapshot is not written; usually [`crate::limits::SNAPSHOT_BYTES_MAX`].
    pub snapshot_bytes: u64,
}

impl RunnerOptions {
    /// Options with the usual bounds.
    pub fn new(rules: RuleSet, key: Key, snapshots: PathBuf) -> Self {
        Self { rules, key, snapshots, snapshot_events: SNAPSHOT_EVENTS, snapshot_bytes: SNAPSHOT_BYTES_MAX }
    }
}

/// Why the runner stopped. The process goes on without detection only if the operator decides so.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunnerError {
    /// Events could not be read, or the cursor.
    #[error("detection stopped: {0}")]
    Ledger(#[from] LedgerError),
    /// Alerts could not be recorded.
    #[error("detection stopped, because alerts cannot be recorded: {0}")]
    Append(#[from] AppendError),
    /// The directory of snapshots is not usable.
    #[error("detection stopped, because snapshots cannot be written to {}: {source}", dir.display())]
    Snapshots {
        /// The directory.
        dir: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The state of the detectors cannot be carried on.
    #[error("detection stopped: {0}")]
    State(#[from] SnapshotError),
    /// The events ledger is shorter than what was detected: it was rolled back, or belongs to another operations ledger.
    #[error(
        "the events ledger ends at {durable}, but detection had reached {cursor}: it was rolled back or replaced; restore \
         it, and run `tachograph verify`"
    )]
    RolledBack {
        /// The position after its last row.
        durable: Seq,
        /// The next row by the cursor.
        cursor: Seq,
    },
}

impl From<SnapshotError> for Halt<RunnerError> {
    fn from(error: SnapshotError) -> Self {
        Self::Failed(error.into())
    }
}

/// What is read at once.
const LIMIT: ReadLimit = ReadLimit { rows: READ_ROWS, bytes: READ_BYTES };

/// Runs the detectors over a store's events.
pub struct Runner {
    events: Reader,
    journal: LedgerJournal,
    options: RunnerOptions,
    metrics: Metrics,
    monitor: Monitor,
}

impl Runner {
    /// A runner over `events` that writes to `operations`. Nothing is read before [`Runner::run`].
    pub fn new(events: &Ledger, operations: &Ledger, options: RunnerOptions) -> Self {
        let journal = LedgerJournal::new(operations.reader(), operations.appender(), events.shard());
        let (metrics, monitor) = (Metrics::default(), Monitor::new("detection"));
        Self { events: events.reader(), journal, options, metrics, monitor }
    }

    /// The metrics, which stay readable while it runs.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// How it stands, for health.
    pub fn monitor(&self) -> Monitor {
        self.monitor.clone()
    }

    /// Detects until `stop` is cancelled or something fails. What was found by then is recorded before it returns, or, on a full
    /// disk, is found again by the next, so another runner may follow at once. Dropping the future at any moment loses nothing either, but what it had queued may become
    /// durable later: only a new process may follow then.
    pub async fn run(self, stop: CancellationToken) -> Result<(), RunnerError> {
        let Self { events, journal, options, metrics, monitor } = self;
        // Content parts are read because `command` and `file` lie there.
        let consumer = Consumer::of(events, true, LIMIT, monitor, stop);
        // Detectors lie in it by value, too many for the stack of whoever waits for it.
        Box::pin(Core { consumer, journal, options, metrics }.run()).await
    }
}

/// The runner over any source and journal, so that tests can simulate a ledger and its clock.
struct Core<S, J> {
    consumer: Consumer<S>,
    journal: J,
    options: RunnerOptions,
    metrics: Metrics,
}

/// A runner that has caught up with its cursor.
struct Running<J> {
    recorder: Recorder<J>,
    snapshots: Snapshots,
    options: RunnerOptions,
    metrics: Metrics,
    detection: Detection,
    findings: Findings,
    /// The cursor that was last committed.
    cursor: Cursor,
    /// Outages since the last commit.
    outages: Vec<Outage>,
    events_since_snapshot: u64,
    snapshot_second: i64,
}

impl<S: Source, J: DetectionJournal> Core<S, J> {
    async fn run(self) -> Result<(), RunnerError> {
        let (mut consumer, mut running) = match start::start(self).await {
            Ok(started) => started,
            Err(halt) => return halt.end(),
        };
        let ended = consumer.run(&mut running).await;
        // What was found is recorded also if nothing more can be read. Of a commit that failed nothing is left to be recorded: it took what
        // it was to record.
        ended.and(running.commit_if_any().await.or_else(Halt::end))
    }
}

impl<J: DetectionJournal> Process for Running<J> {
    type Error = RunnerError;

    /// Takes rows with the time between them, then the time that a heartbeat told.
    async fn process(&mut self, Batch { rows, .. }: &Batch) -> Result<(), Halt<RunnerError>> {
        for row in rows.iter() {
            self.pass(row.recorded.unix_seconds(), row.batch).await?;
            self.detection.engine.observe(&row, &mut self.findings);
            self.commit_if_full().await?;
        }
        let told = rows.recorded_until.unix_seconds();
        if self.detection.progress().clock.second.is_some_and(|second| second < told) {
            // A heartbeat moved the time past the last row, so the newest batch is the one that did.
            self.pass(told, rows.batches_until.saturating_sub(1)).await?;
        }
        self.events_since_snapshot += rows.len() as u64;
        self.metrics.events.inc_by(rows.len() as u64);
        self.metrics.note_failed(self.findings.take_failed());
        self.metrics.note_disordered(self.findings.take_disordered());
        self.settle().await
    }
}

impl<J: DetectionJournal> Running<J> {
    /// Lets recorded time pass until `second`, unless it has.
    async fn pass(&mut self, second: i64, batch: u64) -> Result<(), Halt<RunnerError>> {
        let progress = self.detection.progress();
        let Some(from) = progress.clock.second.filter(|from| *from < second) else { return Ok(()) };
        if progress.clock.is_outage(second, batch) {
            self.detection.engine.advance(second, true, &mut self.findings);
            self.outages.push(Outage { next_seq: progress.next_seq, from, to: second });
        } else {
            for second in from + 1..=second {
                self.detection.engine.advance(second, false, &mut self.findings);
                self.commit_if_full().await?;
            }
        }
        self.detection.engine.note_batch(batch);
        Ok(())
    }

    async fn commit_if_full(&mut self) -> Result<(), Halt<RunnerError>> {
        if self.findings.alerts().len() >= FINDINGS_MAX || self.outages.len() >= OUTAGES_MAX {
            self.commit(None).await?;
        }
        Ok(())
    }

    /// After a block: alerts and outages at once, the cursor each second with traffic, a snapshot when it is due.
    async fn settle(&mut self) -> Result<(), Halt<RunnerError>> {
        let progress = self.detection.progress();
        let second = progress.clock.second.unwrap_or_default();
        let due = self.events_since_snapshot >= self.options.snapshot_events
            || (self.events_since_snapshot > 0 && second - self.snapshot_second >= SNAPSHOT_SECONDS)
            || self.cursor.outages.len() + self.outages.len() >= OUTAGES_MAX;
        let moved = progress.next_seq > self.cursor.progress.next_seq
            && progress.clock.second > self.cursor.progress.clock.second;
        if due {
            self.snapshot(None).await
        } else if moved || !self.findings.alerts().is_empty() || !self.outages.is_empty() {
            self.commit(None).await
        } else {
            Ok(())
        }
    }

    /// Writes a snapshot and the cursor that names it.
    async fn snapshot(&mut self, rules: Option<RulesChange>) -> Result<(), Halt<RunnerError>> {
        // The findings of this state must be durable before the state is one to start from.
        self.commit_if_any().await?;
        let bytes = self.detection.snapshot()?;
        let written = self.snapshots.write(self.detection.progress().next_seq, &bytes);
        self.note_snapshot(written, bytes.len());
        self.commit(rules).await?;
        self.events_since_snapshot = 0;
        self.snapshot_second = self.detection.progress().clock.second.unwrap_or_default();
        if let Err(error) = self.snapshots.keep_only(&self.cursor.snapshots) {
            // A snapshot too many harms nobody; the next time tries again.
            tracing::warn!(%error, "an old snapshot cannot be deleted");
        }
        Ok(())
    }

    /// Names the newest snapshot in the cursor. Without one, because it would be too large or the disk refused it, the older ones stay, as long as the outages since are not too many:
    /// a start then reads the ledger from its beginning, which tells everything.
    fn note_snapshot(&mut self, written: io::Result<Option<SnapshotRef>>, bytes: usize) {
        let written = written.unwrap_or_else(|error| {
            tracing::error!(dir = %self.options.snapshots.display(), %error, "a snapshot of the detectors cannot be written");
            None
        });
        self.metrics.snapshots.inc_by(u64::from(written.is_some()));
        let Cursor { snapshots, outages, .. } = &mut self.cursor;
        if let Some(reference) = written {
            if snapshots.last() != Some(&reference) {
                snapshots.push(reference);
            }
            let extra = snapshots.len().saturating_sub(SNAPSHOTS_KEPT);
            snapshots.drain(..extra);
        } else {
            let limit = self.options.snapshot_bytes;
            tracing::error!(
                bytes,
                limit,
                "there is no new snapshot of the detectors, so the next start will take long"
            );
            if outages.len() + self.outages.len() >= OUTAGES_MAX {
                snapshots.clear();
            }
        }
        let oldest = snapshots.first().map_or(Seq::MAX, |reference| reference.next_seq);
        outages.retain(|outage| outage.next_seq >= oldest);
    }

    async fn commit_if_any(&mut self) -> Result<(), Halt<RunnerError>> {
        if self.findings.alerts().is_empty() && self.outages.is_empty() { Ok(()) } else { self.commit(None).await }
    }

    /// One group: alerts, outages, a change of rules, the cursor.
    async fn commit(&mut self, rules: Option<RulesChange>) -> Result<(), Halt<RunnerError>> {
        let outages = std::mem::take(&mut self.outages);
        self.cursor.progress = self.detection.progress();
        self.cursor.rules = self.detection.rules().0;
        self.cursor.outages.extend(&outages);
        let commit = JournalRecord { alerts: self.findings.take(), cursor: self.cursor.clone(), rules, outages };
        let recorded = self.recorder.record(&commit).await?;
        self.metrics.commits.inc();
        self.metrics.note_alerts(&commit.alerts, recorded);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
