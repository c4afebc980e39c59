//! `distinct`: many different values of a column in a window. Exact: no more values are kept than are asked for.

use std::collections::VecDeque;

use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::table::Table;
use detect_core::{detector_state, packed};
use serde::{Deserialize, Serialize};

use super::{
    Hit, Machine, MemoryBudget, Operator, RecentEvents, Seen, Wrong, check_column, check_range, memory_budget, state,
};
use crate::limits::{RULE_DISTINCT_MAX, RULE_STATES_MAX};
use crate::user::value::RuleColumn;

/// `[rule.distinct]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distinct {
    /// The column whose values are counted.
    column: String,
    /// So many different ones: 2 to 256,
    values: u32,
    /// in so many seconds: 1 to 2,592,000.
    within_seconds: u32,
}

impl Operator for Distinct {
    fn check(&self) -> Result<(), Wrong> {
        check_column(&self.column)?;
        check_range("values", self.values.into(), 2..=RULE_DISTINCT_MAX.into())?;
        check_range("within_seconds", self.within_seconds.into(), 1..=2_592_000)
    }

    fn column(&self) -> Option<&str> {
        Some(&self.column)
    }

    fn bytes(&self) -> u64 {
        memory_budget::bytes(RULE_STATES_MAX, memory_budget::list_bytes(self.values.into(), 16) + RecentEvents::bytes())
    }

    fn build(&self, key: Key, budget: MemoryBudget) -> Option<Box<dyn Machine>> {
        let column = RuleColumn::new(&self.column).ok()?;
        Some(Box::new(Counting {
            parameters: self.clone(),
            column,
            key,
            states: Table::new(budget.of(RULE_STATES_MAX)),
        }))
    }
}

struct Counting {
    parameters: Distinct,
    column: RuleColumn,
    key: Key,
    states: Table<Values>,
}

detector_state!(Counting { states } without { parameters, column, key });

#[derive(Debug, Default)]
struct Values {
    /// Hash and second of the latest event of each value, oldest first.
    latest: VecDeque<(u64, i64)>,
    recent_events: RecentEvents,
}

packed!(Values { latest, recent_events });

impl Machine for Counting {
    fn observe(&mut self, seen: Seen<'_, '_>, findings: &mut Findings) -> Option<Hit> {
        let value = self.column.hash(seen.event, self.key)?;
        let Distinct { values, within_seconds, .. } = self.parameters;
        let state = state(&mut self.states, seen, findings);
        let second = seen.second.max(state.latest.back().map_or(i64::MIN, |(_, second)| *second));
        let from = second - i64::from(within_seconds);
        let before = state.latest.len();
        state.latest.retain(|(other, at)| *other != value && *at > from);
        if state.latest.len() >= values as usize {
            state.latest.pop_front();
        }
        state.latest.push_back((value, second));
        // Evidence is what brought a new value; the event itself always is.
        if state.latest.len() > before || state.latest.len() >= values as usize {
            state.recent_events.note(seen);
        }
        state.recent_events.forget_before(seen.event.second() - i64::from(within_seconds) + 1);
        let count = state.latest.len();
        (count >= values as usize).then(|| Hit {
            observed: count as i64,
            value: 0,
            before: state.recent_events.before(count as u64),
        })
    }
}
