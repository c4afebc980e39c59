//! An entry before it has a position, and the group of entries that is appended as one.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use proof::Digest;
use proof::inputs::Input;
use proof::leaf::{self, CONTENT_DOMAIN, FACTS_DOMAIN};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_128_with_seed;

use crate::block::{Block, BlockBuilder};
use crate::column::{Column, Part, Table, handle};
use crate::error::AppendError;
#[cfg(test)]
use crate::fixtures::mistakes::{self, Mistake};
use crate::limits::{self, COLUMN_ID_LIMIT};
use crate::part;
use crate::rows::{decode_integer, decode_text};
use crate::timestamp::Timestamp;

/// Columns with their values, in any order. Reuse one with [`Entry::clear`] where many are built.
#[derive(Clone)]
pub struct Entry {
    /// A bit for each column that is set.
    set: u128,
    /// Where the slot of each column that is set stands.
    places: [u8; COLUMN_ID_LIMIT as usize],
    slots: Vec<Slot>,
    values: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    start: u32,
    len: u32,
}

impl Default for Entry {
    fn default() -> Self {
        Self { set: 0, places: [0; COLUMN_ID_LIMIT as usize], slots: Vec::new(), values: Vec::new() }
    }
}

// What people typed stands in entries: debug output tells sizes only, so that a log line never repeats it.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("columns", &self.set.count_ones())
            .field("bytes", &self.values.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Group");
        debug.field("ledger", &self.table.ledger).field("entries", &self.entries()).field("bytes", &self.part_bytes);
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
        self.set = 0;
        self.slots.clear();
        self.values.clear();
    }

    /// Whether no column is set.
    pub fn is_empty(&self) -> bool {
        self.set == 0
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

    /// Sets a time.
    pub fn set_time(&mut self, column: handle::Time, time: Timestamp) {
        self.put(column.id(), &time.unix_micros().to_be_bytes());
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
    pub fn remove(&mut self, id: u8) {
        self.set &= !bit(id);
    }

    /// The text that was set.
    pub fn text(&self, column: handle::Text) -> Option<&str> {
        self.value(column.id()).and_then(decode_text)
    }

    /// The integer that was set.
    pub fn integer(&self, column: handle::Integer) -> Option<i64> {
        self.value(column.id()).and_then(decode_integer)
    }

    /// The time that was set.
    pub fn time(&self, column: handle::Time) -> Option<Timestamp> {
        self.value(column.id()).and_then(decode_integer).map(Timestamp::from_unix_micros)
    }

    /// The canonical bytes of a column's value.
    pub fn value(&self, id: u8) -> Option<&[u8]> {
        if self.set & bit(id) == 0 {
            return None;
        }
        let slot = self.slots.get(usize::from(*self.places.get(usize::from(id))?))?;
        self.values.get(slot.start as usize..slot.start as usize + slot.len as usize)
    }

    /// The columns that are set, with the canonical bytes of their values, in ascending order of id.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (u8, &[u8])> {
        let mut left = self.set;
        std::iter::from_fn(move || {
            let id = (left != 0).then(|| left.trailing_zeros() as u8)?;
            left &= left - 1;
            Some((id, self.value(id).unwrap_or_default()))
        })
    }

    fn put(&mut self, id: u8, value: &[u8]) {
        let Some(place) = self.places.get_mut(usize::from(id)) else { return };
        let slot = Slot { start: self.values.len() as u32, len: value.len() as u32 };
        self.values.extend_from_slice(value);
        if self.set & bit(id) != 0
            && let Some(old) = self.slots.get_mut(usize::from(*place))
        {
            *old = slot;
            return;
        }
        if self.slots.len() >= usize::from(u8::MAX) {
            // Columns that were taken out and set again and again: what is left of them goes.
            return self.put_anew(id, value);
        }
        *place = self.slots.len() as u8;
        self.slots.push(slot);
        self.set |= bit(id);
    }

    /// Keeps the columns that are set, and sets one more.
    fn put_anew(&mut self, id: u8, value: &[u8]) {
        let mut anew = Self::new();
        for (other, value) in self.columns().filter(|(other, _)| *other != id) {
            anew.put(other, value);
        }
        anew.put(id, value);
        *self = anew;
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
            self.set_time(handle, value.as_i64().map(Timestamp::from_unix_micros).ok_or(NUMBER)?);
        } else {
            return Err("bytes, which JSON cannot write");
        }
        Ok(())
    }

    /// Bytes of values that are held, those replaced included.
    fn len(&self) -> usize {
        self.values.len()
    }
}

/// The bit of a column.
fn bit(id: u8) -> u128 {
    1_u128.checked_shl(u32::from(id)).unwrap_or(0)
}

/// Entries and source positions that become durable in one commit, or not at all.
///
/// The group holds the entries in the form in which they are kept and hashed, so that this work is done on the thread of the source.
#[derive(Clone)]
pub struct Group {
    table: &'static Table,
    /// In a place of its own: groups are handed back and forth.
    encoding: Box<Encoding>,
    /// Canonical bytes of all parts.
    part_bytes: usize,
    pub(crate) inputs: Vec<Input>,
}

