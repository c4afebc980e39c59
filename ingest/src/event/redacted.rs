//! An event that is complete and redacted. The pipeline still adds words of its own; nobody adds a sender's text.

use ledger::column::handle::{Integer, Text, TextList, Time};
use ledger::events::{TABLE, column};
use ledger::{Entry, Position, Timestamp};

use super::Draft;

/// The kind of an event that adds to an earlier record of the same model call.
const ADDITION: &str = "model.call.more";

/// The columns of tokens and money.
const SPENT: [u8; 8] = [
    column::TOKENS_IN.id(),
    column::TOKENS_OUT.id(),
    column::TOKENS_CACHE_READ.id(),
    column::TOKENS_CACHE_WRITE.id(),
    column::TOKENS_REASONING.id(),
    column::COST_SOURCE_MICROS.id(),
    column::COST_MICROS.id(),
    column::PRICE_VERSION.id(),
];

/// What redaction makes of a draft, and the only thing that a [`super::Batch`] takes. Reuse one where many are made.
#[derive(Debug, Default)]
pub struct Redacted {
    entry: Entry,
    adds: bool,
    unknown_keys: u32,
}

impl Redacted {
    /// Takes the columns of a draft, all of which were redacted, and gives it its own memory.
    pub(super) fn fill(&mut self, draft: &mut Draft) {
        std::mem::swap(&mut self.entry, draft.columns.entry());
        draft.columns.clear();
        (self.adds, self.unknown_keys) = (draft.adds, draft.unknown_keys);
    }

    /// The entry that is to be appended.
    pub(super) fn entry(&mut self) -> &mut Entry {
        &mut self.entry
    }

    /// Whether it says who acted, or where, and an earlier record of the same model call did not.
    pub fn adds(&self) -> bool {
        self.adds
    }

    /// Keys of its record that the dialect did not understand.
    pub fn unknown_keys(&self) -> u32 {
        self.unknown_keys
    }

    /// A text.
    pub fn text(&self, column: Text) -> Option<&str> {
        self.entry.text(column)
    }

    /// An integer.
    pub fn integer(&self, column: Integer) -> Option<i64> {
        self.entry.integer(column)
    }

    /// A time, in microseconds since 1970 UTC.
    pub fn time(&self, column: Time) -> Option<i64> {
        self.entry.time(column).map(Timestamp::unix_micros)
    }

    /// The canonical bytes of a value.
    pub fn value(&self, id: u8) -> Option<&[u8]> {
        self.entry.value(id)
    }

    /// Bytes of all values.
    pub fn bytes(&self) -> usize {
        TABLE.columns.iter().filter_map(|column| self.value(column.id)).map(<[u8]>::len).sum()
    }

    /// Number of secrets that were taken out.
    pub fn redactions(&self) -> u64 {
        list(&self.entry, column::REDACTIONS).count() as u64
    }

    /// Keeps the bytes of a record beside what was made of them, unless they hold what was redacted.
    pub fn keep_bytes(&mut self, bytes: &[u8]) {
        if self.entry.value(column::REDACTIONS.id()).is_none() {
            self.entry.set_bytes(column::CONTENT_RAW, bytes);
        }
    }

    /// Adds a mark to those that it has.
    pub fn mark(&mut self, word: &'static str) {
        let marks: Vec<String> = texts(&self.entry, column::MARKS).map(str::to_owned).collect();
        self.entry.set_list(column::MARKS, marks.iter().map(String::as_str).chain([word]));
    }

    /// Names the event that it speaks of.
    pub fn refer_to(&mut self, position: &Position) {
        self.entry.set_text(column::REFERS_TO, &position.to_string());
    }

    /// The natural id of what it adds to the earlier event.
    pub fn addition_id(&self) -> String {
        [self.entry.text(column::SOURCE_ID).unwrap_or_default(), "more"].join("/")
    }

    /// Makes it an event of its own that adds to the earlier one, which told what was spent.
    pub fn become_addition(&mut self) {
        let id = self.addition_id();
        for spent in SPENT {
            self.entry.remove(spent);
        }
        self.entry.set_text(column::SOURCE_ID, &id);
        self.entry.set_text(column::KIND, ADDITION);
    }

    /// Takes the columns that hold a record, and what was cut out of it, from another event of it.
    pub fn take_record(&mut self, from: &Self) {
        let (from, to) = (&from.entry, &mut self.entry);
        to.set_text_if(column::RECORD, from.text(column::RECORD));
        to.set_text_if(column::CONTENT, from.text(column::CONTENT));
        for column in [column::CUTS, column::CONTENT_HASH, column::CONTENT_RAW] {
            if let Some(value) = from.value(column.id()) {
                to.set_bytes(column, value);
            }
        }
        if let Some(len) = from.integer(column::CONTENT_LEN) {
            to.set_integer(column::CONTENT_LEN, len);
        }
        to.set_list(column::REDACTIONS, texts(from, column::REDACTIONS));
    }
}

/// The texts of a list column, as bytes.
fn list(entry: &Entry, column: TextList) -> impl Iterator<Item = &[u8]> {
    let mut rest = entry.value(column.id()).unwrap_or_default();
    std::iter::from_fn(move || {
        let (len, after) = rest.split_first_chunk::<4>()?;
        let (text, after) = after.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        rest = after;
        Some(text)
    })
}

fn texts(entry: &Entry, column: TextList) -> impl Iterator<Item = &str> {
    list(entry, column).filter_map(|text| std::str::from_utf8(text).ok())
}
