//! Immutable files of one ledger, by name: what the sealer writes and the readers read. A small trait, so that tests can
//! refuse any single step and so that the store can move to an object store; here is the durable local folder.
//!
//! The WAL does not go through this: it appends, and it needs `disk`.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rustix::fs::{AtFlags, CWD, RenameFlags};

use crate::error::LedgerError;
use crate::limits::{BLOB_READ_BYTES_MAX, BLOB_UNSYNCED_BYTES_MAX};
use crate::regular;

/// What an unfinished file's name starts with; such files are not listed.
pub(crate) const UNFINISHED_PREFIX: char = '.';

/// A step on a blob failed.
#[derive(Debug, thiserror::Error)]
#[error("{action} {}: {source}", path.display())]
pub struct BlobError {
    /// What was tried, as a verb: "create", "read".
    pub action: &'static str,
    /// The blob's place.
    pub path: PathBuf,
    /// The system's answer.
    #[source]
    pub source: io::Error,
}

impl BlobError {
    /// Wraps an error of the operating system with what was tried on which path.
    pub fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self { action, path, source }
    }

    /// Whether there is no such blob.
    pub fn is_missing(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Whether there is a blob of this name already.
    pub fn is_taken(&self) -> bool {
        self.source.kind() == io::ErrorKind::AlreadyExists
    }
}

impl From<BlobError> for LedgerError {
    fn from(error: BlobError) -> Self {
        Self::io(error.action, error.path)(error.source)
    }
}

/// Named, immutable byte strings. A name is `file` or `folder/file`; see [`check_name`].
pub trait Blobs: Send + Sync + fmt::Debug {
    /// Starts a blob. It appears under its name, whole and durable, when the writer is finished, and never if it is dropped.
    fn create(&self, name: &str) -> Result<Box<dyn BlobWriter>, BlobError>;
    /// Its size in bytes.
    fn size(&self, name: &str) -> Result<u64, BlobError>;
    /// The bytes of a range; an error of kind `UnexpectedEof` if the blob ends before.
    fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, BlobError>;
    /// The names in a folder, sorted; none if there is no such folder.
    fn list(&self, folder: &str) -> Result<Vec<String>, BlobError>;
    /// Deletes a blob; one that does not exist is fine.
    fn delete(&self, name: &str) -> Result<(), BlobError>;
    /// Where the blob lies, for messages and for readers that open files themselves.
    fn path(&self, name: &str) -> PathBuf;

    /// All bytes of a blob that is known to be small.
    fn get(&self, name: &str) -> Result<Bytes, BlobError> {
        let size = self.size(name)?;
        self.get_range(name, 0..size)
    }

    /// Stores `bytes` unless there is a blob of this name.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), BlobError> {
        let mut writer = self.create(name)?;
        writer.write_all(bytes).map_err(BlobError::io("write", self.path(name)))?;
        writer.finish()
    }
}

/// A blob on its way.
pub trait BlobWriter: Write + Send {
    /// Makes the blob durable, then visible under its name, then the name durable. It fails with `AlreadyExists` if the
    /// name is taken. After any other error the blob may or may not be there.
    fn finish(self: Box<Self>) -> Result<(), BlobError>;
}

/// Whether a name stays inside the folder: at most two parts of letters, digits, `.`, `-` and `_`, none starting with `.`.
pub fn check_name(name: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
    };
    match name.split_once('/') {
        Some((folder, file)) => plain(folder) && plain(file),
        None => plain(name),
    }
}

/// A folder of the local file system.
#[derive(Debug, Clone)]
pub struct LocalBlobs {
    root: PathBuf,
}

impl LocalBlobs {
    /// The blobs under `root`, which exists.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Deletes what an earlier process left unfinished. Only the holder of the directory's lock may call this.
    pub fn delete_unfinished(&self) -> Result<(), BlobError> {
        for folder in folders(&self.root)? {
            for name in names(&folder)? {
                if name.starts_with(UNFINISHED_PREFIX) {
                    let path = folder.join(name);
                    fs::remove_file(&path).map_err(BlobError::io("delete", path))?;
                }
            }
        }
        Ok(())
    }

    /// The path of a name, refused if it would leave the folder.
    fn checked(&self, action: &'static str, name: &str) -> Result<PathBuf, BlobError> {
        let path = self.root.join(name);
        if check_name(name) {
            return Ok(path);
        }
        let source = io::Error::new(io::ErrorKind::InvalidInput, "not the name of a stored file");
        Err(BlobError { action, path, source })
    }
}

