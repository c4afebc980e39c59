//! What a lane does next: a pure state machine over rows, batches and outcomes.
//!
//! Receipts tile the ledger: each starts where the one before it ended. A batch that is refused becomes smaller until one
//! record is alone; that one is rejected, and everything else goes on.

use std::collections::VecDeque;

use ledger::Rows;
use ledger::fold::{Checkpoint, ExportIntent, ExportReceipt};
use sha2::{Digest as _, Sha256};

use super::book::{IntentNote, Note, ReceiptNote, RejectedNote};
use super::send::{Attempt, Settled};
use crate::fields::{Renderer, hex};
use crate::limits::{EXCLUDED_MAX, PENDING_BYTES_MAX};
use crate::record::{Filter, Record};
use crate::sink::Sink;

/// Where a lane stands and what waits in it.
#[derive(Debug)]
pub struct Plan {
    /// Everything before is done.
    next_seq: u64,
    /// The number of the first record that waits.
    export_seq: u64,
    /// Records that wait, in order.
    pending: VecDeque<Record>,
    pending_bytes: usize,
    /// Everything before was read.
    read_to: u64,
    /// A range that was about to be sent when the process ended, or is now.
    intent: Option<(u64, ExportIntent)>,
    /// Whether the intent is one of an earlier process that has to be repeated.
    resuming: bool,
    /// Records in the next batch, at most.
    limit: usize,
    limit_max: usize,
}

/// Records that are sent in one request.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The position after the range.
    pub end: u64,
    /// How many records it has.
    pub count: usize,
    /// The body before compression.
    pub body: Vec<u8>,
    /// SHA-256 of the body in hexadecimal.
    pub sha256: String,
}

impl Plan {
    /// A lane that stands at `next_seq`, perhaps with an intent to repeat.
    pub fn new(next_seq: u64, export_seq: u64, intent: Option<(u64, ExportIntent)>, limit: usize) -> Self {
        Self {
            next_seq,
            export_seq,
            pending: VecDeque::new(),
            pending_bytes: 0,
            read_to: next_seq,
            resuming: intent.is_some(),
            intent,
            limit,
            limit_max: limit,
        }
    }

    /// Everything before this position is done.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The number of the next record.
    pub fn export_seq(&self) -> u64 {
        self.export_seq
    }

    /// What waits.
    pub fn pending(&self) -> &VecDeque<Record> {
        &self.pending
    }

    /// Whether an earlier process was about to send something that must be repeated first.
    pub fn is_resuming(&self) -> bool {
        self.resuming
    }

    /// Whether it can take more rows.
    pub fn wants_more(&self) -> bool {
        match &self.intent {
            Some((end, _)) if self.resuming => self.read_to < *end,
            _ => {
                self.pending.len() < self.limit_max
                    && self.pending_bytes < PENDING_BYTES_MAX
                    && self.read_to - self.next_seq < EXCLUDED_MAX
            }
        }
    }

    /// Takes the rows that follow those it has.
    pub fn absorb(&mut self, rows: &Rows, filter: &Filter, renderer: &Renderer) {
        for row in rows.iter().filter(|row| row.position.seq >= self.read_to) {
            let export_seq = self.export_seq + self.pending.len() as u64;
            if let Some(record) = filter.select(&row, export_seq, renderer) {
                self.pending_bytes += record.size;
                self.pending.push_back(record);
            }
        }
        self.read_to = self.read_to.max(rows.next_seq);
    }

    /// The next batch: the range of the intent if there is one, or else as many records as the sink takes.
    pub fn propose(&mut self, sink: &dyn Sink) -> Option<Batch> {
        let (next_seq, read_to) = (self.next_seq, self.read_to);
        if let Some((end, _)) = self.intent.clone()
            && self.resuming
        {
            let count = self.pending.partition_point(|record| record.position.seq < end);
            let records = &self.pending.make_contiguous()[..count];
            let rendered = (count > 0).then(|| sink.render(records));
            match rendered {
                Some(rendered) if rendered.taken == count => return Some(Batch::new(end, count, rendered.body)),
                // The filter or the sink has changed since: the range is batched anew.
                _ => (self.intent, self.resuming) = (None, false),
            }
        }
        let count = self.pending.len().min(self.limit);
        if count == 0 {
            return None;
        }
        let records = self.pending.make_contiguous();
        let rendered = sink.render(&records[..count]);
        let count = rendered.taken.clamp(1, count);
        // What follows the last record and was left out by the filter belongs to the range.
        let end = records.get(count).map_or(read_to, |record| record.position.seq);
        debug_assert!(end > next_seq, "a batch moves the lane");
        Some(Batch::new(end, count, rendered.body))
    }

    /// The intent to send a batch; `None` if it stands in the ledger already.
    pub fn intend(&mut self, batch: &Batch) -> Option<IntentNote> {
        let record =
            ExportIntent { export_seq: self.export_seq, count: batch.count as u64, sha256: batch.sha256.clone() };
        let known = self.intent.as_ref().is_some_and(|(end, intent)| *end == batch.end && *intent == record);
        self.intent = Some((batch.end, record.clone()));
        (!known).then_some(IntentNote { from: self.next_seq, to: batch.end, record })
    }

