//! The file of the fold's state: a line with its form, its next row and the hash of the rest, and the fold as JSON. It can be made
//! anew from the ledger, so one that is damaged or of another form is passed over.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use ledger::Seq;
use sha2::{Digest as _, Sha256};

use super::fold::Fleet;
use crate::limits::FLEET_SNAPSHOT_BYTES_MAX;

/// The form; another number is another form.
const FORM: &str = "tachograph-fleet/2";

/// Where the fold's state is kept.
#[derive(Debug, Clone)]
pub(super) struct SnapshotFile {
    directory: PathBuf,
}

impl SnapshotFile {
    /// In this directory, which is made if need be.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(Self { directory: directory.to_owned() })
    }

    fn path(&self) -> PathBuf {
        self.directory.join("fleet.snapshot")
    }

    /// Replaces the file; it is complete when this returns.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        if bytes.len() as u64 > FLEET_SNAPSHOT_BYTES_MAX {
            return Err(io::Error::other("it is larger than one that is read back"));
        }
        let temporary = self.directory.join("new.tmp");
        let mut file = fs::File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(temporary, self.path())
    }

    /// The fold in the file and its next row; `None` if there is none that can be believed.
    pub(super) fn read(&self) -> Option<(Fleet, Seq)> {
        let mut bytes = Vec::new();
        fs::File::open(self.path()).ok()?.take(FLEET_SNAPSHOT_BYTES_MAX).read_to_end(&mut bytes).ok()?;
        let read = decode(&bytes);
        if read.is_none() {
            tracing::warn!(
                "the snapshot of the fleet is damaged or of another version; it is made anew from the ledger"
            );
        }
        read
    }
}

/// The bytes of a fold whose next row is this one.
pub(super) fn encode(fleet: &Fleet, next_seq: Seq) -> serde_json::Result<Vec<u8>> {
    let body = serde_json::to_vec(fleet)?;
    let mut bytes = format!("{FORM} {next_seq} {}\n", hex::encode(Sha256::digest(&body))).into_bytes();
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

/// Reads what [`encode`] wrote.
pub(super) fn decode(bytes: &[u8]) -> Option<(Fleet, Seq)> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let (head, body) = (std::str::from_utf8(bytes.get(..end)?).ok()?, bytes.get(end + 1..)?);
    let mut words = head.split(' ');
    let (form, next_seq, sha256) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    if form != FORM || sha256 != hex::encode(Sha256::digest(body)) {
        return None;
    }
    let mut fleet: Fleet = serde_json::from_slice(body).ok()?;
    fleet.index();
    Some((fleet, next_seq))
}
