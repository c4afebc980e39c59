//! Checks what no root covers and queries believe all the same: the encoding of a segment's columns. Statistics, page index,
//! bloom filters, the order of rows and the footer follow from the rows, so the rows are encoded once more, and every byte
//! must come out as it is on the disk.
//!
//! It is only needed for files whose SHA-256 the ledger itself did not record: those of a manifest that `operations` does
//! not know.

use std::io::{self, Write};
use std::sync::Arc;

use arrow::datatypes::Schema;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::blobs::{BlobError, BlobWriter, Blobs};
use crate::column::{Part, Table};
use crate::error::LedgerError;
use crate::manifest::{FileEntry, FileKind, SegmentEntry};
use crate::segment::check::Listener;
use crate::segment::file::{SegmentFile, guarded};
use crate::segment::writer::ColumnsFile;
use crate::segment::{layout, order};

/// Encodes the columns of a segment again and compares. The rows themselves are somebody else's to check.
pub(crate) fn check_encoding(
    blobs: &dyn Blobs,
    table: &'static Table,
    segment: &SegmentEntry,
    listener: &mut dyn Listener,
) {
    for (kind, part) in [(FileKind::Facts, Part::Facts), (FileKind::Content, Part::Content)] {
        let Some(entry) = segment.file(kind) else { continue };
        match check_file(blobs, table, (entry, part)) {
            Ok(None) => {}
            Ok(Some(what)) => listener.fault(&entry.name, "encoding".to_owned(), what),
            Err(error) => listener.unreadable(&entry.name, "encoding".to_owned(), error),
        }
    }
}

/// What is wrong with one file, if anything is.
fn check_file(
    blobs: &dyn Blobs,
    table: &'static Table,
    (entry, part): (&FileEntry, Part),
) -> Result<Option<String>, LedgerError> {
    let file = SegmentFile::open(blobs, &entry.name, table, part)?;
    let path = blobs.path(&entry.name);
    // The reader adds the footer's keys to the schema; the writer knew none.
    let schema = Arc::new(Schema::new(file.schema().fields().clone()));
    let again = |properties: WriterProperties| -> Result<Result<FileEntry, String>, LedgerError> {
        let place = (entry.name.clone(), path.clone());
        let mut writer = ColumnsFile::over(Box::new(Nowhere), entry.kind, place, Arc::clone(&schema), properties)?;
        for (number, range) in file.ranges().iter().enumerate() {
            let rows = file.decode(number)?;
            if part == Part::Facts && !order::is_sorted(table.ledger, &rows) {
                return Ok(Err(format!("the rows of row group {number} are not in the order that it claims")));
            }
            writer.write_row_group(&rows, (range.first_seq, range.end_seq))?;
        }
        writer.finish().map(Ok)
    };
    // Who the file says wrote it is part of its bytes; nobody else believes that text.
    let properties = layout::properties(table, &schema, part == Part::Facts, file.created_by().to_owned());
    // The library encodes rows that nobody vouches for: a panic of it is their fault.
    let mut outcome = None;
    guarded(&path, || {
        outcome = Some(again(properties));
        Ok::<(), ParquetError>(())
    })?;
    let encoded = match outcome.unwrap_or_else(|| Ok(Err("it cannot be encoded again".to_owned())))? {
        Ok(encoded) => encoded,
        Err(what) => return Ok(Some(what)),
    };
    if (encoded.size, encoded.sha256) == (entry.size, entry.sha256) {
        return Ok(None);
    }
    if file.created_by() != layout::created_by() {
        return Err(LedgerError::OtherEncoder { path, found: file.created_by().to_owned() });
    }
    Ok(Some("its statistics, page index, bloom filters or footer are not those of its rows".to_owned()))
}

/// Takes bytes and keeps none.
struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for Nowhere {
    fn finish(self: Box<Self>) -> Result<(), BlobError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::blobs::LocalBlobs;
    use crate::events::{TABLE, column};
    use crate::fixtures::recorder::{Recorded, Recorder, session_events};

    /// Collects what is said.
    #[derive(Default)]
    struct Said(Vec<String>);

    impl Listener for Said {
        fn fault(&mut self, file: &str, place: String, what: String) {
            self.0.push(format!("{file}, {place}: {what}"));
        }

        fn unreadable(&mut self, file: &str, place: String, error: LedgerError) {
            self.0.push(format!("{file}, {place}: {error}"));
        }
    }

    /// Seals some batches of as many events, each `every`th of them without a record, the others with one of `record_bytes`.
    fn check(events: usize, record_bytes: usize, every: usize) {
        let directory = tempfile::tempdir().expect("a directory");
        let blobs = LocalBlobs::new(directory.path());
        let (mut recorder, mut recorded) = (Recorder::new(&TABLE), Recorded::default());
        for _ in 0..3 {
            let mut entries = session_events(recorder.next_seq(), events);
            for (number, entry) in entries.iter_mut().enumerate().filter(|(number, _)| (number + 1) % every != 0) {
                entry.set_text(column::RECORD, &format!("{number:0record_bytes$}"));
            }
            recorder.batch(&mut entries, &[], &mut recorded);
        }
        let manifest = recorder.seal(&blobs, &recorder.manifest(), &recorded).expect("sealed");
        let mut said = Said::default();
        check_encoding(&blobs, &TABLE, &manifest.segments[0], &mut said);
        assert_eq!(
            said.0,
            [] as [String; 0],
            "{events} events, records of {record_bytes} bytes, none in each {every}th"
        );
    }

    #[test]
    fn what_was_sealed_comes_out_byte_by_byte() {
        check(40, 300, 1);
        check(40, 300, usize::MAX);
        // Of many pages: all events have a record, most, half.
        check(4_000, 340, usize::MAX);
        check(4_000, 340, 7);
        check(4_000, 340, 2);
        // And of several arrays of long values.
        check(12_000, 60, usize::MAX);
        check(12_000, 60, 3);
    }
}
