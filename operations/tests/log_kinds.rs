//! What the log writes about itself is what the list of kinds reads: the ledger knows nothing of that list.

// Tests stop at the first thing that they did not expect; the lints are for code that users run.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use ledger::operations::column;
use ledger::{AppendError, Entry, Group, Ledger, Options, ReadLimit, Rejected, Seq, Store};
use operations::kind::Kind;
use operations::kind::log::{MANIFEST, TORN};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Compares every record of a kind with what its codec makes of it, and returns how many there are.
fn compared<R: Serialize + DeserializeOwned>(store: &Store, kind: &Kind<R>) -> usize {
    let (reader, mut from, mut found) = (store.operations().reader(), Seq::FIRST, 0);
    while from < reader.durable().unwrap().next_seq {
        let rows = reader.read(from, false, ReadLimit { rows: 10_000, bytes: 1 << 24 }).unwrap();
        for row in rows.iter().filter(|row| kind.is_of(row)) {
            let written: serde_json::Value = serde_json::from_str(row.text(column::RECORD).unwrap()).unwrap();
            let read = kind.read(&row).map(|record| serde_json::to_value(record).unwrap());
            assert_eq!(read, Some(written), "{}", row.position);
            assert!(matches!(row.text(column::SUBJECT), Some("events/0" | "operations/0")));
            found += 1;
        }
        from = rows.next_seq;
    }
    found
}

fn append(ledger: &Ledger, table: &'static ledger::Table, entries: usize) {
    let mut group = Group::new(table);
    for _ in 0..entries {
        let mut entry = Entry::new();
        entry.set_json(table.by_name("kind").unwrap(), &"test".into()).unwrap();
        group.push(&entry).unwrap();
    }
    loop {
        match ledger.appender().try_append(group) {
            Ok(pending) => {
                pending.wait().unwrap();
                return;
            }
            // The sealer has its turn later than others.
            Err(Rejected { group: back, error: AppendError::Full { .. } }) => group = back,
            Err(rejected) => panic!("{rejected:?}"),
        }
        std::thread::yield_now();
    }
}

/// Waits until so many batches are signed.
fn signed(ledger: &Ledger, batches: u64) {
    let size = || ledger.reader().checkpoint().unwrap().and_then(|note| note.lines().nth(1)?.parse::<u64>().ok());
    while size().is_none_or(|size| size < batches) {
        std::thread::yield_now();
    }
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            copy(&from.join(&name), &to.join(&name));
        }
    } else if !from.ends_with("control.sock") {
        fs::copy(from, to).unwrap();
    }
}

#[test]
fn manifests_are_read_as_the_sealer_writes_them() {
    let dir = tempfile::tempdir().unwrap();
    Store::init(dir.path(), "acme.example/agents").unwrap();
    let options = Options { segment_entries_max: 10, reserve_bytes: 0, ..Options::default() };
    let store = Store::open(dir.path(), options).unwrap();
    for _ in 0..3 {
        append(store.events(), &ledger::events::TABLE, 20);
    }
    while store.events().status().segments < 2 || compared(&store, &MANIFEST) < 2 {
        std::thread::yield_now();
    }
    store.stop();
}

#[test]
fn what_a_torn_copy_lost_is_read_as_its_start_writes_it() {
    let (dir, torn) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    Store::init(dir.path(), "acme.example/agents").unwrap();
    let options = || Options { reserve_bytes: 0, ..Options::default() };
    let store = Store::open(dir.path(), options()).unwrap();
    append(store.events(), &ledger::events::TABLE, 1);
    signed(store.events(), 1);
    // One ledger is copied, then both go on, then the rest is copied.
    copy(&dir.path().join("events"), &torn.path().join("events"));
    for batches in 2..5 {
        append(store.events(), &ledger::events::TABLE, 1);
        signed(store.events(), batches);
        append(store.operations(), &ledger::operations::TABLE, 1);
        signed(store.operations(), batches);
    }
    for name in ["identity", "lock", "keys", "operations", "events/0/checkpoint"] {
        copy(&dir.path().join(name), &torn.path().join(name));
    }
    store.stop();
    let store = Store::open(torn.path(), options()).unwrap();
    assert_eq!(compared(&store, &TORN), 1);
    store.stop();
}
