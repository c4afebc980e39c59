//! `repeat`: the same value of a column again and again, with no other value between.

use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::table::Table;
use detect_core::{detector_state, packed};
use serde::{Deserialize, Serialize};

use super::{
    Hit, Machine, MemoryBudget, Operator, RecentEvents, Seen, Wrong, check_column, check_range, memory_budget, state,
};
use crate::limits::RULE_STATES_MAX;
use crate::user::value::RuleColumn;

/// `[rule.repeat]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repeat {
    /// The column whose value repeats.
    column: String,
    /// So many times in a row: 2 to 1,000,000.
    times: u32,
    /// A longer pause than this begins anew: 1 to 604,800 seconds.
    #[serde(default = "hour")]
    gap_seconds: u32,
}

fn hour() -> u32 {
    3_600
}

impl Operator for Repeat {
    fn check(&self) -> Result<(), Wrong> {
        check_column(&self.column)?;
        check_range("times", self.times.into(), 2..=1_000_000)?;
        check_range("gap_seconds", self.gap_seconds.into(), 1..=604_800)
    }

    fn column(&self) -> Option<&str> {
        Some(&self.column)
    }

    fn bytes(&self) -> u64 {
        memory_budget::bytes(RULE_STATES_MAX, 24 + RecentEvents::bytes())
    }

    fn build(&self, key: Key, budget: MemoryBudget) -> Option<Box<dyn Machine>> {
        let column = RuleColumn::new(&self.column).ok()?;
        Some(Box::new(Repeating {
            parameters: self.clone(),
            column,
            key,
            runs: Table::new(budget.of(RULE_STATES_MAX)),
        }))
    }
}

struct Repeating {
    parameters: Repeat,
    column: RuleColumn,
    key: Key,
    runs: Table<Run>,
}

detector_state!(Repeating { runs } without { parameters, column, key });

#[derive(Debug, Default)]
struct Run {
    value: u64,
    count: u64,
    second: i64,
    recent_events: RecentEvents,
}

packed!(Run { value, count, second, recent_events });

impl Machine for Repeating {
    fn observe(&mut self, seen: Seen<'_, '_>, findings: &mut Findings) -> Option<Hit> {
        let value = self.column.hash(seen.event, self.key)?;
        let run = state(&mut self.runs, seen, findings);
        if run.value != value || seen.second - run.second > i64::from(self.parameters.gap_seconds) {
            (run.value, run.count) = (value, 0);
            run.recent_events.clear();
        }
        // One that tells an earlier time makes no pause.
        (run.count, run.second) = (run.count + 1, run.second.max(seen.second));
        run.recent_events.note(seen);
        (run.count >= u64::from(self.parameters.times)).then(|| Hit {
            observed: run.count as i64,
            value: 0,
            before: run.recent_events.before(run.count),
        })
    }
}
