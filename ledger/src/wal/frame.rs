//! The frames of a WAL file, byte by byte.
//!
//! `frame = length u32 ‖ crc32c u32 ‖ type u8 ‖ payload`, big-endian; the length counts type and payload. The checksum
//! is seeded with the file's number, its random nonce and the commit's number, so that neither a frame of another file
//! nor bytes that somebody put into an event can pass for a frame of this place.

use proof::inputs::Input;

use crate::batch::Secrets;
use crate::block::{BLOCK_HEADER_LEN, rows_of};
use crate::limits::FRAME_BYTES_MAX;

/// Bytes before a frame's type.
pub const FRAME_HEADER_LEN: usize = 8;
/// Bytes of a BLOCK payload before those of the block: first position and recorded time.
pub const BLOCK_PREFIX_LEN: usize = 16;
/// Length of a COMMIT frame, header included.
pub const COMMIT_FRAME_LEN: usize = FRAME_HEADER_LEN + 1 + 36;

/// The type byte of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameType {
    /// A batch begins.
    Open = 1,
    /// One source position.
    Input = 3,
    /// What precedes is one commit.
    Commit = 4,
    /// A batch ends with this header.
    Close = 5,
    /// Rows that follow each other.
    Block = 6,
}

/// The seed of the checksums of one commit in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(u32);

impl Seed {
    /// Derives the seed.
    pub fn new(file: u64, nonce: u64, commit: u64) -> Self {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&file.to_be_bytes());
        bytes[8..16].copy_from_slice(&nonce.to_be_bytes());
        bytes[16..].copy_from_slice(&commit.to_be_bytes());
        Self(crc32c::crc32c(&bytes))
    }

    fn checksum(self, body: &[u8]) -> u32 {
        crc32c::crc32c_append(self.0, body)
    }
}

/// Payload of OPEN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Number of the batch.
    pub batch: u64,
    /// Position of its first event.
    pub first_seq: u64,
    /// What its leaves are salted with.
    pub secrets: Secrets,
    /// Random number of the writing process.
    pub writer: [u8; 16],
    /// Fencing epoch of the writing process.
    pub epoch: u64,
}

/// Payload of COMMIT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Commit {
    /// Number of the commit, counted over all files.
    pub number: u64,
    /// Fencing epoch of the writing process.
    pub epoch: u64,
    /// The last commit that was known to be synced when this one was written.
    pub durable_through: u64,
    /// The position after the commit's last event.
    pub next_seq: u64,
    /// Number of events in the commit.
    pub count: u32,
}

/// Payload of BLOCK, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockFrame<'a> {
    /// Position of the first row.
    pub first_seq: u64,
    /// Microseconds since 1970 UTC, for all of them.
    pub recorded: i64,
    /// Number of rows, as the block says.
    pub count: u32,
    /// The bytes of the block.
    pub block: &'a [u8],
}

/// A frame whose checksum is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A batch begins.
    Open(Open),
    /// Rows that follow each other.
    Block(BlockFrame<'a>),
    /// One source position.
    Input(Input),
    /// The end of a commit.
    Commit(Commit),
    /// The end of a batch: its encoded header.
    Close(proof::Header),
}

/// Appends a frame whose payload `write` appends.
pub fn write_frame(out: &mut Vec<u8>, seed: Seed, kind: FrameType, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEADER_LEN]);
    out.push(kind as u8);
    write(out);
    let body = start + FRAME_HEADER_LEN;
    let (len, checksum) = ((out.len() - body) as u32, seed.checksum(&out[body..]));
    out[start..start + 4].copy_from_slice(&len.to_be_bytes());
    out[start + 4..body].copy_from_slice(&checksum.to_be_bytes());
}

impl Open {
    /// Appends the payload.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.batch.to_be_bytes());
        out.extend_from_slice(&self.first_seq.to_be_bytes());
        out.extend_from_slice(&self.secrets.facts);
        out.extend_from_slice(&self.secrets.content);
        out.extend_from_slice(&self.writer);
        out.extend_from_slice(&self.epoch.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 104] = bytes.try_into().ok()?;
        Some(Self {
            batch: u64::from_be_bytes(bytes[..8].try_into().ok()?),
            first_seq: u64::from_be_bytes(bytes[8..16].try_into().ok()?),
            secrets: Secrets { facts: bytes[16..48].try_into().ok()?, content: bytes[48..80].try_into().ok()? },
            writer: bytes[80..96].try_into().ok()?,
            epoch: u64::from_be_bytes(bytes[96..].try_into().ok()?),
        })
    }
}

