//! The store from outside: what is acknowledged is there, in order, once, over restarts and torn tails; damage is named.

// A test that meets what it does not expect should stop there and say so.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ledger::events::column;
use ledger::{
    AppendError, Digest, Entry, Follower, Group, LedgerError, LedgerName, Options, Provable, ReadLimit, Reader, Seq,
    Store, Table, Timestamp, limits,
};
use proof::tree;

const ALL: ReadLimit = ReadLimit { rows: 1_000, bytes: 1 << 20 };

fn options() -> Options {
    Options { reserve_bytes: 0, ..Options::default() }
}

fn group(numbers: std::ops::Range<i64>) -> Group {
    let mut group = Group::new(Table::of(LedgerName::Events));
    let mut entry = Entry::new();
    for number in numbers.clone() {
        entry.clear();
        entry.set_integer(column::STATUS, number);
        entry.set_text(column::KIND, "egress.http");
        entry.set_text(column::RECORD, &format!("{{\"number\":{number}}}"));
        if number % 3 == 0 {
            entry.set_text(column::CONTENT, "{\"prompt\":\"hello\"}");
        }
        group.push(&entry).expect("small");
    }
    group.input("tail:test", numbers.end.to_be_bytes());
    group
}

fn data() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    Store::init(&data, "acme.example/agents").expect("made");
    (dir, data)
}

/// The numbers of all rows, read through `reader`.
fn numbers(reader: &Reader) -> Vec<i64> {
    let (mut all, mut from) = (Vec::new(), Seq::FIRST);
    loop {
        let rows = reader.read(from, true, ALL).expect("readable");
        if rows.is_empty() {
            return all;
        }
        for row in rows.iter() {
            assert_eq!(row.position.seq, Seq::new(all.len() as u64), "positions have no gap");
            assert_eq!(row.text(column::CONTENT).is_some(), row.integer(column::STATUS).expect("set") % 3 == 0);
            all.extend(row.integer(column::STATUS));
        }
        from = rows.next_seq;
    }
}

fn wal_files(data: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(data.join("events/0/wal")).expect("listed").map(|entry| entry.expect("listed").path()).collect();
    files.sort();
    files
}

#[test]
fn what_is_acknowledged_is_there_after_a_restart_and_for_other_processes() {
    let (_dir, data) = data();
    let store = Store::open(&data, options()).expect("opened");
    let appender = store.events().appender();
    let mut pending = Vec::new();
    for start in 0..100 {
        pending.push(appender.try_append(group(start * 10..start * 10 + 10)).expect("room"));
    }
    for (index, pending) in pending.into_iter().enumerate() {
        let receipt = pending.wait().expect("durable");
        assert_eq!((receipt.first.seq, receipt.count), (Seq::new(index as u64 * 10), 10));
    }
    let want: Vec<i64> = (0..1_000).collect();
    assert_eq!(numbers(&store.events().reader()), want);
    assert_eq!(numbers(&Reader::open(&data, LedgerName::Events).expect("opened")), want);
    assert!(matches!(Store::open(&data, options()), Err(LedgerError::Locked { .. })));
    store.stop();
    assert!(matches!(appender.try_append(group(0..1)), Err(rejected) if rejected.error == AppendError::Stopped));

    let store = Store::open(&data, options()).expect("opened again");
    assert_eq!(numbers(&store.events().reader()), want);
    assert_eq!(store.events().inputs().get(b"tail:test".as_slice()), Some(&1_000_i64.to_be_bytes().to_vec()));
    let receipt = store.events().appender().try_append(group(1_000..1_001)).expect("room").wait().expect("durable");
    assert_eq!(receipt.first.seq, Seq::new(1_000));
}

