//! The files beside a segment's columns: batch headers, inputs, secrets, and the state after the last batch.
//!
//! `file = magic (16 bytes) ‖ format u32 ‖ body ‖ SHA-256 of what precedes`, integers big-endian. Bodies:
//!
//! * headers: encoded headers (`proof::Header`), one after the other;
//! * inputs: per batch `count u32 ‖ count × input` (`proof::inputs`);
//! * secrets: per batch `facts secret (32 bytes) ‖ content secret (32 bytes)`;
//! * state: `count u32 ‖ count × input` (every source position, in order of key) `‖ size u64 ‖ nodes × 32 bytes`, the
//!   frontier of the shard's log, largest subtree first.

use std::collections::BTreeMap;
use std::path::Path;

use proof::header::HEADER_LEN;
use proof::inputs::Input;
use proof::tree::Frontier;
use proof::{Digest, Header};

use crate::batch::Secrets;
use crate::error::LedgerError;
use crate::manifest::FileKind;

/// The format that this version writes, and the newest that it reads.
pub const FORMAT: u32 = 1;

/// Length of a magic number.
const MAGIC_LEN: usize = 16;
/// Length of what precedes the body.
const PREFIX_LEN: usize = MAGIC_LEN + 4;
/// Length of the hash at the end.
const HASH_LEN: usize = 32;

/// What holds after a segment's last batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The position of every source.
    pub positions: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The frontier of the shard's log.
    pub frontier: Frontier,
}

/// What is first in a file of this kind, and what the kind is called in messages; `None` for Parquet.
const fn magic(kind: FileKind) -> Option<(&'static [u8; MAGIC_LEN], &'static str)> {
    match kind {
        FileKind::Facts | FileKind::Content => None,
        FileKind::Headers => Some((b"tachograph/head\n", "file of batch headers")),
        FileKind::Inputs => Some((b"tachograph/inpt\n", "file of inputs")),
        FileKind::Secrets => Some((b"tachograph/secr\n", "file of batch secrets")),
        FileKind::State => Some((b"tachograph/stat\n", "file of a segment's state")),
    }
}

/// The size of a file with so many batches, where it follows from their number.
pub(crate) fn size(kind: FileKind, batches: u64) -> Option<u128> {
    let each = match kind {
        FileKind::Headers => HEADER_LEN,
        FileKind::Secrets => 2 * HASH_LEN,
        FileKind::Facts | FileKind::Content | FileKind::Inputs | FileKind::State => return None,
    };
    Some((PREFIX_LEN + HASH_LEN) as u128 + each as u128 * u128::from(batches))
}

/// Puts a body into the frame of its kind.
fn frame(kind: FileKind, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(PREFIX_LEN + body.len() + HASH_LEN);
    if let Some((magic, _)) = magic(kind) {
        bytes.extend_from_slice(magic);
    }
    bytes.extend_from_slice(&FORMAT.to_be_bytes());
    bytes.extend_from_slice(body);
    let hash = Digest::of(&[], &[&bytes]);
    bytes.extend_from_slice(&hash.0);
    bytes
}

/// Takes the body out of its frame.
fn body<'a>(kind: FileKind, path: &Path, bytes: &'a [u8]) -> Result<&'a [u8], LedgerError> {
    let (magic, expected) = magic(kind).unwrap_or((b"tachograph/none\n", "sidecar"));
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX_LEN>().filter(|(prefix, _)| prefix.starts_with(magic))
    else {
        return Err(LedgerError::Foreign { path: path.into(), expected });
    };
    let Some((body, hash)) = rest.split_last_chunk::<HASH_LEN>() else {
        return Err(LedgerError::corrupt(path, "end", "the file is cut off"));
    };
    if Digest::of(&[], &[prefix, body]).0 != *hash {
        return Err(LedgerError::corrupt(path, "last 32 bytes", "the hash is not that of the bytes before it"));
    }
    let [.., a, b, c, d] = *prefix;
    let format = u32::from_be_bytes([a, b, c, d]);
    if format > FORMAT {
        return Err(LedgerError::NewerFormat { path: path.into(), found: format, supported: FORMAT });
    }
    Ok(body)
}

