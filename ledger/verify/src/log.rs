//! One ledger as a verification reads it: its checkpoint first, then its manifest and WAL files, then what is in them.
//!
//! A server may be writing meanwhile. Files stay readable through the handles that were opened at the start, and the WAL is
//! read on until the newest checkpoint is reached.

use std::collections::BTreeMap;
use std::path::PathBuf;

use proof::note::{Checkpoint, Verifier};

use crate::chain::{Gap, Statement, TreeHead};
use crate::error::VerifyError;
use crate::files::{LocalFiles, read_text};
use crate::limits::{ROUNDS_MAX, SMALL_FILE_BYTES_MAX};
use crate::manifest::{self, Manifest};
use crate::name::LedgerName;
use crate::recorded::Recorded;
use crate::replay::Replay;
use crate::report::{Fault, Report, Unproven};
use crate::segments::{Progress, Scope, Sealed, head_at, last_statement, verify_segments};
use crate::table::Table;
use crate::wal::Wal;

/// The file of the newest checkpoint.
const CHECKPOINT_FILE: &str = "checkpoint";

/// Which ledger it is, and where.
pub(crate) struct ShardContext {
    pub(crate) folder: PathBuf,
    pub(crate) ledger: LedgerName,
    pub(crate) shard: u32,
    pub(crate) origin: String,
    pub(crate) key: Verifier,
}

impl ShardContext {
    pub(crate) fn at(&self, place: impl Into<String>, what: impl Into<String>) -> Fault {
        Fault { ledger: self.ledger, shard: self.shard, place: place.into(), what: what.into() }
    }

    /// The text of the newest checkpoint, if there is one. A file of zeros alone, or an empty one, is what a loss of power can leave.
    fn checkpoint_text(&self) -> Result<Option<String>, VerifyError> {
        let path = self.folder.join(CHECKPOINT_FILE);
        match read_text(&path, SMALL_FILE_BYTES_MAX) {
            Ok(note) => Ok(Some(note).filter(|note| note.bytes().any(|byte| byte != 0))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(VerifyError::io("read", path)(error)),
        }
    }

    /// The newest checkpoint, if there is one that is signed for this log.
    fn checkpoint(&self, report: &mut Report) -> Option<Checkpoint> {
        let note = match self.checkpoint_text() {
            Ok(note) => note?,
            Err(error) => {
                report.error(self.ledger, self.shard, CHECKPOINT_FILE.to_owned(), &error);
                return None;
            }
        };
        match Checkpoint::open(&note, &self.key) {
            Ok(checkpoint) if checkpoint.origin == self.origin => Some(checkpoint),
            Ok(checkpoint) => {
                report.fault(self.at("checkpoint, origin", format!("it is of the log {:?}", checkpoint.origin)));
                None
            }
            Err(error) => {
                report.fault(self.at("checkpoint, signature", error.to_string()));
                None
            }
        }
    }
}

/// What was read of one ledger.
pub(crate) struct Log {
    pub(crate) context: ShardContext,
    pub(crate) files: LocalFiles,
    pub(crate) manifest: Option<Manifest>,
    /// Whether everything up to the end could be replayed.
    pub(crate) whole: bool,
    /// The newest checkpoint that what was read reaches, or else the one that was read first.
    pub(crate) checkpoint: Option<Checkpoint>,
    pub(crate) replay: Replay,
    /// What the newest sealed batch says of the other ledger.
    sealed_statement: Option<Statement>,
    /// What sealed entries of this ledger say about manifests.
    pub(crate) sealed_manifests: Recorded,
    wal: Wal,
}

impl Log {
    pub(crate) fn read(context: ShardContext, progress: &mut dyn FnMut(Progress), report: &mut Report) -> Self {
        // The checkpoint is read first: the ledger only grows, so that everything it covers must be found below.
        let checkpoint = context.checkpoint(report);
        let files = LocalFiles::new(&context.folder);
        // WAL files are opened before the segments are checked, which may take minutes: they may be gone by then.
        let first = manifest::newest(&files).ok().flatten().map_or(0, |manifest| manifest.wal.file);
        let mut wal = Wal::open(&context, first, report);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let (ledger, shard, origin) = (context.ledger, context.shard, context.origin.as_str());
        let scope = Scope { files: &files, ledger, shard, origin, threads };
        let Sealed { manifest, chain, positions, manifests, sound } = verify_segments(&scope, progress, report);
        let mut whole = sound && first == manifest.as_ref().map_or(0, |manifest| manifest.wal.file);
        let sealed_statement = manifest.as_ref().filter(|_| sound).and_then(|manifest| {
            // Whatever keeps its files from being read is in the report already.
            last_statement((ledger, shard), &files, manifest, &positions).ok().flatten()
        });
        let mut replay = Replay::of(Table::of(ledger), shard, chain, &positions);
        if whole {
            whole = wal.read_on(&context, &mut replay, report);
        }
        Self { context, files, manifest, whole, checkpoint, replay, sealed_statement, sealed_manifests: manifests, wal }
    }

