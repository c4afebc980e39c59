//! The tamper corpus of whole directories: each change is made to a copy of a small real one, and the verdict and the place
//! are checked. Changes that need the format are made with the code that writes it, as somebody who knows it would.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};

use ledger_verify::{Report, Verdict, verify, verify_against};
use proof::note::{Checkpoint, Verifier};

use super::forge::{self, batches, wal_of};
use crate::blobs::{Blobs as _, LocalBlobs};
use crate::events::column;
use crate::fixtures::append_patiently;
use crate::lock::LOCK_FILE;
use crate::manifest::{self, FileKind};
use crate::wal::file::HEADER_LEN;
use crate::{Entry, Group, LedgerError, LedgerName, Options, Store, Table};

/// A directory with sealed segments and hot WAL files in both ledgers, and the same directory at an earlier time.
struct Originals {
    root: tempfile::TempDir,
    key: Verifier,
}

impl Originals {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let data = root.path().join("data");
        let identity = Store::init(&data, "acme.example/agents").expect("made");
        record(&data, 24);
        copy(&data, &root.path().join("earlier"));
        record(&data, 12);
        record(&data, 1);
        Self { root, key: Verifier::parse(&identity.key).expect("a key") }
    }

    fn data(&self) -> PathBuf {
        self.root.path().join("data")
    }

    fn earlier(&self) -> PathBuf {
        self.root.path().join("earlier")
    }

    /// A copy of the newest state that may be changed.
    fn copy(&self) -> tempfile::TempDir {
        let place = tempfile::tempdir().expect("a directory");
        copy(&self.data(), place.path());
        place
    }

    fn check(&self, data: &Path) -> Report {
        verify(data, Some(&self.key), &mut |_| {}).expect("a ledger")
    }
}

fn options() -> Options {
    Options { reserve_bytes: 0, segment_entries_max: 100, ..Options::default() }
}

fn record(data: &Path, groups: usize) {
    let store = Store::open(data, options()).expect("opened");
    append(&store, groups);
    store.stop();
}

fn append(store: &Store, groups: usize) {
    for number in 0..groups {
        let mut group = Group::new(Table::of(LedgerName::Events));
        for row in 0..10 {
            let mut entry = Entry::new();
            entry.set_text(column::KIND, "egress.http");
            entry.set_text(column::SESSION, &format!("session-{}", row % 3));
            entry.set_text(column::HOST, &format!("host-{number}.example"));
            entry.set_text(column::RECORD, &format!("{{\"n\":{number},\"row\":{row}}}"));
            group.push(&entry).expect("small");
        }
        append_patiently(store, group);
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("made");
    for entry in fs::read_dir(from).expect("listed") {
        let entry = entry.expect("listed");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            let _bytes = fs::copy(entry.path(), target).expect("copied");
        }
    }
}

/// As if the process had been killed in this very directory.
fn killed(data: &Path) {
    let lock = data.join(LOCK_FILE);
    let metadata = fs::metadata(&lock).expect("there");
    fs::write(lock, format!("1\n{}:{}\n", metadata.dev(), metadata.ino())).expect("written");
}

/// As if the directory were a copy of one in which a process wrote.
fn copied(data: &Path) {
    fs::write(data.join(LOCK_FILE), "1\n0:0\n").expect("written");
}

fn blobs(data: &Path, ledger: LedgerName) -> LocalBlobs {
    LocalBlobs::new(crate::identity::shard_directory(data, ledger, 0))
}

fn describe(report: &Report) -> String {
    let lists = [&report.faults, &report.torn, &report.unchecked];
    let lines = lists.into_iter().flatten().map(ToString::to_string).chain(report.notes.iter().cloned());
    format!("{:?}, {:?}\n{}", report.verdict(), report.unproven, lines.collect::<Vec<_>>().join("\n"))
}

