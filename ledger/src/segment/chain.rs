//! Checks the files beside a segment's columns: the headers continue the chain, and inputs, secrets and state belong to
//! them. The sealer and a start share it.

use std::collections::BTreeMap;

use proof::{Digest, Header, inputs};

use crate::batch::{Chain, Secrets};
use crate::blobs::Blobs;
use crate::error::LedgerError;
use crate::manifest::{FileEntry, FileKind, Manifest, SegmentEntry};
use crate::segment::check::Listener;
use crate::segment::sidecar::{self, State};
use crate::segment::{entry_of, headers, state};

/// Where the checked part of a ledger ends.
#[derive(Debug, Clone)]
pub(crate) struct Tip {
    /// The chain of headers.
    pub(crate) chain: Chain,
    /// The newest position of every source.
    pub(crate) positions: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Whether the hash of the last header is known: it is not behind headers that cannot be read.
    pub(crate) linked: bool,
    /// Whether the log's frontier is known.
    pub(crate) rooted: bool,
    /// Whether the positions are known.
    pub(crate) placed: bool,
}

/// What the check of the columns needs.
#[derive(Debug)]
pub(crate) struct Sidecars {
    pub(crate) headers: Vec<Header>,
    pub(crate) secrets: Vec<Secrets>,
}

impl Tip {
    /// Before batch 0 of the log `origin`.
    pub(crate) fn new(origin: &str) -> Self {
        Self { chain: Chain::new(origin), positions: BTreeMap::new(), linked: true, rooted: true, placed: true }
    }

    /// Behind the last segment of a manifest, as its files say without a check.
    pub(crate) fn after(blobs: &dyn Blobs, manifest: &Manifest) -> Result<Self, LedgerError> {
        let mut tip = Self::new(&manifest.origin);
        let Some(segment) = manifest.segments.last() else { return Ok(tip) };
        let State { positions, frontier } = state(blobs, segment)?;
        let headers = headers(blobs, segment)?;
        if let Some(last) = headers.last() {
            tip.chain.previous = last.hash();
            tip.chain.recorded = last.recorded_max;
        }
        tip.chain.next_batch = segment.end_batch;
        tip.chain.next_seq = segment.end_seq;
        tip.chain.frontier = frontier;
        tip.positions = positions;
        Ok(tip)
    }
}

/// Smallest and largest `recorded` of batches, and the same of the event times of those that have any.
pub(crate) fn ranges<'a>(headers: impl Iterator<Item = &'a Header>) -> ((i64, i64), Option<(i64, i64)>) {
    let wider = |range: Option<(i64, i64)>, min: i64, max: i64| {
        Some(range.map_or((min, max), |(first, last): (i64, i64)| (first.min(min), last.max(max))))
    };
    let (mut recorded, mut time) = (None, None);
    for header in headers {
        recorded = wider(recorded, header.recorded_min, header.recorded_max);
        // A header writes "no event has a time" as two zeros.
        if (header.time_min, header.time_max) != (0, 0) {
            time = wider(time, header.time_min, header.time_max);
        }
    }
    (recorded.unwrap_or((0, 0)), time)
}

/// Checks every sidecar of a segment and moves the tip behind it. `None` if the columns cannot be checked for lack of
/// headers or secrets.
pub(crate) fn check_sidecars(
    blobs: &dyn Blobs,
    shard: u32,
    segment: &SegmentEntry,
    tip: &mut Tip,
    listener: &mut dyn Listener,
) -> Option<Sidecars> {
    let mut check = Check { blobs, segment, listener };
    let headers = check.load(FileKind::Headers, sidecar::decode_headers);
    let inputs = check.load(FileKind::Inputs, sidecar::decode_inputs);
    let secrets = check.load(FileKind::Secrets, sidecar::decode_secrets);
    let state = check.load(FileKind::State, sidecar::decode_state);
    match &headers {
        Some(headers) => check.headers(shard, headers, tip),
        None => skip_headers(segment, tip),
    }
    check.inputs(headers.as_deref(), inputs, tip);
    check.state(state, tip);
    let secrets = secrets.filter(|secrets| {
        let fits = secrets.len() as u64 == segment.batches();
        if !fits {
            let what = format!("it has {} pairs, and the segment {} batches", secrets.len(), segment.batches());
            check.fault(FileKind::Secrets, "end", what);
        }
        fits
    });
    Some(Sidecars { headers: headers?, secrets: secrets? })
}

/// Goes on behind a segment whose headers cannot be read.
fn skip_headers(segment: &SegmentEntry, tip: &mut Tip) {
    tip.chain.next_batch = segment.end_batch;
    tip.chain.next_seq = segment.end_seq;
    (tip.linked, tip.rooted) = (false, false);
}

/// Compares a file with the size and the hash in the manifest, without looking into it.
pub(crate) fn check_hash(blobs: &dyn Blobs, file: &FileEntry, listener: &mut dyn Listener) -> bool {
    use sha2::Digest as _;
    // A file of another size, which may have no end, is not read.
    match blobs.size(&file.name) {
        Ok(size) if size == file.size => {}
        Ok(size) => return compare(file, size, Digest::ZERO, listener),
        Err(error) => {
            listener.unreadable(&file.name, "file".to_owned(), error.into());
            return false;
        }
    }
    let mut hasher = sha2::Sha256::new();
    match crate::blobs::read_through(blobs, &file.name, |piece| {
        hasher.update(piece);
    }) {
        Ok(size) => compare(file, size, Digest(hasher.finalize().into()), listener),
        Err(error) => {
            listener.unreadable(&file.name, "file".to_owned(), error.into());
            false
        }
    }
}

