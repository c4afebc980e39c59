//! The manifest: which files of a shard are live. It alone commits a seal, and its newest number wins.
//!
//! `manifest/<number, 20 digits>` holds one line of JSON and then `sha256 <64 hexadecimal digits>` over that line with
//! its line feed, so that a changed byte is found before anything is believed. Files are created exclusively and never
//! changed; the newest few are kept.

mod file;

use serde::{Deserialize, Serialize};

use proof::Digest;

use crate::blobs::{BlobError, Blobs};
use crate::error::LedgerError;
use crate::limits::{MANIFESTS_KEPT, SEALED_FILE_BYTES_MAX};
use crate::position::LedgerName;
use crate::segment;

pub use file::{FORMAT, decode};

/// The folder of the manifests.
pub const FOLDER: &str = "manifest";

/// The live files of one shard at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Says what the file is, before anything else is looked at.
    kind: file::Kind,
    /// Number of the format; readers accept every older one.
    pub format: u32,
    /// The ledger.
    #[serde(with = "file::ledger")]
    pub ledger: LedgerName,
    /// The shard.
    pub shard: u32,
    /// Origin of the shard's log: `<log name>/<ledger>/<shard>/<generation>`.
    pub origin: String,
    /// The generation: a restore opens a new one.
    pub generation: u64,
    /// Number of the manifest, from 0.
    pub number: u64,
    /// Hash of the manifest before this one; `None` for number 0.
    #[serde(with = "file::optional_digest")]
    pub previous: Option<Digest>,
    /// The first WAL frame that is still needed.
    pub wal: WalPosition,
    /// The segments in order of position, without gaps.
    pub segments: Vec<SegmentEntry>,
}

/// A place in the WAL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WalPosition {
    /// Number of the WAL file.
    pub file: u64,
    /// Offset of the frame in it.
    pub offset: u64,
}

/// One sealed segment: whole batches, in files that never change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentEntry {
    /// First position.
    pub first_seq: u64,
    /// Position after the last.
    pub end_seq: u64,
    /// First batch.
    pub first_batch: u64,
    /// Batch after the last.
    pub end_batch: u64,
    /// Smallest and largest `recorded` of the batches, in microseconds since 1970 UTC.
    pub recorded: (i64, i64),
    /// Smallest and largest event time, if any event has one.
    pub time: Option<(i64, i64)>,
    /// Its files; every kind but [`FileKind::Content`] is there once, and that one if an event has content.
    pub files: Vec<FileEntry>,
}

/// One file of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// What it holds.
    pub kind: FileKind,
    /// Its name, such as `segment/….facts.parquet`.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Number of rows, batches or source positions in it.
    pub rows: u64,
    /// SHA-256 of its bytes.
    #[serde(with = "file::digest")]
    pub sha256: Digest,
}

/// What a file of a segment holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// Position columns and facts columns, as Parquet.
    Facts,
    /// `seq` and the content columns of the events that have content, as Parquet.
    Content,
    /// The batch headers.
    Headers,
    /// The inputs of each batch.
    Inputs,
    /// The secrets of each batch, behind the salts.
    Secrets,
    /// The source positions and the log's frontier after the last batch.
    State,
}

impl FileKind {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 6] = [Self::Facts, Self::Content, Self::Headers, Self::Inputs, Self::Secrets, Self::State];

    /// How the file's name ends.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Facts => "facts.parquet",
            Self::Content => "content.parquet",
            Self::Headers => "headers",
            Self::Inputs => "inputs",
            Self::Secrets => "secrets",
            Self::State => "state",
        }
    }
}

impl SegmentEntry {
    /// The file of a kind.
    pub fn file(&self, kind: FileKind) -> Option<&FileEntry> {
        self.files.iter().find(|file| file.kind == kind)
    }

    /// Number of events.
    pub fn rows(&self) -> u64 {
        self.end_seq - self.first_seq
    }

    /// Number of batches.
    pub fn batches(&self) -> u64 {
        self.end_batch - self.first_batch
    }

    /// Whether a file has the name that its place demands, and room for the batches that are said to be in it: so neither
    /// the number of segments nor that of batches is above what the files on the disk can hold.
    fn check_file(&self, file: &FileEntry) -> Result<(), String> {
        let stem = segment::stem(self.first_seq, self.end_seq, self.first_batch);
        if file.name != format!("{stem}.{}", file.kind.extension()) {
            return Err(format!("the segment at {} has a file named {:?}", self.first_seq, file.name));
        }
        if file.size > SEALED_FILE_BYTES_MAX {
            return Err(format!("{} cannot have {} bytes", file.name, file.size));
        }
        let fits = segment::sidecar::size(file.kind, self.batches()).is_none_or(|size| size == u128::from(file.size));
        if fits { Ok(()) } else { Err(format!("{} cannot hold {} batches", file.name, self.batches())) }
    }
}

