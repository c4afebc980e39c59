//! A collector's files: finds them, keeps rotated ones open until their end, and reads each file's lines in order.

mod leftovers;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use operations::access::Principal;
use operations::standing::State;
use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::behind::Behind;
use super::file::{FileId, FoundFile, Paths, Stored, stored};
use super::source::{Offset, Source, SourceError};
use crate::health::Trouble;
use crate::limits;
use crate::pipeline::{Channel, Intake, Lineage, Patience, Pipeline, PipelineError};
use leftovers::{Descent, Life};

/// Where to begin in files that are there when a collector runs for the first time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Origin {
    #[default]
    Beginning,
    End,
}

/// Says which file cannot be read and why.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Trouble {
    (State::Unreadable, format!("{}: {error}", path.display()))
}

/// Reads all files of one collector.
pub(super) struct Tailer {
    pipeline: Arc<Pipeline>,
    channel: Arc<Channel>,
    principal: Arc<Principal>,
    paths: Paths,
    origin: Origin,
    stop: CancellationToken,
    /// How far files were read that are not open.
    known: BTreeMap<FileId, Stored>,
    /// The open files; of those that one path had after each other, the earlier first.
    sources: Vec<Source>,
    /// How far behind they are.
    behind: Arc<Behind>,
    /// Nothing was read under this collector's name before.
    new: bool,
    /// Contents that were read and whose files were cut, with whether the rest is read from a copy.
    lives: Vec<Life>,
    /// Copies of files that are still there, with size and time of change.
    waiting: BTreeMap<FileId, (u64, i64)>,
    /// The files that were there when leftovers were looked for.
    present: BTreeMap<FileId, PathBuf>,
    /// A file that may have lines which nobody reads, and why.
    passed_over: Option<(FileId, String)>,
    /// When the directories had changed when leftovers were looked for.
    changed: Vec<Option<SystemTime>>,
    /// When what was read last had been written, when leftovers were looked for.
    looked: Option<i64>,
    /// When leftovers are looked for again although nothing seems to be new.
    next_look: Option<Instant>,
    started: bool,
    next_scan: Option<Instant>,
    trouble: Option<Trouble>,
    buffer: Vec<u8>,
}

impl Tailer {
    /// A collector that goes on where the ledger's `inputs` say.
    pub fn new(
        pipeline: Arc<Pipeline>,
        channel: Arc<Channel>,
        principal: Arc<Principal>,
        inputs: &BTreeMap<Vec<u8>, Vec<u8>>,
        paths: Paths,
        origin: Origin,
        stop: CancellationToken,
    ) -> Self {
        let known = stored(channel.name(), inputs);
        Self {
            pipeline,
            channel,
            principal,
            paths,
            origin,
            stop,
            new: known.is_empty(),
            known,
            sources: Vec::new(),
            behind: Arc::default(),
            lives: Vec::new(),
            waiting: BTreeMap::new(),
            present: BTreeMap::new(),
            passed_over: None,
            changed: Vec::new(),
            looked: None,
            next_look: None,
            started: false,
            next_scan: None,
            trouble: None,
            buffer: vec![0; limits::READ_BYTES],
        }
    }

    /// From where it reads, for people.
    pub fn position(&self) -> String {
        match (self.known.len(), self.known.values().map(|stored| stored.offset).sum::<u64>()) {
            (0, _) if self.origin == Origin::End => "the ends of the files that are there".to_owned(),
            (0, _) => "the beginning".to_owned(),
            (1, offset) => format!("byte {offset} of the file that was read"),
            (files, bytes) => format!("where it stopped in {files} files, of which {bytes} bytes were read"),
        }
    }