impl Commit {
    /// Appends the payload.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&self.epoch.to_be_bytes());
        out.extend_from_slice(&self.durable_through.to_be_bytes());
        out.extend_from_slice(&self.next_seq.to_be_bytes());
        out.extend_from_slice(&self.count.to_be_bytes());
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; 36] = bytes.try_into().ok()?;
        Some(Self {
            number: u64::from_be_bytes(bytes[..8].try_into().ok()?),
            epoch: u64::from_be_bytes(bytes[8..16].try_into().ok()?),
            durable_through: u64::from_be_bytes(bytes[16..24].try_into().ok()?),
            next_seq: u64::from_be_bytes(bytes[24..32].try_into().ok()?),
            count: u32::from_be_bytes(bytes[32..].try_into().ok()?),
        })
    }

    /// Reads a COMMIT frame at the front of `bytes` whose checksum fits its own number: the way to find a later commit
    /// behind a broken frame.
    pub fn find_at(bytes: &[u8], file: u64, nonce: u64) -> Option<Self> {
        let frame = bytes.get(..COMMIT_FRAME_LEN)?;
        if frame[..4] != ((COMMIT_FRAME_LEN - FRAME_HEADER_LEN) as u32).to_be_bytes()
            || frame[8] != FrameType::Commit as u8
        {
            return None;
        }
        let commit = Self::decode(&frame[9..])?;
        let seed = Seed::new(file, nonce, commit.number);
        (frame[4..8] == seed.checksum(&frame[FRAME_HEADER_LEN..]).to_be_bytes()).then_some(commit)
    }
}

impl<'a> BlockFrame<'a> {
    /// Reads a payload: first position, recorded, block. Of the block only the number of rows is read.
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (head, block) = bytes.split_first_chunk::<BLOCK_PREFIX_LEN>()?;
        let count = rows_of(block).filter(|count| *count > 0 && block.len() > BLOCK_HEADER_LEN)?;
        Some(Self {
            first_seq: u64::from_be_bytes(head[..8].try_into().ok()?),
            recorded: i64::from_be_bytes(head[8..].try_into().ok()?),
            count,
            block,
        })
    }

    /// The beginning of a payload; the bytes of the block follow.
    pub fn prefix(first_seq: u64, recorded: i64) -> [u8; BLOCK_PREFIX_LEN] {
        let mut bytes = [0; BLOCK_PREFIX_LEN];
        bytes[..8].copy_from_slice(&first_seq.to_be_bytes());
        bytes[8..].copy_from_slice(&recorded.to_be_bytes());
        bytes
    }
}

/// Reads the frame at the front of `bytes` and returns it with its length; `None` if it is not a whole valid frame.
pub fn read_frame(bytes: &[u8], seed: Seed) -> Option<(Frame<'_>, usize)> {
    let (header, rest) = bytes.split_first_chunk::<FRAME_HEADER_LEN>()?;
    let len = u32::from_be_bytes(header[..4].try_into().ok()?) as usize;
    if len == 0 || len > FRAME_BYTES_MAX {
        return None;
    }
    let body = rest.get(..len)?;
    if header[4..] != seed.checksum(body).to_be_bytes() {
        return None;
    }
    let payload = &body[1..];
    let frame = match body[0] {
        1 => Frame::Open(Open::decode(payload)?),
        3 => Frame::Input(Input::decode(payload).filter(|(_, rest)| rest.is_empty())?.0),
        4 => Frame::Commit(Commit::decode(payload)?),
        5 => Frame::Close(proof::Header::decode(payload)?),
        6 => Frame::Block(BlockFrame::decode(payload)?),
        _ => return None,
    };
    Some((frame, FRAME_HEADER_LEN + len))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn frames_round_trip(
            first_row: u64, recorded: i64,
            count in 1..=u32::MAX,
            rest in prop::collection::vec(any::<u8>(), 1..60),
            (number, epoch, durable_through, next_seq) in any::<(u64, u64, u64, u64)>(),
            (batch, first_seq, facts, content, writer) in any::<(u64, u64, [u8; 32], [u8; 32], [u8; 16])>(),
        ) {
            let seed = Seed::new(3, 9, number);
            let mut out = Vec::new();
            let open = Open { batch, first_seq, secrets: Secrets { facts, content }, writer, epoch };
            let commit = Commit { number, epoch, durable_through, next_seq, count };
            write_frame(&mut out, seed, FrameType::Open, |out| open.encode(out));
            let block = [&count.to_be_bytes()[..], &rest].concat();
            write_frame(&mut out, seed, FrameType::Block, |out| {
                out.extend_from_slice(&BlockFrame::prefix(first_row, recorded));
                out.extend_from_slice(&block);
            });
            let at = out.len();
            write_frame(&mut out, seed, FrameType::Commit, |out| commit.encode(out));
            let (frame, len) = read_frame(&out, seed).expect("valid");
            prop_assert_eq!(frame, Frame::Open(open));
            let (frame, _) = read_frame(&out[len..], seed).expect("valid");
            prop_assert_eq!(frame, Frame::Block(BlockFrame { first_seq: first_row, recorded, count, block: &block }));
            prop_assert_eq!(Commit::find_at(&out[at..], 3, 9), Some(commit));
            prop_assert_eq!(Commit::find_at(&out[at..], 3, 8), None);
        }

        #[test]
        fn a_changed_byte_is_no_frame(at in 0_usize..COMMIT_FRAME_LEN, flip in 1_u8..255) {
            let seed = Seed::new(1, 2, 3);
            let mut out = Vec::new();
            let commit = Commit { number: 3, epoch: 1, durable_through: 2, next_seq: 7, count: 7 };
            write_frame(&mut out, seed, FrameType::Commit, |out| commit.encode(out));
            out[at] ^= flip;
            prop_assert_eq!(read_frame(&out, seed), None);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_frame(&bytes, Seed::new(0, 0, 0));
            let _ = Commit::find_at(&bytes, 0, 0);
            let _ = BlockFrame::decode(&bytes);
        }
    }
}
