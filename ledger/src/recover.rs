//! What happens at start before anything is shown: the WAL is synced and replayed, a torn tail is cut, corruption stops.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use proof::note::Checkpoint;

use crate::checkpoint;
use crate::error::LedgerError;
use crate::replay::Replay;
use crate::seal::SealBatch;
use crate::sealer::FullFile;
use crate::tail::Tail;
use crate::wal::file::{HEADER_LEN, WalFile, WalHeader, file_number, origin_mark};
use crate::wal::scan::{End, Scanner};
use crate::writer::{ShardContext, WalState};

/// What recovery found.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// The state of the writer's WAL file.
    pub(crate) wal: WalState,
    /// Full files that were not sealed yet, in order.
    pub(crate) unsealed: Vec<FullFile>,
    /// Batches of the writer's file that are closed.
    pub(crate) closed: Vec<SealBatch>,
    /// The signed checkpoint that was found, if any.
    pub(crate) checkpoint: Option<Checkpoint>,
}

/// Replays the WAL files from number `first` on into `replay` and `tail`.
pub(crate) fn recover(
    context: &ShardContext,
    first: u64,
    replay: &mut Replay,
    tail: &mut Tail,
) -> Result<Recovered, LedgerError> {
    let directory = context.directory.join("wal");
    let mut numbers = wal_numbers(context, &directory)?;
    // What lies before the first file that the manifest needs was sealed; the crash came before it was deleted.
    for (number, path) in numbers.extract_if(.., |(number, _)| *number < first) {
        tracing::info!(ledger = %context.table.ledger, number, "deletes a WAL file that is sealed");
        if let Err(error) = context.disk.remove(&path) {
            tracing::warn!(path = %path.display(), %error, "a sealed WAL file cannot be deleted");
        }
    }
    let empty_last = take_empty_last(context, &mut numbers)?;
    // A name that a failed sync left in doubt is made durable before anything depends on it.
    context.disk.sync_directory(&directory).map_err(LedgerError::io("sync", &directory))?;
    let log = read_checkpoint(context)?;
    let check = CheckpointCheck { context, wanted: log };
    check.look(replay)?;
    let mut unsealed = Vec::new();
    let (mut expected, mut last) = (first, None);
    let count = numbers.len();
    for (index, (number, path)) in numbers.into_iter().enumerate() {
        check_number(&path, number, expected)?;
        expected += 1;
        let Some(file) = open_file(context, &path, number, replay)? else {
            return Err(LedgerError::corrupt(&path, "header", "it was never begun, and frames follow"));
        };
        let scanner = replay_file(context, &file, (&mut *replay, &mut *tail), &check, index + 1 == count)?;
        let batches = std::mem::take(&mut replay.closed);
        if let Some((previous, _, batches)) = last.replace((file, scanner, batches)) {
            unsealed.push(FullFile { file: previous, batches });
        }
    }
    check.finish(replay)?;
    let commit = last.as_ref().map(|(_, scanner, _)| scanner.next_commit_number());
    if let Some((number, path)) = empty_last {
        check_number(&path, number, expected)?;
        if let Some(file) = keep_empty(context, &path, number, replay, last.is_some())? {
            unsealed.extend(last.take().map(|(previous, _, batches)| FullFile { file: previous, batches }));
            last = Some((Arc::clone(&file), Scanner::new(file), Vec::new()));
        }
    }
    let (file, scanner, closed) = if let Some(last) = last {
        last
    } else {
        let file = Arc::new(create_file(context, &directory, expected, replay, commit.unwrap_or(1))?);
        (Arc::clone(&file), Scanner::new(file), Vec::new())
    };
    let wal = WalState {
        entries: replay.next_seq - file.header.first_seq,
        offset: scanner.offset(),
        commit: scanner.next_commit_number(),
        next_seq: replay.next_seq,
        file,
    };
    Ok(Recovered { wal, unsealed, closed, checkpoint: check.wanted })
}

/// Numbers and paths of the WAL files, in order.
fn wal_numbers(context: &ShardContext, directory: &Path) -> Result<Vec<(u64, PathBuf)>, LedgerError> {
    let paths = context.disk.list(directory).map_err(LedgerError::io("list", directory))?;
    Ok(paths.into_iter().filter_map(|path| file_number(&path).map(|number| (number, path))).collect())
}

fn check_number(path: &Path, number: u64, expected: u64) -> Result<(), LedgerError> {
    if number == expected {
        return Ok(());
    }
    Err(LedgerError::corrupt(path, "name", format!("WAL file {expected} is missing before it")))
}

/// Takes the newest file out of the list if it holds nothing behind its header: no commit depends on it yet.
fn take_empty_last(
    context: &ShardContext,
    numbers: &mut Vec<(u64, PathBuf)>,
) -> Result<Option<(u64, PathBuf)>, LedgerError> {
    let Some((_, path)) = numbers.last() else { return Ok(None) };
    let file = context.disk.open(path, false).map_err(LedgerError::io("open", path))?;
    let len = file.size().map_err(LedgerError::io("read", path))?;
    Ok(if len <= HEADER_LEN as u64 { numbers.pop() } else { None })
}

