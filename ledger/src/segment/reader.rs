//! Rows from segments, in order of position, as every consumer of the ledger gets them.

use std::sync::{Arc, OnceLock};

use arrow::array::AsArray as _;
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;

use crate::blobs::Blobs;
use crate::block::{Block, BlockBuilder};
use crate::column::{Part, Table};
use crate::columnar::PartEncoder;
use crate::error::LedgerError;
use crate::manifest::{FileKind, SegmentEntry};
use crate::reader::{ReadLimit, Wanted};
use crate::rows::{RowPlace, Rows};
use crate::segment::cache::{BatchSecrets, DecodedRow, DecodedRows, RowGroupCache};
use crate::segment::check::ContentRows;
use crate::segment::file::{RowGroupRange, SegmentFile};
use crate::segment::{entry_of, read_sidecar, sidecar};
use crate::seq::Seq;

/// Reads the rows of segments through a cache that others share. Footers are not kept: there may be many segments.
#[derive(Debug, Clone)]
pub struct SegmentReader {
    blobs: Arc<dyn Blobs>,
    table: &'static Table,
    shard: u32,
    cache: Arc<RowGroupCache>,
}

impl SegmentReader {
    /// A reader of the segments of one shard.
    pub fn new(blobs: Arc<dyn Blobs>, table: &'static Table, shard: u32, cache: Arc<RowGroupCache>) -> Self {
        Self { blobs, table, shard, cache }
    }

    /// The files.
    pub(crate) fn blobs(&self) -> Arc<dyn Blobs> {
        Arc::clone(&self.blobs)
    }

    /// Rows from position `from` on, which the segment holds, up to the end of their row group and to the limit; at least one.
    pub(crate) fn read(
        &self,
        segment: &SegmentEntry,
        from: u64,
        wanted: Wanted,
        limit: ReadLimit,
    ) -> Result<Rows, LedgerError> {
        let name = &entry_of(&*self.blobs, segment, FileKind::Facts)?.name;
        let content_file = segment.file(FileKind::Content).filter(|_| wanted.reads_content());
        let content_name = content_file.map(|file| file.name.as_str());
        let decoded = self.decoded(name, content_name, from)?.ok_or_else(|| self.no_such_row(name, from))?;
        let found = decoded.from(from);
        if found.first().is_none_or(|row| row.place.seq != from) {
            return Err(self.no_such_row(name, from));
        }
        let found = &found[..found.len().min(limit.rows.max(1))];
        let secrets = wanted.leaves.then(|| self.secrets(segment, &decoded)).transpose()?;
        let rows = self.refer(&decoded.blocks, found, secrets, from, limit.bytes);
        Ok(if wanted.content { rows } else { rows.without_content() })
    }

