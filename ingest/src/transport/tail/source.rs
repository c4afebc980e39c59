//! One file that is open: reads what is new in it, notices when it was cut, and gives up what will never be finished.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::content::Content;
use super::file::{FileId, FoundFile, Stored, modified, read_at, read_head};
use crate::clock;
use crate::event::Batch;
use crate::frame::{Frame, Framer, Framing};
use crate::limits;
use crate::pipeline::{Intake, Pipeline, PipelineError, PositionWriter};

/// A file's offset as the input of a group.
pub(super) struct Offset {
    pipeline: Arc<Pipeline>,
    key: String,
    written: u64,
    /// The file's first bytes, as far as they were read.
    head: Vec<u8>,
    /// The bytes before the last two positions, the later first.
    tails: [(u64, Vec<u8>); 2],
    packed: bool,
    modified: i64,
    /// The position must be durable even if no line was recorded: lines before it were left out on purpose.
    force: bool,
}

impl Offset {
    /// How far the file was read, in the form in which it is stored.
    fn stored(&self, offset: u64) -> Stored {
        let head = &self.head[..self.head.len().min(offset as usize)];
        let tail = self.tail(offset);
        Stored {
            offset,
            head_len: head.len() as u64,
            head: self.pipeline.file_hash(head),
            modified: self.modified,
            tail_len: tail.len() as u64,
            tail: self.pipeline.file_hash(tail),
            packed: self.packed,
        }
    }

    /// The bytes before a position, if they are still known.
    fn tail(&self, position: u64) -> &[u8] {
        self.tails.iter().find(|(at, _)| *at == position).map_or(&[], |(_, tail)| tail)
    }

    /// Remembers the bytes before a position: the end of `before` and `chunk`.
    fn note(&mut self, position: u64, before: &[u8], chunk: &[u8]) {
        self.tails.swap(0, 1);
        let (at, tail) = &mut self.tails[0];
        *at = position;
        tail.clear();
        let from_chunk = chunk.len().min(limits::TAIL_HEAD_BYTES);
        let from_before = before.len().min(limits::TAIL_HEAD_BYTES - from_chunk);
        tail.extend_from_slice(&before[before.len() - from_before..]);
        tail.extend_from_slice(&chunk[chunk.len() - from_chunk..]);
    }
}

impl PositionWriter for Offset {
    fn write(&mut self, position: u64, batch: &mut Batch) {
        // Lines that were skipped may be read again after a crash, so they alone need no commit.
        let far = position.saturating_sub(self.written) >= limits::TAIL_PROGRESS_BYTES;
        let moved = position != self.written && (batch.events() > 0 || far);
        if !moved && !self.force {
            return;
        }
        if let Ok(value) = serde_json::to_vec(&self.stored(position)) {
            self.written = position;
            self.force = false;
            batch.input(self.key.clone(), value);
        }
    }
}

/// A file that is read.
pub(super) struct Source {
    pub id: FileId,
    pub path: PathBuf,
    /// It no longer stands where the collector looks for it, or is being read only to its end.
    pub rotated: bool,
    /// The file that its place had before it, the end of which must be read first.
    pub after: Option<FileId>,
    /// Its end was met after it was rotated.
    pub drained: bool,
    /// It could not be decompressed to its end.
    pub has_failed: bool,
    content: Content,
    intake: Intake<Offset>,
    framer: Framer,
    /// The last bytes before the next one.
    before: Vec<u8>,
    /// Position of the next byte to read.
    next: u64,
    size: u64,
    silent_since: Option<Instant>,
}

/// Why a file could not be read on.
pub(super) enum SourceError {
    /// It is no longer what was read: it was cut, and may have grown again.
    Cut,
    Io(io::Error),
    Pipeline(PipelineError),
}

impl From<io::Error> for SourceError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<PipelineError> for SourceError {
    fn from(error: PipelineError) -> Self {
        Self::Pipeline(error)
    }
}

impl Source {
    /// Opens a file that was found, and goes on at an offset; `None` if another file stands there by now or it ends before.
    pub async fn open(
        found: &FoundFile,
        start: u64,
        is_known: bool,
        pipeline: &Arc<Pipeline>,
        key: String,
        intake: impl FnOnce(Offset, u64) -> Intake<Offset>,
    ) -> io::Result<Option<Self>> {
        let file = File::open(&found.path)?;
        let metadata = file.metadata()?;
        let size = metadata.len();
        let mut content = Content::of(file)?;
        let ends = content.seek(start, limits::TAIL_HEAD_BYTES as u64, limits::TAIL_HEAD_BYTES as u64).await?;
        if FileId::of(&metadata) != found.id || ends.reached != start {
            return Ok(None);
        }
        let offset = Offset {
            pipeline: Arc::clone(pipeline),
            key,
            written: start,
            head: ends.head,
            tails: [(start, ends.tail.clone()), (start, Vec::new())],
            packed: content.is_packed(),
            modified: modified(&metadata),
            force: start > 0 && !is_known,
        };
        Ok(Some(Self {
            id: found.id,
            path: found.path.clone(),
            rotated: false,
            after: None,
            drained: false,
            has_failed: false,
            content,
            intake: intake(offset, start),
            framer: Framer::new(Framing::Lines),
            before: ends.tail,
            next: start,
            size,
            silent_since: None,
        }))
    }

    /// Whether everything in it was read and nobody can find it to write more.
    pub fn is_drained(&self) -> bool {
        self.drained && !self.framer.is_partial()
    }