#[test]
fn a_reader_in_another_process_sees_what_is_added_later() {
    let (_dir, data) = data();
    let reader = Reader::open(&data, LedgerName::Events).expect("opened before the first start");
    assert_eq!(numbers(&reader), Vec::<i64>::new());
    let store = Store::open(&data, options()).expect("opened");
    for start in 0..5 {
        store.events().appender().try_append(group(start..start + 1)).expect("room").wait().expect("durable");
        assert_eq!(numbers(&reader), (0..=start).collect::<Vec<_>>());
    }
    let snapshot = reader.snapshot().expect("a view");
    assert_eq!((snapshot.next_seq, snapshot.tail.iter().map(|block| block.len()).sum::<usize>()), (Seq::new(5), 5));
    let schema = ledger::arrow_schema(reader.table());
    let wanted = [schema.index_of("seq").expect("there"), schema.index_of("record").expect("there")];
    for block in &snapshot.tail {
        let batch = block.batch(&wanted).expect("columns");
        assert_eq!((batch.num_rows(), batch.num_columns()), (block.len(), 2));
    }
}

#[test]
fn a_torn_tail_is_cut_and_durable_damage_is_named() {
    let (_dir, data) = data();
    let store = Store::open(&data, options()).expect("opened");
    for start in 0..4 {
        store.events().appender().try_append(group(start..start + 1)).expect("room").wait().expect("durable");
    }
    store.stop();
    let path = wal_files(&data).pop().expect("one file");
    let whole = fs::read(&path).expect("read");

    // Bytes that follow the last commit were never acknowledged, whatever they are.
    let mut torn = whole.clone();
    torn.extend_from_slice(&whole[100..300]);
    fs::write(&path, &torn).expect("written");
    let store = Store::open(&data, options()).expect("a torn tail is no damage");
    assert_eq!(numbers(&store.events().reader()), [0, 1, 2, 3]);
    store.stop();

    // A changed byte before a commit that says that everything before it was synced.
    let mut changed = fs::read(&path).expect("read");
    changed[200] ^= 1;
    fs::write(&path, &changed).expect("written");
    let error = Store::open(&data, options()).expect_err("damage");
    assert!(matches!(&error, LedgerError::Corrupt { place, .. } if place.contains("offset")), "{error}");

    // A file that was cut behind what the checkpoint was signed over.
    fs::write(&path, &whole[..150]).expect("written");
    let error = Store::open(&data, options()).expect_err("cut");
    assert!(error.to_string().contains("rolled back"), "{error}");
}

/// Bytes that nothing compresses.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()
    });
    words.flatten().take(length).collect()
}

#[test]
fn the_largest_group_is_recorded_and_read_and_a_larger_one_is_refused() {
    let (_dir, data) = data();
    let store = Store::open(&data, options()).expect("opened");
    let value = noise(limits::VALUE_BYTES_MAX);
    let mut group = Group::new(Table::of(LedgerName::Events));
    let mut entry = Entry::new();
    let small = value.chunks(limits::GROUP_BYTES_MAX / limits::GROUP_ENTRIES_MAX - 16).zip(1..);
    for (value, number) in small.take(limits::GROUP_ENTRIES_MAX - 1) {
        entry.clear();
        entry.set_integer(column::STATUS, number);
        entry.set_bytes(column::CONTENT_RAW, value);
        group.push(&entry).expect("small");
    }
    assert!(!group.is_full());
    // As large as an entry may be.
    entry.clear();
    entry.set_bytes(column::CUTS, &value);
    entry.set_bytes(column::CONTENT_RAW, &value);
    group.push(&entry).expect("as large as any");
    for number in 0..512_u16 {
        group.input([&number.to_be_bytes(), &value[..4_094]].concat(), &value[..4_096]);
    }
    assert!(group.is_full());
    let receipt = store.events().appender().try_append(group).expect("taken").wait().expect("durable");
    assert_eq!(receipt.count as usize, limits::GROUP_ENTRIES_MAX);

    let mut larger = Group::new(Table::of(LedgerName::Events));
    (0..2).for_each(|_| larger.push(&entry).expect("each is as large as any"));
    let refused = store.events().appender().try_append(larger).expect_err("a block that nobody would read");
    assert_eq!(refused.error, AppendError::InvalidGroup("it has too many bytes"));
    store.stop();

    // Nothing of it is smaller in the commit, which whoever reads it again believes.
    let path = wal_files(&data).pop().expect("one file");
    assert!(fs::metadata(path).expect("there").len() > 23 << 20);
    let report = ledger_verify::verify(&data, None, &mut |_| {}).expect("a ledger");
    assert_eq!((report.faults.len(), report.events), (0, limits::GROUP_ENTRIES_MAX as u64));
    let store = Store::open(&data, options()).expect("opened again");
    let last = Seq::new(limits::GROUP_ENTRIES_MAX as u64 - 1);
    let rows = store.events().reader().read(last, true, ALL).expect("readable");
    assert_eq!(rows.iter().next().and_then(|row| row.bytes(column::CUTS).map(<[u8]>::to_vec)), Some(value));
}

