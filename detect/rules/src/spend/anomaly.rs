//! A streaming anomaly engine, measured on the Numenta benchmark (`examples/nab.rs`): how unusual is the newest of a row of values,
//! judged by those before. `spend.rate` does not rest on it: it asks for more than that a stream leaves its envelopes.
//!
//! Pure arithmetic over one stream: no clock, no names, no money. Each value gives a few features (its level, short means,
//! how crowded unusual values are, what is usual at this hour), and each feature has an envelope in which it has stayed so
//! far. The score says by how much the features leave their envelopes; a stream that does so often is believed less, and
//! after an anomaly only a worse one counts for a while. So a flat line, a daily rhythm and a burst that is usual are quiet.
//!
//! Only additions, multiplications, divisions and square roots are used, which IEEE 754 defines to the last bit: every
//! machine gives the same score.

mod envelope;
mod profile;

use detect_core::packed;

use envelope::Envelope;
pub use profile::Profile;

/// What a score rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// The value itself.
    Level,
    /// A moving mean over about 6 values.
    ShortMean,
    /// A moving mean over about 12 values.
    Mean,
    /// The short mean against a moving mean over about 144 values.
    Rise,
    /// How many of the last 48 values lie far from that mean.
    Crowding,
    /// The value against what is usual at this hour of the week.
    Hour,
}

/// The features with their weights in the score.
///
/// They and the constants below were chosen on the Numenta benchmark (75.9 standard, 71.1 low FP, 79.6 low FN), so these
/// numbers flatter. With every weight 1 it is 71, 65 and 76; chosen on one half of the files and scored on the other 74, 68
/// and 78.
const FEATURES: [(Feature, f64); 6] = [
    (Feature::Level, 7.4),
    (Feature::ShortMean, 1.0),
    (Feature::Mean, 1.6),
    (Feature::Rise, 0.55),
    (Feature::Crowding, 2.5),
    (Feature::Hour, 1.4),
];

/// Spans of the moving means, in values.
const SHORT: f64 = 6.0;
const MIDDLE: f64 = 12.0;
const CROWD: f64 = 48.0;
const LONG: f64 = 144.0;

/// What the engine says of one value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// From 0, nothing unusual, to 1.
    pub score: f64,
    /// The feature that says it loudest.
    pub feature: Feature,
}

/// What is known of one stream: a few hundred bytes, whatever its length.
#[derive(Debug, Clone, Default)]
pub struct Baseline {
    count: u32,
    short: f32,
    middle: f32,
    long: f32,
    /// Variance around the long mean.
    variance: f32,
    crowding: f32,
    envelopes: [Believed; 6],
    /// How much this stream has left its envelopes lately.
    restless: f32,
    /// The score of the latest anomaly, and for how many values it still counts.
    peak: f32,
    rest: u16,
}
packed!(Baseline { count, short, middle, long, variance, crowding, envelopes, restless, peak, rest });

/// An envelope and how often it was left lately.
#[derive(Debug, Clone, Copy, Default)]
struct Believed {
    envelope: Envelope,
    left: f32,
}
packed!(Believed { envelope, left });

/// Differences below this part of the level are rounding, and no envelope is narrower.
const PRECISION: f64 = 1e-5;
/// And none is narrower than this, so that a stream of zeros has one too.
const LEAST: f64 = 1e-9;
/// The score grows with experience up to this many values.
const EXPERIENCE: f64 = 4_000.0;
/// How fast it is forgotten that a stream left its envelopes.
const RELENTING: f64 = 0.000_2;
/// How much less a stream is believed that leaves all its envelopes often, and a feature that leaves its own.
const DISTRUST: f64 = 1.8;
const DISTRUST_FEATURE: f64 = 0.6;
/// After an anomaly only a worse one counts for so many values; at their end only half as bad a one.
const REST: u16 = 100;
const WORSE: f64 = 1.45;
const RELIEF: f64 = 0.4;

