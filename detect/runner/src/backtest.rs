//! Backtests: two sets of rules over the same stored history, each from an empty state, and what differs.
//!
//! Rules that are the same in both run once. `state.flood`, which hears of what all rules forget, is one of them unless its
//! parameters differ: what only other rules forget is not told apart.
//!
//! The history is read once, in blocks, by a reader that takes no lock, so a server may be writing meanwhile. Of alerts only
//! a hash of each and a few examples are kept. Nothing is recorded here.

mod agent_days;
mod changes;
mod tally;

use std::ops::Range;

use detect_core::engine::Engine;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_rules::rule_set::RuleSet;
use ledger::{Durable, LedgerError, ReadLimit, Reader, Row, Seq, Timestamp};

use crate::limits::{READ_BYTES, READ_ROWS};
use crate::runner::newest_rules;
pub(crate) use agent_days::AgentDays;
pub use changes::{Change, changes};
pub(crate) use tally::per_agent_day;
pub use tally::{Found, Report, RuleReport};
use tally::{Side, Tally};

/// What is compared over which part of the history.
#[derive(Debug, Clone)]
pub struct Backtest {
    /// The rules that are tried.
    pub candidate: RuleSet,
    /// The rules that they are compared with.
    pub current: RuleSet,
    /// Only events recorded at or after this moment.
    pub since: Option<Timestamp>,
    /// Only events recorded before it.
    pub until: Option<Timestamp>,
    /// Examples of alerts that only one set gives, for each rule.
    pub examples: usize,
}

/// How far it is, in rows.
#[derive(Debug, Clone, Copy)]
pub struct BacktestProgress {
    /// Rows that were read.
    pub done: u64,
    /// Rows that there are.
    pub total: u64,
}

/// The rules that run now: those of the newest entry about rules in `operations`; `None` if nothing ever ran.
pub fn running_rules(operations: &Reader) -> Result<Option<RuleSet>, LedgerError> {
    newest_rules(operations)
}

impl Backtest {
    /// Runs it over `events`; alerts that `operations` recorded are compared too. `key` is that of the detectors' hashes.
    pub fn run(
        &self,
        events: &Reader,
        operations: &Reader,
        key: Key,
        progress: &mut dyn FnMut(BacktestProgress),
    ) -> Result<Report, LedgerError> {
        let durable = events.durable()?;
        let from = self.since.map_or(Ok(Seq::FIRST), |since| events.seq_at(since))?;
        let end = self.until.map_or(Ok(durable.next_seq), |until| events.seq_at(until))?.max(from);
        let mut tally = Tally::new(key, self.examples);
        tally.read_recorded(operations, from..end)?;
        let mut sides = vec![(Side::Candidate, RuleSetRun::new(&self.candidate, key))];
        // The same rules give the same alerts, so they run once.
        let same = self.candidate.same(&self.current);
        let mut current = RuleSetRun::new(&self.current, key);
        if current.engine.leave_out(&same) > 0 {
            sides.push((Side::Current, current));
        }
        read_events(events, from..end, progress, |row| {
            tally.note_event(row);
            for (side, run) in &mut sides {
                run.observe(row, |findings| tally.take(*side, findings));
            }
        })?;
        // What came after the end of the part would have ended silence there.
        if end == durable.next_seq {
            for (side, run) in &mut sides {
                run.finish(durable, |findings| tally.take(*side, findings));
            }
        }
        for (side, run) in &mut sides {
            tally.note_failed(*side, run.findings.take_failed());
        }
        tally.mirror(&same);
        Ok(tally.report())
    }
}

/// Shows every event of a part of the history, in blocks, and says how far it is.
pub(crate) fn read_events(
    events: &Reader,
    part: Range<Seq>,
    progress: &mut dyn FnMut(BacktestProgress),
    mut each: impl FnMut(&Row<'_>),
) -> Result<(), LedgerError> {
    let mut next = part.start;
    while next < part.end {
        let limit = ReadLimit { rows: READ_ROWS.min(part.end.distance_from(next) as usize), bytes: READ_BYTES };
        // `command` and `file` lie in the content part.
        let rows = events.read(next, true, limit)?;
        if rows.is_empty() {
            return Ok(());
        }
        rows.iter().for_each(|row| each(&row));
        next = rows.next_seq;
        progress(BacktestProgress { done: next.distance_from(part.start), total: part.end.distance_from(part.start) });
    }
    Ok(())
}

/// One set of rules at work, from an empty state. What it finds is taken after every event and every second.
pub(crate) struct RuleSetRun {
    engine: Engine,
    findings: Findings,
}

impl RuleSetRun {
    /// Rules that have seen nothing.
    pub(crate) fn new(rules: &RuleSet, key: Key) -> Self {
        Self { engine: rules.engine(key, Timestamp::MIN), findings: Findings::new() }
    }

    /// Lets the time pass until an event, and shows it.
    pub(crate) fn observe(&mut self, row: &Row<'_>, mut take: impl FnMut(&mut Findings)) {
        let second = row.recorded.unix_seconds();
        self.engine.pass(second, row.batch, &mut self.findings, &mut take);
        self.engine.observe(row, &mut self.findings);
        take(&mut self.findings);
    }

    /// Lets the time pass that heartbeats told after the last event.
    pub(crate) fn finish(&mut self, durable: Durable, take: impl FnMut(&mut Findings)) {
        let second = durable.recorded_until.unix_seconds();
        let batch = durable.batches.saturating_sub(1);
        self.engine.pass(second, batch, &mut self.findings, take);
    }
}

#[cfg(test)]
mod tests;
