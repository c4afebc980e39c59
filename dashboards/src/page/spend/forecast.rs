//! What a day will have cost when it is over, from how days went before. Pure: sums of hours in, a range out.
//!
//! Of each earlier day of the same kind (working day or weekend) is known which part of its whole had been spent by the same hour. What was
//! spent today, divided by these parts, is what the day would come to if it went on as they did: the median of that is told, with the range
//! that holds eight of ten of them. Days on which little had been spent by then say little, and are left out.

/// Hours of a day.
pub const HOURS: usize = 24;

/// A day's sums by hour, in micro-USD.
pub type Day = [i64; HOURS];

/// What a day comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// One of ten days ends below.
    pub low: i64,
    /// Half of the days end below.
    pub median: i64,
    /// Nine of ten days end below.
    pub high: i64,
}

/// How many days must be known.
const DAYS_MIN: usize = 5;
/// The least part of a day that says something of the whole.
const PART_MIN: f64 = 0.02;

/// The forecast for a day of which `spent` was spent in its first `hours` (with a fraction); `None` while too little is known.
pub fn forecast(days: &[Day], spent: i64, hours: f64) -> Option<Forecast> {
    let mut wholes: Vec<f64> = days
        .iter()
        .filter_map(|day| {
            let whole: i64 = day.iter().sum();
            let part = so_far(day, hours) / whole as f64;
            (whole > 0 && part >= PART_MIN).then(|| spent as f64 / part)
        })
        .collect();
    if wholes.len() < DAYS_MIN || spent <= 0 {
        return None;
    }
    wholes.sort_by(f64::total_cmp);
    let at = |part: f64| quantile(&wholes, part).round() as i64;
    Some(Forecast { low: at(0.1), median: at(0.5), high: at(0.9) })
}

/// What a day had spent after so many hours, as if each hour's sum were spent evenly.
fn so_far(day: &Day, hours: f64) -> f64 {
    let whole = (hours.max(0.0) as usize).min(HOURS);
    let before: i64 = day.iter().take(whole).sum();
    let current = day.get(whole).copied().unwrap_or(0);
    before as f64 + current as f64 * (hours - whole as f64).clamp(0.0, 1.0)
}

/// A quantile of sorted values, between neighbours where it lies between them.
fn quantile(sorted: &[f64], part: f64) -> f64 {
    let at = part * sorted.len().saturating_sub(1) as f64;
    let below = at.floor() as usize;
    let value = |index: usize| sorted.get(index).or(sorted.last()).copied().unwrap_or(0.0);
    value(below) + (value(below + 1) - value(below)) * at.fract()
}

/// The hour at which `cap` is used up, if the rest of the day is spent as the median of earlier days was.
pub fn used_up(days: &[Day], spent: i64, hours: f64, whole: i64, cap: i64) -> Option<f64> {
    if spent >= cap {
        return Some(hours);
    }
    if whole <= cap {
        return None;
    }
    // Which part of what comes after now has come by each hour, over all days together.
    let rest: f64 = days.iter().map(|day| day.iter().sum::<i64>() as f64 - so_far(day, hours)).sum();
    if rest <= 0.0 {
        return None;
    }
    let wanted = (cap - spent) as f64 / (whole - spent) as f64;
    let mut hour = hours;
    while hour < HOURS as f64 {
        let came: f64 = days.iter().map(|day| so_far(day, hour) - so_far(day, hours)).sum();
        if came / rest >= wanted {
            return Some(hour);
        }
        hour += 1.0 / 60.0;
    }
    Some(HOURS as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn even(sum: i64) -> Day {
        [sum / HOURS as i64; HOURS]
    }

    #[test]
    fn a_day_like_the_others_comes_to_what_they_did() {
        let days = vec![even(2_400); 6];
        let check = |spent: i64, hours: f64, expected: Option<i64>| {
            assert_eq!(forecast(&days, spent, hours).map(|forecast| forecast.median), expected, "{spent} {hours}");
        };
        check(1_200, 12.0, Some(2_400));
        check(1_250, 12.5, Some(2_400));
        check(2_400, 12.0, Some(4_800));
        check(0, 12.0, None);
        check(5, 0.1, None);
        assert_eq!(forecast(&days[..4], 1_200, 12.0), None);
        assert_eq!(used_up(&days, 1_200, 12.0, 2_400, 2_000).map(|hour| (hour * 10.0).round()), Some(200.0));
        assert_eq!(used_up(&days, 1_200, 12.0, 2_400, 9_000), None);
        assert_eq!(used_up(&days, 1_200, 12.0, 2_400, 1_000), Some(12.0));
    }

    /// Days that follow from a seed, each at its own level and with its own hours.
    fn made(seed: u64, count: usize) -> Vec<Day> {
        let mut state = seed | 1;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let day = |next: &mut dyn FnMut() -> f64| {
            let level = 1e6 * (0.6 + 0.8 * next());
            std::array::from_fn(|hour| {
                let usual = if (8..19).contains(&hour) { 1.0 } else { 0.12 };
                (level * usual * (0.4 + 1.2 * next())) as i64
            })
        };
        (0..count).map(|_| day(&mut next)).collect()
    }

    /// The range is measured where it was not made: on days that it does not know.
    #[test]
    fn eight_of_ten_days_end_within_the_range() {
        let (mut within, mut all) = (0, 0);
        for seed in 1..40 {
            let days = made(seed * 7_919, 50);
            let (known, others) = days.split_at(20);
            for day in others {
                let spent = so_far(day, 14.0) as i64;
                let range = forecast(known, spent, 14.0).expect("enough is known");
                let whole: i64 = day.iter().sum();
                within += usize::from((range.low..=range.high).contains(&whole));
                all += 1;
            }
        }
        let share = f64::from(within as u32) / f64::from(all as u32);
        assert!((0.72..=0.88).contains(&share), "{share:.3} of {all} days");
    }

    proptest! {
        #[test]
        fn the_range_is_in_order_and_holds_what_was_spent(seed in 1_u64.., spent in 1_i64..1_000_000_000, hours in 0.0..24.0_f64) {
            if let Some(Forecast { low, median, high }) = forecast(&made(seed, 12), spent, hours) {
                prop_assert!(low <= median && median <= high && low >= spent - 1);
            }
        }
    }
}