/// Makes a change in a copy and expects a verdict, and a line that has every one of these words.
#[track_caller]
fn check(originals: &Originals, name: &str, change: &dyn Fn(&Path), verdict: Verdict, words: &[&str]) {
    let place = originals.copy();
    change(place.path());
    let report = originals.check(place.path());
    let text = describe(&report);
    assert_eq!(report.verdict(), verdict, "{name}: {text}");
    assert!(
        text.lines().any(|line| words.iter().all(|word| line.contains(word))),
        "{name}: {words:?} is not in {text}"
    );
}

/// The WAL file with the highest number.
fn newest_wal(data: &Path, ledger: LedgerName) -> PathBuf {
    wal_of(data, ledger).pop().expect("a file")
}

fn segment_file(data: &Path, kind: FileKind) -> PathBuf {
    let blobs = blobs(data, LedgerName::Events);
    let manifest = manifest::newest(&blobs).expect("readable").expect("sealed");
    blobs.path(&manifest.segments.last().expect("sealed").file(kind).expect("there").name)
}

#[test]
fn an_untouched_directory_and_its_copies_are_verified() {
    let originals = Originals::new();
    check(&originals, "untouched", &|_| {}, Verdict::Verified, &[]);
    check(&originals, "killed", &killed, Verdict::Verified, &[]);
    check(&originals, "copied", &copied, Verdict::Verified, &[]);
    check(
        &originals,
        "without a lock file",
        &|data| fs::remove_file(data.join(LOCK_FILE)).unwrap(),
        Verdict::Verified,
        &[],
    );
}

#[test]
fn what_queries_believe_is_recorded_or_computed_again() {
    let originals = Originals::new();
    for (name, edit) in forge::ENCODINGS {
        let fault = [".parquet, encoding", "not those of its rows"];
        check(&originals, name, &|data| forge::next_manifest(data, *edit), Verdict::Tampered, &fault);
        let place = originals.copy();
        forge::next_manifest(place.path(), *edit);
        let error = Store::open(place.path(), options()).expect_err("no server starts on it").to_string();
        assert!(error.contains("encoding"), "{name}: {error}");
    }
    let same = |data: &Path| forge::same_manifest(data, forge::ENCODINGS[0].1);
    check(&originals, "under the recorded number", &same, Verdict::Tampered, &["manifest/", "another hash"]);
    let older = |data: &Path| {
        let blobs = blobs(data, LedgerName::Operations);
        let newest = manifest::newest(&blobs).expect("readable");
        if let Some(newest) = newest {
            fs::remove_file(blobs.path(&manifest::file_name(newest.number))).expect("removed");
        }
        let blobs = self::blobs(data, LedgerName::Events);
        let newest = manifest::newest(&blobs).expect("readable").expect("sealed");
        fs::remove_file(blobs.path(&manifest::file_name(newest.number))).expect("removed");
    };
    check(&originals, "an older manifest", &older, Verdict::Tampered, &["WAL file", "is missing"]);
}

#[test]
fn a_manifest_that_a_stop_left_unrecorded_is_proved_and_then_recorded() {
    let originals = Originals::new();
    let place = originals.copy();
    forge::next_manifest(place.path(), forge::Edit::None);
    let report = originals.check(place.path());
    assert_eq!(report.verdict(), Verdict::Verified, "{}", describe(&report));
    assert!(describe(&report).contains("is not recorded in operations"), "{}", describe(&report));
    Store::open(place.path(), options()).expect("starts").stop();
    let report = originals.check(place.path());
    assert_eq!(report.verdict(), Verdict::Verified, "{}", describe(&report));
    assert!(!describe(&report).contains("is not recorded"), "{}", describe(&report));
}

#[test]
fn long_records_are_encoded_again_as_they_were() {
    let root = tempfile::tempdir().expect("a directory");
    let data = root.path().join("data");
    Store::init(&data, "acme.example/agents").expect("made");
    let store = Store::open(&data, Options { segment_entries_max: 9_000, ..options() }).expect("opened");
    for _ in 0..4 {
        let mut group = Group::new(Table::of(LedgerName::Events));
        for number in 0..3_000 {
            let mut entry = Entry::new();
            entry.set_text(column::RECORD, &format!("{number:0340}"));
            group.push(&entry).expect("small");
        }
        append_patiently(&store, group);
    }
    while store.events().status().segments == 0 {
        std::thread::yield_now();
    }
    store.stop();
    // Nothing vouches for the files but that their rows lead to the same bytes.
    forge::next_manifest(&data, forge::Edit::None);
    let report = verify(&data, None, &mut |_| {}).expect("a ledger");
    assert!(
        report.verdict() == Verdict::Verified && describe(&report).contains("is not recorded in operations"),
        "{}",
        describe(&report)
    );
    Store::open(&data, options()).expect("starts").stop();
}

