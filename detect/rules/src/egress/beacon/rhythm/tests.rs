//! Intervals with jitter and gaps, intervals by chance, and hostile times.

use proptest::prelude::*;

use super::*;
use crate::fixtures::Noise;

fn at(time: i64) -> Callback {
    Callback { time, what: 0, poll: false, idle: false }
}

/// Feeds intervals; says after how many callbacks it was regular first.
fn feed(intervals: impl Iterator<Item = i64>) -> Option<(usize, Beat)> {
    let mut rhythm = Rhythm::new(1, 0);
    let mut time = 0;
    for (number, interval) in std::iter::once(10).chain(intervals).enumerate() {
        time += interval;
        if rhythm.note(at(time), 5)
            && let Some(beat) = rhythm.beat(16)
        {
            return Some((number + 1, beat));
        }
    }
    None
}

/// A fraction of one.
fn fraction(numbers: &mut Noise) -> f64 {
    (numbers.below(1 << 32) as f64 + 0.5) / (1u64 << 32) as f64
}

/// Of so many runs with these intervals, those that are found within so many callbacks.
fn found(runs: u64, callbacks: usize, mut interval: impl FnMut(&mut Noise) -> f64) -> u64 {
    let is_found = |seed: &u64| {
        let mut numbers = Noise::new(*seed);
        feed((1..callbacks).map(|_| interval(&mut numbers) as i64)).is_some()
    };
    (0..runs).filter(is_found).count() as u64
}

#[test]
fn regular_callbacks_are_found_with_jitter_and_gaps() {
    let (after, beat) = feed((0..30).map(|_| 60)).unwrap();
    assert_eq!((after, beat.fit.intervals, beat.fit.fitting, beat.period, beat.seconds), (16, 15, 15, 60, 900));
    for period in [60.0, 3_600.0] {
        let both_ways = |numbers: &mut Noise| period * (0.5 + fraction(numbers));
        assert_eq!(found(400, 20, both_ways), 400, "half of the interval either way");
        let shorter = |numbers: &mut Noise| period * (1.0 - fraction(numbers) / 2.0);
        assert_eq!(found(400, 20, shorter), 400, "up to half of the interval less");
        let longer = |numbers: &mut Noise| period * (1.0 + fraction(numbers) / 2.0);
        assert_eq!(found(400, 20, longer), 400, "up to half of the interval more");
        let missing = |numbers: &mut Noise| {
            period * (0.7 + 0.6 * fraction(numbers)) * if numbers.below(20) == 0 { 2.0 } else { 1.0 }
        };
        assert!(found(400, 24, missing) >= 390, "one of twenty is missing");
    }
}

#[test]
fn chance_is_not_taken_for_a_rhythm() {
    // Exponential intervals: what unrelated requests look like, with a mean of ten minutes and of one.
    for mean in [600.0, 60.0] {
        let wrong = found(400, 100, |numbers| -mean * fraction(numbers).ln());
        assert!(wrong <= 2, "{wrong} of 400 agents with 100 requests each");
    }
    // Work: short and long intervals that differ by orders of magnitude.
    let wrong = found(400, 100, |numbers| 8.0 * 400f64.powf(fraction(numbers)));
    assert!(wrong <= 1, "{wrong} of 400 agents at work");
}

#[test]
fn a_rhythm_is_as_old_as_its_latest_long_gap() {
    let mut rhythm = Rhythm::new(1, 0);
    let mut time = 1_000;
    for number in 0..60 {
        time += if number == 30 { 7_200 } else { 60 };
        rhythm.note(at(time), 5);
        rhythm.beat(16);
    }
    assert_eq!(rhythm.beat(16).unwrap().seconds, 29 * 60);
    // What was not regular before does not count either.
    let mut rhythm = Rhythm::new(1, 0);
    let mut time = 1_000;
    for number in 0..60_i64 {
        time += if number < 30 { 20 + number * number * 7 % 400 } else { 300 };
        rhythm.note(at(time), 5);
        rhythm.beat(16);
    }
    let seconds = rhythm.beat(16).unwrap().seconds;
    assert!((9_000..=12_000).contains(&seconds), "{seconds}");
}

#[test]
fn what_is_overdue_weighs_nothing_and_what_has_no_rhythm_little() {
    let mut steady = Rhythm::new(1, 2);
    let mut wild = Rhythm::new(2, 2);
    for number in 0..20 {
        steady.note(at(1_000 + number * 3_600), 5);
        wild.note(at(1_000 + number * 3_600 + [0, 9, 600][number as usize % 3]), 5);
        wild.note(at(1_000 + number * 3_600 + [40, 700, 3_000][number as usize % 3]), 5);
    }
    let last = 1_000 + 19 * 3_600;
    assert_eq!(steady.weight_at(last + 5 * 3_600), 2 + 19);
    assert_eq!(steady.weight_at(last + 9 * 3_600), 0);
    assert!(wild.weight_at(last) < 14, "{}", wild.weight_at(last));
}

proptest! {
    #[test]
    fn hostile_times_do_no_harm(times in proptest::collection::vec(any::<i64>(), 0..60), merge in 1u32..100) {
        let mut rhythm = Rhythm::new(1, 0);
        for time in times {
            rhythm.note(at(time.div_euclid(1_000_000)), merge);
            rhythm.beat(8);
            rhythm.weight_at(time);
            prop_assert!(usize::from(rhythm.len) <= INTERVALS_MAX);
        }
    }
}
