//! The start of the runner: the newest snapshot that can be believed, then everything up to the cursor once more, in
//! silence.

use detect_core::engine::EnginePosition;
use detect_core::findings::Findings;
use detect_core::limits::BACKFILL_AGE;
use ledger::consumer::{Halt, Source};
use ledger::{Consumer, Rows, Seq};

use super::journal::{Cursor, DetectionJournal, History, RulesChange};
use super::snapshots::Snapshots;
use super::{Core, RunnerError, RunnerOptions, Running};
use crate::detection::Detection;

/// Brings the engine to the cursor and the rules up to date. The consumer goes on from there.
pub async fn start<S: Source, J: DetectionJournal>(
    core: Core<S, J>,
) -> Result<(Consumer<S>, Running<J>), Halt<RunnerError>> {
    let Core { mut consumer, journal, options, metrics } = core;
    let failed = |source| RunnerError::Snapshots { dir: options.snapshots.clone(), source };
    let snapshots =
        Snapshots::open(&options.snapshots, options.snapshot_bytes).map_err(failed).map_err(Halt::Failed)?;
    let durable = consumer.durable()?;
    let (detection, history, cursor) = if let Some(cursor) = journal.cursor()? {
        if durable.next_seq < cursor.progress.next_seq {
            let (durable, cursor) = (durable.next_seq, cursor.progress.next_seq);
            return Err(Halt::Failed(RunnerError::RolledBack { durable, cursor }));
        }
        let (detection, history) = base(&journal, &snapshots, &cursor, &options).map_err(Halt::Failed)?;
        (detection, history, cursor)
    } else {
        let live_from = durable.recorded_until.saturating_sub(BACKFILL_AGE);
        let detection = Detection::new(&options.rules, options.key, live_from);
        let cursor = Cursor { progress: detection.progress(), rules: 0, snapshots: Vec::new(), outages: Vec::new() };
        (detection, History::default(), cursor)
    };
    let mut running = Running {
        recorder: consumer.recorder(journal),
        snapshots,
        options,
        metrics,
        detection,
        findings: Findings::new(),
        cursor,
        outages: Vec::new(),
        events_since_snapshot: 0,
        snapshot_second: 0,
    };
    running.replay(&mut consumer, &history).await?;
    running.snapshot_second = running.detection.progress().clock.second.unwrap_or_default();
    running.change_rules().await?;
    Ok((consumer, running))
}

/// The detection from which the cursor is reached, and what happened in between besides events: the newest snapshot that is
/// whole and was written under the same rules, or else the start of the ledger.
fn base(
    journal: &impl DetectionJournal,
    snapshots: &Snapshots,
    cursor: &Cursor,
    options: &RunnerOptions,
) -> Result<(Detection, History), RunnerError> {
    for reference in cursor.snapshots.iter().rev() {
        let Some(bytes) = snapshots.read(reference) else {
            tracing::warn!(
                next_seq = reference.next_seq.get(),
                "a snapshot of the detectors is missing or damaged; an older one is read"
            );
            continue;
        };
        match Detection::restore(&bytes, options.key) {
            Ok(detection) if detection.rules().0 == cursor.rules => {
                return Ok((detection, History { rules: Vec::new(), outages: cursor.outages.clone() }));
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a snapshot of the detectors is passed over"),
        }
    }
    let history = journal.history()?;
    let rules = history.rules.first().map_or(&options.rules, |change| &change.rules);
    Ok((Detection::new(rules, options.key, cursor.progress.live_from), history))
}

impl<J: DetectionJournal> Running<J> {
    /// Sees everything up to the cursor again. What it finds stands in the ledger already.
    async fn replay<S: Source>(
        &mut self,
        consumer: &mut Consumer<S>,
        history: &History,
    ) -> Result<(), Halt<RunnerError>> {
        let target = self.cursor.progress;
        consumer.seek(self.detection.progress().next_seq);
        while self.detection.progress().next_seq < target.next_seq {
            let batch = consumer.next_batch().await?;
            self.replay_rows(&batch.rows, target.next_seq, history).map_err(Halt::Failed)?;
        }
        self.replay_until(target, history).map_err(Halt::Failed)?;
        self.detection.engine.set_clock(target.clock);
        consumer.seek(target.next_seq);
        Ok(())
    }

    fn replay_rows(&mut self, rows: &Rows, end: Seq, history: &History) -> Result<(), RunnerError> {
        for row in rows.iter().take_while(|row| row.position.seq < end) {
            let progress = self.detection.progress();
            let mut clock = progress.clock;
            clock.second = Some(row.recorded.unix_seconds());
            self.replay_until(EnginePosition { clock, ..progress }, history)?;
            self.detection.engine.observe(&row, &mut self.findings);
            self.findings.clear();
        }
        Ok(())
    }

    /// Lets time pass at one position as it passed before, with its outages and changes of rules.
    fn replay_until(&mut self, target: EnginePosition, history: &History) -> Result<(), RunnerError> {
        let here = |next_seq: Seq| next_seq == target.next_seq;
        for change in history.rules.iter().filter(|change| here(change.progress.next_seq)) {
            if change.progress.clock.second <= target.clock.second && change.revision > self.detection.rules().0 {
                self.replay_seconds(change.progress.clock.second, history);
                self.detection.change_rules(change.revision, change.rules.clone())?;
            }
        }
        self.replay_seconds(target.clock.second, history);
        Ok(())
    }

    fn replay_seconds(&mut self, until: Option<i64>, history: &History) {
        let EnginePosition { next_seq, clock, .. } = self.detection.progress();
        let (Some(mut second), Some(until)) = (clock.second, until) else { return };
        while second < until {
            let outage = history.outages.iter().find(|outage| outage.next_seq == next_seq && outage.from == second);
            match outage {
                Some(outage) => second = outage.to,
                None => second += 1,
            }
            self.detection.engine.advance(second, outage.is_some(), &mut self.findings);
            self.findings.clear();
        }
    }

    /// Records the rules if they are new, with a snapshot from which they apply.
    async fn change_rules(&mut self) -> Result<(), Halt<RunnerError>> {
        let (revision, rules) = self.detection.rules();
        let first = self.cursor.rules == 0;
        if !first && *rules == self.options.rules {
            return Ok(());
        }
        let revision = if first { 1 } else { revision + 1 };
        let rules = self.options.rules.clone();
        self.detection.change_rules(revision, rules.clone())?;
        let progress = self.detection.progress();
        self.snapshot(Some(RulesChange { revision, progress, rules })).await
    }
}
