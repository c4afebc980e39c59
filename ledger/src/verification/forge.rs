//! What somebody can write who knows the format and has no key: batches behind the log, other encodings of the same rows,
//! manifests.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use proof::Digest;

use crate::batch::{Chain, OpenBatch, Secrets};
use crate::blobs::{Blobs as _, LocalBlobs};
use crate::disk::LocalDisk;
use crate::events::column;
use crate::fixtures::encoded;
use crate::identity::{Identity, random, shard_directory};
use crate::manifest::{self, FileEntry, FileKind, Manifest, SegmentEntry};
use crate::replay::{Depth, Replay};
use crate::segments::Segments;
use crate::wal::file::WalFile;
use crate::wal::frame::{BlockFrame, Commit, FrameType, Open, Seed, write_frame};
use crate::wal::scan::Scanner;
use crate::{Entry, LedgerName, Table, segment};

/// Events in a forged batch.
const EVENTS: usize = 3;

/// The WAL files of a ledger, in order.
pub(super) fn wal_of(data: &Path, ledger: LedgerName) -> Vec<PathBuf> {
    let folder = shard_directory(data, ledger, 0).join("wal");
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder).expect("listed").map(|file| file.expect("listed").path()).collect();
    files.sort();
    files
}

/// The state at the end of a ledger, and the scanner that stands there.
fn end(data: &Path, ledger: LedgerName) -> (Replay, Scanner) {
    let origin = Identity::read(data).expect("readable").origin(ledger, 0);
    let (_, start) = Segments::open(&shard_directory(data, ledger, 0), ledger, 0, &origin).expect("readable");
    let mut replay = Replay::new(Depth::Proofs, Table::of(ledger), 0, start.chain, start.positions);
    let mut last = None;
    for path in wal_of(data, ledger) {
        let file = Arc::new(WalFile::open(&LocalDisk, &path, false).expect("readable").expect("begun"));
        let mut scanner = Scanner::new(Arc::clone(&file));
        while let Some(commit) = scanner.next_commit().expect("sound") {
            replay.apply(&file, &commit, None).expect("sound");
        }
        last = Some(scanner);
    }
    (replay, last.expect("a file"))
}

/// The chain at the end of a ledger.
pub(super) fn chain(data: &Path, ledger: LedgerName) -> Chain {
    end(data, ledger).0.chain
}

/// Appends batches of simple entries to a log; the last one stays open unless it is to be `closed`.
pub(super) fn batches(data: &Path, ledger: LedgerName, count: usize, closed: bool) {
    let mut entry = Entry::new();
    match ledger {
        LedgerName::Events => entry.set_text(column::KIND, "forged"),
        LedgerName::Operations => entry.set_text(crate::operations::column::KIND, "forged"),
    }
    batches_of(data, ledger, &vec![entry; EVENTS], count, closed);
}

/// Appends batches of these entries to a log, as the writer would.
pub(super) fn batches_of(data: &Path, ledger: LedgerName, entries: &[Entry], count: usize, closed: bool) {
    let (mut replay, scanner) = end(data, ledger);
    let header = scanner.file().header.clone();
    let (mut number, mut seq) = (scanner.next_commit_number(), replay.next_seq);
    let mut bytes = fs::read(&scanner.file().path).expect("read");
    bytes.truncate(scanner.offset() as usize);
    let commit = |bytes: &mut Vec<u8>, number: &mut u64, next_seq: u64, count: usize| {
        let seed = Seed::new(header.number, header.nonce, *number);
        let commit = Commit { number: *number, epoch: 9, durable_through: *number - 1, next_seq, count: count as u32 };
        write_frame(bytes, seed, FrameType::Commit, |out| commit.encode(out));
        *number += 1;
    };
    for at in 0..count {
        let seed = Seed::new(header.number, header.nonce, number);
        let open = Open {
            batch: replay.chain.next_batch,
            first_seq: seq,
            secrets: Secrets { facts: random().expect("random"), content: random().expect("random") },
            writer: [7; 16],
            epoch: 9,
        };
        let mut batch = OpenBatch::new(Table::of(ledger), 0, open.clone());
        write_frame(&mut bytes, seed, FrameType::Open, |out| open.encode(out));
        let group = encoded(Table::of(ledger), entries);
        batch.add_block(&group.block.expect("entries"), replay.recorded, &group.digests);
        write_frame(&mut bytes, seed, FrameType::Block, |out| {
            out.extend_from_slice(&BlockFrame::prefix(seq, replay.recorded));
            out.extend_from_slice(&group.bytes);
        });
        seq += entries.len() as u64;
        commit(&mut bytes, &mut number, seq, entries.len());
        if closed || at + 1 < count {
            let seed = Seed::new(header.number, header.nonce, number);
            let closing = batch.header(replay.chain.previous, replay.recorded);
            write_frame(&mut bytes, seed, FrameType::Close, |out| out.extend_from_slice(&closing.encode()));
            commit(&mut bytes, &mut number, seq, 0);
            replay.chain.push(&closing).expect("the next header");
        }
    }
    fs::write(&scanner.file().path, bytes).expect("written");
}