    /// What the leaves of a row group are salted with. It is read once for all who read the row group.
    fn secrets<'a>(&self, segment: &SegmentEntry, decoded: &'a DecodedRows) -> Result<&'a BatchSecrets, LedgerError> {
        if let Some(secrets) = decoded.secrets.get() {
            return Ok(secrets);
        }
        let file = entry_of(&*self.blobs, segment, FileKind::Secrets)?;
        let path = self.blobs.path(&file.name);
        let all = sidecar::decode_secrets(&path, &read_sidecar(&*self.blobs, file)?)?;
        let number = |batch: u64| batch.checked_sub(segment.first_batch).and_then(|at| usize::try_from(at).ok());
        let batches = decoded.rows.iter().map(|row| row.place.batch);
        let found = batches.clone().min().zip(batches.max()).and_then(|(first, last)| {
            let list = all.get(number(first)?..=number(last)?)?.to_vec();
            Some(BatchSecrets { first, list })
        });
        let missing = || LedgerError::corrupt(&path, "end", "it lacks the secrets of a batch that rows are of");
        let found = found.ok_or_else(missing)?;
        Ok(decoded.secrets.get_or_init(|| found))
    }

    /// Rows of these kinds from position `from` on, which the segment holds, up to the end of their row group; without content. What
    /// is read is not kept for others.
    pub(crate) fn read_kinds(
        &self,
        segment: &SegmentEntry,
        from: u64,
        kinds: &'static [&'static str],
    ) -> Result<Rows, LedgerError> {
        let name = &entry_of(&*self.blobs, segment, FileKind::Facts)?.name;
        let file = SegmentFile::open(&*self.blobs, name, self.table, Part::Facts)?;
        let row_group = file.ranges().iter().position(|range| range.contains(from));
        let row_group = row_group.ok_or_else(|| self.no_such_row(name, from))?;
        let range = file.ranges()[row_group];
        let in_facts = |(_, what): Wrong| self.corrupt(name, range, what);
        let mut decoding = Decoding::new(self.table, range);
        for batch in file.batches_of_kinds(row_group, kinds)? {
            decoding.add(&batch?, None).map_err(in_facts)?;
        }
        let decoded = decoding.finish().map_err(in_facts)?;
        let mut rows = self.refer(&decoded.blocks, decoded.from(from), None, from, usize::MAX);
        rows.next_seq = Seq::new(range.end_seq);
        Ok(rows.without_content())
    }

    /// Rows that refer to these blocks, until they have `bytes_max` bytes; with their leaves, if it is said what these are salted with.
    fn refer(
        &self,
        blocks: &[Arc<Block>],
        found: &[DecodedRow],
        secrets: Option<&BatchSecrets>,
        from: u64,
        bytes_max: usize,
    ) -> Rows {
        let mut rows = Rows::new(self.table.ledger, self.shard, Seq::new(from));
        let mut numbers = vec![None; blocks.len()];
        for found in found {
            if !rows.is_empty() && rows.size() >= bytes_max {
                break;
            }
            // Rows of a row group are sorted, so those that follow each other may be of several blocks.
            let Some((block, number)) = blocks.get(found.block).zip(numbers.get_mut(found.block)) else { continue };
            let number = *number.get_or_insert_with(|| rows.share(block));
            if let Some(secrets) = secrets.and_then(|secrets| secrets.of(found.place.batch)) {
                rows.share_secrets(found.place.batch, secrets);
            }
            rows.push_shared(found.place, number, found.row);
        }
        rows
    }

    /// The decoded row group that covers a position, with the content of this file; `None` if the file has none.
    fn decoded(&self, name: &str, content: Option<&str>, seq: u64) -> Result<Option<Arc<DecodedRows>>, LedgerError> {
        if let Some(decoded) = self.cache.get(name, content.is_some(), seq) {
            return Ok(Some(decoded));
        }
        let file = SegmentFile::open(&*self.blobs, name, self.table, Part::Facts)?;
        let Some(row_group) = file.ranges().iter().position(|range| range.contains(seq)) else { return Ok(None) };
        let range = file.ranges()[row_group];
        let mut contents = None;
        if let Some(content) = content {
            let file = SegmentFile::open(&*self.blobs, content, self.table, Part::Content)?;
            if let Some(row_group) = file.ranges().iter().position(|other| *other == range) {
                contents = Some(file.decode(row_group)?);
            }
        }
        let of_part = |(part, what)| {
            let name = content.filter(|_| part == Part::Content).unwrap_or(name);
            self.corrupt(name, range, what)
        };
        let contents = contents.as_ref().map(|batch| ContentRows::new(self.table, batch, range)).transpose();
        let contents = contents.map_err(|(place, what)| of_part((Part::Content, format!("{place}: {what}"))))?;
        let mut decoding = Decoding::new(self.table, range);
        for batch in file.batches(row_group)? {
            decoding.add(&batch?, contents.as_ref()).map_err(of_part)?;
        }
        let decoded = Arc::new(decoding.finish().map_err(of_part)?);
        self.cache.put(name, content.is_some(), Arc::clone(&decoded));
        Ok(Some(decoded))
    }

    fn corrupt(&self, name: &str, range: RowGroupRange, what: String) -> LedgerError {
        let place = format!("positions {}..{}", range.first_seq, range.end_seq);
        LedgerError::corrupt(self.blobs.path(name), place, what)
    }

    fn no_such_row(&self, name: &str, seq: u64) -> LedgerError {
        let place = format!("{}/{}/{seq}", self.table.ledger, self.shard);
        LedgerError::corrupt(self.blobs.path(name), place, "no row group holds the row")
    }
}

