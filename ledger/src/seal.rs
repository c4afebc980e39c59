//! Sealing: rows of the WAL become a segment, which is read back and proved before the manifest names it.
//!
//! Until the manifest is there nothing has changed: a seal that fails or dies leaves files that no manifest names, and
//! the next seal deletes them. The caller may let the WAL go once [`seal`] has returned, and not before.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use proof::Header;
use proof::inputs::Input;
use proof::tree::Frontier;

use crate::batch::{OpenBatch, Secrets};
use crate::blobs::Blobs;
use crate::column::Table;
use crate::error::LedgerError;
use crate::manifest::{self, FileKind, Manifest, SegmentEntry, WalPosition};
use crate::segment::chain::{Tip, check_hash, check_sidecars, ranges};
use crate::segment::check::{Expected, Listener, check_rows};
use crate::segment::encoding::check_encoding;
use crate::segment::sidecar;
use crate::segment::writer::{SegmentWriter, put_sidecar};
use crate::segment::{self, first_batch_of, stem};
use crate::tail::TailBlock;

/// One closed batch of the WAL.
#[derive(Clone)]
pub(crate) struct SealBatch {
    pub(crate) header: Header,
    /// What its leaves are salted with.
    pub(crate) secrets: Secrets,
    /// The inputs as the header commits to them: sorted by key.
    pub(crate) inputs: Vec<Input>,
}

// Secrets are never printed.
impl fmt::Debug for SealBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealBatch").field("batch", &self.header.batch).finish_non_exhaustive()
    }
}

impl SealBatch {
    /// What the seal needs of a batch that `header` closes.
    pub(crate) fn new(header: Header, batch: &OpenBatch) -> Self {
        Self { header, secrets: batch.open().secrets.clone(), inputs: batch.inputs() }
    }
}

/// What a seal takes from the hot tail.
pub(crate) struct SealSource<'a> {
    /// The rows of the batches in order.
    pub(crate) blocks: &'a [Arc<TailBlock>],
    /// The batches in order; the first follows the last sealed one.
    pub(crate) batches: &'a [SealBatch],
    /// The position of every source after the last batch.
    pub(crate) positions: &'a BTreeMap<Vec<u8>, Vec<u8>>,
    /// The frontier of the shard's log after the last batch.
    pub(crate) frontier: &'a Frontier,
    /// The first WAL frame that is needed once the batches are sealed.
    pub(crate) wal: WalPosition,
}

/// Seals batches behind `previous`, which is the newest manifest as far as the caller knows.
///
/// The manifest that it returns may be one that an earlier attempt had put before it reported an error; the caller reads
/// from it what is sealed now. An error changes nothing: the caller may try again with the same batches, or with more.
pub(crate) fn seal(
    blobs: &dyn Blobs,
    table: &'static Table,
    shard: u32,
    previous: &Manifest,
    source: &SealSource<'_>,
) -> Result<Manifest, LedgerError> {
    if let Some(adopted) = adopt(blobs, previous)? {
        return Ok(adopted);
    }
    let mut next = previous.next();
    next.wal = source.wal;
    if !source.batches.is_empty() {
        sweep(blobs, previous)?;
        let entry = write(blobs, table, previous, source)?;
        read_back(blobs, (table, shard), previous, &entry, Some(source.blocks))?;
        next.segments.push(entry);
    }
    next.put(blobs)?;
    Ok(next)
}

/// Looks whether an earlier attempt put its manifest although it reported an error.
///
/// Whether that manifest is durable is then unknown, so it is put again under the next number.
fn adopt(blobs: &dyn Blobs, previous: &Manifest) -> Result<Option<Manifest>, LedgerError> {
    let newest = manifest::newest(blobs)?;
    match newest {
        Some(newest) if newest == *previous => Ok(None),
        // Nothing was sealed so far.
        None if previous.number == 0 && previous.segments.is_empty() => Ok(None),
        Some(newest) if newest.number > previous.number && newest.segments.starts_with(&previous.segments) => {
            let again = newest.next();
            again.put(blobs)?;
            Ok(Some(again))
        }
        _ => {
            let path = blobs.path(&manifest::file_name(previous.number));
            Err(LedgerError::corrupt(
                path,
                "manifest",
                "the newest manifest on the disk is not the one that this process knows",
            ))
        }
    }
}

