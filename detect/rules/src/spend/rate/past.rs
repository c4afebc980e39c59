//! What was usual: how often a sum was in which quarter of an octave. Two dozen bytes, exact counts, old ones halved now and then.

use detect_core::packed;

use super::logarithm::{exp2, log2};

const BINS: usize = 24;
/// Bins of an octave, and octaves of a bin.
const FINE: f64 = 4.0;
pub const BIN: f64 = 1.0 / FINE;
/// The first value lies here, with room for smaller ones below and larger ones above.
const MIDDLE: u8 = 14;
/// More values than these are not remembered: all counts are halved.
const MEMORY: u32 = 240;

/// Sums so far, by their logarithm to the base 2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Past {
    /// The first bin, in quarters of an octave.
    base: u8,
    counts: [u8; BINS],
}
packed!(Past { base, counts });

/// What a past says of the next value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Usual {
    /// The median.
    pub middle: f64,
    /// One standard deviation of the upper tail, on the scale of `bent`.
    pub spread: f64,
    /// The end of the highest bin that holds a value.
    pub highest: f64,
    /// On how many values that rests.
    pub count: u32,
}

impl Usual {
    /// How many standard deviations above a value lies, as the upper tail has it.
    pub fn deviations(&self, log: f64) -> f64 {
        bent(log - self.middle) / self.spread
    }

    /// What lies so many standard deviations above, as the upper tail has it: the lower half, hours that were begun late or
    /// left early, says nothing of that.
    pub fn bound(&self, deviations: f64) -> f64 {
        self.middle + straight(deviations * self.spread)
    }
}

/// Octaves above the usual on a scale on which sums of many tasks are normal: three times the cube root, less three.
fn bent(octaves: f64) -> f64 {
    3.0 * (exp2(octaves / 3.0) - 1.0)
}

/// The octaves that lie there on that scale.
fn straight(bent: f64) -> f64 {
    3.0 * log2((1.0 + bent / 3.0) * 1024.0) - 30.0
}

/// Standard deviations above the median of a normal distribution: what these parts of all values do not exceed.
const PARTS: [(f64, f64); 3] = [(0.8, 0.842), (0.9, 1.282), (0.95, 1.645)];
/// No past is steadier: a bin is nearly as wide.
const SPREAD_LEAST: f64 = 0.2;
/// As many values as the prior spread is worth.
const PRIOR_WEIGHT: f64 = 10.0;

impl Past {
    /// Learns a value.
    pub fn learn(&mut self, log: f64) {
        let bin = (log * FINE).clamp(0.0, 220.0) as u8;
        if self.count() == 0 {
            self.base = bin.saturating_sub(MIDDLE);
        }
        let highest = self.counts.iter().rposition(|count| *count > 0).unwrap_or(0);
        if let Some(up) = bin.checked_sub(self.base + BINS as u8 - 1) {
            self.shift_up(usize::from(up));
        } else if bin < self.base {
            let down = usize::from(self.base - bin).min(BINS - 1 - highest);
            self.counts.rotate_right(down);
            self.base -= down as u8;
        }
        let at = usize::from(bin.saturating_sub(self.base)).min(BINS - 1);
        self.counts[at] = self.counts[at].saturating_add(1);
        if self.count() >= MEMORY {
            // What happened once stays once: the rare values are what is remembered for longest.
            self.counts.iter_mut().for_each(|count| *count = count.div_ceil(2));
        }
    }

    /// The median.
    pub fn middle(&self) -> f64 {
        self.quantile(0.5)
    }

    /// Number of values.
    pub fn count(&self) -> u32 {
        self.counts.iter().map(|count| u32::from(*count)).sum()
    }

    /// What it says, where a spread of `prior` is expected before anything is known.
    pub fn usual(&self, prior: f64) -> Usual {
        let count = self.count();
        let middle = self.middle();
        let seen = PARTS.iter().map(|(part, deviations)| bent(self.quantile(*part) - middle) / deviations).sum::<f64>();
        let seen = (seen / PARTS.len() as f64).max(SPREAD_LEAST);
        let count_f64 = f64::from(count);
        let square = (seen * seen * count_f64 + prior * prior * PRIOR_WEIGHT) / (count_f64 + PRIOR_WEIGHT);
        let highest = self.counts.iter().rposition(|count| *count > 0).unwrap_or(0);
        Usual { middle, spread: square.sqrt(), highest: self.edge(highest as f64 + 1.0), count }
    }

    fn quantile(&self, part: f64) -> f64 {
        let mut left = f64::from(self.count()) * part;
        for (at, count) in self.counts.iter().enumerate() {
            let count = f64::from(*count);
            if count > 0.0 && left <= count {
                return self.edge(at as f64 + left / count);
            }
            left -= count;
        }
        self.edge(0.0)
    }

    fn edge(&self, bin: f64) -> f64 {
        (f64::from(self.base) + bin) / FINE
    }

    /// Makes room above: the lowest bins become one.
    fn shift_up(&mut self, by: usize) {
        self.base = self.base.saturating_add(by as u8);
        // What lies further below than there are bins is counted in the lowest.
        let by = by.min(BINS);
        let low = self.counts[..by].iter().fold(0_u8, |sum, count| sum.saturating_add(*count));
        self.counts.rotate_left(by);
        self.counts[BINS - by..].fill(0);
        self.counts[0] = self.counts[0].saturating_add(low);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quantiles_are_those_of_a_list_to_a_bin() {
        let mut past = Past::default();
        let values: Vec<f64> = (0..200).map(|number| 18.0 + f64::from(number) / 50.0).collect();
        for value in values {
            past.learn(value);
        }
        let usual = past.usual(0.8);
        assert_eq!(usual.count, 200);
        assert!((usual.middle - 20.0).abs() < BIN, "{usual:?}");
        assert!((22.0 - BIN..22.0 + BIN).contains(&usual.highest), "{usual:?}");
    }

    #[test]
    fn who_is_steady_and_long_known_is_judged_more_strictly() {
        let usual = |spread: f64, count: u32| {
            let mut past = Past::default();
            (0..count).for_each(|number| past.learn(20.0 + spread * f64::from(number % 10) / 10.0));
            past.usual(0.8)
        };
        let (steady, wild, young) = (usual(0.3, 200), usual(3.0, 200), usual(0.3, 12));
        assert!(steady.bound(4.0) < young.bound(4.0) && young.bound(4.0) < wild.bound(4.0));
    }

    proptest! {
        #[test]
        fn counts_stay_bounded_and_the_highest_value_is_known(logs in proptest::collection::vec(0.0..54.0_f64, 1..600)) {
            let mut past = Past::default();
            for log in &logs {
                past.learn(*log);
                prop_assert!((1..=MEMORY).contains(&past.count()));
                prop_assert!(past.usual(0.8).highest >= log - 1e-9, "{} {:?}", log, past);
            }
        }
    }
}
