//! Rows from segments, in order of position, as every consumer of the ledger gets them.

use std::sync::Arc;

use arrow::array::AsArray as _;
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;

use crate::blobs::Blobs;
use crate::column::{Part, Table};
use crate::columnar::PartEncoder;
use crate::error::LedgerError;
use crate::manifest::{FileKind, SegmentEntry};
use crate::rows::Rows;
use crate::segment::cache::{DecodedPart, DecodedRow, RowGroupCache};
use crate::segment::entry_of;
use crate::segment::file::{RowGroupRange, SegmentFile};

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

    /// Rows from position `from` on, which the segment holds, up to the end of their row group: at most `rows_max`, and
    /// no more once they have `bytes_max` bytes; at least one. `content` says whether content parts are read.
    pub fn read(
        &self,
        segment: &SegmentEntry,
        from: u64,
        content: bool,
        rows_max: usize,
        bytes_max: usize,
    ) -> Result<Rows, LedgerError> {
        let facts_name = &entry_of(&*self.blobs, segment, FileKind::Facts)?.name;
        let facts = self.part(facts_name, Part::Facts, from)?.ok_or_else(|| self.no_such_row(facts_name, from))?;
        let content = match segment.file(FileKind::Content).filter(|_| content) {
            Some(file) => self.part(&file.name, Part::Content, from)?,
            None => None,
        };
        let mut rows = Rows::new(self.table.ledger, self.shard, from);
        let end = facts.range.end_seq.min(from.saturating_add(rows_max.max(1) as u64));
        for seq in from..end {
            let (row, bytes) = facts.row(seq).ok_or_else(|| self.no_such_row(facts_name, seq))?;
            let content = content.as_ref().and_then(|content| content.row(seq)).map(|(_, bytes)| bytes);
            rows.push(seq, row.batch, row.recorded, row.flags, bytes, content);
            if rows.size() >= bytes_max {
                break;
            }
        }
        Ok(rows)
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
        let decoded = decode(self.table, &file.decode_kinds(row_group, kinds)?, Part::Facts, range)
            .map_err(|what| LedgerError::corrupt(self.blobs.path(name), format!("row group {row_group}"), what))?;
        let mut rows = Rows::new(self.table.ledger, self.shard, from);
        for seq in from..range.end_seq {
            if let Some((row, bytes)) = decoded.row(seq) {
                rows.push(seq, row.batch, row.recorded, row.flags, bytes, None);
            }
        }
        rows.next_seq = range.end_seq;
        Ok(rows)
    }

    /// The decoded row group that covers a position; `None` if the file has none.
    fn part(&self, name: &str, part: Part, seq: u64) -> Result<Option<Arc<DecodedPart>>, LedgerError> {
        if let Some(decoded) = self.cache.get(name, part, seq) {
            return Ok(Some(decoded));
        }
        let file = SegmentFile::open(&*self.blobs, name, self.table, part)?;
        let Some(row_group) = file.ranges().iter().position(|range| range.contains(seq)) else { return Ok(None) };
        let batch = file.decode(row_group)?;
        let decoded = decode(self.table, &batch, part, file.ranges()[row_group])
            .map_err(|what| LedgerError::corrupt(self.blobs.path(name), format!("row group {row_group}"), what))?;
        let decoded = Arc::new(decoded);
        self.cache.put(name, part, Arc::clone(&decoded));
        Ok(Some(decoded))
    }

    fn no_such_row(&self, name: &str, seq: u64) -> LedgerError {
        let place = format!("{}/{}/{seq}", self.table.ledger, self.shard);
        LedgerError::corrupt(self.blobs.path(name), place, "no row group holds the row")
    }
}

/// Puts the rows of a decoded row group back into the order of their positions.
fn decode(table: &'static Table, batch: &RecordBatch, part: Part, range: RowGroupRange) -> Result<DecodedPart, String> {
    let encoder = PartEncoder::new(table, batch, part).map_err(|error| error.to_string())?;
    let seqs = batch["seq"].as_primitive::<Int64Type>().values();
    let mut rows = vec![DecodedRow::default(); range.len()];
    let mut bytes = Vec::with_capacity(batch.get_array_memory_size());
    for (at, seq) in seqs.iter().enumerate() {
        let slot = seq.cast_unsigned().checked_sub(range.first_seq).and_then(|slot| rows.get_mut(slot as usize));
        let slot = slot.filter(|slot| !slot.present).ok_or_else(|| format!("it holds the position {seq} wrongly"))?;
        let start = bytes.len();
        encoder.encode(at, &mut bytes);
        *slot = DecodedRow { start, len: bytes.len() - start, present: true, ..DecodedRow::default() };
    }
    if part == Part::Facts {
        let batches = batch["batch"].as_primitive::<Int64Type>().values();
        let recorded = batch["recorded"].as_primitive::<TimestampMicrosecondType>().values();
        let flags = batch["flags"].as_primitive::<Int32Type>().values();
        for (at, seq) in seqs.iter().enumerate() {
            if let Some(slot) = rows.get_mut((seq.cast_unsigned() - range.first_seq) as usize) {
                slot.batch = batches[at].cast_unsigned();
                slot.recorded = recorded[at];
                slot.flags = flags[at].cast_unsigned();
            }
        }
    }
    Ok(DecodedPart { range, bytes, rows })
}

