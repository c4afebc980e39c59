//! An interval in one byte: twelve steps for each doubling, from a second to three weeks, so to about three in a hundred.

use detect_core::pack::{Pack, RestoreError};

/// Steps of one doubling.
const STEPS: u8 = 12;

/// The lengths at which the next step begins within a doubling, for a length of 32,768: halfway between two steps.
const BEGINS: [u32; STEPS as usize] =
    [33_728, 35_734, 37_859, 40_110, 42_495, 45_022, 47_699, 50_535, 53_540, 56_724, 60_097, 63_670];
/// The lengths of the steps.
const LENGTHS: [u32; STEPS as usize] =
    [32_768, 34_716, 36_781, 38_968, 41_285, 43_740, 46_341, 49_097, 52_016, 55_109, 58_386, 61_858];

/// The length of an interval, as a number of steps above one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Interval(u8);

impl Interval {
    /// The step that is next to so many seconds.
    pub fn of(seconds: u32) -> Self {
        let seconds = seconds.max(1);
        let doublings = seconds.ilog2();
        // Between 32,768 and 65,535.
        let mantissa = (u64::from(seconds) << 15 >> doublings) as u32;
        let step = BEGINS.iter().filter(|begin| mantissa >= **begin).count() as u32;
        Self(u8::try_from(doublings * u32::from(STEPS) + step).unwrap_or(u8::MAX))
    }

    /// How many seconds that are.
    pub fn seconds(self) -> u32 {
        let length = LENGTHS.get(usize::from(self.0 % STEPS)).copied().unwrap_or_default();
        (((u64::from(length) << (self.0 / STEPS)) + (1 << 14)) >> 15) as u32
    }

    /// How many doublings of a second it is about.
    pub fn doublings(self) -> u8 {
        self.0.saturating_add(STEPS / 2) / STEPS
    }

    /// How many steps it is longer than another one.
    pub fn steps_above(self, shorter: Self) -> u8 {
        self.0.saturating_sub(shorter.0)
    }
}

/// By which factor lengths so many steps apart may differ, in tenths, rounded up.
pub fn factor_tenths(steps: u8) -> u32 {
    // Each of both may lie half a step away.
    let length = u64::from(Interval(steps.saturating_add(1)).0);
    let (doublings, step) = (length / u64::from(STEPS), length as usize % usize::from(STEPS));
    let mantissa = u64::from(LENGTHS.get(step).copied().unwrap_or_default());
    u32::try_from(((mantissa * 10) << doublings).div_ceil(1 << 15)).unwrap_or(u32::MAX)
}

impl Pack for Interval {
    fn pack(&self, out: &mut Vec<u8>) {
        self.0.pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        Ok(Self(u8::unpack(input)?))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_factor_covers_what_is_so_many_steps_apart() {
        assert_eq!([40, 60, 85, 3_600].map(|seconds| Interval::of(seconds).doublings()), [5, 6, 6, 12]);
        assert_eq!([0, 3, 6, 11, 14, 20].map(factor_tenths), [11, 13, 15, 20, 24, 34]);
    }

    proptest! {
        #[test]
        fn an_interval_is_kept_to_three_in_a_hundred(seconds in 1u32..1_800_000) {
            let kept = Interval::of(seconds).seconds();
            prop_assert!(kept.abs_diff(seconds) <= seconds / 33 + 1, "{seconds} as {kept}");
            prop_assert_eq!(Interval::of(kept), Interval::of(seconds));
        }

        #[test]
        fn a_longer_interval_is_no_fewer_steps(one: u32, other: u32) {
            prop_assert!((one <= other) <= (Interval::of(one) <= Interval::of(other)));
        }
    }
}
