//! Computes every leaf and every batch root of a segment anew from its columns, one row group in memory at a time.

use std::ops::Range;

use arrow::array::AsArray as _;
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use proof::leaf::FLAG_CONTENT;
use proof::tree::Frontier;
use proof::{Digest, Header};

use super::Listener;
use super::columns::{ColumnsFile, PartWriter};
use super::sidecars::Sidecars;
use crate::chain::Span;
use crate::error::VerifyError;
use crate::files::Files;
use crate::limits::DECODED_ROWS;
use crate::manifest::{FileKind, Segment};
use crate::name::LedgerName;
use crate::part::{self, RowPlace, leaf};
use crate::table::{Part, Table};

/// Checks the columns of a segment against the headers of its batches.
pub(super) fn check_rows(
    files: &dyn Files,
    (table, shard): (&Table, u32),
    segment: &Segment,
    sidecars: &Sidecars,
    listener: &mut dyn Listener,
) {
    let mut open = |kind, part| {
        let file = segment.file(kind)?;
        let opened = ColumnsFile::open(files, &file.name, table, part);
        Some(opened.map_err(|error| listener.unreadable(&file.name, "footer".to_owned(), error)))
    };
    let Some(Ok(facts)) = open(FileKind::Facts, Part::Facts) else { return };
    let Ok(content) = open(FileKind::Content, Part::Content).transpose() else { return };
    let (batch, next_seq) = (Collected::default(), segment.first_seq);
    let mut check = Check { table, shard, sidecars, facts, content, listener, batch, next: 0, next_seq };
    check.strange_content();
    for row_group in 0..check.facts.ranges.len() {
        check.row_group(row_group);
    }
    check.skip_to(segment.end_seq);
    // Batches without events may stand at the segment's end.
    check.close_full_batches();
}

/// What was collected of the batch that is being read.
#[derive(Debug, Default)]
struct Collected {
    leaves: Frontier,
    times: Span,
    recorded: Option<i64>,
    /// An event has content.
    content: bool,
    /// A fault was told already, so the root says nothing more.
    faulty: bool,
}

struct Check<'a> {
    table: &'a Table,
    shard: u32,
    sidecars: &'a Sidecars,
    facts: ColumnsFile<'a>,
    content: Option<ColumnsFile<'a>>,
    listener: &'a mut dyn Listener,
    batch: Collected,
    /// Index of the header that is being read.
    next: usize,
    next_seq: u64,
}

/// One row at its place in order of position.
#[derive(Debug, Clone, Copy)]
struct Row {
    leaf: Digest,
    recorded: i64,
    time: Option<i64>,
    content: bool,
    /// Whether it was read.
    seen: bool,
}

const UNSEEN: Row = Row { leaf: Digest::ZERO, recorded: 0, time: None, content: false, seen: false };

/// A fault of a row group: the file, the place in the row group, what is wrong.
struct Wrong(FileKind, String, String);

/// Why a row group was not read to its end.
enum Stop {
    Wrong(Wrong),
    Unreadable(FileKind, VerifyError),
}