    /// The first record of a batch.
    pub fn first_record(&self, batch: &Batch) -> Option<&Record> {
        self.pending.front().filter(|_| batch.count > 0)
    }

    /// The records of a batch.
    pub fn records(&self, batch: &Batch) -> Vec<Record> {
        self.pending.iter().take(batch.count).cloned().collect()
    }

    /// What a batch's outcome means for the ledger.
    pub fn settle(&mut self, batch: &Batch, attempt: Attempt, checkpoint: Option<Checkpoint>) -> Vec<Note> {
        let Attempt { settled, attempts } = attempt;
        match settled {
            Settled::Acked { ack, body } => {
                let (sha256, bytes) = match body {
                    Some(body) => (digest(&body), body.len()),
                    None => (batch.sha256.clone(), batch.body.len()),
                };
                let counts = Counts { count: batch.count as u64, rejected: 0 };
                let sent = Sent { sha256: Some(sha256), bytes: bytes as u64, attempts, ack };
                self.limit = (self.limit * 2).min(self.limit_max);
                vec![Note::Receipt(self.advance(batch.end, counts, sent, checkpoint))]
            }
            Settled::Refused { index, reason } if index == 0 || batch.count == 1 => {
                self.reject(batch, reason, attempts, checkpoint)
            }
            Settled::Refused { index, .. } => self.shrink(index),
            Settled::TooLarge { reason } if batch.count == 1 => self.reject(batch, reason, attempts, checkpoint),
            Settled::TooLarge { .. } => self.shrink(batch.count / 2),
        }
    }

    /// A receipt without sending, when the filter left out so much that it should be on record.
    pub fn skip(&mut self) -> Option<ReceiptNote> {
        if !self.pending.is_empty() || self.read_to - self.next_seq < EXCLUDED_MAX {
            return None;
        }
        let sent = Sent { sha256: None, bytes: 0, attempts: 0, ack: String::new() };
        Some(self.advance(self.read_to, Counts { count: 0, rejected: 0 }, sent, None))
    }

    /// Leaves out everything before `end`, because the sink starts there.
    pub fn jump(&mut self, end: u64) -> Option<ReceiptNote> {
        if end <= self.next_seq {
            return None;
        }
        self.read_to = end;
        let sent = Sent { sha256: None, bytes: 0, attempts: 0, ack: "the sink starts here".to_owned() };
        Some(self.advance(end, Counts { count: 0, rejected: 0 }, sent, None))
    }

    /// The next batch has at most `limit` records. The intent of the larger one is given up.
    fn shrink(&mut self, limit: usize) -> Vec<Note> {
        self.limit = limit.max(1);
        (self.intent, self.resuming) = (None, false);
        Vec::new()
    }

    /// The first record of the batch is refused for ever.
    fn reject(&mut self, batch: &Batch, reason: String, attempts: u32, checkpoint: Option<Checkpoint>) -> Vec<Note> {
        let Some(record) = self.pending.front() else { return Vec::new() };
        let (position, export_seq) = (record.position, record.export_seq);
        // What the filter left out before the next record belongs to the range.
        let end =
            if batch.count == 1 { batch.end } else { self.pending.get(1).map_or(batch.end, |next| next.position.seq) };
        let rejected = Note::Rejected(RejectedNote { position, export_seq, reason: reason.clone() });
        let sent = Sent { sha256: None, bytes: 0, attempts, ack: reason };
        let receipt = self.advance(end, Counts { count: 0, rejected: 1 }, sent, checkpoint);
        vec![rejected, Note::Receipt(receipt)]
    }

    /// Everything before `end` is done.
    fn advance(&mut self, end: u64, counts: Counts, sent: Sent, checkpoint: Option<Checkpoint>) -> ReceiptNote {
        let records = counts.count + counts.rejected;
        for record in self.pending.drain(..(records as usize).min(self.pending.len())) {
            self.pending_bytes -= record.size.min(self.pending_bytes);
        }
        let record = ExportReceipt {
            export_seq: self.export_seq,
            export_seq_next: self.export_seq + records,
            count: counts.count,
            excluded: end - self.next_seq - records,
            rejected: counts.rejected,
            sha256: sent.sha256,
            bytes: sent.bytes,
            attempts: sent.attempts,
            ack: sent.ack,
            checkpoint,
        };
        let note = ReceiptNote { from: self.next_seq, to: end, record };
        self.next_seq = end;
        self.export_seq += records;
        (self.intent, self.resuming) = (None, false);
        note
    }
}

#[derive(Clone, Copy)]
struct Counts {
    count: u64,
    rejected: u64,
}

struct Sent {
    sha256: Option<String>,
    bytes: u64,
    attempts: u32,
    ack: String,
}

impl Batch {
    fn new(end: u64, count: usize, body: Vec<u8>) -> Self {
        Self { end, count, sha256: digest(&body), body }
    }
}

fn digest(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}
