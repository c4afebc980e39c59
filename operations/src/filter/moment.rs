//! Moments as people write them, kept as they were written: what is relative stays so, for filters that are saved.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Timelike as _};
use ledger::Timestamp;

use super::quantity;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// A moment in a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// So many microseconds before now.
    Ago(i64),
    /// A time of the day in UTC, in microseconds after midnight: the latest one that is not after now.
    OfDay(i64),
    /// A day in UTC, in days since 1970: its beginning for `since`, its end for `until`.
    Day(i64),
    /// Itself.
    At(Timestamp),
}

/// What is possible.
pub(super) const POSSIBLE: &str =
    "a moment is 30m, 2h or 7d (ago), now, 14:03 or 14:03:12 (UTC), 2026-11-24, or 2026-11-24T14:03:12Z";

impl Moment {
    /// Reads a moment.
    pub(super) fn read(text: &str) -> Option<Self> {
        if text == "now" {
            return Some(Self::Ago(0));
        }
        if let Some(ago) = quantity::duration(text) {
            return (ago >= 0).then_some(Self::Ago(ago));
        }
        if let Some(time) = ["%H:%M", "%H:%M:%S%.f"].iter().find_map(|form| NaiveTime::parse_from_str(text, form).ok())
        {
            // A leap second is the last one of its minute.
            let micros = i64::from(time.nanosecond() / 1_000).min(999_999);
            return Some(Self::OfDay(i64::from(time.num_seconds_from_midnight()) * 1_000_000 + micros));
        }
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            let micros = day.and_time(NaiveTime::MIN).and_utc().timestamp_micros();
            return is_written(day.and_time(NaiveTime::MIN).and_utc()).then_some(Self::Day(micros / DAY));
        }
        let zoned = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
        let plain = || {
            let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S%.f"];
            forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()).map(|time| time.and_utc())
        };
        let time = zoned.or_else(plain).filter(|time| is_written(*time))?;
        Some(Self::At(Timestamp::from_unix_micros(time.timestamp_micros())))
    }

    /// Writes it in the form in which it is read.
    pub(super) fn write(self) -> String {
        match self {
            Self::Ago(0) => "now".to_owned(),
            Self::Ago(micros) => quantity::write_duration(micros),
            Self::OfDay(micros) => {
                let (seconds, part) = (micros / 1_000_000, micros % 1_000_000);
                let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
                match (second, part) {
                    (0, 0) => format!("{hour:02}:{minute:02}"),
                    (_, 0) => format!("{hour:02}:{minute:02}:{second:02}"),
                    _ => format!("{hour:02}:{minute:02}:{second:02}.{part:06}"),
                }
            }
            Self::Day(day) => text(day.saturating_mul(DAY), |time| time.format("%Y-%m-%d").to_string()),
            Self::At(time) => text(time.unix_micros(), |time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
        }
    }

    /// The moment from which on something counts.
    pub fn begin(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(micros) => now.saturating_sub(Duration::from_micros(micros.unsigned_abs())),
            Self::OfDay(micros) => {
                let today = now.unix_micros().div_euclid(DAY).saturating_mul(DAY).saturating_add(micros);
                let day = if today > now.unix_micros() { DAY } else { 0 };
                Timestamp::from_unix_micros(today.saturating_sub(day))
            }
            Self::Day(day) => Timestamp::from_unix_micros(day.saturating_mul(DAY)),
            Self::At(time) => time,
        }
    }

    /// The moment before which something counts.
    pub fn end(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Day(day) => Timestamp::from_unix_micros(day.saturating_add(1).saturating_mul(DAY)),
            other => other.begin(now),
        }
    }
}

/// Whether it has a year of four digits, so that it is read as it is written.
fn is_written(time: DateTime<chrono::Utc>) -> bool {
    use chrono::Datelike as _;
    (1..=9_999).contains(&time.year())
}

fn text(micros: i64, write: impl Fn(DateTime<chrono::Utc>) -> String) -> String {
    DateTime::from_timestamp_micros(micros).map_or_else(|| micros.to_string(), write)
}