fn compare(file: &FileEntry, size: u64, sha256: Digest, listener: &mut dyn Listener) -> bool {
    if size != file.size {
        let what = format!("it has {size} bytes, and the manifest says {}", file.size);
        listener.fault(&file.name, "size".to_owned(), what);
        return false;
    }
    if sha256 != file.sha256 {
        listener.fault(&file.name, "SHA-256".to_owned(), "it is not the one in the manifest".to_owned());
        return false;
    }
    true
}

struct Check<'a> {
    blobs: &'a dyn Blobs,
    segment: &'a SegmentEntry,
    listener: &'a mut dyn Listener,
}

impl Check<'_> {
    fn fault(&mut self, kind: FileKind, place: impl Into<String>, what: impl Into<String>) {
        let name = self.segment.file(kind).map_or("", |file| file.name.as_str());
        self.listener.fault(name, place.into(), what.into());
    }

    /// Reads a sidecar. One that differs from the manifest is read all the same, to name the place; what is then wrong
    /// with it as a whole is not said twice.
    fn load<T>(
        &mut self,
        kind: FileKind,
        decode: impl Fn(&std::path::Path, &[u8]) -> Result<T, LedgerError>,
    ) -> Option<T> {
        let file = match entry_of(self.blobs, self.segment, kind) {
            Ok(file) => file,
            Err(error) => {
                self.listener.unreadable("", kind.extension().to_owned(), error);
                return None;
            }
        };
        let bytes = match self.blobs.get(&file.name) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.listener.unreadable(&file.name, "file".to_owned(), error.into());
                return None;
            }
        };
        let same = compare(file, bytes.len() as u64, Digest::of(&[], &[&bytes]), self.listener);
        match decode(&self.blobs.path(&file.name), &bytes) {
            Ok(decoded) => Some(decoded),
            Err(error) => {
                if same {
                    self.listener.unreadable(&file.name, "file".to_owned(), error);
                }
                None
            }
        }
    }

    fn headers(&mut self, shard: u32, headers: &[Header], tip: &mut Tip) {
        for (index, header) in headers.iter().enumerate() {
            if index == 0 && !tip.linked {
                tip.chain.previous = header.previous;
                tip.linked = true;
            }
            if header.shard != shard {
                self.fault(
                    FileKind::Headers,
                    format!("batch {}", header.batch),
                    format!("it is of shard {}", header.shard),
                );
            }
            if let Err(what) = tip.chain.push(header) {
                self.fault(FileKind::Headers, format!("header {index}, batch {}", header.batch), what);
                // The next header is compared with this one, so that one fault is told once.
                tip.chain.next_batch = header.batch.saturating_add(1);
                tip.chain.next_seq = header.first_seq.saturating_add(u64::from(header.count));
                tip.chain.previous = header.hash();
                tip.chain.recorded = header.recorded_max;
                tip.rooted = false;
            }
        }
        let found = (tip.chain.next_batch, tip.chain.next_seq);
        let segment = self.segment;
        if found != (segment.end_batch, segment.end_seq) || headers.len() as u64 != segment.batches() {
            let want = (segment.end_batch, segment.end_seq);
            let what = format!("it ends at batch {} and event {}, not at {} and {}", found.0, found.1, want.0, want.1);
            self.fault(FileKind::Headers, "end", what);
            skip_headers(segment, tip);
        }
        let (recorded, time) = ranges(headers.iter());
        if (recorded, time) != (segment.recorded, segment.time) {
            self.fault(FileKind::Headers, "time ranges", "they are not those in the manifest");
        }
    }

    fn inputs(&mut self, headers: Option<&[Header]>, inputs: Option<Vec<Vec<inputs::Input>>>, tip: &mut Tip) {
        let Some(lists) = inputs else {
            tip.placed = false;
            return;
        };
        if let Some(headers) = headers {
            if lists.len() != headers.len() {
                let what = format!("it has {} lists, and there are {} headers", lists.len(), headers.len());
                self.fault(FileKind::Inputs, "end", what);
            }
            for (list, header) in lists.iter().zip(headers) {
                let sorted = list.windows(2).all(|pair| pair[0].key < pair[1].key);
                if !sorted
                    || list.len() as u64 != u64::from(header.inputs_count)
                    || inputs::root(list) != header.inputs_root
                {
                    let what = "the inputs are not those that the header commits to";
                    self.fault(FileKind::Inputs, format!("batch {}", header.batch), what);
                }
            }
        }
        tip.positions.extend(lists.into_iter().flatten().map(|input| (input.key, input.value)));
    }

    fn state(&mut self, state: Option<State>, tip: &mut Tip) {
        let Some(state) = state else { return };
        if tip.placed && state.positions != tip.positions {
            self.fault(FileKind::State, "source positions", "they are not what the inputs of all batches lead to");
        }
        if tip.rooted && state.frontier != tip.chain.frontier {
            self.fault(FileKind::State, "frontier", "it is not that of the log over all headers");
        }
        // Later segments are compared with what this file says, so that one fault is told once.
        (tip.positions, tip.placed) = (state.positions, true);
        (tip.chain.frontier, tip.rooted) = (state.frontier, true);
    }
}