#[cfg(test)]
mod tests {

    use proptest::prelude::*;

    use super::*;
    use crate::blobs::LocalBlobs;
    use crate::entry::Entry;
    use crate::events::{TABLE, column};
    use crate::fixtures::any_entry;
    use crate::fixtures::recorder::{ORIGIN, Recorded, Recorder, session_events};
    use crate::manifest::Manifest;
    use crate::operations;
    use crate::verify::{Report, Scope, verify_segments};

    /// A sealed segment, its directory, and its rows as they were recorded.
    fn sealed() -> (tempfile::TempDir, Arc<dyn Blobs>, Manifest, Vec<Rows>) {
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

    fn reader(blobs: &Arc<dyn Blobs>) -> SegmentReader {
        SegmentReader::new(Arc::clone(blobs), &TABLE, 0, Arc::new(RowGroupCache::new()))
    }

    #[test]
    fn rows_come_back_in_order_as_they_were_recorded() {
        let (_directory, blobs, manifest, recorded) = sealed();
        let recorded: Vec<_> = recorded.iter().flat_map(Rows::parts).collect();
        for content in [true, false] {
            for limit in [1, 7, 1_000] {
                let (reader, mut from) = (reader(&blobs), 0);
                while from < manifest.end_seq() {
                    let rows = reader.read(&manifest.segments[0], from, content, limit, usize::MAX).expect("readable");
                    assert!((1..=limit).contains(&rows.len()));
                    for (row, want) in rows.parts().zip(&recorded[from as usize..]) {
                        assert_eq!(
                            (row.seq, row.batch, row.recorded, row.flags),
                            (want.seq, want.batch, want.recorded, want.flags)
                        );
                        assert_eq!((row.facts, row.content), (want.facts, want.content.filter(|_| content)));
                    }
                    from = rows.next_seq;
                }
                assert_eq!(from as usize, recorded.len());
            }
        }
        let one = reader(&blobs).read(&manifest.segments[0], 5, true, 100, 1).expect("readable");
        assert_eq!((one.len(), one.next_seq), (1, 6), "one row at least, whatever the limit");
    }

    #[test]
    fn damaged_files_are_errors_and_never_a_panic() {
        let (_directory, blobs, manifest, _) = sealed();
        for kind in [FileKind::Facts, FileKind::Content] {
            let path = blobs.path(&manifest.segments[0].file(kind).expect("there").name);
            let sound = std::fs::read(&path).expect("readable");
            let read = || reader(&blobs).read(&manifest.segments[0], 0, true, 100, usize::MAX);
            for at in (0..sound.len()).step_by(sound.len() / 150) {
                let mut bytes = sound.clone();
                bytes[at] ^= 0xff;
                std::fs::write(&path, bytes).expect("written");
                // A value may have changed unseen: only `verify` looks at the roots. Nothing worse may happen.
                if let Err(error) = read() {
                    assert!(error.to_string().contains(kind.extension()), "{error}");
                }
            }
            std::fs::write(&path, &sound[..sound.len() / 2]).expect("written");
            assert!(read().expect_err("cut off").to_string().contains(kind.extension()));
            std::fs::write(&path, b"not parquet at all").expect("written");
            assert!(read().is_err());
            std::fs::write(&path, sound).expect("written");
            assert!(read().is_ok());
        }
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
        for want in recorded.rows.iter().flat_map(Rows::parts) {
            let rows = reader.read(&manifest.segments[0], want.seq, true, 1, 1).expect("readable");
            let row = rows.parts().next().expect("a row");
            assert_eq!((row.seq, row.batch, row.recorded), (want.seq, want.batch, want.recorded));
            assert!(row.flags == want.flags && row.facts == want.facts && row.content == want.content);
        }
        let scope = Scope { blobs: &*blobs, table, shard: 0, origin: ORIGIN, threads: 1 };
        let mut report = Report::default();
        verify_segments(&scope, &mut |_| {}, &mut report);
        assert_eq!(report.faults, []);
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
        round_trip(&TABLE, batches.to_vec(), 3);
    }

    #[test]
    fn positions_outside_of_the_segment_are_refused() {
        let (_directory, blobs, manifest, _) = sealed();
        let error = reader(&blobs).read(&manifest.segments[0], 51, false, 1, 1).expect_err("not there");
        assert!(error.to_string().contains("events/0/51"), "{error}");
    }
}
