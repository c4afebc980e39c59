//! A WAL file: its name, the header at its front, and its bytes (FORMAT.md section 7).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::error::VerifyError;
use crate::files;
use crate::name::LedgerName;

/// The format that this version reads.
const FORMAT: u32 = 2;
/// Length of the header.
pub(super) const HEADER_LEN: usize = 89;
/// Length of what its checksum covers.
const CHECKED_LEN: usize = 85;

/// What the header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    ledger: u8,
    shard: u32,
    pub(super) number: u64,
    pub(super) nonce: u64,
    pub(super) first_commit: u64,
    first_batch: u64,
    pub(super) first_seq: u64,
    origin: [u8; 28],
}

/// What the first bytes of a file are.
#[derive(Debug, PartialEq, Eq)]
enum Front {
    Header(Header),
    /// A header that is not whole: a file that was never begun.
    Broken,
    Newer(u32),
    Foreign,
}

fn read_front(bytes: &[u8]) -> Front {
    let Some(bytes) = bytes.first_chunk::<HEADER_LEN>() else { return Front::Broken };
    if !bytes.starts_with(b"TACHOWAL") {
        // What was never written is zeros; anything else was written by somebody else.
        return if *bytes == [0; HEADER_LEN] { Front::Broken } else { Front::Foreign };
    }
    let (checked, checksum) = bytes.split_at(CHECKED_LEN);
    if checksum != crc32c::crc32c(checked).to_be_bytes() {
        return Front::Broken;
    }
    let number =
        |from: usize, to: usize| checked[from..to].iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    let mut origin = [0; 28];
    origin.copy_from_slice(&checked[57..]);
    match number(8, 12) as u32 {
        FORMAT => Front::Header(Header {
            ledger: checked[12],
            shard: number(13, 17) as u32,
            number: number(17, 25),
            nonce: number(25, 33),
            first_commit: number(33, 41),
            first_batch: number(41, 49),
            first_seq: number(49, 57),
            origin,
        }),
        newer if newer > FORMAT => Front::Newer(newer),
        _ => Front::Broken,
    }
}

/// An open WAL file. It stays readable through this handle after it was deleted.
#[derive(Debug)]
pub(super) struct WalFile {
    pub(super) header: Header,
    pub(super) path: PathBuf,
    file: File,
}

/// Where a file must stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) ledger: LedgerName,
    pub(super) shard: u32,
    pub(super) origin: &'a str,
    pub(super) number: u64,
    pub(super) batch: u64,
    pub(super) seq: u64,
}

impl WalFile {
    /// Opens a file and reads its header; `None` if it was never begun, as a crash can leave it.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, VerifyError> {
        let (file, metadata) = files::open(path).map_err(VerifyError::io("open", path))?;
        let mut bytes = vec![0; metadata.len().min(HEADER_LEN as u64) as usize];
        file.read_exact_at(&mut bytes, 0).map_err(VerifyError::io("read", path))?;
        let path = path.to_owned();
        match read_front(&bytes) {
            Front::Header(header) => Ok(Some(Self { header, path, file })),
            Front::Broken if metadata.len() <= HEADER_LEN as u64 => Ok(None),
            Front::Broken => Err(VerifyError::corrupt(path, "header", "its checksum is wrong")),
            Front::Newer(found) => Err(VerifyError::NewerFormat { path, found, supported: FORMAT }),
            Front::Foreign => Err(VerifyError::Foreign { path, expected: "WAL file" }),
        }
    }

    /// Its size in bytes, now.
    pub(super) fn size(&self) -> Result<u64, VerifyError> {
        self.file.metadata().map(|metadata| metadata.len()).map_err(VerifyError::io("read", &self.path))
    }

    /// Whether it holds nothing behind its header.
    pub(super) fn is_empty(&self) -> Result<bool, VerifyError> {
        self.size().map(|size| size <= HEADER_LEN as u64)
    }

    /// Appends at most `count` bytes from `offset` on to `out`; how many there were.
    pub(super) fn read_on(&self, offset: u64, count: usize, out: &mut Vec<u8>) -> Result<usize, VerifyError> {
        let count = self.size()?.saturating_sub(offset).min(count as u64) as usize;
        let start = out.len();
        out.resize(start + count, 0);
        let read = self.file.read_exact_at(&mut out[start..], offset);
        read.map_err(|error| if error.kind() == io::ErrorKind::UnexpectedEof { cut() } else { error })
            .map_err(VerifyError::io("read", &self.path))?;
        Ok(count)
    }

    /// Whether the file is the one that belongs to a place.
    pub(super) fn check(&self, place: &Expected<'_>) -> Result<(), VerifyError> {
        let Header { ledger, shard, number, first_batch, first_seq, origin, .. } = &self.header;
        let what = if (*ledger, *shard) != (place.ledger.byte(), place.shard) {
            let found = LedgerName::ALL.into_iter().find(|name| name.byte() == *ledger);
            let found = found.map_or("an unknown ledger", LedgerName::as_str);
            format!("it says that it is of {found}/{shard}, and it lies in {}/{}", place.ledger, place.shard)
        } else if !proof::header::origin_hash(place.origin).0.starts_with(origin) {
            format!("it is not of the log {:?}", place.origin)
        } else if *number != place.number {
            format!("it says that it is file {number}")
        } else if (*first_batch, *first_seq) != (place.batch, place.seq) {
            let (batch, seq) = (place.batch, place.seq);
            format!("it starts at batch {first_batch}, position {first_seq} instead of {batch} and {seq}")
        } else {
            return Ok(());
        };
        Err(VerifyError::corrupt(&self.path, "header", what))
    }
}

/// The file became shorter while it was read, which no writer does.
fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it was cut while it was read")
}

/// The name of a WAL file.
pub(super) fn file_name(number: u64) -> String {
    format!("{number:020}.wal")
}

/// The number in a WAL file's name.
pub(crate) fn file_number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".wal")?;
    digits.parse().ok().filter(|number| file_name(*number) == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A header by the table of the page.
    fn front(format: u32, numbers: [u64; 5]) -> Vec<u8> {
        let mut bytes = [&b"TACHOWAL"[..], &format.to_be_bytes(), &[1], &3_u32.to_be_bytes()].concat();
        bytes.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
        bytes.extend_from_slice(&proof::header::origin_hash("a/b").0[..28]);
        bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
        bytes
    }

    proptest! {
        #[test]
        fn a_header_is_read_and_any_change_shows(numbers: [u64; 5], at in 0..HEADER_LEN, flip in 1_u8..=255, any_bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut bytes = front(FORMAT, numbers);
            let Front::Header(header) = read_front(&bytes) else { panic!("a header") };
            let found = [header.number, header.nonce, header.first_commit, header.first_batch, header.first_seq];
            prop_assert_eq!((header.ledger, header.shard, found), (1, 3, numbers));
            bytes[at] ^= flip;
            prop_assert!(matches!(read_front(&bytes), Front::Broken | Front::Foreign));
            let _ = read_front(&any_bytes);
            prop_assert_eq!(file_number(&file_name(numbers[0])), Some(numbers[0]));
        }
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        assert_eq!(read_front(&front(7, [0; 5])), Front::Newer(7));
        assert_eq!(read_front(&front(1, [0; 5])), Front::Broken);
        assert_eq!(read_front(&[0; HEADER_LEN]), Front::Broken);
        assert_eq!(read_front(&[7; HEADER_LEN]), Front::Foreign);
        assert_eq!(file_number("1.wal"), None);
        assert_eq!(file_number("+0000000000000000001.wal"), None);
    }
}
