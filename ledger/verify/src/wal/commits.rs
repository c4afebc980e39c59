//! Reads a WAL file commit by commit (FORMAT.md section 7) and tells a clean end, a torn tail and corruption apart.

use std::ops::Range;

use proof::inputs::Input;

use super::block::rows_of;
use super::file::{HEADER_LEN, WalFile};
use crate::error::VerifyError;
use crate::limits::{COMMIT_BYTES_MAX, WAL_READ_BYTES};
use crate::part::Secrets;

/// Length and checksum before the type of a frame.
const FRAME_HEADER_LEN: usize = 8;
/// Length of a COMMIT frame.
const COMMIT_FRAME_LEN: usize = FRAME_HEADER_LEN + 37;

/// Payload of OPEN.
pub(crate) struct Open {
    pub(crate) batch: u64,
    pub(crate) first_seq: u64,
    pub(crate) secrets: Secrets,
    pub(crate) writer: [u8; 16],
    pub(crate) epoch: u64,
}

/// One frame of a commit, the COMMIT itself left out.
pub(crate) enum Frame {
    Open(Open),
    Input(Input),
    Close(proof::Header),
    /// Rows; the block lies at this range behind the commit's first byte.
    Block {
        first_seq: u64,
        recorded: i64,
        rows: u32,
        bytes: Range<usize>,
    },
}

/// Payload of COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Committed {
    number: u64,
    durable_through: u64,
    next_seq: u64,
    events: u32,
}

/// One whole commit.
pub(crate) struct Commit {
    /// Offset of its first frame in the file.
    pub(crate) offset: u64,
    pub(crate) number: u64,
    pub(crate) events: u32,
    /// Its length in bytes.
    pub(crate) len: usize,
    pub(crate) frames: Vec<Frame>,
}

/// What follows the last whole commit of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing.
    Clean,
    /// So many bytes that were never acknowledged.
    Torn(u64),
}

/// The fields of a payload, one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }

    fn number(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_be_bytes)
    }

    /// What was read, if nothing follows it.
    fn whole<T>(&self, read: T) -> Option<T> {
        self.0.is_empty().then_some(read)
    }
}

fn read_open(payload: &[u8]) -> Option<Open> {
    let mut fields = Fields(payload);
    let (batch, first_seq) = (fields.number()?, fields.number()?);
    let secrets = Secrets { facts: fields.bytes()?, content: fields.bytes()? };
    let (writer, epoch) = (fields.bytes()?, fields.number()?);
    fields.whole(Open { batch, first_seq, secrets, writer, epoch })
}

fn read_commit(payload: &[u8]) -> Option<Committed> {
    let mut fields = Fields(payload);
    let (number, _epoch, durable_through) = (fields.number()?, fields.number()?, fields.number()?);
    let (next_seq, events) = (fields.number()?, fields.bytes().map(u32::from_be_bytes)?);
    fields.whole(Committed { number, durable_through, next_seq, events })
}

/// The checksum of a frame's type and payload in a commit of a file.
fn checksum(file: &WalFile, commit: u64, body: &[u8]) -> u32 {
    let place = [file.header.number, file.header.nonce, commit].map(u64::to_be_bytes);
    crc32c::crc32c_append(crc32c::crc32c(place.as_flattened()), body)
}

/// Reads one file from commit to commit. At the end it can be asked again, when the file has grown.
pub(super) struct Commits {
    file: WalFile,
    /// Offset of the next commit in the file.
    offset: u64,
    /// Its number.
    number: u64,
    /// The position of its first event.
    next_seq: u64,
    /// Bytes of the file; the commit that was handed out last, or else the next one, begins at `start`.
    buffer: Vec<u8>,
    start: usize,
    /// Length of the commit that was handed out last.
    last: usize,
}

impl Commits {
    /// Starts behind the header.
    pub(super) fn of(file: WalFile) -> Self {
        let (number, next_seq) = (file.header.first_commit, file.header.first_seq);
        Self { file, offset: HEADER_LEN as u64, number, next_seq, buffer: Vec::new(), start: 0, last: 0 }
    }

    pub(super) fn file(&self) -> &WalFile {
        &self.file
    }

    /// Offset of the next commit.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Number of the next commit.
    pub(super) fn next_number(&self) -> u64 {
        self.number
    }

