//! Columns that nobody has searched for secrets yet, and how columns are read wherever they are.

use std::convert::identity;
use std::fmt;

use ledger::column::handle::{Bytes, Fingerprint, Integer, Text, TextList, Time};
use ledger::{Entry, Row, Timestamp};

/// The columns of a draft. They are set and read like those of an entry, and cannot be appended like one.
#[derive(Default)]
pub struct Columns {
    entry: Entry,
    /// A bit for each column whose text another record said.
    joined: u128,
}

// What people typed stands in columns: debug output tells sizes only.
impl fmt::Debug for Columns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entry.fmt(f)
    }
}

impl Columns {
    /// Takes every column out and keeps the memory.
    pub fn clear(&mut self) {
        self.entry.clear();
        self.joined = 0;
    }

    /// Whether no column is set.
    pub fn is_empty(&self) -> bool {
        self.entry.is_empty()
    }

    /// Sets a text; a value that was set before is replaced.
    pub fn set_text(&mut self, column: Text, value: &str) {
        self.entry.set_text(column, value);
    }

    /// Sets a text unless it is empty or absent.
    pub fn set_text_if(&mut self, column: Text, value: Option<&str>) {
        self.entry.set_text_if(column, value);
    }

    /// Sets a text that another record said. It may hold a secret that this record does not, so it is searched in any case.
    pub fn join_text(&mut self, column: Text, value: &str) {
        self.entry.set_text(column, value);
        self.joined |= bit(column);
    }

    /// Whether another record said the text of a column.
    pub fn is_joined(&self, column: Text) -> bool {
        self.joined & bit(column) != 0
    }

    /// Sets an integer.
    pub fn set_integer(&mut self, column: Integer, value: i64) {
        self.entry.set_integer(column, value);
    }

    /// Sets a time in microseconds since 1970 UTC.
    pub fn set_time(&mut self, column: Time, micros: i64) {
        self.entry.set_time(column, Timestamp::from_unix_micros(micros));
    }

    /// Sets a fingerprint.
    pub fn set_fingerprint(&mut self, column: Fingerprint, value: u64) {
        self.entry.set_fingerprint(column, value);
    }

    /// Sets bytes.
    pub fn set_bytes(&mut self, column: Bytes, value: &[u8]) {
        self.entry.set_bytes(column, value);
    }

    /// Sets a list of texts; an empty list is a null.
    pub fn set_list<'a>(&mut self, column: TextList, texts: impl IntoIterator<Item = &'a str>) {
        self.entry.set_list(column, texts);
    }

    /// Takes a column out, so that it is null.
    pub fn remove(&mut self, id: u8) {
        self.entry.remove(id);
    }

    /// The text that was set.
    pub fn text(&self, column: Text) -> Option<&str> {
        self.entry.text(column)
    }

    /// The integer that was set.
    pub fn integer(&self, column: Integer) -> Option<i64> {
        self.entry.integer(column)
    }

    /// The time that was set, in microseconds since 1970 UTC.
    pub fn time(&self, column: Time) -> Option<i64> {
        self.entry.time(column).map(Timestamp::unix_micros)
    }

    /// The canonical bytes of a column's value.
    pub fn value(&self, id: u8) -> Option<&[u8]> {
        self.entry.value(id)
    }

    /// The entry behind it, for whoever redacts.
    pub(super) fn entry(&mut self) -> &mut Entry {
        &mut self.entry
    }
}

fn bit(column: Text) -> u128 {
    1_u128.checked_shl(u32::from(column.id())).unwrap_or(0)
}

/// Columns that can be read: of a draft, of what is to be appended, or of a row.
pub trait ReadColumns {
    /// A text.
    fn text(&self, column: Text) -> Option<&str>;
    /// An integer.
    fn integer(&self, column: Integer) -> Option<i64>;
    /// A time, in microseconds since 1970 UTC.
    fn time(&self, column: Time) -> Option<i64>;
    /// The canonical bytes of a value.
    fn value(&self, id: u8) -> Option<&[u8]>;
}

/// Reads by the type's own methods of these names; the second is how its times become microseconds.
macro_rules! read_columns {
    ($($type:ty: $micros:expr),*) => {$(
        impl ReadColumns for $type {
            fn text(&self, column: Text) -> Option<&str> {
                self.text(column)
            }

            fn integer(&self, column: Integer) -> Option<i64> {
                self.integer(column)
            }

            fn time(&self, column: Time) -> Option<i64> {
                self.time(column).map($micros)
            }

            fn value(&self, id: u8) -> Option<&[u8]> {
                self.value(id)
            }
        }
    )*};
}

read_columns!(Columns: identity, Row<'_>: Timestamp::unix_micros, super::Redacted: identity);