    /// How far its lines are durable.
    pub fn durable(&mut self) -> Stored {
        let offset = self.intake.durable_position();
        self.intake.progress().stored(offset)
    }

    /// Whether the file is compressed.
    pub fn is_packed(&self) -> bool {
        self.content.is_packed()
    }

    /// The file, if it is not compressed.
    pub fn file(&self) -> Option<&Arc<File>> {
        match &self.content {
            Content::Plain(file) => Some(file),
            Content::Packed(..) => None,
        }
    }

    /// Position of the next byte to read.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Bytes that were not yet read.
    pub fn lag(&self) -> u64 {
        if self.is_packed() { 0 } else { self.size.saturating_sub(self.next) }
    }

    /// Reads what is new and sends it, without waiting for the receipt. Returns how many bytes were read.
    pub async fn read(&mut self, now: Instant, buffer: &mut [u8]) -> Result<u64, SourceError> {
        if let Content::Plain(file) = &self.content {
            let metadata = file.metadata()?;
            self.size = metadata.len();
            self.intake.progress().modified = modified(&metadata);
            if self.size < self.next || (self.size > self.next && self.was_replaced()?) {
                return Err(SourceError::Cut);
            }
        }
        let mut taken = 0;
        while taken < limits::TAIL_STEP_BYTES as u64 {
            let read = self.content.read(buffer, self.next).await?;
            if read == 0 {
                break;
            }
            self.take(&buffer[..read]).await?;
            taken += read as u64;
        }
        if taken > 0 {
            self.silent_since = None;
        } else {
            self.skip(now);
            if self.is_silent(now, limits::GATHER_SILENCE) {
                self.intake.end_begun().await?;
            }
        }
        self.intake.append().await?;
        Ok(taken)
    }

    /// Nothing could be read: a file that waits for the end of this one goes on, if this one was rotated.
    pub fn skip(&mut self, now: Instant) {
        self.silent_since.get_or_insert(now);
        self.drained = self.rotated;
    }

    /// Waits until what was sent is durable.
    pub async fn finish(&mut self) -> Result<(), PipelineError> {
        self.intake.finish().await
    }

    /// Whether a rotated file has been silent for so long that nobody will write to it any more.
    pub fn is_over(&self, now: Instant) -> bool {
        if self.is_packed() && self.silent_since.is_some() {
            return true;
        }
        self.rotated && self.drained && self.is_silent(now, limits::TAIL_ROTATED_SILENCE)
    }

    fn is_silent(&self, now: Instant, so_long: Duration) -> bool {
        self.silent_since.is_some_and(|since| now.saturating_duration_since(since) >= so_long)
    }

    /// Keeps the line that was never finished, as it is.
    pub async fn give_up(&mut self, reason: &str) -> Result<(), PipelineError> {
        self.intake.progress().note(self.next, &self.before, &[]);
        self.intake.give_up(clock::now(), self.next).await?;
        if !self.framer.is_partial() {
            return self.finish().await;
        }
        if let Some(Ok(Frame::Record(line) | Frame::TooLong(line, _))) = self.framer.finish() {
            self.intake.keep(line, reason, clock::now(), self.next).await?;
        }
        self.finish().await
    }

    async fn take(&mut self, chunk: &[u8]) -> Result<(), PipelineError> {
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
            self.intake.progress().note(position, &self.before, &chunk[..chunk.len() - rest.len()]);
            match frame {
                Frame::Record(raw) => self.intake.record(raw, received, position).await?,
                Frame::TooLong(kept, bytes) => {
                    let reason = format!("the line has {bytes} bytes, and {} were kept", kept.len());
                    self.intake.keep(kept, &reason, received, position).await?;
                }
            }
        }
        self.before.extend_from_slice(&chunk[chunk.len().saturating_sub(limits::TAIL_HEAD_BYTES)..]);
        let surplus = self.before.len().saturating_sub(limits::TAIL_HEAD_BYTES);
        self.before.drain(..surplus);
        Ok(())
    }

    /// Whether the file's first bytes, or those before what was read, are no longer what they were: it was cut and has
    /// grown past the offset.
    fn was_replaced(&mut self) -> io::Result<bool> {
        let Self { content: Content::Plain(file), intake, .. } = self else { return Ok(false) };
        let position = intake.position();
        let offset = intake.progress();
        let tail = offset.tail(position);
        let mut now = vec![0; tail.len()];
        let read = read_at(file, &mut now, position - tail.len() as u64)?;
        Ok(now[..read] != *tail || read_head(file, offset.head.len() as u64)? != offset.head)
    }

    /// Begins again at the start of a file that was cut. The line that was never finished is kept as it is, unless it is
    /// read from a copy.
    pub async fn restart(&mut self, is_copied: bool) -> Result<(), PipelineError> {
        tracing::warn!(path = %self.path.display(), read = self.next, "the file was cut; it is read from its beginning");
        if is_copied {
            self.finish().await?;
        } else {
            self.give_up("the file was cut before the line ended").await?;
        }
        self.intake.channel().metrics().truncations.inc();
        self.intake.jump(0);
        let progress = self.intake.progress();
        progress.written = 0;
        progress.head.clear();
        progress.tails = Default::default();
        self.framer = Framer::new(Framing::Lines);
        self.before.clear();
        self.next = 0;
        Ok(())
    }
}
