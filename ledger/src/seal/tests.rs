//! Seals under faults: whatever step fails, the old manifest holds, and the next seal succeeds.

use super::*;
use crate::blobs::LocalBlobs;
use crate::events::{TABLE, column};
use crate::fixtures::faulty::{Effect, FaultyBlobs};
use crate::fixtures::recorder::{Recorded, Recorder, session_events};
use crate::fixtures::tail_block;
use crate::fixtures::verifier::verify_sealed;
use ledger_verify::Report;

/// Three batches, the last one without events, and the second segment's two.
fn recorded(recorder: &mut Recorder) -> Recorded {
    let mut recorded = Recorded::default();
    for (count, input) in [(40, "a"), (25, "b"), (0, "c")] {
        recorder.batch(&mut session_events(recorder.next_seq(), count), &[("tail:coderd", input)], &mut recorded);
    }
    recorded
}

fn verified(blobs: &dyn Blobs) -> Report {
    let (sealed, report) = verify_sealed(blobs, &TABLE);
    assert_eq!((report.faults.as_slice(), report.unchecked.as_slice()), (&[] as &[_], &[] as &[_]));
    assert!(sealed.sound);
    report
}

#[test]
fn segments_follow_each_other_and_verify() {
    let directory = tempfile::tempdir().expect("a directory");
    let blobs = LocalBlobs::new(directory.path());
    let mut recorder = Recorder::new(&TABLE);
    let first = recorded(&mut recorder);
    let one = recorder.seal(&blobs, &recorder.manifest(), &first).expect("sealed");
    let second = recorded(&mut recorder);
    let two = recorder.seal(&blobs, &one, &second).expect("sealed");
    assert_eq!((two.segments.len(), two.end_seq(), two.end_batch()), (2, 130, 6));
    assert_eq!(two.previous, Some(one.hash()));
    assert_eq!(manifest::newest(&blobs).expect("readable"), Some(two.clone()));
    let report = verified(&blobs);
    assert_eq!((report.events, report.batches, report.segments), (130, 6, 2));
    let mut nothing = Recorded::default();
    recorder.batch(&mut [], &[], &mut nothing);
    let three = recorder.seal(&blobs, &two, &nothing).expect("a segment without events");
    assert_eq!(three.end_seq(), 130);
    assert!(three.segments[2].file(FileKind::Content).is_none());
    let mut more = Recorded::default();
    recorder.batch(&mut [], &[], &mut more);
    let four = recorder.seal(&blobs, &three, &more).expect("another one at the same position");
    let none = recorder.seal(&blobs, &four, &Recorded::default()).expect("only the WAL position");
    assert_eq!((none.segments.len(), none.wal.file), (4, five(&four)));
    verified(&blobs);
}

fn five(manifest: &Manifest) -> u64 {
    manifest.number + 1
}

/// Refuses every step of a seal in turn.
fn every_step(effect: Effect) {
    for refused in 0.. {
        let directory = tempfile::tempdir().expect("a directory");
        let blobs = LocalBlobs::new(directory.path());
        let mut recorder = Recorder::new(&TABLE);
        let first = recorded(&mut recorder);
        let one = recorder.seal(&blobs, &recorder.manifest(), &first).expect("sealed");
        let second = recorded(&mut recorder);
        let faulty = FaultyBlobs::new(&blobs, refused, effect);
        let outcome = recorder.seal(&faulty, &one, &second);
        if !faulty.refused() {
            assert!(outcome.is_ok() && refused > 20, "{refused} steps");
            return;
        }
        // The process dies here: what is on the disk is sound, whether the seal took effect or not.
        let newest = manifest::newest(&blobs).expect("readable").expect("one manifest at least");
        assert!(newest == one || newest.segments.len() == 2, "step {refused}");
        verified(&blobs);
        // It goes on with the manifest that it knows, with the same batches and one more.
        let mut more = second;
        recorder.batch(&mut session_events(recorder.next_seq(), 3), &[], &mut more);
        let known = outcome.unwrap_or(one);
        let again = recorder.seal(&blobs, &known, &more);
        match again {
            // The earlier seal held after all: the caller sees that from the manifest.
            Ok(manifest) if newest.segments.len() == 2 => assert_eq!(manifest.end_seq(), 130, "step {refused}"),
            Ok(manifest) => assert_eq!(manifest.end_seq(), 133, "step {refused}"),
            // The caller knew that the seal held, and these batches do not follow it.
            Err(error) => assert!(known.segments.len() == 2, "step {refused}: {error}"),
        }
        verified(&blobs);
    }
}

#[test]
fn any_refused_step_leaves_the_old_manifest_and_the_next_seal_succeeds() {
    every_step(Effect::None);
}

#[test]
fn any_step_that_fails_after_it_took_effect_does_too() {
    every_step(Effect::Done);
}