/// Encodes a file of batch headers.
pub fn encode_headers<'a>(headers: impl Iterator<Item = &'a Header>) -> Vec<u8> {
    let mut out = Vec::new();
    for header in headers {
        out.extend_from_slice(&header.encode());
    }
    frame(FileKind::Headers, &out)
}

/// Reads a file of batch headers.
pub fn decode_headers(path: &Path, bytes: &[u8]) -> Result<Vec<Header>, LedgerError> {
    let body = body(FileKind::Headers, path, bytes)?;
    let chunks = body.chunks(HEADER_LEN).enumerate();
    let header = |(at, chunk): (usize, &[u8])| {
        Header::decode(chunk)
            .ok_or_else(|| LedgerError::corrupt(path, format!("header {at}"), "it is not a batch header"))
    };
    chunks.map(header).collect()
}

/// Encodes a file of inputs.
pub fn encode_inputs<'a>(batches: impl Iterator<Item = &'a [Input]>) -> Vec<u8> {
    let mut out = Vec::new();
    for inputs in batches {
        write_inputs(&mut out, inputs.len(), inputs.iter().cloned());
    }
    frame(FileKind::Inputs, &out)
}

/// Reads a file of inputs: one list per batch.
pub fn decode_inputs(path: &Path, bytes: &[u8]) -> Result<Vec<Vec<Input>>, LedgerError> {
    let mut rest = body(FileKind::Inputs, path, bytes)?;
    let mut batches = Vec::new();
    while !rest.is_empty() {
        let place = || format!("list {}", batches.len());
        let (inputs, after) =
            read_inputs(rest).ok_or_else(|| LedgerError::corrupt(path, place(), "it ends inside an input"))?;
        batches.push(inputs);
        rest = after;
    }
    Ok(batches)
}

/// Encodes a file of secrets.
pub fn encode_secrets<'a>(batches: impl Iterator<Item = &'a Secrets>) -> Vec<u8> {
    let mut out = Vec::new();
    for secrets in batches {
        out.extend_from_slice(&secrets.facts);
        out.extend_from_slice(&secrets.content);
    }
    frame(FileKind::Secrets, &out)
}

/// Reads a file of secrets: one pair per batch.
pub fn decode_secrets(path: &Path, bytes: &[u8]) -> Result<Vec<Secrets>, LedgerError> {
    let body = body(FileKind::Secrets, path, bytes)?;
    let (halves, rest) = body.as_chunks::<32>();
    let (pairs, odd) = halves.as_chunks::<2>();
    if !rest.is_empty() || !odd.is_empty() {
        return Err(LedgerError::corrupt(path, format!("batch {}", pairs.len()), "it ends inside a pair of secrets"));
    }
    Ok(pairs.iter().map(|[facts, content]| Secrets { facts: *facts, content: *content }).collect())
}

/// Encodes a state file.
pub fn encode_state(positions: &BTreeMap<Vec<u8>, Vec<u8>>, frontier: &Frontier) -> Vec<u8> {
    let mut out = Vec::new();
    let inputs = positions.iter().map(|(key, value)| Input { key: key.clone(), value: value.clone() });
    write_inputs(&mut out, positions.len(), inputs);
    out.extend_from_slice(&frontier.size().to_be_bytes());
    for node in frontier.nodes() {
        out.extend_from_slice(&node.0);
    }
    frame(FileKind::State, &out)
}

/// Reads a state file.
pub fn decode_state(path: &Path, bytes: &[u8]) -> Result<State, LedgerError> {
    let body = body(FileKind::State, path, bytes)?;
    let corrupt = |place: &str, what: &str| LedgerError::corrupt(path, place, what);
    let (inputs, rest) = read_inputs(body).ok_or_else(|| corrupt("source positions", "they end inside a position"))?;
    if inputs.windows(2).any(|pair| pair[0].key >= pair[1].key) {
        return Err(corrupt("source positions", "they are not in ascending order of key"));
    }
    let frontier = || {
        let (size, nodes) = rest.split_first_chunk::<8>()?;
        let (nodes, rest) = nodes.as_chunks::<32>();
        let nodes = nodes.iter().map(|node| Digest(*node)).collect();
        rest.is_empty().then_some(())?;
        Frontier::from_parts(u64::from_be_bytes(*size), nodes)
    };
    let frontier = frontier().ok_or_else(|| corrupt("frontier", "its nodes do not belong to its size"))?;
    Ok(State { positions: inputs.into_iter().map(|input| (input.key, input.value)).collect(), frontier })
}

