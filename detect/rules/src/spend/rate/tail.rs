//! How often values lie far above what is usual: what a bound must be so that it is exceeded with a given chance.

use detect_core::packed;

use super::logarithm::deviations;

/// Values so far, those that many standard deviations above the usual, and those further above.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tail {
    count: u32,
    far: u32,
    farther: u32,
}
packed!(Tail { count, far, farther });

/// What is counted: so many standard deviations and more.
const FAR: f64 = 2.5;
const FARTHER: f64 = 3.5;
/// Parts that are expected there before any were seen: of a normal distribution, and of such that are stretched by 1.15 and 1.35,
/// since what is made of few large things has a heavier tail.
const PARTS: [(f64, f64); TAILS] = [(0.006_2, 2.33e-4), (0.014_9, 1.17e-3), (0.032, 4.8e-3)];
/// They are believed as much as so many that were seen.
const WEIGHT: f64 = 1.5;
/// Where nearly all values are far above, a bound would be anywhere: no tail is longer than this makes it.
const LEAST: f64 = 0.5;
/// Values are counted apart by the spread of their like: below these, and above both.
const SPREADS: [f64; TAILS - 1] = [0.45, 0.8];
const TAILS: usize = 3;

impl Tail {
    fn learn(&mut self, before: Option<f64>, now: f64) {
        let crosses = |bound: f64| u32::from(now >= bound && before.is_none_or(|before| before < bound));
        self.count = self.count.saturating_add(u32::from(before.is_none()));
        self.far = self.far.saturating_add(crosses(FAR));
        self.farther = self.farther.saturating_add(crosses(FARTHER));
    }

    /// The standard deviations that are exceeded with this chance: those of a normal distribution, stretched as far as what was
    /// seen is.
    fn bound(self, (far, farther): (f64, f64), chance: f64) -> f64 {
        let stretch = |seen: u32, at: f64, expected: f64| {
            let part = (f64::from(seen) + WEIGHT) / (f64::from(self.count) + WEIGHT / expected);
            at / deviations(part).max(LEAST)
        };
        stretch(self.far, FAR, far).max(stretch(self.farther, FARTHER, farther)).max(1.0) * deviations(chance)
    }
}

/// The tails of values of one kind.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tails {
    classes: [Tail; TAILS],
}
packed!(Tails { classes });

impl Tails {
    /// Learns by how many standard deviations a value lies above the usual one, and by how many before, if it grew.
    pub fn learn(&mut self, spread: f64, before: Option<f64>, now: f64) {
        if let Some(tail) = self.classes.get_mut(class(spread)) {
            tail.learn(before, now);
        }
    }

    /// The bound of sums, of which those that spread widely are expected to be made of few large things.
    pub fn bound(&self, spread: f64, chance: f64) -> f64 {
        let class = class(spread);
        self.classes[class].bound(PARTS[class], chance)
    }

    /// The bound of single things.
    pub fn bound_of_things(&self, spread: f64, chance: f64) -> f64 {
        self.classes[class(spread)].bound(PARTS[0], chance)
    }
}

fn class(spread: f64) -> usize {
    SPREADS.iter().filter(|bound| spread >= **bound).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_normal_until_more_is_seen_far_above() {
        let mut tails = Tails::default();
        assert!((tails.bound(0.3, 1.35e-3) - 3.0).abs() < 0.02);
        assert!(tails.bound(1.0, 1.35e-3) > 3.8);
        (0..1_000).for_each(|number| tails.learn(0.3, None, if number % 20 == 0 { 3.0 } else { 0.0 }));
        let heavy = tails.bound(0.3, 1.35e-3);
        assert!((4.0..5.0).contains(&heavy), "{heavy}");
        // One value that grows is one value.
        let mut tails = Tails::default();
        (0..1_000).for_each(|number| tails.learn(0.3, (number > 0).then_some(2.6), 2.6));
        assert!((tails.bound(0.3, 1.35e-3) - 3.0).abs() < 0.5);
    }
}
