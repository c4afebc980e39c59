//! An entry before it has a position, and the group of entries that is appended as one.

use std::fmt;

use proof::inputs::Input;
use proof::part;
use serde_json::Value;

use crate::column::{Column, Part, Table, handle};
use crate::error::AppendError;
use crate::limits;
use crate::rows::{decode_integer, decode_text};

/// Flag of a leaf: the entry was recorded with a content part.
pub const FLAG_CONTENT: u32 = 1;

/// Stands for "no content part" in place of its length.
pub(crate) const NO_CONTENT: u32 = u32::MAX;

/// Columns with their values, in any order. Reuse one with [`Entry::clear`] where many are built.
#[derive(Clone, Default)]
pub struct Entry {
    slots: Vec<Slot>,
    values: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    id: u16,
    start: u32,
    len: u32,
}

// What people typed stands in entries: debug output tells sizes only, so that a log line never repeats it.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("columns", &self.slots.len())
            .field("bytes", &self.values.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Group");
        debug.field("ledger", &self.table.ledger).field("entries", &self.ends.len()).field("bytes", &self.bytes.len());
        debug.field("inputs", &self.inputs.len()).finish_non_exhaustive()
    }
}

impl Entry {
    /// An entry without columns.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes every column out and keeps the memory.
    pub fn clear(&mut self) {
        self.slots.clear();
        self.values.clear();
    }

    /// Whether no column is set.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Sets a text; a value that was set before is replaced.
    pub fn set_text(&mut self, column: handle::Text, value: &str) {
        self.put(column.id(), value.as_bytes());
    }

    /// Sets a text unless it is empty or absent: sources write an empty string where they have nothing to say.
    pub fn set_text_if(&mut self, column: handle::Text, value: Option<&str>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.set_text(column, value);
        }
    }

    /// Sets an integer.
    pub fn set_integer(&mut self, column: handle::Integer, value: i64) {
        self.put(column.id(), &value.to_be_bytes());
    }

    /// Sets a time in microseconds since 1970 UTC.
    pub fn set_time(&mut self, column: handle::Time, micros: i64) {
        self.put(column.id(), &micros.to_be_bytes());
    }

    /// Sets a fingerprint.
    pub fn set_fingerprint(&mut self, column: handle::Fingerprint, value: u64) {
        self.put(column.id(), &value.to_be_bytes());
    }

    /// Sets bytes.
    pub fn set_bytes(&mut self, column: handle::Bytes, value: &[u8]) {
        self.put(column.id(), value);
    }

    /// Sets a list of texts; an empty list is a null.
    pub fn set_list<'a>(&mut self, column: handle::TextList, texts: impl IntoIterator<Item = &'a str>) {
        let mut value = Vec::new();
        for text in texts {
            part::write_list_element(&mut value, text.as_bytes());
        }
        if value.is_empty() {
            self.remove(column.id());
        } else {
            self.put(column.id(), &value);
        }
    }

    /// Takes a column out, so that it is null.
    pub fn remove(&mut self, id: u16) {
        self.slots.retain(|slot| slot.id != id);
    }

    /// The text that was set.
    pub fn text(&self, column: handle::Text) -> Option<&str> {
        self.value(column.id()).and_then(decode_text)
    }

    /// The integer that was set.
    pub fn integer(&self, column: handle::Integer) -> Option<i64> {
        self.value(column.id()).and_then(decode_integer)
    }

    /// The time that was set, in microseconds since 1970 UTC.
    pub fn time(&self, column: handle::Time) -> Option<i64> {
        self.value(column.id()).and_then(decode_integer)
    }

    /// The canonical bytes of a column's value.
    pub fn value(&self, id: u16) -> Option<&[u8]> {
        let slot = self.slots.iter().find(|slot| slot.id == id)?;
        self.values.get(slot.start as usize..slot.start as usize + slot.len as usize)
    }

    fn put(&mut self, id: u16, value: &[u8]) {
        self.remove(id);
        self.slots.push(Slot { id, start: self.values.len() as u32, len: value.len() as u32 });
        self.values.extend_from_slice(value);
    }

    /// Sets a column to a JSON value, for whoever writes events as JSON by hand: examples of rules, tests. Else says what the
    /// column holds. Integers, times and fingerprints are whole numbers.
    pub fn set_json(&mut self, column: &Column, value: &Value) -> Result<(), &'static str> {
        const NUMBER: &str = "a whole number";
        if let Some(handle) = column.as_text() {
            self.set_text(handle, value.as_str().ok_or("a text")?);
        } else if let Some(handle) = column.as_text_list() {
            let texts = value.as_array().and_then(|list| list.iter().map(Value::as_str).collect::<Option<Vec<_>>>());
            self.set_list(handle, texts.ok_or("a list of texts")?);
        } else if let Some(handle) = column.as_fingerprint() {
            let number = value.as_u64().or_else(|| value.as_i64().map(|number| number as u64));
            self.set_fingerprint(handle, number.ok_or(NUMBER)?);
        } else if let Some(handle) = column.as_integer() {
            self.set_integer(handle, value.as_i64().ok_or(NUMBER)?);
        } else if let Some(handle) = column.as_time() {
            self.set_time(handle, value.as_i64().ok_or(NUMBER)?);
        } else {
            return Err("bytes, which JSON cannot write");
        }
        Ok(())
    }

    /// Appends the canonical form of a part. A column that the table does not list is left out.
    pub(crate) fn write_part(&mut self, table: &Table, part: Part, out: &mut Vec<u8>) {
        self.slots.sort_unstable_by_key(|slot| slot.id);
        for slot in &self.slots {
            if table.by_id(slot.id).is_some_and(|column| column.part == part) {
                part::write_column(out, slot.id, &self.values[slot.start as usize..][..slot.len as usize]);
            }
        }
    }

    /// Bytes of values that are held, those replaced included.
    fn len(&self) -> usize {
        self.values.len()
    }
}

