//! `repeat`: the same value of a column again and again, with no other value between.

use serde::{Deserialize, Serialize};

use super::{Hit, Machine, Operator, Room, Seen, Trail, Wrong, check_column, check_range, room, state};
use crate::detector::{Findings, RestoreError};
use crate::engine::Key;
use crate::limits::RULE_STATES_MAX;
use crate::pack::packed;
use crate::table::Table;
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
        room::bytes(RULE_STATES_MAX, 24 + Trail::bytes())
    }

    fn build(&self, key: Key, room: Room) -> Option<Box<dyn Machine>> {
        let column = RuleColumn::new(&self.column).ok()?;
        Some(Box::new(Repeating { parameters: self.clone(), column, key, runs: Table::new(room.of(RULE_STATES_MAX)) }))
    }
}

struct Repeating {
    parameters: Repeat,
    column: RuleColumn,
    key: Key,
    runs: Table<Run>,
}

#[derive(Debug, Default)]
struct Run {
    value: u64,
    count: u64,
    second: i64,
    trail: Trail,
}

packed!(Run { value, count, second, trail });

impl Machine for Repeating {
    fn observe(&mut self, seen: Seen<'_, '_>, findings: &mut Findings) -> Option<Hit> {
        let value = self.column.hash(seen.event, self.key)?;
        let run = state(&mut self.runs, seen, findings);
        if run.value != value || seen.second - run.second > i64::from(self.parameters.gap_seconds) {
            (run.value, run.count) = (value, 0);
            run.trail.clear();
        }
        // One that tells an earlier time makes no pause.
        (run.count, run.second) = (run.count + 1, run.second.max(seen.second));
        run.trail.note(seen);
        (run.count >= u64::from(self.parameters.times)).then(|| Hit {
            observed: run.count as i64,
            value: 0,
            before: run.trail.before(run.count),
        })
    }

    fn snapshot(&self, out: &mut Vec<u8>) {
        self.runs.snapshot(out);
    }

    fn restore(&mut self, input: &mut &[u8]) -> Result<(), RestoreError> {
        self.runs.restore(input)
    }
}
