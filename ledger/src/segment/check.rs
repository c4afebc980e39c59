//! Checks the rows of a segment: the sealer compares each with what was hashed before the WAL may go, and a start recomputes every batch
//! root of what no recorded manifest lists. `verify` asks the same with code of its own.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::AsArray as _;
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use proof::leaf::{self, FLAG_CONTENT, Leaf};
use proof::tree::Frontier;
use proof::{Digest, Header};

use crate::batch::Secrets;
use crate::blobs::Blobs;
use crate::column::{Part, Table};
use crate::columnar::PartEncoder;
use crate::entry::PartDigests;
use crate::error::LedgerError;
use crate::manifest::{FileKind, SegmentEntry};
use crate::part;
use crate::rows::decode_integer;
use crate::segment::entry_of;
use crate::segment::file::{RowGroupRange, SegmentFile};
use crate::tail::TailBlock;

/// What the check says while it goes.
pub(crate) trait Listener {
    /// Something is not as it was recorded: the file, the place in it, and what is wrong.
    fn fault(&mut self, file: &str, place: String, what: String);
    /// A file or row group cannot be decoded.
    fn unreadable(&mut self, file: &str, place: String, error: LedgerError);
}

/// What the columns of a segment are compared with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) table: &'static Table,
    pub(crate) shard: u32,
    /// The headers of the segment's batches, in order and without gaps.
    pub(crate) headers: &'a [Header],
    /// The secrets of the same batches.
    pub(crate) secrets: &'a [Secrets],
    /// The blocks that the rows came from: then each row is compared with the keyed hash of what its leaf commits to. Without them the
    /// leaves and the roots are computed again.
    pub(crate) blocks: Option<&'a [Arc<TailBlock>]>,
}

/// Checks the columns of a segment against the headers of its batches, one row group in memory at a time.
pub(crate) fn check_rows(
    blobs: &dyn Blobs,
    segment: &SegmentEntry,
    expected: Expected<'_>,
    listener: &mut dyn Listener,
) {
    let open = |kind: FileKind, part: Part| -> Result<SegmentFile<'_>, (String, LedgerError)> {
        let name =
            entry_of(blobs, segment, kind).map(|file| file.name.as_str()).map_err(|error| (String::new(), error))?;
        SegmentFile::open(blobs, name, expected.table, part).map_err(|error| (name.to_owned(), error))
    };
    let facts = match open(FileKind::Facts, Part::Facts) {
        Ok(file) => file,
        Err((name, error)) => return listener.unreadable(&name, "footer".to_owned(), error),
    };
    let content = match segment.file(FileKind::Content).map(|_| open(FileKind::Content, Part::Content)).transpose() {
        Ok(file) => file,
        Err((name, error)) => return listener.unreadable(&name, "footer".to_owned(), error),
    };
    let mut check =
        Check { expected, facts, content, listener, batch: Open::default(), next: 0, next_seq: segment.first_seq };
    check.strange_content();
    for row_group in 0..check.facts.ranges().len() {
        check.row_group(row_group);
    }
    check.skip_to(segment.end_seq);
    // Batches without events at the segment's end.
    check.close_full_batches();
}

/// What was collected of the batch that is being read.
#[derive(Debug, Default)]
struct Open {
    frontier: Frontier,
    time: Option<(i64, i64)>,
    recorded: Option<i64>,
    /// An event has content.
    content: bool,
    /// A fault was found already, so the root says nothing more.
    faulty: bool,
}

struct Check<'a> {
    expected: Expected<'a>,
    facts: SegmentFile<'a>,
    content: Option<SegmentFile<'a>>,
    listener: &'a mut dyn Listener,
    batch: Open,
    /// Index of the header that is being read.
    next: usize,
    next_seq: u64,
}

/// One row of a row group, at its place in order of position.
#[derive(Debug, Clone, Copy)]
struct LeafRow {
    leaf: Digest,
    recorded: i64,
    time: Option<i64>,
    content: bool,
    seen: bool,
}

/// The leaves of a row group that were computed so far.
struct Leaves {
    range: RowGroupRange,
    /// In order of position.
    rows: Vec<LeafRow>,
    found: usize,
    /// Index of the header that covered the row before.
    header: usize,
}

/// Why a row group has no leaves.
enum Refusal {
    /// The facts cannot be decoded.
    Unreadable(LedgerError),
    /// The file in which something is wrong, the place in the row group, and what it is.
    Fault(FileKind, (String, String)),
}

