//! The intervals between the callbacks of one agent to one domain, and whether they are regular. Integers only.
//!
//! An interval fits if it lies within a third of the median, or of twice the median: then one callback is missing. Jitter of
//! half of the interval, the most that implants usually have, still fits; intervals by chance (exponential ones) fit in about
//! 35 of 100 cases, so 14 of 15 by chance is rarer than one in 100,000.

use detect_core::episode::Before;
use detect_core::event::EventRow;
use detect_core::pack::{Pack, RestoreError};
use detect_core::packed;
use ledger::Timestamp;
use serde::{Deserialize, Serialize};

use crate::egress::candidates::Candidate;
use crate::limits::INTERVALS_MAX;

/// Of a hundred intervals so many must fit.
const FIT_PERCENT: usize = 88;

/// The callbacks of one agent to one domain.
#[derive(Debug, Default)]
pub struct Rhythm {
    domain: u32,
    /// The second of the latest callback by the source's clock,
    time: u32,
    /// and by ours; zero if there was no callback yet.
    last: u32,
    /// Since when, by the source's clock, the intervals have been regular; zero if they are not.
    since: u32,
    /// How many intervals there are, oldest first.
    len: u8,
    intervals: [Interval; INTERVALS_MAX],
}
packed!(Rhythm { domain, time, last, since, len, intervals });

/// An interval in two bytes: seconds up to nine hours, above that minutes up to three weeks.
#[derive(Debug, Clone, Copy, Default)]
struct Interval(u16);

impl Interval {
    /// Set if minutes are counted.
    const MINUTES: u16 = 1 << 15;

    fn of(seconds: u32) -> Self {
        match u16::try_from(seconds) {
            Ok(seconds) if seconds < Self::MINUTES => Self(seconds),
            _ => Self(Self::MINUTES | (seconds / 60).min(u32::from(Self::MINUTES) - 1) as u16),
        }
    }

    fn seconds(self) -> u32 {
        let number = u32::from(self.0 & !Self::MINUTES);
        if self.0 & Self::MINUTES == 0 { number } else { number * 60 }
    }
}

impl Pack for Interval {
    fn pack(&self, out: &mut Vec<u8>) {
        self.0.pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        Ok(Self(u16::unpack(input)?))
    }
}

/// A regular rhythm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beat {
    /// Intervals that were looked at,
    pub intervals: u32,
    /// and those of them that fit.
    pub fit: u32,
    /// The median in seconds.
    pub median: u32,
    /// The shortest and the longest in seconds.
    pub range: (u32, u32),
    /// For how many seconds it has been regular.
    pub seconds: i64,
}

impl Candidate for Rhythm {
    fn name(&self) -> u32 {
        self.domain
    }

    fn last(&self) -> i64 {
        i64::from(self.last)
    }

    fn weight(&self) -> u32 {
        u32::from(self.len)
    }
}

impl Rhythm {
    /// No callback yet.
    pub fn new(domain: u32) -> Self {
        Self { domain, ..Self::default() }
    }

    /// Adds a request at `time`; says whether it is a callback of its own. What follows within `merge_seconds`, or comes
    /// late and out of order, belongs to the latest one.
    pub fn note(&mut self, time: i64, second: i64, merge_seconds: u32) -> bool {
        // Whatever a source says: seconds of this and the next century.
        let time = u32::try_from(time.max(0)).unwrap_or(u32::MAX);
        if std::mem::replace(&mut self.last, second as u32) == 0 {
            self.time = time;
            return true;
        }
        let interval = time.saturating_sub(self.time);
        if interval < merge_seconds {
            return false;
        }
        self.time = time;
        if usize::from(self.len) < INTERVALS_MAX {
            self.len += 1;
        } else {
            self.intervals.rotate_left(1);
        }
        if let Some(latest) = self.intervals.get_mut(usize::from(self.len) - 1) {
            *latest = Interval::of(interval);
        }
        true
    }

    /// The rhythm of the latest `callbacks`, if there are so many and they are regular.
    pub fn beat(&mut self, callbacks: u32) -> Option<Beat> {
        let count = callbacks as usize - 1;
        let found = if usize::from(self.len) < count { None } else { self.regular(count) };
        match found {
            None => self.since = 0,
            Some((_, span)) if self.since == 0 => self.since = self.time.saturating_sub(span).max(1),
            Some(_) => {}
        }
        let seconds = i64::from(self.time.saturating_sub(self.since));
        found.map(|(beat, _)| Beat { seconds, ..beat })
    }