fn write_inputs(out: &mut Vec<u8>, count: usize, inputs: impl Iterator<Item = Input>) {
    out.extend_from_slice(&(count as u32).to_be_bytes());
    for input in inputs {
        input.encode(out);
    }
}

fn read_inputs(bytes: &[u8]) -> Option<(Vec<Input>, &[u8])> {
    let (count, mut rest) = bytes.split_first_chunk::<4>()?;
    let mut inputs = Vec::new();
    for _ in 0..u32::from_be_bytes(*count) {
        let (input, after) = Input::decode(rest)?;
        inputs.push(input);
        rest = after;
    }
    Some((inputs, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_inputs() -> impl Strategy<Value = Vec<Input>> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..9);
        prop::collection::btree_map(bytes(), bytes(), 0..5)
            .prop_map(|map| map.into_iter().map(|(key, value)| Input { key, value }).collect())
    }

    proptest! {
        #[test]
        fn inputs_round_trip(batches in prop::collection::vec(any_inputs(), 0..5)) {
            let bytes = encode_inputs(batches.iter().map(Vec::as_slice));
            prop_assert_eq!(decode_inputs(Path::new("i"), &bytes).expect("sound"), batches);
        }

        #[test]
        fn secrets_round_trip(batches: Vec<([u8; 32], [u8; 32])>) {
            let batches: Vec<Secrets> = batches.into_iter().map(|(facts, content)| Secrets { facts, content }).collect();
            prop_assert_eq!(decode_secrets(Path::new("s"), &encode_secrets(batches.iter())).expect("sound"), batches);
        }

        #[test]
        fn states_round_trip(inputs in any_inputs(), size in 0_u64..40) {
            let mut frontier = Frontier::default();
            (0..size).for_each(|at| frontier.push(Digest([at as u8; 32])));
            let positions = inputs.into_iter().map(|input| (input.key, input.value)).collect();
            let state = State { positions, frontier };
            let bytes = encode_state(&state.positions, &state.frontier);
            prop_assert_eq!(decode_state(Path::new("s"), &bytes).expect("sound"), state);
        }

        #[test]
        fn any_body_is_read_or_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode_headers(Path::new("h"), &frame(FileKind::Headers, &bytes));
            let _ = decode_inputs(Path::new("i"), &frame(FileKind::Inputs, &bytes));
            let _ = decode_secrets(Path::new("s"), &frame(FileKind::Secrets, &bytes));
            let _ = decode_state(Path::new("s"), &frame(FileKind::State, &bytes));
            prop_assert!(decode_state(Path::new("s"), &bytes).is_err());
        }

        #[test]
        fn any_changed_byte_is_found(at: prop::sample::Index, change in 1_u8..) {
            let mut bytes = frame(FileKind::Inputs, b"some body");
            let at = at.index(bytes.len());
            bytes[at] ^= change;
            prop_assert!(body(FileKind::Inputs, Path::new("i"), &bytes).is_err());
        }
    }

    #[test]
    fn foreign_newer_and_cut_files_are_told_apart() {
        let check = |bytes: &[u8], want: &str| {
            let error = decode_secrets(Path::new("s"), bytes).expect_err("refused").to_string();
            assert!(error.contains(want), "{error}");
        };
        check(b"", "not a Tachograph file of batch secrets");
        check(&frame(FileKind::State, &[]), "not a Tachograph file of batch secrets");
        check(&frame(FileKind::Secrets, &[0; 65]), "ends inside a pair");
        let sound = frame(FileKind::Secrets, &[0; 64]);
        check(&sound[..30], "cut off");
        check(&sound[..sound.len() - 1], "the hash is not");
        let mut newer = sound[..sound.len() - HASH_LEN].to_vec();
        newer[MAGIC_LEN + 3] = 9;
        newer.extend_from_slice(&Digest::of(&[], &[&newer]).0);
        check(&newer, "format 9, and this version reads up to 1");
        assert!(!format!("{:?}", Secrets { facts: [7; 32], content: [7; 32] }).contains('7'));
    }
}