impl Check<'_> {
    /// Row groups of the content file that belong to no row group of the facts.
    fn strange_content(&mut self) {
        let Some(content) = &self.content else { return };
        for (number, range) in content.ranges.iter().enumerate() {
            if !self.facts.ranges.contains(range) {
                let what = format!("it covers {}..{}, which is no row group of the facts", range.start, range.end);
                self.listener.fault(content.name, format!("row group {number}"), what);
            }
        }
    }

    fn row_group(&mut self, number: usize) {
        let range = self.facts.ranges[number].clone();
        self.skip_to(range.start);
        if range.start < self.next_seq {
            let what = format!("it starts at {}, and {} was expected", range.start, self.next_seq);
            self.listener.fault(self.facts.name, format!("row group {number}"), what);
            return;
        }
        let beside = |file: &ColumnsFile<'_>| file.ranges.iter().position(|other| *other == range);
        let content_number = self.content.as_ref().and_then(beside);
        match self.rows(number, content_number, &range) {
            Ok((rows, parts)) => {
                let stored = self.content.as_ref().zip(content_number).map_or(0, |(file, at)| file.stored_bytes(at));
                self.listener.progress(self.facts.stored_bytes(number) + stored, parts);
                self.collect(&rows);
            }
            Err(stop) => {
                let kind = match &stop {
                    Stop::Wrong(Wrong(kind, ..)) | Stop::Unreadable(kind, _) => *kind,
                };
                let (name, number) = match (&self.content, content_number) {
                    (Some(file), Some(number)) if kind == FileKind::Content => (file.name, number),
                    _ => (self.facts.name, number),
                };
                match stop {
                    Stop::Wrong(Wrong(_, place, what)) => {
                        self.listener.fault(name, format!("row group {number}, {place}"), what);
                    }
                    Stop::Unreadable(_, error) => self.listener.unreadable(name, format!("row group {number}"), error),
                }
                self.taint(range.end);
            }
        }
    }

    /// The rows of a row group in order of position, and the bytes of their parts.
    fn rows(&mut self, facts: usize, content: Option<usize>, range: &Range<u64>) -> Result<(Vec<Row>, u64), Stop> {
        let content = match self.content.as_ref().zip(content) {
            Some((file, number)) => file
                .decode(number, DECODED_ROWS)
                .and_then(Iterator::collect::<Result<Vec<_>, _>>)
                .map_err(|error| Stop::Unreadable(FileKind::Content, error))?,
            None => Vec::new(),
        };
        let content = ContentRows::of(self.table, &content, range).map_err(Stop::Wrong)?;
        let unreadable = |error| Stop::Unreadable(FileKind::Facts, error);
        let mut group = Group {
            content,
            first_seq: range.start,
            rows: vec![UNSEEN; (range.end - range.start) as usize],
            at: self.next,
            parts: 0,
            facts_part: Vec::new(),
            content_part: Vec::new(),
        };
        let mut count = 0;
        for batch in self.facts.decode(facts, DECODED_ROWS).map_err(unreadable)? {
            let batch = batch.map_err(unreadable)?;
            self.add(&batch, count, &mut group).map_err(Stop::Wrong)?;
            count += batch.num_rows();
        }
        // No position came twice, so as many rows as positions are one for each.
        if count == group.rows.len() {
            return Ok((group.rows, group.parts));
        }
        let what = format!("it has {count} rows, and {} belong there", group.rows.len());
        Err(Stop::Wrong(Wrong(FileKind::Facts, "row count".to_owned(), what)))
    }

    /// Takes rows into their row group; `before` rows of it came before them.
    fn add(&mut self, batch: &RecordBatch, before: usize, group: &mut Group<'_>) -> Result<(), Wrong> {
        let wrong = |place: String, what: String| Wrong(FileKind::Facts, place, what);
        let facts = PartWriter::of(self.table, batch, Part::Facts);
        let facts = facts.map_err(|what| wrong("columns".to_owned(), what))?;
        let shards = batch["shard"].as_primitive::<Int32Type>().values();
        let seqs = batch["seq"].as_primitive::<Int64Type>().values();
        let batches = batch["batch"].as_primitive::<Int64Type>().values();
        let recorded = batch["recorded"].as_primitive::<TimestampMicrosecondType>().values();
        let flags = batch["flags"].as_primitive::<Int32Type>().values();
        for row in 0..batch.num_rows() {
            let seq = seqs[row].cast_unsigned();
            let slot = seq.checked_sub(group.first_seq).and_then(|slot| group.rows.get_mut(slot as usize));
            let Some(slot) = slot.filter(|slot| !slot.seen) else {
                let place = format!("row {}, column seq", before + row);
                return Err(wrong(place, format!("{seq} does not belong there")));
            };
            let covering = header_of(&self.sidecars.headers, seq, &mut group.at);
            let Some((header, secrets)) = covering.zip(self.sidecars.secrets.get(group.at)) else {
                return Err(wrong(format!("event {seq}"), "no header or no secret covers it".to_owned()));
            };
            if batches[row].cast_unsigned() != header.batch {
                let what = format!("it says {}, and the headers say {}", batches[row], header.batch);
                return Err(wrong(format!("event {seq}, column batch"), what));
            }
            if shards[row].cast_unsigned() != self.shard {
                return Err(wrong(format!("event {seq}, column shard"), format!("it says {}", shards[row])));
            }
            group.facts_part.clear();
            facts.write(row, &mut group.facts_part);
            group.content_part.clear();
            let content = group.content.write(seq, &mut group.content_part);
            let flags = flags[row].cast_unsigned();
            if !content && flags & FLAG_CONTENT != 0 {
                let file = self.content.as_ref().map_or("the segment", |file| file.name);
                let what = format!("it was recorded with content, and {file} has none for it");
                return Err(wrong(format!("event {seq}, column flags"), what));
            }
            group.parts += (group.facts_part.len() + group.content_part.len()) as u64;
            let place = RowPlace { shard: self.shard, seq, recorded: recorded[row], flags };
            let leaf = leaf(place, secrets, &group.facts_part, &group.content_part);
            let time = self.table.time().and_then(|id| part::time_of(&group.facts_part, id));
            *slot = Row { leaf, recorded: recorded[row], time, content, seen: true };
            if self.table.ledger == LedgerName::Operations {
                self.listener.entry(seq, &group.facts_part);
            }
        }
        Ok(())
    }

    /// Adds rows in order of position to their batches.
    fn collect(&mut self, rows: &[Row]) {
        for row in rows {
            self.close_full_batches();
            let Some(header) = self.sidecars.headers.get(self.next) else { return };
            let batch = &mut self.batch;
            let is_in_order = batch.recorded.is_none_or(|before| before <= row.recorded);
            if !is_in_order || !(header.recorded_min..=header.recorded_max).contains(&row.recorded) {
                if !batch.faulty {
                    let place = format!("batch {}, event {}, column recorded", header.batch, self.next_seq);
                    let what = format!("{} is outside of what the header says, or goes back", row.recorded);
                    self.listener.fault(self.facts.name, place, what);
                }
                batch.faulty = true;
            }
            batch.recorded = Some(row.recorded);
            if let Some(time) = row.time {
                batch.times.add(time);
            }
            batch.content |= row.content;
            batch.leaves.push(row.leaf);
            self.next_seq += 1;
        }
        self.close_full_batches();
    }

    /// Goes on behind rows that cannot be read, up to position `end`.
    fn taint(&mut self, end: u64) {
        while self.next_seq < end {
            self.close_full_batches();
            let Some(header) = self.sidecars.headers.get(self.next) else { break };
            self.batch.faulty = true;
            self.next_seq = events(header).end.min(end);
        }
        self.close_full_batches();
    }

    /// Reports positions that no row group covers.
    fn skip_to(&mut self, seq: u64) {
        if seq > self.next_seq {
            let place = format!("events {}..{seq}", self.next_seq);
            self.listener.fault(self.facts.name, place, "no row group holds them".to_owned());
            self.taint(seq);
        }
    }

    /// Compares the batches whose events were all read with their headers.
    fn close_full_batches(&mut self) {
        while let Some(header) = self.sidecars.headers.get(self.next) {
            let covered = events(header);
            if covered.end > self.next_seq {
                return;
            }
            self.next += 1;
            let batch = std::mem::take(&mut self.batch);
            let place = format!("batch {}, events {}..{}", header.batch, covered.start, covered.end);
            if batch.faulty {
                continue;
            }
            if batch.leaves.root() != header.root {
                let mut what = "the root recomputed from its rows is not the one in its header".to_owned();
                if let Some(file) = self.content.as_ref().filter(|_| batch.content) {
                    what = format!("{what}; the rows' content lies in {}", file.name);
                }
                self.listener.fault(self.facts.name, place, what);
            } else if batch.times.0.unwrap_or((0, 0)) != (header.time_min, header.time_max) {
                let what = "the event times are not those in its header".to_owned();
                self.listener.fault(self.facts.name, format!("{place}, column time"), what);
            }
        }
    }
}

