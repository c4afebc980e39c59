//! What is usual at this hour of the week. One for each team: a single agent is too little to know it.

use detect_core::packed;

const HOUR: i64 = 3_600;
const SLOTS: usize = 168;
/// 1970 began on a Thursday; weeks begin on Monday here.
const THURSDAY: i64 = 3 * 24 * HOUR;

/// The usual value of each hour of the week: less than a kilobyte and a half.
#[derive(Debug, Clone)]
pub struct Profile {
    slots: [Slot; SLOTS],
}
packed!(Profile { slots });

#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    mean: f32,
    /// Number of values, as far as it matters.
    count: u8,
}
packed!(Slot { mean, count });

impl Default for Profile {
    fn default() -> Self {
        Self { slots: [Slot::default(); SLOTS] }
    }
}

impl Profile {
    /// By how much a value differs from what is usual at `second` (since 1970, in the time zone of the work); nothing in an
    /// hour without values. Then it is learned.
    pub fn step(&mut self, second: i64, value: f64) -> Option<f64> {
        let slot = (second + THURSDAY).div_euclid(HOUR).rem_euclid(SLOTS as i64);
        self.slots[slot as usize].step(value)
    }
}

impl Slot {
    /// A plain mean of the first values, then a moving one, so that new habits are learned within weeks.
    fn step(&mut self, value: f64) -> Option<f64> {
        let mean = f64::from(self.mean);
        let residual = (self.count > 0).then_some(value - mean);
        let rate = if self.count < 8 { 1.0 / f64::from(self.count + 1) } else { 0.12 };
        self.mean = (mean + (value - mean) * rate) as f32;
        self.count = self.count.saturating_add(1);
        residual
    }
}
