//! The numbers beside an alert's sentence: what was measured, and what is usual. Whole numbers only, so that a replay gives the
//! same bytes; the unit says what one of them is.

use ledger::Timestamp;
use serde::{Deserialize, Serialize};

/// The most points in one measurement.
pub const POINTS_MAX: usize = 32;

/// What was measured when an alert was raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measurement {
    /// What: a few words of the rule, such as `denied requests`.
    pub what: String,
    /// What one is of the numbers below.
    pub unit: Unit,
    /// The value that raised it, or the newest one.
    pub observed: i64,
    /// Over how many seconds it was added up or counted, where it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window_seconds: Option<u32>,
    /// What the rule compares with, where that is fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    /// What is usual for the one that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usual: Option<Usual>,
    /// From how many observations that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observations: Option<u64>,
    /// The newest values, oldest first, at most [`POINTS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last: Vec<Point>,
}

/// What one is of a measurement's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// One of what was counted.
    Count,
    /// A byte.
    Bytes,
    /// A second.
    Seconds,
    /// A millionth of a US dollar.
    MicroUsd,
    /// A token of a model.
    Tokens,
    /// A hundredth.
    Percent,
}

impl Unit {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Count, Self::Bytes, Self::Seconds, Self::MicroUsd, Self::Tokens, Self::Percent];

    /// The word in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Bytes => "bytes",
            Self::Seconds => "seconds",
            Self::MicroUsd => "micro_usd",
            Self::Tokens => "tokens",
            Self::Percent => "percent",
        }
    }
}

/// The range in which values are usually.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usual {
    /// Its lower end.
    pub low: i64,
    /// Its upper end.
    pub high: i64,
}

/// One earlier value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// When.
    pub time: Timestamp,
    /// The value.
    pub value: i64,
}

impl Measurement {
    /// A value without more.
    pub fn new(what: &str, unit: Unit, observed: impl TryInto<i64>) -> Self {
        Self {
            what: what.to_owned(),
            unit,
            observed: whole(observed),
            window_seconds: None,
            limit: None,
            usual: None,
            observations: None,
            last: Vec::new(),
        }
    }

    /// Added up or counted over so many seconds; over none, or a time that clocks made up, there is
    /// no window.
    #[must_use]
    pub fn within(self, window_seconds: impl TryInto<u32>) -> Self {
        let window_seconds = window_seconds.try_into().ok().filter(|seconds| *seconds > 0);
        Self { window_seconds, ..self }
    }

    /// Compared with a fixed value.
    #[must_use]
    pub fn against(self, limit: impl TryInto<i64>) -> Self {
        Self { limit: Some(whole(limit)), ..self }
    }

    /// Compared with what is usual.
    #[must_use]
    pub fn usually(self, low: impl TryInto<i64>, high: impl TryInto<i64>) -> Self {
        Self { usual: Some(Usual { low: whole(low), high: whole(high) }), ..self }
    }

    /// Known from so many observations.
    #[must_use]
    pub fn known_from(self, observations: impl Into<u64>) -> Self {
        Self { observations: Some(observations.into()), ..self }
    }

    /// With the values before it, oldest first; the newest are kept.
    #[must_use]
    pub fn after(self, last: impl IntoIterator<Item = Point>) -> Self {
        let mut last: Vec<Point> = last.into_iter().collect();
        last.drain(..last.len().saturating_sub(POINTS_MAX));
        Self { last, ..self }
    }
}

/// The number, or the largest there is.
fn whole(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_words_are_frozen_and_it_round_trips() {
        let point = |at: i64| Point { time: Timestamp::from_unix_micros(at), value: at * 10 };
        let whole = Measurement::new("spend", Unit::MicroUsd, u64::MAX)
            .within(600)
            .against(5_u64)
            .usually(1, 9)
            .known_from(40_u64);
        let whole = whole.after((0..100).map(point));
        assert_eq!((whole.observed, whole.last.len(), whole.last.first()), (i64::MAX, POINTS_MAX, Some(&point(68))));
        let whole = Measurement { last: vec![point(1)], ..whole };
        let text = serde_json::to_string(&whole).unwrap();
        assert_eq!(
            text,
            concat!(
                r#"{"what":"spend","unit":"micro_usd","observed":9223372036854775807,"window_seconds":600,"limit":5,"#,
                r#""usual":{"low":1,"high":9},"observations":40,"last":[{"time":1,"value":10}]}"#
            )
        );
        assert_eq!(serde_json::from_str::<Measurement>(&text).unwrap(), whole);
        let bare = Measurement::new("denied requests", Unit::Count, 3);
        let text = serde_json::to_string(&bare).unwrap();
        assert_eq!(text, r#"{"what":"denied requests","unit":"count","observed":3}"#);
        assert_eq!(serde_json::from_str::<Measurement>(&text).unwrap(), bare);
        for unit in Unit::ALL {
            assert_eq!(serde_json::to_value(unit).unwrap(), unit.as_str());
        }
    }
}
