//! The files beside a segment's columns (FORMAT.md section 8): headers continue the chain, and inputs, secrets and state belong to them.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use proof::header::HEADER_LEN;
use proof::inputs::{self, Input};
use proof::tree::Frontier;
use proof::{Digest, Header};

use super::Listener;
use crate::chain::{Chain, Span};
use crate::error::VerifyError;
use crate::files::Files;
use crate::manifest::{File, FileKind, Segment};
use crate::part::Secrets;

/// The newest format that this version reads.
const FORMAT: u32 = 1;
/// Magic number and format.
const FRONT_LEN: usize = 20;

/// Positions of sources, by key.
pub(crate) type Positions = BTreeMap<Vec<u8>, Vec<u8>>;

/// What holds after a segment's last batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    positions: Positions,
    pub(crate) log: Frontier,
}

/// What the columns of a segment are compared with.
pub(crate) struct Sidecars {
    pub(crate) headers: Vec<Header>,
    pub(crate) secrets: Vec<Secrets>,
}

/// Takes the body out of a file of a kind.
fn body<'a>(kind: FileKind, path: &Path, bytes: &'a [u8]) -> Result<&'a [u8], VerifyError> {
    let (magic, expected): (&[u8], _) = match kind {
        FileKind::Headers => (b"tachograph/head\n", "file of batch headers"),
        FileKind::Inputs => (b"tachograph/inpt\n", "file of inputs"),
        FileKind::Secrets => (b"tachograph/secr\n", "file of batch secrets"),
        FileKind::State => (b"tachograph/stat\n", "file of a segment's state"),
        FileKind::Facts | FileKind::Content => (b"", "sidecar"),
    };
    let corrupt = |place: &str, what: &str| VerifyError::corrupt(path, place, what);
    let Some(front) = bytes.first_chunk::<FRONT_LEN>().filter(|front| front.starts_with(magic)) else {
        return Err(VerifyError::Foreign { path: path.into(), expected });
    };
    let Some((covered, hash)) = bytes.split_last_chunk::<32>().filter(|(covered, _)| covered.len() >= FRONT_LEN) else {
        return Err(corrupt("end", "the file is cut off"));
    };
    if Digest::of(&[], &[covered]) != Digest(*hash) {
        return Err(corrupt("last 32 bytes", "the hash is not that of the bytes before it"));
    }
    let format = front[16..].iter().fold(0, |format, byte| format << 8 | u32::from(*byte));
    if format > FORMAT {
        return Err(VerifyError::NewerFormat { path: path.into(), found: format, supported: FORMAT });
    }
    Ok(&covered[FRONT_LEN..])
}

/// Reads `count u32` and so many inputs, and says what follows.
fn take_inputs(bytes: &[u8]) -> Option<(Vec<Input>, &[u8])> {
    let (count, mut rest) = bytes.split_first_chunk::<4>()?;
    let mut list = Vec::new();
    for _ in 0..u32::from_be_bytes(*count) {
        let (input, after) = Input::decode(rest)?;
        list.push(input);
        rest = after;
    }
    Some((list, rest))
}

pub(crate) fn read_headers(path: &Path, bytes: &[u8]) -> Result<Vec<Header>, VerifyError> {
    let each = body(FileKind::Headers, path, bytes)?.chunks(HEADER_LEN).enumerate();
    let header = |(at, bytes)| {
        Header::decode(bytes)
            .ok_or_else(|| VerifyError::corrupt(path, format!("header {at}"), "it is not a batch header"))
    };
    each.map(header).collect()
}

pub(crate) fn read_inputs(path: &Path, bytes: &[u8]) -> Result<Vec<Vec<Input>>, VerifyError> {
    let (mut lists, mut rest) = (Vec::new(), body(FileKind::Inputs, path, bytes)?);
    while !rest.is_empty() {
        let Some((list, after)) = take_inputs(rest) else {
            return Err(VerifyError::corrupt(path, format!("list {}", lists.len()), "it ends inside an input"));
        };
        lists.push(list);
        rest = after;
    }
    Ok(lists)
}

