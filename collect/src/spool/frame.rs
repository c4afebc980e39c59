//! Frames of a segment: how they are written, found again, and told from what a crash left behind.
//!
//! ```text
//! segment  = "TACHSPL1" number u64 crc u32, frames
//! frame    = mark u32, length u32, commit u64, crc u32, body
//! body     = 1 (parcel)   first u64, numbers u64, collector text, positions, frames of ingest::relay
//!          | 2 (snapshot) positions, lanes
//! position = key text, length u32, value;  lane = collector text, next u64;  both with a count u32 before them
//! text     = length u16, bytes
//! ```
//!
//! Integers are big-endian. `commit` says where in the segment the write began that made the frame durable; the checksum covers segment,
//! place and everything of the frame, under a number that only this spool knows: no frame of another place or of an older file is taken
//! for one, and none that somebody wrote into a record. The mark is made of that number, too, so that looking for frames is cheap whatever
//! records hold.

use std::collections::BTreeMap;

use crate::limits::FRAME_BYTES_MAX;

/// What begins a segment.
const SEGMENT_MAGIC: &[u8; 8] = b"TACHSPL1";
/// Bytes before the first frame.
pub(super) const SEGMENT_HEAD: usize = 20;
/// Bytes of a frame before its body.
pub(super) const FRAME_HEAD: usize = 20;
/// Bytes of a frame that show whose parcel it is, at most.
pub(super) const PARCEL_HEAD: usize = FRAME_HEAD + 1 + 16 + 2 + 256;

/// A frame that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Body<'a> {
    Parcel(ParcelHead<'a>, BTreeMap<Vec<u8>, Vec<u8>>, &'a [u8]),
    Snapshot { positions: BTreeMap<Vec<u8>, Vec<u8>>, lanes: BTreeMap<String, u64> },
}

/// Whose records a parcel has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ParcelHead<'a> {
    pub collector: &'a str,
    /// The number of its first record in the collector's sequence.
    pub first: u64,
    /// How many numbers it takes.
    pub numbers: u64,
}

/// The bytes before the first frame.
pub(super) fn segment_head(number: u64) -> Vec<u8> {
    let mut head = SEGMENT_MAGIC.to_vec();
    head.extend(number.to_be_bytes());
    let crc = crc32c::crc32c(&head);
    head.extend(crc.to_be_bytes());
    head
}

/// Adds a frame at this place of a segment.
pub(super) fn write(to: &mut Vec<u8>, segment: u64, at: u64, commit: u64, body: &[u8]) {
    to.extend(mark(segment));
    to.extend((body.len() as u32).to_be_bytes());
    to.extend(commit.to_be_bytes());
    to.extend(checksum(segment, at, commit, body).to_be_bytes());
    to.extend_from_slice(body);
}

/// What frames of this segment begin with.
fn mark(segment: u64) -> [u8; 4] {
    crc32c::crc32c(&segment.to_be_bytes()).to_be_bytes()
}

fn checksum(segment: u64, at: u64, commit: u64, body: &[u8]) -> u32 {
    let head = [segment, at, commit, body.len() as u64].map(u64::to_be_bytes);
    crc32c::crc32c_append(crc32c::crc32c(head.as_flattened()), body)
}

/// The body of a parcel.
pub(super) fn parcel(head: ParcelHead<'_>, positions: &BTreeMap<Vec<u8>, Vec<u8>>, frames: &[u8]) -> Vec<u8> {
    let mut body = vec![1];
    body.extend(head.first.to_be_bytes());
    body.extend(head.numbers.to_be_bytes());
    put(&mut body, head.collector.as_bytes());
    put_positions(&mut body, positions);
    body.extend_from_slice(frames);
    body
}

/// The body of a snapshot.
pub(super) fn snapshot<'a>(
    positions: &BTreeMap<Vec<u8>, Vec<u8>>,
    lanes: impl ExactSizeIterator<Item = (&'a String, u64)>,
) -> Vec<u8> {
    let mut body = vec![2];
    put_positions(&mut body, positions);
    body.extend((lanes.len() as u32).to_be_bytes());
    for (collector, next) in lanes {
        put(&mut body, collector.as_bytes());
        body.extend(next.to_be_bytes());
    }
    body
}

