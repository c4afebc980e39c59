//! A WAL file: its name, its header and the handle that the writer, the tail and the readers share.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use proof::Digest;

use crate::disk::{Disk, DiskFile, replace};
use crate::error::LedgerError;
use crate::position::LedgerName;

/// The format that this version writes and the only one that it reads; directories of an older one are refused as a whole.
pub const WAL_FORMAT: u32 = 2;
/// Length of the header.
pub const HEADER_LEN: usize = 89;
const MAGIC: &[u8; 8] = b"TACHOWAL";

/// What stands at the front of a WAL file, after the magic and the format, before a CRC32C of it all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalHeader {
    /// The ledger.
    pub ledger: LedgerName,
    /// The shard.
    pub shard: u32,
    /// Number of the file, from 0, never used twice.
    pub number: u64,
    /// Random number that seeds the checksums.
    pub nonce: u64,
    /// Number of the first commit.
    pub first_commit: u64,
    /// Number of the first batch.
    pub first_batch: u64,
    /// Position of the first event.
    pub first_seq: u64,
    /// Hash of the log's origin, so that a file of another log is not taken.
    pub origin: Digest,
}

impl WalHeader {
    /// Encodes the header.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut out = Vec::with_capacity(HEADER_LEN);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&WAL_FORMAT.to_be_bytes());
        out.push(self.ledger as u8);
        out.extend_from_slice(&self.shard.to_be_bytes());
        for number in [self.number, self.nonce, self.first_commit, self.first_batch, self.first_seq] {
            out.extend_from_slice(&number.to_be_bytes());
        }
        out.extend_from_slice(&self.origin.0[..28]);
        out.extend_from_slice(&crc32c::crc32c(&out).to_be_bytes());
        let mut fixed = [0; HEADER_LEN];
        fixed.copy_from_slice(&out);
        fixed
    }
}

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub enum HeaderState {
    /// It is whole.
    Valid(WalHeader),
    /// It is written by a newer version.
    Newer(u32),
    /// It does not start like a WAL file.
    Foreign,
    /// Its checksum is wrong, or the file is shorter than a header.
    Broken,
}

/// Reads a header.
pub fn decode_header(bytes: &[u8]) -> HeaderState {
    let Some(bytes) = bytes.first_chunk::<HEADER_LEN>() else {
        return HeaderState::Broken;
    };
    if &bytes[..8] != MAGIC {
        // A header that was never written is zeros; anything else was written by somebody else.
        return if bytes.iter().all(|byte| *byte == 0) { HeaderState::Broken } else { HeaderState::Foreign };
    }
    let u32_at = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let u64_at = |at: usize| u64::from(u32_at(at)) << 32 | u64::from(u32_at(at + 4));
    let whole = u32_at(HEADER_LEN - 4) == crc32c::crc32c(&bytes[..HEADER_LEN - 4]);
    match u32_at(8) {
        format if format > WAL_FORMAT && whole => return HeaderState::Newer(format),
        WAL_FORMAT if whole => {}
        _ => return HeaderState::Broken,
    }
    let Some(ledger) = LedgerName::ALL.into_iter().find(|name| *name as u8 == bytes[12]) else {
        return HeaderState::Broken;
    };
    let mut origin = [0; 32];
    origin[..28].copy_from_slice(&bytes[57..85]);
    HeaderState::Valid(WalHeader {
        ledger,
        shard: u32_at(13),
        number: u64_at(17),
        nonce: u64_at(25),
        first_commit: u64_at(33),
        first_batch: u64_at(41),
        first_seq: u64_at(49),
        origin: Digest(origin),
    })
}

/// The hash of an origin as a WAL header holds it: the last four of 32 bytes are zero there.
pub fn origin_mark(origin: &str) -> Digest {
    let mut digest = proof::header::origin_hash(origin);
    digest.0[28..].fill(0);
    digest
}

/// An open WAL file. It stays readable through this handle after it was deleted.
#[derive(Debug)]
pub struct WalFile {
    /// Its header.
    pub header: WalHeader,
    /// Its path.
    pub path: PathBuf,
    /// Its bytes.
    pub file: Arc<dyn DiskFile>,
}

/// Why a WAL file was not created.
#[derive(Debug)]
pub struct CreateError {
    /// What failed.
    pub error: LedgerError,
    /// There is no file; otherwise it is unknown whether there is one.
    pub is_clean: bool,
}

impl WalFile {
    /// Creates a file with its header and makes both durable. The file has its name once its header is whole; after an
    /// error that [`CreateError::is_clean`] there is no file of that name.
    pub fn create(disk: &dyn Disk, directory: &Path, header: WalHeader) -> Result<Self, CreateError> {
        let path = directory.join(file_name(header.number));
        let failed = |action, source| CreateError { error: LedgerError::io(action, &path)(source), is_clean: true };
        let file = replace(disk, &path, &header.encode(), true).map_err(|error| failed("create", error))?;
        if let Err(error) = disk.sync_directory(directory) {
            let is_clean = disk.remove(&path).is_ok();
            return Err(CreateError { is_clean, ..failed("sync the folder of", error) });
        }
        Ok(Self { header, path, file })
    }