    /// The latest `count` intervals, if they are regular, and their sum.
    fn regular(&self, count: usize) -> Option<(Beat, u32)> {
        let latest = || self.latest().rev().take(count);
        let mut sorted: Vec<u32> = latest().collect();
        sorted.sort_unstable();
        let median = *sorted.get(count / 2)?;
        let near = |interval: u32, middle: u64| u64::from(interval).abs_diff(middle) * 3 <= u64::from(median);
        let fits = |interval: &u32| near(*interval, u64::from(median)) || near(*interval, 2 * u64::from(median));
        let fit = latest().filter(fits).count();
        if fit * 100 < count * FIT_PERCENT {
            return None;
        }
        let range = (*sorted.first()?, *sorted.last()?);
        let beat = Beat { intervals: count as u32, fit: fit as u32, median, range, seconds: 0 };
        Some((beat, latest().fold(0, u32::saturating_add)))
    }

    /// The intervals in seconds, oldest first.
    fn latest(&self) -> impl DoubleEndedIterator<Item = u32> {
        self.intervals.get(..usize::from(self.len)).unwrap_or_default().iter().map(|interval| interval.seconds())
    }

    /// What came before the callback that opens an episode. Positions of earlier ones are not kept.
    pub fn before(&self, event: &EventRow<'_>) -> Before {
        let time = if self.since == 0 { event.time() } else { Timestamp::from_unix_seconds(self.since.into()) };
        Before { count: u64::from(self.len), first: Some((time, event.recorded())), evidence: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::fixtures;

    /// Feeds intervals; says after how many callbacks it was regular first.
    fn feed(intervals: impl Iterator<Item = i64>) -> Option<(usize, Beat)> {
        let mut rhythm = Rhythm::new(1);
        let mut time = 0;
        for (number, interval) in intervals.enumerate() {
            time += interval;
            if rhythm.note(time, time.max(1), 5)
                && let Some(beat) = rhythm.beat(16)
            {
                return Some((number + 1, beat));
            }
        }
        None
    }

    /// Numbers that look random and are the same each time.
    fn noise(seed: u64, below: u64) -> impl FnMut(usize) -> i64 {
        move |number| (fixtures::key().hash(&[&seed.to_string(), &number.to_string()]) % below) as i64
    }

    #[test]
    fn regular_callbacks_are_found_with_jitter_and_gaps() {
        let (after, beat) = feed((0..30).map(|_| 60)).unwrap();
        assert_eq!((after, beat.intervals, beat.fit, beat.median, beat.seconds), (16, 15, 15, 60, 900));
        let mut jitter = noise(1, 300);
        let (after, _) = feed((0..40).map(|number| 300 + jitter(number))).unwrap();
        assert!(after <= 20, "half of the interval as jitter: {after}");
        let (after, _) = feed((0..40).map(|number| if number % 10 == 9 { 120 } else { 60 })).unwrap();
        assert!(after <= 17, "a callback is missing now and then: {after}");
    }

    #[test]
    fn chance_is_not_taken_for_a_rhythm() {
        let mut found = 0;
        for seed in 0..400 {
            let mut uniform = noise(seed, 1 << 32);
            // Exponential intervals with a mean of ten minutes: what unrelated requests look like.
            let exponential = |number| (-600.0 * ((uniform(number) as f64 + 0.5) / (1u64 << 32) as f64).ln()) as i64;
            found += usize::from(feed((0..100).map(exponential)).is_some());
        }
        assert!(found <= 2, "{found} of 400 agents with 100 requests each");
    }

    proptest! {
        #[test]
        fn hostile_times_do_no_harm(times in proptest::collection::vec(any::<i64>(), 0..60), merge in 1u32..100) {
            let mut rhythm = Rhythm::new(1);
            for time in times {
                rhythm.note(time.div_euclid(1_000_000), time.div_euclid(2_000_000), merge);
                rhythm.beat(8);
                prop_assert!(usize::from(rhythm.len) <= INTERVALS_MAX);
            }
        }
    }
}
