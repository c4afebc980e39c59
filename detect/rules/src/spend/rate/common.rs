//! What many agents do at once: by how much those of a team, or of an organisation, spend more than each of them usually does. A
//! deadline, a dearer price list or a holiday is nobody's spike.

use detect_core::packed;
use detect_core::second::Second;

use super::spent::STEP;

/// Shares of agents, each a sample for every step in which it spends; a quarter of an hour halves them, so
/// that what begins for all at once is common before it is anybody's spike.
#[derive(Debug, Clone, Copy, Default)]
pub struct Common {
    /// Octaves above the usual, and how many samples.
    sum: f32,
    weight: f32,
    /// Samples that are clearly above.
    raised: f32,
    time: Second,
}
packed!(Common { sum, weight, raised, time });

/// What is left of a sample after a step: a half after three.
const KEPT: f64 = 0.793_701;
/// One agent is heard as far as so many octaves.
const HEARD: f64 = 2.0;
/// From so many octaves on a sample is clearly above.
const RAISED: f64 = 0.5;
/// So many samples with nothing unusual are always believed: an agent at work brings five.
const CALM: f64 = 3.0;
/// Of these, as far as it is common, half as much again is expected.
const NEARLY_ALL: f64 = 0.75;
const RISING: f64 = 1.5;
/// So many samples are needed to speak of many at once: two agents cannot bring them.
pub const MANY: f64 = 10.0;

impl Common {
    /// Adds a sample: by how many octaves an agent is above its usual hour.
    pub fn add(&mut self, second: i64, octaves: f64) {
        *self = self.at(second);
        self.sum = (f64::from(self.sum) + octaves.clamp(-HEARD, HEARD)) as f32;
        self.weight += 1.0;
        self.raised += if octaves > RAISED { 1.0 } else { 0.0 };
    }

    /// What is left of it at a second.
    pub fn at(self, second: i64) -> Self {
        let steps = (second.div_euclid(STEP) - self.time.get().div_euclid(STEP)).max(0);
        // After two days nothing is left.
        let kept = if steps > 576 { 0.0 } else { (0..steps).fold(1.0, |kept, _| kept * KEPT) } as f32;
        Self {
            sum: self.sum * kept,
            weight: self.weight * kept,
            raised: self.raised * kept,
            time: self.time.max(Second::new(second)),
        }
    }

    /// Lets time pass.
    pub fn pass(&mut self, second: i64) {
        *self = self.at(second);
    }

    /// The second until which time has passed.
    pub fn second(self) -> i64 {
        self.time.get()
    }

    /// The others alone.
    pub fn without(self, own: Self) -> Self {
        let own = own.at(self.time.get());
        Self {
            sum: self.sum - own.sum,
            weight: (self.weight - own.weight).max(0.0),
            raised: (self.raised - own.raised).max(0.0),
            time: self.time,
        }
    }

    /// How many samples.
    pub fn weight(self) -> f64 {
        self.weight.into()
    }

    /// Which part of them is clearly above.
    pub fn part_raised(self) -> f64 {
        if self.weight > 0.0 { f64::from(self.raised) / f64::from(self.weight) } else { 0.0 }
    }

    /// By how many octaves they are above their usual, on the average of all.
    pub fn mean(self) -> f64 {
        if self.weight > 0.0 { f64::from(self.sum) / f64::from(self.weight) } else { 0.0 }
    }

    /// What of an agent's excess is common to the others: nothing where only few of them are above.
    pub fn shared(self) -> f64 {
        if self.part_raised() < 0.5 {
            return 0.0;
        }
        // What rises for nearly all at once has risen further by now than the mean of the last minutes.
        let rising = if self.part_raised() >= NEARLY_ALL { RISING } else { 1.0 };
        (rising * f64::from(self.sum) / (f64::from(self.weight) + CALM)).max(0.0)
    }
}