impl Blobs for LocalBlobs {
    fn create(&self, name: &str) -> Result<Box<dyn BlobWriter>, BlobError> {
        let path = self.checked("create", name)?;
        let folder = path.parent().unwrap_or(&self.root).to_path_buf();
        if folder != self.root && !folder.is_dir() {
            fs::create_dir(&folder).or_else(exists_is_fine).map_err(BlobError::io("create", &folder))?;
            sync_folder(&self.root)?;
        }
        // The folder's handle stays open from here to its fsync: the kernel would forget an error of an evicted inode.
        let directory = File::open(&folder).map_err(BlobError::io("open", &folder))?;
        let unfinished = folder.join(unfinished_name(&path)?);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&unfinished)
            .map_err(BlobError::io("create", &unfinished))?;
        Ok(Box::new(LocalWriter { file, unsynced: 0, directory, unfinished, path }))
    }

    fn size(&self, name: &str) -> Result<u64, BlobError> {
        let path = self.checked("look at", name)?;
        regular::size(&path).map_err(BlobError::io("look at", path))
    }

    fn get_range(&self, name: &str, range: Range<u64>) -> Result<Bytes, BlobError> {
        let path = self.checked("read", name)?;
        let read = || -> io::Result<Bytes> {
            let (file, metadata) = regular::open(&path, false)?;
            let len = range.end.saturating_sub(range.start);
            // The file's own length bounds what is allocated, whatever a damaged footer asks for.
            if range.end > metadata.len() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            // A file without end on a file system with holes is no bound.
            if len > BLOB_READ_BYTES_MAX {
                let what = format!("{len} bytes are more than any part of such a file has");
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
            let mut bytes = vec![0; len as usize];
            file.read_exact_at(&mut bytes, range.start)?;
            Ok(bytes.into())
        };
        read().map_err(BlobError::io("read", &path))
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, BlobError> {
        let path = self.checked("list", folder)?;
        let mut listed = match names(&path) {
            Err(error) if error.is_missing() => return Ok(Vec::new()),
            listed => listed?,
        };
        listed.retain(|name| !name.starts_with(UNFINISHED_PREFIX));
        listed.sort();
        Ok(listed.into_iter().map(|name| format!("{folder}/{name}")).collect())
    }

    fn delete(&self, name: &str) -> Result<(), BlobError> {
        let path = self.checked("delete", name)?;
        fs::remove_file(&path).or_else(missing_is_fine).map_err(BlobError::io("delete", path))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }
}

struct LocalWriter {
    file: File,
    /// Bytes since the last sync.
    unsynced: usize,
    directory: File,
    unfinished: PathBuf,
    path: PathBuf,
}

impl Write for LocalWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A journal's commits wait for each other: a WAL that is synced meanwhile would wait for as much as is written here. It comes before
        // the write, since a write that fails must have written nothing.
        if self.unsynced >= BLOB_UNSYNCED_BYTES_MAX {
            self.file.sync_data()?;
            self.unsynced = 0;
        }
        let written = self.file.write(bytes)?;
        self.unsynced += written;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl BlobWriter for LocalWriter {
    fn finish(self: Box<Self>) -> Result<(), BlobError> {
        self.file.sync_all().map_err(BlobError::io("sync", &self.path))?;
        publish(&self.unfinished, &self.path).map_err(BlobError::io("create", &self.path))?;
        self.directory.sync_all().map_err(BlobError::io("sync the folder of", &self.path))
    }
}

impl Drop for LocalWriter {
    fn drop(&mut self) {
        // After `publish` there is nothing left to delete; a leftover is also swept at the next start.
        let _ = fs::remove_file(&self.unfinished);
    }
}

/// Gives the file its name unless the name is taken: by one rename where the file system can, else by a hard link.
fn publish(unfinished: &Path, path: &Path) -> io::Result<()> {
    use rustix::io::Errno;
    match rustix::fs::renameat_with(CWD, unfinished, CWD, path, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            rustix::fs::linkat(CWD, unfinished, CWD, path, AtFlags::empty())?;
            fs::remove_file(unfinished)
        }
        outcome => Ok(outcome?),
    }
}

/// A name that no other process and no earlier attempt uses.
fn unfinished_name(path: &Path) -> Result<String, BlobError> {
    let mut random = [0; 8];
    getrandom::fill(&mut random)
        .map_err(|error| BlobError::io("make a temporary name for", path)(io::Error::other(error.to_string())))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(format!("{UNFINISHED_PREFIX}{name}.{:016x}", u64::from_be_bytes(random)))
}

