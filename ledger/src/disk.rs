//! The disk as the writer sees it: a small trait, so that tests can refuse, tear and lose any single operation, and its
//! implementation on a local file system. The WAL and the checkpoint go through it; what the sealer writes goes through
//! the `blobs` that it hands out.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FallocateFlags;

use crate::blobs::{Blobs, LocalBlobs, UNFINISHED_PREFIX};
use crate::regular;

/// One open file. Reads and writes name their offset, so that clones of a handle never share a position.
pub trait DiskFile: Send + Sync + std::fmt::Debug {
    /// Writes all bytes at `offset`.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    /// Fills `bytes` from `offset`; an error of kind `UnexpectedEof` if the file ends before.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
    /// Makes the data and the length durable.
    fn sync(&self) -> io::Result<()>;
    /// Length in bytes.
    fn size(&self) -> io::Result<u64>;
    /// Cuts the file, or frees what was allocated behind its end.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Reserves space for `len` bytes from `offset` without changing the file's length.
    fn allocate(&self, offset: u64, len: u64) -> io::Result<()>;
}

/// Files in directories.
pub trait Disk: Send + Sync + std::fmt::Debug {
    /// Creates a file that must not exist.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens a regular file for reading, and for writing if asked.
    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>>;
    /// Names in a directory, sorted.
    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>>;
    /// Deletes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Gives a file another name in the same directory, in the place of what has that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_directory(&self, directory: &Path) -> io::Result<()>;
    /// Bytes that an unprivileged process can still write.
    fn available(&self, directory: &Path) -> io::Result<u64>;
    /// The immutable files under a directory.
    fn blobs(&self, root: &Path) -> Arc<dyn Blobs> {
        Arc::new(LocalBlobs::new(root))
    }
}

/// Writes a file from its start under a temporary name and then gives it its own, so that under its own name it is whole
/// or not there. With `sync` its bytes are durable before it has the name; the name itself is the caller's to sync.
pub(crate) fn replace(disk: &dyn Disk, path: &Path, bytes: &[u8], sync: bool) -> io::Result<Arc<dyn DiskFile>> {
    let mut name = OsString::from(UNFINISHED_PREFIX.to_string());
    name.push(path.file_name().unwrap_or_default());
    let temporary = path.with_file_name(name);
    let file = match disk.create(&temporary) {
        // A crash or a failed attempt left it; nobody reads it.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            disk.remove(&temporary)?;
            disk.create(&temporary)?
        }
        created => created?,
    };
    let written = file.write_at(bytes, 0).and_then(|()| if sync { file.sync() } else { Ok(()) });
    if let Err(error) = written.and_then(|()| disk.rename(&temporary, path)) {
        // What cannot be deleted now is replaced by the next attempt.
        let _ = disk.remove(&temporary);
        return Err(error);
    }
    Ok(file)
}

/// The local file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalDisk;

#[derive(Debug)]
struct LocalFile(File);

impl DiskFile for LocalFile {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_exact_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        use rustix::io::Errno;
        match rustix::io::retry_on_intr(|| rustix::fs::fallocate(&self.0, FallocateFlags::KEEP_SIZE, offset, len)) {
            // A file system that cannot reserve space still works: then a full disk shows at the write.
            Err(Errno::OPNOTSUPP | Errno::NOSYS) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Disk for LocalDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(LocalFile(OpenOptions::new().read(true).write(true).create_new(true).open(path)?)))
    }

    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(LocalFile(regular::open(path, write)?.0)))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<_>>()?;
        paths.sort();
        Ok(paths)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        File::open(directory)?.sync_all()
    }

    fn available(&self, directory: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(directory)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}
