//! What was rotated away while nobody looked: finds it by its content, and tells what cannot be known.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::{Tailer, unreadable};
use crate::limits;
use crate::pipeline::{Pipeline, PipelineError};
use crate::transport::tail::content::{self, Content};
use crate::transport::tail::file::{FileId, FoundFile, Stored};
use crate::transport::tail::name::Kinship;
use crate::transport::tail::source::Source;

/// What was read of a file that is no longer the same.
pub(super) struct Life {
    stored: Stored,
    /// The rest of it is, or was, read from a copy.
    is_continued: bool,
}

/// Where a file's content comes from.
pub(super) enum Descent {
    /// It was read up to this offset under another name; that of a file that was cut and is still open.
    Copy(u64, Option<FileId>),
    /// It is, so far, the same as a file that is still there.
    Waits,
    /// Nowhere.
    New,
}

/// What became of a file beside those that are followed.
enum Leftover {
    /// It is open, was read before, or is none of theirs.
    Done,
    /// It waits for another one, of which it may be a copy.
    Waits,
    /// Nothing of it was read.
    Unmet,
}

impl Tailer {
    /// Opens files that were rotated away and not read to their end: while the collector did not run, or several within
    /// one pause of the scan.
    pub(super) async fn open_leftovers(&mut self, listed: &[FoundFile], now: Instant) {
        let siblings = self.paths.siblings(listed);
        let all = listed.iter().chain(siblings.iter().map(|(file, _)| file));
        self.present = all.map(|file| (file.id, file.path.clone())).collect();
        let open = self.sources.iter_mut().map(|source| (source.id, source.durable().modified));
        let known = self.known.iter().map(|(id, stored)| (*id, stored.modified));
        let Some((last, newest)) = open.chain(known).max_by_key(|(_, modified)| *modified) else { return };
        // What was copied and cut since the last look may be older than what was read since.
        let newest = self.looked.replace(newest).unwrap_or(newest);
        let last_stored = self.known.get(&last).cloned();
        self.end_lives(listed, &siblings).await;
        let (mut left, mut others): (Vec<_>, Vec<_>) =
            siblings.into_iter().partition(|(file, _)| self.known.contains_key(&file.id));
        left.append(&mut others);
        // Those that go on with what was read are older than those that were never met, whatever their names and times:
        // the file in the middle of which reading stopped, its copy, or what was made of it by compression.
        let mut unmet = Vec::new();
        for (file, kinship) in left {
            let is_listed = listed.iter().any(|other| other.id == file.id);
            if is_listed {
                continue;
            }
            let is_later = file.modified >= newest;
            match self.open_continued(&file, kinship, is_later).await {
                Ok(Leftover::Unmet) if is_later => unmet.push((file, kinship)),
                result => self.note_leftover(&file, result, now),
            }
        }
        for (file, kinship) in unmet {
            let result = self.open_unmet(&file, kinship).await;
            self.note_leftover(&file, result, now);
        }
        // What is gone, or is read by now, is passed over no longer.
        let is_read = |id| self.known.contains_key(id) || self.sources.iter().any(|source| source.id == *id);
        if self.passed_over.as_ref().is_some_and(|(id, _)| !self.present.contains_key(id) || is_read(id)) {
            self.passed_over = None;
        }
        self.tell_lost(last, last_stored.as_ref());
    }

    /// Ends the lives of files whose content is no longer what was read: they were cut, or their inodes are others' by now.
    async fn end_lives(&mut self, listed: &[FoundFile], siblings: &[(FoundFile, Kinship)]) {
        let unread = siblings.iter().map(|(file, _)| file).filter(|file| !self.is_unchanged(file));
        let files: Vec<&FoundFile> = listed.iter().chain(unread).collect();
        for file in files {
            let Some(stored) = self.known.get(&file.id).cloned() else { continue };
            // Any file holds nothing, so nothing tells that it is the same one.
            if stored.offset == 0 {
                self.known.remove(&file.id);
            } else if self.holds(&file.path, &stored).await.is_ok_and(|holds| !holds) {
                self.known.remove(&file.id);
                self.lives.push(Life { stored, is_continued: false });
            }
        }
    }

    /// Whether a file was read to its end and nothing changed since.
    fn is_unchanged(&self, file: &FoundFile) -> bool {
        self.known
            .get(&file.id)
            .is_some_and(|stored| stored.modified == file.modified && (stored.packed || stored.offset == file.size))
    }

    /// Tells of a file that may have lines which are not read.
    fn pass_over(&mut self, id: FileId, message: String) {
        if self.passed_over.as_ref().is_none_or(|(_, told)| *told != message) {
            tracing::warn!(collector = self.channel.name(), problem = message, "a file is not read");
        }
        self.passed_over = Some((id, message));
    }

