//! Times in few ranges: those of rows that may still change. A range may hold more than was added, never less.

use serde::{Deserialize, Serialize};

use crate::limits;

/// Ranges in order, that do not touch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ranges(Vec<(i64, i64)>);

impl Ranges {
    /// The ranges in order, with both ends.
    pub fn iter(&self) -> impl Iterator<Item = (i64, i64)> + '_ {
        self.0.iter().copied()
    }

    /// Adds a range with both ends. Ranges that are near each other become one, and so do the nearest ones if there are too many.
    pub fn add(&mut self, from: i64, to: i64) {
        let at = self.0.partition_point(|range| range.0 < from);
        self.0.insert(at, (from, to));
        let mut merged: Vec<(i64, i64)> = Vec::with_capacity(self.0.len());
        let near = limits::POLL_OPEN_GAP.as_micros() as i64;
        for (from, to) in self.0.drain(..) {
            match merged.last_mut() {
                Some(last) if from.saturating_sub(last.1) <= near => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        while merged.len() > limits::POLL_OPEN_RANGES_MAX {
            let gap = |at: &usize| merged[*at].0.saturating_sub(merged[*at - 1].1);
            let Some(at) = (1..merged.len()).min_by_key(gap) else { break };
            merged[at - 1].1 = merged[at].1;
            merged.remove(at);
        }
        self.0 = merged;
    }

    /// Takes out what lies between these ends, both included.
    pub fn remove(&mut self, from: i64, to: i64) {
        let mut rest = Vec::with_capacity(self.0.len() + 1);
        for (first, last) in self.0.drain(..) {
            if last < from || first > to {
                rest.push((first, last));
                continue;
            }
            if first < from {
                rest.push((first, from - 1));
            }
            if last > to {
                rest.push((to + 1, last));
            }
        }
        self.0 = rest;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn holds(ranges: &Ranges, time: i64) -> bool {
        ranges.iter().any(|(from, to)| from <= time && time <= to)
    }

    proptest! {
        #[test]
        fn what_was_added_is_held_until_it_is_removed(times in prop::collection::vec(0_i64..1 << 40, 0..200), cut in 0_i64..1 << 40) {
            let mut ranges = Ranges::default();
            for &time in &times {
                ranges.add(time, time);
            }
            prop_assert!(ranges.0.len() <= limits::POLL_OPEN_RANGES_MAX);
            prop_assert!(times.iter().all(|time| holds(&ranges, *time)));
            prop_assert!(ranges.0.iter().zip(ranges.0.iter().skip(1)).all(|(before, after)| before.1 < after.0));
            ranges.remove(i64::MIN, cut);
            for time in times {
                prop_assert_eq!(holds(&ranges, time), time > cut);
            }
        }
    }
}