    /// Bytes of the commit that was handed out last.
    pub(super) fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.buffer[self.start..self.start + self.last].get(range.clone()).unwrap_or_default()
    }

    /// The next whole commit; `None` where what is whole ends.
    pub(super) fn next(&mut self) -> Result<Option<Commit>, VerifyError> {
        self.start += std::mem::take(&mut self.last);
        let (mut frames, mut at, mut events) = (Vec::new(), 0_usize, 0_u32);
        loop {
            let Some(frame) = self.frame_at(at) else {
                if self.rest().len() <= COMMIT_BYTES_MAX && self.fill()? {
                    continue;
                }
                return Ok(None);
            };
            let payload = at + FRAME_HEADER_LEN + 1..at + frame.len;
            at += frame.len;
            let frame = match frame.body {
                Body::Commit(commit) => return self.finish(commit, frames, at, events).map(Some),
                Body::Frame(Frame::Block { first_seq, recorded, rows, bytes }) => {
                    let expected = self.next_seq.checked_add(u64::from(events));
                    let Some(sum) = events.checked_add(rows).filter(|_| expected == Some(first_seq)) else {
                        let place = self.next_seq.saturating_add(u64::from(events));
                        return Err(self.corrupt(format!("event {first_seq} stands where {place} belongs")));
                    };
                    events = sum;
                    let bytes = payload.start + bytes.start..payload.end;
                    Frame::Block { first_seq, recorded, rows, bytes }
                }
                Body::Frame(frame) => frame,
            };
            frames.push(frame);
        }
    }

    fn finish(
        &mut self,
        commit: Committed,
        frames: Vec<Frame>,
        len: usize,
        events: u32,
    ) -> Result<Commit, VerifyError> {
        let next_seq = self.next_seq.checked_add(u64::from(events));
        if (commit.number, commit.events, Some(commit.next_seq)) != (self.number, events, next_seq) {
            return Err(self.corrupt(format!("commit {} does not fit the frames before it", commit.number)));
        }
        let (offset, number) = (self.offset, self.number);
        self.last = len;
        self.offset += len as u64;
        self.number = self.number.saturating_add(1);
        self.next_seq = commit.next_seq;
        Ok(Commit { offset, number, events, len, frames })
    }

    /// Says what the bytes behind the last whole commit are, or how they show that they are no torn tail.
    pub(super) fn end(&mut self) -> Result<End, VerifyError> {
        self.start += std::mem::take(&mut self.last);
        while self.rest().len() <= COMMIT_BYTES_MAX && self.fill()? {}
        if self.rest().is_empty() {
            return Ok(End::Clean);
        }
        let rest = self.file.size()?.saturating_sub(self.offset);
        if rest > COMMIT_BYTES_MAX as u64 {
            return Err(self.corrupt(format!("{rest} bytes follow that are no commit, and no commit has so many")));
        }
        let later = self.rest().windows(COMMIT_FRAME_LEN).find_map(|bytes| self.later_commit(bytes));
        match later {
            Some(later) => Err(self
                .corrupt(format!("commit {} is broken although commit {later} says that it was synced", self.number))),
            None => Ok(End::Torn(self.rest().len() as u64)),
        }
    }

    /// The number of a commit that stands here and says that the next one was durable before.
    fn later_commit(&self, bytes: &[u8]) -> Option<u64> {
        let body = bytes.strip_prefix(&(COMMIT_FRAME_LEN as u32 - FRAME_HEADER_LEN as u32).to_be_bytes())?;
        let (stated, body) = body.split_first_chunk::<4>()?;
        let commit = read_commit(body.strip_prefix(&[4])?)?;
        let is_whole = *stated == checksum(&self.file, commit.number, body).to_be_bytes();
        (is_whole && commit.durable_through >= self.number).then_some(commit.number)
    }

    /// The frame at an offset of the buffer, if a whole and valid one stands there.
    fn frame_at(&self, at: usize) -> Option<Located> {
        let bytes = self.rest().get(at..)?;
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (stated, rest) = rest.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        let body = rest.get(..length)?;
        let (kind, payload) = body.split_first()?;
        if *stated != checksum(&self.file, self.number, body).to_be_bytes() {
            return None;
        }
        let body = match kind {
            1 => Body::Frame(Frame::Open(read_open(payload)?)),
            3 => Body::Frame(Frame::Input(Input::decode(payload).filter(|(_, rest)| rest.is_empty())?.0)),
            4 => Body::Commit(read_commit(payload)?),
            5 => Body::Frame(Frame::Close(proof::Header::decode(payload)?)),
            6 => {
                let mut fields = Fields(payload);
                let (first_seq, recorded) = (fields.number()?, fields.bytes().map(i64::from_be_bytes)?);
                let rows = rows_of(fields.0)?;
                Body::Frame(Frame::Block { first_seq, recorded, rows, bytes: 16..payload.len() })
            }
            _ => return None,
        };
        Some(Located { body, len: FRAME_HEADER_LEN + length })
    }

    /// What was read of the next commit and of what follows it.
    fn rest(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    /// Reads on behind the buffer; `false` if the file has no more.
    fn fill(&mut self) -> Result<bool, VerifyError> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let from = self.offset + self.buffer.len() as u64;
        Ok(self.file.read_on(from, WAL_READ_BYTES, &mut self.buffer)? > 0)
    }

    fn corrupt(&self, what: String) -> VerifyError {
        VerifyError::corrupt(&self.file.path, format!("offset {}, commit {}", self.offset, self.number), what)
    }
}