    /// Notes what became of a file that was rotated away.
    fn note_leftover(&mut self, file: &FoundFile, result: io::Result<Leftover>, now: Instant) {
        match result {
            Ok(Leftover::Done | Leftover::Unmet) => {}
            // A copy may turn out to be all that is left of the file that it was made of.
            Ok(Leftover::Waits) => self.look_again(now + limits::TAIL_ROTATED_SILENCE),
            Err(error) => self.pass_over(file.id, unreadable(&file.path, &error).1),
        }
    }

    /// Opens a file beside those that are followed, if it goes on with something that was read.
    async fn open_continued(&mut self, file: &FoundFile, kinship: Kinship, is_later: bool) -> io::Result<Leftover> {
        let place = self.paths.single().unwrap_or(&file.path).to_owned();
        if self.sources.iter().any(|source| source.id == file.id) {
            return Ok(Leftover::Done);
        }
        if let Some(stored) = self.known.get(&file.id) {
            if !self.is_unchanged(file) {
                let offset = stored.offset;
                self.open(file, place, offset, true, None).await?;
            }
            return Ok(Leftover::Done);
        }
        if kinship == Kinship::Other && self.lives.iter().all(|life| life.is_continued) {
            return Ok(Leftover::Done);
        }
        match self.origin_of(file).await {
            Ok(Descent::Copy(offset, of)) => {
                let cut = self.sources.iter().find(|source| Some(source.id) == of).map(|source| source.path.clone());
                self.open(file, cut.unwrap_or(place), offset, false, of).await?;
                Ok(Leftover::Done)
            }
            Ok(Descent::Waits) => Ok(Leftover::Waits),
            Ok(Descent::New) => Ok(Leftover::Unmet),
            Err(error) if kinship == Kinship::Rotation && is_later => Err(error),
            Err(_) => Ok(Leftover::Done),
        }
    }

    /// Opens a file that came after the file that was read last and was rotated away whole, if its name says so.
    async fn open_unmet(&mut self, file: &FoundFile, kinship: Kinship) -> io::Result<Leftover> {
        match kinship {
            Kinship::Rotation => {}
            Kinship::Alike => {
                let message = format!(
                    "{}: nobody can know whether it was rotated away from what is read, so it is passed over; say with \
                     `rotated` which files were",
                    file.path.display()
                );
                self.pass_over(file.id, message);
                return Ok(Leftover::Done);
            }
            Kinship::Other => return Ok(Leftover::Done),
        }
        // It may be a copy of one that was opened a moment ago.
        match self.open_continued(file, kinship, true).await? {
            Leftover::Unmet => {}
            other => return Ok(other),
        }
        let place = self.paths.single().unwrap_or(&file.path).to_owned();
        // Beside a file that was cut it is the older one, although that one was opened before.
        let is_current = |source: &&Source| source.path == place && self.present.get(&source.id) == Some(&place);
        let current = self.sources.iter().find(is_current).map(|source| source.id);
        self.open(file, place, 0, false, current).await?;
        Ok(Leftover::Done)
    }

    /// Warns of what was read last and is nowhere, so that lines at its end may be lost.
    fn tell_lost(&mut self, last: FileId, last_stored: Option<&Stored>) {
        let is_found = |life: &Life| last_stored.is_some_and(|last| life.stored.is_same_content(last));
        let is_continued = self.lives.iter().any(|life| life.is_continued && is_found(life));
        let is_there = self.present.contains_key(&last) && !self.lives.iter().any(is_found);
        if !is_continued && !is_there && !self.sources.iter().any(|source| source.id == last) {
            self.channel.metrics().missing.inc();
            let collector = self.channel.name();
            tracing::warn!(collector, "the file that was read last is gone; lines at its end may be lost");
            self.known.remove(&last);
        }
        let surplus = self.lives.len().saturating_sub(limits::TAIL_LIVES_MAX);
        self.lives.drain(..surplus);
    }

    /// Whether a file holds what was read.
    pub(super) async fn holds(&self, path: &Path, stored: &Stored) -> io::Result<bool> {
        content::holds(&File::open(path)?, stored, |bytes| self.pipeline.file_hash(bytes)).await
    }

