//! The fields of a record: what a field policy lets out of a row, by name. How a row becomes them is in `renderer`.

use std::ops::Range;

use chrono::{DateTime, Datelike as _, SecondsFormat, Timelike as _};
use ledger::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::Value;

/// A value of a record.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Field<'a> {
    /// A text.
    Text(&'a str),
    /// A number.
    Integer(i64),
    /// A list of texts, or the record of an entry of `operations`.
    Json(&'a Value),
}

impl<'a> Field<'a> {
    /// The text that it is.
    pub fn as_text(self) -> Option<&'a str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Integer(_) => None,
            Self::Json(value) => value.as_str(),
        }
    }

    /// The number that it is.
    pub fn as_integer(self) -> Option<i64> {
        match self {
            Self::Text(_) => None,
            Self::Integer(number) => Some(number),
            Self::Json(value) => value.as_i64(),
        }
    }

    /// The JSON that it is, if it is neither a text nor a number.
    pub fn as_json(self) -> Option<&'a Value> {
        match self {
            Self::Json(value) => Some(value),
            Self::Text(_) | Self::Integer(_) => None,
        }
    }

    /// A copy as JSON.
    pub fn to_value(self) -> Value {
        match self {
            Self::Text(text) => text.into(),
            Self::Integer(number) => number.into(),
            Self::Json(value) => value.clone(),
        }
    }
}

impl Serialize for Field<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => text.serialize(serializer),
            Self::Integer(number) => number.serialize(serializer),
            Self::Json(value) => value.serialize(serializer),
        }
    }
}

/// The columns of a row that a field policy lets out, and the row's position, in the order of their names. All texts stand in one piece of memory: a record has
/// dozens, and an allocation for each would cost as much as everything else that is done with it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields {
    held: Vec<(&'static str, Held)>,
    texts: String,
}

/// A value, whose text stands with the others.
#[derive(Debug, Clone, PartialEq)]
enum Held {
    Text(Range<usize>),
    Integer(i64),
    Json(Value),
}

impl Fields {
    /// No fields, with room for so many, and so many bytes of text.
    pub fn with_capacity(fields: usize, bytes: usize) -> Self {
        Self { held: Vec::with_capacity(fields), texts: String::with_capacity(bytes) }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// The value of this name.
    pub fn get(&self, name: &str) -> Option<Field<'_>> {
        let at = self.held.binary_search_by_key(&name, |(name, _)| name).ok()?;
        self.held.get(at).map(|(_, held)| self.field(held))
    }

    /// Names and values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Field<'_>)> {
        self.held.iter().map(|(name, held)| (*name, self.field(held)))
    }

    /// Sets a value that is no column of a row, such as the mark of a test.
    pub fn insert(&mut self, name: &'static str, value: Value) {
        match self.held.binary_search_by_key(&name, |(name, _)| name) {
            Ok(at) => self.held[at].1 = Held::Json(value),
            Err(at) => self.held.insert(at, (name, Held::Json(value))),
        }
    }

    fn field<'a>(&'a self, held: &'a Held) -> Field<'a> {
        match held {
            Held::Text(range) => Field::Text(self.texts.get(range.clone()).unwrap_or_default()),
            Held::Integer(number) => Field::Integer(*number),
            Held::Json(value) => Field::Json(value),
        }
    }

    /// Adds a value whose name comes behind those before it.
    pub fn push(&mut self, name: &'static str, field: Field<'_>) {
        let held = match field {
            Field::Text(text) => {
                let start = self.texts.len();
                self.texts.push_str(text);
                Held::Text(start..self.texts.len())
            }
            Field::Integer(number) => Held::Integer(number),
            Field::Json(value) => Held::Json(value.clone()),
        };
        self.held.push((name, held));
    }

    /// Roughly how many bytes they take.
    pub fn size(&self) -> usize {
        self.texts.len() + self.held.len() * size_of::<(&str, Held)>()
    }
}

/// RFC 3339 in UTC with microseconds; the microseconds themselves where no calendar has the moment.
pub fn time(moment: Timestamp) -> Value {
    MomentText::of(moment).field(moment).to_value()
}

/// What a moment looks like.
const RFC_3339_SHAPE: [u8; 27] = *b"0000-00-00T00:00:00.000000Z";

/// A moment as [`SecondsFormat::Micros`] writes it. Every record has two or three of them, so the digits are set where they stand.
#[derive(Debug)]
pub enum MomentText {
    /// One of our era's years of four digits.
    Shaped([u8; 27]),
    /// Another one.
    Long(String),
    /// One that no calendar has.
    None,
}

impl MomentText {
    /// The text of a moment.
    pub fn of(moment: Timestamp) -> Self {
        let Some(time) = DateTime::from_timestamp_micros(moment.unix_micros()) else { return Self::None };
        let year = u32::try_from(time.year()).ok().filter(|year| *year <= 9_999);
        let Some(year) = year else { return Self::Long(time.to_rfc3339_opts(SecondsFormat::Micros, true)) };
        let mut shape = RFC_3339_SHAPE;
        let parts = [
            (0..4, year),
            (5..7, time.month()),
            (8..10, time.day()),
            (11..13, time.hour()),
            (14..16, time.minute()),
            (17..19, time.second()),
            (20..26, time.timestamp_subsec_micros()),
        ];
        for (place, mut number) in parts {
            for digit in shape[place].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
        Self::Shaped(shape)
    }

    /// The same as a value.
    pub fn field(&self, moment: Timestamp) -> Field<'_> {
        match self {
            Self::Shaped(shape) => Field::Text(std::str::from_utf8(shape).unwrap_or_default()),
            Self::Long(text) => Field::Text(text),
            Self::None => Field::Integer(moment.unix_micros()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn a_value_that_is_set_stands_in_its_place() {
        let mut fields = Fields::default();
        for (name, value) in [("m", json!(1)), ("a", json!("text")), ("z", json!([1])), ("a", json!(2))] {
            fields.insert(name, value);
        }
        assert_eq!(fields.iter().map(|(name, _)| name).collect::<String>(), "amz");
        assert_eq!(fields.get("a").and_then(Field::as_integer), Some(2));
        assert_eq!((fields.get("b"), fields.get("z").and_then(Field::as_json)), (None, Some(&json!([1]))));
    }

    proptest! {
        #[test]
        fn a_moment_is_written_as_the_library_of_calendars_does(micros in prop_oneof![any::<i64>(), -70_000_000_000_000_000..300_000_000_000_000_000_i64]) {
            let expected = DateTime::from_timestamp_micros(micros).map(|time| time.to_rfc3339_opts(SecondsFormat::Micros, true));
            let said = time(Timestamp::from_unix_micros(micros));
            prop_assert_eq!(said.as_str(), expected.as_deref());
        }
    }
}
