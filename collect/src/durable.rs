//! Small files that are replaced as a whole: after any stop there is the old one or the new one.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::limits::SMALL_FILE_BYTES_MAX;

/// A file of the spool cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DurableError {
    /// The system's answer.
    #[error("cannot {what} {}: {source}", path.display())]
    Io {
        /// What was to be done.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// The answer.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{} is not what this program wrote there ({message}); put it back as it was, or begin with an empty directory", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
}

impl DurableError {
    /// An error of the system about this file.
    pub(crate) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}

/// Reads a file; `None` if there is none.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, DurableError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DurableError::io("read", path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(SMALL_FILE_BYTES_MAX).read_to_end(&mut bytes).map_err(DurableError::io("read", path))?;
    let not_ours =
        |error: serde_json::Error| DurableError::NotOurs { path: path.to_owned(), message: error.to_string() };
    serde_json::from_slice(&bytes).map(Some).map_err(not_ours)
}

/// Replaces a file; it is durable on return. Only its owner can read it.
pub(crate) fn replace<T: Serialize>(path: &Path, value: &T) -> Result<(), DurableError> {
    let new = path.with_extension("new");
    let bytes = serde_json::to_vec_pretty(value)
        .map_err(|error| DurableError::NotOurs { path: path.to_owned(), message: error.to_string() })?;
    let write = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        sync_directory(path)
    };
    write().map_err(DurableError::io("write", path))
}

/// Makes the names in the directory of this file durable.
pub(crate) fn sync_directory(file: &Path) -> io::Result<()> {
    match file.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}