/// What became of the entries so far.
#[derive(Clone)]
struct Encoding {
    rows: BlockBuilder,
    digests: Vec<PartDigests>,
    checks: Checks,
    /// Room for the parts of an entry.
    facts: Vec<u8>,
    content: Vec<u8>,
}

/// The digests of the parts of one entry: what the leaf commits to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PartDigests {
    pub(crate) facts: Digest,
    pub(crate) content: Option<Digest>,
}

impl PartDigests {
    /// The digests of canonical parts; an empty content part is none.
    pub(crate) fn of(facts: &[u8], content: &[u8]) -> Self {
        let content_domain = CONTENT_DOMAIN;
        #[cfg(test)]
        let content_domain = if mistakes::is_made(Mistake::ContentAsFacts) { FACTS_DOMAIN } else { content_domain };
        let content = (!content.is_empty()).then(|| leaf::digest(content_domain, content));
        Self { facts: leaf::digest(FACTS_DOMAIN, facts), content }
    }
}

/// Keyed hashes of the parts of some rows, with which a sealer compares what it reads back. The key is another one for each group, so that
/// nobody can choose parts that are mistaken for each other.
#[derive(Debug, Clone)]
pub(crate) struct Checks {
    key: u64,
    pub(crate) rows: Vec<u128>,
}

impl Checks {
    pub(crate) fn new() -> Self {
        Self { key: RandomState::new().hash_one(0), rows: Vec::new() }
    }

    /// The hash of the canonical parts of a row; an empty content part is none.
    pub(crate) fn of(&self, facts: &[u8], content: &[u8]) -> u128 {
        let facts = xxh3_128_with_seed(facts, self.key);
        if content.is_empty() { facts } else { facts ^ xxh3_128_with_seed(content, !self.key).rotate_left(1) }
    }

    pub(crate) fn push(&mut self, facts: &[u8], content: &[u8]) {
        self.rows.push(self.of(facts, content));
    }
}

/// A group that takes no more entries, in the form in which the writer records it.
#[derive(Debug)]
pub(crate) struct EncodedGroup {
    /// `None` for a group without entries.
    pub(crate) block: Option<Arc<Block>>,
    /// The bytes of the block in the WAL.
    pub(crate) bytes: Vec<u8>,
    pub(crate) digests: Vec<PartDigests>,
    pub(crate) checks: Arc<Checks>,
    pub(crate) inputs: Vec<Input>,
}

impl EncodedGroup {
    pub(crate) fn entries(&self) -> usize {
        self.digests.len()
    }
}

impl Group {
    /// An empty group for the ledger that `table` describes.
    pub fn new(table: &'static Table) -> Self {
        let encoding = Encoding {
            rows: BlockBuilder::new(table),
            digests: Vec::new(),
            checks: Checks::new(),
            facts: Vec::new(),
            content: Vec::new(),
        };
        Self { table, encoding: Box::new(encoding), part_bytes: 0, inputs: Vec::new() }
    }

    /// Adds an entry after those that are there.
    ///
    /// A column that the table does not list is a defect of the caller and is left out.
    pub fn push(&mut self, entry: &Entry) -> Result<(), AppendError> {
        let has_long_value = || entry.columns().any(|(_, value)| value.len() > limits::VALUE_BYTES_MAX);
        if entry.len() > limits::ENTRY_BYTES_MAX || (entry.len() > limits::VALUE_BYTES_MAX && has_long_value()) {
            return Err(AppendError::EntryTooLarge { bytes: entry.len() });
        }
        let Encoding { rows, digests, checks, facts, content } = &mut *self.encoding;
        facts.clear();
        content.clear();
        for (id, value) in entry.columns() {
            let Some(column) = self.table.by_id(id) else { continue };
            let part = match column.part {
                Part::Facts => &mut *facts,
                Part::Content => &mut *content,
            };
            crate::part::write_column(part, id, value);
            rows.set(column, value);
        }
        rows.end_row();
        digests.push(PartDigests::of(facts, content));
        checks.push(facts, content);
        self.part_bytes += facts.len() + content.len();
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
        self.encoding.digests.len()
    }

    /// Size in bytes before compression, roughly.
    pub fn size(&self) -> usize {
        self.part_bytes + self.inputs.iter().map(|input| input.key.len() + input.value.len() + 16).sum::<usize>()
    }

    /// Bytes of the parts of all entries.
    pub(crate) fn part_bytes(&self) -> usize {
        self.part_bytes
    }

    /// Whether there is neither an entry nor an input.
    pub fn is_empty(&self) -> bool {
        self.entries() == 0 && self.inputs.is_empty()
    }

    /// Whether the group should be appended before another entry is added.
    pub fn is_full(&self) -> bool {
        self.entries() >= limits::GROUP_ENTRIES_MAX || self.part_bytes >= limits::GROUP_BYTES_MAX
    }

    /// The ledger that the group is for.
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// Compresses and encodes what was added.
    pub(crate) fn encode(self) -> EncodedGroup {
        let Encoding { rows, digests, checks, .. } = *self.encoding;
        let (mut block, mut bytes) = (None, Vec::new());
        if !digests.is_empty() {
            let finished = rows.finish();
            finished.encode(&mut bytes);
            block = Some(Arc::new(finished));
        }
        EncodedGroup { block, bytes, digests, checks: Arc::new(checks), inputs: self.inputs }
    }
}
