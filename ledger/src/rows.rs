//! Recorded entries as the reader, the follower and the sealer hand them out: blocks of rows over shared bytes.

use proof::part;

use crate::column::{Part, Table, handle};
use crate::entry::{Entry, FLAG_CONTENT};
use crate::limits::COLUMN_ID_LIMIT;
use crate::position::{LedgerName, Position};

/// One recorded entry. Values are slices of the canonical bytes, found by column id in constant time.
#[derive(Clone)]
pub struct Row<'a> {
    /// Where the row stands.
    pub position: Position,
    /// Number of the batch that contains it.
    pub batch: u64,
    /// When it was recorded: microseconds since 1970 UTC, one value per commit, never decreasing.
    pub recorded: i64,
    /// The leaf's flags.
    pub flags: u32,
    /// Canonical bytes of the facts part.
    pub facts: &'a [u8],
    /// Canonical bytes of the content part, `None` if there was none or it was not asked for.
    pub content: Option<&'a [u8]>,
    /// Both parts, one behind the other.
    bytes: &'a [u8],
    /// Where the value of each column begins in `bytes`, its length standing before it; zero if it is null. A row is copied
    /// often, and this is a quarter of what slices would take.
    starts: [u32; COLUMN_ID_LIMIT as usize],
}

impl<'a> Row<'a> {
    /// The canonical bytes of a column, `None` if it is null.
    pub fn value(&self, id: u16) -> Option<&'a [u8]> {
        let start = self.starts.get(usize::from(id)).copied().filter(|start| *start > 0)? as usize;
        let (before, rest) = self.bytes.split_at_checked(start)?;
        rest.get(..u32::from_be_bytes(*before.last_chunk()?) as usize)
    }

    /// Whether a column has a value.
    pub fn has(&self, id: u16) -> bool {
        self.starts.get(usize::from(id)).is_some_and(|start| *start > 0)
    }

    /// A text column.
    pub fn text(&self, column: handle::Text) -> Option<&'a str> {
        self.value(column.id()).and_then(decode_text)
    }

    /// An integer column.
    pub fn integer(&self, column: handle::Integer) -> Option<i64> {
        self.value(column.id()).and_then(decode_integer)
    }

    /// A time column in microseconds since 1970 UTC.
    pub fn time(&self, column: handle::Time) -> Option<i64> {
        self.value(column.id()).and_then(decode_integer)
    }

    /// A fingerprint column.
    pub fn fingerprint(&self, column: handle::Fingerprint) -> Option<u64> {
        self.value(column.id()).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes)
    }

    /// A bytes column.
    pub fn bytes(&self, column: handle::Bytes) -> Option<&'a [u8]> {
        self.value(column.id())
    }

    /// The texts of a list column; empty if it is null.
    pub fn list(&self, column: handle::TextList) -> impl Iterator<Item = &'a str> + use<'a> {
        part::list_elements(self.value(column.id()).unwrap_or(&[])).filter_map(|element| element.and_then(decode_text))
    }
}

/// Reads canonical text.
pub(crate) fn decode_text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// Reads a canonical integer.
pub(crate) fn decode_integer(bytes: &[u8]) -> Option<i64> {
    bytes.try_into().ok().map(i64::from_be_bytes)
}

/// A block of rows in ascending order of position, over one buffer.
#[derive(Debug, Clone)]
pub struct Rows {
    ledger: LedgerName,
    shard: u32,
    bytes: Vec<u8>,
    index: Vec<RowIndex>,
    /// Everything that was recorded before this moment stands in this block or in one before it: microseconds since
    /// 1970 UTC. It moves with heartbeats, so a follower learns that time passed although nothing happened.
    pub recorded_until: i64,
    /// Every batch of the ledger below this number is closed and stands whole in this block and those before it. It moves
    /// when a batch closes, so a follower learns where a batch ends although nothing follows.
    pub batches_until: u64,
    /// The position after the last row of the block, or the one that the block was read from if it is empty.
    pub next_seq: u64,
}

/// One recorded entry as the bytes that were hashed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowParts<'a> {
    pub(crate) seq: u64,
    pub(crate) batch: u64,
    pub(crate) recorded: i64,
    pub(crate) flags: u32,
    pub(crate) facts: &'a [u8],
    pub(crate) content: Option<&'a [u8]>,
}

/// Where a row lies in the buffer of its block.
#[derive(Debug, Clone, Copy)]
struct RowIndex {
    seq: u64,
    batch: u64,
    recorded: i64,
    flags: u32,
    start: usize,
    facts_len: usize,
    content_len: Option<usize>,
}

impl Rows {
    /// An empty block that starts at `next_seq`.
    pub fn new(ledger: LedgerName, shard: u32, next_seq: u64) -> Self {
        Self { ledger, shard, bytes: Vec::new(), index: Vec::new(), recorded_until: 0, batches_until: 0, next_seq }
    }

