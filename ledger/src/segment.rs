//! Segments: a contiguous range of whole batches as columns in Parquet, with headers, inputs, secrets and state beside it.
//!
//! Files are named by their coordinates: `segment/<first seq>-<end seq>-<first batch>.<kind>`. A row group of the facts
//! file is a contiguous range of positions, sorted inside by (kind, session, seq), for operations by (kind, subject,
//! seq). The content file has the same ranges in the same order, with one row per event that has content; a range
//! without such events has no row group there.
//!
//! `parquet` is named only here, in `columnar`'s tests and in the query engine.

mod cache;
pub(crate) mod chain;
pub(crate) mod check;
pub(crate) mod encoding;
mod file;
mod layout;
mod order;
mod reader;
pub mod sidecar;
pub(crate) mod writer;

use proof::inputs::Input;
use proof::{Digest, Header};

use crate::blobs::Blobs;
use crate::error::LedgerError;
use crate::manifest::{FileEntry, FileKind, SegmentEntry};

pub use cache::RowGroupCache;
pub use reader::SegmentReader;

/// The folder of the segments' files.
pub const FOLDER: &str = "segment";

/// What the names of a segment's files start with. The first batch tells segments without events apart.
pub(crate) fn stem(first_seq: u64, end_seq: u64, first_batch: u64) -> String {
    format!("{FOLDER}/{first_seq:020}-{end_seq:020}-{first_batch:020}")
}

/// The first batch in the name of a segment's file.
pub(crate) fn first_batch_of(name: &str) -> Option<u64> {
    let (stem, _) = name.strip_prefix(FOLDER)?.strip_prefix('/')?.split_once('.')?;
    stem.splitn(3, '-').nth(2)?.parse().ok()
}

/// The entry of one of a segment's files, which every segment but for content has.
pub(crate) fn entry_of<'a>(
    blobs: &dyn Blobs,
    segment: &'a SegmentEntry,
    kind: FileKind,
) -> Result<&'a FileEntry, LedgerError> {
    segment.file(kind).ok_or_else(|| {
        let stem = stem(segment.first_seq, segment.end_seq, segment.first_batch);
        LedgerError::corrupt(blobs.path(&stem), kind.extension(), "the manifest lists no such file")
    })
}

/// The bytes of a sidecar, which must be those that the manifest names.
pub(crate) fn read_sidecar(blobs: &dyn Blobs, file: &FileEntry) -> Result<bytes::Bytes, LedgerError> {
    let size = blobs.size(&file.name)?;
    if size != file.size {
        let what = format!("it has {size} bytes, and the manifest says {}", file.size);
        return Err(LedgerError::corrupt(blobs.path(&file.name), "size", what));
    }
    let bytes = blobs.get(&file.name)?;
    if Digest::of(&[], &[&bytes]) != file.sha256 {
        return Err(LedgerError::corrupt(blobs.path(&file.name), "SHA-256", "it is not the one in the manifest"));
    }
    Ok(bytes)
}

/// The headers of a segment's batches.
pub fn headers(blobs: &dyn Blobs, segment: &SegmentEntry) -> Result<Vec<Header>, LedgerError> {
    let file = entry_of(blobs, segment, FileKind::Headers)?;
    sidecar::decode_headers(&blobs.path(&file.name), &read_sidecar(blobs, file)?)
}

/// The inputs of each batch of a segment.
pub(crate) fn inputs(blobs: &dyn Blobs, segment: &SegmentEntry) -> Result<Vec<Vec<Input>>, LedgerError> {
    let file = entry_of(blobs, segment, FileKind::Inputs)?;
    sidecar::decode_inputs(&blobs.path(&file.name), &read_sidecar(blobs, file)?)
}

/// The source positions and the log's frontier after a segment.
pub fn state(blobs: &dyn Blobs, segment: &SegmentEntry) -> Result<sidecar::State, LedgerError> {
    let file = entry_of(blobs, segment, FileKind::State)?;
    sidecar::decode_state(&blobs.path(&file.name), &read_sidecar(blobs, file)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_the_coordinates() {
        let name = format!("{}.{}", stem(7, 19, 3), FileKind::Facts.extension());
        assert_eq!(name, "segment/00000000000000000007-00000000000000000019-00000000000000000003.facts.parquet");
        assert_eq!(first_batch_of(&name), Some(3));
        assert!(crate::blobs::check_name(&name));
        for other in ["segment/x", "segment/1-2.facts", "manifest/1-2-3.x", "segment/1-2-a.headers"] {
            assert_eq!(first_batch_of(other), None, "{other}");
        }
    }
}
