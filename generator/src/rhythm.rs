//! When a fleet works: days of the week and hours of the day, in the zone of its office.

/// Microseconds of a second, an hour and a day.
pub const SECOND: i64 = 1_000_000;
pub(crate) const HOUR: i64 = 3_600 * SECOND;
pub(crate) const DAY: i64 = 24 * HOUR;

/// The hour of the day at which the generator ends its history and begins to live.
const NOW: i64 = 14;
/// On which day of the week, from Monday: a Wednesday has working days before and behind it.
const WEEKDAY: i64 = 2;

/// The calendar of a fleet. Wherever and whenever somebody looks, it is the early afternoon of a working day there: at night or on
/// a Sunday a fleet that works would be what detection takes it for, unusual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rhythm {
    /// The beginning of the office's first day, a Monday.
    monday: i64,
}

impl Rhythm {
    /// The calendar in which `now`, in microseconds since 1970 UTC, is a working afternoon.
    pub fn at(now: i64) -> Self {
        let now = now.div_euclid(HOUR) * HOUR;
        Self { monday: now - NOW * HOUR - WEEKDAY * DAY }
    }

    /// How many minutes the office's days begin before those of UTC, from -720 to 719.
    pub fn utc_offset_minutes(self) -> i32 {
        let behind = self.monday.rem_euclid(DAY) / (60 * SECOND);
        let before = (1_440 - behind) % 1_440;
        (if before >= 720 { before - 1_440 } else { before }) as i32
    }

    /// The beginning of the office's day so many days after that of `now`.
    pub(crate) fn day(self, days: i64) -> i64 {
        self.monday + (WEEKDAY + days) * DAY
    }

    /// Whether the office works on the day so many days after that of `now`.
    pub(crate) fn is_workday(days: i64) -> bool {
        (WEEKDAY + days).rem_euclid(7) < 5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_always_a_working_afternoon() {
        for now in [0, 1_795_262_400_000_001, 1_795_262_400_000_001 + 13 * HOUR, 1_795_262_400_000_001 + 3 * DAY] {
            let rhythm = Rhythm::at(now);
            let hours = (now - rhythm.day(0)) / HOUR;
            assert_eq!(hours, NOW);
            assert!(Rhythm::is_workday(0) && !Rhythm::is_workday(-3) && !Rhythm::is_workday(-4));
            let offset = i64::from(rhythm.utc_offset_minutes()) * 60 * SECOND;
            assert_eq!(
                (rhythm.day(0) + offset).rem_euclid(DAY),
                0,
                "its days begin so many minutes before those of UTC"
            );
            assert!((-720..720).contains(&rhythm.utc_offset_minutes()));
        }
    }
}
