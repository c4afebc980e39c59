//! Files of keys: what the memory of duplicates knows of ranges of rows, so that a start need not read those rows again.
//!
//! They lie in `<data>/.intake/<number of the block of rows>.keys` and can be made anew from the ledger. They are believed only if their hash,
//! which is made with the installation's secret, fits; a row that no believed file covers is read from the ledger. So
//! nothing that happens to them lets a duplicate through or an event be taken for one.
//!
//! ```text
//! magic (16 bytes) ‖ first row u64 ‖ memories … ‖ H("tachograph/intake-keys/1\n" ‖ secret[32] ‖ what precedes)
//! ```
//!
//! Beside them lies `facts`: what the control plane had said before the newest of these files was written (`enrich/facts.rs`), with a hash of
//! the same kind.

use std::io;
use std::ops::Range;
use std::path::Path;

use ledger::blobs::{BlobError, Blobs, LocalBlobs};
use ledger::{Digest, LedgerError, Seq};

use crate::dedup::Memory;
use crate::limits;

/// The folder in the data directory. Its name begins with a dot, since it is no part of the record.
const FOLDER: &str = ".intake";
const MAGIC: &[u8; 16] = b"tachograph/keys\n";
const HEAD_LEN: usize = MAGIC.len() + 8;
const HASH_DOMAIN: &[u8] = b"tachograph/intake-keys/1\n";
const SUFFIX: &str = ".keys";
const FACTS: &str = "facts";
const FACTS_DOMAIN: &[u8] = b"tachograph/intake-facts/1\n";

/// The files of one data directory.
pub(super) struct KeyFiles {
    blobs: LocalBlobs,
    secret: [u8; 32],
    rows_per_file: u64,
}

impl KeyFiles {
    /// The files in a data directory, each about so many rows; their folder is made.
    pub fn open(data: &Path, secret: [u8; 32], rows_per_file: u64) -> Result<Self, LedgerError> {
        let folder = data.join(FOLDER);
        std::fs::create_dir(&folder)
            .or_else(|error| if error.kind() == io::ErrorKind::AlreadyExists { Ok(()) } else { Err(error) })
            .map_err(LedgerError::io("create", &folder))?;
        Ok(Self { blobs: LocalBlobs::new(folder), secret, rows_per_file })
    }

    /// The block that a row lies in.
    pub fn block(&self, row: Seq) -> u64 {
        row.get() / self.rows_per_file
    }

    /// The rows of a block.
    pub fn rows(&self, block: u64) -> Range<Seq> {
        Seq::new(block * self.rows_per_file)..Seq::new((block + 1) * self.rows_per_file)
    }

