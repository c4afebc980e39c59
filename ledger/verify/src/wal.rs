//! The WAL files of one ledger as a verification reads them: opened at once, read in order, and read on as they grow.

pub(crate) mod block;
pub(crate) mod commits;
mod file;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

use commits::{Commits, End, Frame};
use file::{Expected, WalFile, file_name};

use crate::error::VerifyError;
use crate::limits::{LISTINGS_MAX, WAL_FILES_MAX};
use crate::log::ShardContext;
use crate::replay::Replay;
use crate::report::Report;

pub(crate) use file::file_number;

/// The folder of the WAL files.
pub(crate) const FOLDER: &str = "wal";

/// Where the reading stands.
pub(crate) struct Wal {
    folder: PathBuf,
    /// Files that were opened and not read yet, in order.
    opened: VecDeque<WalFile>,
    /// Number of the next file.
    next: u64,
    current: Option<Commits>,
    /// Whether a file is missing or corrupt, so that nothing behind it can be read.
    broken: bool,
    /// Bytes behind the last commit.
    torn: u64,
}

/// The numbers of the WAL files in a folder, in order.
fn numbers(folder: &Path) -> Result<Vec<u64>, VerifyError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(VerifyError::io("list", folder))?,
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.map_err(VerifyError::io("list", folder))?.file_name();
        numbers.extend(name.to_str().and_then(file_number));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// The numbers of the WAL files from `first` on. A folder is not listed in one moment: two files that are made meanwhile may show as the second
/// only. Files are made in order, so whoever looks again finds the first one, too, unless it is missing indeed.
fn whole_numbers(folder: &Path, first: u64) -> Result<Vec<u64>, VerifyError> {
    let mut listed = Vec::new();
    for _ in 0..LISTINGS_MAX {
        listed = numbers(folder)?;
        listed.retain(|number| *number >= first);
        if (first..).zip(&listed).all(|(expected, number)| expected == *number) {
            break;
        }
    }
    Ok(listed)
}

impl Wal {
    /// Opens the files from number `first` on.
    pub(crate) fn open(context: &ShardContext, first: u64, report: &mut Report) -> Self {
        let folder = context.folder.join(FOLDER);
        let mut wal = Self { folder, opened: VecDeque::new(), next: first, current: None, broken: false, torn: 0 };
        let numbers = match whole_numbers(&wal.folder, first) {
            Ok(numbers) => numbers,
            Err(error) => {
                report.error(context.ledger, context.shard, FOLDER.to_owned(), &error);
                wal.broken = true;
                return wal;
            }
        };
        if let Some((expected, number)) = (first..).zip(&numbers).find(|(expected, number)| expected != *number) {
            let what = format!("WAL file {expected} is missing before it");
            let fault = context.at(format!("{FOLDER}/{}", file_name(*number)), what);
            // Files are made and deleted in order, so that only the first ones can be gone when a copy comes to them.
            if expected == first {
                report.absence(fault);
            } else {
                report.fault(fault);
            }
            wal.broken = true;
            return wal;
        }
        for number in numbers.into_iter().take(WAL_FILES_MAX) {
            // What cannot be opened now is met again when it is its turn.
            let Ok(Some(file)) = WalFile::open(&wal.folder.join(file_name(number))) else { break };
            wal.opened.push_back(file);
        }
        wal
    }