/// A frame and its length.
struct Located {
    body: Body,
    len: usize,
}

enum Body {
    Frame(Frame),
    Commit(Committed),
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    const FILE: u64 = 3;
    const NONCE: u64 = 9;

    /// A frame by the page.
    fn frame(commit: u64, kind: u8, payload: &[u8]) -> Vec<u8> {
        let body = [&[kind], payload].concat();
        let covered = [&FILE.to_be_bytes()[..], &NONCE.to_be_bytes(), &commit.to_be_bytes(), &body].concat();
        [&(body.len() as u32).to_be_bytes()[..], &crc32c::crc32c(&covered).to_be_bytes(), &body].concat()
    }

    /// A commit of one block of two rows, whose bytes nobody reads here.
    fn commit(number: u64, durable_through: u64) -> Vec<u8> {
        let seq = 7 + 2 * number;
        let block = [&seq.to_be_bytes()[..], &5_i64.to_be_bytes(), &2_u32.to_be_bytes(), b"x"].concat();
        let numbers = [number, 1, durable_through, seq + 2].map(u64::to_be_bytes);
        let end = [numbers.as_flattened(), &2_u32.to_be_bytes()].concat();
        [frame(number, 6, &block), frame(number, 4, &end)].concat()
    }

    fn front() -> Vec<u8> {
        let mut bytes = [&b"TACHOWAL"[..], &2_u32.to_be_bytes(), &[0], &0_u32.to_be_bytes()].concat();
        bytes.extend([FILE, NONCE, 0, 0, 7].iter().flat_map(|number| number.to_be_bytes()));
        bytes.extend([0; 28]);
        bytes.extend(crc32c::crc32c(&bytes).to_be_bytes());
        bytes
    }

    fn read(path: &Path, commits: &[u8]) -> (Vec<u64>, Result<End, String>) {
        fs::write(path, [&front(), commits].concat()).expect("written");
        let mut read = Commits::of(WalFile::open(path).expect("readable").expect("begun"));
        let mut numbers = Vec::new();
        while let Some(commit) = read.next().expect("sound") {
            let [Frame::Block { bytes, rows: 2, recorded: 5, .. }] = &commit.frames[..] else { panic!("one block") };
            assert_eq!(read.bytes(bytes), b"\0\0\0\x02x");
            numbers.push(commit.number);
        }
        (numbers, read.end().map_err(|error| error.to_string()))
    }

    #[test]
    fn a_torn_tail_is_told_from_corruption() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(super::super::file::file_name(FILE));
        let (first, second) = (commit(0, 0), commit(1, 0));
        let whole = [&first[..], &second].concat();
        assert_eq!(read(&path, &whole), (vec![0, 1], Ok(End::Clean)));
        for cut in 1..second.len() {
            let torn = Ok(End::Torn((second.len() - cut) as u64));
            assert_eq!(read(&path, &whole[..whole.len() - cut]), (vec![0], torn), "{cut}");
        }
        for at in 0..second.len() {
            // The third commit was written before anybody knew that the second one was durable, or after.
            for (durable, is_torn) in [(0, true), (1, false)] {
                let mut bytes = [&whole[..], &commit(2, durable)].concat();
                bytes[first.len() + at] ^= 0x10;
                let (numbers, end) = read(&path, &bytes);
                assert_eq!((numbers, end.is_ok()), (vec![0], is_torn), "byte {at}: {end:?}");
            }
        }
    }

    #[test]
    fn a_commit_that_does_not_fit_is_corrupt() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(super::super::file::file_name(FILE));
        let numbers = [0_u64, 1, 0, 9].map(u64::to_be_bytes);
        for (bytes, words) in [
            (frame(0, 4, &[numbers.as_flattened(), &3_u32.to_be_bytes()].concat()), "does not fit the frames"),
            (frame(0, 6, &[&8_u64.to_be_bytes()[..], &[0; 8], &[0, 0, 0, 1, 0]].concat()), "event 8 stands where 7"),
        ] {
            fs::write(&path, [&front(), &bytes[..]].concat()).expect("written");
            let mut read = Commits::of(WalFile::open(&path).expect("readable").expect("begun"));
            let Err(error) = read.next() else { panic!("{words}") };
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