#[test]
fn what_a_dead_attempt_left_is_swept_and_other_files_stay() {
    let directory = tempfile::tempdir().expect("a directory");
    let blobs = LocalBlobs::new(directory.path());
    let mut recorder = Recorder::new(&TABLE);
    let first = recorded(&mut recorder);
    let one = recorder.seal(&blobs, &recorder.manifest(), &first).expect("sealed");
    let left = format!("{}.facts.parquet", stem(65, 80, 3));
    blobs.put(&left, b"half").expect("stored");
    blobs.put("segment/notes.txt", b"by hand").expect("stored");
    let second = recorded(&mut recorder);
    recorder.seal(&blobs, &one, &second).expect("sealed");
    assert!(blobs.get(&left).expect_err("swept").is_missing());
    assert_eq!(blobs.get("segment/notes.txt").expect("kept"), "by hand");
}

#[test]
fn rows_that_do_not_belong_to_the_batches_are_never_sealed() {
    let check = |change: &dyn Fn(&mut Recorded), want: &str| {
        let directory = tempfile::tempdir().expect("a directory");
        let blobs = LocalBlobs::new(directory.path());
        let mut recorder = Recorder::new(&TABLE);
        let mut recorded = recorded(&mut recorder);
        change(&mut recorded);
        let error = recorder.seal(&blobs, &recorder.manifest(), &recorded).expect_err("refused").to_string();
        assert!(error.contains(want), "{error}");
        assert_eq!(manifest::newest(&blobs).expect("listed"), None);
    };
    check(&|recorded| recorded.batches[0].header.time_max += 1, "does not name the header before it");
    check(&|recorded| recorded.batches[2].header.time_max += 1, "frontier");
    check(&|recorded| recorded.batches[2].inputs.clear(), "batch 2: the inputs are not those");
    check(&|recorded| drop(recorded.blocks.remove(0)), "the row comes where 0 belongs");
    check(&|recorded| recorded.blocks.truncate(2), "the rows end at 40, and the batches at 65");
    check(&|recorded| drop(recorded.batches.pop()), "source positions");
}

#[test]
fn what_an_encoder_makes_of_a_row_is_compared_with_what_was_hashed() {
    // A block that says something else than the parts that were hashed stands for any mistake between the two: when values are put
    // into a block, when small blocks are put together, when columns are gathered, when Parquet encodes them.
    let check = |change: &dyn Fn(&mut crate::Entry), event: u64| {
        let directory = tempfile::tempdir().expect("a directory");
        let blobs = LocalBlobs::new(directory.path());
        let mut recorder = Recorder::new(&TABLE);
        let mut recorded = recorded(&mut recorder);
        let mut entries = session_events(0, 20);
        change(&mut entries[event as usize]);
        recorded.blocks[0] = recorded.blocks[0].with_other_values(tail_block(&TABLE, (0, 0, 0), &entries).block());
        let error = recorder.seal(&blobs, &recorder.manifest(), &recorded).expect_err("refused").to_string();
        assert!(error.contains(&format!("event {event}")) && error.contains("not what was recorded"), "{error}");
        assert_eq!(manifest::newest(&blobs).expect("listed"), None);
    };
    check(&|entry| entry.set_integer(column::STATUS, 201), 7);
    check(&|entry| entry.set_text(column::HOST, "packages.acme.exampl"), 0);
    check(&|entry| entry.remove(column::ACTION_FP.id()), 19);
    check(&|entry| entry.set_text(column::COMMAND, "fetch 8"), 9);
}

#[test]
fn a_file_that_changes_between_write_and_read_back_is_caught() {
    for kind in FileKind::ALL {
        let directory = tempfile::tempdir().expect("a directory");
        let blobs = LocalBlobs::new(directory.path());
        let mut recorder = Recorder::new(&TABLE);
        let batches = recorded(&mut recorder);
        let flipping = Flipping { inner: blobs.clone(), kind };
        let error = recorder.seal(&flipping, &recorder.manifest(), &batches).expect_err("caught").to_string();
        assert!(error.contains(kind.extension()), "{kind:?}: {error}");
        assert_eq!(manifest::newest(&blobs).expect("listed"), None, "{kind:?}");
    }
}

/// A disk that flips a bit in the middle of files of one kind.
#[derive(Debug)]
struct Flipping {
    inner: LocalBlobs,
    kind: FileKind,
}

impl Blobs for Flipping {
    fn create(&self, name: &str) -> Result<Box<dyn crate::blobs::BlobWriter>, crate::blobs::BlobError> {
        self.inner.create(name)
    }

    fn size(&self, name: &str) -> Result<u64, crate::blobs::BlobError> {
        self.inner.size(name)
    }

    fn get_range(&self, name: &str, range: std::ops::Range<u64>) -> Result<bytes::Bytes, crate::blobs::BlobError> {
        let flipped = self.inner.size(name)? / 2;
        let mut bytes = self.inner.get_range(name, range.clone())?.to_vec();
        if name.ends_with(self.kind.extension()) && range.contains(&flipped) {
            bytes[(flipped - range.start) as usize] ^= 1;
        }
        Ok(bytes.into())
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, crate::blobs::BlobError> {
        self.inner.list(folder)
    }

    fn delete(&self, name: &str) -> Result<(), crate::blobs::BlobError> {
        self.inner.delete(name)
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.inner.path(name)
    }
}
