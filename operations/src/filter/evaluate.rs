//! Whether a filter holds for something in memory. SQL over the engine says the same of the same rows: a test in `query` compares
//! both.

use ledger::Timestamp;

use super::pattern::Pattern;
use super::{Comparison, Filter, Place, Term, Test};

/// A value as a filter compares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A text.
    Text(&'a str),
    /// A whole number, in the unit of its column.
    Number(i64),
}

/// What a filter can be asked of.
pub trait Fields {
    /// Whether one of the values in this place satisfies `holds`; a place without a value satisfies nothing.
    fn any(&self, place: &Place, holds: &mut dyn FnMut(Value<'_>) -> bool) -> bool;

    /// Whether one of the texts that are searched satisfies `holds`.
    fn any_text(&self, holds: &mut dyn FnMut(&str) -> bool) -> bool;

    /// When it began and when it was last seen; `None` if that is not known.
    fn span(&self) -> Option<(Timestamp, Timestamp)>;
}

impl Filter {
    /// Whether all terms hold at `now`, to which relative moments refer.
    pub fn matches(&self, fields: &impl Fields, now: Timestamp) -> bool {
        self.first_mismatch(fields, now).is_none()
    }

    /// The first term that does not hold.
    pub fn first_mismatch(&self, fields: &impl Fields, now: Timestamp) -> Option<&Term> {
        self.terms().iter().find(|term| term.test.holds(fields, now) == term.negated)
    }
}

impl Test {
    fn holds(&self, fields: &impl Fields, now: Timestamp) -> bool {
        match self {
            Self::Text(pattern) => fields.any_text(&mut |text| pattern.is_within(&text.to_lowercase())),
            Self::Is(place, any) => any.iter().any(|pattern| is(fields, place, pattern)),
            Self::Compare(place, comparison, number) => fields
                .any(place, &mut |value| matches!(value, Value::Number(found) if comparison.holds(found, *number))),
            Self::Since(moment) => fields.span().is_some_and(|(_, last)| last >= moment.begin(now)),
            Self::Until(moment) => fields.span().is_some_and(|(first, _)| first < moment.end(now)),
        }
    }
}

/// Whether a value in the place fits. The empty pattern fits where there is none.
fn is(fields: &impl Fields, place: &Place, pattern: &Pattern) -> bool {
    if pattern.is_empty() {
        return !fields.any(place, &mut |value| value != Value::Text(""));
    }
    fields.any(place, &mut |value| match value {
        Value::Text(text) => pattern.matches(text),
        Value::Number(_) if pattern.is_any() => true,
        Value::Number(number) => pattern.matches(&number.to_string()),
    })
}

impl Comparison {
    /// Whether a number compares like this with another.
    pub fn holds(self, found: i64, number: i64) -> bool {
        match self {
            Self::Equal => found == number,
            Self::Greater => found > number,
            Self::AtLeast => found >= number,
            Self::Less => found < number,
            Self::AtMost => found <= number,
        }
    }
}
