//! The lock of a data directory, and what its file tells about the process that wrote there last.
//!
//! ```text
//! <process>            while a process writes: its number,
//! <device>:<inode>     and which file this is, so that a copy of the directory is told from the directory itself
//! stopped              after everything was closed, signed and made durable
//! ```
//!
//! Anything else, an empty file included, says nothing.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::{FlockOperation, OFlags};

use crate::error::LedgerError;
use crate::limits::SMALL_FILE_BYTES_MAX;
use crate::regular;

/// Name of the file in the data directory.
pub(crate) const LOCK_FILE: &str = "lock";
/// What the file says after a stop in order.
const STOPPED: &str = "stopped\n";

/// The lock of a data directory, held until it is dropped; the system frees it when the process dies.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock or says who holds it.
    pub fn take(directory: &Path) -> Result<Self, LedgerError> {
        let path = directory.join(LOCK_FILE);
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
        let mut file = options.open(&path).map_err(LedgerError::io("open", &path))?;
        if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut text = String::new();
            // Who holds it is a courtesy: a lock file that cannot be read says unknown.
            let _ = (&mut file).take(20).read_to_string(&mut text);
            let holder =
                text.lines().next().and_then(process).map_or("unknown".to_owned(), |number| number.to_string());
            return Err(LedgerError::Locked { path: directory.to_owned(), holder });
        }
        // That the last process stopped in order must not outlive the first byte of this one.
        file.set_len(0).and_then(|()| file.sync_data()).map_err(LedgerError::io("write", &path))?;
        let lock = Self { file };
        // The rest is a courtesy again: a full disk must not keep a process from starting.
        let _ = lock.file.metadata().and_then(|metadata| {
            lock.write(&format!("{}\n{}:{}\n", std::process::id(), metadata.dev(), metadata.ino()))
        });
        Ok(lock)
    }

    /// Whether a process holds the lock of a data directory.
    pub(crate) fn is_held(directory: &Path) -> bool {
        let held = |file: File| rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared).is_err();
        regular::open(&directory.join(LOCK_FILE), false).is_ok_and(|(file, _)| held(file))
    }

    /// Writes down that everything was closed, signed and made durable. Whoever calls it writes nothing afterwards.
    pub(crate) fn stopped(&self) {
        // If it cannot be written, the next look at the directory only knows less.
        let _ = self.file.set_len(0).and_then(|()| self.write(STOPPED));
    }

    fn write(&self, text: &str) -> std::io::Result<()> {
        let mut file = &self.file;
        file.rewind()?;
        file.write_all(text.as_bytes())
    }
}

/// What is known of the process that wrote in a directory last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LastWriter {
    /// It stopped in order: everything was closed and signed.
    Stopped,
    /// It writes, or it died, in this very directory.
    Here,
    /// It wrote in another directory, of which this one is a copy; or nothing is known.
    Elsewhere,
}

impl LastWriter {
    /// Reads the lock file of a data directory.
    pub(crate) fn of(directory: &Path) -> Self {
        let path = directory.join(LOCK_FILE);
        let read = || {
            let text = regular::read_text(&path, SMALL_FILE_BYTES_MAX).ok()?;
            if text == STOPPED {
                return Some(Self::Stopped);
            }
            let mut lines = text.lines();
            process(lines.next()?)?;
            let metadata = path.symlink_metadata().ok()?;
            (lines.next()? == format!("{}:{}", metadata.dev(), metadata.ino())).then_some(Self::Here)
        };
        read().unwrap_or(Self::Elsewhere)
    }

    /// Whether files may stem from different moments: only in a copy that was made while a process wrote.
    pub(crate) fn may_be_torn(self) -> bool {
        self == Self::Elsewhere
    }
}

fn process(line: &str) -> Option<u32> {
    line.bytes().all(|byte| byte.is_ascii_digit()).then(|| line.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_process_is_refused_with_the_first_ones_number() {
        let dir = tempfile::tempdir().expect("a directory");
        let lock = Lock::take(dir.path()).expect("free");
        let Err(LedgerError::Locked { holder, .. }) = Lock::take(dir.path()) else { panic!("it is held") };
        assert_eq!(holder, std::process::id().to_string());
        drop(lock);
        assert!(Lock::take(dir.path()).is_ok());
    }

    #[test]
    fn a_copy_of_a_running_directory_is_told_from_the_directory() {
        let (dir, copy) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
        let copied = || {
            std::fs::copy(dir.path().join(LOCK_FILE), copy.path().join(LOCK_FILE)).expect("copied");
            LastWriter::of(copy.path())
        };
        assert_eq!(LastWriter::of(dir.path()), LastWriter::Elsewhere, "nothing is known");
        let lock = Lock::take(dir.path()).expect("free");
        assert_eq!((LastWriter::of(dir.path()), copied()), (LastWriter::Here, LastWriter::Elsewhere));
        lock.stopped();
        assert_eq!((LastWriter::of(dir.path()), copied()), (LastWriter::Stopped, LastWriter::Stopped));
        drop(lock);
        let _lock = Lock::take(dir.path()).expect("free");
        assert_eq!(LastWriter::of(dir.path()), LastWriter::Here);
        for text in ["", "12\n", "stopped", "12\nx\n", "stopped\nagain\n"] {
            std::fs::write(copy.path().join(LOCK_FILE), text).expect("written");
            assert_eq!(LastWriter::of(copy.path()), LastWriter::Elsewhere, "{text:?}");
        }
    }

    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let dir = tempfile::tempdir().expect("a directory");
        let victim = dir.path().join("victim");
        std::fs::write(&victim, "precious").expect("written");
        std::os::unix::fs::symlink(&victim, dir.path().join(LOCK_FILE)).expect("linked");
        assert!(Lock::take(dir.path()).is_err());
        assert_eq!(std::fs::read(&victim).expect("there"), b"precious");
    }
}
