//! A collector's files: finds them, keeps rotated ones open until their end, and reads each file's lines in order.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use ledger::access::Principal;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::file::{FileId, FoundFile, Paths, Stored, stored};
use super::source::{Offset, Source, SourceError};
use crate::health::Fault;
use crate::limits;
use crate::pump::{Channel, Intake, Patience, Pump, PumpError};

/// Where to begin in files that are there when a collector runs for the first time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Origin {
    #[default]
    Beginning,
    End,
}

/// Says which file cannot be read and why.
fn unreadable(path: &Path, error: &io::Error) -> (Fault, String) {
    let remedy = if error.kind() == io::ErrorKind::PermissionDenied { "; let the server's user read it" } else { "" };
    (Fault::Unreadable, format!("{}: {error}{remedy}", path.display()))
}

/// Reads all files of one collector.
pub(super) struct Tailer {
    pump: Arc<Pump>,
    channel: Arc<Channel>,
    principal: Arc<Principal>,
    paths: Paths,
    origin: Origin,
    stop: CancellationToken,
    /// How far files were read that are not open.
    known: BTreeMap<FileId, Stored>,
    /// The open files; of those that one path had after each other, the earlier first.
    sources: Vec<Source>,
    /// Nothing was read under this collector's name before.
    new: bool,
    started: bool,
    next_scan: Option<Instant>,
    trouble: Option<(Fault, String)>,
    buffer: Vec<u8>,
}

impl Tailer {
    /// A collector that goes on where the ledger's `inputs` say.
    pub fn new(
        pump: Arc<Pump>,
        channel: Arc<Channel>,
        principal: Arc<Principal>,
        inputs: &BTreeMap<Vec<u8>, Vec<u8>>,
        paths: Paths,
        origin: Origin,
        stop: CancellationToken,
    ) -> Self {
        let known = stored(channel.name(), inputs);
        Self {
            pump,
            channel,
            principal,
            paths,
            origin,
            stop,
            new: known.is_empty(),
            known,
            sources: Vec::new(),
            started: false,
            next_scan: None,
            trouble: None,
            buffer: vec![0; limits::READ_BYTES],
        }
    }

    /// Looks for files if it is time, reads what is new in each, and waits until it is durable. Returns the bytes read.
    pub async fn step(&mut self, now: Instant) -> Result<u64, PumpError> {
        if self.next_scan.is_none_or(|at| now >= at) {
            self.next_scan = Some(now + limits::TAIL_SCAN_EVERY);
            self.trouble = self.scan().err();
        }
        let result = self.read(now).await;
        if result.is_err() {
            self.reset();
        } else {
            self.channel.set_trouble(self.trouble.clone());
        }
        let metrics = self.channel.metrics();
        metrics.lag.set(self.sources.iter().map(Source::lag).sum::<u64>() as i64);
        metrics.files.set(self.sources.len() as i64);
        result
    }

    #[cfg(test)]
    pub fn troubles(&self) -> Vec<crate::health::Trouble> {
        self.channel.troubles()
    }

    async fn read(&mut self, now: Instant) -> Result<u64, PumpError> {
        let mut total = 0;
        for at in 0..self.sources.len() {
            if self.is_blocked(at) {
                continue;
            }
            let source = &mut self.sources[at];
            match source.read(now, &mut self.buffer).await {
                Ok(read) => total += read,
                Err(SourceError::Pump(error)) => return Err(error),
                Err(SourceError::Io(error)) => {
                    source.skip(now);
                    self.trouble = Some(unreadable(&source.path, &error));
                }
            }
        }
        for source in &mut self.sources {
            source.finish().await?;
        }
        let mut at = 0;
        while at < self.sources.len() {
            if self.sources[at].is_over(now) {
                self.sources[at].give_up("the file was rotated away before the line ended").await?;
                let mut source = self.sources.remove(at);
                self.remember(source.id, source.durable());
            } else {
                at += 1;
            }
        }
        Ok(total)
    }

    /// Whether a file waits for the end of the one that stood at its path before it.
    fn is_blocked(&self, at: usize) -> bool {
        let after = self.sources[at].after;
        self.sources.iter().any(|source| Some(source.id) == after && !source.drained)
    }

    /// Forgets what was not made durable: the files are opened again where the ledger's offsets are.
    fn reset(&mut self) {
        for mut source in std::mem::take(&mut self.sources) {
            self.remember(source.id, source.durable());
        }
        (self.started, self.next_scan) = (false, None);
    }

    fn remember(&mut self, id: FileId, stored: Stored) {
        self.known.insert(id, stored);
        if self.known.len() > limits::TAIL_KNOWN_MAX {
            let oldest = self.known.iter().min_by_key(|(_, stored)| stored.modified).map(|(id, _)| *id);
            if let Some(oldest) = oldest {
                self.known.remove(&oldest);
            }
        }
    }

