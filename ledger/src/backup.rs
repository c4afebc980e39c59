//! A copy of a data directory that another process may be writing: both ledgers up to their newest signed checkpoints, so
//! that the copy verifies by itself and a server starts on it.
//!
//! Nothing is locked. Segments never change; of the WAL that part is copied which the checkpoint covers, and the commits behind
//! it up to the next close. The two checkpoints are read one after the other, and read again if one of the ledgers says
//! more of the other than is copied.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use proof::note::{Checkpoint, Verifier};

use crate::blobs::{Blobs as _, LocalBlobs};
use crate::checkpoint::{self, CHECKPOINT_FILE};
use crate::column::Table;
use crate::disk::{Disk, LocalDisk};
use crate::error::LedgerError;
use crate::identity::{self, Identity, shard_directory};
use crate::limits::{BACKUP_TRIES_MAX, COPY_BYTES};
use crate::lock::Lock;
use crate::manifest;
use crate::position::LedgerName;
use crate::regular;
use crate::replay::{Depth, Replay};
use crate::segments::{Segments, last_statement};
use crate::wal::file::{HEADER_LEN, WalFile, file_number};
use crate::wal::scan::{Item, Scanner};

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Copied {
    /// Entries of `events`.
    pub events: u64,
    /// Entries of `operations`.
    pub operations: u64,
    /// Files.
    pub files: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Copies the data directory `from` to `to`, which must not exist or be empty; everything is durable on return. Without `keys`
/// the private keys stay behind: such a copy can be verified and queried, and no server starts on it.
///
/// After an error what was made so far is left without an identity, so that nothing takes it for a data directory.
pub fn backup(from: &Path, to: &Path, keys: bool) -> Result<Copied, LedgerError> {
    let identity = Identity::read(from)?;
    identity::check_empty(to)?;
    copy(from, to, &identity, keys)
}

fn copy(from: &Path, to: &Path, identity: &Identity, keys: bool) -> Result<Copied, LedgerError> {
    let plans = plan(from, identity)?;
    let mut copied = Copied::default();
    identity::make_folders(to)?;
    // It says where this directory is, so that nothing that is missing here is ever taken for a torn copy.
    let lock = Lock::take(to)?;
    if keys {
        for name in identity::PRIVATE_KEYS {
            copy_file(&from.join(name), &to.join(name), 0o600, &mut copied)?;
        }
    }
    for plan in &plans {
        plan.write(from, to, &mut copied)?;
    }
    drop(lock);
    identity::sync_folders(to)?;
    // The identity comes last: a directory that has it is complete.
    identity.write(to)?;
    Ok(copied)
}

/// What is copied of one ledger.
struct Plan {
    ledger: LedgerName,
    /// The newest manifest and those before it that are kept, and the files that it lists.
    names: Vec<String>,
    /// WAL files and how much of each.
    wal: Vec<(Arc<WalFile>, u64)>,
    checkpoint: Option<String>,
    batches: u64,
    next_seq: u64,
    /// The largest size of the other ledger's log that is named.
    says: u64,
}

/// Looks at both ledgers until what each says of the other is in what is copied of it.
fn plan(from: &Path, identity: &Identity) -> Result<Vec<Plan>, LedgerError> {
    let key = identity.verifier(from)?;
    let mut problem = None;
    for _ in 0..BACKUP_TRIES_MAX {
        let live = Lock::is_held(from);
        // Batches of `events` that were closed before this moment name no later checkpoint of `operations`.
        let [operations, events] = [LedgerName::Operations, LedgerName::Events]
            .map(|ledger| checkpoint::read(&shard_directory(from, ledger, 0)).map(|note| (ledger, note)));
        let mut plans = Vec::new();
        for (ledger, note) in [events?, operations?] {
            match Plan::of(from, identity, (ledger, note), &key, live) {
                Ok(plan) => plans.extend(plan),
                // What nobody writes is the same at the next look.
                Err(error) if !live && !Lock::is_held(from) => return Err(error),
                // Whatever a server changed meanwhile is otherwise at the next look; what is corrupt stays so.
                Err(error) => problem = Some(error),
            }
        }
        if let [events, operations] = &plans[..]
            && events.says <= operations.batches
            && operations.says <= events.batches
        {
            return Ok(plans);
        }
    }
    Err(problem.unwrap_or_else(|| {
        let what = "the ledgers do not agree on how far they are; run `tachograph verify`";
        LedgerError::corrupt(from, "checkpoints", what)
    }))
}

impl Plan {
    /// What is to be copied; `None` if files vanished meanwhile.
    fn of(
        from: &Path,
        identity: &Identity,
        (ledger, checkpoint): (LedgerName, Option<String>),
        key: &Verifier,
        live: bool,
    ) -> Result<Option<Self>, LedgerError> {
        let directory = shard_directory(from, ledger, 0);
        let (origin, blobs) = (identity.origin(ledger, 0), LocalBlobs::new(&directory));
        let refused = |what: String| LedgerError::corrupt(directory.join(CHECKPOINT_FILE), "signature", what);
        let signed = match &checkpoint {
            Some(note) => Checkpoint::open(note, key).map_err(|error| refused(error.to_string()))?.size,
            None => 0,
        };
        let (segments, start) = Segments::open(&directory, ledger, 0, &origin)?;
        let number = segments.manifest().map(|manifest| manifest.number);
        let Some(files) = open_wal(&directory.join("wal"), start.first_wal)? else { return Ok(None) };
        if manifest::newest(&blobs)?.map(|manifest| manifest.number) != number {
            return Ok(None);
        }
        // Of a ledger that nobody writes everything is copied, for nothing signs its end any more.
        let end = if live { signed } else { u64::MAX };
        if start.chain.next_batch > end {
            return Ok(None);
        }
        let sealed =
            segments.manifest().map_or(Ok(None), |manifest| last_statement(&blobs, manifest, &start.positions))?;
        let mut replay = Replay::new(Depth::Proofs, Table::of(ledger), 0, start.chain, start.positions);
        let mut wal = Vec::new();
        let newest = files.last().map(|file| file.header.number);
        for file in files {
            let number = start.first_wal + wal.len() as u64;
            let at = (replay.chain.next_batch, replay.next_seq);
            let placed = file.check_place((ledger, 0), &origin, number, at);
            // The newest file counts for nothing while it has no frame: the one before may have gone on.
            if placed.is_err() && Some(number) == newest && !wal.is_empty() && file.is_empty()? {
                break;
            }
            placed?;
            let (len, whole) = read_until(&file, end, &mut replay)?;
            wal.push((file, len));
            if !whole {
                break;
            }
        }
        if replay.chain.next_batch < signed {
            let what = format!("it covers {signed} batches, and the disk has {}", replay.chain.next_batch);
            return Err(LedgerError::corrupt(directory.join(CHECKPOINT_FILE), "size", what));
        }
        let listed = segments.manifest().into_iter().flat_map(|manifest| &manifest.segments);
        let mut names: Vec<String> = listed.flat_map(|segment| &segment.files).map(|file| file.name.clone()).collect();
        let manifests = blobs.list(manifest::FOLDER)?.into_iter();
        names.extend(manifests.filter(|name| manifest::number_of(name).is_some_and(|found| Some(found) <= number)));
        let says = sealed.iter().chain(&replay.statements).map(|statement| statement.size).max().unwrap_or(0);
        let (batches, next_seq) = (replay.chain.next_batch, replay.next_seq);
        Ok(Some(Self { ledger, names, wal, checkpoint, batches, next_seq, says }))
    }

    fn write(&self, from: &Path, to: &Path, copied: &mut Copied) -> Result<(), LedgerError> {
        let (from, to) = (shard_directory(from, self.ledger, 0), shard_directory(to, self.ledger, 0));
        match self.ledger {
            LedgerName::Events => copied.events = self.next_seq,
            LedgerName::Operations => copied.operations = self.next_seq,
        }
        for name in &self.names {
            match copy_file(&from.join(name), &to.join(name), 0o600, copied) {
                // An old manifest that was deleted meanwhile is of no use.
                Err(LedgerError::Io { source, .. })
                    if source.kind() == std::io::ErrorKind::NotFound && manifest::number_of(name).is_some() => {}
                other => other?,
            }
        }
        for (file, len) in &self.wal {
            let path = to.join("wal").join(file.path.file_name().unwrap_or_default());
            let mut target = create(&path, 0o600)?;
            for at in (0..*len).step_by(COPY_BYTES) {
                let bytes = file.read(at, (len - at).min(COPY_BYTES as u64) as usize)?;
                target.write_all(&bytes).map_err(LedgerError::io("write", &path))?;
            }
            target.sync_all().map_err(LedgerError::io("sync", &path))?;
            (copied.files, copied.bytes) = (copied.files + 1, copied.bytes + len);
        }
        if let Some(note) = &self.checkpoint {
            let path = to.join(CHECKPOINT_FILE);
            let mut file = create(&path, 0o600)?;
            file.write_all(note.as_bytes()).and_then(|()| file.sync_all()).map_err(LedgerError::io("write", &path))?;
            (copied.files, copied.bytes) = (copied.files + 1, copied.bytes + note.len() as u64);
        }
        Ok(())
    }
}

/// The WAL files from number `first` on; `None` if one is missing.
fn open_wal(directory: &Path, first: u64) -> Result<Option<Vec<Arc<WalFile>>>, LedgerError> {
    let paths = LocalDisk.list(directory).map_err(LedgerError::io("list", directory))?;
    let mut files = Vec::new();
    for path in paths.into_iter().filter(|path| file_number(path).is_some_and(|number| number >= first)) {
        if file_number(&path) != Some(first + files.len() as u64) {
            return Ok(None);
        }
        match WalFile::open(&LocalDisk, &path, false) {
            Ok(Some(file)) => files.push(Arc::new(file)),
            // The newest file is only being begun.
            Ok(None) => break,
            Err(LedgerError::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(files))
}

/// Replays a file up to the first commit that closes batch `end` or a later one: how much of it comes before, and whether
/// that is all.
fn read_until(file: &Arc<WalFile>, end: u64, replay: &mut Replay) -> Result<(u64, bool), LedgerError> {
    let mut scanner = Scanner::new(Arc::clone(file));
    let mut len = HEADER_LEN as u64;
    while let Some(commit) = scanner.next_commit()? {
        let closes = |item: &Item| matches!(item, Item::Close(header) if header.batch >= end);
        if commit.items.iter().any(closes) {
            return Ok((len, false));
        }
        replay.apply(file, &commit, None)?;
        len = scanner.offset();
    }
    scanner.end()?;
    Ok((len, true))
}

fn copy_file(from: &Path, to: &Path, mode: u32, copied: &mut Copied) -> Result<(), LedgerError> {
    let (source, metadata) = regular::open(from, false).map_err(LedgerError::io("open", from))?;
    let mut target = create(to, mode)?;
    let bytes = std::io::copy(&mut source.take(metadata.len()), &mut target).map_err(LedgerError::io("copy", from))?;
    target.sync_all().map_err(LedgerError::io("sync", to))?;
    (copied.files, copied.bytes) = (copied.files + 1, copied.bytes + bytes);
    Ok(())
}

fn create(path: &Path, mode: u32) -> Result<File, LedgerError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(LedgerError::io("create", folder))?;
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode).open(path).map_err(LedgerError::io("create", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::column;
    use crate::fixtures::append_patiently;
    use crate::{Entry, Group, Options, Store};
    use ledger_verify::{Verdict, verify};

    fn options() -> Options {
        Options { reserve_bytes: 0, segment_entries_max: 60, ..Options::default() }
    }

    fn append(store: &Store) {
        let mut group = Group::new(Table::of(LedgerName::Events));
        for _ in 0..7 {
            let mut entry = Entry::new();
            entry.set_text(column::KIND, "prompt");
            entry.set_text(column::CONTENT, "{}");
            group.push(&entry).expect("small");
        }
        append_patiently(store, group);
    }

    fn verdict(data: &Path) -> Verdict {
        let report = verify(data, None, &mut |_| {}).expect("a ledger");
        assert_eq!(report.verdict(), Verdict::Verified, "{report:#?}");
        report.verdict()
    }

    #[test]
    fn a_copy_of_a_directory_that_is_written_verifies_and_starts() {
        let root = tempfile::tempdir().expect("a directory");
        let data = root.path().join("data");
        Store::init(&data, "acme.example/agents").expect("made");
        let store = Store::open(&data, options()).expect("opened");
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| (0..60).for_each(|_| append(&store)));
            let mut last = 0;
            for number in 0..4 {
                let to = root.path().join(format!("copy {number}"));
                let copied = backup(&data, &to, true).expect("copied");
                assert!(copied.events >= last && copied.files >= 4, "{copied:?}");
                last = copied.events;
                verdict(&to);
                let other = Store::open(&to, options()).expect("starts");
                assert_eq!(other.events().reader().durable().expect("read").next_seq.get(), copied.events);
                append(&other);
                other.stop();
                verdict(&to);
            }
            writer.join().expect("no panic");
        });
        let next_seq = store.events().reader().durable().expect("read").next_seq.get();
        store.stop();
        // Of a directory at rest everything is copied.
        let to = root.path().join("whole");
        assert_eq!(backup(&data, &to, false).expect("copied").events, next_seq);
        verdict(&to);
        assert!(Store::open(&to, options()).is_err(), "the keys stayed behind");
    }

    #[test]
    fn nothing_is_overwritten_and_no_damage_is_copied() {
        let root = tempfile::tempdir().expect("a directory");
        let (data, to) = (root.path().join("data"), root.path().join("to"));
        assert!(matches!(backup(&data, &to, true), Err(LedgerError::NotInitialised { .. })));
        Store::init(&data, "acme.example/agents").expect("made");
        fs::create_dir(&to).expect("made");
        fs::write(to.join("mine"), "x").expect("written");
        assert!(backup(&data, &to, true).is_err());
        assert_eq!(fs::read_dir(&to).expect("listed").count(), 1);
        fs::remove_file(to.join("mine")).expect("removed");
        let store = Store::open(&data, options()).expect("opened");
        append(&store);
        store.stop();
        let checkpoint = data.join("events/0/checkpoint");
        let text = fs::read_to_string(&checkpoint).expect("read");
        fs::write(&checkpoint, text.replace('a', "b")).expect("written");
        assert!(backup(&data, &to, true).is_err());
        assert!(!to.join("identity").exists());
    }
}
