//! The local disk without syncs: a made-up history that a loss of power takes is made again.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger::disk::{Disk, DiskFile, LocalDisk};

/// The local disk without syncs.
#[derive(Debug)]
pub struct Unsynced;

#[derive(Debug)]
struct File(Arc<dyn DiskFile>);

impl DiskFile for File {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_at(bytes, offset)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        self.0.read_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.truncate(len)
    }

    fn allocate(&self, offset: u64, len: u64) -> io::Result<()> {
        self.0.allocate(offset, len)
    }
}

impl Disk for Unsynced {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(File(LocalDisk.create(path)?)))
    }

    fn open(&self, path: &Path, write: bool) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(File(LocalDisk.open(path, write)?)))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        LocalDisk.list(directory)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        LocalDisk.remove(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        LocalDisk.rename(from, to)
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn available(&self, directory: &Path) -> io::Result<u64> {
        LocalDisk.available(directory)
    }
}