    /// Deletes what is unfinished and what is about other blocks than these: a file about rows that the ledger does not have is of
    /// another history.
    pub fn keep_only(&self, blocks: Range<u64>) -> Result<(), LedgerError> {
        self.blobs.delete_unfinished()?;
        let root = self.blobs.path("");
        for entry in std::fs::read_dir(&root).map_err(LedgerError::io("list", &root))?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(SUFFIX) && !parse(&name).is_some_and(|block| blocks.contains(&block)) {
                self.blobs.delete(&name)?;
            }
        }
        Ok(())
    }

    /// Stores what is remembered of a block's rows, in the place of a file that was not believed.
    pub fn write(&self, block: u64, memories: &[Memory]) -> Result<(), BlobError> {
        let first = self.rows(block).start;
        let mut bytes = Vec::with_capacity(HEAD_LEN + memories.len() * 37 + 32);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&first.get().to_be_bytes());
        for memory in memories {
            memory.encode(first, &mut bytes);
        }
        let hash = self.hash(&bytes);
        bytes.extend_from_slice(&hash.0);
        self.blobs.delete(&name(block))?;
        self.blobs.put(&name(block), &bytes)
    }

    /// What is remembered of a block's rows; `None` if there is no file that was written here.
    pub fn read(&self, block: u64) -> Option<Vec<Memory>> {
        let name = name(block);
        let size = self.blobs.size(&name).ok()?;
        if size > limits::KEY_FILE_BYTES_MAX {
            return None;
        }
        let bytes = self.blobs.get_range(&name, 0..size).ok()?;
        let memories = self.decode(self.rows(block).start, &bytes);
        if memories.is_none() {
            tracing::warn!(block, "a file of keys is damaged; its rows are read again");
        }
        memories
    }

    /// Stores what the control plane said, in the place of what it had said before.
    pub fn write_facts(&self, facts: &[u8]) -> Result<(), BlobError> {
        let hash = Digest::of(FACTS_DOMAIN, &[&self.secret, facts]);
        self.blobs.delete(FACTS)?;
        self.blobs.put(FACTS, &[facts, &hash.0].concat())
    }

    /// What the control plane had said; `None` if there is no file that was written here.
    pub fn read_facts(&self) -> Option<Vec<u8>> {
        let size = self.blobs.size(FACTS).ok().filter(|size| *size <= limits::FACTS_FILE_BYTES_MAX)?;
        let bytes = self.blobs.get_range(FACTS, 0..size).ok()?;
        let (facts, hash) = bytes.split_last_chunk::<32>()?;
        if Digest::of(FACTS_DOMAIN, &[&self.secret, facts]).0 != *hash {
            tracing::warn!("what the control plane had said is damaged; only the newest rows tell it");
            return None;
        }
        Some(facts.to_vec())
    }

    fn decode(&self, first: Seq, bytes: &[u8]) -> Option<Vec<Memory>> {
        let (body, hash) = bytes.split_last_chunk::<32>()?;
        if self.hash(body).0 != *hash {
            return None;
        }
        let mut rest = body.strip_prefix(MAGIC)?.strip_prefix(&first.get().to_be_bytes())?;
        let mut memories = Vec::with_capacity(rest.len() / 21);
        while !rest.is_empty() {
            memories.push(Memory::decode(&mut rest, first)?);
        }
        Some(memories)
    }

    fn hash(&self, bytes: &[u8]) -> Digest {
        Digest::of(HASH_DOMAIN, &[&self.secret, bytes])
    }
}

fn name(block: u64) -> String {
    format!("{block:020}{SUFFIX}")
}

fn parse(name: &str) -> Option<u64> {
    let number = name.strip_suffix(SUFFIX)?;
    (number.len() == 20).then(|| number.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dedup::{Body, Keyring};

    fn memories(block: u64) -> Vec<Memory> {
        let keyring = Keyring::new(&[7; 32]);
        let key = |row: u64| match row % 2 {
            0 => keyring.id("token", "source", &row.to_string()),
            _ => keyring.counter("token", "source", "stream", row),
        };
        (block * 10..block * 10 + 10)
            .map(|row| Memory { key: key(row), body: Body::UNKNOWN, row: Seq::new(row), conflict: row % 5 == 0 })
            .collect()
    }

    #[test]
    fn only_files_of_this_installation_about_these_rows_are_believed() {
        let dir = tempfile::tempdir().unwrap();
        let files = KeyFiles::open(dir.path(), [1; 32], 10).unwrap();
        (0..6).for_each(|block| files.write(block, &memories(block)).unwrap());
        let folder = dir.path().join(FOLDER);
        for other in ["notes.txt", ".half.keys", "x.keys"] {
            std::fs::write(folder.join(other), "mine").unwrap();
        }
        files.keep_only(2..5).unwrap();
        let mut left: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [name(2), name(3), name(4), "notes.txt".to_owned()].map(std::ffi::OsString::from));
        assert_eq!((files.read(3), files.read(0)), (Some(memories(3)), None));
        assert_eq!(KeyFiles::open(dir.path(), [2; 32], 10).unwrap().read(3), None, "another secret");
        let path = folder.join(name(3));
        let sound = std::fs::read(&path).unwrap();
        for at in 0..sound.len() {
            let mut changed = sound.clone();
            changed[at] ^= 1;
            std::fs::write(&path, changed).unwrap();
            assert_eq!(files.read(3), None, "byte {at}");
            std::fs::write(&path, &sound[..at]).unwrap();
            assert_eq!(files.read(3), None, "cut at {at}");
        }
        std::fs::rename(folder.join(name(4)), &path).unwrap();
        assert_eq!(files.read(3), None, "the file of other rows");
        files.write(3, &memories(3)).unwrap();
        assert_eq!(files.read(3), Some(memories(3)));
    }
}