fn in_facts(place: String, what: String) -> Refusal {
    Refusal::Fault(FileKind::Facts, (place, what))
}

const UNSEEN: LeafRow = LeafRow { leaf: Digest::ZERO, recorded: 0, time: None, content: false, seen: false };

impl Check<'_> {
    /// Row groups of the content file that belong to no row group of the facts.
    fn strange_content(&mut self) {
        let Some(content) = &self.content else { return };
        for (number, range) in content.ranges().iter().enumerate() {
            if !self.facts.ranges().contains(range) {
                let what =
                    format!("it covers {}..{}, which is no row group of the facts", range.first_seq, range.end_seq);
                self.listener.fault(content.name(), format!("row group {number}"), what);
            }
        }
    }

    fn row_group(&mut self, number: usize) {
        let range = self.facts.ranges()[number];
        self.skip_to(range.first_seq);
        if range.first_seq < self.next_seq {
            let what = format!("it starts at {}, and {} was expected", range.first_seq, self.next_seq);
            self.listener.fault(self.facts.name(), format!("row group {number}"), what);
            return;
        }
        let mut content = None;
        if let Some(file) = &self.content
            && let Some(number) = file.ranges().iter().position(|other| *other == range)
        {
            match file.decode(number) {
                Ok(batch) => content = Some((batch, number)),
                Err(error) => {
                    self.listener.unreadable(file.name(), format!("row group {number}"), error);
                    return self.taint(range);
                }
            }
        }
        match self.leaves(number, content.as_ref().map(|(batch, _)| batch), range) {
            Ok(rows) => self.collect(&rows),
            Err(Refusal::Unreadable(error)) => {
                self.listener.unreadable(self.facts.name(), format!("row group {number}"), error);
                self.taint(range);
            }
            Err(Refusal::Fault(kind, what)) => {
                let file = match (&self.content, &content) {
                    (Some(file), Some((_, number))) if kind == FileKind::Content => (file.name(), *number),
                    _ => (self.facts.name(), number),
                };
                self.listener.fault(file.0, format!("row group {}, {}", file.1, what.0), what.1);
                self.taint(range);
            }
        }
    }

    /// The leaves of a row group in order of position.
    fn leaves(
        &self,
        number: usize,
        content: Option<&RecordBatch>,
        range: RowGroupRange,
    ) -> Result<Vec<LeafRow>, Refusal> {
        let content = content.map(|batch| ContentRows::new(self.expected.table, batch, range)).transpose();
        let content = content.map_err(|what| Refusal::Fault(FileKind::Content, what))?;
        let mut leaves = Leaves { range, rows: vec![UNSEEN; range.len()], found: 0, header: self.next };
        for facts in self.facts.batches(number).map_err(Refusal::Unreadable)? {
            self.leaves_of(&facts.map_err(Refusal::Unreadable)?, content.as_ref(), &mut leaves)?;
        }
        if leaves.found != range.len() {
            let what = format!("it has {} rows, and {} belong there", leaves.found, range.len());
            return Err(in_facts("row count".to_owned(), what));
        }
        Ok(leaves.rows)
    }

    /// Adds the leaves of some rows of a row group.
    fn leaves_of(
        &self,
        facts: &RecordBatch,
        content: Option<&ContentRows<'_>>,
        leaves: &mut Leaves,
    ) -> Result<(), Refusal> {
        let facts_encoder = PartEncoder::new(self.expected.table, facts, Part::Facts)
            .map_err(|error| in_facts("columns".to_owned(), error.to_string()))?;
        let shards = facts["shard"].as_primitive::<Int32Type>().values();
        let seqs = facts["seq"].as_primitive::<Int64Type>().values();
        let batches = facts["batch"].as_primitive::<Int64Type>().values();
        let recorded = facts["recorded"].as_primitive::<TimestampMicrosecondType>().values();
        let flags = facts["flags"].as_primitive::<Int32Type>().values();
        let (mut facts_bytes, mut content_bytes) = (Vec::new(), Vec::new());
        for (index, seq) in seqs.iter().enumerate() {
            let seq = seq.cast_unsigned();
            let slot = seq.checked_sub(leaves.range.first_seq).and_then(|slot| leaves.rows.get_mut(slot as usize));
            let Some(row) = slot.filter(|row| !row.seen) else {
                let place = format!("row {}, column seq", leaves.found);
                return Err(in_facts(place, format!("{seq} does not belong there")));
            };
            leaves.found += 1;
            leaves.header = self.header_of(seq, leaves.header).unwrap_or(usize::MAX);
            let covering = self.expected.headers.get(leaves.header).zip(self.expected.secrets.get(leaves.header));
            let Some((header, secrets)) = covering else {
                return Err(in_facts(format!("event {seq}"), "no header or no secret covers it".to_owned()));
            };
            if batches[index].cast_unsigned() != header.batch {
                let what = format!("it says {}, and the headers say {}", batches[index], header.batch);
                return Err(in_facts(format!("event {seq}, column batch"), what));
            }
            if shards[index].cast_unsigned() != self.expected.shard {
                return Err(in_facts(format!("event {seq}, column shard"), format!("it says {}", shards[index])));
            }
            facts_bytes.clear();
            facts_encoder.encode(index, &mut facts_bytes);
            content_bytes.clear();
            let has_content = content.is_some_and(|content| content.encode(seq, &mut content_bytes));
            if !has_content && flags[index].cast_unsigned() & FLAG_CONTENT != 0 {
                let file = self.content.as_ref().map_or("the segment", SegmentFile::name);
                let what = format!("it was recorded with content, and {file} has none for it");
                return Err(in_facts(format!("event {seq}, column flags"), what));
            }
            let leaf = match self.expected.blocks {
                Some(blocks) if !is_as_hashed(blocks, seq, &facts_bytes, &content_bytes) => {
                    let what = "what was read back is not what was recorded".to_owned();
                    return Err(in_facts(format!("event {seq}"), what));
                }
                // The root was computed from the same parts when the batch was closed.
                Some(_) => Digest::ZERO,
                None => {
                    let digests = PartDigests::of(&facts_bytes, &content_bytes);
                    let flags = flags[index].cast_unsigned();
                    leaf_of(self.expected.shard, (seq, recorded[index], flags), secrets, &digests).hash()
                }
            };
            let time = self.expected.table.event_time().and_then(|id| time_in(&facts_bytes, id));
            *row = LeafRow { leaf, recorded: recorded[index], time, content: has_content, seen: true };
        }
        Ok(())
    }

    /// The index of the header that covers a position; `hint` was right for the row before.
    fn header_of(&self, seq: u64, hint: usize) -> Option<usize> {
        let headers = self.expected.headers;
        let covers = |at: usize| headers.get(at).is_some_and(|header| events(header).contains(&seq));
        if covers(hint) {
            return Some(hint);
        }
        let at = headers.partition_point(|header| events(header).end <= seq);
        covers(at).then_some(at)
    }

    /// Adds leaves in order of position to their batches.
    fn collect(&mut self, rows: &[LeafRow]) {
        for row in rows {
            self.close_full_batches();
            let Some(header) = self.expected.headers.get(self.next) else { return };
            let batch = &mut self.batch;
            if batch.recorded.is_some_and(|before| before > row.recorded)
                || !(header.recorded_min..=header.recorded_max).contains(&row.recorded)
            {
                if !batch.faulty {
                    let place = format!("batch {}, event {}, column recorded", header.batch, self.next_seq);
                    let what = format!("{} is outside of what the header says, or goes back", row.recorded);
                    self.listener.fault(self.facts.name(), place, what);
                }
                batch.faulty = true;
            }
            batch.recorded = Some(row.recorded);
            if let Some(time) = row.time {
                let (min, max) = batch.time.unwrap_or((time, time));
                batch.time = Some((min.min(time), max.max(time)));
            }
            batch.content |= row.content;
            if self.expected.blocks.is_none() {
                batch.frontier.push(row.leaf);
            }
            self.next_seq += 1;
        }
        self.close_full_batches();
    }

    /// Goes on behind rows that cannot be read.
    fn taint(&mut self, range: RowGroupRange) {
        while self.next_seq < range.end_seq {
            self.close_full_batches();
            let Some(header) = self.expected.headers.get(self.next) else { break };
            self.batch.faulty = true;
            self.next_seq = events(header).end.min(range.end_seq);
        }
        self.close_full_batches();
    }

    /// Reports positions that no row group covers.
    fn skip_to(&mut self, seq: u64) {
        if seq > self.next_seq {
            let place = format!("events {}..{seq}", self.next_seq);
            self.listener.fault(self.facts.name(), place, "no row group holds them".to_owned());
            self.taint(RowGroupRange { first_seq: self.next_seq, end_seq: seq });
        }
    }

    /// Compares the batches whose events were all read with their headers.
    fn close_full_batches(&mut self) {
        while let Some(header) =
            self.expected.headers.get(self.next).filter(|header| events(header).end <= self.next_seq)
        {
            let batch = std::mem::take(&mut self.batch);
            self.next += 1;
            if batch.faulty {
                continue;
            }
            let place = format!("batch {}, events {}..{}", header.batch, events(header).start, events(header).end);
            if self.expected.blocks.is_none() && batch.frontier.root() != header.root {
                let mut what = "the root recomputed from its rows is not the one in its header".to_owned();
                if let Some(file) = self.content.as_ref().filter(|_| batch.content) {
                    what = format!("{what}; the rows' content lies in {}", file.name());
                }
                self.listener.fault(self.facts.name(), place, what);
            } else if self.covers_time() && batch.time.unwrap_or((0, 0)) != (header.time_min, header.time_max) {
                let what = "the event times are not those in its header".to_owned();
                self.listener.fault(self.facts.name(), format!("{place}, column time"), what);
            }
        }
    }

    fn covers_time(&self) -> bool {
        self.expected.table.by_name("time").is_some()
    }
}

