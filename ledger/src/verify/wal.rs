//! The WAL files of one ledger as a verification reads them: opened at once, read in order, and read on as they grow.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;

use super::Report;
use super::log::Place;
use crate::disk::{Disk, LocalDisk};
use crate::error::LedgerError;
use crate::limits::VERIFY_WAL_FILES_MAX;
use crate::replay::Replay;
use crate::wal::file::{WalFile, file_name, file_number};
use crate::wal::scan::{End, Scanner};

/// Where the reading stands.
pub(super) struct Wal {
    directory: PathBuf,
    /// Files that were opened and not read yet, in order.
    opened: VecDeque<Arc<WalFile>>,
    /// Number of the next file.
    next: u64,
    scanner: Option<Scanner>,
    /// Whether a file is missing or corrupt, so that nothing behind it can be read.
    broken: bool,
    /// Bytes behind the last commit.
    torn: u64,
}

impl Wal {
    /// Opens the files from number `first` on.
    pub(super) fn open(place: &Place, first: u64, report: &mut Report) -> Self {
        let directory = place.directory.join("wal");
        let mut wal = Self { directory, opened: VecDeque::new(), next: first, scanner: None, broken: false, torn: 0 };
        let numbers: Vec<u64> = match LocalDisk.list(&wal.directory) {
            Ok(paths) => paths.iter().filter_map(|path| file_number(path)).filter(|number| *number >= first).collect(),
            Err(error) => {
                let error = LedgerError::io("list", &wal.directory)(error);
                report.error(place.ledger, place.shard, "wal".to_owned(), &error);
                wal.broken = true;
                return wal;
            }
        };
        if let Some((expected, number)) = (first..).zip(&numbers).find(|(expected, number)| expected != *number) {
            let what =
                place.at(format!("wal/{}", file_name(*number)), format!("WAL file {expected} is missing before it"));
            // Files are made and deleted in order, so that only the first ones can be gone when a copy comes to them.
            if expected == first {
                report.absence(what);
            } else {
                report.fault(what);
            }
            wal.broken = true;
            return wal;
        }
        for number in numbers.into_iter().take(VERIFY_WAL_FILES_MAX) {
            // What cannot be opened now is met again when it is its turn.
            let Ok(Some(file)) = WalFile::open(&LocalDisk, &wal.directory.join(file_name(number)), false) else {
                break;
            };
            wal.opened.push_back(Arc::new(file));
        }
        wal
    }

    /// Reads to the end of what there is; `false` if that is not the end of the log.
    pub(super) fn read_on(&mut self, place: &Place, replay: &mut Replay, report: &mut Report) -> bool {
        while !self.broken {
            match self.read_one(place, replay, report) {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    let name = match &error {
                        LedgerError::Corrupt { path, .. } | LedgerError::Io { path, .. } => path.file_name(),
                        _ => None,
                    };
                    let name = name.map_or_else(|| file_name(self.next), |name| name.to_string_lossy().into_owned());
                    report.error(place.ledger, place.shard, format!("wal/{name}"), &error);
                    self.broken = true;
                }
            }
        }
        !self.broken
    }

    /// Reads the current file as far as it goes and turns to the next one; `false` if there is none.
    fn read_one(&mut self, place: &Place, replay: &mut Replay, report: &mut Report) -> Result<bool, LedgerError> {
        // The next file is opened before the current one is read to its end: once it exists, the current one is whole.
        let next = self.open_next()?;
        // The newest file counts for nothing while it has no frame: the one before may have gone on.
        let is_spare = match &next {
            Some(file) => file.is_empty()? && !self.directory.join(file_name(self.next + 1)).exists(),
            None => false,
        };
        self.read_file(next.is_some() && !is_spare, replay, report)?;
        let Some(file) = next else { return Ok(false) };
        let at = (replay.chain.next_batch, replay.next_seq);
        let placed = file.check_place((place.ledger, place.shard), &place.origin, self.next, at);
        if is_spare && (placed.is_err() || replay.batch.is_some() || self.torn > 0) && self.scanner.is_some() {
            return Ok(false);
        }
        placed?;
        let commit = self.scanner.as_ref().map(Scanner::next_commit_number);
        if commit.is_some_and(|commit| commit != file.header.first_commit) {
            let what = format!("it starts with commit {}", file.header.first_commit);
            return Err(LedgerError::corrupt(&file.path, "header", what));
        }
        self.next += 1;
        self.scanner = Some(Scanner::new(file));
        Ok(true)
    }

    /// Says what follows the last commit.
    pub(super) fn tell_end(&self, place: &Place, report: &mut Report) {
        if self.torn > 0 && !self.broken {
            let text = format!("{}: {} bytes behind the last commit were never acknowledged", place.ledger, self.torn);
            report.notes.push(text);
        }
    }

    /// The next file, if it is begun.
    fn open_next(&mut self) -> Result<Option<Arc<WalFile>>, LedgerError> {
        match self.opened.pop_front() {
            Some(file) => Ok(Some(file)),
            None => match WalFile::open(&LocalDisk, &self.directory.join(file_name(self.next)), false) {
                Err(LedgerError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Ok(None) if self.directory.join(file_name(self.next + 1)).exists() => {
                    let path = self.directory.join(file_name(self.next));
                    Err(LedgerError::corrupt(path, "header", "it was never begun, and a newer file follows"))
                }
                other => Ok(other?.map(Arc::new)),
            },
        }
    }

    /// Reads the current file as far as it is whole; all of it if a newer one `follows`.
    fn read_file(&mut self, follows: bool, replay: &mut Replay, report: &mut Report) -> Result<(), LedgerError> {
        let Some(scanner) = &mut self.scanner else { return Ok(()) };
        let file = Arc::clone(scanner.file());
        while let Some(commit) = scanner.next_commit()? {
            let before = replay.chain.next_batch;
            replay.apply(&file, &commit, None)?;
            report.events += u64::from(commit.commit.count);
            report.batches += replay.chain.next_batch - before;
            report.bytes += commit.bytes.len() as u64;
        }
        self.torn = 0;
        match scanner.end()? {
            End::Clean if !follows || replay.batch.is_none() => Ok(()),
            End::Torn(bytes) if !follows => {
                self.torn = bytes;
                Ok(())
            }
            End::Clean | End::Torn(_) => {
                let place = format!("offset {}", scanner.offset());
                Err(LedgerError::corrupt(&file.path, place, "the file was full and whole when the next one was begun"))
            }
        }
    }
}
