//! When a budget will be used up, and whether it burns too fast. Arithmetic only: the same sums give the same answer.

use operations::Money;
use operations::calendar::{Period, Window};
use serde::{Deserialize, Serialize};

use super::recent_spend::RecentSpend;

/// In how many seconds the rest will be spent: the middle, and the interval that holds the truth in four of five cases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    pub early: i64,
    pub middle: i64,
    pub late: i64,
    /// Over how many whole hours the rate was measured.
    pub hours: u32,
    pub per_hour: Money,
}

/// A rate at which the budget does not last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Burn {
    /// How many tenths of the rate at which the budget would just last.
    pub tenths: u64,
    /// Over how many seconds; a shorter window inside said the same.
    pub seconds: i64,
    /// What was spent in them.
    pub spent: Money,
}

/// Whole hours that a forecast needs.
const HOURS_MIN: usize = 3;
/// Of a normal distribution four fifths lie within so many standard deviations.
const FOUR_FIFTHS: f64 = 1.2816;

/// When `left` will be spent, if the next hours are like the last ones. Nothing is said after too few hours.
pub fn exhaustion(recent: &RecentSpend, left: Money) -> Option<Forecast> {
    let hours: Vec<f64> = recent.whole_hours().map(|amount| amount.as_micros() as f64).collect();
    if hours.len() < HOURS_MIN {
        return None;
    }
    let count = hours.len() as f64;
    let mean = hours.iter().sum::<f64>() / count;
    if mean < 1.0 {
        return None;
    }
    let variance = hours.iter().map(|hour| (hour - mean) * (hour - mean)).sum::<f64>() / (count - 1.0);
    // Few hours know their own mean badly, and no spend is steadier than a quarter of itself.
    let spread = FOUR_FIFTHS * variance.max(mean * mean / 16.0).sqrt() * (1.0 + 1.0 / count);
    // After h hours `mean * h ± spread * sqrt(h)` is spent; solved for the h at which that is what is left.
    let left = left.as_micros() as f64;
    let root = (spread * spread + 4.0 * mean * left).sqrt();
    let square = |root: f64| (root / (2.0 * mean)).powi(2);
    let seconds = |hours: f64| (hours * 3_600.0).min(1e12) as i64;
    Some(Forecast {
        early: seconds(square(root - spread)),
        middle: seconds(left / mean),
        late: seconds(square(root + spread)),
        hours: hours.len() as u32,
        per_hour: Money::from_micros(mean as u64),
    })
}

/// Long window, short window, and the burn rate in tenths from which both together mean something. For a month they are
/// those of the SRE workbook: 2 % of it in an hour, 5 % in six. A day is shorter than its windows would be, so it has its own.
const MONTH: [(i64, i64, u64); 2] = [(3_600, 300, 144), (21_600, 1_800, 60)];
const DAY: [(i64, i64, u64); 2] = [(3_600, 300, 60), (21_600, 1_800, 25)];

/// Whether the budget burns at a rate at which it does not last until the end of the window.
pub fn burn(recent: &RecentSpend, period: Period, window: Window, spent: Money, cap: Money) -> Option<Burn> {
    // Below a tenth of the budget a burst is no news.
    if spent.as_micros() < cap.as_micros() / 10 {
        return None;
    }
    let length = (window.end - window.start) as u128;
    let remaining = (window.end - recent.second()).max(0) as u128;
    let tenths = |seconds: i64| {
        // The window's sum reaches back to the start of its first step, but never before the budget's own window.
        let sum = u128::from(recent.sum(seconds).min(spent).as_micros());
        (sum * length * 10 / (u128::from(cap.as_micros().max(1)) * seconds as u128)) as u64
    };
    let pairs = if period == Period::Month { MONTH } else { DAY };
    pairs.into_iter().find_map(|(long, short, least)| {
        let sum = recent.sum(long).min(spent);
        let projected = u128::from(spent.as_micros()) + u128::from(sum.as_micros()) * remaining / long as u128;
        let burns = tenths(long) >= least && tenths(short) >= least && projected > u128::from(cap.as_micros());
        burns.then(|| Burn { tenths: tenths(long), seconds: long, spent: sum })
    })
}
