//! The open batch: it collects leaves, inputs and ranges, and closes into a header. The writer and its recovery share it, so that what
//! is checked is computed as it was written.

use std::collections::BTreeMap;
use std::sync::Arc;

use proof::inputs::{self, Input};
use proof::leaf::{self, FLAG_CONTENT, Leaf};
use proof::tree::{self, Frontier};
use proof::{Digest, Header};

use crate::block::Block;
use crate::column::Table;
use crate::entry::PartDigests;
use crate::rows::decode_integer;
use crate::wal::frame::Open;

/// The secrets behind the salts of one batch. Debug output does not show them.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// For the facts parts.
    pub facts: [u8; 32],
    /// For the content parts.
    pub content: [u8; 32],
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// A batch that takes events.
#[derive(Debug)]
pub struct OpenBatch {
    open: Arc<Open>,
    table: &'static Table,
    shard: u32,
    leaves: Vec<Digest>,
    inputs: BTreeMap<Vec<u8>, Vec<u8>>,
    time: Option<(i64, i64)>,
    recorded_min: Option<i64>,
}

impl OpenBatch {
    /// Starts a batch.
    pub fn new(table: &'static Table, shard: u32, open: Open) -> Self {
        let open = Arc::new(open);
        Self { open, table, shard, leaves: Vec::new(), inputs: BTreeMap::new(), time: None, recorded_min: None }
    }

    /// What the OPEN frame says.
    pub fn open(&self) -> &Arc<Open> {
        &self.open
    }

    /// Number of events so far.
    pub fn count(&self) -> usize {
        self.leaves.len()
    }

    /// Whether `more` would bring more keys of inputs than a batch may have.
    pub fn inputs_overflow(&self, more: &[Input], max: usize) -> bool {
        let new = more.iter().filter(|input| !self.inputs.contains_key(&input.key)).count();
        self.inputs.len() + new > max
    }

    /// Adds the rows of a block that were recorded at `recorded`, with the digests of their parts.
    pub(crate) fn add_block(&mut self, block: &Block, recorded: i64, digests: &[PartDigests]) {
        self.leaves.reserve(digests.len());
        for digests in digests {
            let seq = self.open.first_seq + self.leaves.len() as u64;
            self.leaves.push(row_leaf(self.shard, &self.open.secrets, seq, recorded, digests).hash());
        }
        if !digests.is_empty() {
            self.recorded_min.get_or_insert(recorded);
        }
        let Some(column) = self.table.event_time() else { return };
        let pages = block.pages();
        for time in (0..block.len()).filter_map(|row| block.value(column, row, &pages).and_then(decode_integer)) {
            let (min, max) = self.time.unwrap_or((time, time));
            self.time = Some((min.min(time), max.max(time)));
        }
    }

    /// Sets a source position; the last one for a key counts.
    pub fn add_input(&mut self, input: Input) {
        self.inputs.insert(input.key, input.value);
    }

    /// The inputs in order of key.
    pub fn inputs(&self) -> Vec<Input> {
        self.inputs.iter().map(|(key, value)| Input { key: key.clone(), value: value.clone() }).collect()
    }

    /// The header that closes the batch at `recorded_max`.
    pub fn header(&self, previous: Digest, recorded_max: i64) -> Header {
        let (time_min, time_max) = self.time.unwrap_or((0, 0));
        let inputs = self.inputs();
        Header {
            shard: self.shard,
            batch: self.open.batch,
            first_seq: self.open.first_seq,
            count: self.leaves.len() as u32,
            root: tree::root(&self.leaves),
            previous,
            time_min,
            time_max,
            recorded_min: self.recorded_min.unwrap_or(recorded_max),
            recorded_max,
            writer: self.open.writer,
            epoch: self.open.epoch,
            inputs_count: inputs.len() as u32,
            inputs_root: inputs::root(&inputs),
        }
    }
}

/// The leaf of a row in the batch that has these secrets.
pub(crate) fn row_leaf(shard: u32, secrets: &Secrets, seq: u64, recorded: i64, digests: &PartDigests) -> Leaf {
    let content = digests.content.map(|digest| leaf::commitment(&leaf::salt(&secrets.content, seq), &digest));
    Leaf {
        shard,
        recorded,
        flags: if content.is_some() { FLAG_CONTENT } else { 0 },
        facts: leaf::commitment(&leaf::salt(&secrets.facts, seq), &digests.facts),
        content,
    }
}

/// The chain of headers as it stands: what the next header continues and what the next checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Number of the next batch.
    pub next_batch: u64,
    /// Position of the next event of a closed batch.
    pub next_seq: u64,
    /// Hash of the newest header, or of the origin.
    pub previous: Digest,
    /// The shard's log over all headers.
    pub frontier: Frontier,
    /// When the newest batch was closed.
    pub recorded: i64,
}

impl Chain {
    /// The chain before batch 0 of the log `origin`.
    pub fn new(origin: &str) -> Self {
        let previous = proof::header::origin_hash(origin);
        Self { next_batch: 0, next_seq: 0, previous, frontier: Frontier::default(), recorded: 0 }
    }

    /// Goes on by a header, or says in words why it does not continue the chain.
    pub fn push(&mut self, header: &Header) -> Result<(), String> {
        if header.batch != self.next_batch {
            return Err(format!("batch {} stands where batch {} belongs", header.batch, self.next_batch));
        }
        if header.previous != self.previous {
            return Err(format!("batch {} does not name the header before it", header.batch));
        }
        if header.first_seq != self.next_seq {
            return Err(format!("batch {} starts at {} instead of {}", header.batch, header.first_seq, self.next_seq));
        }
        if header.recorded_min < self.recorded || header.recorded_max < header.recorded_min {
            return Err(format!("batch {} goes back in recorded time", header.batch));
        }
        self.next_batch += 1;
        self.next_seq += u64::from(header.count);
        self.previous = header.hash();
        self.frontier.push(header.leaf_hash());
        self.recorded = header.recorded_max;
        Ok(())
    }
}
