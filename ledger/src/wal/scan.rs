//! Reads a WAL file commit by commit and tells a clean end, a torn tail and corruption apart.
//!
//! A broken frame is a torn tail if nothing valid follows it: then it belongs to a commit that was never acknowledged.
//! If a later commit shows that the broken one was synced, somebody or something changed durable bytes: corruption.

use std::ops::Range;
use std::sync::Arc;

use proof::Header;
use proof::inputs::Input;

use super::file::{HEADER_LEN, WalFile};
use super::frame::{BlockFrame, COMMIT_FRAME_LEN, Commit, FRAME_HEADER_LEN, Frame, Open, Seed, read_frame};
use crate::error::LedgerError;
use crate::limits::COMMIT_READ_BYTES_MAX;

/// Bytes that are read at once.
const READ_BYTES: usize = 4 << 20;

/// One item of a commit, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A batch begins.
    Open(Open),
    /// Rows; their payload lies at this range of the commit's bytes.
    Block(Range<usize>),
    /// A source position.
    Input(Input),
    /// A batch ends.
    Close(Header),
}

/// One valid commit.
#[derive(Debug)]
pub struct ScannedCommit {
    /// Offset of the first frame in the file.
    pub offset: u64,
    /// All frames of the commit.
    pub bytes: Vec<u8>,
    /// What they hold, the COMMIT frame left out.
    pub items: Vec<Item>,
    /// The COMMIT frame.
    pub commit: Commit,
}

impl ScannedCommit {
    /// The rows whose payload lies at `range`.
    pub fn rows(&self, range: &Range<usize>) -> Option<BlockFrame<'_>> {
        BlockFrame::decode(self.bytes.get(range.clone())?)
    }
}

/// Where and how a scan ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The file ends after a whole commit.
    Clean,
    /// This many bytes follow the last whole commit and were never acknowledged.
    Torn(u64),
}

/// Reads one file from a commit boundary on. At the end it can be asked again when the file has grown.
#[derive(Debug)]
pub struct Scanner {
    file: Arc<WalFile>,
    offset: u64,
    commit: u64,
    next_seq: u64,
    buffer: Vec<u8>,
    /// Where in the buffer the next commit starts: the bytes at `offset` of the file.
    start: usize,
}

impl Scanner {
    /// Starts behind the file's header.
    pub fn new(file: Arc<WalFile>) -> Self {
        let (commit, next_seq) = (file.header.first_commit, file.header.first_seq);
        Self { file, offset: HEADER_LEN as u64, commit, next_seq, buffer: Vec::new(), start: 0 }
    }

    /// The file that is read.
    pub fn file(&self) -> &Arc<WalFile> {
        &self.file
    }

    /// Offset behind the last commit that was returned.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Number of the next commit.
    pub fn next_commit_number(&self) -> u64 {
        self.commit
    }

    /// The next whole commit, or `None` at the end of what is whole.
    pub fn next_commit(&mut self) -> Result<Option<ScannedCommit>, LedgerError> {
        let seed = self.seed(self.commit);
        let (mut items, mut at, mut count) = (Vec::new(), 0, 0_u32);
        loop {
            let Some((frame, len)) = read_frame(&self.buffer[self.start + at..], seed) else {
                // What is longer than any commit is none, whatever the file's length says.
                if self.buffer.len() - self.start <= COMMIT_READ_BYTES_MAX && self.fill()? {
                    continue;
                }
                return Ok(None);
            };
            let payload = at + FRAME_HEADER_LEN + 1..at + len;
            at += len;
            match frame {
                Frame::Open(open) => items.push(Item::Open(open)),
                Frame::Input(input) => items.push(Item::Input(input)),
                Frame::Close(header) => items.push(Item::Close(header)),
                Frame::Block(rows) => {
                    let expected = self.next_seq.checked_add(u64::from(count));
                    let sum = count.checked_add(rows.count).filter(|_| expected == Some(rows.first_seq));
                    let Some(sum) = sum else {
                        let what = format!("event {} stands where {} belongs", rows.first_seq, self.next_seq);
                        return Err(self.corrupt(what));
                    };
                    count = sum;
                    items.push(Item::Block(payload));
                }
                Frame::Commit(commit) => return self.finish(commit, items, at, count).map(Some),
            }
        }
    }

    fn finish(
        &mut self,
        commit: Commit,
        items: Vec<Item>,
        len: usize,
        count: u32,
    ) -> Result<ScannedCommit, LedgerError> {
        let next_seq = self.next_seq + u64::from(count);
        if commit.number != self.commit || commit.count != count || commit.next_seq != next_seq {
            return Err(self.corrupt(format!("commit {} does not fit the frames before it", commit.number)));
        }
        let bytes = self.buffer[self.start..self.start + len].to_vec();
        let offset = self.offset;
        self.start += len;
        self.offset += len as u64;
        self.commit += 1;
        self.next_seq = next_seq;
        Ok(ScannedCommit { offset, bytes, items, commit })
    }

    /// Says whether the bytes behind the last whole commit are a torn tail, or an error if they are corruption.
    pub fn end(&mut self) -> Result<End, LedgerError> {
        while self.buffer.len() - self.start <= COMMIT_READ_BYTES_MAX && self.fill()? {}
        let rest = &self.buffer[self.start..];
        if rest.is_empty() {
            return Ok(End::Clean);
        }
        let size = self.file.file.size().map_err(LedgerError::io("read", &self.file.path))?;
        if size.saturating_sub(self.offset) > COMMIT_READ_BYTES_MAX as u64 {
            let what = format!("{} bytes follow that are no commit, and no commit has so many", size - self.offset);
            return Err(self.corrupt(what));
        }
        let (file, nonce) = (self.file.header.number, self.file.header.nonce);
        let last = rest.len().saturating_sub(COMMIT_FRAME_LEN - 1);
        let later = (0..last).find_map(|at| {
            Commit::find_at(&rest[at..], file, nonce).filter(|commit| commit.durable_through >= self.commit)
        });
        match later {
            Some(commit) => Err(self.corrupt(format!(
                "commit {} is broken although commit {} says that it was synced",
                self.commit, commit.number
            ))),
            None => Ok(End::Torn(rest.len() as u64)),
        }
    }

    fn seed(&self, commit: u64) -> Seed {
        Seed::new(self.file.header.number, self.file.header.nonce, commit)
    }

    /// Reads on behind the buffer; `false` if the file has no more.
    fn fill(&mut self) -> Result<bool, LedgerError> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let from = self.offset + self.buffer.len() as u64;
        let len = self.file.file.size().map_err(LedgerError::io("read", &self.file.path))?;
        let more = len.saturating_sub(from).min(READ_BYTES as u64) as usize;
        if more == 0 {
            return Ok(false);
        }
        let bytes = self.file.read(from, more)?;
        self.buffer.extend_from_slice(&bytes);
        Ok(true)
    }

    fn corrupt(&self, what: String) -> LedgerError {
        LedgerError::corrupt(&self.file.path, format!("offset {}, commit {}", self.offset, self.commit), what)
    }
}
