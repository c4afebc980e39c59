//! Verification from outside: a sound directory is verified, and one changed byte in any file is found and named.

// A test that meets what it does not expect should stop there and say so.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};

use ledger::events::column;
use ledger::{Entry, Group, LedgerName, Options, Store, Table, Timestamp};
use ledger_verify::{Report, Verdict, verify};
use proof::note::{Signer, Verifier};

/// Makes a directory with sealed segments, a hot WAL and both ledgers.
async fn data(root: &Path) -> (PathBuf, Verifier) {
    let data = root.join("data");
    let identity = Store::init(&data, "acme.example/agents").expect("made");
    for round in 0..2_i64 {
        let options = Options { reserve_bytes: 0, segment_entries_max: 150, ..Options::default() };
        let store = Store::open(&data, options).expect("opened");
        for number in 0..47_i64 {
            let mut group = Group::new(Table::of(LedgerName::Events));
            let mut entry = Entry::new();
            for row in 0..10 {
                entry.clear();
                entry.set_time(column::TIME, Timestamp::from_unix_micros(1_789_000_000_000_000 + number * 10 + row));
                entry.set_text(column::KIND, "egress.http");
                entry.set_text(column::SESSION, &format!("session-{}", row % 3));
                entry.set_text(column::RECORD, &format!("{{\"n\":{number},\"row\":{row},\"round\":{round}}}"));
                if row % 4 == 0 {
                    entry.set_text(column::CONTENT, &format!("{{\"prompt\":\"{number}\"}}"));
                }
                group.push(&entry).expect("small");
            }
            group.input("tail:test", number.to_be_bytes());
            store.events().appender().append(group).await.expect("durable");
        }
        store.stop();
    }
    (data, Verifier::parse(&identity.key).expect("a key"))
}