/// The leaf of a row: its position, time of recording and flags, and the digests of its parts.
fn leaf_of(shard: u32, (seq, recorded, flags): (u64, i64, u32), secrets: &Secrets, digests: &PartDigests) -> Leaf {
    let content = digests.content.map(|digest| leaf::commitment(&leaf::salt(&secrets.content, seq), &digest));
    let facts = leaf::commitment(&leaf::salt(&secrets.facts, seq), &digests.facts);
    Leaf { shard, recorded, flags, facts, content }
}

/// Whether the parts of the row at a position are those that its leaf commits to.
fn is_as_hashed(blocks: &[Arc<TailBlock>], seq: u64, facts: &[u8], content: &[u8]) -> bool {
    let block = blocks.get(blocks.partition_point(|block| block.end_seq() <= seq));
    block.is_some_and(|block| {
        seq.checked_sub(block.first_seq())
            .and_then(|row| block.is_as_hashed(row as usize, facts, content))
            .unwrap_or(false)
    })
}

/// The value of a time column in a facts part; its id is low, so it stands near the front.
fn time_in(facts: &[u8], column: u8) -> Option<i64> {
    let value = part::columns(facts).flatten().find(|(id, _)| *id >= column)?;
    decode_integer(value.1).filter(|_| value.0 == column)
}

