//! Records that the server refused for good: one file of JSON lines for each collector, for a person to look at. They are never
//! thrown away here, and they hold nobody else up.

use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ingest::relay::{self, Piece};
use serde::{Deserialize, Serialize};

use crate::durable::{DurableError, sync_directory};
use crate::limits::ASIDE_BYTES_MAX;

/// The end of a file in which its last whole line is found: the longest record, as text.
const TAIL_BYTES: u64 = 2 << 20;

/// The file of one collector.
pub(crate) struct Aside {
    path: PathBuf,
    last: Option<u64>,
}

/// One record that was set aside.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    /// Its number in the collector's sequence.
    number: u64,
    /// What the server answered.
    status: u16,
    /// What it said of it.
    reason: String,
    /// When the record was seen, in microseconds since 1970 UTC.
    seen: Option<i64>,
    /// Its bytes.
    record_base64: String,
}

/// Why a record cannot be set aside.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AsideError {
    #[error(transparent)]
    File(#[from] DurableError),
    #[error("{} has more than {ASIDE_BYTES_MAX} bytes of records that the server refused: look at them and move the file away", path.display())]
    Full { path: PathBuf },
}

impl Aside {
    /// Opens a collector's file, if there is one: a line that a crash left unfinished is cut off.
    pub fn open(spool: &Path, collector: &str) -> Result<Self, DurableError> {
        let path = spool.join("aside").join(format!("{collector}.jsonl"));
        let last = if path.exists() { last(&path).map_err(DurableError::io("read", &path))? } else { None };
        Ok(Self { path, last })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the record that was set aside last.
    pub fn last(&self) -> Option<u64> {
        self.last
    }

    /// Keeps the record in these frames; it is durable on return.
    pub fn keep(&mut self, number: u64, status: u16, reason: &str, frames: &[u8]) -> Result<(), AsideError> {
        if self.last.is_some_and(|last| last >= number) {
            return Ok(());
        }
        let (seen, record) = record(frames);
        let line = Line { number, status, reason: reason.to_owned(), seen, record_base64: STANDARD.encode(record) };
        let write = || {
            if let Some(directory) = self.path.parent() {
                std::fs::create_dir_all(directory)?;
                sync_directory(directory)?;
            }
            let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path)?;
            if file.metadata()?.len() > ASIDE_BYTES_MAX {
                return Ok(false);
            }
            let mut text = serde_json::to_vec(&line)?;
            text.push(b'\n');
            file.write_all(&text)?;
            file.sync_all()?;
            sync_directory(&self.path)?;
            Ok(true)
        };
        if !write().map_err(DurableError::io("write", &self.path))? {
            return Err(AsideError::Full { path: self.path.clone() });
        }
        self.last = Some(number);
        Ok(())
    }
}

/// The number in the last whole line.
fn last(path: &Path) -> std::io::Result<Option<u64>> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES)))?;
    let mut tail = Vec::new();
    Read::by_ref(&mut file).take(TAIL_BYTES).read_to_end(&mut tail)?;
    let end = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if end < tail.len() && (end > 0 || length <= TAIL_BYTES) {
        file.set_len(length - (tail.len() - end) as u64)?;
        file.sync_all()?;
    }
    let lines = tail.get(..end).unwrap_or_default().split(|byte| *byte == b'\n');
    let line = lines.rev().find(|line| !line.is_empty());
    Ok(line.and_then(|line| serde_json::from_slice::<Line>(line).ok()).map(|line| line.number))
}

/// When the record in these frames was seen, and its bytes.
fn record(mut frames: &[u8]) -> (Option<i64>, &[u8]) {
    while let Ok(Some((frame, length))) = relay::frame(frames) {
        match Piece::decode(frame) {
            Ok(Piece::Record(seen, bytes) | Piece::Kept(seen, _, bytes)) => return (Some(seen), bytes),
            Ok(Piece::Loss(seen, loss)) => return (Some(seen), loss.record.as_bytes()),
            _ => frames = frames.get(length..).unwrap_or_default(),
        }
    }
    (None, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_kept_once_and_a_torn_line_is_cut_off() {
        let directory = tempfile::tempdir().unwrap();
        let mut frames = Vec::new();
        Piece::Record(7, b"\xffhello").encode(&mut frames);
        let mut aside = Aside::open(directory.path(), "a").unwrap();
        assert_eq!(aside.last(), None);
        for number in [3, 3, 5] {
            aside.keep(number, 413, "too large", &frames).unwrap();
        }
        let whole = std::fs::read_to_string(aside.path()).unwrap();
        assert_eq!(whole.lines().count(), 2);
        std::fs::write(aside.path(), format!("{whole}{{\"number\":9")).unwrap();
        let mut aside = Aside::open(directory.path(), "a").unwrap();
        assert_eq!((aside.last(), std::fs::read_to_string(aside.path()).unwrap()), (Some(5), whole));
        aside.keep(9, 400, "", &frames).unwrap();
        let text = std::fs::read_to_string(aside.path()).unwrap();
        let line: Line = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!((line.number, line.seen, line.record_base64), (9, Some(7), STANDARD.encode(b"\xffhello")));
    }
}
