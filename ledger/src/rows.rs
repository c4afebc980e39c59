//! Recorded entries as the reader and the follower hand them out: rows of blocks that others share, with their positions.

use std::sync::Arc;

use proof::Digest;
use proof::leaf::Leaf;

use crate::batch::{Secrets, row_leaf};
use crate::block::{Block, BlockBuilder, Pages};
use crate::column::{Part, Table, handle};
use crate::entry::{Entry, PartDigests};
use crate::part;
use crate::position::{LedgerName, Position};
use crate::seq::Seq;
use crate::timestamp::Timestamp;

/// One recorded entry.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    /// Where the row stands.
    pub position: Position,
    /// Number of the batch that contains it.
    pub batch: u64,
    /// When it was recorded: one moment per commit, never decreasing.
    pub recorded: Timestamp,
    /// The leaf's flags.
    pub flags: u32,
    block: &'a Block,
    pages: &'a Pages,
    /// The row of the block.
    at: usize,
    /// Whether its content was asked for.
    content: bool,
    /// What its leaf is salted with, if leaves were asked for.
    secrets: Option<&'a Secrets>,
}

impl<'a> Row<'a> {
    /// The hash of its leaf in the tree of its batch (FORMAT.md, section 3); `None` if the rows were not read for leaves
    /// ([`crate::Reader::with_leaves`]). It is known as soon as the row is durable, and never changes.
    pub fn leaf(&self) -> Option<Digest> {
        self.secrets.map(|secrets| self.leaf_salted(secrets).hash())
    }

    /// Its leaf, of which the block must hold both parts.
    pub(crate) fn leaf_salted(&self, secrets: &Secrets) -> Leaf {
        let Position { shard, seq, .. } = self.position;
        let (mut facts, mut content) = (Vec::new(), Vec::new());
        self.block.write_part(Part::Facts, self.at, self.pages, &mut facts);
        self.block.write_part(Part::Content, self.at, self.pages, &mut content);
        row_leaf(shard, secrets, seq.get(), self.recorded.unix_micros(), &PartDigests::of(&facts, &content))
    }

    /// The canonical bytes of a column, `None` if it is null.
    #[inline]
    pub fn value(&self, id: u8) -> Option<&'a [u8]> {
        let held = self.block.column(id).filter(|held| self.content || held.column.part == Part::Facts)?;
        held.value(self.at, self.pages)
    }

    /// Whether a column has a value.
    #[inline]
    pub fn has(&self, id: u8) -> bool {
        let held = self.block.column(id).filter(|held| self.content || held.column.part == Part::Facts);
        held.is_some_and(|held| held.has(self.at))
    }

    /// The canonical bytes of a part, as they were hashed; empty if there is none or it was not asked for.
    pub fn part(&self, part: Part) -> Vec<u8> {
        let mut bytes = Vec::new();
        if self.content || part == Part::Facts {
            self.block.write_part(part, self.at, self.pages, &mut bytes);
        }
        bytes
    }

    /// Bytes of its values, roughly.
    pub fn size(&self) -> usize {
        self.block.row_bytes(self.at)
    }

    /// A text column.
    pub fn text(&self, column: handle::Text) -> Option<&'a str> {
        self.value(column.id()).and_then(decode_text)
    }

    /// An integer column.
    pub fn integer(&self, column: handle::Integer) -> Option<i64> {
        self.value(column.id()).and_then(decode_integer)
    }

    /// A time column.
    pub fn time(&self, column: handle::Time) -> Option<Timestamp> {
        self.value(column.id()).and_then(decode_integer).map(Timestamp::from_unix_micros)
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

/// Rows in ascending order of position.
#[derive(Debug, Clone)]
pub struct Rows {
    ledger: LedgerName,
    shard: u32,
    /// Whether rows show their content.
    content: bool,
    blocks: Vec<(Arc<Block>, Pages)>,
    /// A block that takes the rows of [`Rows::push_entry`]; it stands behind the others.
    open: Option<Box<(BlockBuilder, Pages)>>,
    index: Vec<RowIndex>,
    /// Of each batch that rows were read of for their leaves: its number, and what its leaves are salted with.
    secrets: Vec<(u64, Secrets)>,
    size: usize,
    /// Everything that was recorded before this moment stands in these rows or before them. It moves with heartbeats, so a follower learns that time passed although nothing happened.
    pub recorded_until: Timestamp,
    /// Every batch of the ledger below this number is closed and stands whole in these rows and those before them. It moves
    /// when a batch closes, so a follower learns where a batch ends although nothing follows.
    pub batches_until: u64,
    /// The position after the last row, or the one that was read from if there is none.
    pub next_seq: Seq,
}

/// Where a row stands, and which row of which block it is.
#[derive(Debug, Clone, Copy)]
struct RowIndex {
    seq: u64,
    batch: u64,
    recorded: i64,
    flags: u32,
    block: u32,
    row: u32,
    /// Which of the secrets are those of its batch; [`NO_SECRETS`] if none are.
    secrets: u32,
}

/// A number that no secrets have.
const NO_SECRETS: u32 = u32::MAX;

/// What the ledger knows of a row beside its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowPlace {
    pub(crate) seq: u64,
    pub(crate) batch: u64,
    pub(crate) recorded: i64,
    pub(crate) flags: u32,
}