/// A change of how a file's rows are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edit {
    /// No change.
    None,
    /// A bloom filter that denies everything.
    Bloom,
    /// A smallest value that is too large.
    Minimum,
    /// No statistics, no bloom filters, and no order.
    Plain,
    /// One more key in the footer.
    Footer,
}

/// Those that change something.
pub(super) const ENCODINGS: &[(&str, Edit)] = &[
    ("a bloom filter of zeros", Edit::Bloom),
    ("a falsified statistic", Edit::Minimum),
    ("another footer", Edit::Footer),
    ("another encoding", Edit::Plain),
];

impl Edit {
    fn apply(self, path: &Path) -> Vec<u8> {
        let mut bytes = fs::read(path).expect("read");
        let file = bytes::Bytes::from(bytes.clone());
        let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).expect("a reader");
        match self {
            Self::None => {}
            Self::Bloom => {
                let group = reader.metadata().row_group(0);
                let column = group.columns().iter().find(|column| column.column_path().string() == "host");
                let column = column.expect("a column");
                let (offset, length) = (column.bloom_filter_offset(), column.bloom_filter_length());
                let end = (offset.expect("a filter") + i64::from(length.expect("a length"))) as usize;
                bytes[end - 32..end].fill(0);
            }
            Self::Minimum => {
                let text = b"session-0";
                let at = bytes.windows(text.len()).rposition(|window| window == text).expect("a statistic");
                bytes[at + text.len() - 1] = b'1';
            }
            Self::Plain | Self::Footer => {
                let mut keys = reader.metadata().file_metadata().key_value_metadata().cloned().expect("a footer");
                keys.retain(|value| value.key.starts_with("tachograph."));
                if self == Self::Footer {
                    keys.push(parquet::file::metadata::KeyValue::new("other".to_owned(), "x".to_owned()));
                }
                let properties = WriterProperties::builder()
                    .set_created_by(format!("tachograph {}", env!("CARGO_PKG_VERSION")))
                    .set_statistics_enabled(EnabledStatistics::None)
                    .set_key_value_metadata(Some(keys))
                    .build();
                let mut out = Vec::new();
                let mut writer =
                    ArrowWriter::try_new(&mut out, Arc::clone(reader.schema()), Some(properties)).expect("a writer");
                for batch in reader.with_batch_size(1 << 20).build().expect("a reader") {
                    writer.write(&batch.expect("readable")).expect("written");
                }
                writer.close().expect("closed");
                bytes = out;
            }
        }
        bytes
    }
}

fn newest(data: &Path) -> (LocalBlobs, Manifest) {
    let blobs = LocalBlobs::new(shard_directory(data, LedgerName::Events, 0));
    let manifest = manifest::newest(&blobs).expect("readable").expect("sealed");
    (blobs, manifest)
}

/// Changes the facts of the last segment, and the manifest with them.
fn edit(blobs: &LocalBlobs, manifest: &mut Manifest, edit: Edit) {
    let segment = manifest.segments.last_mut().expect("sealed");
    let file = segment.files.iter_mut().find(|file| file.kind == FileKind::Facts).expect("there");
    let path = blobs.path(&file.name);
    let bytes = edit.apply(&path);
    (file.size, file.sha256) = (bytes.len() as u64, Digest::of(&[], &[&bytes]));
    fs::write(path, bytes).expect("written");
}

/// Puts a manifest behind the newest one, over changed files; none of the older ones is left to vouch for any.
pub(super) fn next_manifest(data: &Path, how: Edit) {
    let (blobs, mut manifest) = newest(data);
    edit(&blobs, &mut manifest, how);
    for name in blobs.list(manifest::FOLDER).expect("listed") {
        blobs.delete(&name).expect("deleted");
    }
    manifest.next().put(&blobs).expect("stored");
}

/// Replaces the newest manifest under its own number.
pub(super) fn same_manifest(data: &Path, how: Edit) {
    let (blobs, mut manifest) = newest(data);
    edit(&blobs, &mut manifest, how);
    blobs.delete(&manifest::file_name(manifest.number)).expect("deleted");
    manifest.put(&blobs).expect("stored");
}

/// A manifest with many segments behind the last one that have no files.
pub(super) fn many_segments(data: &Path, count: u64) {
    let (blobs, manifest) = newest(data);
    let mut next = manifest.next();
    for _ in 0..count {
        let (seq, batch) = (next.end_seq(), next.end_batch());
        let stem = segment::stem(seq, seq + 1, batch);
        let files = FileKind::ALL.map(|kind| FileEntry {
            kind,
            name: format!("{stem}.{}", kind.extension()),
            size: segment::sidecar::size(kind, 1).unwrap_or(99) as u64,
            rows: 1,
            sha256: Digest::ZERO,
        });
        next.segments.push(SegmentEntry {
            first_seq: seq,
            end_seq: seq + 1,
            first_batch: batch,
            end_batch: batch + 1,
            recorded: (0, 0),
            time: None,
            files: files.to_vec(),
        });
    }
    next.put(&blobs).expect("stored");
}
