//! Verification of a whole data directory: identity, both ledgers with segments, WAL and checkpoint, and what each ledger
//! says about the other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proof::Digest;
use proof::note::{Checkpoint, Verifier};

use super::segments::{Progress, Scope, Sealed, verify_segments};
use super::{Fault, Report};
use crate::blobs::LocalBlobs;
use crate::checkpoint::{self, CHECKPOINT_FILE, parse_peer_value, peer_key};
use crate::column::Table;
use crate::disk::{Disk, LocalDisk};
use crate::error::LedgerError;
use crate::identity::{Identity, shard_directory};
use crate::manifest;
use crate::operations::column;
use crate::position::LedgerName;
use crate::reader::{ReadLimit, Reader};
use crate::replay::{Depth, Replay};
use crate::wal::file::{WalFile, file_number};
use crate::wal::scan::{End, Scanner};

/// How often a ledger is read again because it was sealed meanwhile.
const RETRIES_MAX: usize = 5;
/// Rows of `operations` that are read at once.
const READ: ReadLimit = ReadLimit { rows: 4_096, bytes: 8 << 20 };

/// Verifies a data directory, which another process may be writing meanwhile. `key` is the public key that the caller
/// trusts; without one the key that the directory itself names is used, and the report says so.
///
/// Everything that is wrong is in the report; an error means that there is no ledger to look at.
pub fn verify(
    directory: &Path,
    key: Option<&Verifier>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Report, LedgerError> {
    let mut report = Report::default();
    let identity = match Identity::read(directory) {
        Ok(identity) => identity,
        Err(error @ (LedgerError::Corrupt { .. } | LedgerError::Foreign { .. })) => {
            report.error(LedgerName::Events, 0, "identity".to_owned(), &error);
            return Ok(report);
        }
        Err(error) => return Err(error),
    };
    let own = identity.verifier(directory)?;
    let trusted = key.unwrap_or(&own);
    if key.is_none() {
        report.notes.push(
            "key not pinned: the signatures were checked with the key that the directory itself names".to_owned(),
        );
    } else if *trusted != own {
        let what = format!("it names the key {own}, and {trusted} is trusted");
        report.fault(Fault { ledger: LedgerName::Events, shard: 0, place: "identity, key".to_owned(), what });
    }
    let mut looks = BTreeMap::new();
    for ledger in LedgerName::ALL {
        let (look, found) = look_at(directory, ledger, &identity, trusted, progress);
        merge(&mut report, found);
        looks.insert(ledger, look);
    }
    for (ledger, peer) in [(LedgerName::Events, LedgerName::Operations), (LedgerName::Operations, LedgerName::Events)] {
        if let (Some(look), Some(other)) = (looks.get(&ledger), looks.get(&peer)) {
            compare_with_peer(look, other, peer, &mut report);
        }
    }
    check_recorded_manifests(directory, &looks, &mut report);
    Ok(report)
}

/// What was found of one ledger.
struct Look {
    /// Roots of the log at every size that was seen.
    roots: BTreeMap<u64, Digest>,
    positions: BTreeMap<Vec<u8>, Vec<u8>>,
    batches: u64,
    /// Whether everything up to the end could be replayed.
    whole: bool,
    manifest: Option<manifest::Manifest>,
}

/// Looks at one ledger, again if it was sealed while its WAL was read.
fn look_at(
    directory: &Path,
    ledger: LedgerName,
    identity: &Identity,
    key: &Verifier,
    progress: &mut dyn FnMut(Progress),
) -> (Look, Report) {
    let shard = shard_directory(directory, ledger, 0);
    let blobs = LocalBlobs::new(&shard);
    let newest = || manifest::newest(&blobs).ok().flatten().map(|manifest| manifest.number);
    let mut retries = 0;
    loop {
        let mut report = Report::default();
        let origin = identity.origin(ledger, 0);
        let place = Place { shard: &shard, ledger, origin: &origin, key };
        let look = place.look(&blobs, progress, &mut report);
        retries += 1;
        if report.faults.is_empty() && report.unchecked.is_empty()
            || newest() == look.manifest.as_ref().map(|manifest| manifest.number)
            || retries > RETRIES_MAX
        {
            return (look, report);
        }
    }
}

struct Place<'a> {
    shard: &'a Path,
    ledger: LedgerName,
    origin: &'a str,
    key: &'a Verifier,
}