/// In which part something is wrong, and what.
type Wrong = (Part, String);

/// A row group on its way back to blocks. The blocks have its rows in the order of the file.
struct Decoding {
    table: &'static Table,
    range: RowGroupRange,
    blocks: Vec<Arc<Block>>,
    open: BlockBuilder,
    /// In the order of the file.
    rows: Vec<DecodedRow>,
    facts: Vec<u8>,
    content: Vec<u8>,
}

impl Decoding {
    fn new(table: &'static Table, range: RowGroupRange) -> Self {
        let open = BlockBuilder::new(table);
        Self { table, range, blocks: Vec::new(), open, rows: Vec::new(), facts: Vec::new(), content: Vec::new() }
    }

    /// Adds rows that the file has, with their content.
    fn add(&mut self, batch: &RecordBatch, content: Option<&ContentRows<'_>>) -> Result<(), Wrong> {
        let in_facts = |what: String| (Part::Facts, what);
        let encoder = PartEncoder::new(self.table, batch, Part::Facts).map_err(|error| in_facts(error.to_string()))?;
        let batches = batch["batch"].as_primitive::<Int64Type>().values();
        let recorded = batch["recorded"].as_primitive::<TimestampMicrosecondType>().values();
        let flags = batch["flags"].as_primitive::<Int32Type>().values();
        for (at, seq) in batch["seq"].as_primitive::<Int64Type>().values().iter().enumerate() {
            let seq = seq.cast_unsigned();
            if !self.range.contains(seq) {
                return Err(in_facts(strange(seq)));
            }
            if self.open.is_full() {
                let full = std::mem::replace(&mut self.open, BlockBuilder::new(self.table));
                self.blocks.push(Arc::new(full.close()));
            }
            self.facts.clear();
            encoder.encode(at, &mut self.facts);
            self.content.clear();
            if let Some(content) = content {
                content.encode(seq, &mut self.content);
            }
            let content = Some(self.content.as_slice()).filter(|part| !part.is_empty());
            self.open.push_parts(&self.facts, content).map_err(|error| in_facts(error.to_string()))?;
            let (batch, recorded, flags) = (batches[at].cast_unsigned(), recorded[at], flags[at].cast_unsigned());
            let place = RowPlace { seq, batch, recorded, flags };
            self.rows.push(DecodedRow { place, block: self.blocks.len(), row: self.open.block().len() - 1 });
        }
        Ok(())
    }

    /// The rows in order of position.
    fn finish(mut self) -> Result<DecodedRows, Wrong> {
        self.blocks.push(Arc::new(self.open.close()));
        self.rows.sort_unstable_by_key(|row| row.place.seq);
        match self.rows.windows(2).find(|pair| pair[0].place.seq == pair[1].place.seq) {
            Some(twice) => Err((Part::Facts, strange(twice[0].place.seq))),
            None => {
                Ok(DecodedRows { range: self.range, blocks: self.blocks, rows: self.rows, secrets: OnceLock::new() })
            }
        }
    }
}

/// What is wrong with a position that is there twice, or belongs to another row group.
fn strange(seq: u64) -> String {
    format!("it holds the position {seq} wrongly")
}

#[cfg(test)]
mod tests {

    use proptest::prelude::*;

    use super::*;
    use crate::blobs::LocalBlobs;
    use crate::entry::Entry;
    use crate::events::{TABLE, column};
    use crate::fixtures::any_entry;
    use crate::fixtures::recorder::{Recorded, RecordedRow, Recorder, session_events};
    use crate::fixtures::verifier::verify_sealed;
    use crate::manifest::Manifest;
    use crate::operations;