fn check(data: &Path, key: &Verifier) -> Report {
    verify(data, Some(key), &mut |_| {}).expect("a ledger")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).expect("listed") {
        let path = entry.expect("listed").path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

#[tokio::test]
async fn one_changed_byte_is_found_and_named_in_every_file() {
    let dir = tempfile::tempdir().expect("a directory");
    let (data, key) = data(dir.path()).await;
    let report = check(&data, &key);
    assert_eq!(report.verdict(), Verdict::Verified, "{report:#?}");
    assert!(report.events >= 940 && report.segments >= 4 && report.batches > 0, "{report:?}");

    let newest = |folder: &str| files(&data.join(folder)).pop().expect("a file");
    let kept: Vec<PathBuf> = [newest("events/0/manifest"), newest("events/0/wal"), newest("operations/0/wal")].into();
    let mut kinds = std::collections::BTreeSet::new();
    for path in files(&data) {
        let name = path.strip_prefix(&data).expect("inside").to_string_lossy().into_owned();
        let manifest_or_wal = name.contains("/manifest/") || name.contains("/wal/");
        // Older manifests are kept for readers only; keys other than the checkpoint's public one prove nothing.
        if name.starts_with("keys/") || name == "lock" || manifest_or_wal && !kept.contains(&path) {
            continue;
        }
        kinds.insert(name.rsplit(['.', '/']).next().unwrap_or_default().to_owned());
        let bytes = fs::read(&path).expect("read");
        // The end of a WAL file is not provable yet after a crash, so a change there may look like a torn tail.
        let end = if name.contains("/wal/") { bytes.len() - 600 } else { bytes.len() };
        for at in [0, 9, end / 3, end / 2, end * 9 / 10, end - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 0x20;
            fs::write(&path, &changed).expect("written");
            let report = check(&data, &key);
            assert_eq!(report.verdict(), Verdict::Tampered, "{name}, byte {at}: {report:#?}");
            let file = path.file_name().expect("a name").to_string_lossy().into_owned();
            let named = report.faults.iter().any(|fault| fault.to_string().contains(&file));
            assert!(named, "{name}, byte {at} is not named: {:#?}", report.faults);
        }
        fs::write(&path, &bytes).expect("restored");
    }
    for kind in ["parquet", "headers", "inputs", "secrets", "state", "wal", "checkpoint", "identity"] {
        assert!(kinds.contains(kind), "{kind} was not tried: {kinds:?}");
    }
    assert_eq!(check(&data, &key).verdict(), Verdict::Verified, "everything was restored");
}

#[tokio::test]
async fn what_is_taken_away_is_missed() {
    let dir = tempfile::tempdir().expect("a directory");
    let (data, key) = data(dir.path()).await;
    let find = |report: &Report, words: &str| report.faults.iter().any(|fault| fault.to_string().contains(words));

    // The files of the last segment.
    let segment = files(&data.join("events/0/segment"));
    let last = segment.last().expect("segments").file_name().expect("a name").to_string_lossy().into_owned();
    let stem = last.split('.').next().expect("a stem").to_owned();
    let gone: Vec<(PathBuf, Vec<u8>)> = segment
        .iter()
        .filter(|path| path.to_string_lossy().contains(&stem))
        .map(|p| (p.clone(), fs::read(p).expect("read")))
        .collect();
    for (path, _) in &gone {
        fs::remove_file(path).expect("removed");
    }
    let report = check(&data, &key);
    assert!(report.verdict() == Verdict::Tampered && find(&report, "missing"), "{report:#?}");
    for (path, bytes) in &gone {
        fs::write(path, bytes).expect("restored");
    }

    // The newest WAL file: what the checkpoint was signed over is no longer there.
    let wal = files(&data.join("events/0/wal")).pop().expect("a file");
    let bytes = fs::read(&wal).expect("read");
    fs::remove_file(&wal).expect("removed");
    let report = check(&data, &key);
    assert!(report.verdict() == Verdict::Tampered && find(&report, "cut or rolled back"), "{report:#?}");
    fs::write(&wal, &bytes).expect("restored");

    // The checkpoint: nothing contradicts what is there, and nothing proves that it is all.
    let checkpoint = data.join("events/0/checkpoint");
    let bytes = fs::read(&checkpoint).expect("read");
    fs::remove_file(&checkpoint).expect("removed");
    assert_eq!(check(&data, &key).verdict(), Verdict::CouldNotCheck);
    fs::write(&checkpoint, &bytes).expect("restored");
    assert_eq!(check(&data, &key).verdict(), Verdict::Verified);
}

#[tokio::test]
async fn another_key_and_an_unpinned_key_are_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let (data, _) = data(dir.path()).await;
    let other = Signer::new("acme.example/agents", &[9; 32]).expect("a name");
    let report = check(&data, other.verifier());
    assert_eq!(report.verdict(), Verdict::Tampered, "{report:#?}");
    let report = verify(&data, None, &mut |_| {}).expect("a ledger");
    assert_eq!(report.verdict(), Verdict::Verified);
    assert!(report.notes.iter().any(|note| note.contains("not pinned")), "{report:#?}");
}

#[tokio::test]
async fn a_ledger_that_is_being_written_is_no_fault() {
    let dir = tempfile::tempdir().expect("a directory");
    let (data, key) = data(dir.path()).await;
    let options = Options { reserve_bytes: 0, segment_entries_max: 50, ..Options::default() };
    let store = Store::open(&data, options).expect("opened");
    let appender = store.events().appender();
    let writer = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        for _ in 0..200 {
            let mut entry = Entry::new();
            entry.set_text(column::KIND, "prompt");
            let mut group = Group::new(Table::of(LedgerName::Events));
            group.push(&entry).expect("small");
            runtime.block_on(appender.append(group)).expect("durable");
        }
    });
    while !writer.is_finished() {
        let report = check(&data, &key);
        assert_eq!(report.verdict(), Verdict::Verified, "{report:#?}");
    }
    writer.join().expect("no panic");
}