    /// Whether it holds nothing behind its header.
    pub fn is_empty(&self) -> Result<bool, LedgerError> {
        Ok(self.file.size().map_err(LedgerError::io("read", &self.path))? <= HEADER_LEN as u64)
    }

    /// Opens a file and reads its header; `None` if it was created and never begun, as a crash can leave it.
    pub fn open(disk: &dyn Disk, path: &Path, write: bool) -> Result<Option<Self>, LedgerError> {
        let file = disk.open(path, write).map_err(LedgerError::io("open", path))?;
        let len = file.size().map_err(LedgerError::io("read", path))?;
        let mut bytes = vec![0; (HEADER_LEN as u64).min(len) as usize];
        file.read_at(&mut bytes, 0).map_err(LedgerError::io("read", path))?;
        match decode_header(&bytes) {
            HeaderState::Valid(header) => Ok(Some(Self { header, path: path.to_owned(), file })),
            HeaderState::Broken if len <= HEADER_LEN as u64 => Ok(None),
            HeaderState::Broken => Err(LedgerError::corrupt(path, "header", "its checksum is wrong")),
            HeaderState::Foreign => Err(LedgerError::Foreign { path: path.to_owned(), expected: "WAL file" }),
            HeaderState::Newer(found) => {
                Err(LedgerError::NewerFormat { path: path.to_owned(), found, supported: WAL_FORMAT })
            }
        }
    }

    /// Whether the file stands at this place: its ledger and shard, its log, its number, and the batch and position that it
    /// starts with.
    pub fn check_place(
        &self,
        (ledger, shard): (LedgerName, u32),
        origin: &str,
        number: u64,
        (batch, seq): (u64, u64),
    ) -> Result<(), LedgerError> {
        let header = &self.header;
        let wrong = |what: String| Err(LedgerError::corrupt(&self.path, "header", what));
        if (header.ledger, header.shard) != (ledger, shard) {
            let found = (header.ledger, header.shard);
            return wrong(format!("it says that it is of {}/{}, and it lies in {ledger}/{shard}", found.0, found.1));
        }
        if header.origin != origin_mark(origin) {
            return wrong(format!("it is not of the log {origin:?}"));
        }
        if header.number != number {
            return wrong(format!("it says that it is file {}", header.number));
        }
        if (header.first_batch, header.first_seq) != (batch, seq) {
            let (batch_found, seq_found) = (header.first_batch, header.first_seq);
            return wrong(format!(
                "it starts at batch {batch_found}, position {seq_found} instead of {batch} and {seq}"
            ));
        }
        Ok(())
    }

    /// Reads `len` bytes from `offset`.
    pub fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>, LedgerError> {
        let mut bytes = vec![0; len];
        self.file.read_at(&mut bytes, offset).map_err(LedgerError::io("read", &self.path))?;
        Ok(bytes)
    }
}

/// The name of WAL file number `number`.
pub fn file_name(number: u64) -> String {
    format!("{number:020}.wal")
}

/// The number in a WAL file's name.
pub fn file_number(path: &Path) -> Option<u64> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".wal")?;
    (stem.len() == 20).then(|| stem.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn headers_round_trip_and_any_change_shows(
            (number, nonce, first_commit, first_batch, first_seq) in any::<(u64, u64, u64, u64, u64)>(),
            shard: u32, at in 0_usize..HEADER_LEN, flip in 1_u8..255,
        ) {
            let ledger = LedgerName::Operations;
            let header = WalHeader { ledger, shard, number, nonce, first_commit, first_batch, first_seq, origin: origin_mark("a/b") };
            let mut bytes = header.encode();
            prop_assert_eq!(decode_header(&bytes), HeaderState::Valid(header));
            bytes[at] ^= flip;
            prop_assert!(matches!(decode_header(&bytes), HeaderState::Broken | HeaderState::Foreign));
            prop_assert_eq!(file_number(Path::new(&file_name(number))), Some(number));
        }
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let header = WalHeader {
            ledger: LedgerName::Events,
            shard: 0,
            number: 1,
            nonce: 2,
            first_commit: 3,
            first_batch: 4,
            first_seq: 5,
            origin: origin_mark("x"),
        };
        let mut bytes = header.encode();
        bytes[8..12].copy_from_slice(&7_u32.to_be_bytes());
        assert_eq!(decode_header(&bytes), HeaderState::Broken);
        let checksum = crc32c::crc32c(&bytes[..HEADER_LEN - 4]);
        bytes[HEADER_LEN - 4..].copy_from_slice(&checksum.to_be_bytes());
        assert_eq!(decode_header(&bytes), HeaderState::Newer(7));
        assert_eq!(decode_header(b"hello"), HeaderState::Broken);
        assert_eq!(decode_header(&[7; HEADER_LEN]), HeaderState::Foreign);
        assert_eq!(decode_header(&[0; HEADER_LEN]), HeaderState::Broken);
    }
}
