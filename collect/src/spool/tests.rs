//! What a spool keeps over kills at any byte, when it is full, and when it is damaged.

use std::collections::BTreeMap;
use std::future::{pending, ready};
use std::path::PathBuf;

use ingest::pipeline::{Parcel, Positions as _, Spool as _};
use ingest::relay::{self, Piece};
use ledger::AppendError;
use proptest::prelude::*;
use tempfile::TempDir;

use super::frame::{self, ParcelHead, SEGMENT_HEAD};
use super::{Damage, Spool};
use crate::limits::SPOOL_BYTES_MIN;

/// A parcel of these records.
fn parcel(collector: &str, records: &[String], position: u64) -> Parcel {
    let mut frames = Vec::new();
    for record in records {
        Piece::Record(1, record.as_bytes()).encode(&mut frames);
    }
    let positions = BTreeMap::from([(collector.as_bytes().to_vec(), position.to_string().into_bytes())]);
    Parcel { collector: collector.to_owned(), frames, numbers: records.len() as u64, positions }
}

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Appends and waits until it is durable.
fn append(spool: &Spool, parcel: Parcel) -> Result<(), AppendError> {
    block(async { spool.queue(parcel, Box::pin(ready(()))).await?.await.unwrap_or(Err(AppendError::Stopped)) })
}

/// The numbered records of a body that begins with this number; a number without a record has none.
fn records(first: u64, mut body: &[u8]) -> Vec<(u64, String)> {
    let (mut number, mut found) = (first, Vec::new());
    while let Some((frame, length)) = relay::frame(body).unwrap() {
        let piece = Piece::decode(frame).unwrap();
        if let Piece::Record(_, bytes) = piece {
            found.push((number, String::from_utf8(bytes.to_vec()).unwrap()));
        }
        number += piece.numbers();
        body = &body[length..];
    }
    found
}

/// Everything that is not acknowledged, read a piece at a time and acknowledged.
fn drain(spool: &Spool, collector: &str, bytes: usize, numbers: u64) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    while let Some(bundle) = spool.read(collector, bytes, numbers).unwrap() {
        assert!(bundle.end > bundle.first);
        all.extend(records(bundle.first, &bundle.body));
        spool.acknowledge(collector, bundle.end, "mark").unwrap();
    }
    all
}

fn open(directory: &TempDir) -> Spool {
    Spool::open(&directory.path().join("spool"), SPOOL_BYTES_MIN).unwrap()
}

/// The files of segments, in order.
fn segments(directory: &TempDir) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory.path().join("spool/segments")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

#[derive(Debug, Clone)]
enum Act {
    /// Append so many records of so many bytes to this collector.
    Append(usize, usize, usize),
    /// The server recorded so many of this collector, and the answer arrived.
    Deliver(usize, u64),
    /// Kill the process in the middle of a write: so much of it reached the disk, in thousandths, with its beginning or without.
    Kill(u64, bool),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        4 => (0..2_usize, 1..6_usize, prop_oneof![1..200_usize, Just(700_000)]).prop_map(|(of, n, len)| Act::Append(of, n, len)),
        2 => (0..2_usize, 1..9_u64).prop_map(|(of, n)| Act::Deliver(of, n)),
        2 => (0..=1_000_u64, any::<bool>()).prop_map(|(share, begun)| Act::Kill(share, begun)),
    ];
    prop::collection::vec(act, 1..24)
}

/// A record of which nobody was told that it is durable. It may be, as a whole and once: the source asks, or sends it again.
const UNTOLD: &str = "never acknowledged";

