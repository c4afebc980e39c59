//! How much memory the states of a rule may take: all user rules together have so much, and who needs little leaves the rest to
//! others.

use crate::limits::USER_STATES_BYTES_MAX;

/// Bytes of one state in a table besides its value: its place in lists and indexes.
const ENTRY_BYTES: u64 = 128;

/// The memory of one rule: what it was given of what it might take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryBudget {
    given: u64,
    wanted: u64,
}

impl MemoryBudget {
    /// The budgets of all rules by what the states of each might take. A rule that wants less than an even share has all of it.
    pub fn share(wanted: &[u64]) -> Vec<Self> {
        let mut budgets: Vec<Self> = wanted.iter().map(|wanted| Self { given: 0, wanted: *wanted }).collect();
        let mut order: Vec<&mut Self> = budgets.iter_mut().collect();
        order.sort_by_key(|budget| budget.wanted);
        let (mut left, mut others) = (USER_STATES_BYTES_MAX, order.len() as u64);
        for budget in order {
            budget.given = budget.wanted.min(left / others);
            left -= budget.given;
            others -= 1;
        }
        budgets
    }

    /// How many of `limit` states there may be.
    pub fn of(self, limit: usize) -> usize {
        let limit = limit as u64;
        let fits = u128::from(limit) * u128::from(self.given) / u128::from(self.wanted.max(1));
        u64::try_from(fits).map_or(limit, |fits| fits.clamp(1, limit)) as usize
    }
}

/// The bytes of so many states whose values take so many bytes.
pub fn bytes(states: usize, value: u64) -> u64 {
    states as u64 * (ENTRY_BYTES + value)
}

/// The bytes of a list that grew to so many items, each of so many bytes.
pub fn list_bytes(items: u64, item: u64) -> u64 {
    32 + items.next_power_of_two() * item
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn all_together_have_no_more_and_nobody_has_less_than_a_share(
            wanted in proptest::collection::vec(prop_oneof![0u64..1 << 20, 0u64..1 << 36], 1..128),
        ) {
            let budgets = MemoryBudget::share(&wanted);
            let given: u64 = budgets.iter().map(|budget| budget.given).sum();
            prop_assert!(given <= USER_STATES_BYTES_MAX);
            for (budget, wanted) in budgets.iter().zip(&wanted) {
                prop_assert!(budget.given >= (*wanted).min(USER_STATES_BYTES_MAX / budgets.len() as u64));
                prop_assert!(budget.given <= *wanted && budget.wanted == *wanted);
                prop_assert!((1..=16_384).contains(&budget.of(16_384)));
            }
            if wanted.iter().sum::<u64>() <= USER_STATES_BYTES_MAX {
                prop_assert!(budgets.iter().all(|budget| budget.of(16_384) == 16_384 || budget.wanted == 0));
            }
        }
    }
}