    /// Looks for files if it is time, reads what is new in each, and waits until it is durable. Returns the bytes read.
    pub async fn step(&mut self, now: Instant) -> Result<u64, PipelineError> {
        if self.next_scan.is_none_or(|at| now >= at) {
            self.next_scan = Some(now + limits::TAIL_SCAN_EVERY);
            self.trouble = self.scan(now).await.err();
        }
        let result = self.read(now).await;
        if result.is_err() {
            self.reset();
        }
        let metrics = self.channel.metrics();
        if result.is_ok() {
            metrics.files.set(self.sources.len() as i64);
            for source in &self.sources {
                source.file().inspect(|file| self.behind.note(source.id, file, source.next()));
            }
            let open: BTreeSet<FileId> = self.sources.iter().map(|source| source.id).collect();
            self.behind.retain(|id| open.contains(&id));
            let open = self.sources.iter().map(Source::lag).sum::<u64>();
            metrics.lag.set((open + self.behind.closed()) as i64);
            self.channel.set_trouble(self.trouble.clone());
        } else {
            metrics.lag.set(self.behind.bytes() as i64);
        }
        result
    }

    /// How far behind it is, for whoever asks while it waits.
    pub fn behind(&self) -> Arc<Behind> {
        Arc::clone(&self.behind)
    }

    #[cfg(test)]
    pub fn standing(&self) -> operations::standing::Standing {
        self.channel.standing()
    }

    async fn read(&mut self, now: Instant) -> Result<u64, PipelineError> {
        let mut total = 0;
        for at in 0..self.sources.len() {
            if self.is_blocked(at) {
                continue;
            }
            let source = &mut self.sources[at];
            match source.read(now, &mut self.buffer).await {
                Ok(read) => total += read,
                Err(SourceError::Pipeline(error)) => return Err(error),
                Err(SourceError::Cut) => self.cut(at).await?,
                Err(SourceError::Io(error)) => {
                    source.skip(now);
                    self.trouble = Some(unreadable(&source.path, &error));
                    source.has_failed = source.is_packed();
                }
            }
        }
        for source in &mut self.sources {
            source.finish().await?;
        }
        let mut at = 0;
        while at < self.sources.len() {
            if self.sources[at].has_failed {
                // It may not be written to its end yet.
                let mut source = self.close(at);
                self.remember(source.id, Stored { modified: 0, ..source.durable() });
                self.look_again(now + limits::TAIL_ROTATED_SILENCE);
            } else if self.sources[at].is_over(now) {
                self.sources[at].give_up("the file was rotated away before the line ended").await?;
                let mut source = self.close(at);
                self.remember(source.id, source.durable());
            } else {
                at += 1;
            }
        }
        Ok(total)
    }

    /// Takes a file out; its inode may be another's from now on, for which nobody waits.
    fn close(&mut self, at: usize) -> Source {
        let closed = self.sources.remove(at);
        for source in self.sources.iter_mut().filter(|source| source.after == Some(closed.id)) {
            source.after = closed.after;
        }
        closed
    }

    /// Puts a file among the open ones: before another one, whose place it had earlier, or after all.
    fn insert(&mut self, mut source: Source, before: Option<FileId>) {
        let next = self.sources.iter().position(|other| Some(other.id) == before);
        let at = next.unwrap_or(self.sources.len());
        // Nobody looks any more for a file that has a later one at its place.
        source.rotated = next.is_some();
        source.after = self.sources[..at].iter().rev().find(|other| other.path == source.path).map(|other| other.id);
        if let Some(next) = next {
            self.sources[next].after = Some(source.id);
        }
        self.sources.insert(at, source);
    }

    /// Whether a file waits for the end of the one that stood at its path before it.
    fn is_blocked(&self, at: usize) -> bool {
        let after = self.sources[at].after;
        after.is_some_and(|after| self.sources.iter().any(|source| source.id == after && !source.drained))
    }

    /// Forgets what was not made durable: the files are opened again where the ledger's offsets are.
    fn reset(&mut self) {
        for mut source in std::mem::take(&mut self.sources) {
            let stored = source.durable();
            // It is behind by what is to be read again, and by what comes until then.
            source.file().inspect(|file| self.behind.note(source.id, file, stored.offset));
            self.remember(source.id, stored);
        }
        (self.started, self.next_scan) = (false, None);
    }