/// The positions that a header covers.
fn events(header: &Header) -> Range<u64> {
    header.first_seq..header.first_seq.saturating_add(u64::from(header.count))
}

/// The content rows of a row group by position.
pub(super) struct ContentRows<'a> {
    encoder: PartEncoder<'a>,
    first_seq: u64,
    /// The number of the row plus one, 0 for none.
    rows: Vec<u32>,
}

impl<'a> ContentRows<'a> {
    /// The rows of a batch; an error says where something is wrong with them, and what.
    pub(super) fn new(
        table: &'static Table,
        batch: &'a RecordBatch,
        range: RowGroupRange,
    ) -> Result<Self, (String, String)> {
        let encoder =
            PartEncoder::new(table, batch, Part::Content).map_err(|error| ("columns".to_owned(), error.to_string()))?;
        let mut rows = vec![0; range.len()];
        for (index, seq) in batch["seq"].as_primitive::<Int64Type>().values().iter().enumerate() {
            let slot = seq.cast_unsigned().checked_sub(range.first_seq).and_then(|slot| rows.get_mut(slot as usize));
            let Some(slot) = slot.filter(|slot| **slot == 0) else {
                return Err((format!("row {index}, column seq"), format!("{seq} does not belong there")));
            };
            *slot = index as u32 + 1;
        }
        Ok(Self { encoder, first_seq: range.first_seq, rows })
    }

    /// Appends the content part of an event; whether there is one.
    pub(super) fn encode(&self, seq: u64, out: &mut Vec<u8>) -> bool {
        let slot = seq.checked_sub(self.first_seq).and_then(|slot| self.rows.get(slot as usize)).copied();
        let Some(row) = slot.and_then(|slot| slot.checked_sub(1)) else { return false };
        self.encoder.encode(row as usize, out);
        true
    }
}
