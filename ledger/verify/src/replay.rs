//! What the commits of the WAL lead to: leaves and headers are computed anew, and each must be the one that stands there.

use std::collections::BTreeMap;

use proof::leaf::FLAG_CONTENT;
use proof::note::Checkpoint;
use proof::tree::Frontier;

use crate::chain::{Chain, Gap, OpenBatch, Span, Statement, TreeHead};
use crate::name::LedgerName;
use crate::part::{self, RowPlace, leaf};
use crate::recorded::Recorded;
use crate::table::Table;
use crate::wal::block::Block;
use crate::wal::commits::{Frame, Open};

/// The state after some commits.
pub(crate) struct Replay {
    table: &'static Table,
    shard: u32,
    pub(crate) chain: Chain,
    pub(crate) open: Option<OpenBatch>,
    /// When the newest rows were recorded.
    recorded: i64,
    /// The log after each batch that was read here, and where this started.
    pub(crate) heads: BTreeMap<u64, TreeHead>,
    /// What the batches say of the other ledger, in order.
    pub(crate) statements: Vec<Statement>,
    /// What the open batch says of it.
    said: Option<Statement>,
    gaps: Vec<Gap>,
    /// Bytes of parts that were hashed.
    pub(crate) part_bytes: u64,
    /// What entries of `operations` say about manifests.
    pub(crate) manifests: Recorded,
    facts: Vec<u8>,
    content: Vec<u8>,
}

impl Replay {
    /// Starts behind the last segment.
    pub(crate) fn of(table: &'static Table, shard: u32, chain: Chain, positions: &BTreeMap<Vec<u8>, Vec<u8>>) -> Self {
        let newest = chain.next_batch.saturating_sub(1);
        let gaps = positions.iter().filter_map(|(key, value)| Gap::read(newest, shard, key, value));
        Self {
            table,
            shard,
            open: None,
            recorded: chain.closed,
            heads: BTreeMap::from([(chain.log.size(), chain.head())]),
            statements: Vec::new(),
            said: None,
            gaps: gaps.collect(),
            part_bytes: 0,
            manifests: Recorded::default(),
            facts: Vec::new(),
            content: Vec::new(),
            chain,
        }
    }

    /// The position of the next event, those of the open batch included.
    pub(crate) fn next_seq(&self) -> u64 {
        self.chain.next_seq + self.open.as_ref().map_or(0, |open| open.leaves.size())
    }

    /// What torn copies lost of a ledger, as far as this one's checkpoint covers it.
    pub(crate) fn gaps_of(&self, of: LedgerName, checkpoint: Option<&Checkpoint>) -> impl Iterator<Item = &Gap> {
        let signed = checkpoint.map_or(0, |checkpoint| checkpoint.size);
        self.gaps.iter().filter(move |gap| gap.batch < signed && gap.ledger == of)
    }

    /// Goes on by a frame; `block` are the bytes of its block, if it is one. `Err` says in words what is wrong.
    pub(crate) fn frame(&mut self, frame: &Frame, block: &[u8]) -> Result<(), String> {
        match frame {
            Frame::Open(open) => self.open(open),
            Frame::Input(input) => self.input(&input.key, &input.value),
            Frame::Block { first_seq, recorded, rows, .. } => self.block((*first_seq, *recorded, *rows), block),
            Frame::Close(header) => self.close(header),
        }
    }

    fn open(&mut self, open: &Open) -> Result<(), String> {
        if self.open.is_some() || (open.batch, open.first_seq) != (self.chain.next_batch, self.chain.next_seq) {
            return Err(format!("batch {} is opened out of turn", open.batch));
        }
        self.open = Some(OpenBatch {
            number: open.batch,
            first_seq: open.first_seq,
            secrets: open.secrets,
            writer: open.writer,
            epoch: open.epoch,
            leaves: Frontier::default(),
            inputs: BTreeMap::new(),
            times: Span::default(),
            recorded: None,
        });
        Ok(())
    }

    fn input(&mut self, key: &[u8], value: &[u8]) -> Result<(), String> {
        let Some(open) = &mut self.open else { return Err("an input stands outside of a batch".to_owned()) };
        if *key == Statement::key(self.table.ledger.other(), self.shard) {
            self.said = Statement::read(open.number, value);
        }
        self.gaps.extend(Gap::read(open.number, self.shard, key, value));
        open.inputs.insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn block(&mut self, (first_seq, recorded, rows): (u64, i64, u32), bytes: &[u8]) -> Result<(), String> {
        let Some(open) = &mut self.open else { return Err("an event stands outside of a batch".to_owned()) };
        if recorded < self.recorded {
            return Err(format!("event {first_seq} goes back in recorded time"));
        }
        self.recorded = recorded;
        open.recorded.get_or_insert(recorded);
        let block = Block::read(self.table, bytes);
        let block = block.map_err(|what| format!("the block at event {first_seq}: {what}"))?;
        if block.rows() != rows as usize {
            return Err(format!("the block at event {first_seq} has {} rows", block.rows()));
        }
        for (row, seq) in (0..block.rows()).zip(first_seq..) {
            block.write_parts(row, &mut self.facts, &mut self.content);
            self.part_bytes += (self.facts.len() + self.content.len()) as u64;
            let flags = if self.content.is_empty() { 0 } else { FLAG_CONTENT };
            let place = RowPlace { shard: self.shard, seq, recorded, flags };
            open.leaves.push(leaf(place, &open.secrets, &self.facts, &self.content));
            if let Some(time) = self.table.time().and_then(|id| part::time_of(&self.facts, id)) {
                open.times.add(time);
            }
            if self.table.ledger == LedgerName::Operations {
                self.manifests.note(seq, &self.facts);
            }
        }
        Ok(())
    }

    fn close(&mut self, header: &proof::Header) -> Result<(), String> {
        let Some(open) = self.open.take() else { return Err(format!("batch {} is closed but not open", header.batch)) };
        if open.header(self.shard, self.chain.previous, header.recorded_max) != *header {
            return Err(format!("the header of batch {} is not that of its events", header.batch));
        }
        self.chain.follow(header)?;
        self.recorded = self.recorded.max(header.recorded_max);
        self.heads.insert(self.chain.log.size(), self.chain.head());
        self.statements.extend(self.said.take());
        Ok(())
    }
}
