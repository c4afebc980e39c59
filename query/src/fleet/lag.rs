//! How long events took from where they were seen to the ledger: counts by logarithmic classes, of this minute and the one before.

use ledger::Timestamp;
use serde::{Deserialize, Serialize};

/// Four classes for each doubling, up to the longest that counts.
const CLASSES: usize = 124;
/// What took longer was not sent as it happened.
const MICROS_MAX: u64 = 900_000_000;

/// The lag of intake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub(super) struct Lag {
    minute: i64,
    now: Vec<u32>,
    before: Vec<u32>,
}

impl Lag {
    /// Counts an event.
    pub(super) fn add(&mut self, seen: Timestamp, recorded: Timestamp) {
        let Ok(micros) = u64::try_from(recorded.micros_since(seen)) else { return };
        if micros > MICROS_MAX {
            return;
        }
        let minute = recorded.unix_seconds().div_euclid(60);
        if minute != self.minute {
            let now = std::mem::take(&mut self.now);
            self.before = if minute == self.minute + 1 { now } else { Vec::new() };
            self.minute = minute;
        }
        if self.now.is_empty() {
            self.now = vec![0; CLASSES];
        }
        if let Some(count) = self.now.get_mut(class(micros)) {
            *count = count.saturating_add(1);
        }
    }

    /// The lag that 99 of 100 events of the last one to two minutes stayed below, in microseconds; `None` without any.
    pub(super) fn p99_micros(&self, now: Timestamp) -> Option<u64> {
        let minute = now.unix_seconds().div_euclid(60);
        if minute > self.minute + 1 {
            return None;
        }
        let count = |at: usize| {
            [&self.now, &self.before].iter().filter_map(|counts| counts.get(at)).map(|n| u64::from(*n)).sum::<u64>()
        };
        let all: u64 = (0..CLASSES).map(count).sum();
        let wanted = (all * 99).div_ceil(100);
        let mut below = 0;
        (0..CLASSES)
            .find(|at| {
                below += count(*at);
                below >= wanted && all > 0
            })
            .map(upper)
    }
}

/// The class of a number: its highest bit and the two below it.
fn class(micros: u64) -> usize {
    let micros = micros.max(4);
    let bits = 63 - micros.leading_zeros() as usize;
    ((bits - 2) * 4 + (micros >> (bits - 2) & 3) as usize).min(CLASSES - 1)
}

/// The upper end of a class.
fn upper(class: usize) -> u64 {
    let (bits, quarter) = (class / 4 + 2, class % 4);
    (5 + quarter as u64) << (bits - 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_lies_below_the_end_of_its_class_and_above_that_of_the_one_before() {
        for shift in 2..30 {
            for micros in [(1_u64 << shift) - 1, 1 << shift, (1 << shift) + 1, (1 << shift) + (1 << (shift - 1))] {
                let class = class(micros);
                assert!(micros < upper(class), "{micros} {class}");
                assert!(class == 0 || micros >= upper(class - 1), "{micros} {class}");
            }
        }
    }

    #[test]
    fn what_is_old_is_forgotten() {
        let at = |seconds: i64| Timestamp::from_unix_seconds(seconds);
        let mut lag = Lag::default();
        assert_eq!(lag.p99_micros(at(0)), None);
        (0..98).for_each(|_| lag.add(at(100), Timestamp::from_unix_micros(100_001_000)));
        (0..2).for_each(|_| lag.add(at(100), at(102)));
        assert!(lag.p99_micros(at(110)).is_some_and(|micros| (2_000_000..2_600_000).contains(&micros)));
        (0..1_000).for_each(|_| lag.add(at(130), Timestamp::from_unix_micros(130_001_000)));
        assert!(lag.p99_micros(at(140)).is_some_and(|micros| micros < 1_400));
        lag.add(at(140), at(139));
        lag.add(at(140), at(140 + 3_600));
        assert_eq!(lag.p99_micros(at(300)), None);
    }
}
