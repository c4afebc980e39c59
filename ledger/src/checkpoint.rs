//! The newest signed checkpoint of a shard: a file that is replaced by rename and can be made anew from the headers.

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use proof::Digest;
use proof::note::{Checkpoint, Signer};
use proof::tree::Frontier;

use crate::disk::{Disk, replace};
use crate::error::LedgerError;
use crate::limits::SMALL_FILE_BYTES_MAX;
use crate::regular;

/// Name of the file in the shard's directory.
pub const CHECKPOINT_FILE: &str = "checkpoint";

/// The size and root of a ledger's newest checkpoint, shared with the other ledger, whose next batch commits to it: so
/// one of the two rolled back alone is seen by the other.
#[derive(Debug, Default)]
pub(crate) struct CheckpointCell(Mutex<Option<(u64, Digest)>>);

impl CheckpointCell {
    pub(crate) fn set(&self, size: u64, root: Digest) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((size, root));
    }

    pub(crate) fn get(&self) -> Option<(u64, Digest)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The value of the input that names the other ledger's checkpoint: size u64, root.
pub(crate) fn peer_value(size: u64, root: &Digest) -> Vec<u8> {
    let mut value = size.to_be_bytes().to_vec();
    value.extend_from_slice(&root.0);
    value
}

/// Reads what [`peer_value`] wrote.
pub(crate) fn parse_peer_value(value: &[u8]) -> Option<(u64, Digest)> {
    let (size, root) = value.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*size), Digest(root.try_into().ok()?)))
}

/// The key of the input that names the checkpoint of `ledger/shard`.
pub(crate) fn peer_key(ledger: crate::LedgerName, shard: u32) -> String {
    format!("checkpoint:{ledger}/{shard}")
}

/// Signs the log as it stands and replaces the file. No fsync: a lost checkpoint is made anew from durable headers.
pub(crate) fn publish(
    disk: &dyn Disk,
    directory: &Path,
    signer: &Signer,
    origin: &str,
    log: &Frontier,
) -> Result<String, LedgerError> {
    let checkpoint = Checkpoint { origin: origin.to_owned(), size: log.size(), root: log.root() };
    let note = signer.sign(&checkpoint.to_text());
    let path = directory.join(CHECKPOINT_FILE);
    replace(disk, &path, note.as_bytes(), false).map_err(LedgerError::io("write", &path))?;
    Ok(note)
}

/// Makes the newest checkpoint durable, if there is one.
pub(crate) fn sync(directory: &Path) -> Result<(), LedgerError> {
    let path = directory.join(CHECKPOINT_FILE);
    match regular::open(&path, false) {
        Ok((file, _)) => file.sync_all().map_err(LedgerError::io("sync", path))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(LedgerError::io("open", path)(error)),
    }
    File::open(directory).and_then(|folder| folder.sync_all()).map_err(LedgerError::io("sync", directory))
}

/// The text of the newest checkpoint, `None` if there is none. A file without a byte, or of zeros alone, is what a loss of
/// power can leave of one that was being replaced: it counts as none.
pub fn read(directory: &Path) -> Result<Option<String>, LedgerError> {
    let path = directory.join(CHECKPOINT_FILE);
    match regular::read_text(&path, SMALL_FILE_BYTES_MAX) {
        Ok(note) => Ok(Some(note).filter(|note| note.bytes().any(|byte| byte != 0))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(LedgerError::io("read", path)(error)),
    }
}