impl Manifest {
    /// The first manifest of a shard: nothing is sealed.
    pub fn first(ledger: LedgerName, shard: u32, origin: impl Into<String>, generation: u64) -> Self {
        Self {
            kind: file::Kind::Manifest,
            format: FORMAT,
            ledger,
            shard,
            origin: origin.into(),
            generation,
            number: 0,
            previous: None,
            wal: WalPosition::default(),
            segments: Vec::new(),
        }
    }

    /// The manifest after this one, so far with the same files.
    #[must_use]
    pub fn next(&self) -> Self {
        Self { format: FORMAT, number: self.number + 1, previous: Some(self.hash()), ..self.clone() }
    }

    /// The position after the last sealed event.
    pub fn end_seq(&self) -> u64 {
        self.segments.last().map_or(0, |segment| segment.end_seq)
    }

    /// The batch after the last sealed one.
    pub fn end_batch(&self) -> u64 {
        self.segments.last().map_or(0, |segment| segment.end_batch)
    }

    /// The hash by which the next manifest, and an entry in `operations`, name this one.
    pub fn hash(&self) -> Digest {
        file::hash(self)
    }

    /// Stores the manifest, durably; it fails if its number is taken. Then it deletes those that are too old to keep.
    pub fn put(&self, blobs: &dyn Blobs) -> Result<(), BlobError> {
        blobs.put(&file_name(self.number), &file::encode(self))?;
        if let Err(error) = self.delete_old(blobs) {
            // An old manifest too many harms nobody; the next seal tries again.
            tracing::warn!(error = %error, "an old manifest cannot be deleted");
        }
        Ok(())
    }

    fn delete_old(&self, blobs: &dyn Blobs) -> Result<(), BlobError> {
        let old = |name: &String| number_of(name).is_some_and(|number| number + MANIFESTS_KEPT <= self.number);
        blobs.list(FOLDER)?.iter().filter(|name| old(name)).try_for_each(|name| blobs.delete(name))
    }

    /// Whether names, ranges and order are such that readers may rely on them, or what is wrong.
    fn check(&self) -> Result<(), String> {
        // Both are counted on from, and the first is recorded as a signed number.
        if self.number >= i64::MAX.cast_unsigned() || self.wal.file >= i64::MAX.cast_unsigned() {
            return Err(format!("nothing can follow manifest {} and WAL file {}", self.number, self.wal.file));
        }
        let mut at = None;
        for segment in &self.segments {
            let (seq, batch) = at.unwrap_or((segment.first_seq, segment.first_batch));
            if segment.first_seq != seq || segment.first_batch != batch {
                return Err(format!("a segment starts at {} instead of {seq}", segment.first_seq));
            }
            if segment.end_seq < segment.first_seq || segment.end_batch <= segment.first_batch {
                return Err(format!("the segment at {} ends before it starts", segment.first_seq));
            }
            for kind in FileKind::ALL {
                let files = segment.files.iter().filter(|file| file.kind == kind).count();
                if files > 1 || (files == 0 && kind != FileKind::Content) {
                    return Err(format!("the segment at {} has {files} files of kind {kind:?}", segment.first_seq));
                }
            }
            for file in &segment.files {
                segment.check_file(file)?;
            }
            at = Some((segment.end_seq, segment.end_batch));
        }
        Ok(())
    }
}

/// The name of the manifest with a number.
pub fn file_name(number: u64) -> String {
    format!("{FOLDER}/{number:020}")
}

/// The number in a manifest's name.
pub fn number_of(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(FOLDER)?.strip_prefix('/')?;
    (digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

/// Tries to read the newest manifest while others replace it.
const TRIES: usize = 5;

/// The newest manifest; `None` if there is none at all.
///
/// A damaged newest manifest is an error: an older one would hide what was sealed since.
pub fn newest(blobs: &dyn Blobs) -> Result<Option<Manifest>, LedgerError> {
    let mut tries = 0;
    loop {
        let names = blobs.list(FOLDER)?;
        let Some(number) = names.iter().filter_map(|name| number_of(name)).max() else { return Ok(None) };
        match load(blobs, number) {
            // It was deleted because newer ones came: look again.
            Err(LedgerError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound && tries < TRIES => {
                tries += 1;
            }
            loaded => return loaded.map(Some),
        }
    }
}

/// The manifest with a number.
pub fn load(blobs: &dyn Blobs, number: u64) -> Result<Manifest, LedgerError> {
    let name = file_name(number);
    let bytes = blobs.get(&name)?;
    let path = blobs.path(&name);
    let manifest = decode(&path, &bytes)?;
    if manifest.number != number {
        return Err(LedgerError::corrupt(path, "number", format!("it says that it is number {}", manifest.number)));
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests;