pub(crate) fn read_secrets(path: &Path, bytes: &[u8]) -> Result<Vec<Secrets>, VerifyError> {
    let (pairs, rest) = body(FileKind::Secrets, path, bytes)?.as_chunks::<64>();
    if !rest.is_empty() {
        let place = format!("batch {}", pairs.len());
        return Err(VerifyError::corrupt(path, place, "it ends inside a pair of secrets"));
    }
    let pair = |pair: &[u8; 64]| {
        let mut secrets = Secrets { facts: [0; 32], content: [0; 32] };
        secrets.facts.copy_from_slice(&pair[..32]);
        secrets.content.copy_from_slice(&pair[32..]);
        secrets
    };
    Ok(pairs.iter().map(pair).collect())
}

pub(crate) fn read_state(path: &Path, bytes: &[u8]) -> Result<State, VerifyError> {
    let corrupt = |place: &str, what: &str| VerifyError::corrupt(path, place, what);
    let body = body(FileKind::State, path, bytes)?;
    let (list, rest) = take_inputs(body).ok_or_else(|| corrupt("source positions", "they end inside a position"))?;
    if list.windows(2).any(|pair| pair[0].key >= pair[1].key) {
        return Err(corrupt("source positions", "they are not in ascending order of key"));
    }
    let log = rest.split_first_chunk::<8>().and_then(|(size, nodes)| {
        let (nodes, odd) = nodes.as_chunks::<32>();
        let nodes = nodes.iter().map(|node| Digest(*node)).collect();
        Frontier::from_parts(u64::from_be_bytes(*size), nodes).filter(|_| odd.is_empty())
    });
    let log = log.ok_or_else(|| corrupt("frontier", "its nodes do not belong to its size"))?;
    Ok(State { positions: list.into_iter().map(|input| (input.key, input.value)).collect(), log })
}

/// The bytes of a sidecar as they are, in one piece.
fn read_whole(files: &dyn Files, name: &str) -> Result<Bytes, VerifyError> {
    let read = || files.read(name, 0..files.size(name)?);
    read().map_err(VerifyError::io("read", files.path(name)))
}

/// Decodes a sidecar of a segment, which must be the one that the manifest names.
pub(crate) fn load<T>(
    files: &dyn Files,
    segment: &Segment,
    kind: FileKind,
    decode: impl Fn(&Path, &[u8]) -> Result<T, VerifyError>,
) -> Result<T, VerifyError> {
    let file = segment.file(kind).ok_or_else(|| {
        VerifyError::corrupt(files.path(kind.extension()), kind.extension(), "the manifest lists no such file")
    })?;
    let (path, bytes) = (files.path(&file.name), read_whole(files, &file.name)?);
    match mismatch(file, bytes.len() as u64, || Digest::of(&[], &[&bytes])) {
        Some((place, what)) => Err(VerifyError::corrupt(path, place, what)),
        None => decode(&path, &bytes),
    }
}

/// What of a file is not as the manifest says, if anything is: the field, and in words.
pub(super) fn mismatch(file: &File, size: u64, hash: impl FnOnce() -> Digest) -> Option<(&'static str, String)> {
    if size != file.size {
        Some(("size", format!("it has {size} bytes, and the manifest says {}", file.size)))
    } else if hash() != file.sha256 {
        Some(("SHA-256", "it is not the one in the manifest".to_owned()))
    } else {
        None
    }
}

/// Where the checked part of a ledger ends.
pub(super) struct Tip {
    pub(super) chain: Chain,
    /// Unknown behind inputs that cannot be read.
    pub(super) positions: Option<Positions>,
    /// Whether the hash of the last header is known: it is not behind headers that cannot be read.
    pub(super) linked: bool,
    /// Whether the log is known.
    pub(super) rooted: bool,
}

impl Tip {
    /// Before batch 0 of a log.
    pub(super) fn of(origin: &str) -> Self {
        Self { chain: Chain::of(origin), positions: Some(Positions::new()), linked: true, rooted: true }
    }

    /// Goes on behind a segment whose headers cannot be read.
    fn skip(&mut self, segment: &Segment) {
        (self.chain.next_batch, self.chain.next_seq) = (segment.end_batch, segment.end_seq);
        (self.linked, self.rooted) = (false, false);
    }
}

