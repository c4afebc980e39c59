//! `rarity`: a value that few other keys have. What the fleet does is the baseline; no key's own habit makes a value usual.

use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::table::Table;
use detect_core::{detector_state, packed};
use serde::{Deserialize, Serialize};

use super::{Hit, Machine, MemoryBudget, Operator, Seen, Wrong, check_column, check_range, memory_budget};
use crate::limits::{RULE_DISTINCT_MAX, RULE_VALUES_MAX};
use crate::user::value::RuleColumn;

/// `[rule.rarity]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rarity {
    /// The column whose values are rare or not.
    column: String,
    /// Fewer other keys than this have the value: 1 to 255,
    fewer_than: u32,
    /// in the last so many days: 1 to 365.
    within_days: u32,
    /// Nothing is told so long after the first event was recorded: 0 to 8,760 hours.
    #[serde(default = "day")]
    learning_hours: u32,
}

fn day() -> u32 {
    24
}

impl Operator for Rarity {
    fn check(&self) -> Result<(), Wrong> {
        check_column(&self.column)?;
        check_range("fewer_than", self.fewer_than.into(), 1..=u64::from(RULE_DISTINCT_MAX) - 1)?;
        check_range("within_days", self.within_days.into(), 1..=365)?;
        check_range("learning_hours", self.learning_hours.into(), 0..=8_760)
    }

    fn column(&self) -> Option<&str> {
        Some(&self.column)
    }

    fn bytes(&self) -> u64 {
        memory_budget::bytes(RULE_VALUES_MAX, memory_budget::list_bytes(u64::from(self.fewer_than) + 1, 16))
    }

    fn build(&self, key: Key, budget: MemoryBudget) -> Option<Box<dyn Machine>> {
        let column = RuleColumn::new(&self.column).ok()?;
        let values = Table::new(budget.of(RULE_VALUES_MAX));
        Some(Box::new(Rare { parameters: self.clone(), column, key, since: None, values }))
    }
}

struct Rare {
    parameters: Rarity,
    column: RuleColumn,
    key: Key,
    since: Option<i64>,
    values: Table<Holders>,
}

detector_state!(Rare { since, values } without { parameters, column, key });

/// Who has a value: the latest keys with the second in which their latest event was recorded, oldest first, one more than matter.
#[derive(Debug, Default)]
struct Holders {
    latest: Vec<(u64, i64)>,
}

packed!(Holders { latest });

impl Machine for Rare {
    fn observe(&mut self, seen: Seen<'_, '_>, findings: &mut Findings) -> Option<Hit> {
        let value = self.column.hash(seen.event, self.key)?;
        let Rarity { fewer_than, within_days, learning_hours, .. } = self.parameters;
        // By recorded time: an agent that tells a time long ago would end the learning for all.
        let second = seen.event.second();
        let since = *self.since.get_or_insert(second);
        let holders = &mut self.values.entry(value, seen.event, findings).latest;
        let from = second - i64::from(within_days) * 86_400;
        holders.retain(|(key, at)| *key != seen.key && *at > from);
        let others = holders.len();
        if others > fewer_than as usize {
            holders.remove(0);
        }
        holders.push((seen.key, second));
        let learnt = second - since >= i64::from(learning_hours) * 3_600;
        (learnt && others < fewer_than as usize).then(|| Hit { observed: others as i64, value, ..Hit::default() })
    }
}
