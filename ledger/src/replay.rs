//! Replays WAL commits into the state that they describe: the chain, the open batch, the hot tail, the source positions.
//!
//! The writer's recovery, a reader in another process and `verify` share it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use proof::Digest;
use proof::note::Checkpoint;

use crate::batch::{Chain, OpenBatch};
use crate::checkpoint::{parse_peer_value, peer_key};
use crate::column::Table;
use crate::error::LedgerError;
use crate::gap::Gap;
use crate::position::LedgerName;
use crate::tail::{RowRef, Tail};
use crate::wal::file::WalFile;
use crate::wal::frame::Open;
use crate::wal::scan::{Item, ScannedCommit};

/// How much a replay computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Columns of the tail only: for readers.
    Rows,
    /// Leaves and roots too: for the writer and for `verify`.
    Proofs,
}

/// The log at one of its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Its root.
    pub(crate) root: Digest,
    /// The position after the last event of its batches.
    pub(crate) next_seq: u64,
}

/// What a batch says of the other ledger's log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Statement {
    /// The batch that says it.
    pub(crate) batch: u64,
    /// Size of the other log.
    pub(crate) size: u64,
    /// Its root at that size.
    pub(crate) root: Digest,
}

/// The state after some commits.
#[derive(Debug)]
pub(crate) struct Replay {
    depth: Depth,
    table: &'static Table,
    shard: u32,
    pub(crate) chain: Chain,
    pub(crate) batch: Option<OpenBatch>,
    pub(crate) positions: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) recorded: i64,
    pub(crate) epoch: u64,
    pub(crate) next_seq: u64,
    /// The log after each batch that was replayed, and where the replay started.
    pub(crate) marks: BTreeMap<u64, Mark>,
    /// What the batches say of the other ledger, in order.
    pub(crate) statements: Vec<Statement>,
    /// What the open batch says of it.
    said: Option<(u64, Digest)>,
    /// What torn copies lost of which ledger, with the batch that says so.
    gaps: Vec<(u64, LedgerName, Gap)>,
}

impl Replay {
    /// Starts from what the newest manifest says.
    pub(crate) fn new(
        depth: Depth,
        table: &'static Table,
        shard: u32,
        chain: Chain,
        positions: BTreeMap<Vec<u8>, Vec<u8>>,
    ) -> Self {
        let (recorded, next_seq) = (chain.recorded, chain.next_seq);
        let mut replay = Self {
            depth,
            table,
            shard,
            chain,
            batch: None,
            positions,
            recorded,
            epoch: 0,
            next_seq,
            marks: BTreeMap::new(),
            statements: Vec::new(),
            said: None,
            gaps: Vec::new(),
        };
        replay.mark();
        let sealed = replay.positions.clone();
        for (key, value) in &sealed {
            replay.note_gap(key, value, replay.chain.next_batch.saturating_sub(1));
        }
        replay
    }

    /// Keeps a gap, if an input of `batch` is one.
    fn note_gap(&mut self, key: &[u8], value: &[u8], batch: u64) {
        let of = LedgerName::ALL.into_iter().find(|ledger| Gap::key(*ledger, self.shard).as_bytes() == key);
        if let Some((ledger, gap)) = of.zip(Gap::decode(value)) {
            self.gaps.push((batch, ledger, gap));
        }
    }

    /// What torn copies lost of a ledger, as far as this one's checkpoint covers it.
    pub(crate) fn gaps_of(&self, of: LedgerName, checkpoint: Option<&Checkpoint>) -> impl Iterator<Item = &Gap> {
        let signed = checkpoint.map_or(0, |checkpoint| checkpoint.size);
        let gaps = self.gaps.iter().filter(move |(batch, ledger, _)| *batch < signed && *ledger == of);
        gaps.map(|(_, _, gap)| gap)
    }

    /// Keeps the log as it stands.
    fn mark(&mut self) {
        if self.depth == Depth::Proofs {
            let mark = Mark { root: self.chain.frontier.root(), next_seq: self.chain.next_seq };
            self.marks.insert(self.chain.frontier.size(), mark);
        }
    }

    /// Goes on by one commit of `file` and adds its rows to `tail`, if there is one.
    pub(crate) fn apply(
        &mut self,
        file: &Arc<WalFile>,
        commit: &ScannedCommit,
        mut tail: Option<&mut Tail>,
    ) -> Result<(), LedgerError> {
        self.epoch = self.epoch.max(commit.commit.epoch);
        for item in &commit.items {
            match item {
                Item::Open(open) => self.open(file, commit, open)?,
                Item::Input(input) => {
                    if input.key == peer_key(self.table.ledger.peer(), self.shard).as_bytes() {
                        self.said = parse_peer_value(&input.value);
                    }
                    self.note_gap(&input.key, &input.value, self.chain.next_batch);
                    self.positions.insert(input.key.clone(), input.value.clone());
                    if let Some(batch) = &mut self.batch {
                        batch.add_input(input.clone());
                    }
                }
                Item::Event(range) => self.event(file, commit, range, tail.as_deref_mut())?,
                Item::Close(header) => self.close(file, commit, header)?,
            }
        }
        self.next_seq = commit.commit.next_seq;
        Ok(())
    }

    fn open(&mut self, file: &Arc<WalFile>, commit: &ScannedCommit, open: &Open) -> Result<(), LedgerError> {
        if self.batch.is_some() || open.batch != self.chain.next_batch || open.first_seq != self.chain.next_seq {
            return Err(wrong(file, commit, format!("batch {} is opened out of turn", open.batch)));
        }
        self.batch = Some(OpenBatch::new(self.table, self.shard, open.clone()));
        Ok(())
    }

    fn event(
        &mut self,
        file: &Arc<WalFile>,
        commit: &ScannedCommit,
        range: &Range<usize>,
        tail: Option<&mut Tail>,
    ) -> Result<(), LedgerError> {
        let (Some(event), Some(batch)) = (commit.event(range), &mut self.batch) else {
            return Err(wrong(file, commit, "an event stands outside of a batch".to_owned()));
        };
        if event.recorded < self.recorded {
            return Err(wrong(file, commit, format!("event {} goes back in recorded time", event.seq)));
        }
        self.recorded = event.recorded;
        if self.depth == Depth::Proofs {
            batch.add_event(&event);
        }
        let at =
            RowRef { offset: commit.offset + range.start as u64, len: range.len() as u32, batch: batch.open().batch };
        tail.map_or(Ok(()), |tail| tail.push(file, at, &event))
    }

    fn close(
        &mut self,
        file: &Arc<WalFile>,
        commit: &ScannedCommit,
        header: &proof::Header,
    ) -> Result<(), LedgerError> {
        let Some(batch) = self.batch.take() else {
            return Err(wrong(file, commit, format!("batch {} is closed but not open", header.batch)));
        };
        if self.depth == Depth::Proofs && batch.header(self.chain.previous, header.recorded_max) != *header {
            return Err(wrong(file, commit, format!("the header of batch {} is not that of its events", header.batch)));
        }
        self.chain.push(header).map_err(|what| wrong(file, commit, what))?;
        self.recorded = self.recorded.max(header.recorded_max);
        self.mark();
        if let Some((size, root)) = self.said.take().filter(|_| self.depth == Depth::Proofs) {
            self.statements.push(Statement { batch: header.batch, size, root });
        }
        Ok(())
    }
}

fn wrong(file: &Arc<WalFile>, commit: &ScannedCommit, what: String) -> LedgerError {
    LedgerError::corrupt(&file.path, format!("offset {}, commit {}", commit.offset, commit.commit.number), what)
}