impl Baseline {
    /// Judges the next value, which came at `second` (since 1970, in the time zone of the work), and learns it.
    pub fn step(&mut self, profile: &mut Profile, second: i64, value: f64) -> Verdict {
        let residual = profile.step(second, value);
        let features = self.features(value, residual);
        self.judge(features)
    }

    /// The features of a value, in the order of [`FEATURES`].
    fn features(&mut self, value: f64, residual: Option<f64>) -> [Option<f64>; FEATURES.len()] {
        self.count = self.count.saturating_add(1);
        if self.count == 1 {
            (self.short, self.middle, self.long) = (value as f32, value as f32, value as f32);
        }
        let rate = |span: f64| (2.0 / (span + 1.0)).max(1.0 / f64::from(self.count));
        let moved = |mean: f32, span: f64| f64::from(mean) + (value - f64::from(mean)) * rate(span);
        let off = value - f64::from(self.long);
        let (short, middle, long) = (moved(self.short, SHORT), moved(self.middle, MIDDLE), moved(self.long, LONG));
        let variance = (1.0 - rate(LONG)) * (f64::from(self.variance) + rate(LONG) * off * off);
        let crowded = if (value - long).abs() > 2.0 * variance.sqrt() { 1.0 } else { 0.0 };
        let crowding = f64::from(self.crowding) + (crowded - f64::from(self.crowding)) * 2.0 / (CROWD + 1.0);
        (self.short, self.middle, self.long) = (short as f32, middle as f32, long as f32);
        (self.variance, self.crowding) = (variance as f32, crowding as f32);
        [Some(value), Some(short), Some(middle), Some(short - long), Some(crowding), residual]
    }

    fn judge(&mut self, features: [Option<f64>; FEATURES.len()]) -> Verdict {
        let level = features[0].map_or(0.0, f64::abs).max(self.envelopes[0].envelope.amount());
        let least = (level * PRECISION).max(LEAST);
        let (mut loudest, mut feature, mut sum) = (0.0, Feature::Level, 0.0);
        for ((value, (name, weight)), believed) in features.into_iter().zip(FEATURES).zip(&mut self.envelopes) {
            let Some(value) = value else { continue };
            let excess = believed.envelope.step(value, if name == Feature::Crowding { PRECISION } else { least });
            let heard = if believed.envelope.is_settled() { weight * excess } else { 0.0 };
            let voice = heard / (1.0 + DISTRUST_FEATURE * f64::from(believed.left));
            believed.left = (f64::from(believed.left) * (1.0 - RELENTING) + excess.min(1.0)) as f32;
            if voice > loudest {
                (loudest, feature) = (voice, name);
            }
            // Close to the loudest voice alone, and yet one that others join counts for more.
            sum += power_of_8(voice);
        }
        let excess = sum.sqrt().sqrt().sqrt();
        let experience = (f64::from(self.count) / EXPERIENCE).min(1.0).sqrt();
        let raw = excess / (excess + 1.0 + DISTRUST * f64::from(self.restless)) * experience;
        self.restless = (f64::from(self.restless) * (1.0 - RELENTING) + excess.min(5.0) * RELENTING * 100.0) as f32;
        Verdict { score: self.rest(raw), feature }
    }

    /// The score, unless it belongs to an anomaly that was scored before.
    fn rest(&mut self, score: f64) -> f64 {
        if self.rest > 0 {
            self.rest -= 1;
        } else {
            self.peak = 0.0;
        }
        let rested = 1.0 - f64::from(self.rest) / f64::from(REST);
        if score <= f64::from(self.peak) * WORSE * (1.0 - RELIEF * rested) {
            return 0.0;
        }
        self.peak = self.peak.max(score as f32);
        self.rest = REST;
        score
    }
}

fn power_of_8(value: f64) -> f64 {
    let square = value * value;
    let fourth = square * square;
    fourth * fourth
}

#[cfg(test)]
mod tests;