#[test]
fn a_full_disk_is_a_typed_answer_and_intake_goes_on_when_there_is_space() {
    let (_dir, data) = data();
    let store = Store::open(&data, Options { reserve_bytes: u64::MAX, ..options() }).expect("opened");
    let answer = store.events().appender().try_append(group(0..1)).expect("queued").wait();
    assert!(matches!(answer, Err(AppendError::NoSpace { .. })), "{answer:?}");
    assert!(store.events().status().no_space);
}

#[tokio::test]
async fn a_follower_gets_every_row_and_the_heartbeats() {
    let (_dir, data) = data();
    let store = Store::open(&data, Options { heartbeat: Duration::from_millis(20), ..options() }).expect("opened");
    let mut follower = Follower::new(store.events().reader(), Seq::FIRST, false, ReadLimit { rows: 3, bytes: 1 << 20 });
    let appender = store.events().appender();
    for start in 0..3 {
        appender.append(group(start * 5..start * 5 + 5)).await.expect("durable");
    }
    let (mut seen, mut until) = (Vec::new(), Timestamp::EPOCH);
    while seen.len() < 15 {
        let rows = follower.next().await.expect("rows");
        seen.extend(rows.iter().filter_map(|row| row.integer(column::STATUS)));
        assert!(rows.iter().all(|row| row.part(ledger::Part::Content).is_empty()), "content was not asked for");
        until = rows.recorded_until;
    }
    assert_eq!(seen, (0..15).collect::<Vec<_>>());
    assert_eq!(follower.cursor(), Seq::new(15));
    loop {
        let rows = follower.next().await.expect("a heartbeat");
        assert!(rows.is_empty());
        if rows.recorded_until > until.saturating_add(Duration::from_millis(20)) {
            break;
        }
    }
}

#[tokio::test]
async fn a_follower_is_told_where_a_batch_ends_although_nothing_follows() {
    let (_dir, data) = data();
    let store = Store::open(&data, options()).expect("opened");
    let mut follower = Follower::new(store.events().reader(), Seq::FIRST, false, ReadLimit { rows: 3, bytes: 1 << 20 });
    let (mut whole, mut seen) = (0, 0);
    for start in 0..2 {
        store.events().appender().append(group(start * 5..start * 5 + 5)).await.expect("durable");
        let mut last = None;
        while seen < (start + 1) * 5 || last.is_none_or(|batch| batch >= whole) {
            let rows = follower.next().await.expect("rows, or the end of a batch");
            for row in rows.iter() {
                assert!(row.batch >= whole, "batch {} was said to be whole", row.batch);
                (last, seen) = (Some(row.batch), seen + 1);
            }
            whole = rows.batches_until;
        }
    }
    assert_eq!(whole, store.events().status().durable.batches);
}