    /// Appends a row; `seq` is the block's `next_seq`.
    pub fn push(&mut self, seq: u64, batch: u64, recorded: i64, flags: u32, facts: &[u8], content: Option<&[u8]>) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(facts);
        self.bytes.extend_from_slice(content.unwrap_or(&[]));
        let (facts_len, content_len) = (facts.len(), content.map(<[u8]>::len));
        self.index.push(RowIndex { seq, batch, recorded, flags, start, facts_len, content_len });
        self.next_seq = seq + 1;
        self.recorded_until = self.recorded_until.max(recorded);
        self.batches_until = self.batches_until.max(batch);
    }

    /// Appends an entry as if it had been recorded, for whoever needs rows without a ledger: examples of rules, measurements.
    pub fn push_entry(&mut self, batch: u64, recorded: i64, entry: &mut Entry) {
        let (mut facts, mut content, table) = (Vec::new(), Vec::new(), Table::of(self.ledger));
        entry.write_part(table, Part::Facts, &mut facts);
        entry.write_part(table, Part::Content, &mut content);
        let (flags, content) = if content.is_empty() { (0, None) } else { (FLAG_CONTENT, Some(&*content)) };
        self.push(self.next_seq, batch, recorded, flags, &facts, content);
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether the block has no rows.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Bytes of the rows' parts.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// Row number `at` of the block.
    pub fn get(&self, at: usize) -> Option<Row<'_>> {
        self.index.get(at).map(|index| self.row(index))
    }

    /// The rows in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        self.index.iter().map(|index| self.row(index))
    }

    /// The rows in order as the bytes that were hashed, without looking into them.
    pub(crate) fn parts(&self) -> impl ExactSizeIterator<Item = RowParts<'_>> {
        self.index.iter().map(|index| {
            let facts_end = index.start + index.facts_len;
            RowParts {
                seq: index.seq,
                batch: index.batch,
                recorded: index.recorded,
                flags: index.flags,
                facts: &self.bytes[index.start..facts_end],
                content: index.content_len.map(|len| &self.bytes[facts_end..facts_end + len]),
            }
        })
    }

    fn row(&self, index: &RowIndex) -> Row<'_> {
        let facts_end = index.start + index.facts_len;
        let bytes = &self.bytes[index.start..facts_end + index.content_len.unwrap_or(0)];
        let (facts, after) = bytes.split_at(index.facts_len);
        let content = index.content_len.map(|_| after);
        let mut starts = [0; COLUMN_ID_LIMIT as usize];
        note_starts(facts, 0, &mut starts);
        note_starts(after, index.facts_len, &mut starts);
        Row {
            position: Position { ledger: self.ledger, shard: self.shard, seq: index.seq },
            batch: index.batch,
            recorded: index.recorded,
            flags: index.flags,
            facts,
            content,
            bytes,
            starts,
        }
    }
}

/// Notes where the values of a part begin that itself begins at `offset`.
fn note_starts(part: &[u8], offset: usize, starts: &mut [u32; COLUMN_ID_LIMIT as usize]) {
    let mut at = offset;
    for (id, value) in part::columns(part).flatten() {
        let start = at + part::COLUMN_HEADER_LEN;
        if let Some(slot) = starts.get_mut(usize::from(id)) {
            *slot = start as u32;
        }
        at = start + value.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::{self, column};
    use crate::{Entry, Group};

    #[test]
    fn what_is_set_is_read_and_the_parts_are_apart() {
        let mut entry = Entry::new();
        entry.set_text(column::HOST, "old.example");
        entry.set_text(column::COMMAND, "rm -rf /");
        entry.set_integer(column::STATUS, -403);
        entry.set_text(column::HOST, "new.example");
        entry.set_list(column::REDACTIONS, ["a", "b"]);
        entry.set_text_if(column::RULE, Some(""));
        let mut group = Group::new(&events::TABLE);
        group.push(&mut entry).expect("small");
        let facts_len = u32::from_be_bytes(group.bytes[4..8].try_into().expect("4 bytes")) as usize;
        let (facts, content) = (&group.bytes[8..8 + facts_len], &group.bytes[12 + facts_len..]);
        let mut rows = Rows::new(LedgerName::Events, 0, 5);
        rows.push(5, 1, 77, 1, facts, Some(content));
        let row = rows.get(0).expect("one row");
        assert_eq!(row.position.to_string(), "events/0/5");
        assert_eq!(row.text(column::HOST), Some("new.example"));
        assert_eq!(row.integer(column::STATUS), Some(-403));
        assert_eq!(row.list(column::REDACTIONS).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(row.text(column::COMMAND), Some("rm -rf /"));
        assert_eq!(row.text(column::RULE), None);
        assert!(!facts.windows(2).any(|w| w == b"rm"), "content does not lie in the facts");
        assert_eq!((rows.next_seq, rows.recorded_until), (6, 77));
    }
}
