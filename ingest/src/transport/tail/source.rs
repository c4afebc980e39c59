//! One file that is open: reads what is new in it, notices when it was cut, and gives up what will never be finished.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use ledger::Group;

use super::file::{FileId, Stored, modified, read_at, read_head};
use crate::clock;
use crate::frame::{Frame, Framer, Framing};
use crate::limits;
use crate::pump::{Intake, Progress, Pump, PumpError};

/// A file's offset as the input of a group.
pub(super) struct Offset {
    pump: Arc<Pump>,
    key: String,
    written: u64,
    /// The file's first bytes, as far as they were read.
    head: Vec<u8>,
    modified: i64,
    /// The position must be durable even if no line was recorded: lines before it were left out on purpose.
    force: bool,
}

impl Offset {
    /// How far the file was read, in the form in which it is stored.
    fn stored(&self, offset: u64) -> Stored {
        let head = &self.head[..self.head.len().min(offset as usize)];
        Stored { offset, head_len: head.len() as u64, head: self.pump.file_hash(head), modified: self.modified }
    }
}

impl Progress for Offset {
    fn write(&mut self, position: u64, group: &mut Group) {
        // Lines that were skipped may be read again after a crash, so they alone need no commit.
        let far = position.saturating_sub(self.written) >= limits::TAIL_PROGRESS_BYTES;
        let moved = position != self.written && (group.entries() > 0 || far);
        if !moved && !self.force {
            return;
        }
        if let Ok(value) = serde_json::to_vec(&self.stored(position)) {
            self.written = position;
            self.force = false;
            group.input(self.key.clone(), value);
        }
    }
}

/// A file that is read.
pub(super) struct Source {
    pub id: FileId,
    pub path: PathBuf,
    /// It no longer stands where the collector looks for it, or is being read only to its end.
    pub rotated: bool,
    /// This file's end must be read first.
    pub after: Option<FileId>,
    /// Its end was met after it was rotated.
    pub drained: bool,
    file: File,
    intake: Intake<Offset>,
    framer: Framer,
    /// Position of the next byte to read.
    next: u64,
    size: u64,
    silent_since: Option<Instant>,
}

/// Why a file could not be read on.
pub(super) enum SourceError {
    Io(io::Error),
    Pump(PumpError),
}

impl From<io::Error> for SourceError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<PumpError> for SourceError {
    fn from(error: PumpError) -> Self {
        Self::Pump(error)
    }
}