impl Place<'_> {
    fn look(&self, blobs: &LocalBlobs, progress: &mut dyn FnMut(Progress), report: &mut Report) -> Look {
        // The checkpoint is read first: the ledger only grows, so that everything it covers must be found below.
        let checkpoint = self.checkpoint(report);
        let table = Table::of(self.ledger);
        let end_batch = manifest::newest(blobs).ok().flatten().map_or(0, |manifest| manifest.end_batch());
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let sizes = (0..=end_batch).collect();
        let scope = Scope { blobs, table, shard: 0, origin: self.origin, sizes, threads };
        let sealed = verify_segments(&scope, progress, report);
        let Sealed { manifest, chain, positions, sound, roots } = sealed;
        let mut replay = Replay::new(Depth::Proofs, table, 0, chain, positions);
        let mut look = Look { roots, positions: BTreeMap::new(), batches: 0, whole: sound, manifest };
        look.roots.insert(replay.chain.frontier.size(), replay.chain.frontier.root());
        let first = look.manifest.as_ref().map_or(0, |manifest| manifest.wal.file);
        if sound {
            look.whole = self.wal(first, &mut replay, &mut look.roots, report);
        }
        look.batches = replay.chain.next_batch;
        look.positions = replay.positions;
        if look.whole {
            self.compare(checkpoint.as_ref(), &look, report);
        }
        look
    }

    /// Replays the WAL files; `false` if that ended before the last one did.
    fn wal(&self, first: u64, replay: &mut Replay, roots: &mut BTreeMap<u64, Digest>, report: &mut Report) -> bool {
        let directory = self.shard.join("wal");
        let files = match LocalDisk.list(&directory) {
            Ok(paths) => paths.into_iter().filter_map(|path| file_number(&path).map(|number| (number, path))),
            Err(error) => {
                report.error(self.ledger, 0, "wal".to_owned(), &LedgerError::io("list", directory)(error));
                return false;
            }
        };
        let files: Vec<(u64, PathBuf)> = files.filter(|(number, _)| *number >= first).collect();
        for (index, (number, path)) in files.iter().enumerate() {
            let place = format!("wal/{}", path.file_name().unwrap_or_default().to_string_lossy());
            let expected = first + index as u64;
            if *number != expected {
                self.fault(report, &place, format!("WAL file {expected} is missing before it"));
                return false;
            }
            if let Err(error) = self.wal_file(path, *number, index + 1 == files.len(), (replay, roots), report) {
                report.error(self.ledger, 0, place, &error);
                return false;
            }
        }
        if let Some(batch) = replay.batch.as_ref().filter(|batch| batch.count() > 0) {
            report.notes.push(format!("{}: {} events are durable, not yet provable", self.ledger, batch.count()));
        }
        true
    }

    fn wal_file(
        &self,
        path: &Path,
        number: u64,
        is_last: bool,
        (replay, roots): (&mut Replay, &mut BTreeMap<u64, Digest>),
        report: &mut Report,
    ) -> Result<(), LedgerError> {
        let Some(file) = WalFile::open(&LocalDisk, path, false)? else {
            return if is_last { Ok(()) } else { Err(LedgerError::corrupt(path, "header", "it was never begun")) };
        };
        file.check_place(self.origin, number, replay.chain.next_batch, replay.next_seq)?;
        let mut scanner = Scanner::new(Arc::new(file));
        let file = Arc::clone(scanner.file());
        while let Some(commit) = scanner.next_commit()? {
            let before = replay.chain.next_batch;
            replay.apply(&file, &commit, None)?;
            report.events += u64::from(commit.commit.count);
            report.batches += replay.chain.next_batch - before;
            report.bytes += commit.bytes.len() as u64;
            if replay.chain.next_batch > before {
                roots.insert(replay.chain.frontier.size(), replay.chain.frontier.root());
            }
        }
        match scanner.end()? {
            End::Clean if is_last || replay.batch.is_none() => Ok(()),
            End::Torn(bytes) if is_last => {
                let text = format!("{}: {bytes} bytes behind the last commit were never acknowledged", self.ledger);
                report.notes.push(text);
                Ok(())
            }
            End::Clean | End::Torn(_) => {
                let place = format!("offset {}", scanner.offset());
                Err(LedgerError::corrupt(path, place, "the file was full and whole when the next one was begun"))
            }
        }
    }

    fn checkpoint(&self, report: &mut Report) -> Option<Checkpoint> {
        let note = match checkpoint::read(self.shard) {
            Ok(note) => note?,
            Err(error) => {
                report.error(self.ledger, 0, CHECKPOINT_FILE.to_owned(), &error);
                return None;
            }
        };
        match Checkpoint::open(&note, self.key) {
            Ok(checkpoint) if checkpoint.origin == self.origin => Some(checkpoint),
            Ok(checkpoint) => {
                self.fault(report, "checkpoint, origin", format!("it is of the log {:?}", checkpoint.origin));
                None
            }
            Err(error) => {
                self.fault(report, "checkpoint, signature", error.to_string());
                None
            }
        }
    }

    /// Compares the signed checkpoint with what the disk holds.
    fn compare(&self, checkpoint: Option<&Checkpoint>, look: &Look, report: &mut Report) {
        let Some(checkpoint) = checkpoint else {
            let no_file = matches!(checkpoint::read(self.shard), Ok(None));
            if no_file && look.batches > 0 {
                let what =
                    format!("there is none over the {} batches on the disk; the next start signs one", look.batches);
                let (place, ledger) = (CHECKPOINT_FILE.to_owned(), self.ledger);
                report.unchecked.push(Fault { ledger, shard: 0, place, what });
            }
            return;
        };
        match look.roots.get(&checkpoint.size) {
            Some(root) if *root == checkpoint.root => {}
            Some(_) => self.fault(
                report,
                "checkpoint, root",
                "it was signed over other batches than those on the disk".to_owned(),
            ),
            None => {
                let what = format!(
                    "it was signed over {} batches and the disk has {}: the ledger was cut or rolled back",
                    checkpoint.size, look.batches
                );
                self.fault(report, "checkpoint, size", what);
            }
        }
    }

    fn fault(&self, report: &mut Report, place: &str, what: String) {
        report.fault(Fault { ledger: self.ledger, shard: 0, place: place.to_owned(), what });
    }
}

