//! Moments: when something happened, was seen or was recorded. Only the unit is known here: clocks are in `clock`, and how a
//! moment is written for people is for those who write it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

const MICROS: i64 = 1_000_000;

/// A moment of the calendar: microseconds since 1970 UTC, as columns, records and JSON hold them.
///
/// Moments are neither added nor multiplied: what lies between two is a [`Duration`], or a number of microseconds where the
/// order is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
#[repr(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// Before everything.
    pub const MIN: Self = Self(i64::MIN);
    /// After everything.
    pub const MAX: Self = Self(i64::MAX);
    /// The beginning of 1970 UTC.
    pub const EPOCH: Self = Self(0);

    /// So many microseconds after 1970 UTC.
    pub const fn from_unix_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// The beginning of a second since 1970 UTC; what is too far away is the first moment, or the last.
    pub const fn from_unix_seconds(second: i64) -> Self {
        Self(second.saturating_mul(MICROS))
    }

    /// Microseconds since 1970 UTC.
    #[inline]
    pub const fn unix_micros(self) -> i64 {
        self.0
    }

    /// The second since 1970 UTC in which it lies.
    #[inline]
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(MICROS)
    }

    /// So much later, or the last moment.
    #[must_use]
    pub const fn saturating_add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    /// So much earlier, or the first moment.
    #[must_use]
    pub const fn saturating_sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }

    /// How many microseconds it lies after another moment; less than none if it lies before it.
    #[inline]
    pub const fn micros_since(self, other: Self) -> i64 {
        self.0.saturating_sub(other.0)
    }

    /// How long after an earlier moment; nothing if that is not earlier.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.micros_since(earlier)).unwrap_or(0))
    }
}

/// A duration in microseconds, or the largest number of them.
const fn micros(duration: Duration) -> i64 {
    let micros = duration.as_micros();
    if micros > i64::MAX as u128 { i64::MAX } else { micros as i64 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn seconds_are_those_of_the_calendar_before_1970_too() {
        let check = |micros: i64, second: i64| {
            assert_eq!(Timestamp::from_unix_micros(micros).unix_seconds(), second, "{micros}");
        };
        check(0, 0);
        check(1_999_999, 1);
        check(-1, -1);
        check(-1_000_000, -1);
        assert_eq!(Timestamp::from_unix_seconds(3), Timestamp::from_unix_micros(3_000_000));
        assert_eq!(
            (Timestamp::from_unix_seconds(i64::MAX), Timestamp::from_unix_seconds(i64::MIN)),
            (Timestamp::MAX, Timestamp::MIN)
        );
    }

    #[test]
    fn time_ends_where_its_numbers_end() {
        let week = Duration::from_hours(7 * 24);
        assert_eq!(
            (Timestamp::MAX.saturating_add(week), Timestamp::MIN.saturating_sub(week)),
            (Timestamp::MAX, Timestamp::MIN)
        );
        assert_eq!(Timestamp::EPOCH.saturating_add(Duration::MAX), Timestamp::MAX);
        assert_eq!(
            (Timestamp::MAX.micros_since(Timestamp::MIN), Timestamp::MIN.since(Timestamp::MAX)),
            (i64::MAX, Duration::ZERO)
        );
    }

    proptest! {
        /// A difference leads back, and in JSON a moment is a plain number.
        #[test]
        fn it_round_trips(micros in -1_000_000_000_000_000_i64..4_000_000_000_000_000, length in 0u64..4_000_000_000_000_000) {
            let (moment, length) = (Timestamp::from_unix_micros(micros), Duration::from_micros(length));
            let later = moment.saturating_add(length);
            prop_assert_eq!((later.since(moment), later.saturating_sub(length)), (length, moment));
            prop_assert_eq!(moment.micros_since(later), -later.micros_since(moment));
            let text = serde_json::to_string(&moment).unwrap();
            prop_assert_eq!(&text, &micros.to_string());
            prop_assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), moment);
        }
    }
}