impl Source {
    /// Opens a file and goes on where `known` says, if it is the same file; else at `fresh`, or not at all.
    pub fn open(
        path: &Path,
        known: Option<&Stored>,
        fresh: Option<u64>,
        pump: &Arc<Pump>,
        key: impl FnOnce(FileId) -> String,
        intake: impl FnOnce(Offset, u64) -> Intake<Offset>,
    ) -> io::Result<Option<Self>> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let (id, size) = (FileId::of(&metadata), metadata.len());
        let same = match known {
            Some(stored) => size >= stored.offset && pump.file_hash(&read_head(&file, stored.head_len)?) == stored.head,
            None => false,
        };
        let resumed = known.filter(|_| same).map(|stored| stored.offset);
        let Some(start) = resumed.or(fresh.map(|fresh| fresh.min(size))) else { return Ok(None) };
        let offset = Offset {
            pump: Arc::clone(pump),
            key: key(id),
            written: start,
            head: read_head(&file, start)?,
            modified: modified(&metadata),
            force: resumed.is_none() && start > 0,
        };
        Ok(Some(Self {
            id,
            path: path.to_owned(),
            rotated: false,
            after: None,
            drained: false,
            file,
            intake: intake(offset, start),
            framer: Framer::new(Framing::Lines),
            next: start,
            size,
            silent_since: None,
        }))
    }

    /// How far its lines are durable.
    pub fn durable(&mut self) -> Stored {
        let offset = self.intake.durable_position();
        self.intake.progress().stored(offset)
    }

    /// Bytes that were not yet read.
    pub fn lag(&self) -> u64 {
        self.size.saturating_sub(self.next)
    }

    /// Reads what is new and sends it, without waiting for the receipt. Returns how many bytes were read.
    pub async fn read(&mut self, now: Instant, buffer: &mut [u8]) -> Result<u64, SourceError> {
        let metadata = self.file.metadata()?;
        self.size = metadata.len();
        self.intake.progress().modified = modified(&metadata);
        if self.size < self.next || (self.size > self.next && self.was_replaced()?) {
            self.restart().await?;
        }
        let mut taken = 0;
        while taken < limits::TAIL_STEP_BYTES as u64 {
            let read = read_at(&self.file, buffer, self.next)?;
            if read == 0 {
                break;
            }
            self.take(&buffer[..read]).await?;
            taken += read as u64;
        }
        self.intake.append().await?;
        if taken > 0 {
            self.silent_since = None;
        } else {
            self.skip(now);
        }
        Ok(taken)
    }

    /// Nothing could be read: a file that waits for the end of this one goes on, if this one was rotated.
    pub fn skip(&mut self, now: Instant) {
        self.silent_since.get_or_insert(now);
        self.drained = self.rotated;
    }

    /// Waits until what was sent is durable.
    pub async fn finish(&mut self) -> Result<(), PumpError> {
        self.intake.finish().await
    }

    /// Whether a rotated file has been silent for so long that nobody will write to it any more.
    pub fn is_over(&self, now: Instant) -> bool {
        let silence = self.silent_since.map(|since| now.saturating_duration_since(since));
        self.rotated && self.drained && silence.is_some_and(|silence| silence >= limits::TAIL_ROTATED_SILENCE)
    }

    /// Keeps the line that was never finished, as it is.
    pub async fn give_up(&mut self, reason: &str) -> Result<(), PumpError> {
        self.intake.give_up(clock::now(), self.framer.position()).await?;
        if !self.framer.is_partial() {
            return self.finish().await;
        }
        if let Some(Ok(Frame::Record(line) | Frame::TooLong(line, _))) = self.framer.finish() {
            self.intake.keep(line, reason, clock::now(), self.next).await?;
        }
        self.finish().await
    }

    async fn take(&mut self, chunk: &[u8]) -> Result<(), PumpError> {
        let received = clock::now();
        let head = &mut self.intake.progress().head;
        if (head.len() as u64) < limits::TAIL_HEAD_BYTES as u64 && head.len() as u64 == self.next {
            head.extend_from_slice(&chunk[..chunk.len().min(limits::TAIL_HEAD_BYTES - head.len())]);
        }
        let end = self.next + chunk.len() as u64;
        self.next = end;
        let mut rest = chunk;
        while let Some(Ok(frame)) = self.framer.next(&mut rest) {
            let position = end - rest.len() as u64;
            match frame {
                Frame::Record(raw) => self.intake.record(raw, received, position).await?,
                Frame::TooLong(kept, bytes) => {
                    let reason = format!("the line has {bytes} bytes, and {} were kept", kept.len());
                    self.intake.keep(kept, &reason, received, position).await?;
                }
            }
        }
        Ok(())
    }

    /// Whether the file's first bytes are no longer those that were read: it was cut and has grown past the offset.
    fn was_replaced(&mut self) -> io::Result<bool> {
        let head = read_head(&self.file, self.intake.progress().head.len() as u64)?;
        Ok(head != self.intake.progress().head)
    }

    /// Begins again at the start of a file that was cut.
    async fn restart(&mut self) -> Result<(), PumpError> {
        tracing::warn!(path = %self.path.display(), read = self.next, "the file was cut; it is read from its beginning");
        self.give_up("the file was cut before the line ended").await?;
        self.intake.channel().metrics().truncations.inc();
        self.intake.jump(0);
        let progress = self.intake.progress();
        progress.written = 0;
        progress.head.clear();
        self.framer = Framer::new(Framing::Lines);
        self.next = 0;
        Ok(())
    }
}
