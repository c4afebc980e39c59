//! Replays WAL commits into the state that they describe: the chain, the open batch, the hot tail, the source positions.
//!
//! The writer's recovery, a reader in another process and `verify` share it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::batch::{Chain, OpenBatch};
use crate::column::Table;
use crate::error::LedgerError;
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
        Self { depth, table, shard, chain, batch: None, positions, recorded, epoch: 0, next_seq }
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
        Ok(())
    }
}

fn wrong(file: &Arc<WalFile>, commit: &ScannedCommit, what: String) -> LedgerError {
    LedgerError::corrupt(&file.path, format!("offset {}, commit {}", commit.offset, commit.commit.number), what)
}
