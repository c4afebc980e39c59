//! Replays WAL commits into the state that they describe: the chain, the open batch, the hot tail, the source positions.
//!
//! The writer's recovery, a reader in another process and `verify` share it.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::Range;
use std::sync::Arc;

use proof::Digest;
use proof::note::Checkpoint;

use crate::batch::{Chain, OpenBatch, event_leaf};
use crate::checkpoint::{parse_peer_value, peer_key};
use crate::column::Table;
use crate::columnar::{self, NotCanonical};
use crate::error::LedgerError;
use crate::gap::Gap;
use crate::limits::REPLAY_EVENTS_PER_THREAD;
use crate::position::LedgerName;
use crate::tail::{RowRef, Tail};
use crate::wal::file::WalFile;
use crate::wal::frame::{Event, Open};
use crate::wal::scan::{Item, ScannedCommit};

/// How much a replay computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Where rows lie only: for readers.
    Rows,
    /// Leaves and roots too, and whether rows are canonical: for the writer and for `verify`.
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
        let mut items = commit.items.as_slice();
        while let [item, rest @ ..] = items {
            items = rest;
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
                Item::Event(_) => {
                    // The events of a batch that stand together are looked at together.
                    let others = rest.iter().take_while(|item| matches!(item, Item::Event(_))).count();
                    let (events, rest) = commit.items[commit.items.len() - rest.len() - 1..].split_at(1 + others);
                    items = rest;
                    self.events(file, commit, events, tail.as_deref_mut())?;
                }
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

    fn events(
        &mut self,
        file: &Arc<WalFile>,
        commit: &ScannedCommit,
        items: &[Item],
        mut tail: Option<&mut Tail>,
    ) -> Result<(), LedgerError> {
        let refused = |what: String| wrong(file, commit, what);
        let batch = self.batch.as_mut().ok_or_else(|| refused("an event stands outside of a batch".to_owned()))?;
        let read = |item: &Item| match item {
            Item::Event(range) => commit.event(range).map(|event| (range.clone(), event)),
            _ => None,
        };
        let events: Option<Vec<(Range<usize>, Event<'_>)>> = items.iter().map(read).collect();
        let events = events.ok_or_else(|| refused("an event cannot be read".to_owned()))?;
        if self.depth == Depth::Proofs {
            let (table, shard, open) = (self.table, self.shard, batch.open());
            let looked_at = in_parallel(&events, |(_, event)| {
                let leaf = event_leaf(shard, open, event).hash();
                columnar::check(table, event.facts, event.content).map(|()| leaf)
            });
            for ((_, event), leaf) in events.iter().zip(looked_at) {
                let leaf = leaf.map_err(|error: NotCanonical| refused(format!("event {}: {error}", event.seq)))?;
                batch.add_leaf(event, leaf);
            }
        }
        for (range, event) in &events {
            if event.recorded < self.recorded {
                return Err(refused(format!("event {} goes back in recorded time", event.seq)));
            }
            self.recorded = event.recorded;
            if let Some(tail) = tail.as_deref_mut() {
                let (offset, len) = (commit.offset + range.start as u64, range.len() as u32);
                tail.push_unread(file, RowRef { offset, len, batch: batch.open().batch }, event.seq)?;
            }
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

/// What `look` says of each item, in order. Many items are divided between the machine's cores.
fn in_parallel<T: Sync, R: Send>(items: &[T], look: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let parts = cores.min(items.len() / REPLAY_EVENTS_PER_THREAD);
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
        for count in [0, 1, REPLAY_EVENTS_PER_THREAD * 2 - 1, REPLAY_EVENTS_PER_THREAD * 2, 5_000] {
            let items: Vec<usize> = (0..count).collect();
            assert_eq!(in_parallel(&items, |item| item * 2), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
    }
}