#[test]
fn one_ledger_rolled_back_alone_is_seen_by_the_other() {
    let (_dir, data) = data();
    let store = Store::open(&data, options()).expect("opened");
    store.events().appender().try_append(group(0..1)).expect("room").wait().expect("durable");
    store.stop();
    let old: Vec<(PathBuf, Vec<u8>)> = wal_files(&data)
        .into_iter()
        .chain([data.join("events/0/checkpoint")])
        .map(|path| (path.clone(), fs::read(&path).expect("read")))
        .collect();
    for round in 1..4 {
        let store = Store::open(&data, options()).expect("opened");
        store.events().appender().try_append(group(round..round + 1)).expect("room").wait().expect("durable");
        // An entry in the other ledger commits to the newest checkpoint of this one when its batch is closed.
        let mut entry = Entry::new();
        entry.set_text(ledger::operations::column::KIND, "test");
        let mut operations = Group::new(Table::of(LedgerName::Operations));
        operations.push(&entry).expect("small");
        store.operations().appender().try_append(operations).expect("room").wait().expect("durable");
        store.stop();
    }
    for (path, bytes) in old {
        fs::write(path, bytes).expect("written");
    }
    let error = Store::open(&data, options()).expect_err("rolled back");
    assert!(error.to_string().contains("rolled back alone"), "{error}");
}

#[tokio::test]
async fn full_wal_files_become_segments_and_readers_do_not_notice() {
    let (_dir, data) = data();
    let small = || Options { segment_entries_max: 100, ..options() };
    let store = Store::open(&data, small()).expect("opened");
    let appender = store.events().appender();
    let (reader, foreign) = (store.events().reader(), Reader::open(&data, LedgerName::Events).expect("opened"));
    let mut written = 0;
    for start in 0..60 {
        // Appending waits while too many files are unsealed.
        appender.append(group(start * 10..start * 10 + 10)).await.expect("durable");
        written += 10;
        if start % 20 == 0 {
            assert_eq!(numbers(&foreign), (0..written).collect::<Vec<_>>());
        }
    }
    assert_eq!(numbers(&reader), (0..written).collect::<Vec<_>>());
    let snapshot = reader.snapshot().expect("a view");
    let sealed = snapshot.segments.last().map_or(0, |segment| segment.end_seq);
    let hot: u64 = snapshot.tail.iter().map(|block| block.len() as u64).sum();
    assert_eq!(sealed + hot, 600, "each row is in exactly one side");
    store.stop();

    let store = Store::open(&data, small()).expect("opened again");
    let status = store.events().status();
    assert!(status.segments >= 5, "{status:?}");
    assert!(wal_files(&data).len() <= 2, "sealed files are gone");
    assert_eq!(numbers(&store.events().reader()), (0..written).collect::<Vec<_>>());
    assert_eq!(numbers(&Reader::open(&data, LedgerName::Events).expect("opened")), (0..written).collect::<Vec<_>>());
    assert_eq!(store.events().inputs().get(b"tail:test".as_slice()), Some(&600_i64.to_be_bytes().to_vec()));
    let operations = store.operations().reader().read(Seq::FIRST, false, ALL).expect("readable");
    let manifests = operations.iter().filter(|row| row.text(ledger::operations::column::KIND) == Some("manifest"));
    assert!(manifests.count() >= 5, "every manifest is recorded");
    let reader = store.events().reader();
    let recorded = reader
        .read(Seq::new(250), false, ReadLimit { rows: 1, bytes: 1 })
        .expect("readable")
        .get(0)
        .expect("a row")
        .recorded;
    let found = reader.seq_at(recorded).expect("found");
    assert!(found <= Seq::new(250) && found.skip(10) > Seq::new(250), "{found}");
}