    /// Reads to the end of what there is; `false` if that is not the end of the log.
    pub(crate) fn read_on(&mut self, context: &ShardContext, replay: &mut Replay, report: &mut Report) -> bool {
        while !self.broken {
            match self.read_one(context, replay, report) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    let name = match &error {
                        VerifyError::Corrupt { path, .. } | VerifyError::Io { path, .. } => path.file_name(),
                        _ => None,
                    };
                    let name = name.map_or_else(|| file_name(self.next), |name| name.to_string_lossy().into_owned());
                    report.error(context.ledger, context.shard, format!("{FOLDER}/{name}"), &error);
                    self.broken = true;
                }
            }
        }
        !self.broken
    }

    /// Reads the current file as far as it goes and turns to the next one; `false` if there is none.
    fn read_one(
        &mut self,
        context: &ShardContext,
        replay: &mut Replay,
        report: &mut Report,
    ) -> Result<bool, VerifyError> {
        // The next file is opened before the current one is read to its end: once it exists, the current one is whole.
        let next = self.open_next()?;
        // The newest file counts for nothing while it has no frame: the one before may have gone on.
        let is_spare = match &next {
            Some(file) => file.is_empty()? && !self.exists(self.next + 1),
            None => false,
        };
        self.read_current(next.is_some() && !is_spare, replay, report)?;
        let Some(file) = next else { return Ok(false) };
        let stands = file.check(&Expected {
            ledger: context.ledger,
            shard: context.shard,
            origin: &context.origin,
            number: self.next,
            batch: replay.chain.next_batch,
            seq: replay.next_seq(),
        });
        if is_spare && self.current.is_some() && (stands.is_err() || replay.open.is_some() || self.torn > 0) {
            return Ok(false);
        }
        stands?;
        let commit = self.current.as_ref().map(Commits::next_number);
        if commit.is_some_and(|commit| commit != file.header.first_commit) {
            let what = format!("it starts with commit {}", file.header.first_commit);
            return Err(VerifyError::corrupt(&file.path, "header", what));
        }
        self.next += 1;
        self.current = Some(Commits::of(file));
        Ok(true)
    }

    /// Says what follows the last commit.
    pub(crate) fn tell_end(&self, context: &ShardContext, report: &mut Report) {
        if self.torn > 0 && !self.broken {
            let text =
                format!("{}: {} bytes behind the last commit were never acknowledged", context.ledger, self.torn);
            report.notes.push(text);
        }
    }

    fn exists(&self, number: u64) -> bool {
        self.folder.join(file_name(number)).exists()
    }

    /// The next file, if it is begun.
    fn open_next(&mut self) -> Result<Option<WalFile>, VerifyError> {
        if let Some(file) = self.opened.pop_front() {
            return Ok(Some(file));
        }
        let path = self.folder.join(file_name(self.next));
        match WalFile::open(&path) {
            Err(error) if error.is_missing() => Ok(None),
            Ok(None) if self.exists(self.next + 1) => {
                Err(VerifyError::corrupt(path, "header", "it was never begun, and a newer file follows"))
            }
            other => other,
        }
    }

    /// Reads the current file as far as it is whole; all of it if a newer one `follows`.
    fn read_current(&mut self, follows: bool, replay: &mut Replay, report: &mut Report) -> Result<(), VerifyError> {
        let Some(commits) = &mut self.current else { return Ok(()) };
        while let Some(commit) = commits.next()? {
            let batches = replay.chain.next_batch;
            for frame in &commit.frames {
                let block = if let Frame::Block { bytes, .. } = frame { commits.bytes(bytes) } else { &[] };
                replay.frame(frame, block).map_err(|what| {
                    let place = format!("offset {}, commit {}", commit.offset, commit.number);
                    VerifyError::corrupt(&commits.file().path, place, what)
                })?;
            }
            report.events += u64::from(commit.events);
            report.batches += replay.chain.next_batch - batches;
            report.bytes += commit.len as u64;
            report.part_bytes += std::mem::take(&mut replay.part_bytes);
        }
        self.torn = 0;
        match commits.end()? {
            End::Clean if !follows || replay.open.is_none() => Ok(()),
            End::Torn(bytes) if !follows => {
                self.torn = bytes;
                Ok(())
            }
            End::Clean | End::Torn(_) => {
                let place = format!("offset {}", commits.offset());
                let what = "the file was full and whole when the next one was begun";
                Err(VerifyError::corrupt(&commits.file().path, place, what))
            }
        }
    }
}