    /// Where the content of a file comes from that was not met before.
    pub(super) async fn origin_of(&mut self, found: &FoundFile) -> io::Result<Descent> {
        let file = File::open(&found.path)?;
        let is_packed = Content::of(file.try_clone()?)?.is_packed();
        let is_current = self.paths.single() == Some(&*found.path);
        let hash = |pipeline: &Pipeline, bytes: &[u8]| pipeline.file_hash(bytes);
        let mut best: Option<Stored> = None;
        // What was cut or is gone lives on in its copy.
        let gone = |id: &FileId| *id != found.id && !self.present.contains_key(id);
        let ended = self.lives.iter().filter(|life| !life.is_continued).map(|life| (&life.stored, true));
        let lost = self.known.iter().filter(|(id, _)| gone(id)).map(|(_, stored)| (stored, false));
        for (stored, was_cut) in ended.chain(lost) {
            // So little may be the same in two files by chance; a compressed file was another one before.
            let is_telling = was_cut || is_packed || stored.offset >= limits::TAIL_TELLING_BYTES;
            let is_better = best.as_ref().is_none_or(|best| stored.offset > best.offset);
            if is_telling
                && is_better
                && stored.offset > 0
                && content::holds(&file, stored, |bytes| hash(&self.pipeline, bytes)).await?
            {
                best = Some(stored.clone());
            }
        }
        if let Some(stored) = best {
            self.continue_life(stored.clone());
            return Ok(Descent::Copy(stored.offset, None));
        }
        for at in 0..self.sources.len() {
            let source = &mut self.sources[at];
            let (stored, is_drained) = (source.durable(), source.is_drained());
            // A copy never stands where the file itself is looked for, unless that one is gone.
            let is_gone = !self.present.contains_key(&source.id);
            if source.id == found.id || (is_current && !is_gone) {
                continue;
            }
            let Some(other) = source.file().map(Arc::clone) else { continue };
            let is_copy =
                stored.offset > 0 && content::holds(&file, &stored, |bytes| hash(&self.pipeline, bytes)).await?;
            // It was cut a moment ago, which its own reading has not noticed yet.
            let was_cut = !content::holds(&other, &stored, |bytes| hash(&self.pipeline, bytes)).await?;
            if is_copy && was_cut {
                let id = self.sources[at].id;
                self.continue_life(stored.clone());
                return Ok(Descent::Copy(stored.offset, Some(id)));
            }
            if is_copy && is_drained && is_gone {
                self.continue_life(stored.clone());
                return Ok(Descent::Copy(stored.offset, None));
            }
            if is_copy || content::is_beginning_of(&file, &other).await? {
                return Ok(Descent::Waits);
            }
        }
        for (id, stored) in self.known.iter().filter(|_| !is_current) {
            let Some(path) = self.present.get(id).filter(|_| *id != found.id && stored.offset > 0) else { continue };
            let is_copy = content::holds(&file, stored, |bytes| hash(&self.pipeline, bytes)).await?;
            if is_copy || (!stored.packed && content::is_beginning_of(&file, &File::open(path)?).await?) {
                return Ok(Descent::Waits);
            }
        }
        Ok(Descent::New)
    }

    /// Notes that the rest of a life is read from a copy.
    fn continue_life(&mut self, stored: Stored) {
        self.lives.retain(|life| !life.stored.is_same_content(&stored));
        self.lives.push(Life { stored, is_continued: true });
    }

    /// A file is a copy of one that is still there: what it has was read, or is read from that one.
    pub(super) fn wait_with(&mut self, file: &FoundFile) {
        if self.waiting.len() >= limits::TAIL_KNOWN_MAX {
            self.waiting.clear();
        }
        self.waiting.insert(file.id, (file.size, file.modified));
    }

    /// A file was cut: what was not read of it is looked for in its copy, before the file is read from its beginning.
    pub(super) async fn cut(&mut self, at: usize) -> Result<(), PipelineError> {
        let source = &mut self.sources[at];
        source.finish().await?;
        let (id, place, stored) = (source.id, source.path.clone(), source.durable());
        let is_same = |life: &Life| life.is_continued && life.stored.is_same_content(&stored);
        let mut is_copied = stored.offset > 0 && self.lives.iter().any(is_same);
        if !is_copied && stored.offset > 0 {
            let listed = self.paths.list().unwrap_or_default();
            let siblings = self.paths.siblings(&listed).into_iter().map(|(file, _)| file);
            for file in listed.iter().cloned().chain(siblings) {
                let is_open = self.sources.iter().any(|source| source.id == file.id);
                let is_known = self.known.get(&file.id).is_some_and(|known| known.modified == file.modified);
                if is_open || is_known || !self.holds(&file.path, &stored).await.unwrap_or(false) {
                    continue;
                }
                let is_listed = listed.iter().any(|other| other.id == file.id);
                let (place, before) = if is_listed { (file.path.clone(), None) } else { (place.clone(), Some(id)) };
                self.waiting.remove(&file.id);
                if self.open(&file, place, stored.offset, false, before).await.is_ok() {
                    is_copied = true;
                    break;
                }
            }
            self.lives.push(Life { stored, is_continued: is_copied });
        }
        // A copy that is read first stands before it.
        match self.sources.iter_mut().find(|source| source.id == id) {
            Some(source) => source.restart(is_copied).await,
            None => Ok(()),
        }
    }
}