/// Deletes what earlier attempts left: files of batches that no manifest holds.
fn sweep(blobs: &dyn Blobs, previous: &Manifest) -> Result<(), LedgerError> {
    for name in blobs.list(segment::FOLDER)? {
        if first_batch_of(&name).is_some_and(|batch| batch >= previous.end_batch()) {
            blobs.delete(&name)?;
        }
    }
    Ok(())
}

/// Writes the files of the segment.
fn write(
    blobs: &dyn Blobs,
    table: &'static Table,
    previous: &Manifest,
    source: &SealSource<'_>,
) -> Result<SegmentEntry, LedgerError> {
    let (first_batch, first_seq) = (previous.end_batch(), previous.end_seq());
    let end_batch = first_batch + source.batches.len() as u64;
    let end_seq = first_seq + source.batches.iter().map(|batch| u64::from(batch.header.count)).sum::<u64>();
    let stem = stem(first_seq, end_seq, first_batch);
    let mut writer = SegmentWriter::new(blobs, table, &stem, first_seq)?;
    for block in source.blocks {
        writer.push(block)?;
    }
    if writer.next_seq() != end_seq {
        let what = format!("the rows end at {}, and the batches at {end_seq}", writer.next_seq());
        return Err(LedgerError::corrupt(blobs.path(&stem), "rows", what));
    }
    let mut files = writer.finish()?;
    let batches = source.batches;
    let headers = || batches.iter().map(|batch| &batch.header);
    let count = batches.len() as u64;
    let sidecars = [
        (FileKind::Headers, count, sidecar::encode_headers(headers())),
        (FileKind::Inputs, count, sidecar::encode_inputs(batches.iter().map(|batch| batch.inputs.as_slice()))),
        (FileKind::Secrets, count, sidecar::encode_secrets(batches.iter().map(|batch| &batch.secrets))),
        (FileKind::State, source.positions.len() as u64, sidecar::encode_state(source.positions, source.frontier)),
    ];
    for (kind, rows, bytes) in sidecars {
        files.push(put_sidecar(blobs, kind, &stem, rows, &bytes)?);
    }
    let (recorded, time) = ranges(headers());
    Ok(SegmentEntry { first_seq, end_seq, first_batch, end_batch, recorded, time, files })
}

/// Reads the files back and checks everything that they must agree on. With the blocks that the rows came from, every row is encoded
/// again and its keyed hash compared with the one of the parts that its leaf commits to; without them the leaves and the roots are
/// computed again.
fn read_back(
    blobs: &dyn Blobs,
    (table, shard): (&'static Table, u32),
    previous: &Manifest,
    entry: &SegmentEntry,
    blocks: Option<&[Arc<TailBlock>]>,
) -> Result<(), LedgerError> {
    let mut first = FirstFault { blobs, error: None };
    let mut tip = Tip::after(blobs, previous)?;
    let sidecars = check_sidecars(blobs, shard, entry, &mut tip, &mut first);
    for kind in [FileKind::Facts, FileKind::Content] {
        if let Some(file) = entry.file(kind) {
            check_hash(blobs, file, &mut first);
        }
    }
    if let (Some(sidecars), None) = (&sidecars, &first.error) {
        let expected = Expected { table, shard, headers: &sidecars.headers, secrets: &sidecars.secrets, blocks };
        check_rows(blobs, entry, expected, &mut first);
    }
    first.error.map_or(Ok(()), Err)
}

/// Proves the segments of a manifest from number `from` on by their leaves, and what queries believe of them besides.
pub(crate) fn prove(
    blobs: &dyn Blobs,
    table: &'static Table,
    manifest: &Manifest,
    from: usize,
) -> Result<(), LedgerError> {
    for (at, entry) in manifest.segments.iter().enumerate().skip(from) {
        let mut before = manifest.clone();
        before.segments.truncate(at);
        read_back(blobs, (table, manifest.shard), &before, entry, None)?;
        let mut first = FirstFault { blobs, error: None };
        check_encoding(blobs, table, entry, &mut first);
        first.error.map_or(Ok(()), Err)?;
    }
    Ok(())
}

/// Keeps the first thing that is wrong.
struct FirstFault<'a> {
    blobs: &'a dyn Blobs,
    error: Option<LedgerError>,
}

impl Listener for FirstFault<'_> {
    fn fault(&mut self, file: &str, place: String, what: String) {
        self.error.get_or_insert_with(|| LedgerError::corrupt(self.blobs.path(file), place, what));
    }

    fn unreadable(&mut self, _file: &str, _place: String, error: LedgerError) {
        self.error.get_or_insert(error);
    }
}

#[cfg(test)]
mod tests;