    /// Number of closed batches.
    pub(crate) fn batches(&self) -> u64 {
        self.replay.chain.next_batch
    }

    /// Whether a newer manifest came while the ledger was read.
    pub(crate) fn has_grown(&self) -> bool {
        let newest = manifest::newest(&self.files).ok().flatten();
        newest.is_some_and(|newest| self.manifest.as_ref().is_none_or(|manifest| newest.number > manifest.number))
    }

    /// The log at one of its sizes, `None` if it has no such size.
    pub(crate) fn head(&self, size: u64) -> Option<TreeHead> {
        let replayed = self.replay.heads.get(&size).copied();
        // Headers that cannot be read are in the report already.
        replayed.or_else(|| head_at(&self.files, self.manifest.as_ref()?, size).ok().flatten())
    }

    /// What this ledger says of the other one.
    pub(crate) fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.sealed_statement.iter().chain(&self.replay.statements)
    }

    /// The largest size of the other log that this one names.
    pub(crate) fn largest_statement(&self) -> u64 {
        self.statements().map(|statement| statement.size).max().unwrap_or(0)
    }

    /// What torn copies lost of a ledger, as far as this one's checkpoint covers it.
    pub(crate) fn gaps(&self, of: LedgerName) -> impl Iterator<Item = &Gap> {
        self.replay.gaps_of(of, self.checkpoint.as_ref())
    }

    /// Reads the WAL on and takes the newest checkpoint; whether there was anything new.
    pub(crate) fn catch_up(&mut self, said: u64, report: &mut Report) -> bool {
        if !self.whole {
            return false;
        }
        let before = self.batches();
        for _ in 0..ROUNDS_MAX {
            let Some(newest) = self.context.checkpoint(report) else { break };
            if newest.size <= self.batches() {
                self.checkpoint = Some(newest);
                break;
            }
            let read = self.batches();
            self.whole = self.wal.read_on(&self.context, &mut self.replay, report);
            if !self.whole || self.batches() == read {
                break;
            }
        }
        if self.whole && said > self.batches() {
            self.whole = self.wal.read_on(&self.context, &mut self.replay, report);
        }
        self.batches() > before
    }

    /// Compares the signed checkpoint with what the disk holds.
    pub(crate) fn check_checkpoint(&self, report: &mut Report) {
        self.wal.tell_end(&self.context, report);
        if !self.whole {
            return;
        }
        let Some(checkpoint) = &self.checkpoint else {
            let no_file = matches!(self.context.checkpoint_text(), Ok(None));
            if no_file && self.batches() > 0 {
                let what =
                    format!("there is none over the {} batches on the disk; the next start signs one", self.batches());
                report.leave(self.context.at(CHECKPOINT_FILE, what));
            }
            return;
        };
        match self.head(checkpoint.size) {
            Some(head) if head.root == checkpoint.root => {}
            Some(_) => report
                .fault(self.context.at("checkpoint, root", "it was signed over other batches than those on the disk")),
            None => {
                let what = format!(
                    "it was signed over {} batches and the disk has {}: the ledger was cut or rolled back",
                    checkpoint.size,
                    self.batches()
                );
                report.absence(self.context.at("checkpoint, size", what));
            }
        }
    }

    /// Counts what no checkpoint covers. A process that stopped in order leaves nothing; one that was killed leaves its open
    /// batch and at most one that was closed and not yet signed.
    pub(crate) fn count_unproven(&self, stopped: bool, report: &mut Report) {
        let Some(checkpoint) = self.checkpoint.as_ref().filter(|_| self.whole) else { return };
        let Some(head) = self.head(checkpoint.size) else { return };
        let batches = self.batches() - checkpoint.size;
        let closed = self.replay.chain.next_seq.saturating_sub(head.next_seq);
        let open = self.replay.open.as_ref().map(|open| open.leaves.size());
        let unproven = Unproven { ledger: self.context.ledger, batches, events: closed + open.unwrap_or(0) };
        if stopped && (batches > 0 || open.is_some()) {
            let what = format!(
                "{} batches that are closed and {} events that are in none follow what it covers, although the last \
                 process stopped in order and had signed everything",
                batches,
                open.unwrap_or(0)
            );
            report.fault(self.context.at(CHECKPOINT_FILE, what));
        } else if batches > 0 || unproven.events > 0 {
            report.unproven.push(unproven);
        }
    }

    /// The position after the last event that the signed checkpoint covers.
    pub(crate) fn signed_seq(&self) -> u64 {
        let head = self.checkpoint.as_ref().and_then(|checkpoint| self.head(checkpoint.size));
        head.map_or(0, |head| head.next_seq)
    }
}

/// The logs by ledger.
pub(crate) type Logs = BTreeMap<LedgerName, Log>;