    /// Leftovers are looked for at this time, or before.
    fn look_again(&mut self, at: Instant) {
        self.next_look = Some(self.next_look.map_or(at, |next| next.min(at)));
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
    async fn scan(&mut self, now: Instant) -> Result<(), Trouble> {
        let mut listed = self.paths.list().map_err(|(path, error)| unreadable(&path, &error))?;
        let is_missing = listed.is_empty();
        let is_new = |file: &FoundFile| {
            let is_open = self.sources.iter().any(|source| source.id == file.id);
            !is_open && self.waiting.get(&file.id) != Some(&(file.size, file.modified))
        };
        let changed = self.paths.changed(&listed);
        let is_due = self.next_look.is_some_and(|at| now >= at);
        let has_changed = changed != self.changed;
        if !self.started || is_due || has_changed || listed.iter().any(is_new) {
            (self.started, self.changed, self.next_look) = (true, changed, None);
            if has_changed {
                // What happens there until the clock of the file system ticks again leaves the same time.
                self.look_again(now + limits::TAIL_CLOCK_TICK);
            }
            self.open_leftovers(&listed, now).await;
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
            (many > 0).then(|| (State::PassedOver, format!("{many} files above the limit of {limit} wait")));
        let mut closed = 0;
        for (at, file) in listed.into_iter().enumerate() {
            let fresh = if self.new && self.origin == Origin::End { file.size } else { 0 };
            let known = self.known.get(&file.id).map_or(fresh, |stored| stored.offset);
            let opened = if at < room { self.open_listed(&file, fresh).await } else { Ok(()) };
            if let Err(error) = &opened {
                failed = Some(unreadable(&file.path, error));
            }
            if at >= room || opened.is_err() {
                closed += file.size.saturating_sub(known);
            }
        }
        self.behind.set_closed(closed);
        self.new = false;
        // While a file that was rotated away is still followed, the next one may be about to come.
        if is_missing && self.sources.is_empty() && failed.is_none() {
            failed = Some((State::Missing, self.paths.missing()));
        }
        failed.or_else(|| self.passed_over.clone().map(|(_, message)| (State::PassedOver, message))).map_or(Ok(()), Err)
    }

    /// Opens a file that the collector is to follow, wherever its content was read before.
    async fn open_listed(&mut self, file: &FoundFile, fresh: u64) -> io::Result<()> {
        if let Some(stored) = self.known.get(&file.id).cloned() {
            if stored.offset > 0 && self.holds(&file.path, &stored).await? {
                return self.open(file, file.path.clone(), stored.offset, true, None).await;
            }
            self.known.remove(&file.id);
        }
        match self.origin_of(file).await? {
            Descent::Copy(offset, _) => self.open(file, file.path.clone(), offset, false, None).await,
            Descent::Waits => {
                self.wait_with(file);
                Ok(())
            }
            Descent::New => self.open(file, file.path.clone(), fresh, false, None).await,
        }
    }

    /// Opens a file that stands, or stood, at `place`: before the one that is named, or after all that stood there.
    async fn open(
        &mut self,
        file: &FoundFile,
        place: PathBuf,
        start: u64,
        is_known: bool,
        before: Option<FileId>,
    ) -> io::Result<()> {
        let (pipeline, channel, principal) =
            (Arc::clone(&self.pipeline), Arc::clone(&self.channel), Arc::clone(&self.principal));
        let patience = Patience::Until(self.stop.clone());
        let key = file.id.key(self.channel.name());
        let path = place.to_string_lossy().into_owned();
        // The same inode may have been another file's before, unless it holds what was read.
        let same = key.clone();
        let intake = |offset: Offset, at| {
            let lineages =
                [Lineage { name: &same, is_continued: is_known }, Lineage { name: &path, is_continued: true }];
            Intake::new(pipeline, channel, principal, patience, offset, at).carrying(&lineages)
        };
        let source = Source::open(file, start, is_known, &self.pipeline, key, intake).await?;
        // Between the listing and the opening another file may have taken the path; the next scan sees it.
        let Some(mut source) = source else { return Ok(()) };
        source.path = place;
        self.known.remove(&source.id);
        self.waiting.remove(&source.id);
        source.file().inspect(|file| self.behind.note(source.id, file, source.next()));
        self.insert(source, before);
        Ok(())
    }
}