    /// Looks which files there are; says what keeps it from reading one.
    fn scan(&mut self) -> Result<(), (Fault, String)> {
        let mut listed = self.paths.list().map_err(|(path, error)| unreadable(&path, &error))?;
        let is_missing = listed.is_empty();
        if listed.iter().any(|file| !self.sources.iter().any(|source| source.id == file.id)) || !self.started {
            self.started = true;
            self.open_leftovers(&listed);
        }
        for source in &mut self.sources {
            source.rotated = !listed.iter().any(|file| file.id == source.id && file.path == source.path);
            source.drained &= source.rotated;
        }
        listed.retain(|file| !self.sources.iter().any(|source| source.id == file.id));
        let room = limits::TAIL_FILES_MAX.saturating_sub(self.sources.len());
        if listed.len() > room {
            // Files that were read to their end can wait.
            listed.retain(|file| self.known.get(&file.id).is_none_or(|stored| stored.offset != file.size));
        }
        let many = listed.len().saturating_sub(room);
        let limit = limits::TAIL_FILES_MAX;
        let mut failed =
            (many > 0).then(|| (Fault::PassedOver, format!("{many} files above the limit of {limit} wait")));
        for file in listed.into_iter().take(room) {
            let fresh = if self.new && self.origin == Origin::End { file.size } else { 0 };
            if let Err(error) = self.open(&file, file.path.clone(), Some(fresh)) {
                failed = Some(unreadable(&file.path, &error));
            }
        }
        self.new = false;
        // While a file that was rotated away is still followed, the next one may be about to come.
        if is_missing && self.sources.is_empty() && failed.is_none() {
            failed = Some((Fault::Missing, self.paths.missing()));
        }
        failed.map_or(Ok(()), Err)
    }

    /// Opens files that were rotated away and not read to their end: while the collector did not run, or several within
    /// one pause of the scan.
    fn open_leftovers(&mut self, listed: &[FoundFile]) {
        let open = self.sources.iter_mut().map(|source| (source.id, source.durable().modified));
        let known = self.known.iter().map(|(id, stored)| (*id, stored.modified));
        let Some((last, newest)) = open.chain(known).max_by_key(|(_, modified)| *modified) else { return };
        let mut siblings = self.paths.siblings();
        let is_open = |id| self.sources.iter().any(|source| source.id == id);
        if !is_open(last) && !listed.iter().chain(&siblings).any(|file| file.id == last) {
            self.channel.metrics().missing.inc();
            let collector = self.channel.name();
            tracing::warn!(collector, "the file that was read last is gone; lines at its end may be lost");
            self.known.remove(&last);
        }
        siblings.retain(|file| !is_open(file.id) && !listed.iter().any(|other| other.id == file.id));
        // The file in the middle of which reading stopped is older than those that were never met.
        siblings.sort_by_key(|file| !self.known.contains_key(&file.id));
        for file in siblings {
            let known = self.known.get(&file.id);
            if known.is_some_and(|stored| (stored.offset, stored.modified) == (file.size, file.modified)) {
                continue;
            }
            // One that came after the file that was read last was rotated away whole; its inode may have been another's.
            let is_later = self.paths.is_rotation_of(&file.path) && file.modified >= newest;
            let fresh = is_later.then_some(0);
            if known.is_none() && fresh.is_none() {
                continue;
            }
            let place = self.paths.single().unwrap_or(&file.path).to_owned();
            if let Err(error) = self.open(&file, place, fresh) {
                tracing::warn!(path = %file.path.display(), %error, "a rotated file cannot be read");
            }
        }
    }

    /// Opens a file that stands, or stood, at `place`.
    fn open(&mut self, file: &FoundFile, place: PathBuf, fresh: Option<u64>) -> io::Result<()> {
        let (pump, channel, principal) =
            (Arc::clone(&self.pump), Arc::clone(&self.channel), Arc::clone(&self.principal));
        let patience = Patience::Until(self.stop.clone());
        let key = |id: FileId| id.key(self.channel.name());
        let intake = |offset: Offset, at| Intake::new(pump, channel, principal, patience, offset, at);
        let source = Source::open(&file.path, self.known.get(&file.id), fresh, &self.pump, key, intake)?;
        // Between the listing and the opening another file may have taken the path; the next scan sees it.
        let Some(mut source) = source.filter(|source| source.id == file.id) else { return Ok(()) };
        source.after = self.last_at(&place);
        source.path = place;
        self.known.remove(&source.id);
        self.sources.push(source);
        Ok(())
    }

    /// The file that stood last at a path and is still open.
    fn last_at(&self, place: &Path) -> Option<FileId> {
        self.sources.iter().rev().find(|source| source.path == place).map(|source| source.id)
    }
}
