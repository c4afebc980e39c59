//! What was spent in the last hour and in the last day: a ring of sums for each.

use detect_core::packed;
use detect_core::second::Second;
use operations::Money;

/// Seconds of a short step.
const STEP: i64 = 300;
/// Seconds of a long step.
const HOUR: i64 = 3_600;
/// Micro-USD of one in the sums of steps and hours.
const UNIT: u64 = 100;

/// Spend of the last hour in steps of five minutes and of the last day in hours, in hundreds of micro-USD.
#[derive(Debug, Clone, Default)]
pub struct RecentSpend {
    steps: [u32; 12],
    hours: [u32; 24],
    /// The second of the first cost, and of the latest.
    first: Second,
    second: Second,
}
packed!(RecentSpend { steps, hours, first, second });

impl RecentSpend {
    /// Notes a cost.
    pub fn add(&mut self, second: i64, cost: Money) {
        if self.second == Second::default() {
            self.first = Second::new(second);
        }
        let before = self.second();
        shift(&mut self.steps, before.div_euclid(STEP), second.div_euclid(STEP));
        shift(&mut self.hours, before.div_euclid(HOUR), second.div_euclid(HOUR));
        self.second = self.second.max(Second::new(second));
        let units = u32::try_from(cost.as_micros().div_ceil(UNIT)).unwrap_or(u32::MAX);
        book(&mut self.steps, before.div_euclid(STEP) - second.div_euclid(STEP), units);
        book(&mut self.hours, before.div_euclid(HOUR) - second.div_euclid(HOUR), units);
    }

    /// The second of the latest cost.
    pub fn second(&self) -> i64 {
        self.second.get()
    }

    /// Spend over about the last `seconds`, which are whole steps within an hour or whole hours.
    pub fn sum(&self, seconds: i64) -> Money {
        let units: u64 = if seconds <= HOUR {
            self.steps.iter().take((seconds / STEP) as usize).map(|step| u64::from(*step)).sum()
        } else {
            self.hours.iter().take((seconds / HOUR) as usize).map(|hour| u64::from(*hour)).sum()
        };
        Money::from_micros(units * UNIT)
    }

    /// The hours that lie wholly after the first cost, newest first; the current one is left out.
    pub fn whole_hours(&self) -> impl Iterator<Item = Money> {
        let known = self.second().div_euclid(HOUR) - self.first.get().div_euclid(HOUR);
        self.hours
            .iter()
            .skip(1)
            .take(known.clamp(0, 23) as usize)
            .map(|hour| Money::from_micros(u64::from(*hour) * UNIT))
    }
}

/// Moves a ring of sums, newest first, from one step to a later one.
fn shift<const N: usize>(ring: &mut [u32; N], from: i64, to: i64) {
    let by = to.saturating_sub(from).clamp(0, N as i64) as usize;
    ring.rotate_right(by);
    ring[..by].fill(0);
}

/// Adds to the sum of so many steps ago; what is older than the ring is in none of its sums.
fn book<const N: usize>(ring: &mut [u32; N], ago: i64, units: u32) {
    if let Some(sum) = usize::try_from(ago.max(0)).ok().and_then(|ago| ring.get_mut(ago)) {
        *sum = sum.saturating_add(units);
    }
}
