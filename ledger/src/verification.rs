//! What the independent verifier says of what this package writes, of mistakes in it, and of what somebody changed: here the tamper
//! corpus of what is sealed, one change in each kind of file and in each column, and the place that is named.

mod corpus;
mod encoders;
mod forge;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Int32Array, UInt32Array};
use arrow::compute::take;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::properties::WriterProperties;
use proof::Digest;

use ledger_verify::{Progress, Report, Sealed, Verdict};

use crate::blobs::{Blobs, LocalBlobs};
use crate::column::{Kind, Part, Table};
use crate::entry::Entry;
use crate::events::TABLE;
use crate::fixtures::faulty::{Effect, FaultyBlobs};
use crate::fixtures::recorder::{Recorded, Recorder, session_events};
use crate::fixtures::verifier::{verify_sealed, verify_sealed_on};
use crate::fixtures::{Value, set};
use crate::manifest::{self, FileEntry, FileKind, Manifest};
use crate::reader::{ReadLimit, Wanted};
use crate::segment::{self, sidecar};
use crate::segments::head_at;

/// A ledger with two segments of two batches each.
struct Sample {
    directory: tempfile::TempDir,
    manifest: Manifest,
}

impl Sample {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let blobs = LocalBlobs::new(directory.path());
        let mut recorder = Recorder::new(&TABLE);
        let mut manifest = recorder.manifest();
        for number in 0..2 {
            let mut recorded = Recorded::default();
            for batch in 0..2 {
                let mut entries = session_events(recorder.next_seq(), 9);
                entries.extend((0..4).map(|at| full_entry(&TABLE, number * 100 + batch * 10 + at)));
                recorder.batch(&mut entries, &[("tail:coderd", &format!("{number}.{batch}"))], &mut recorded);
            }
            manifest = recorder.seal(&blobs, &manifest, &recorded).expect("sealed");
        }
        Self { directory, manifest }
    }

    fn blobs(&self) -> LocalBlobs {
        LocalBlobs::new(self.directory.path())
    }

    fn file(&self, segment: usize, kind: FileKind) -> &FileEntry {
        self.manifest.segments[segment].file(kind).expect("there")
    }

    fn path(&self, segment: usize, kind: FileKind) -> std::path::PathBuf {
        self.blobs().path(&self.file(segment, kind).name)
    }

    fn verify(&self) -> (Sealed, Report) {
        verify(&self.blobs())
    }

    /// Takes a changed file into the manifest, with a right hash of both, as somebody who knows the format would.
    fn rehash(&mut self, segment: usize, kind: FileKind, bytes: &[u8]) {
        let path = self.path(segment, kind);
        fs::write(&path, bytes).expect("written");
        let file = self.manifest.segments[segment].files.iter_mut().find(|file| file.kind == kind).expect("there");
        (file.size, file.sha256) = (bytes.len() as u64, Digest::of(&[], &[bytes]));
        self.replace_manifest();
    }

    fn replace_manifest(&self) {
        fs::remove_file(self.blobs().path(&manifest::file_name(self.manifest.number))).expect("deleted");
        self.manifest.put(&self.blobs()).expect("stored");
    }
}

/// An entry with a value of its own in every column.
fn full_entry(table: &'static Table, number: i64) -> Entry {
    let mut entry = Entry::new();
    for column in table.columns {
        let value = match column.kind {
            Kind::Text => Value::Text(format!("{} {number}", column.name)),
            Kind::Integer | Kind::Time | Kind::Fingerprint => Value::Number(number + 1),
            Kind::Bytes => Value::Bytes(number.to_be_bytes().to_vec()),
            Kind::TextList => Value::List(vec![format!("list {number}")]),
        };
        set(&mut entry, column, value);
    }
    entry
}

fn verify(blobs: &dyn Blobs) -> (Sealed, Report) {
    verify_sealed(blobs, &TABLE)
}