impl Rows {
    /// No rows, from `next_seq` on.
    pub fn new(ledger: LedgerName, shard: u32, next_seq: Seq) -> Self {
        Self {
            ledger,
            shard,
            content: true,
            blocks: Vec::new(),
            open: None,
            index: Vec::new(),
            secrets: Vec::new(),
            size: 0,
            recorded_until: Timestamp::EPOCH,
            batches_until: 0,
            next_seq,
        }
    }

    /// The same without content.
    pub(crate) fn without_content(mut self) -> Self {
        self.content = false;
        self
    }

    /// Appends an entry as if it had been recorded, for whoever needs rows without a ledger: examples of rules, measurements.
    pub fn push_entry(&mut self, batch: u64, recorded: Timestamp, entry: &Entry) {
        self.make_room();
        let recorded = recorded.unix_micros();
        let Some(open) = &mut self.open else { return };
        let builder = &mut open.0;
        builder.push_entry(entry);
        let row = builder.block().len() - 1;
        let flags = builder.block().flags(row);
        self.note(RowPlace { seq: self.next_seq.get(), batch, recorded, flags }, self.blocks.len(), row);
    }

    /// Appends rows that follow these.
    pub fn append(&mut self, mut more: Self) {
        self.close();
        more.close();
        let first = self.blocks.len() as u32;
        self.blocks.append(&mut more.blocks);
        let known = self.secrets.len() as u32;
        self.secrets.append(&mut more.secrets);
        self.index.extend(more.index.iter().map(|index| RowIndex {
            block: first + index.block,
            secrets: index.secrets.saturating_add(known),
            ..*index
        }));
        self.size += more.size;
        self.next_seq = self.next_seq.max(more.next_seq);
        self.recorded_until = self.recorded_until.max(more.recorded_until);
        self.batches_until = self.batches_until.max(more.batches_until);
    }

    /// Adds a block to whose rows [`Rows::push_shared`] then refers by the number that it gets here.
    pub(crate) fn share(&mut self, block: &Arc<Block>) -> usize {
        self.close();
        self.blocks.push((Arc::clone(block), block.pages()));
        self.blocks.len() - 1
    }

    /// Says what the leaves of a batch are salted with, before rows of it are appended.
    pub(crate) fn share_secrets(&mut self, batch: u64, secrets: &Secrets) {
        if self.secrets.last().is_none_or(|(of, _)| *of != batch) {
            self.secrets.push((batch, secrets.clone()));
        }
    }

    /// Appends a row of a block that was shared.
    pub(crate) fn push_shared(&mut self, at: RowPlace, block: usize, row: usize) {
        self.note(at, block, row);
    }

