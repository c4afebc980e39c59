//! The range in which one feature has stayed, and by how much a value leaves it.

use detect_core::packed;

/// Lowest and highest value so far, as far as they are believed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Envelope {
    low: f32,
    high: f32,
    /// Number of values, up to what 16 bits hold.
    count: u16,
}
packed!(Envelope { low, high, count });

/// The range grows by at most this many times its width with one value: one freak value does not blind the rest.
const GROWTH_MAX: f64 = 2.4;
/// The first values only make the range.
const SETTLED: u16 = 80;
impl Envelope {
    /// By how many widths of the range, or of `least` if that is more, the value lies outside of it; then the range takes
    /// it in.
    pub fn step(&mut self, value: f64, least: f64) -> f64 {
        self.count = self.count.saturating_add(1);
        if self.count == 1 {
            (self.low, self.high) = (value as f32, value as f32);
            return 0.0;
        }
        let (low, high) = (f64::from(self.low), f64::from(self.high));
        let width = (high - low).max(least);
        let (above, below) = ((value - high).max(0.0), (low - value).max(0.0));
        self.high = (high + above.min(GROWTH_MAX * width)) as f32;
        self.low = (low - below.min(GROWTH_MAX * width)) as f32;
        above.max(below) / width
    }

    /// Whether enough values have made the range, so that leaving it means something.
    pub fn is_settled(&self) -> bool {
        self.count > SETTLED
    }

    /// The largest amount so far, as far as it is believed, whatever its sign.
    pub fn amount(&self) -> f64 {
        f64::from(self.high.abs().max(self.low.abs()))
    }
}