/// The newest file, which holds nothing, if the writer goes on in it. It does not if the file was never begun, or if the one
/// before grew on because the disk refused part of the change: then it is deleted.
fn keep_empty(
    context: &ShardContext,
    path: &Path,
    number: u64,
    replay: &Replay,
    has_previous: bool,
) -> Result<Option<Arc<WalFile>>, LedgerError> {
    let header = WalFile::open(context.disk.as_ref(), path, true)?.map(|file| file.header);
    let here = (replay.chain.next_batch, replay.next_seq);
    let grew_on = header.as_ref().is_some_and(|header| {
        has_previous && (replay.batch.is_some() || (header.first_batch, header.first_seq) != here)
    });
    if header.is_some() && !grew_on {
        return open_file(context, path, number, replay);
    }
    tracing::warn!(path = %path.display(), "a WAL file was not begun before the last stop; deletes it");
    context.disk.remove(path).map_err(LedgerError::io("remove", path))?;
    Ok(None)
}

/// Opens a WAL file and checks that it is the one that belongs here; `None` for one that was never begun.
fn open_file(
    context: &ShardContext,
    path: &Path,
    number: u64,
    replay: &Replay,
) -> Result<Option<Arc<WalFile>>, LedgerError> {
    let Some(wal) = WalFile::open(context.disk.as_ref(), path, true)? else { return Ok(None) };
    // A process that was killed leaves commits in the page cache that no sync covered: make them durable before they count.
    wal.file.sync().map_err(LedgerError::io("sync", path))?;
    let (at, next) = ((context.table.ledger, context.shard), (replay.chain.next_batch, replay.next_seq));
    wal.check_place(at, &context.origin, number, next)?;
    Ok(Some(Arc::new(wal)))
}

fn replay_file(
    context: &ShardContext,
    file: &Arc<WalFile>,
    (replay, tail): (&mut Replay, &mut Tail),
    check: &CheckpointCheck<'_>,
    is_last: bool,
) -> Result<Scanner, LedgerError> {
    let mut scanner = Scanner::new(Arc::clone(file));
    while let Some(commit) = scanner.next_commit()? {
        let mut blocks = Vec::new();
        replay.apply(file, &commit, Some(&mut blocks))?;
        for block in blocks {
            tail.add(block);
        }
        check.look(replay)?;
    }
    match scanner.end()? {
        End::Clean if is_last || replay.batch.is_none() => {}
        End::Torn(bytes) if is_last => {
            tracing::warn!(ledger = %context.table.ledger, bytes, "cuts the torn tail of the WAL: it was never acknowledged");
            file.file.truncate(scanner.offset()).map_err(LedgerError::io("truncate", &file.path))?;
            file.file.sync().map_err(LedgerError::io("sync", &file.path))?;
        }
        End::Clean | End::Torn(_) => {
            let place = format!("offset {}", scanner.offset());
            return Err(LedgerError::corrupt(
                &file.path,
                place,
                "the file was full and whole when the next one was begun",
            ));
        }
    }
    Ok(scanner)
}

fn create_file(
    context: &ShardContext,
    directory: &Path,
    number: u64,
    replay: &Replay,
    commit: u64,
) -> Result<WalFile, LedgerError> {
    let header = WalHeader {
        ledger: context.table.ledger,
        shard: context.shard,
        number,
        nonce: u64::from_be_bytes(crate::identity::random()?),
        first_commit: commit,
        first_batch: replay.chain.next_batch,
        first_seq: replay.next_seq,
        origin: origin_mark(&context.origin),
    };
    WalFile::create(context.disk.as_ref(), directory, header).map_err(|failed| failed.error)
}

/// The newest signed checkpoint of this log on this disk.
fn read_checkpoint(context: &ShardContext) -> Result<Option<Checkpoint>, LedgerError> {
    let path = context.directory.join(checkpoint::CHECKPOINT_FILE);
    let Some(note) = checkpoint::read(&context.directory)? else { return Ok(None) };
    let opened = Checkpoint::open(&note, context.signer.verifier());
    let checkpoint = opened.map_err(|error| LedgerError::corrupt(&path, "signature", error.to_string()))?;
    if checkpoint.origin != context.origin {
        return Err(LedgerError::corrupt(path, "origin", format!("it is of the log {:?}", checkpoint.origin)));
    }
    Ok(Some(checkpoint))
}

/// Watches a replay pass the size of the newest checkpoint: what was signed must be there, and the same.
struct CheckpointCheck<'a> {
    context: &'a ShardContext,
    wanted: Option<Checkpoint>,
}

impl CheckpointCheck<'_> {
    fn look(&self, replay: &Replay) -> Result<(), LedgerError> {
        let log = &replay.chain.frontier;
        match &self.wanted {
            Some(wanted) if wanted.size == log.size() && wanted.root != log.root() => {
                Err(self.contradiction("the batches on disk are not those that it was signed over"))
            }
            _ => Ok(()),
        }
    }

    fn finish(&self, replay: &Replay) -> Result<(), LedgerError> {
        let size = replay.chain.frontier.size();
        match &self.wanted {
            // What a torn copy lost is told by whoever opens the store.
            Some(wanted) if wanted.size > size && !self.context.may_be_torn => Err(self.contradiction(&format!(
                "it was signed over {} batches and the disk has {size}: the ledger was cut or rolled back",
                wanted.size
            ))),
            _ => Ok(()),
        }
    }

    fn contradiction(&self, what: &str) -> LedgerError {
        LedgerError::corrupt(self.context.directory.join(checkpoint::CHECKPOINT_FILE), "size and root", what)
    }
}
