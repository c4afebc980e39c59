//! Days and months of recorded time. No clock: whoever asks brings the second.
//!
//! Budgets are refilled by the calendar, in UTC or at a fixed offset from it. Offsets that change with the season are left
//! out on purpose: a month would then depend on a table of time zones that is not part of the ledger.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How often a budget is refilled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// At midnight.
    Day,
    /// At midnight before the first of the month.
    Month,
}

/// One day or one month: seconds since 1970 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its first second.
    pub start: i64,
    /// The first second after it.
    pub end: i64,
}

/// Seconds of a day.
pub const DAY: i64 = 86_400;

impl Period {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Day, Self::Month];

    /// The word in sentences and records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// The day or month in which `second` lies, where midnight is `offset_minutes` before midnight UTC.
    pub fn window(self, second: i64, offset_minutes: i16) -> Window {
        let offset = i64::from(offset_minutes) * 60;
        let day = second.saturating_add(offset).div_euclid(DAY);
        let (first, next) = match self {
            Self::Day => (day, day + 1),
            Self::Month => {
                let (year, month) = year_and_month(day);
                let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                (first_of(year, month), first_of(next_year, next_month))
            }
        };
        Window { start: first * DAY - offset, end: next * DAY - offset }
    }
}

/// The second in which a day begins in UTC. Days past the end of a month run into the next one.
pub fn midnight(year: i64, month: i64, day: i64) -> i64 {
    (first_of(year, month) + day - 1) * DAY
}

// The calendar repeats after 400 years of 146,097 days; years that start in March put the leap day last.

/// Year and month (1 to 12) of a day since 1970.
fn year_and_month(day: i64) -> (i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let day = day.rem_euclid(146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let month_from_march = (5 * (day - (365 * year + year / 4 - year / 100)) + 2) / 153;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year + era * 400 + i64::from(month <= 2), month)
}

/// The day since 1970 on which a month begins.
fn first_of(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day = (153 * month_from_march + 2) / 5;
    era * 146_097 + year * 365 + year / 4 - year / 100 + day - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-22T02:32:37Z.
    const MOMENT: i64 = 1_795_314_757;

    #[test]
    fn windows_are_those_of_the_calendar() {
        let day = Period::Day.window(MOMENT, 0);
        assert_eq!((day.start, day.end), (1_795_305_600, 1_795_392_000));
        let month = Period::Month.window(MOMENT, 0);
        assert_eq!((month.start, month.end), (1_793_491_200, 1_796_083_200));
        // 2024-02-29T12:00:00Z: a leap year.
        let month = Period::Month.window(1_709_208_000, 0);
        assert_eq!((month.end - month.start) / DAY, 29);
        assert_eq!((midnight(2026, 11, 22), midnight(2024, 3, 1)), (1_795_305_600, month.end));
        // At UTC+9 the day of 2026-11-22 began at 15:00 UTC of the day before.
        let day = Period::Day.window(MOMENT, 540);
        assert_eq!((day.start, day.end), (1_795_305_600 - 32_400, 1_795_392_000 - 32_400));
    }

    #[test]
    fn windows_tile_four_hundred_years() {
        for period in Period::ALL {
            let mut window = period.window(-100 * 366 * DAY, -330);
            let mut days = 0;
            while days < 146_097 {
                let length = (window.end - window.start) / DAY;
                assert!(if period == Period::Day { length == 1 } else { (28..=31).contains(&length) });
                for second in [window.start, window.end - 1] {
                    assert_eq!(period.window(second, -330), window);
                }
                days += length;
                window = period.window(window.end, -330);
            }
        }
    }
}