fn lines(report: &Report) -> String {
    report.faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Expects a fault whose line has every one of these words.
fn expect_fault(report: &Report, words: &[&str]) {
    assert_eq!(report.verdict(), Verdict::Tampered, "{words:?}");
    let named = report.faults.iter().any(|fault| words.iter().all(|word| fault.to_string().contains(word)));
    assert!(named, "{words:?} is not in\n{}", lines(report));
}

#[test]
fn what_was_sealed_verifies_and_has_a_root_at_each_size() {
    let sample = Sample::new();
    let (sealed, report) = sample.verify();
    assert_eq!((report.verdict(), lines(&report)), (Verdict::Verified, String::new()));
    assert_eq!((report.events, report.batches, report.segments), (52, 4, 2));
    assert!(report.part_bytes > 0 && report.bytes > 0 && sealed.sound);
    let mut headers = segment::headers(&sample.blobs(), &sample.manifest.segments[0]).expect("readable");
    headers.extend(segment::headers(&sample.blobs(), &sample.manifest.segments[1]).expect("readable"));
    let leaves: Vec<Digest> = headers.iter().map(proof::Header::leaf_hash).collect();
    for size in 0..=5 {
        let head = head_at(&sample.blobs(), &sample.manifest, size).expect("readable").map(|head| head.root);
        assert_eq!(head, leaves.get(..size as usize).map(proof::tree::root), "{size}");
    }
    assert_eq!(sealed.positions.get(&b"tail:coderd"[..]), Some(&b"1.1".to_vec()));
    assert_eq!((sealed.chain.next_batch, sealed.chain.next_seq), (4, 52));
}

#[test]
fn a_ledger_without_a_manifest_has_nothing_sealed() {
    let directory = tempfile::tempdir().expect("a directory");
    let (sealed, report) = verify(&LocalBlobs::new(directory.path()));
    assert!(sealed.sound);
    assert_eq!((report.verdict(), report.segments), (Verdict::Verified, 0));
}

/// Flips a byte at many places of a file; each time the file is named.
fn flip(sample: &Sample, name: &str, step: usize) {
    let path = sample.blobs().path(name);
    let sound = fs::read(&path).expect("readable");
    for at in (0..sound.len()).step_by(step) {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x11;
        fs::write(&path, bytes).expect("written");
        let (_, report) = sample.verify();
        expect_fault(&report, &[name]);
    }
    fs::write(&path, sound).expect("written");
    assert_eq!(sample.verify().1.verdict(), Verdict::Verified);
}

#[test]
fn one_flipped_byte_in_any_file_is_found_and_the_file_is_named() {
    let sample = Sample::new();
    for segment in 0..2 {
        for kind in FileKind::ALL {
            let file = sample.file(segment, kind);
            flip(&sample, &file.name, (file.size as usize / 12).max(1));
        }
    }
    let newest = manifest::file_name(sample.manifest.number);
    let size = fs::metadata(sample.blobs().path(&newest)).expect("there").len() as usize;
    flip(&sample, &newest, size / 20);
    flip(&sample, &manifest::file_name(sample.manifest.number - 1), size / 20);
}

#[test]
fn a_missing_or_shortened_file_is_named() {
    for kind in FileKind::ALL {
        let sample = Sample::new();
        let (name, path) = (sample.file(1, kind).name.clone(), sample.path(1, kind));
        let bytes = fs::read(&path).expect("readable");
        fs::write(&path, &bytes[..bytes.len() - 1]).expect("written");
        expect_fault(&sample.verify().1, &[&name]);
        fs::write(&path, b"").expect("written");
        expect_fault(&sample.verify().1, &[&name]);
        fs::remove_file(&path).expect("deleted");
        expect_fault(&sample.verify().1, &[&name, "file listed in the manifest is missing"]);
    }
}

/// Writes a Parquet file again with the same footer and other columns.
fn rewrite(path: &Path, edit: impl Fn(&RecordBatch) -> RecordBatch) -> Vec<u8> {
    let file = bytes::Bytes::from(fs::read(path).expect("readable"));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).expect("a reader");
    let footer = reader.metadata().file_metadata().key_value_metadata().cloned().expect("a footer");
    let footer = footer.into_iter().filter(|value| value.key.starts_with("tachograph.")).collect();
    let properties = WriterProperties::builder().set_key_value_metadata(Some(footer)).build();
    let groups = reader.metadata().num_row_groups();
    let first = reader.with_row_groups(vec![0]).build().expect("a reader").next().expect("rows").expect("readable");
    let schema = edit(&first).schema();
    let mut out = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut out, schema, Some(properties)).expect("a writer");
    for group in 0..groups {
        let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).expect("a reader");
        let mut batches = reader.with_row_groups(vec![group]).with_batch_size(1 << 20).build().expect("a reader");
        writer.write(&edit(&batches.next().expect("rows").expect("readable"))).expect("written");
        writer.flush().expect("flushed");
    }
    writer.close().expect("closed");
    out
}