/// What `look`'s ledger saw of the other ledger's log must be in it.
fn compare_with_peer(look: &Look, other: &Look, peer: LedgerName, report: &mut Report) {
    let seen = look.positions.get(peer_key(peer, 0).as_bytes()).and_then(|value| parse_peer_value(value));
    let Some((size, root)) = seen.filter(|_| look.whole && other.whole) else { return };
    let what = match other.roots.get(&size) {
        Some(found) if *found == root => return,
        Some(_) => "the other ledger saw other batches than those on the disk".to_owned(),
        None => {
            format!("the other ledger saw {size} batches and the disk has {}: it was rolled back alone", other.batches)
        }
    };
    report.fault(Fault { ledger: peer, shard: 0, place: "log".to_owned(), what });
}

/// The hash of each newest manifest as `operations` recorded it.
fn check_recorded_manifests(directory: &Path, looks: &BTreeMap<LedgerName, Look>, report: &mut Report) {
    let newest: BTreeMap<String, (LedgerName, &manifest::Manifest)> = looks
        .iter()
        .filter_map(|(ledger, look)| {
            look.manifest.as_ref().map(|manifest| (format!("{ledger}/0"), (*ledger, manifest)))
        })
        .collect();
    if newest.is_empty() {
        return;
    }
    // Whatever keeps `operations` from being read is in the report already.
    let Ok(reader) = Reader::open(directory, LedgerName::Operations) else { return };
    let (mut from, mut recorded) = (0, BTreeMap::new());
    while let Ok(rows) = reader.read(from, false, READ) {
        if rows.is_empty() {
            break;
        }
        for row in rows.iter().filter(|row| row.text(column::KIND) == Some("manifest")) {
            let key =
                (row.text(column::SUBJECT).unwrap_or_default().to_owned(), row.integer(column::REVISION).unwrap_or(-1));
            recorded.insert(key, row.text(column::RECORD).unwrap_or_default().to_owned());
        }
        from = rows.next_seq;
    }
    for (subject, (ledger, manifest)) in newest {
        let place = format!("manifest/{:020}", manifest.number);
        match recorded.get(&(subject, manifest.number as i64)) {
            Some(record) if record.contains(&manifest.hash().to_string()) => {}
            Some(_) => {
                let what = "operations recorded another hash of it".to_owned();
                report.fault(Fault { ledger, shard: 0, place, what });
            }
            None => report
                .notes
                .push(format!("{ledger}: {place} is not recorded in operations, as after a stop right behind it")),
        }
    }
}

fn merge(report: &mut Report, found: Report) {
    for fault in found.faults {
        report.fault(fault);
    }
    report.faults_omitted += found.faults_omitted;
    report.unchecked.extend(found.unchecked);
    report.notes.extend(found.notes);
    report.events += found.events;
    report.batches += found.batches;
    report.segments += found.segments;
    report.bytes += found.bytes;
    report.part_bytes += found.part_bytes;
}
