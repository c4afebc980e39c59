//! A column that a user rule names: its value as a hash to tell values apart, as a number to add up, as words for sentences.

use detect_core::event::EventRow;
use detect_core::key::Key;
use detect_core::text::bounded;
use ledger::{Column, Part};
use operations::Money;

use crate::condition;

/// A column of events that rules may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleColumn(&'static Column);

/// Columns with a new value for nearly each event: a state for each would help nobody.
const UNBOUNDED: [&str; 9] =
    ["source_id", "refers_to", "tool_call", "interception", "path", "target", "record", "command", "stream_seq"];

impl RuleColumn {
    /// The column with this name.
    pub fn new(name: &str) -> Result<Self, String> {
        let column = Self(condition::column(name)?);
        let is_value = column.0.as_text_list().is_none() && column.0.as_time().is_none();
        if is_value { Ok(column) } else { Err(format!("`{name}` has no value to tell apart; only conditions read it")) }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// Whether it is made from content, which not everybody who reads alerts may read.
    pub fn is_content(self) -> bool {
        self.0.part == Part::Content
    }

    /// Whether nearly each event has another value.
    pub fn is_unbounded(self) -> bool {
        UNBOUNDED.contains(&self.0.name)
    }

    /// Whether it holds numbers.
    pub fn is_number(self) -> bool {
        self.0.as_integer().is_some()
    }

    /// Whether its numbers are micro-dollars.
    pub fn is_money(self) -> bool {
        self.is_number() && self.0.name.ends_with("_micros")
    }

    /// The text of an event, for keys. Numbers are none.
    pub fn text<'a>(self, event: &EventRow<'a>) -> Option<&'a str> {
        event.text(self.0.as_text()?)
    }

    /// The number of an event.
    pub fn number(self, event: &EventRow<'_>) -> Option<i64> {
        event.integer(self.0.as_integer()?)
    }

    /// A keyed hash of the value; `None` if the event does not say it.
    pub fn hash(self, event: &EventRow<'_>, key: Key) -> Option<u64> {
        if let Some(text) = self.text(event) {
            return Some(key.hash(&["value", text]));
        }
        let number = match self.0.as_fingerprint() {
            Some(fingerprint) => event.fingerprint(fingerprint)?,
            None => self.number(event)? as u64,
        };
        Some(key.hash(&["number", &number.to_string()]))
    }

    /// The value in words; attacker-written, and bounded.
    pub fn say(self, event: &EventRow<'_>) -> Option<String> {
        if let Some(text) = self.text(event) {
            return Some(bounded(text));
        }
        if let Some(fingerprint) = self.0.as_fingerprint() {
            return event.fingerprint(fingerprint).map(|value| format!("{value:016x}"));
        }
        let number = self.number(event)?;
        Some(if self.is_money() { dollars(number) } else { number.to_string() })
    }
}

/// Micro-dollars in words; less than nothing is nothing.
pub fn dollars(micros: i64) -> String {
    Money::try_from(micros).unwrap_or_default().to_string()
}