#[test]
fn what_no_checkpoint_covers_is_counted_and_never_taken_for_more() {
    let originals = Originals::new();
    let forged = |count: usize| move |data: &Path| batches(data, LedgerName::Events, count, true);
    check(
        &originals,
        "a batch after a stop",
        &forged(1),
        Verdict::Tampered,
        &["checkpoint", "1 batches that are closed"],
    );
    let open = |data: &Path| batches(data, LedgerName::Operations, 1, false);
    check(&originals, "an open batch after a stop", &open, Verdict::Tampered, &["checkpoint", "in none follow"]);
    for (count, verdict) in [(1, Verdict::Verified), (2, Verdict::Unproven), (9, Verdict::Unproven)] {
        let place = originals.copy();
        forged(count)(place.path());
        killed(place.path());
        let report = originals.check(place.path());
        assert_eq!(report.verdict(), verdict, "{count}: {}", describe(&report));
        let [unproven] = report.unproven[..] else { panic!("{count}: {}", describe(&report)) };
        assert_eq!((unproven.batches, unproven.events), (count as u64, 3 * count as u64));
    }
}

/// The earlier state of a ledger, with other batches behind it as long as the newest state is.
fn rewritten(originals: &Originals, data: &Path, ledger: LedgerName) {
    let length = |data: &Path| forge::chain(data, ledger).next_batch;
    let missing = length(data) - length(&originals.earlier());
    let shard = data.join(ledger.as_str());
    fs::remove_dir_all(&shard).expect("removed");
    copy(&originals.earlier().join(ledger.as_str()), &shard);
    batches(data, ledger, missing as usize, true);
}

#[test]
fn an_older_checkpoint_with_other_batches_behind_it_is_seen_by_the_other_ledger() {
    let originals = Originals::new();
    for ledger in LedgerName::ALL {
        for lock in [killed, copied, |_: &Path| {}] {
            let change = |data: &Path| {
                rewritten(&originals, data, ledger);
                lock(data);
            };
            check(&originals, "one ledger", &change, Verdict::Tampered, &[ledger.as_str(), "saw other batches"]);
        }
        let place = originals.copy();
        rewritten(&originals, place.path(), ledger);
        copied(place.path());
        let error = Store::open(place.path(), options()).expect_err("no server starts on it").to_string();
        assert!(error.contains("rolled back alone") || error.contains("missing"), "{error}");
    }
    let both = |data: &Path| {
        for ledger in LedgerName::ALL {
            rewritten(&originals, data, ledger);
        }
        killed(data);
    };
    check(&originals, "both ledgers", &both, Verdict::Unproven, &[]);
}

#[test]
fn a_checkpoint_that_was_kept_elsewhere_shows_a_rewrite_with_the_stolen_key() {
    let originals = Originals::new();
    let kept: Vec<String> = LedgerName::ALL
        .map(|ledger| fs::read_to_string(originals.data().join(ledger.as_str()).join("0/checkpoint")).expect("there"))
        .into();
    let against = |data: &Path, notes: &[String]| {
        verify_against(data, Some(&originals.key), notes, &mut |_| {}).expect("a ledger")
    };
    assert_eq!(against(&originals.data(), &kept).verdict(), Verdict::Verified);
    assert_eq!(against(&originals.earlier(), &kept).verdict(), Verdict::Tampered);
    record(&originals.data(), 3);
    assert_eq!(against(&originals.data(), &kept).verdict(), Verdict::Verified);
    // Another history from the earlier state on, by whoever holds the key.
    record(&originals.earlier(), 40);
    assert_eq!(against(&originals.earlier(), &[]).verdict(), Verdict::Verified);
    let report = against(&originals.earlier(), &kept[..1]);
    assert!(describe(&report).contains("the log was written anew"), "{}", describe(&report));
    // What is no checkpoint of these logs says nothing.
    let other = proof::note::Signer::new("acme.example/agents", &[9; 32]).expect("a name");
    let text = Checkpoint { origin: "acme.example/agents/events/0/0".to_owned(), size: 1, root: proof::Digest::ZERO };
    for note in ["", "hello\n", &other.sign(&text.to_text())] {
        let report = against(&originals.data(), &[note.to_owned()]);
        assert_eq!(report.verdict(), Verdict::CouldNotCheck, "{note:?}: {}", describe(&report));
    }
}