fn sync_folder(folder: &Path) -> Result<(), BlobError> {
    File::open(folder).and_then(|directory| directory.sync_all()).map_err(BlobError::io("sync", folder))
}

/// The folder itself and the folders in it.
fn folders(root: &Path) -> Result<Vec<PathBuf>, BlobError> {
    let read = || -> io::Result<Vec<PathBuf>> {
        let mut folders = vec![root.to_path_buf()];
        for entry in fs::read_dir(root)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            }
        }
        Ok(folders)
    };
    read().map_err(BlobError::io("list", root))
}

/// The names of the files in a folder.
fn names(folder: &Path) -> Result<Vec<String>, BlobError> {
    let read = || -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.extend(entry.file_name().into_string());
            }
        }
        Ok(names)
    };
    read().map_err(BlobError::io("list", folder))
}

fn exists_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) }
}

fn missing_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// Bytes of a blob that are held at once while it is read from start to end.
const CHUNK_BYTES: u64 = 1 << 20;

/// Reads a blob from start to end in pieces.
pub fn read_through(blobs: &dyn Blobs, name: &str, mut piece: impl FnMut(&[u8])) -> Result<u64, BlobError> {
    let size = blobs.size(name)?;
    let mut at = 0;
    while at < size {
        let end = size.min(at + CHUNK_BYTES);
        piece(&blobs.get_range(name, at..end)?);
        at = end;
    }
    Ok(size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_is_whole_or_absent_and_never_replaced() {
        let directory = tempfile::tempdir().expect("a directory");
        let blobs = LocalBlobs::new(directory.path());
        assert_eq!(blobs.list("segment").expect("no folder"), Vec::<String>::new());
        blobs.put("segment/a.facts", b"hello").expect("stored");
        assert!(blobs.put("segment/a.facts", b"other").expect_err("taken").is_taken());
        drop(blobs.create("segment/b").expect("started"));
        assert_eq!(blobs.list("segment").expect("listed"), ["segment/a.facts"]);
        assert_eq!(blobs.get("segment/a.facts").expect("there"), "hello");
        assert_eq!(blobs.get_range("segment/a.facts", 1..3).expect("there"), "el");
        assert_eq!(
            blobs.get_range("segment/a.facts", 1..9).expect_err("short").source.kind(),
            io::ErrorKind::UnexpectedEof
        );
        assert!(blobs.get("segment/b").expect_err("absent").is_missing());
        let unfinished = fs::read_dir(directory.path().join("segment")).expect("listed").count();
        assert_eq!(unfinished, 1, "nothing unfinished stays behind");
        blobs.delete("segment/a.facts").expect("deleted");
        blobs.delete("segment/a.facts").expect("deleted before");
    }

    #[test]
    fn what_a_killed_process_left_is_not_listed_and_is_swept() {
        let directory = tempfile::tempdir().expect("a directory");
        let blobs = LocalBlobs::new(directory.path());
        blobs.put("manifest/1", b"x").expect("stored");
        fs::write(directory.path().join("manifest/.2.00ff"), b"half").expect("written");
        assert_eq!(blobs.list("manifest").expect("listed"), ["manifest/1"]);
        blobs.delete_unfinished().expect("swept");
        assert!(!directory.path().join("manifest/.2.00ff").exists());
        assert!(directory.path().join("manifest/1").exists());
    }

    #[test]
    fn names_stay_inside_the_folder() {
        for good in ["a", "segment/0-1.facts.parquet", "manifest/00_1"] {
            assert!(check_name(good), "{good}");
        }
        let blobs = LocalBlobs::new("/nowhere");
        for bad in ["", "/etc/passwd", "../x", "a/../b", "a/b/c", ".x", "a/.x", "a/", "a b", "a\0"] {
            assert!(!check_name(bad), "{bad}");
            assert_eq!(blobs.get(bad).expect_err("refused").source.kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn reading_through_sees_every_byte_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let blobs = LocalBlobs::new(directory.path());
        let bytes: Vec<u8> = (0..CHUNK_BYTES * 2 + 5).map(|at| (at % 251) as u8).collect();
        blobs.put("a", &bytes).expect("stored");
        let mut read = Vec::new();
        assert_eq!(read_through(&blobs, "a", |piece| read.extend_from_slice(piece)).expect("read"), bytes.len() as u64);
        assert!(read == bytes);
    }
}
