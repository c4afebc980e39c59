//! By how much all of a team spend more than each of them usually does, over a day: dearer prices, a deadline, the end of a month.
//! What happens within minutes stands in `common`.

use detect_core::packed;
use detect_core::second::Second;

use super::spent::HOUR;
use super::team::Mean;

/// A mean of agents' hours that a day halves.
#[derive(Debug, Clone, Copy, Default)]
pub struct Level {
    /// Octaves above the usual, and how many hours.
    sum: f32,
    weight: f32,
    /// What hours are above their usual ones in the long run: more than half of them are below the mean.
    bias: Mean,
    time: Second,
}
packed!(Level { sum, weight, bias, time });

/// What an hour leaves of a sum.
const KEPT: f64 = 0.971_532;
/// After so many nothing is left.
const HOURS_MAX: i64 = 480;
/// One hour is heard as far as so many octaves: a spike is no level.
const HEARD: f64 = 1.5;
/// So many hours with nothing unusual are always believed.
const CALM: f64 = 3.0;

impl Level {
    /// Learns by how many octaves an hour is above the usual of its agent.
    pub fn learn(&mut self, second: i64, octaves: f64) {
        let octaves = octaves.clamp(-HEARD, HEARD);
        self.bias.learn(octaves);
        let hours = (second.div_euclid(HOUR) - self.time.get().div_euclid(HOUR)).clamp(0, HOURS_MAX);
        let kept = (0..hours).fold(1.0, |kept, _| kept * KEPT) as f32;
        self.sum = self.sum * kept + (octaves - self.bias.above(0.0, 20.0)) as f32;
        self.weight = self.weight * kept + 1.0;
        self.time = self.time.max(Second::new(second));
    }

    /// The octaves; nothing where they are below.
    pub fn octaves(&self) -> f64 {
        (f64::from(self.sum) / (f64::from(self.weight) + CALM)).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_do_for_a_day_is_known_and_one_spike_is_not_and_the_long_run_is_the_usual() {
        let mut level = Level::default();
        let hour = |level: &mut Level, hours: std::ops::Range<i64>, octaves: f64| {
            for hour in hours {
                (0..10).for_each(|_| level.learn(hour * HOUR, octaves));
            }
        };
        hour(&mut level, 0..100, -0.2);
        assert!(level.octaves() < 0.05, "{level:?}");
        level.learn(100 * HOUR, 9.0);
        assert!(level.octaves() < 0.1, "{level:?}");
        hour(&mut level, 100..124, 0.6);
        assert!((0.3..0.8).contains(&level.octaves()), "{level:?}");
        hour(&mut level, 124..900, -0.2);
        assert!(level.octaves() < 0.1, "{level:?}");
    }
}