#[test]
fn strange_files_and_headers_are_named() {
    let originals = Originals::new();
    let file = |name: &'static str| {
        move |data: &Path| {
            let path = data.join(name);
            fs::create_dir_all(path.parent().expect("a folder")).expect("made");
            fs::write(path, "x").expect("written");
        }
    };
    for (name, verdict) in [
        ("events/1/wal/00000000000000000000.wal", Verdict::Tampered),
        ("audit/0/wal/00000000000000000000.wal", Verdict::Tampered),
        ("events/0/notes", Verdict::Tampered),
        ("events/0/wal/notes", Verdict::Tampered),
        ("operations/0/manifest/x", Verdict::Tampered),
        (
            "events/0/segment/00000000000000000000-00000000000000000009-00000000000000000000.facts.parquet",
            Verdict::Tampered,
        ),
        ("keys/other.key", Verdict::Tampered),
        ("notes.txt", Verdict::CouldNotCheck),
        ("lost+found/x", Verdict::Verified),
        ("detect/snapshot", Verdict::Verified),
    ] {
        // A strange folder is named itself, and what is in it is not.
        let named = name.split_once("/wal/00").map_or(name, |(folder, _)| folder);
        let named = named.strip_suffix("/0").unwrap_or(named).rsplit('/').next().unwrap_or(named);
        let words: &[&str] = if verdict == Verdict::Verified { &[] } else { &[named] };
        check(&originals, name, &file(name), verdict, words);
    }
    let ledger = |data: &Path| {
        let path = newest_wal(data, LedgerName::Events);
        let mut bytes = fs::read(&path).expect("read");
        bytes[12] ^= 1;
        let checksum = crc32c::crc32c(&bytes[..HEADER_LEN - 4]).to_be_bytes();
        bytes[HEADER_LEN - 4..HEADER_LEN].copy_from_slice(&checksum);
        fs::write(path, bytes).expect("written");
    };
    check(
        &originals,
        "a WAL header of the other ledger",
        &ledger,
        Verdict::Tampered,
        &["wal/", "it says that it is of operations/0"],
    );
}

#[test]
fn hostile_files_are_refused_in_bounded_time_and_memory() {
    let originals = Originals::new();
    let files = |data: &Path| {
        let mut files =
            vec![data.join("identity"), newest_wal(data, LedgerName::Events), data.join("events/0/checkpoint")];
        files.extend(
            FileKind::ALL.into_iter().filter(|kind| *kind != FileKind::Content).map(|kind| segment_file(data, kind)),
        );
        let newest = manifest::newest(&blobs(data, LedgerName::Events)).expect("readable").expect("sealed");
        files.push(blobs(data, LedgerName::Events).path(&manifest::file_name(newest.number)));
        files
    };
    for (at, path) in files(&originals.data()).into_iter().enumerate() {
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        for (kind, make) in [
            (
                "pipe",
                (|path| rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::RWXU).expect("made"))
                    as fn(&Path),
            ),
            ("zeros", |path| symlink("/dev/zero", path).expect("linked")),
            ("folder", |path| fs::create_dir(path).expect("made")),
            ("terabyte", |path| fs::File::create(path).and_then(|file| file.set_len(1 << 40)).expect("made")),
        ] {
            let place = originals.copy();
            let path = &files(place.path())[at];
            fs::remove_file(path).expect("removed");
            make(path);
            let report = originals.check(place.path());
            assert_eq!(report.verdict(), Verdict::Tampered, "{kind} as {name}: {}", describe(&report));
            // A start reads neither columns nor secrets.
            let is_read = !name.ends_with(".parquet") && !name.ends_with(".secrets");
            assert!(!is_read || Store::open(place.path(), options()).is_err(), "{kind} as {name}");
        }
    }
    // What follows the last commit of a log may have no end.
    let long = |data: &Path| {
        let path = newest_wal(data, LedgerName::Events);
        fs::OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(1 << 40)).expect("grown");
    };
    check(&originals, "a log of a terabyte", &long, Verdict::Tampered, &["wal/", "bytes follow that are no commit"]);
    let many = |data: &Path| forge::many_segments(data, 20_000);
    check(&originals, "20,000 segments", &many, Verdict::Tampered, &["is missing"]);
}

