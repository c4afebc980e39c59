//! The errors of the ledger, by what the caller can do about them.

use std::path::PathBuf;
use std::time::Duration;

use crate::position::Position;

/// Why entries were not taken. Nothing of the group was recorded unless the variant says that it may have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The queue to the writer is full: try again after the delay.
    #[error("the ledger's queue is full; try again in {} ms", retry_after.as_millis())]
    Full {
        /// How long to wait before the next try.
        retry_after: Duration,
    },
    /// The disk has no space left above the reserve: nothing is taken until space is made.
    #[error(
        "the disk of the data directory has less than {reserve_bytes} bytes left; free space or move old segments away"
    )]
    NoSpace {
        /// The bytes that stay reserved for sealing and for the operations ledger.
        reserve_bytes: u64,
    },
    /// The disk refused a write that can be tried again: nothing of the group was recorded.
    #[error("the disk of the data directory refused a write ({reason}); nothing was recorded, try again")]
    WriteRefused {
        /// The system's answer.
        reason: String,
    },
    /// An fsync failed, so the state of the disk is unknown. The process must be started again. Entries that
    /// were not yet acknowledged may or may not be in the ledger.
    #[error("the ledger's writer stopped after a failed sync ({reason}); start the process again to recover")]
    Poisoned {
        /// What failed.
        reason: String,
    },
    /// One entry is larger than the ledger takes.
    #[error("an entry of {bytes} bytes is above the limit of {} bytes", crate::limits::ENTRY_BYTES_MAX)]
    EntryTooLarge {
        /// The entry's size.
        bytes: usize,
    },
    /// The group itself breaks a bound: too many entries, or an input that is too long.
    #[error("the group breaks a bound: {0}")]
    InvalidGroup(&'static str),
    /// The ledger is being stopped.
    #[error("the ledger is stopping")]
    Stopped,
}

impl AppendError {
    /// Whether the disk refused and may take the same group later: nothing of it was recorded.
    pub fn is_of_disk(&self) -> bool {
        matches!(self, Self::NoSpace { .. } | Self::WriteRefused { .. })
    }
}

/// Why a ledger cannot be opened, read or sealed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The operating system refused.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: "open", "sync".
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// Stored bytes are not what was written. Nothing is repaired; the message says where and what to do.
    #[error("corrupt: {} at {place}: {what}; keep the file, restore it from a backup, and run `tachograph verify`", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Offset, batch or row group inside the file.
        place: String,
        /// What is wrong with it.
        what: String,
    },
    /// The directory was written by a newer version.
    #[error("{} has format {found}, and this version reads up to {supported}; use the version that wrote it, or a newer one", path.display())]
    NewerFormat {
        /// The file that says so.
        path: PathBuf,
        /// The format it states.
        found: u32,
        /// The newest format that this version reads.
        supported: u32,
    },
    /// The directory was written by a version from before the first release.
    #[error("{} has format {found}, which only versions from before the first release wrote, and this version reads format {supported}: verify and export it with the version that wrote it, and start a new directory", path.display())]
    OlderFormat {
        /// The file that says so.
        path: PathBuf,
        /// The format it states.
        found: u32,
        /// The format that this version reads.
        supported: u32,
    },
    /// The file is not one of ours.
    #[error("{} is not a Tachograph {expected}; check the path", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What it should be.
        expected: &'static str,
    },
    /// The directory has no ledger.
    #[error("{} has no ledger; run `tachograph init {}`", path.display(), path.display())]
    NotInitialised {
        /// The data directory.
        path: PathBuf,
    },
    /// The directory has a ledger already.
    #[error("{} has a ledger already; choose another directory", path.display())]
    AlreadyInitialised {
        /// The data directory.
        path: PathBuf,
    },
    /// The directory holds something else.
    #[error("{} is not empty: it holds {found:?}; choose another directory", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
        /// The name of something in it.
        found: String,
    },
    /// The bytes are those of another version, and what they must be cannot be computed by this one.
    #[error("{} says that {found:?} wrote it, which may have encoded the same rows otherwise; start that version once", path.display())]
    OtherEncoder {
        /// The file.
        path: PathBuf,
        /// Who the file says wrote it.
        found: String,
    },
    /// Another process has the ledger open for writing.
    #[error("{} is in use by process {holder}; stop it, or send it the request over its control socket", path.display())]
    Locked {
        /// The data directory.
        path: PathBuf,
        /// The process that holds the lock, as far as it says.
        holder: String,
    },
    /// The position is not in the ledger, or no longer.
    #[error("{0} is not in the ledger")]
    NoSuchPosition(Position),
    /// The writer refused what the ledger itself wanted to record.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// A key file is not a key.
    #[error("{}: {source}", path.display())]
    Key {
        /// The key file.
        path: PathBuf,
        /// What is wrong with it.
        source: proof::note::NoteError,
    },
    /// Parquet or Arrow refused a file or a batch.
    #[error("{}: {message}", path.display())]
    Columnar {
        /// The file.
        path: PathBuf,
        /// What the library said.
        message: String,
    },
}

impl LedgerError {
    /// Wraps an error of the operating system with what was tried on which path.
    /// What is refused for what it is, such as a link or a file without end, is corrupt and not refused by the system.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| match source.kind() {
            std::io::ErrorKind::InvalidData => Self::corrupt(path, "file", source.to_string()),
            _ => Self::Io { action, path, source },
        }
    }

    /// Names a corrupt place.
    pub fn corrupt(path: impl Into<PathBuf>, place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Corrupt { path: path.into(), place: place.into(), what: what.into() }
    }
}

/// Whether an error says that the disk or the quota is full.
pub(crate) fn is_no_space(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)
}