/// Leaves behind what a kill leaves: a part of the next write, and perhaps zeros where its beginning belongs.
fn tear(directory: &TempDir, spool: &Spool, share: u64, has_begun: bool) {
    let Some(path) = segments(directory).pop() else { return };
    let mut bytes = std::fs::read(&path).unwrap();
    let number = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let (at, seed, mut torn) = (bytes.len() as u64, spool.shared.identity.seed(number), Vec::new());
    let (_, next) = spool.numbers("a");
    for first in [next, next + 1] {
        let mut frames = Vec::new();
        Piece::Record(1, UNTOLD.as_bytes()).encode(&mut frames);
        let head = ParcelHead { collector: "a", first, numbers: 1 };
        let place = at + torn.len() as u64;
        frame::write(&mut torn, seed, place, at, &frame::parcel(head, &BTreeMap::new(), &frames));
    }
    // Its end is missing, or its beginning.
    let kept = (torn.len() as u64 - 1) * share / 1_000;
    if has_begun {
        torn.truncate(kept as usize);
    } else {
        torn[..16].fill(0);
    }
    bytes.extend(torn);
    std::fs::write(&path, bytes).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_was_acknowledged_to_a_sender_is_delivered_once_over_kills_at_any_byte(acts in acts()) {
        let directory = tempfile::tempdir().unwrap();
        let (mut spool, names) = (open(&directory), ["a", "b"]);
        let mut written: [Vec<String>; 2] = Default::default();
        let mut delivered: [Vec<String>; 2] = Default::default();
        let mut next = [0_u64; 2];
        for (at, act) in acts.into_iter().enumerate() {
            match act {
                Act::Append(of, count, length) => {
                    let new: Vec<String> = (0..count).map(|n| format!("{at}/{n}/{}", "x".repeat(length))).collect();
                    match append(&spool, parcel(names[of], &new, at as u64)) {
                        Ok(()) => written[of].extend(new),
                        Err(error) => {
                            let is_full = matches!(error, AppendError::Full { .. });
                            prop_assert!(is_full, "{error}");
                        }
                    }
                }
                Act::Deliver(of, count) => {
                    if let Some(bundle) = spool.read(names[of], 1 << 20, count).unwrap() {
                        let records = records(bundle.first, &bundle.body);
                        prop_assert_eq!(bundle.first, next[of]);
                        delivered[of].extend(records.into_iter().map(|(_, record)| record));
                        next[of] = bundle.end;
                        spool.acknowledge(names[of], bundle.end, "mark").unwrap();
                    }
                }
                Act::Kill(share, has_begun) => {
                    spool.stop();
                    tear(&directory, &spool, share, has_begun);
                    drop(spool);
                    spool = open(&directory);
                    prop_assert_eq!(spool.damages(), &[] as &[Damage]);
                }
            }
        }
        for (of, name) in names.into_iter().enumerate() {
            delivered[of].extend(drain(&spool, name, 100_000, u64::MAX).into_iter().map(|(_, record)| record));
            delivered[of].retain(|record| record != UNTOLD);
            prop_assert!(delivered[of] == written[of], "{name}: {} of {}", delivered[of].len(), written[of].len());
        }
        spool.stop();
    }

    #[test]
    fn positions_come_with_their_records_and_outlive_them(acts in acts()) {
        let directory = tempfile::tempdir().unwrap();
        let (mut spool, mut last) = (open(&directory), BTreeMap::new());
        for (at, act) in acts.into_iter().enumerate() {
            match act {
                Act::Append(of, count, length) => {
                    let name = ["a", "b"][of];
                    let new: Vec<String> = (0..count).map(|n| format!("{n}{}", "x".repeat(length))).collect();
                    if append(&spool, parcel(name, &new, at as u64)).is_ok() {
                        last.insert(name.as_bytes().to_vec(), at.to_string().into_bytes());
                    }
                }
                Act::Deliver(of, _) => drop(drain(&spool, ["a", "b"][of], 1 << 20, u64::MAX)),
                Act::Kill(share, has_begun) => {
                    spool.stop();
                    tear(&directory, &spool, share, has_begun);
                    drop(spool);
                    spool = open(&directory);
                }
            }
            prop_assert_eq!(&spool.inputs(), &last);
        }
        spool.stop();
    }

    #[test]
    fn damage_is_named_and_the_rest_is_read(place in 0.0..1.0_f64, bit in 0..8_u32) {
        let directory = tempfile::tempdir().unwrap();
        let spool = open(&directory);
        let written: Vec<String> = (0..12).map(|n| format!("record {n}")).collect();
        for record in &written {
            append(&spool, parcel("a", std::slice::from_ref(record), 1)).unwrap();
        }
        spool.stop();
        let path = segments(&directory).pop().unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        // The last frame alone cannot be told from what a crash left.
        let last = bytes.len() - last_frame(&bytes, spool.shared.identity.seed(1));
        let at = (place * last as f64) as usize;
        bytes[at] ^= 1 << bit;
        std::fs::write(&path, &bytes).unwrap();
        drop(spool);
        let spool = open(&directory);
        let [damage] = spool.damages() else { panic!("{:?}", spool.damages()) };
        prop_assert!(damage.path == path && damage.bytes.contains(&(at as u64)), "{damage} {at}");
        let read = drain(&spool, "a", 1 << 20, u64::MAX);
        prop_assert!(read.len() + 1 >= written.len());
        for (number, record) in &read {
            prop_assert_eq!(record, &written[*number as usize]);
        }
        // And what comes after it gets numbers that were not used.
        append(&spool, parcel("a", &["later".to_owned()], 2)).unwrap();
        prop_assert_eq!(drain(&spool, "a", 1 << 20, u64::MAX), [(12, "later".to_owned())]);
        spool.stop();
    }
}