    /// A sealed segment, its directory, and its rows as they were recorded.
    fn sealed() -> (tempfile::TempDir, Arc<dyn Blobs>, Manifest, Vec<RecordedRow>) {
        let directory = tempfile::tempdir().expect("a directory");
        let blobs: Arc<dyn Blobs> = Arc::new(LocalBlobs::new(directory.path()));
        let mut recorder = Recorder::new(&TABLE);
        let mut recorded = Recorded::default();
        for count in [30, 0, 21] {
            recorder.batch(&mut session_events(recorder.next_seq(), count), &[], &mut recorded);
        }
        let manifest = recorder.seal(&*blobs, &recorder.manifest(), &recorded).expect("sealed");
        (directory, blobs, manifest, recorded.rows)
    }

    /// Rows of the first segment.
    fn read(
        reader: &SegmentReader,
        manifest: &Manifest,
        from: u64,
        content: bool,
        rows: usize,
        bytes: usize,
    ) -> Result<Rows, LedgerError> {
        reader.read(&manifest.segments[0], from, Wanted { content, leaves: false }, ReadLimit { rows, bytes })
    }

    fn reader(blobs: &Arc<dyn Blobs>) -> SegmentReader {
        SegmentReader::new(Arc::clone(blobs), &TABLE, 0, Arc::new(RowGroupCache::new()))
    }

    #[test]
    fn rows_come_back_in_order_as_they_were_recorded() {
        let (_directory, blobs, manifest, recorded) = sealed();
        for content in [true, false] {
            for limit in [1, 7, 1_000] {
                let (reader, mut from) = (reader(&blobs), 0);
                while from < manifest.end_seq() {
                    let rows = read(&reader, &manifest, from, content, limit, usize::MAX).expect("readable");
                    assert!((1..=limit).contains(&rows.len()));
                    for (row, want) in rows.iter().zip(&recorded[from as usize..]) {
                        let place = RowPlace {
                            seq: row.position.seq.get(),
                            batch: row.batch,
                            recorded: row.recorded.unix_micros(),
                            flags: row.flags,
                        };
                        assert_eq!(place, want.place);
                        let content = if content { want.content.clone() } else { Vec::new() };
                        assert_eq!((row.part(Part::Facts), row.part(Part::Content)), (want.facts.clone(), content));
                    }
                    from = rows.next_seq.get();
                }
                assert_eq!(from as usize, recorded.len());
            }
        }
        let one = read(&reader(&blobs), &manifest, 5, true, 100, 1).expect("readable");
        assert_eq!((one.len(), one.next_seq), (1, Seq::new(6)), "one row at least, whatever the limit");
    }

    #[test]
    fn damaged_files_are_errors_and_never_a_panic() {
        let (_directory, blobs, manifest, _) = sealed();
        for kind in [FileKind::Facts, FileKind::Content] {
            let path = blobs.path(&manifest.segments[0].file(kind).expect("there").name);
            let sound = std::fs::read(&path).expect("readable");
            let read_all = || read(&reader(&blobs), &manifest, 0, true, 100, usize::MAX);
            for at in (0..sound.len()).step_by(sound.len() / 150) {
                let mut bytes = sound.clone();
                bytes[at] ^= 0xff;
                std::fs::write(&path, bytes).expect("written");
                // A value may have changed unseen: only `verify` looks at the roots. Nothing worse may happen.
                if let Err(error) = read_all() {
                    assert!(error.to_string().contains(kind.extension()), "{error}");
                }
            }
            std::fs::write(&path, &sound[..sound.len() / 2]).expect("written");
            assert!(read_all().expect_err("cut off").to_string().contains(kind.extension()));
            std::fs::write(&path, b"not parquet at all").expect("written");
            assert!(read_all().is_err());
            std::fs::write(&path, sound).expect("written");
            assert!(read_all().is_ok());
        }
    }

