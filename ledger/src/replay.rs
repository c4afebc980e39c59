//! Replays WAL commits into the state that they describe: the chain, the open batch, the hot tail, the source positions.
//!
//! The writer's recovery and a reader in another process share it.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::Range;
use std::sync::Arc;

use proof::Digest;
use proof::note::Checkpoint;

use crate::batch::{Chain, OpenBatch};
use crate::block::{Block, Pages};
use crate::checkpoint::{parse_peer_value, peer_key};
use crate::column::{Part, Table};
use crate::entry::{Checks, PartDigests};
use crate::error::LedgerError;
use crate::gap::Gap;
use crate::limits::REPLAY_ROWS_AT_ONCE;
use crate::position::LedgerName;
use crate::seal::SealBatch;
use crate::tail::TailBlock;
use crate::wal::file::WalFile;
use crate::wal::frame::Open;
use crate::wal::scan::{Item, ScannedCommit};

/// How much a replay computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Where rows lie only: for readers.
    Rows,
    /// Leaves and roots too, and whether rows are canonical: for the writer.
    Proofs,
}

/// The log at one of its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TreeHead {
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
    pub(crate) heads: BTreeMap<u64, TreeHead>,
    /// What the batches say of the other ledger, in order.
    pub(crate) statements: Vec<Statement>,
    /// What the open batch says of it.
    said: Option<(u64, Digest)>,
    /// What torn copies lost of which ledger, with the batch that says so.
    gaps: Vec<(u64, LedgerName, Gap)>,
    /// Whether closed batches are kept.
    keeps_closed: bool,
    /// Batches that were closed since somebody took them: what a sealer needs of them.
    pub(crate) closed: Vec<SealBatch>,
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
            heads: BTreeMap::new(),
            statements: Vec::new(),
            said: None,
            gaps: Vec::new(),
            keeps_closed: false,
            closed: Vec::new(),
        };
        replay.note_head();
        let sealed = replay.positions.clone();
        for (key, value) in &sealed {
            replay.note_gap(key, value, replay.chain.next_batch.saturating_sub(1));
        }
        replay
    }

    /// Keeps what a sealer needs of every batch that is closed.
    pub(crate) fn keep_closed(mut self) -> Self {
        self.keeps_closed = true;
        self
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
    fn note_head(&mut self) {
        if self.depth == Depth::Proofs {
            let head = TreeHead { root: self.chain.frontier.root(), next_seq: self.chain.next_seq };
            self.heads.insert(self.chain.frontier.size(), head);
        }
    }

    /// Goes on by one commit of `file` and hands out its rows, if somebody wants them.
    pub(crate) fn apply(
        &mut self,
        file: &Arc<WalFile>,
        commit: &ScannedCommit,
        mut blocks: Option<&mut Vec<TailBlock>>,
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
                Item::Block(range) => self.block(file, commit, range, blocks.as_deref_mut())?,
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

    fn block(
        &mut self,
        file: &Arc<WalFile>,
        commit: &ScannedCommit,
        range: &Range<usize>,
        blocks: Option<&mut Vec<TailBlock>>,
    ) -> Result<(), LedgerError> {
        let refused = |what: String| wrong(file, commit, what);
        let batch = self.batch.as_mut().ok_or_else(|| refused("an event stands outside of a batch".to_owned()))?;
        let rows = commit.rows(range).ok_or_else(|| refused("a block cannot be read".to_owned()))?;
        if rows.recorded < self.recorded {
            return Err(refused(format!("event {} goes back in recorded time", rows.first_seq)));
        }
        self.recorded = rows.recorded;
        let decoded = Block::decode(self.table, rows.block);
        let (block, pages) =
            decoded.map_err(|error| refused(format!("the block at event {}: {error}", rows.first_seq)))?;
        if block.len() != rows.count as usize {
            return Err(refused(format!("the block at event {} has {} rows", rows.first_seq, block.len())));
        }
        let mut checks = None;
        if self.depth == Depth::Proofs {
            let (digests, hashes) = digests(&block, &pages);
            batch.add_block(&block, rows.recorded, &digests);
            checks = Some(Arc::new(hashes));
        }
        if let Some(blocks) = blocks {
            let (place, at) = ((self.shard, file.header.number), (rows.first_seq, rows.recorded));
            blocks.push(TailBlock::new(place, Arc::new(block), at, batch.open(), checks));
        }
        Ok(())
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
        if self.keeps_closed {
            self.closed.push(SealBatch::new(header.clone(), &batch));
        }
        self.recorded = self.recorded.max(header.recorded_max);
        self.note_head();
        if let Some((size, root)) = self.said.take().filter(|_| self.depth == Depth::Proofs) {
            self.statements.push(Statement { batch: header.batch, size, root });
        }
        Ok(())
    }
}

fn wrong(file: &Arc<WalFile>, commit: &ScannedCommit, what: String) -> LedgerError {
    LedgerError::corrupt(&file.path, format!("offset {}, commit {}", commit.offset, commit.commit.number), what)
}

/// The digests and the keyed hashes of the parts of a block's rows. Many rows are divided between the machine's cores.
fn digests(block: &Block, pages: &Pages) -> (Vec<PartDigests>, Checks) {
    let starts: Vec<usize> = (0..block.len()).step_by(REPLAY_ROWS_AT_ONCE).collect();
    let mut checks = Checks::new();
    let found = in_parallel(&starts, |start| {
        let (mut facts, mut content) = (Vec::new(), Vec::new());
        let rows = *start..(start + REPLAY_ROWS_AT_ONCE).min(block.len());
        let look = |row| {
            facts.clear();
            block.write_part(Part::Facts, row, pages, &mut facts);
            content.clear();
            block.write_part(Part::Content, row, pages, &mut content);
            (PartDigests::of(&facts, &content), checks.of(&facts, &content))
        };
        rows.map(look).collect::<Vec<_>>()
    });
    let (digests, hashes) = found.into_iter().flatten().unzip();
    checks.rows = hashes;
    (digests, checks)
}

/// What `look` says of each item, in order. The items are divided between the machine's cores.
fn in_parallel<T: Sync, R: Send>(items: &[T], look: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let parts = std::thread::available_parallelism().map_or(1, NonZero::get).min(items.len());
    if parts < 2 {
        return items.iter().map(look).collect();
    }
    let look = &look;
    std::thread::scope(|scope| {
        let mut parts = items.chunks(items.len().div_ceil(parts));
        let own = parts.next().unwrap_or_default();
        let others: Vec<_> = parts.map(|part| scope.spawn(move || part.iter().map(look).collect::<Vec<R>>())).collect();
        let mut all: Vec<R> = own.iter().map(look).collect();
        for other in others {
            match other.join() {
                Ok(part) => all.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_looked_at_in_order_however_they_are_divided() {
        for count in [0, 1, 2, 3, 5_000] {
            let items: Vec<usize> = (0..count).collect();
            assert_eq!(in_parallel(&items, |item| item * 2), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
    }
}