/// Entries and source positions that become durable in one commit, or not at all.
///
/// The group holds the entries in the form in which the WAL stores them, so that encoding happens on the thread of the
/// source and the writer copies once.
#[derive(Clone)]
pub struct Group {
    table: &'static Table,
    pub(crate) bytes: Vec<u8>,
    pub(crate) ends: Vec<u32>,
    pub(crate) inputs: Vec<Input>,
}

impl Group {
    /// An empty group for the ledger that `table` describes.
    pub fn new(table: &'static Table) -> Self {
        Self { table, bytes: Vec::new(), ends: Vec::new(), inputs: Vec::new() }
    }

    /// Adds an entry after those that are there.
    ///
    /// A column that the table does not list is a defect of the caller and is left out.
    pub fn push(&mut self, entry: &mut Entry) -> Result<(), AppendError> {
        if entry.len() > limits::ENTRY_BYTES_MAX
            || entry.slots.iter().any(|slot| slot.len as usize > limits::VALUE_BYTES_MAX)
        {
            return Err(AppendError::EntryTooLarge { bytes: entry.len() });
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 8]);
        entry.write_part(self.table, Part::Facts, &mut self.bytes);
        let facts_len = (self.bytes.len() - start - 8) as u32;
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        entry.write_part(self.table, Part::Content, &mut self.bytes);
        let content_len = (self.bytes.len() - at - 4) as u32;
        let (flags, content_len) = if content_len == 0 { (0, NO_CONTENT) } else { (FLAG_CONTENT, content_len) };
        self.bytes[start..start + 4].copy_from_slice(&flags.to_be_bytes());
        self.bytes[start + 4..start + 8].copy_from_slice(&facts_len.to_be_bytes());
        self.bytes[at..at + 4].copy_from_slice(&content_len.to_be_bytes());
        self.ends.push(self.bytes.len() as u32);
        Ok(())
    }

    /// Sets the position of a source after the records in this group; the last value for a key counts.
    pub fn input(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        let input = Input { key: key.into(), value: value.into() };
        self.inputs.retain(|other| other.key != input.key);
        self.inputs.push(input);
    }

    /// Number of entries.
    pub fn entries(&self) -> usize {
        self.ends.len()
    }

    /// Size in bytes, roughly as the WAL stores it.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.inputs.iter().map(|input| input.key.len() + input.value.len() + 16).sum::<usize>()
    }

    /// Whether there is neither an entry nor an input.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty() && self.inputs.is_empty()
    }

    /// Whether the group should be appended before another entry is added.
    pub fn is_full(&self) -> bool {
        self.entries() >= limits::GROUP_ENTRIES_MAX || self.bytes.len() >= limits::GROUP_BYTES_MAX
    }

    /// The ledger that the group is for.
    pub fn table(&self) -> &'static Table {
        self.table
    }
}