#[test]
fn a_segment_from_before_a_column_was_added_is_read_and_verified() {
    let directory = tempfile::tempdir().expect("a directory");
    let blobs = LocalBlobs::new(directory.path());
    let (mut recorder, mut recorded) = (Recorder::new(&TABLE), Recorded::default());
    recorder.batch(&mut session_events(0, 9), &[], &mut recorded);
    let manifest = recorder.seal(&blobs, &recorder.manifest(), &recorded).expect("sealed");
    let mut sample = Sample { directory, manifest };
    let newest = TABLE.columns.iter().filter(|column| column.part == Part::Facts).max_by_key(|column| column.id);
    let newest = newest.expect("a column").name;
    let bytes = rewrite(&sample.path(0, FileKind::Facts), |batch| {
        let kept = (0..batch.num_columns()).filter(|at| batch.schema().field(*at).name() != newest);
        batch.project(&kept.collect::<Vec<_>>()).expect("columns of the batch")
    });
    sample.rehash(0, FileKind::Facts, &bytes);
    let (_, report) = sample.verify();
    assert_eq!((report.verdict(), lines(&report)), (Verdict::Verified, String::new()));
    let cache = Arc::new(segment::RowGroupCache::new());
    let reader = segment::SegmentReader::new(Arc::new(sample.blobs()), &TABLE, 0, cache);
    let (wanted, limit) = (Wanted { content: true, leaves: false }, ReadLimit { rows: 100, bytes: 1 << 20 });
    assert_eq!(reader.read(&sample.manifest.segments[0], 0, wanted, limit).expect("readable").len(), 9);
}

/// Swaps the values of one column between two rows that differ in it.
fn swap(batch: &RecordBatch, name: &str) -> RecordBatch {
    let index = batch.schema().index_of(name).expect("a column");
    let array = batch.column(index);
    let rows = array.len() as u32;
    let pick = |at: u32| array.slice(at as usize, 1);
    let (one, two) = (0..rows)
        .flat_map(|one| (one + 1..rows).map(move |two| (one, two)))
        .find(|(one, two)| pick(*one).to_data() != pick(*two).to_data())
        .expect("two rows that differ");
    let order: UInt32Array = (0..rows)
        .map(|at| {
            if at == one {
                two
            } else if at == two {
                one
            } else {
                at
            }
        })
        .collect();
    replace(batch, index, take(array, &order, None).expect("indices of the column"))
}

fn replace(batch: &RecordBatch, index: usize, array: ArrayRef) -> RecordBatch {
    let mut columns = batch.columns().to_vec();
    columns[index] = array;
    RecordBatch::try_new(batch.schema(), columns).expect("same types")
}

#[test]
fn an_edited_column_is_found_though_every_hash_was_made_anew() {
    for kind in [FileKind::Facts, FileKind::Content] {
        let mut sample = Sample::new();
        let sound = fs::read(sample.path(1, kind)).expect("readable");
        let schema = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(sound.clone()))
            .expect("a reader")
            .schema()
            .clone();
        let name = sample.file(1, kind).name.clone();
        for field in schema.fields() {
            sample.rehash(1, kind, &sound);
            let bytes = rewrite(&sample.path(1, kind), |batch| match field.name().as_str() {
                "shard" => replace(batch, 0, Arc::new(Int32Array::from(vec![1; batch.num_rows()]))),
                other => swap(batch, other),
            });
            sample.rehash(1, kind, &bytes);
            let (_, report) = sample.verify();
            let facts = &sample.file(1, FileKind::Facts).name;
            match field.name().as_str() {
                "shard" | "batch" => expect_fault(&report, &[&name, "event ", &format!("column {}", field.name())]),
                // Rows change places with those of another batch, or of an event without content.
                "seq" | "flags" => expect_fault(&report, &[facts, "event"]),
                "recorded" => expect_fault(&report, &[&name, "batch ", "column recorded"]),
                _ if kind == FileKind::Content => expect_fault(&report, &[facts, "batch ", "events ", &name]),
                _ => expect_fault(&report, &[facts, "batch ", "events "]),
            }
        }
    }
}

