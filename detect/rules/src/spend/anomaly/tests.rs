//! What must be quiet, what must be found, and that a stored baseline goes on the same.

use detect_core::pack::Pack as _;
use proptest::prelude::*;

use super::*;

const STEP: i64 = 300;

/// Scores of a stream of five-minute values.
fn scores(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let (mut baseline, mut profile) = (Baseline::default(), Profile::default());
    values.enumerate().map(|(at, value)| baseline.step(&mut profile, at as i64 * STEP, value).score).collect()
}

/// Numbers that look random and are always the same.
fn noise(at: usize) -> f64 {
    let mixed = (at as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 40) as f64 / f64::from(1 << 24)
}

/// A day of 288 values that is higher in its second half.
fn rhythm(at: usize) -> f64 {
    if at % 288 < 144 { 10.0 } else { 50.0 + 5.0 * noise(at) }
}

fn highest(scores: &[f64]) -> f64 {
    scores.iter().copied().fold(0.0, f64::max)
}

#[test]
fn flat_lines_noise_and_daily_rhythms_are_quiet() {
    assert!(highest(&scores((0..4_000).map(|_| 7.0))) < 1e-6);
    assert!(highest(&scores((0..4_000).map(noise))[600..]) < 0.05);
    assert!(highest(&scores((0..4_000).map(rhythm))[600..]) < 0.01);
}

#[test]
fn a_spike_a_shift_and_a_missing_peak_are_found_at_once_and_once() {
    let spike = scores((0..3_000).map(|at| if at == 2_500 { 200.0 } else { rhythm(at) }));
    assert!(spike[2_500] > 0.1 && highest(&spike[2_501..]) < 0.01);
    let shift = scores((0..3_000).map(|at| rhythm(at) + if at >= 2_500 { 60.0 } else { 0.0 }));
    assert!(shift[2_500] > 0.1, "{}", shift[2_500]);
    // A quiet day among busy ones: no value is unusual by itself.
    let missing = scores((0..6_000).map(|at| if (5_000..5_288).contains(&at) { 10.0 } else { rhythm(at) }));
    assert!(highest(&missing[5_000..5_288]) > 2.0 * highest(&missing[3_000..5_000]));
}

#[test]
fn state_is_small() {
    assert!(size_of::<Baseline>() <= 160 && size_of::<Profile>() <= 1_400);
}

proptest! {
    #[test]
    fn a_stored_baseline_scores_the_same_and_stays_within_bounds(
        values in proptest::collection::vec(prop_oneof![Just(0.0), 0.0..1e3, 0.0..1e15], 1..300), cut in 0usize..300,
    ) {
        let expected = scores(values.iter().copied());
        let (mut baseline, mut profile) = (Baseline::default(), Profile::default());
        for (at, value) in values.into_iter().enumerate() {
            if at == cut {
                let mut bytes = Vec::new();
                baseline.pack(&mut bytes);
                profile.pack(&mut bytes);
                let mut input = bytes.as_slice();
                baseline = Baseline::unpack(&mut input).unwrap();
                profile = Profile::unpack(&mut input).unwrap();
            }
            let score = baseline.step(&mut profile, at as i64 * STEP, value).score;
            prop_assert!((0.0..=1.0).contains(&score));
            prop_assert_eq!(score.to_bits(), expected[at].to_bits());
        }
    }
}