#[test]
fn a_torn_copy_is_no_tampering_and_no_excuse() {
    let originals = Originals::new();
    let cut = |ledger: LedgerName| {
        let earlier = originals.earlier();
        move |data: &Path| {
            // The newest files but for those of one ledger's log: its checkpoint is ahead of it.
            let checkpoint = fs::read(data.join(ledger.as_str()).join("0/checkpoint")).expect("read");
            fs::remove_dir_all(data.join(ledger.as_str())).expect("removed");
            copy(&earlier.join(ledger.as_str()), &data.join(ledger.as_str()));
            fs::write(data.join(ledger.as_str()).join("0/checkpoint"), checkpoint).expect("written");
        }
    };
    let torn = Verdict::TornCopy;
    for ledger in LedgerName::ALL {
        let with = |lock: fn(&Path)| {
            move |data: &Path| {
                cut(ledger)(data);
                lock(data);
            }
        };
        let words = ["checkpoint, size", "was cut"];
        check(&originals, "in a copy", &with(copied), torn, &words);
        check(&originals, "in the directory itself", &with(killed), Verdict::Tampered, &words);
        check(&originals, "after a stop", &with(|_| {}), Verdict::Tampered, &words);

        // A server goes on with what is there, says so, and proves it.
        let place = originals.copy();
        with(copied)(place.path());
        let store = Store::open(place.path(), options()).expect("starts");
        append(&store, 30);
        store.stop();
        for _ in 0..2 {
            let report = originals.check(place.path());
            assert_eq!(report.verdict(), Verdict::Verified, "{ledger}: {}", describe(&report));
            assert!(describe(&report).contains("a server started on a torn copy"), "{ledger}: {}", describe(&report));
            record(place.path(), 30);
        }
        let kept = [fs::read_to_string(originals.data().join(ledger.as_str()).join("0/checkpoint")).expect("there")];
        let report = verify_against(place.path(), Some(&originals.key), &kept, &mut |_| {}).expect("a ledger");
        assert_eq!(report.verdict(), Verdict::CouldNotCheck, "{ledger}: {}", describe(&report));

        let place = originals.copy();
        with(killed)(place.path());
        assert!(matches!(Store::open(place.path(), options()), Err(LedgerError::Corrupt { .. })), "{ledger}");
    }
    let gone = |kind: FileKind| move |data: &Path| fs::remove_file(segment_file(data, kind)).expect("removed");
    for kind in [FileKind::Facts, FileKind::Headers] {
        let in_copy = |data: &Path| {
            gone(kind)(data);
            copied(data);
        };
        check(&originals, "a file that came later, in a copy", &in_copy, torn, &["missing"]);
        check(&originals, "a file that is gone", &gone(kind), Verdict::Tampered, &["missing"]);
    }
    let wal = |data: &Path| {
        let path = newest_wal(data, LedgerName::Events);
        let number = crate::wal::file::file_number(&path).expect("a number");
        fs::rename(&path, path.with_file_name(crate::wal::file::file_name(number + 1))).expect("renamed");
        copied(data);
    };
    check(&originals, "the first log file is gone, in a copy", &wal, torn, &["is missing before it"]);
}