#[test]
fn an_edited_sidecar_is_found_though_every_hash_was_made_anew() {
    let check = |kind: FileKind, edit: &dyn Fn(&Path, &[u8]) -> Vec<u8>, words: &[&str]| {
        let mut sample = Sample::new();
        let path = sample.path(0, kind);
        let bytes = edit(&path, &fs::read(&path).expect("readable"));
        sample.rehash(0, kind, &bytes);
        expect_fault(&sample.verify().1, words);
    };
    let header = |change: &dyn Fn(&mut Vec<proof::Header>), words: &[&str]| {
        let edit = |path: &Path, bytes: &[u8]| {
            let mut headers = sidecar::decode_headers(path, bytes).expect("readable");
            change(&mut headers);
            sidecar::encode_headers(headers.iter())
        };
        check(FileKind::Headers, &edit, words);
    };
    header(&|headers| headers[0].root.0[0] ^= 1, &["headers", "batch 1", "does not name the header before it"]);
    header(&|headers| headers[0].root.0[0] ^= 1, &["facts.parquet", "batch 0", "the root recomputed"]);
    header(&|headers| headers[1].time_max += 1, &["facts.parquet", "batch 1", "column time"]);
    header(&|headers| headers[1].writer[3] ^= 1, &["headers", "batch 2", "does not name the header before it"]);
    header(&|headers| headers[1].batch = 7, &["headers", "batch 7 stands where batch 1 belongs"]);
    header(&|headers| headers[1].shard = 7, &["headers", "batch 1", "of shard 7"]);
    header(&|headers| headers[1].count -= 1, &["headers", "end"]);
    header(&|headers| headers.swap(0, 1), &["headers", "batch 1 stands where batch 0 belongs"]);
    header(&|headers| headers.truncate(1), &["manifest/", "headers cannot hold 2 batches"]);
    let inputs = |path: &Path, bytes: &[u8]| {
        let mut lists = sidecar::decode_inputs(path, bytes).expect("readable");
        lists[1][0].value[0] ^= 1;
        sidecar::encode_inputs(lists.iter().map(Vec::as_slice))
    };
    check(FileKind::Inputs, &inputs, &["inputs", "batch 1", "the root over its inputs"]);
    let secrets = |path: &Path, bytes: &[u8]| {
        let mut secrets = sidecar::decode_secrets(path, bytes).expect("readable");
        secrets[1].content[0] ^= 1;
        sidecar::encode_secrets(secrets.iter())
    };
    check(FileKind::Secrets, &secrets, &["facts.parquet", "batch 1", "the root recomputed"]);
    let positions = |path: &Path, bytes: &[u8]| {
        let mut state = sidecar::decode_state(path, bytes).expect("readable");
        state.positions.insert(b"tail:other".to_vec(), b"1".to_vec());
        sidecar::encode_state(&state.positions, &state.frontier)
    };
    check(FileKind::State, &positions, &["state", "source positions"]);
    let frontier = |path: &Path, bytes: &[u8]| {
        let state = sidecar::decode_state(path, bytes).expect("readable");
        let nodes = vec![Digest([7; 32]); state.frontier.nodes().len()];
        let frontier = proof::tree::Frontier::from_parts(state.frontier.size(), nodes).expect("as many nodes");
        sidecar::encode_state(&state.positions, &frontier)
    };
    check(FileKind::State, &frontier, &["state", "frontier"]);
}

#[test]
fn an_edited_manifest_is_found_though_its_hash_was_made_anew() {
    let check = |change: &dyn Fn(&mut Manifest), words: &[&str]| {
        let mut sample = Sample::new();
        change(&mut sample.manifest);
        sample.replace_manifest();
        let number = sample.manifest.number;
        let (_, report) = sample.verify();
        expect_fault(&report, words);
        assert_eq!(number, sample.manifest.number);
    };
    check(&|manifest| manifest.origin.push('x'), &["manifest/", "origin"]);
    check(&|manifest| manifest.shard = 3, &["manifest/", "shard"]);
    check(&|manifest| manifest.previous = None, &["manifest/", "previous"]);
    check(&|manifest| manifest.segments[0].files[0].rows += 1, &["manifest/", "rows"]);
    check(&|manifest| manifest.segments[1].recorded.0 -= 1, &["headers", "time ranges"]);
    check(&|manifest| manifest.segments[1].time = None, &["headers", "time ranges"]);
    check(&|manifest| drop(manifest.segments.remove(0)), &["headers", "batch 2 stands where batch 0 belongs"]);
    check(&|manifest| manifest.segments[1].end_seq += 1, &["manifest/", "has a file named"]);
}

#[test]
fn what_cannot_be_read_is_never_called_tampered() {
    let sample = Sample::new();
    for refused in 0.. {
        let faulty = FaultyBlobs::new(&sample.blobs(), refused, Effect::None);
        let (_, report) = verify(&faulty);
        if !faulty.refused() {
            assert!(report.verdict() == Verdict::Verified && refused > 20, "{refused} steps");
            return;
        }
        assert_eq!((report.verdict(), lines(&report)), (Verdict::CouldNotCheck, String::new()), "step {refused}");
    }
}

#[test]
fn progress_grows_to_its_total() {
    let sample = Sample::new();
    let mut seen: Vec<Progress> = Vec::new();
    verify_sealed_on(1, &sample.blobs(), &TABLE, &mut |progress| seen.push(progress));
    assert!(seen.windows(2).all(|pair| pair[0].done <= pair[1].done && pair[0].total == pair[1].total));
    let last = seen.last().expect("some");
    assert_eq!(last.done, last.total);
}
