//! The columns of a record, and which of them the event says already: the others go to `unmapped`, so that nothing is lost.

use std::cell::RefCell;

use serde_json::{Map, Value};

use super::canonical::INTEGER_MAX;
use crate::streams::fields::{Field, Fields};

/// The columns of a record.
pub struct Columns<'a> {
    fields: &'a Fields,
    said: RefCell<Vec<&'static str>>,
}

impl<'a> Columns<'a> {
    /// The columns that the field policy lets out.
    pub fn new(fields: &'a Fields) -> Self {
        Self { fields, said: RefCell::default() }
    }

    /// A text that is not empty. It is still to be said.
    pub fn text(&self, name: &'static str) -> Option<&'a str> {
        self.fields.get(name).and_then(Field::as_text).filter(|text| !text.is_empty())
    }

    /// A whole number that every reader keeps. It is still to be said.
    pub fn integer(&self, name: &'static str) -> Option<i64> {
        let number = self.fields.get(name).and_then(Field::as_integer);
        number.filter(|number| number.unsigned_abs() <= INTEGER_MAX.unsigned_abs())
    }

    /// The same, if it is not below zero: a count, or a number of bytes.
    pub fn count(&self, name: &'static str) -> Option<i64> {
        self.integer(name).filter(|number| *number >= 0)
    }

    /// What the record of an entry of `operations` holds at this member.
    pub fn record(&self, member: &str) -> Option<&'a Value> {
        self.fields.get("record").and_then(Field::as_json).and_then(|record| record.get(member))
    }

    /// The same, if it is a text that is not empty.
    pub fn record_text(&self, member: &str) -> Option<&'a str> {
        self.record(member).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    /// Notes that the event says a column whole.
    pub fn said(&self, name: &'static str) {
        self.all_said(&[name]);
    }

    /// Notes that the event says these columns whole.
    pub fn all_said(&self, names: &[&'static str]) {
        self.said.borrow_mut().extend(names);
    }

    /// A text that is said here.
    pub fn take(&self, name: &'static str) -> Option<&'a str> {
        self.text(name).inspect(|_| self.said(name))
    }

    /// A count that is said here.
    pub fn take_count(&self, name: &'static str) -> Option<i64> {
        self.count(name).inspect(|_| self.said(name))
    }

    /// The first of these that is there. It is said here.
    pub fn take_first(&self, names: &[&'static str]) -> Option<&'a str> {
        names.iter().find_map(|name| self.take(name))
    }

    /// What is not said, by its own name.
    pub fn rest(&self) -> Map<String, Value> {
        let said = self.said.borrow();
        let rest = self.fields.iter().filter(|(name, _)| !said.contains(name));
        rest.map(|(name, field)| (name.to_owned(), field.to_value())).collect()
    }
}
