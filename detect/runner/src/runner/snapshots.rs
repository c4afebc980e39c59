//! Snapshot files: states of the engine beside the store. They can be made anew from the ledger, so they are believed only
//! when their hash is the one that the cursor holds, and a damaged one is passed over.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use ledger::Seq;
use sha2::{Digest as _, Sha256};

use crate::runner::journal::SnapshotRef;

/// The directory of snapshot files.
#[derive(Debug, Clone)]
pub struct Snapshots {
    dir: PathBuf,
    /// The largest that is written, and believed.
    limit: u64,
}

impl Snapshots {
    /// Files in `dir`, which is created if need be, of at most `limit` bytes.
    pub fn open(dir: &Path, limit: u64) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        Ok(Self { dir: dir.to_owned(), limit })
    }

    /// Writes a file; it is complete when this returns. `None` if it would be too large to be read back.
    pub fn write(&self, next_seq: Seq, bytes: &[u8]) -> io::Result<Option<SnapshotRef>> {
        if bytes.len() as u64 > self.limit {
            return Ok(None);
        }
        let sha256 = hash(bytes);
        let reference = SnapshotRef { next_seq, sha256 };
        let temporary = self.dir.join("new.tmp");
        let mut file = fs::File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(temporary, self.path(&reference))?;
        Ok(Some(reference))
    }

    /// Reads a file and checks its hash; `None` if it is missing or is not what was written.
    pub fn read(&self, reference: &SnapshotRef) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        fs::File::open(self.path(reference)).ok()?.take(self.limit).read_to_end(&mut bytes).ok()?;
        (hash(&bytes) == reference.sha256).then_some(bytes)
    }

    /// Deletes every file that is not in `kept`.
    pub fn keep_only(&self, kept: &[SnapshotRef]) -> io::Result<()> {
        let kept: Vec<PathBuf> = kept.iter().map(|reference| self.path(reference)).collect();
        for file in fs::read_dir(&self.dir)? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "snapshot") && !kept.contains(&path) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn path(&self, reference: &SnapshotRef) -> PathBuf {
        let hash = reference.sha256.get(..16).unwrap_or(&reference.sha256);
        // The hash comes from the ledger; a name made of anything else would not be ours.
        let hash: String = hash.chars().filter(char::is_ascii_hexdigit).collect();
        self.dir.join(format!("{:020}-{hash}.snapshot", reference.next_seq))
    }
}

/// SHA-256 in hexadecimal.
fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_or_missing_file_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::open(dir.path(), 3).unwrap();
        let write = |next_seq: Seq, bytes: &[u8]| snapshots.write(next_seq, bytes).unwrap();
        let (first, second) = (write(Seq::new(1), b"one").unwrap(), write(Seq::new(2), b"two").unwrap());
        assert_eq!(write(Seq::new(3), b"four"), None, "it would not be read back");
        assert_eq!(snapshots.read(&first).as_deref(), Some(b"one".as_slice()));
        snapshots.keep_only(std::slice::from_ref(&second)).unwrap();
        assert_eq!(snapshots.read(&first), None);
        fs::write(snapshots.path(&second), b"twi").unwrap();
        assert_eq!(snapshots.read(&second), None);
    }
}