/// The positions that a header covers.
fn events(header: &Header) -> Range<u64> {
    header.first_seq..header.first_seq.saturating_add(u64::from(header.count))
}

/// The header that covers a position; `at` is the index of the one that did so last.
fn header_of<'a>(headers: &'a [Header], seq: u64, at: &mut usize) -> Option<&'a Header> {
    let covers = |at: usize| headers.get(at).filter(|header| events(header).contains(&seq));
    if covers(*at).is_none() {
        *at = headers.partition_point(|header| events(header).end <= seq);
    }
    covers(*at)
}

/// A row group that is being read.
struct Group<'a> {
    content: ContentRows<'a>,
    first_seq: u64,
    rows: Vec<Row>,
    /// Index of the header that covered the last row.
    at: usize,
    /// Bytes of parts.
    parts: u64,
    facts_part: Vec<u8>,
    content_part: Vec<u8>,
}

/// The content rows of a row group by position.
struct ContentRows<'a> {
    writers: Vec<PartWriter<'a>>,
    first_seq: u64,
    /// For each position the writer and its row; `None` without content.
    places: Vec<Option<(u32, u32)>>,
}

impl<'a> ContentRows<'a> {
    fn of(table: &Table, batches: &'a [RecordBatch], range: &Range<u64>) -> Result<Self, Wrong> {
        let wrong = |place: String, what: String| Wrong(FileKind::Content, place, what);
        let positions = if batches.is_empty() { 0 } else { (range.end - range.start) as usize };
        let mut rows = Self { writers: Vec::new(), first_seq: range.start, places: vec![None; positions] };
        for batch in batches {
            let writer = PartWriter::of(table, batch, Part::Content);
            let number = rows.writers.len() as u32;
            rows.writers.push(writer.map_err(|what| wrong("columns".to_owned(), what))?);
            for (row, seq) in (0..).zip(batch["seq"].as_primitive::<Int64Type>().values()) {
                let slot = seq.cast_unsigned().checked_sub(range.start);
                let slot = slot.and_then(|slot| rows.places.get_mut(slot as usize)).filter(|slot| slot.is_none());
                let Some(slot) = slot else {
                    return Err(wrong(format!("row {row}, column seq"), format!("{seq} does not belong there")));
                };
                *slot = Some((number, row));
            }
        }
        Ok(rows)
    }

    /// Appends the content part of an event; whether there is one.
    fn write(&self, seq: u64, part: &mut Vec<u8>) -> bool {
        let place = seq.checked_sub(self.first_seq).and_then(|slot| *self.places.get(slot as usize)?);
        let Some((writer, row)) = place else { return false };
        self.writers.get(writer as usize).is_some_and(|writer| {
            writer.write(row as usize, part);
            true
        })
    }
}
