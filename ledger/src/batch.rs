//! The open batch: it collects leaves, inputs and ranges, and closes into a header. The writer, recovery and the WAL's
//! verification share it, so that what is checked is computed as it was written.

use std::collections::BTreeMap;

use proof::inputs::{self, Input};
use proof::leaf::{self, CONTENT_DOMAIN, FACTS_DOMAIN, Leaf};
use proof::tree::{self, Frontier};
use proof::{Digest, Header};

use crate::column::Table;
use crate::wal::frame::{Event, Open};

/// A batch that takes events.
#[derive(Debug)]
pub struct OpenBatch {
    open: Open,
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
        Self { open, table, shard, leaves: Vec::new(), inputs: BTreeMap::new(), time: None, recorded_min: None }
    }

    /// What the OPEN frame says.
    pub fn open(&self) -> &Open {
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

    /// Adds an event.
    pub fn add_event(&mut self, event: &Event<'_>) {
        self.add_leaf(event, event_leaf(self.shard, &self.open, event).hash());
    }

    /// Adds an event whose leaf in this batch was computed already: [`event_leaf`].
    pub fn add_leaf(&mut self, event: &Event<'_>, leaf: Digest) {
        self.leaves.push(leaf);
        self.recorded_min.get_or_insert(event.recorded);
        if let Some(time) = self.table.event_time(event.facts) {
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

/// The leaf of an event in the batch that `open` started.
pub fn event_leaf(shard: u32, open: &Open, event: &Event<'_>) -> Leaf {
    let facts_salt = leaf::salt(&open.facts_secret, event.seq);
    let content = event.content.map_or(Digest::ZERO, |bytes| {
        leaf::commitment(CONTENT_DOMAIN, &leaf::salt(&open.content_secret, event.seq), bytes)
    });
    Leaf {
        shard,
        recorded: event.recorded,
        flags: event.flags,
        facts: leaf::commitment(FACTS_DOMAIN, &facts_salt, event.facts),
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
