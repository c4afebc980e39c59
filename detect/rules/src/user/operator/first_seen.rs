//! `first_seen`: a value that this key never had before, once what is usual for the key was learnt.

use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::table::Table;
use detect_core::{detector_state, packed};
use serde::{Deserialize, Serialize};

use super::{Hit, Machine, MemoryBudget, Operator, Seen, Wrong, check_column, check_range, memory_budget, state};
use crate::limits::{RULE_STATES_MAX, RULE_VALUES_MAX};
use crate::user::value::RuleColumn;

/// `[rule.first_seen]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FirstSeen {
    /// The column whose values are remembered.
    column: String,
    /// Nothing is told so long after a key's first event was recorded: 0 to 8,760 hours.
    #[serde(default = "day")]
    learning_hours: u32,
    /// A value that was not seen for so long is new again: 1 to 365 days.
    #[serde(default = "quarter")]
    forget_days: u32,
}

fn day() -> u32 {
    24
}

fn quarter() -> u32 {
    90
}

impl Operator for FirstSeen {
    fn check(&self) -> Result<(), Wrong> {
        check_column(&self.column)?;
        check_range("learning_hours", self.learning_hours.into(), 0..=8_760)?;
        check_range("forget_days", self.forget_days.into(), 1..=365)
    }

    fn column(&self) -> Option<&str> {
        Some(&self.column)
    }

    fn bytes(&self) -> u64 {
        memory_budget::bytes(RULE_STATES_MAX, 8) + memory_budget::bytes(RULE_VALUES_MAX, 8)
    }

    fn build(&self, key: Key, budget: MemoryBudget) -> Option<Box<dyn Machine>> {
        let column = RuleColumn::new(&self.column).ok()?;
        let (keys, values) = (Table::new(budget.of(RULE_STATES_MAX)), Table::new(budget.of(RULE_VALUES_MAX)));
        Some(Box::new(Learning { parameters: self.clone(), column, key, keys, values }))
    }
}

struct Learning {
    parameters: FirstSeen,
    column: RuleColumn,
    key: Key,
    keys: Table<Known>,
    values: Table<Known>,
}

detector_state!(Learning { keys, values } without { parameters, column, key });

/// When a key was recorded first, or a value of a key last; zero for never.
#[derive(Debug, Default)]
struct Known {
    second: i64,
}

packed!(Known { second });

impl Machine for Learning {
    fn observe(&mut self, seen: Seen<'_, '_>, findings: &mut Findings) -> Option<Hit> {
        let value = self.column.hash(seen.event, self.key)?;
        // By recorded time: a key whose first event tells a time long ago would have learnt already.
        let second = seen.event.second();
        let since = &mut state(&mut self.keys, seen, findings).second;
        if *since == 0 {
            *since = second;
        }
        let learnt = second - *since >= i64::from(self.parameters.learning_hours) * 3_600;
        let last = &mut self.values.entry(Key::join(seen.key, value), seen.event, findings).second;
        let is_new = *last == 0 || second - *last > i64::from(self.parameters.forget_days) * 86_400;
        *last = second;
        (is_new && learnt).then(|| Hit { observed: 1, value, ..Hit::default() })
    }
}