/// Checks every sidecar of a segment and moves the tip behind it. `None` if there are no headers or secrets to check columns with.
pub(super) fn check_sidecars(
    files: &dyn Files,
    shard: u32,
    segment: &Segment,
    tip: &mut Tip,
    listener: &mut dyn Listener,
) -> Option<Sidecars> {
    let mut check = Check { files, segment, listener };
    let headers = check.read(FileKind::Headers, read_headers);
    let lists = check.read(FileKind::Inputs, read_inputs);
    let secrets = check.read(FileKind::Secrets, read_secrets);
    let state = check.read(FileKind::State, read_state);
    match &headers {
        Some(headers) => check.headers(shard, headers, tip),
        None => tip.skip(segment),
    }
    check.inputs(headers.as_deref(), lists, tip);
    check.state(state, tip);
    let secrets = secrets?;
    if secrets.len() as u64 != segment.batches() {
        let what = format!("it has {} pairs, and the segment {} batches", secrets.len(), segment.batches());
        check.fault(FileKind::Secrets, "end", what);
        return None;
    }
    Some(Sidecars { headers: headers?, secrets })
}

struct Check<'a> {
    files: &'a dyn Files,
    segment: &'a Segment,
    listener: &'a mut dyn Listener,
}

impl Check<'_> {
    fn fault(&mut self, kind: FileKind, place: impl Into<String>, what: impl Into<String>) {
        let name = self.segment.file(kind).map_or("", |file| file.name.as_str());
        self.listener.fault(name, place.into(), what.into());
    }

    /// Reads a sidecar. One that differs from the manifest is read all the same, to name the place; what is then wrong with it as a
    /// whole is not said twice.
    fn read<T>(&mut self, kind: FileKind, decode: impl Fn(&Path, &[u8]) -> Result<T, VerifyError>) -> Option<T> {
        let file = self.segment.file(kind)?;
        let bytes = match read_whole(self.files, &file.name) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.listener.unreadable(&file.name, "file".to_owned(), error);
                return None;
            }
        };
        self.listener.progress(bytes.len() as u64, 0);
        let mismatch = mismatch(file, bytes.len() as u64, || Digest::of(&[], &[&bytes]));
        let differs = mismatch.is_some();
        if let Some((place, what)) = mismatch {
            self.listener.fault(&file.name, place.to_owned(), what);
        }
        match decode(&self.files.path(&file.name), &bytes) {
            Ok(decoded) => Some(decoded),
            Err(_) if differs => None,
            Err(error) => {
                self.listener.unreadable(&file.name, "file".to_owned(), error);
                None
            }
        }
    }

    fn headers(&mut self, shard: u32, headers: &[Header], tip: &mut Tip) {
        if let Some(first) = headers.first().filter(|_| !tip.linked) {
            tip.chain.previous = first.previous;
            tip.linked = true;
        }
        let (mut recorded, mut times) = (Span::default(), Span::default());
        for (index, header) in headers.iter().enumerate() {
            if header.shard != shard {
                let what = format!("it is of shard {}", header.shard);
                self.fault(FileKind::Headers, format!("batch {}", header.batch), what);
            }
            if let Err(what) = tip.chain.follow(header) {
                self.fault(FileKind::Headers, format!("header {index}, batch {}", header.batch), what);
                tip.rooted = false;
            }
            recorded.add(header.recorded_min);
            recorded.add(header.recorded_max);
            // A header writes "no event has a time" as two zeros.
            if (header.time_min, header.time_max) != (0, 0) {
                times.add(header.time_min);
                times.add(header.time_max);
            }
        }
        let segment = self.segment;
        let (batch, seq) = (tip.chain.next_batch, tip.chain.next_seq);
        if (batch, seq) != (segment.end_batch, segment.end_seq) || headers.len() as u64 != segment.batches() {
            let Segment { end_batch, end_seq, .. } = segment;
            let what = format!("it ends at batch {batch} and event {seq}, not at {end_batch} and {end_seq}");
            self.fault(FileKind::Headers, "end", what);
            tip.skip(segment);
        }
        if (recorded.0.unwrap_or((0, 0)), times.0) != (segment.recorded, segment.time) {
            self.fault(FileKind::Headers, "time ranges", "they are not those in the manifest");
        }
    }

    /// One list for each batch: each must be the one that its header was closed over, and together they move the sources on.
    fn inputs(&mut self, headers: Option<&[Header]>, lists: Option<Vec<Vec<Input>>>, tip: &mut Tip) {
        let Some(lists) = lists else {
            tip.positions = None;
            return;
        };
        if let Some(headers) = headers {
            if lists.len() != headers.len() {
                let what = format!("it has {} lists, and there are {} headers", lists.len(), headers.len());
                self.fault(FileKind::Inputs, "end", what);
            }
            for (header, list) in headers.iter().zip(&lists) {
                if let Some(what) = broken_list(header, list) {
                    self.fault(FileKind::Inputs, format!("batch {}", header.batch), what);
                }
            }
        }
        if let Some(positions) = &mut tip.positions {
            positions.extend(lists.into_iter().flatten().map(|Input { key, value }| (key, value)));
        }
    }

    /// What the file says of sources and log must follow from all batches so far. It is where the next segment starts, right or
    /// wrong: a segment does not answer for the one before it.
    fn state(&mut self, state: Option<State>, tip: &mut Tip) {
        let Some(State { positions, log }) = state else { return };
        if let Some(source) = tip.positions.as_ref().and_then(|known| first_moved(known, &positions)) {
            let source = String::from_utf8_lossy(source);
            let what = format!("that of {source:?} is not the one in the last batch that has it as an input");
            self.fault(FileKind::State, "source positions", what);
        }
        let own = &tip.chain.log;
        if tip.rooted && log.size() != own.size() {
            let what = format!("it is over {} headers, and the log has {}", log.size(), own.size());
            self.fault(FileKind::State, "frontier", what);
        } else if tip.rooted && log != *own {
            self.fault(FileKind::State, "frontier", "its subtrees are not those over the headers");
        }
        tip.positions = Some(positions);
        (tip.chain.log, tip.rooted) = (log, true);
    }
}

