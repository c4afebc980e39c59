//! Two encoders: whatever the writer writes, the verifier reads the same, and a mistake that all code of the writer's makes alike, so that
//! the writer reads back what it wrote and finds nothing, is found.

use std::path::Path;

use ledger_verify::{Report, Verdict, verify};
use proptest::prelude::*;

use super::forge;
use crate::batch::Chain;
use crate::blobs::LocalBlobs;
use crate::checkpoint::publish;
use crate::column::Table;
use crate::disk::LocalDisk;
use crate::entry::Entry;
use crate::events::column;
use crate::fixtures::any_entry;
use crate::fixtures::mistakes::{ALL, Mistake, make};
use crate::fixtures::recorder::{Recorded, Recorder};
use crate::fixtures::verifier::verify_sealed;
use crate::identity::{Identity, shard_directory, signer};
use crate::{LedgerName, Options, Store, events, operations, seal};

/// Entries in which each mistake shows: values that differ from row to row, an empty text, a number, a record and content that only
/// some have.
fn telling_entries() -> Vec<Entry> {
    let entry = |number: i64| {
        let mut entry = Entry::new();
        entry.set_text(column::KIND, "egress.http");
        entry.set_text(column::SESSION, &format!("session-{number}"));
        entry.set_text(column::RULE, "");
        entry.set_integer(column::STATUS, 200 + number);
        if number % 3 == 0 {
            entry.set_text(column::RECORD, &format!("{{\"n\":{number}}}"));
            entry.set_text(column::CONTENT, &format!("{{\"prompt\":{number}}}"));
        }
        entry
    };
    (0..10).map(entry).collect()
}

/// An empty data directory of a process that stopped in order.
fn directory() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    Store::init(dir.path(), "acme.example/agents").expect("made");
    Store::open(dir.path(), Options { reserve_bytes: 0, ..Options::default() }).expect("opened").stop();
    dir
}

/// Signs a log as it stands.
fn sign(data: &Path, ledger: LedgerName, chain: &Chain) {
    let identity = Identity::read(data).expect("readable");
    let signer = signer(data, &identity).expect("a key");
    let folder = shard_directory(data, ledger, 0);
    publish(&LocalDisk, &folder, &signer, &identity.origin(ledger, 0), &chain.frontier).expect("signed");
}

fn checked(data: &Path) -> Report {
    verify(data, None, &mut |_| {}).expect("a ledger")
}

/// Records entries in the WAL, closes their batch, and reads both back as the writer does when it starts.
fn in_wal(entries: &[Entry], ledger: LedgerName) -> Report {
    let dir = directory();
    let before = forge::chain(dir.path(), ledger);
    forge::batches_of(dir.path(), ledger, entries, 1, true);
    let after = forge::chain(dir.path(), ledger);
    assert_eq!(after.next_batch, before.next_batch + 1, "the writer replays its own log");
    assert_eq!(after.next_seq, before.next_seq + entries.len() as u64);
    sign(dir.path(), ledger, &after);
    checked(dir.path())
}

/// Seals entries with a read-back, and proves them as a start does.
fn in_segment(entries: &[Entry], table: &'static Table) -> Report {
    let directory = tempfile::tempdir().expect("a directory");
    let blobs = LocalBlobs::new(directory.path());
    let (mut recorder, mut recorded) = (Recorder::new(table), Recorded::default());
    for chunk in entries.chunks(7) {
        recorder.batch(&mut chunk.to_vec(), &[("tail:test", "1")], &mut recorded);
    }
    let manifest = recorder.seal(&blobs, &recorder.manifest(), &recorded).expect("the writer reads back what it wrote");
    seal::prove(&blobs, table, &manifest, 0).expect("the writer computes the same roots again");
    verify_sealed(&blobs, table).1
}

fn words(report: &Report) -> String {
    report.faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_mistake_that_the_writer_makes_everywhere_is_found_in_the_log() {
    let entries = telling_entries();
    let sound = make(None, || in_wal(&entries, LedgerName::Events));
    assert_eq!((sound.verdict(), words(&sound)), (Verdict::Verified, String::new()));
    for mistake in ALL {
        let report = make(Some(mistake), || in_wal(&entries, LedgerName::Events));
        assert_eq!(report.verdict(), Verdict::Tampered, "{mistake:?}");
        let is_named =
            words(&report).contains("is not that of its events") || words(&report).contains("the block at event");
        assert!(is_named, "{mistake:?}: {}", words(&report));
    }
}

#[test]
fn a_mistake_that_the_writer_makes_everywhere_is_found_in_a_segment() {
    let entries = telling_entries();
    let sound = make(None, || in_segment(&entries, &events::TABLE));
    assert_eq!((sound.verdict(), words(&sound)), (Verdict::Verified, String::new()));
    for mistake in ALL {
        let report = make(Some(mistake), || in_segment(&entries, &events::TABLE));
        match mistake {
            // A segment holds no blocks.
            Mistake::RowsSwapped | Mistake::BitsReversed => assert_eq!(words(&report), "", "{mistake:?}"),
            _ => assert!(words(&report).contains("the root recomputed"), "{mistake:?}: {}", words(&report)),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_events_are_read_as_they_were_written(entries in prop::collection::vec(any_entry(&events::TABLE), 1..20), again in 0_usize..20) {
        // Values that repeat stand in a block once.
        let entries = [&entries[..], &entries[..again.min(entries.len())]].concat();
        prop_assert_eq!(words(&in_wal(&entries, LedgerName::Events)), "");
        let report = in_segment(&entries, &events::TABLE);
        prop_assert_eq!((words(&report), report.events), (String::new(), entries.len() as u64));
    }

    #[test]
    fn any_operations_are_read_as_they_were_written(entries in prop::collection::vec(any_entry(&operations::TABLE), 1..20), again in 0_usize..20) {
        let entries = [&entries[..], &entries[..again.min(entries.len())]].concat();
        prop_assert_eq!(words(&in_wal(&entries, LedgerName::Operations)), "");
        prop_assert_eq!(words(&in_segment(&entries, &operations::TABLE)), "");
    }
}