/// How long the last frame of the first segment is.
fn last_frame(bytes: &[u8], seed: u64) -> usize {
    let (mut at, mut last) = (SEGMENT_HEAD, 0);
    while let Some((_, _, length)) = frame::read(&bytes[at..], seed, at as u64) {
        (at, last) = (at + length, length);
    }
    last
}

#[test]
fn a_full_spool_waits_and_says_so_and_takes_again_what_is_freed() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(&directory);
    let large = ["x".repeat(900_000)];
    let mut count = 0;
    let error = loop {
        match append(&spool, parcel("a", &large, count)) {
            Ok(()) => count += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, AppendError::Full { .. }), "{error}");
    assert!((12..20).contains(&count), "{count}");
    let (bytes, bytes_max) = spool.size();
    assert!(bytes <= bytes_max);
    // Somebody who can wait is served as soon as a segment is delivered.
    let (waiting, other) = (spool.clone(), parcel("a", &large, 99));
    let waiter = std::thread::spawn(move || {
        block(async { waiting.queue(other, Box::pin(pending())).await?.await.unwrap_or(Err(AppendError::Stopped)) })
    });
    let read = drain(&spool, "a", 1 << 20, u64::MAX);
    waiter.join().unwrap().unwrap();
    let rest = drain(&spool, "a", 1 << 20, u64::MAX);
    assert_eq!((read.len() + rest.len()) as u64, count + 1);
    assert!(spool.size().0 < bytes / 2);
    spool.stop();
}

#[test]
fn a_refused_write_loses_and_doubles_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(&directory);
    append(&spool, parcel("a", &["one".to_owned()], 1)).unwrap();
    // The next segment cannot be made: its directory is gone.
    let (place, away) = (directory.path().join("spool/segments"), directory.path().join("away"));
    let large = ["x".repeat(1_000_000)];
    for position in 0..3 {
        append(&spool, parcel("a", &large, position)).unwrap();
    }
    std::fs::rename(&place, &away).unwrap();
    let error = append(&spool, parcel("a", &large, 9)).unwrap_err();
    assert!(matches!(error, AppendError::WriteRefused { .. }), "{error}");
    std::fs::rename(&away, &place).unwrap();
    append(&spool, parcel("a", &["two".to_owned()], 10)).unwrap();
    let read = drain(&spool, "a", 1 << 20, u64::MAX);
    assert_eq!((read.len(), read[0].1.as_str(), read[4].1.as_str()), (5, "one", "two"));
    spool.stop();
}

#[test]
fn one_process_has_it_and_its_name_belongs_to_its_segments() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(&directory);
    let path = directory.path().join("spool");
    assert!(Spool::open(&path, SPOOL_BYTES_MIN).err().unwrap().to_string().contains("another process"));
    append(&spool, parcel("a", &["one".to_owned()], 1)).unwrap();
    let producer = spool.producer("a");
    assert_ne!(producer, spool.producer("b"));
    spool.stop();
    drop(spool);
    let spool = open(&directory);
    assert_eq!((spool.producer("a"), spool.numbers("a")), (producer, (0, 1)));
    spool.stop();
    drop(spool);
    std::fs::remove_file(path.join("identity.json")).unwrap();
    assert!(Spool::open(&path, SPOOL_BYTES_MIN).err().unwrap().to_string().contains("missing beside segments"));
}

#[test]
fn what_records_continue_comes_with_each_bundle() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(&directory);
    for (name, record) in [("x", "1"), ("x", "2"), ("y", "3")] {
        let mut all = parcel("a", &[record.to_owned()], 1);
        let mut lineage = Vec::new();
        Piece::Lineage(vec![(true, name)]).encode(&mut lineage);
        all.frames = [lineage, all.frames].concat();
        append(&spool, all).unwrap();
    }
    append(&spool, parcel("a", &["4".to_owned()], 1)).unwrap();
    let lineages = |numbers: u64| {
        let bundle = spool.read("a", 1 << 20, numbers).unwrap().unwrap();
        let (mut body, mut names) = (&bundle.body[..], Vec::new());
        while let Some((frame, length)) = relay::frame(body).unwrap() {
            if let Piece::Lineage(lineage) = Piece::decode(frame).unwrap() {
                names.push(lineage.first().map_or(String::new(), |(_, name)| (*name).to_owned()));
            }
            body = &body[length..];
        }
        names
    };
    assert_eq!(lineages(u64::MAX), ["x", "y", ""]);
    spool.acknowledge("a", 1, "mark").unwrap();
    assert_eq!(lineages(1), ["x"]);
    spool.stop();
}