    fn note(&mut self, at: RowPlace, block: usize, row: usize) {
        let RowPlace { seq, batch, recorded, flags } = at;
        let is_of_batch = self.secrets.last().is_some_and(|(of, _)| *of == batch);
        let secrets = if is_of_batch { self.secrets.len() as u32 - 1 } else { NO_SECRETS };
        self.index.push(RowIndex { seq, batch, recorded, flags, block: block as u32, row: row as u32, secrets });
        self.size += self.block(block).map_or(0, |(block, _)| block.value_bytes() / block.len().max(1));
        self.next_seq = Seq::new(seq).next();
        self.recorded_until = self.recorded_until.max(Timestamp::from_unix_micros(recorded));
        self.batches_until = self.batches_until.max(batch);
    }

    /// Makes sure that there is an open block that has room for a row.
    fn make_room(&mut self) {
        if self.open.as_ref().is_some_and(|open| open.0.is_full()) {
            self.close();
        }
        if self.open.is_none() {
            self.open = Some(Box::new((BlockBuilder::new(Table::of(self.ledger)), Pages::default())));
        }
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            let block = Arc::new(open.0.finish());
            let pages = block.pages();
            self.blocks.push((block, pages));
        }
    }

    fn block(&self, number: usize) -> Option<(&Block, &Pages)> {
        match self.blocks.get(number) {
            Some((block, pages)) => Some((block, pages)),
            None => self.open.as_ref().map(|open| (open.0.block(), &open.1)),
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Bytes of the rows' values, roughly.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Row number `at`.
    pub fn get(&self, at: usize) -> Option<Row<'_>> {
        self.index.get(at).and_then(|index| self.row(index))
    }

    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.index.iter().filter_map(|index| self.row(index))
    }

    fn row(&self, index: &RowIndex) -> Option<Row<'_>> {
        let (block, pages) = self.block(index.block as usize)?;
        Some(Row {
            position: Position { ledger: self.ledger, shard: self.shard, seq: Seq::new(index.seq) },
            batch: index.batch,
            recorded: Timestamp::from_unix_micros(index.recorded),
            flags: index.flags,
            block,
            pages,
            at: index.row as usize,
            content: self.content,
            secrets: self.secrets.get(index.secrets as usize).map(|(_, secrets)| secrets),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::column;

    #[test]
    fn what_is_set_is_read_and_the_parts_are_apart() {
        let mut entry = Entry::new();
        entry.set_text(column::HOST, "old.example");
        entry.set_text(column::COMMAND, "rm -rf /");
        entry.set_integer(column::STATUS, -403);
        entry.set_text(column::HOST, "new.example");
        entry.set_list(column::REDACTIONS, ["a", "b"]);
        entry.set_text_if(column::RULE, Some(""));
        entry.set_text(column::TEAM, "one that is taken back");
        entry.remove(column::TEAM.id());
        let mut rows = Rows::new(LedgerName::Events, 0, Seq::new(5));
        rows.push_entry(1, Timestamp::from_unix_micros(77), &entry);
        let row = rows.get(0).expect("one row");
        assert_eq!(row.position.to_string(), "events/0/5");
        assert_eq!((row.text(column::HOST), row.text(column::TEAM)), (Some("new.example"), None));
        assert_eq!(row.integer(column::STATUS), Some(-403));
        assert_eq!(row.list(column::REDACTIONS).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((row.text(column::COMMAND), row.flags), (Some("rm -rf /"), proof::leaf::FLAG_CONTENT));
        assert_eq!(row.text(column::RULE), None);
        let facts = row.part(Part::Facts);
        assert!(!facts.windows(2).any(|w| w == b"rm"), "content does not lie in the facts");
        assert_eq!((rows.next_seq, rows.recorded_until), (Seq::new(6), Timestamp::from_unix_micros(77)));
        let rows = rows.without_content();
        let row = rows.get(0).expect("one row");
        assert_eq!(
            (row.text(column::COMMAND), row.has(column::COMMAND.id()), row.part(Part::Content)),
            (None, false, Vec::new())
        );
    }
}
