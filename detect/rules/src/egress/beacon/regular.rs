//! Whether intervals are regular: nearly all of them lie within a factor of each other that intervals by chance exceed.
//!
//! Where the factor is small more of them may lie outside, because callbacks are missing or come in addition; where it is as large
//! as implants' jitter of half of the interval either way makes it (three), nearly none. Of intervals by chance (exponential ones) at
//! most 42 in 100 lie within the widest factor, so 17 of 17 do once in more than a million times.

use serde::{Deserialize, Serialize};

use super::interval::Interval;
use crate::limits::INTERVALS_MAX;

/// How many more intervals than the least are looked at, how many of fifteen may lie outside, within how many steps the others lie.
const WIDTHS: [(usize, usize, u8); 5] = [(0, 3, 6), (0, 1, 14), (3, 2, 14), (2, 0, WIDEST), (4, 1, WIDEST)];
/// A factor of three and a little more.
const WIDEST: u8 = 20;

/// Intervals that fit each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fit {
    /// Intervals that were looked at,
    pub intervals: u32,
    /// those of them that fit,
    pub fitting: u32,
    /// and how many steps the longest of these is longer than the shortest.
    pub width: u8,
}

/// How the latest intervals fit, if they are regular, by at least `count` of them.
pub fn fit(latest: &[Interval], count: usize) -> Option<Fit> {
    WIDTHS.iter().find_map(|(more, outside, width)| {
        let looked = (count + more).min(INTERVALS_MAX).max(count);
        let first = latest.len().checked_sub(looked)?;
        let mut sorted = latest.get(first..)?.to_vec();
        sorted.sort_unstable();
        let least = looked.saturating_sub(outside * count / 15).max(1);
        let narrowest = |fitting| sorted.windows(fitting).map(spread).min();
        // As many as the width holds.
        (least..=looked).rev().find_map(|fitting| {
            let spread = narrowest(fitting).filter(|spread| spread <= width)?;
            Some(Fit { intervals: looked as u32, fitting: fitting as u32, width: spread })
        })
    })
}

fn spread(sorted: &[Interval]) -> u8 {
    sorted.first().zip(sorted.last()).map_or(u8::MAX, |(shortest, longest)| longest.steps_above(*shortest))
}

/// How many of a hundred intervals by chance (exponential ones) lie within so many steps of each other at most, half a step at either
/// end included.
pub fn chance_percent(width: u8) -> u32 {
    CHANCE_PERCENT.get(usize::from(width)).copied().unwrap_or(100)
}
const CHANCE_PERCENT: [u32; WIDEST as usize + 1] =
    [3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31, 33, 35, 37, 39, 41, 43];

/// The interval in the middle.
pub fn median(latest: &[Interval]) -> Option<Interval> {
    let mut sorted = latest.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

/// How many more intervals fit each other within the widest factor than do not: by chance about none.
pub fn excess(latest: &[Interval]) -> u32 {
    let fits = |shortest: &Interval| {
        let is_near = |interval: &&Interval| **interval >= *shortest && interval.steps_above(*shortest) <= WIDEST;
        latest.iter().filter(is_near).count()
    };
    let most = latest.iter().map(fits).max().unwrap_or_default();
    (2 * most).saturating_sub(latest.len()) as u32
}