/// What section 4 says of a batch's inputs and does not hold of these, if anything does not.
fn broken_list(header: &Header, list: &[Input]) -> Option<String> {
    if let Some(at) = list.windows(2).position(|two| two[1].key <= two[0].key) {
        return Some(format!("the key of input {} is not above the one before it", at + 1));
    }
    if list.len() as u64 != u64::from(header.inputs_count) {
        return Some(format!("it has {} inputs, and the header says {}", list.len(), header.inputs_count));
    }
    (inputs::root(list) != header.inputs_root).then(|| "the root over its inputs is not that of the header".to_owned())
}

/// The first source that is not at the same position in both, or is in one only.
fn first_moved<'a>(one: &'a Positions, other: &'a Positions) -> Option<&'a [u8]> {
    let moved = one.iter().find(|(source, position)| other.get(*source) != Some(*position));
    let added = || other.iter().find(|(source, _)| !one.contains_key(*source));
    moved.or_else(added).map(|(source, _)| source.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn framed(magic: &[u8; 16], format: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = [&magic[..], &format.to_be_bytes(), body].concat();
        bytes.extend_from_slice(&Digest::of(&[], &[&bytes]).0);
        bytes
    }

    fn list(inputs: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut bytes = (inputs.len() as u32).to_be_bytes().to_vec();
        for (key, value) in inputs {
            Input { key: key.to_vec(), value: value.to_vec() }.encode(&mut bytes);
        }
        bytes
    }

    #[test]
    fn bodies_are_read_as_the_page_says() {
        let path = Path::new("x");
        let both = [list(&[(b"a", b"1"), (b"b", b"")]), list(&[])].concat();
        let read = read_inputs(path, &framed(b"tachograph/inpt\n", 1, &both)).expect("sound");
        assert_eq!((read.len(), read[0].len(), read[1].len()), (2, 2, 0));
        let body = [list(&[(b"a", b"1")]), 2_u64.to_be_bytes().to_vec(), vec![5; 32]].concat();
        let state = read_state(path, &framed(b"tachograph/stat\n", 1, &body)).expect("sound");
        assert_eq!((state.positions.len(), state.log.size()), (1, 2));
        let check = |state: &[u8], words: &str| {
            let error = read_state(path, &framed(b"tachograph/stat\n", 1, state)).expect_err(words).to_string();
            assert!(error.contains(words), "{error}");
        };
        check(&body[..body.len() - 1], "nodes do not belong");
        check(&[list(&[(b"b", b""), (b"a", b"")]), 0_u64.to_be_bytes().to_vec()].concat(), "ascending");
        check(&[0, 0, 0, 9], "end inside");
        let secrets =
            read_secrets(path, &framed(b"tachograph/secr\n", 1, &[[1; 32], [2; 32]].concat())).expect("sound");
        assert_eq!((secrets[0].facts, secrets[0].content), ([1; 32], [2; 32]));
        assert!(read_secrets(path, &framed(b"tachograph/secr\n", 1, &[1; 63])).is_err());
        assert!(matches!(read_headers(path, &framed(b"tachograph/secr\n", 1, b"")), Err(VerifyError::Foreign { .. })));
        let newer = read_headers(path, &framed(b"tachograph/head\n", 2, b""));
        assert!(matches!(newer, Err(VerifyError::NewerFormat { found: 2, .. })));
    }

    fn input(key: &[u8], value: &[u8]) -> Input {
        Input { key: key.to_vec(), value: value.to_vec() }
    }

    #[test]
    fn inputs_are_those_that_their_header_was_closed_over() {
        let sound = [input(b"a", b"1"), input(b"b", b"")];
        let header = |list: &[Input]| Header {
            shard: 0,
            batch: 0,
            first_seq: 0,
            count: 0,
            root: Digest::ZERO,
            previous: Digest::ZERO,
            time_min: 0,
            time_max: 0,
            recorded_min: 0,
            recorded_max: 0,
            writer: [0; 16],
            epoch: 0,
            inputs_count: list.len() as u32,
            inputs_root: inputs::root(list),
        };
        let check = |closed_over: &[Input], list: &[Input], words: &str| {
            let said = broken_list(&header(closed_over), list);
            assert_eq!(said.is_some(), !words.is_empty(), "{words}: {said:?}");
            assert!(said.unwrap_or_default().contains(words), "{words}");
        };
        check(&sound, &sound, "");
        check(&[], &[], "");
        check(&sound, &sound[..1], "has 1 inputs, and the header says 2");
        check(&sound, &[input(b"a", b"2"), input(b"b", b"")], "root");
        let (swapped, twice) = ([sound[1].clone(), sound[0].clone()], [sound[0].clone(), sound[0].clone()]);
        // A header over a list that no batch may have does not make it one.
        check(&swapped, &swapped, "key of input 1");
        check(&twice, &twice, "key of input 1");
    }

    #[test]
    fn the_source_that_differs_is_found_on_either_side() {
        let check = |one: &[(&[u8], &[u8])], other: &[(&[u8], &[u8])], found: Option<&[u8]>| {
            let positions = |list: &[(&[u8], &[u8])]| -> Positions {
                list.iter().map(|(source, position)| (source.to_vec(), position.to_vec())).collect()
            };
            assert_eq!(first_moved(&positions(one), &positions(other)), found);
        };
        check(&[], &[], None);
        check(&[(b"a", b"1"), (b"b", b"2")], &[(b"a", b"1"), (b"b", b"2")], None);
        check(&[(b"a", b"1"), (b"b", b"2")], &[(b"a", b"1"), (b"b", b"3")], Some(b"b"));
        check(&[(b"a", b"1")], &[], Some(b"a"));
        check(&[(b"a", b"1")], &[(b"a", b"1"), (b"b", b"")], Some(b"b"));
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let path = Path::new("x");
            let _ = (read_headers(path, &framed(b"tachograph/head\n", 1, &bytes)), read_headers(path, &bytes).is_err());
            let _ = read_inputs(path, &framed(b"tachograph/inpt\n", 1, &bytes));
            let _ = read_secrets(path, &framed(b"tachograph/secr\n", 1, &bytes)).is_ok();
            let _ = read_state(path, &framed(b"tachograph/stat\n", 1, &bytes));
        }
    }
}
