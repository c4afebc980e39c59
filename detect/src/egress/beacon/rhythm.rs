//! The intervals between the callbacks of one agent to one domain, and whether they are regular. Integers only.
//!
//! An interval fits if it lies within a third of the median, or of twice the median: then one callback is missing. Jitter of
//! half of the interval, the most that implants usually have, still fits; intervals by chance (exponential ones) fit in about
//! 35 of 100 cases, so 14 of 15 by chance is rarer than one in 100,000.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::egress::candidates::Candidate;
use crate::episode::Before;
use crate::event::EventRow;
use crate::limits::INTERVALS_MAX;
use crate::pack::packed;

/// Of a hundred intervals so many must fit.
const FIT_PERCENT: usize = 88;

/// The callbacks of one agent to one domain.
#[derive(Debug, Default)]
pub struct Rhythm {
    domain: u64,
    /// The second of the latest callback by the source's clock,
    time: i64,
    /// and by ours; none if there was no callback yet.
    last: Option<i64>,
    /// Since when, by the source's clock, the intervals have been regular.
    since: Option<i64>,
    intervals: VecDeque<u32>,
}
packed!(Rhythm { domain, time, last, since, intervals });

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
    fn name(&self) -> u64 {
        self.domain
    }

    fn last(&self) -> i64 {
        self.last.unwrap_or(0)
    }

    fn weight(&self) -> u32 {
        self.intervals.len() as u32
    }
}

impl Rhythm {
    /// No callback yet.
    pub fn new(domain: u64) -> Self {
        Self { domain, ..Self::default() }
    }

    /// Adds a request at `time`; says whether it is a callback of its own. What follows within `merge_seconds`, or comes
    /// late and out of order, belongs to the latest one.
    pub fn note(&mut self, time: i64, second: i64, merge_seconds: u32) -> bool {
        if self.last.replace(second).is_none() {
            self.time = time;
            return true;
        }
        let interval = time.saturating_sub(self.time);
        if interval < i64::from(merge_seconds) {
            return false;
        }
        self.time = time;
        if self.intervals.len() == INTERVALS_MAX {
            self.intervals.pop_front();
        }
        self.intervals.push_back(u32::try_from(interval).unwrap_or(u32::MAX));
        true
    }

    /// The rhythm of the latest `callbacks`, if there are so many and they are regular.
    pub fn beat(&mut self, callbacks: u32) -> Option<Beat> {
        let count = callbacks as usize - 1;
        let found = if self.intervals.len() < count { None } else { self.regular(count) };
        match found {
            None => self.since = None,
            Some((_, span)) => {
                self.since.get_or_insert(self.time - span);
            }
        }
        let seconds = self.time - self.since?;
        found.map(|(beat, _)| Beat { seconds, ..beat })
    }

    /// The latest `count` intervals, if they are regular, and their sum.
    fn regular(&self, count: usize) -> Option<(Beat, i64)> {
        let latest = || self.intervals.iter().rev().take(count).copied();
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
        Some((beat, latest().map(i64::from).sum()))
    }

    /// What came before the callback that opens an episode. Positions of earlier ones are not kept.
    pub fn before(&self, event: &EventRow<'_>) -> Before {
        let time = self.since.map_or(event.time(), |since| since.saturating_mul(1_000_000));
        Before { count: self.intervals.len() as u64, first: Some((time, event.recorded())), evidence: Vec::new() }
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
            if rhythm.note(time, time, 5)
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
                rhythm.note(time.div_euclid(1_000_000), 0, merge);
                rhythm.beat(8);
                prop_assert!(rhythm.intervals.len() <= INTERVALS_MAX);
            }
        }
    }
}