    #[test]
    fn leaves_are_those_of_the_headers_or_an_error() {
        let (_directory, blobs, manifest, recorded) = sealed();
        let segment = &manifest.segments[0];
        let limit = ReadLimit { rows: 1_000, bytes: usize::MAX };
        let read_leaves = |from| reader(&blobs).read(segment, from, Wanted { content: false, leaves: true }, limit);
        let leaves: Vec<_> = read_leaves(0).expect("readable").iter().filter_map(|row| row.leaf()).collect();
        assert_eq!(leaves.len(), recorded.len());
        for header in crate::segment::headers(&*blobs, segment).expect("there") {
            let batch = &leaves[header.first_seq as usize..][..header.count as usize];
            assert_eq!(proof::tree::root(batch), header.root);
        }
        let path = blobs.path(&segment.file(FileKind::Secrets).expect("there").name);
        let sound = std::fs::read(&path).expect("readable");
        std::fs::write(&path, &sound[..sound.len() - 1]).expect("written");
        assert!(read_leaves(0).expect_err("cut off").to_string().contains("secrets"));
        assert!(read(&reader(&blobs), &manifest, 0, true, 1, 1).is_ok());
    }

    /// Records entries in batches, seals them, and expects the same parts from the reader, and nothing from `verify`.
    fn round_trip(table: &'static Table, batches: Vec<Vec<Entry>>, row_groups: usize) {
        let directory = tempfile::tempdir().expect("a directory");
        let blobs: Arc<dyn Blobs> = Arc::new(LocalBlobs::new(directory.path()));
        let mut recorder = Recorder::new(table);
        let mut recorded = Recorded::default();
        for mut entries in batches {
            recorder.batch(&mut entries, &[], &mut recorded);
        }
        let manifest = recorder.seal(&*blobs, &recorder.manifest(), &recorded).expect("sealed");
        let facts = &manifest.segments[0].file(FileKind::Facts).expect("there").name;
        let file = SegmentFile::open(&*blobs, facts, table, Part::Facts).expect("sound");
        assert!(file.ranges().len() >= row_groups, "{} row groups", file.ranges().len());
        let reader = SegmentReader::new(Arc::clone(&blobs), table, 0, Arc::new(RowGroupCache::new()));
        for want in &recorded.rows {
            let rows = read(&reader, &manifest, want.place.seq, true, 1, 1).expect("readable");
            let row = rows.get(0).expect("a row");
            let place = RowPlace {
                seq: row.position.seq.get(),
                batch: row.batch,
                recorded: row.recorded.unix_micros(),
                flags: row.flags,
            };
            assert_eq!(place, want.place);
            assert!(row.part(Part::Facts) == want.facts && row.part(Part::Content) == want.content);
        }
        assert_eq!(verify_sealed(&*blobs, table).1.faults, []);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]
        #[test]
        fn any_events_survive_a_segment(batches in prop::collection::vec(prop::collection::vec(any_entry(&TABLE), 0..6), 1..4)) {
            round_trip(&TABLE, batches, 0);
        }

        #[test]
        fn any_operations_survive_a_segment(batches in prop::collection::vec(prop::collection::vec(any_entry(&operations::TABLE), 0..6), 1..4)) {
            round_trip(&operations::TABLE, batches, 0);
        }
    }

    #[test]
    fn batches_may_lie_across_row_groups() {
        let entry = |number: usize| {
            let mut entry = Entry::new();
            entry.set_text(column::KIND, if number.is_multiple_of(3) { "prompt" } else { "egress.http" });
            entry.set_text(column::RECORD, &format!("{number}").repeat(400_000));
            if number < 20 || number.is_multiple_of(5) {
                entry.set_text(column::CONTENT, &format!("{number} ").repeat(300_000));
            }
            entry
        };
        let batches = [0..33, 33..33, 33..80].map(|numbers| numbers.map(entry).collect());
        round_trip(&TABLE, batches.to_vec(), 2);
    }

    #[test]
    fn positions_outside_of_the_segment_are_refused() {
        let (_directory, blobs, manifest, _) = sealed();
        let error = read(&reader(&blobs), &manifest, 51, false, 1, 1).expect_err("not there");
        assert!(error.to_string().contains("events/0/51"), "{error}");
    }
}