/// The leaves of all rows, read through `reader` a few rows at a time.
fn leaves(reader: &Reader, content: bool) -> Vec<Digest> {
    let (mut all, mut from) = (Vec::new(), Seq::FIRST);
    loop {
        let rows = reader.read(from, content, ReadLimit { rows: 7, bytes: 1 << 20 }).expect("readable");
        if rows.is_empty() {
            return all;
        }
        for row in rows.iter() {
            let has_content = row.integer(column::STATUS).expect("set") % 3 == 0;
            assert_eq!(row.text(column::CONTENT).is_some(), content && has_content, "content is shown to who asks");
            all.push(row.leaf().expect("asked for"));
        }
        from = rows.next_seq;
    }
}

#[tokio::test]
async fn the_leaf_of_a_row_is_that_of_its_proof_wherever_it_lies() {
    let (_dir, data) = data();
    let small = || Options { segment_entries_max: 100, ..options() };
    let store = Store::open(&data, small()).expect("opened");
    let (appender, reader) = (store.events().appender(), store.events().reader().with_leaves());
    let foreign = Reader::open(&data, LedgerName::Events).expect("opened").with_leaves();
    let mut told = Vec::new();
    for start in 0..31 {
        appender.append(group(start * 10..start * 10 + 10)).await.expect("durable");
        // What was told as soon as it was durable, in a batch that was open, stays as it was.
        let newest = reader.read(Seq::new(start.cast_unsigned() * 10), false, ALL).expect("readable");
        told.extend(newest.iter().map(|row| row.leaf().expect("asked for")));
    }
    assert_eq!(told.len(), 310);
    assert!(
        store.events().reader().read(Seq::FIRST, true, ALL).expect("readable").get(0).expect("a row").leaf().is_none()
    );
    let check = |reader: &Reader| {
        for content in [false, true] {
            assert_eq!(leaves(reader, content), told);
        }
    };
    check(&reader);
    check(&foreign);
    store.stop();

    let store = Store::open(&data, small()).expect("opened again");
    let (reader, status) = (store.events().reader().with_leaves(), store.events().status());
    assert!(
        status.segments >= 2 && status.sealed_seq < Seq::new(310),
        "some rows are sealed, some are not: {status:?}"
    );
    check(&reader);
    check(&Reader::open(&data, LedgerName::Events).expect("opened").with_leaves());
    for (seq, leaf) in (0..).zip(&told).step_by(13) {
        let Provable::Proven(proof) = reader.prove(Seq::new(seq), false).expect("readable") else {
            panic!("{seq} was recorded before the stop, which signs");
        };
        assert_eq!(tree::leaf_hash(&proof.leaf_data), *leaf, "{seq}");
    }
    let (mut rows, tail) = (reader.read(Seq::FIRST, false, ALL), reader.read(Seq::new(305), false, ALL));
    let rows = rows.as_mut().expect("readable");
    let first = rows.len();
    rows.append(tail.expect("readable"));
    assert_eq!(rows.get(first).and_then(|row| row.leaf()), Some(told[305]), "rows that are joined keep theirs");
}

#[tokio::test]
async fn a_ledger_that_is_full_of_unsealed_files_takes_what_its_sealer_records() {
    let (_dir, data) = data();
    let store = Store::open(&data, Options { segment_entries_max: 3, ..options() }).expect("opened");
    // Each sealed file of operations is an entry of operations, and nobody else makes space.
    let many = async {
        let writers = (0..4).map(|_| {
            let appender = store.operations().appender();
            tokio::spawn(async move {
                for _ in 0..100 {
                    let mut entry = Entry::new();
                    entry.set_text(ledger::operations::column::KIND, "test");
                    let mut group = Group::new(Table::of(LedgerName::Operations));
                    group.push(&entry).expect("small");
                    appender.append(group).await.expect("durable");
                }
            })
        });
        for writer in writers.collect::<Vec<_>>() {
            writer.await.expect("no panic");
        }
    };
    tokio::time::timeout(Duration::from_mins(2), many).await.expect("nobody waits for itself");
    store.stop();
    let report = ledger_verify::verify(&data, None, &mut |_| {}).expect("a ledger");
    assert_eq!(report.verdict(), ledger_verify::Verdict::Verified, "{report:?}");
}