fn put(to: &mut Vec<u8>, text: &[u8]) {
    let text = text.get(..usize::from(u16::MAX)).unwrap_or(text);
    to.extend((text.len() as u16).to_be_bytes());
    to.extend_from_slice(text);
}

fn put_positions(to: &mut Vec<u8>, positions: &BTreeMap<Vec<u8>, Vec<u8>>) {
    to.extend((positions.len() as u32).to_be_bytes());
    for (key, value) in positions {
        put(to, key);
        to.extend((value.len() as u32).to_be_bytes());
        to.extend_from_slice(value);
    }
}

/// The frame that these bytes begin with, which stand at this place of a segment: its commit, its body, and its length. `None` if
/// there is no whole one.
pub(super) fn read(bytes: &[u8], segment: u64, at: u64) -> Option<(u64, &[u8], usize)> {
    let mut head = Fields(bytes.get(..FRAME_HEAD)?);
    if head.array()? != mark(segment) {
        return None;
    }
    let length = u32::from_be_bytes(head.array()?) as usize;
    let (commit, crc) = (u64::from_be_bytes(head.array()?), u32::from_be_bytes(head.array()?));
    if length > FRAME_BYTES_MAX {
        return None;
    }
    let body = bytes.get(FRAME_HEAD..FRAME_HEAD + length)?;
    (checksum(segment, at, commit, body) == crc).then_some((commit, body, FRAME_HEAD + length))
}

/// Where in a segment the next whole frame begins after a place where there is none.
pub(super) fn find(bytes: &[u8], segment: u64, after: usize) -> Option<usize> {
    let mark = mark(segment);
    let places = bytes.get(after..)?.windows(mark.len()).enumerate();
    let mut likely = places.filter(|(_, window)| *window == mark).map(|(at, _)| after + at);
    likely.find(|at| bytes.get(*at..).is_some_and(|rest| read(rest, segment, *at as u64).is_some()))
}

/// Whether these bytes begin as the segment with this number.
pub(super) fn is_segment(bytes: &[u8], number: u64) -> bool {
    bytes.starts_with(&segment_head(number))
}

/// Length of a frame's body and whose parcel it is, by its first bytes alone; `None` for a snapshot.
pub(super) fn peek(bytes: &[u8], segment: u64) -> Option<(usize, Option<ParcelHead<'_>>)> {
    let mut head = Fields(bytes);
    if head.array()? != mark(segment) {
        return None;
    }
    let length = u32::from_be_bytes(head.array()?) as usize;
    head.take(12)?;
    let parcel = if head.take(1)? == [1] { Some(head.parcel()?) } else { None };
    Some((length, parcel))
}

/// Reads a body.
pub(super) fn decode(body: &[u8]) -> Option<Body<'_>> {
    let mut fields = Fields(body);
    match fields.take(1)? {
        [1] => {
            let head = fields.parcel()?;
            let positions = fields.positions()?;
            Some(Body::Parcel(head, positions, fields.0))
        }
        [2] => {
            let positions = fields.positions()?;
            let mut lanes = BTreeMap::new();
            for _ in 0..u32::from_be_bytes(fields.array()?) {
                let collector = fields.text()?.to_owned();
                lanes.insert(collector, u64::from_be_bytes(fields.array()?));
            }
            Some(Body::Snapshot { positions, lanes })
        }
        _ => None,
    }
}

/// What is left of a body.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn short(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(self.array()?);
        self.take(usize::from(length))
    }

    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.short()?).ok()
    }

    fn parcel(&mut self) -> Option<ParcelHead<'a>> {
        let (first, numbers) = (u64::from_be_bytes(self.array()?), u64::from_be_bytes(self.array()?));
        Some(ParcelHead { collector: self.text()?, first, numbers })
    }

    fn positions(&mut self) -> Option<BTreeMap<Vec<u8>, Vec<u8>>> {
        let mut positions = BTreeMap::new();
        for _ in 0..u32::from_be_bytes(self.array()?) {
            let key = self.short()?.to_vec();
            let length = u32::from_be_bytes(self.array()?) as usize;
            positions.insert(key, self.take(length)?.to_vec());
        }
        Some(positions)
    }
}
