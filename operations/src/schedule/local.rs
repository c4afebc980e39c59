//! Local times as people write them, and the moments that they are in a time zone. The tables of zones are chrono-tz's.

use std::str::FromStr;

use chrono::{DateTime, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, Offset as _, TimeDelta, TimeZone as _};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use ledger::Timestamp;

/// A time zone by its name in the IANA database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("form" = "a time zone such as `Europe/Berlin`"))]
pub struct Zone(#[schemars(with = "String")] Tz);

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("form" = "a day such as `2026-11-30`"))]
pub struct Date(#[schemars(with = "String")] pub(super) NaiveDate);

/// A time of day in whole minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("form" = "a time such as `09:00`"))]
pub struct Clock(#[schemars(with = "String")] NaiveTime);

/// A day and a time of day in whole minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("form" = "a local time such as `2026-12-24 18:00`"))]
pub struct Moment(#[schemars(with = "String")] NaiveDateTime);

impl TryFrom<String> for Zone {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let unknown = |_| format!("{text:?} is no time zone of the IANA database, such as Europe/Berlin");
        Tz::from_str(&text).map(Self).map_err(unknown)
    }
}

impl TryFrom<String> for Date {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |_| format!("{text:?} is no day such as 2026-11-30");
        NaiveDate::parse_from_str(&text, "%Y-%m-%d").map(Self).map_err(wrong)
    }
}

impl TryFrom<String> for Clock {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        NaiveTime::parse_from_str(&text, "%H:%M").map(Self).map_err(|_| format!("{text:?} is no time such as 09:00"))
    }
}

impl TryFrom<String> for Moment {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = |_| format!("{text:?} is no local time such as 2026-12-24 18:00");
        NaiveDateTime::parse_from_str(&text, "%Y-%m-%d %H:%M").map(Self).map_err(wrong)
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.0.name().to_owned()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.0.format("%Y-%m-%d").to_string()
    }
}

impl From<Clock> for String {
    fn from(clock: Clock) -> Self {
        clock.0.format("%H:%M").to_string()
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.0.format("%Y-%m-%d %H:%M").to_string()
    }
}

impl Zone {
    /// The day that it is at a moment. `None` beyond the end of the calendar.
    pub(super) fn day(self, at: Timestamp) -> Option<NaiveDate> {
        let utc = DateTime::from_timestamp_micros(at.unix_micros())?.naive_utc();
        let offset = self.0.offset_from_utc_datetime(&utc).fix();
        Some(utc.checked_add_offset(offset)?.date())
    }

    /// The moment of a time of day on a day.
    pub(super) fn at(self, day: NaiveDate, clock: Clock) -> Option<Timestamp> {
        self.resolve(day.and_time(clock.0))
    }

    /// The moment of a local time.
    pub(super) fn moment(self, moment: Moment) -> Option<Timestamp> {
        self.resolve(moment.0)
    }

    fn resolve(self, local: NaiveDateTime) -> Option<Timestamp> {
        let utc = match self.0.offset_from_local_datetime(&local) {
            LocalResult::Single(offset) | LocalResult::Ambiguous(offset, _) => {
                local.checked_sub_offset(offset.fix())?
            }
            LocalResult::None => {
                // The offset of the day before is that before the clocks were set.
                let before = local.checked_sub_signed(TimeDelta::days(1))?;
                local.checked_sub_offset(self.0.offset_from_utc_datetime(&before).fix())?
            }
        };
        Some(Timestamp::from_unix_micros(utc.and_utc().timestamp_micros()))
    }
}
