//! Manifests round trip, the newest wins, and what was changed is found.

use proptest::prelude::*;

use super::*;
use crate::blobs::LocalBlobs;
use std::path::Path;

fn segment(first_seq: u64, rows: u64, first_batch: u64) -> SegmentEntry {
    let stem = segment::stem(first_seq, first_seq + rows, first_batch);
    let files = FileKind::ALL.map(|kind| FileEntry {
        kind,
        name: format!("{stem}.{}", kind.extension()),
        size: segment::sidecar::size(kind, 1).unwrap_or(7) as u64,
        rows,
        sha256: Digest([9; 32]),
    });
    SegmentEntry {
        first_seq,
        end_seq: first_seq + rows,
        first_batch,
        end_batch: first_batch + 1,
        recorded: (-5, 5),
        time: (rows > 0).then_some((i64::MIN, i64::MAX)),
        files: files.to_vec(),
    }
}

fn manifest(number: u64, rows: &[u64]) -> Manifest {
    let mut manifest = Manifest::first(LedgerName::Events, 0, "acme.example/agents/events/0/0", 0);
    manifest.number = number;
    manifest.wal = WalPosition { file: 3, offset: 99 };
    manifest.previous = (number > 0).then_some(Digest([number as u8; 32]));
    for rows in rows {
        manifest.segments.push(segment(manifest.end_seq(), *rows, manifest.end_batch()));
    }
    manifest
}

proptest! {
    #[test]
    fn manifests_round_trip(number in 0..i64::MAX.cast_unsigned(), rows in prop::collection::vec(0_u64..9, 0..5)) {
        let manifest = manifest(number, &rows);
        let bytes = file::encode(&manifest);
        prop_assert_eq!(decode(Path::new("m"), &bytes).expect("sound"), manifest);
    }

    #[test]
    fn any_changed_byte_is_found(at: prop::sample::Index, bit in 0_u8..8) {
        let mut bytes = file::encode(&manifest(4, &[3, 0, 2]));
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        // Hexadecimal digits of the last line may change their case: that says the same.
        if let Ok(read) = decode(Path::new("m"), &bytes) {
            prop_assert_eq!(read, manifest(4, &[3, 0, 2]));
            prop_assert!(bit == 5 && at >= bytes.len() - 65);
        }
    }

    #[test]
    fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(decode(Path::new("m"), &bytes).is_err());
    }
}

/// Puts a changed first line under a fresh hash, as somebody who knows the format would.
fn rehashed(from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(file::encode(&manifest(4, &[3, 2]))).expect("text");
    let line = text.lines().next().expect("a line").replacen(from, to, 1) + "\n";
    format!("{line}sha256 {}\n", Digest::of(&[], &[line.as_bytes()])).into_bytes()
}

#[test]
fn what_cannot_be_used_says_why() {
    let check = |bytes: &[u8], want: &str| {
        let error = decode(Path::new("m"), bytes).expect_err("refused").to_string();
        assert!(error.contains(want), "{error}");
    };
    check(b"", "not a Tachograph manifest");
    check(b"{\"kind\":\"other\"}\n", "not a Tachograph manifest");
    check(&rehashed("\"format\":1", "\"format\":2"), "format 2, and this version reads up to 1");
    check(&rehashed("\"shard\":0", "\"shards\":0"), "unknown field");
    check(&rehashed("\"events\"", "\"elsewhere\""), "neither events nor operations");
    check(&rehashed("segment/0", "../0"), "has a file named");
    check(&rehashed("3-00000000000000000000.facts", "4-00000000000000000000.facts"), "has a file named");
    check(&rehashed("\"end_batch\":2", "\"end_batch\":1000000000"), "cannot hold 999999999 batches");
    check(&rehashed("\"end_batch\":2", &format!("\"end_batch\":{}", u64::MAX)), "cannot hold");
    check(&rehashed("\"number\":4", &format!("\"number\":{}", u64::MAX)), "nothing can follow");
    check(&rehashed("\"first_seq\":3", "\"first_seq\":4"), "starts at 4 instead of 3");
    check(&rehashed("\"kind\":\"state\"", "\"kind\":\"inputs\""), "2 files of kind Inputs");
    let whole = file::encode(&manifest(4, &[3]));
    check(&whole[..whole.len() - 1], "cut off or changed");
}

#[test]
fn the_newest_wins_and_only_a_few_are_kept() {
    let directory = tempfile::tempdir().expect("a directory");
    let blobs = LocalBlobs::new(directory.path());
    assert_eq!(newest(&blobs).expect("listed"), None);
    let mut manifest = manifest(0, &[]);
    manifest.put(&blobs).expect("stored");
    assert!(manifest.put(&blobs).expect_err("taken").is_taken());
    for _ in 0..MANIFESTS_KEPT + 3 {
        let next = manifest.next();
        assert_eq!(next.previous, Some(manifest.hash()));
        next.put(&blobs).expect("stored");
        manifest = next;
    }
    assert_eq!(newest(&blobs).expect("readable"), Some(manifest.clone()));
    assert_eq!(blobs.list(FOLDER).expect("listed").len() as u64, MANIFESTS_KEPT);
    std::fs::write(blobs.path(&file_name(manifest.number + 1)), b"{}").expect("written");
    assert!(matches!(newest(&blobs), Err(LedgerError::Foreign { .. })), "a damaged newest one hides nothing");
}

#[test]
fn a_manifest_under_the_wrong_number_is_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let blobs = LocalBlobs::new(directory.path());
    blobs.put(&file_name(8), &file::encode(&manifest(7, &[]))).expect("stored");
    assert!(matches!(newest(&blobs), Err(LedgerError::Corrupt { .. })));
}
