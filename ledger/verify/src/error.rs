//! Why bytes could not be looked at, or are not what the page says. Most of it ends up as a line of the report.

use std::io;
use std::path::PathBuf;

/// Why something could not be verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The operating system refused.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb: "open", "read".
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Stored bytes are not what was written.
    #[error("corrupt: {} at {place}: {what}; keep the file and restore it from a backup", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// Offset, batch or row group inside the file.
        place: String,
        /// What is wrong with it.
        what: String,
    },
    /// It was written by a newer version.
    #[error("{} has format {found}, and this version reads up to {supported}; use the version that wrote it, or a newer one", path.display())]
    NewerFormat {
        /// The file that says so.
        path: PathBuf,
        /// The format it states.
        found: u32,
        /// The newest format that this version reads.
        supported: u32,
    },
    /// It was written by a version from before the first release.
    #[error("{} has format {found}, which only versions from before the first release wrote, and this version reads format {supported}: verify it with the version that wrote it", path.display())]
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
    #[error("{} has no ledger; check the path, or run `tachograph init {}`", path.display(), path.display())]
    NotInitialised {
        /// The data directory.
        path: PathBuf,
    },
    /// The bytes are those of another version, and what they must be cannot be computed by this one.
    #[error("{} says that {found:?} wrote it, which may have encoded the same rows otherwise; start that version once", path.display())]
    OtherEncoder {
        /// The file.
        path: PathBuf,
        /// Who the file says wrote it.
        found: String,
    },
    /// The public key of the directory is none.
    #[error("{}: {source}", path.display())]
    Key {
        /// The file that holds it.
        path: PathBuf,
        /// What is wrong with it.
        source: proof::note::NoteError,
    },
    /// Parquet or Arrow refused a file.
    #[error("{}: {message}", path.display())]
    Columnar {
        /// The file.
        path: PathBuf,
        /// What the library said.
        message: String,
    },
}

impl VerifyError {
    /// Wraps an error of the operating system with what was tried on which path. What is refused for what it is, such as a link or a
    /// file without end, is corrupt and not refused by the system.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| match source.kind() {
            io::ErrorKind::InvalidData => Self::corrupt(path, "file", source.to_string()),
            _ => Self::Io { action, path, source },
        }
    }

    /// Names a corrupt place.
    pub(crate) fn corrupt(path: impl Into<PathBuf>, place: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Corrupt { path: path.into(), place: place.into(), what: what.into() }
    }

    /// Whether there is no such file.
    pub(crate) fn is_missing(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}
