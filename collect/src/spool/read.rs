//! What is delivered next of a collector: frames of `ingest::relay` from the first number that the server has not recorded.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use ingest::relay::{self, Piece};

use super::Spool;
use super::frame::{self, Body, FRAME_HEAD, PARCEL_HEAD, SEGMENT_HEAD};
use super::state::Segment;
use crate::durable::DurableError;

/// Records that are delivered together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bundle {
    /// The number of the first.
    pub first: u64,
    /// The number after the last.
    pub end: u64,
    /// Their frames.
    pub body: Vec<u8>,
}

/// A bundle that is being filled, up to its bounds.
struct Filling {
    bundle: Bundle,
    bytes_max: usize,
    numbers_max: u64,
    /// The frame that says what the records before continue; empty if nothing.
    lineage: Vec<u8>,
    is_full: bool,
}

impl Spool {
    /// The next records of a collector, at most so many and of so many bytes, at least one; `None` if there is none. Records that are
    /// lost to damage stand in it as numbers that will not come. It blocks.
    pub fn read(&self, collector: &str, bytes_max: usize, numbers_max: u64) -> Result<Option<Bundle>, DurableError> {
        let (from, end, segments, cursor) = {
            let state = self.shared.lock();
            let Some(lane) = state.lanes.get(collector) else { return Ok(None) };
            let holds = |segment: &&Segment| segment.ends.get(collector).is_some_and(|end| *end > lane.acknowledged);
            let segments: Vec<Segment> = state.segments.iter().filter(holds).cloned().collect();
            (lane.acknowledged, lane.next, segments, state.cursors.get(collector).copied())
        };
        if from >= end {
            return Ok(None);
        }
        let bundle = Bundle { first: from, end: from, body: Vec::new() };
        let mut filling =
            Filling { bundle, bytes_max, numbers_max: numbers_max.max(1), lineage: Vec::new(), is_full: false };
        for segment in &segments {
            let start =
                cursor.filter(|(number, _)| *number == segment.number).map_or(SEGMENT_HEAD as u64, |(_, at)| at);
            self.read_segment(collector, segment, start, &mut filling)?;
            if filling.is_full {
                break;
            }
        }
        if !filling.is_full && filling.bundle.end < end {
            // The last of them are damaged.
            filling.void(end);
        }
        Ok(Some(filling.bundle).filter(|bundle| bundle.end > bundle.first))
    }

    fn read_segment(
        &self,
        collector: &str,
        segment: &Segment,
        start: u64,
        filling: &mut Filling,
    ) -> Result<(), DurableError> {
        let path = self.shared.segment(segment.number);
        let file = File::open(&path).map_err(DurableError::io("open", &path))?;
        let seed = self.shared.identity.seed(segment.number);
        let mut at = start;
        let mut is_first = true;
        while at < segment.bytes && !filling.is_full {
            if let Some(gap) = segment.gaps.iter().find(|gap| gap.contains(&at)) {
                at = gap.end;
                continue;
            }
            let head = read_at(&file, at, PARCEL_HEAD.min((segment.bytes - at) as usize), &path)?;
            let peeked =
                frame::peek(&head, seed).filter(|(length, _)| at + (FRAME_HEAD + length) as u64 <= segment.bytes);
            let Some((length, parcel)) = peeked else {
                at = self.damaged(&path, seed, at..segment.bytes)?;
                continue;
            };
            let next = at + (FRAME_HEAD + length) as u64;
            let is_wanted = parcel.is_some_and(|parcel| {
                parcel.collector == collector && parcel.first.saturating_add(parcel.numbers) > filling.bundle.end
            });
            if is_wanted {
                if std::mem::take(&mut is_first) && filling.bundle.end == filling.bundle.first {
                    self.shared.lock().cursors.insert(collector.to_owned(), (segment.number, at));
                }
                let bytes = read_at(&file, at, FRAME_HEAD + length, &path)?;
                let read = frame::read(&bytes, seed, at).and_then(|(_, body, _)| frame::decode(body));
                let Some(Body::Parcel(head, _, frames)) = read else {
                    at = self.damaged(&path, seed, at..segment.bytes)?;
                    continue;
                };
                filling.parcel(head.first, frames);
            }
            at = next;
        }
        Ok(())
    }

    /// Tells of damage that came after the spool was opened. Gives back where frames go on.
    fn damaged(&self, path: &Path, seed: u64, bytes: Range<u64>) -> Result<u64, DurableError> {
        let all = std::fs::read(path).map_err(DurableError::io("read", path))?;
        let found = frame::find(&all, seed, bytes.start as usize + 1).map_or(bytes.end, |at| at as u64);
        let damage = super::Damage { path: path.to_owned(), bytes: bytes.start..found };
        tracing::error!(%damage, "the spool is damaged");
        let mut state = self.shared.lock();
        let segment = state.segments.iter_mut().find(|segment| self.shared.segment(segment.number) == path);
        if let Some(segment) = segment {
            segment.gaps.push(damage.bytes.clone());
        }
        Ok(found)
    }
}

fn read_at(file: &File, at: u64, length: usize, path: &Path) -> Result<Vec<u8>, DurableError> {
    let mut bytes = vec![0; length];
    match file.read_exact_at(&mut bytes, at) {
        Ok(()) => Ok(bytes),
        // Somebody cut it: what is left is no frame.
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Vec::new()),
        Err(error) => Err(DurableError::io("read", path)(error)),
    }
}

impl Filling {
    /// Takes what is wanted of a parcel whose first record has this number.
    fn parcel(&mut self, first: u64, frames: &[u8]) {
        if first > self.bundle.end {
            self.void(first);
        }
        let (mut number, mut lineage, mut rest) = (first, &[][..], frames);
        // What is in a frame was made by this program, and its checksum holds.
        while let Ok(Some((frame, length))) = relay::frame(rest)
            && !self.is_full
        {
            let (whole, after) = rest.split_at_checked(length).unwrap_or((rest, &[]));
            rest = after;
            let Ok(piece) = Piece::decode(frame) else { continue };
            if matches!(piece, Piece::Lineage(_)) {
                lineage = whole;
                continue;
            }
            let end = number.saturating_add(piece.numbers());
            if end > self.bundle.end {
                self.push(whole, lineage, end);
            }
            number = end;
        }
    }

    fn push(&mut self, frame: &[u8], lineage: &[u8], end: u64) {
        let has_any = self.bundle.end > self.bundle.first;
        let is_large = self.bundle.body.len() + frame.len() + lineage.len() > self.bytes_max;
        if has_any && (is_large || self.bundle.end - self.bundle.first >= self.numbers_max) {
            self.is_full = true;
            return;
        }
        if self.lineage != lineage {
            if lineage.is_empty() {
                Piece::Lineage(Vec::new()).encode(&mut self.bundle.body);
            }
            self.bundle.body.extend_from_slice(lineage);
            self.lineage = lineage.to_vec();
        }
        self.bundle.body.extend_from_slice(frame);
        self.bundle.end = end;
    }

    /// The numbers up to this one will not come.
    fn void(&mut self, end: u64) {
        Piece::Void(end - self.bundle.end).encode(&mut self.bundle.body);
        self.bundle.end = end;
    }
}
