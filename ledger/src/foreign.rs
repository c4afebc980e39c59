//! The view of a ledger that another process may be writing: its manifest and WAL files are read again as they grow.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::column::Table;
use crate::disk::LocalDisk;
use crate::error::LedgerError;
use crate::identity::Identity;
use crate::limits::REFRESH_TRIES_MAX;
use crate::position::LedgerName;
use crate::replay::{Depth, Replay};
use crate::segments::{Segments, newest_manifest};
use crate::seq::Seq;
use crate::store::Durable;
use crate::tail::Tail;
use crate::timestamp::Timestamp;
use crate::view::View;
use crate::wal::file::{WalFile, file_name};
use crate::wal::scan::Scanner;

/// What was read so far.
#[derive(Debug)]
pub(crate) struct ForeignView {
    directory: PathBuf,
    ledger: LedgerName,
    shard: u32,
    origin: String,
    manifest: Option<u64>,
    replay: Replay,
    scanner: Option<Scanner>,
    next_file: u64,
}

impl ForeignView {
    /// Opens a ledger as it stands. Its WAL is read by the first [`Self::refresh`]: not every question needs rows.
    pub(crate) fn open(
        directory: &Path,
        ledger: LedgerName,
        shard: u32,
        identity: &Identity,
    ) -> Result<(Self, Arc<View>), LedgerError> {
        let table = Table::of(ledger);
        let origin = identity.origin(ledger, shard);
        let (segments, start) = Segments::open(directory, ledger, shard, &origin)?;
        let manifest = segments.manifest().map(|manifest| manifest.number);
        let tail = Tail::new();
        let replay = Replay::new(Depth::Rows, table, shard, start.chain, start.positions);
        let view = View::new(table, shard, Arc::new(segments), tail, replay.positions.clone(), Durable::default());
        let foreign = Self {
            directory: directory.to_owned(),
            ledger,
            shard,
            origin,
            manifest,
            replay,
            scanner: None,
            next_file: start.first_wal,
        };
        Ok((foreign, Arc::new(view)))
    }

    /// Brings `view` up to what the disk has. Files may vanish meanwhile: then a newer manifest holds their rows.
    pub(crate) fn refresh(&mut self, view: &View) -> Result<(), LedgerError> {
        for _ in 0..REFRESH_TRIES_MAX {
            self.follow_manifest(view)?;
            match self.follow_wal(view) {
                Err(LedgerError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                other => return other,
            }
        }
        Err(LedgerError::io("read", &self.directory)(std::io::Error::other(
            "its files kept vanishing while they were read",
        )))
    }

    fn follow_manifest(&mut self, view: &View) -> Result<(), LedgerError> {
        if newest_manifest(&self.directory)? == self.manifest {
            return Ok(());
        }
        let (segments, start) = Segments::open(&self.directory, self.ledger, self.shard, &self.origin)?;
        self.manifest = segments.manifest().map(|manifest| manifest.number);
        let segments = Arc::new(segments);
        if self.next_file < start.first_wal || self.replay.next_seq < segments.end_seq() {
            // The reader was behind: what it has not seen of the WAL is sealed.
            self.replay = Replay::new(Depth::Rows, Table::of(self.ledger), self.shard, start.chain, start.positions);
            (self.scanner, self.next_file) = (None, start.first_wal);
        }
        if let Some(sealed) = start.first_wal.checked_sub(1) {
            view.seal(segments, sealed);
        }
        Ok(())
    }

    fn follow_wal(&mut self, view: &View) -> Result<(), LedgerError> {
        loop {
            // The next file is opened before the current one is read to its end: once it exists, the current one is whole.
            let next = self.open_next()?;
            if let Some(scanner) = &mut self.scanner {
                let file = Arc::clone(scanner.file());
                while let Some(commit) = scanner.next_commit()? {
                    // What is decoded is decoded without the lock.
                    let mut blocks = Vec::new();
                    self.replay.apply(&file, &commit, Some(&mut blocks))?;
                    view.add(blocks);
                }
                view.lock().positions.clone_from(&self.replay.positions);
            }
            view.publish(Durable {
                next_seq: Seq::new(self.replay.next_seq),
                recorded_until: Timestamp::from_unix_micros(self.replay.recorded),
                batches: self.replay.chain.next_batch,
            });
            let Some(next) = next else { return Ok(()) };
            let chain = &self.replay.chain;
            let at = (chain.next_batch, self.replay.next_seq);
            next.check_place((self.ledger, self.shard), &self.origin, self.next_file - 1, at)?;
            self.scanner = Some(Scanner::new(next));
        }
    }

    /// Opens the WAL file after the one that is read, once it is begun.
    fn open_next(&mut self) -> Result<Option<Arc<WalFile>>, LedgerError> {
        let path = self.directory.join("wal").join(file_name(self.next_file));
        let file = match WalFile::open(&LocalDisk, &path, false) {
            // Before the first file, or while the newest one is still written, there is no next one.
            Err(LedgerError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let Some(file) = file else { return Ok(None) };
        // Without a commit it has nothing to read, and the writer may still take it back.
        if file.is_empty()? {
            return Ok(None);
        }
        self.next_file += 1;
        Ok(Some(Arc::new(file)))
    }
}
