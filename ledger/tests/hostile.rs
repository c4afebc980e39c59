//! Whatever the bytes of one file of a ledger are, with checksums and signatures that are right or wrong: the verifier, a reader and a start answer,
//! and none of them panics or takes memory without bound. The fuzz target `ledger` tries the same for as long as one likes.

// A test that meets what it does not expect should stop there and say so.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "hostile/sample.rs"]
mod sample;

use proptest::prelude::*;

use sample::Sample;

/// More than reading a small ledger needs, and less than any number in its files can ask for.
const MEMORY_MAX: u64 = 512 << 20;

/// A change of a file's bytes. Places are any numbers, of which the rest by the length counts.
#[derive(Debug, Clone)]
enum Change {
    Set(usize, Vec<u8>),
    Cut(usize),
    Remove(usize, usize),
    Repeat(usize, usize),
    /// Bytes of another file.
    Splice(usize, usize, usize),
}

fn any_change() -> impl Strategy<Value = Change> {
    let length = 1_usize..200;
    let value = prop_oneof![
        any::<u8>().prop_map(|byte| vec![byte]),
        // Lengths and counts that are next to nothing or to everything.
        prop::sample::select(vec![0_u32, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX]).prop_map(|n| n.to_be_bytes().to_vec()),
        prop::sample::select(vec![0_u64, i64::MAX as u64, 1 << 63, u64::MAX]).prop_map(|n| n.to_be_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 1..20),
    ];
    prop_oneof![
        6 => (any::<usize>(), value).prop_map(|(at, value)| Change::Set(at, value)),
        1 => any::<usize>().prop_map(Change::Cut),
        1 => (any::<usize>(), length.clone()).prop_map(|(at, length)| Change::Remove(at, length)),
        1 => (any::<usize>(), length.clone()).prop_map(|(at, length)| Change::Repeat(at, length)),
        1 => (any::<usize>(), any::<usize>(), length).prop_map(|(at, from, length)| Change::Splice(at, from, length)),
    ]
}

fn apply(change: &Change, bytes: &mut Vec<u8>, other: &[u8]) {
    let place = |at: usize| at % bytes.len().max(1);
    let range = |at: usize, length: usize, of: &[u8]| {
        let start = at % of.len().max(1);
        start..(start + length).min(of.len())
    };
    match change {
        Change::Set(at, value) => {
            for (at, byte) in (place(*at)..bytes.len()).zip(value) {
                bytes[at] = *byte;
            }
        }
        Change::Cut(at) => bytes.truncate(place(*at)),
        Change::Remove(at, length) => drop(bytes.drain(range(*at, *length, bytes))),
        Change::Repeat(at, length) => {
            let range = range(*at, *length, bytes);
            let again = bytes[range.clone()].to_vec();
            bytes.splice(range.end..range.end, again);
        }
        Change::Splice(at, from, length) => {
            let at = place(*at).min(bytes.len());
            bytes.splice(at..at, other[range(*from, *length, other)].to_vec());
        }
    }
}

/// The most memory that this process had at once, in bytes.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or(0) * 1024
}

#[test]
fn any_bytes_in_any_file_are_answered() {
    let directory = tempfile::tempdir().unwrap();
    let made = directory.path().join("made");
    Sample::make(&made);
    let sample = Sample::of(&made).copy(&directory.path().join("data"));
    let named = |word: &str| sample.files.iter().any(|file| file.name.to_string_lossy().contains(word));
    for word in ["identity", "checkpoint", "wal/", "manifest/", ".parquet", "segment/"] {
        assert!(named(word), "the sample has no {word}");
    }
    // What vouches for bytes that nobody changed is right, so mending does what it should.
    for file in &sample.files {
        assert_eq!(sample.mend(file, file.bytes.clone()), file.bytes, "{}", file.name.display());
    }
    assert!(sample.is_whole());
    let count = sample.files.len();
    let changes = prop::collection::vec(any_change(), 1..6);
    let config = ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(number in 0..count, other in 0..count, changes in changes, mend in prop::bool::weighted(0.8))| {
        let mut bytes = sample.files[number].bytes.clone();
        for change in &changes {
            apply(change, &mut bytes, &sample.files[other].bytes);
        }
        sample.take(number, &bytes, mend);
    });
    assert!(sample.is_whole(), "what was changed was not put back");
    assert!(memory() < MEMORY_MAX, "it took {} MiB", memory() >> 20);
}
