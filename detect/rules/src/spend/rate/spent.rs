//! What one agent has spent lately, by event time: in the last hour in steps of five minutes, in the last hours, and in this day.

use detect_core::packed;
use detect_core::second::Second;
use operations::Money;
use operations::calendar::DAY;

/// Seconds of a step.
pub const STEP: i64 = 300;
/// Seconds of an hour.
pub const HOUR: i64 = 3_600;
/// Steps without spend that are a pause.
const PAUSE: i64 = 6;
/// Hours that are summed up together.
pub const HOURS: i64 = 4;

/// Sums in micro-USD; each ends at 4,294 dollars, far above what an agent spends in an hour.
#[derive(Debug, Clone, Default)]
pub struct Spent {
    /// The last hour, newest step first.
    steps: [u32; 12],
    /// The clock hours, newest first.
    hours: [u32; HOURS as usize],
    /// What of the block of hours and of the day lies before this hour.
    block: u32,
    day: u32,
    /// Hours of the day with spend, this one included.
    busy: u8,
    /// The latest event time.
    time: Second,
}
packed!(Spent { steps, hours, block, day, busy, time });

/// Sums that are complete, in micro-USD; zero where none is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Closed {
    /// The last hour before this step, if the step is a new one.
    pub step: Option<u64>,
    /// A clock hour, a block of four hours, a day.
    pub sums: [u64; 3],
    /// Hours with spend of that day.
    pub busy: u8,
    /// The latest second of what is over.
    pub second: i64,
}

impl Spent {
    /// Moves on to a second, and says what is over by that. Late events move nothing.
    pub fn advance(&mut self, second: i64) -> Closed {
        let before = self.time.get();
        let mut closed = Closed { second: before, ..Closed::default() };
        if second <= before {
            return closed;
        }
        let (step, next) = (before.div_euclid(STEP), second.div_euclid(STEP));
        if next > step {
            // What lay before a pause is no part of what others do now.
            closed.step = (next - step <= PAUSE).then(|| self.last_hour());
            shift(&mut self.steps, next - step);
        }
        let (hour, next) = (before.div_euclid(HOUR), second.div_euclid(HOUR));
        if next > hour {
            let sum = self.hours[0];
            closed.sums[0] = sum.into();
            self.block = self.block.saturating_add(sum);
            self.day = self.day.saturating_add(sum);
            shift(&mut self.hours, next - hour);
            if next.div_euclid(HOURS) > hour.div_euclid(HOURS) {
                closed.sums[1] = std::mem::take(&mut self.block).into();
            }
            if second.div_euclid(DAY) > before.div_euclid(DAY) {
                closed.sums[2] = std::mem::take(&mut self.day).into();
                closed.busy = std::mem::take(&mut self.busy);
            }
        }
        self.time = Second::new(second);
        closed
    }

    /// Adds a cost at a second that is not later than the latest. What lies an hour or more before it is not added.
    pub fn add(&mut self, second: i64, cost: Money) -> bool {
        let steps = self.time.get().div_euclid(STEP) - second.div_euclid(STEP);
        let Some(step) = usize::try_from(steps).ok().and_then(|steps| self.steps.get_mut(steps)) else { return false };
        let micros = u32::try_from(cost.as_micros()).unwrap_or(u32::MAX);
        *step = step.saturating_add(micros);
        if self.hours[0] == 0 {
            self.busy += 1;
        }
        // At most an hour late, it belongs to this clock hour as well as to the one before, which is learned already.
        self.hours[0] = self.hours[0].saturating_add(micros);
        true
    }

    /// The latest event time.
    pub fn second(&self) -> i64 {
        self.time.get()
    }

    /// Micro-USD of the last hour, the last four clock hours and this day, which is still running.
    pub fn running(&self) -> [u64; 3] {
        let hours = self.hours.iter().map(|hour| u64::from(*hour)).sum();
        [self.last_hour(), hours, u64::from(self.day) + u64::from(self.hours[0])]
    }

    /// Hours of this day with spend.
    pub fn busy(&self) -> u8 {
        self.busy
    }

    fn last_hour(&self) -> u64 {
        self.steps.iter().map(|step| u64::from(*step)).sum()
    }
}

/// Moves a ring of sums, newest first.
fn shift<const N: usize>(ring: &mut [u32; N], by: i64) {
    let by = by.clamp(0, N as i64) as usize;
    ring.rotate_right(by);
    ring[..by].fill(0);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sums_are_those_of_a_plain_list(costs in proptest::collection::vec((0i64..9_000, 1u32..5_000_000), 1..80)) {
            let (mut spent, mut second, mut list) = (Spent::default(), 1_763_683_200, Vec::<(i64, u64)>::new());
            for (gap, micros) in costs {
                second += gap;
                let closed = spent.advance(second);
                for (sum, length) in closed.sums.into_iter().zip([HOUR, HOURS * HOUR, DAY]) {
                    let last = list.last().map_or(0, |(at, _)| at.div_euclid(length));
                    let whole: u64 = list.iter().filter(|(at, _)| at.div_euclid(length) == last).map(|(_, cost)| cost).sum();
                    prop_assert_eq!(sum, if second.div_euclid(length) > last { whole } else { 0 });
                }
                prop_assert!(spent.add(second, Money::from_micros(micros.into())));
                list.push((second, micros.into()));
                let since = |from: i64| list.iter().filter(|(at, _)| *at >= from).map(|(_, cost)| *cost).sum::<u64>();
                let step = (second.div_euclid(STEP) - 11) * STEP;
                let hours = (second.div_euclid(HOUR) - HOURS + 1) * HOUR;
                prop_assert_eq!(spent.running(), [since(step), since(hours), since(second.div_euclid(DAY) * DAY)]);
            }
        }
    }

    #[test]
    fn what_is_an_hour_late_is_refused() {
        let mut spent = Spent::default();
        spent.advance(1_763_683_200);
        assert!(spent.add(1_763_683_200 - 3_000, Money::from_micros(5)));
        assert!(!spent.add(1_763_683_200 - 4_000, Money::from_micros(5)));
        assert_eq!(spent.running()[0], 5);
    }
}
