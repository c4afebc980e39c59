//! What a worker does next: a pure state machine over rows, batches and outcomes.
//!
//! Receipts tile the ledger: each starts where the one before it ended. A batch that is refused becomes smaller until one
//! record is alone; that one is rejected, and everything else goes on. What is particular to alerts stands in `alerts`, what
//! refusals lead to in `refusals`, and how many batches share an intent and a receipt in `windows`.

mod alerts;
mod batch;
mod bounded;
mod pace;
mod refusals;
mod windows;

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use std::ops::Range;

use ledger::{Rows, Seq};
use operations::fold::Exported;
use operations::kind::export::{Checkpoint, ExportIntent, ExportReceipt, HiddenAt, Intended, Link};
use proof::tree;

use super::send::{Attempt, Settled};
use super::state_store::{IntentEntry, ReceiptEntry, StateEntry};
use crate::judgement::Parts;
use crate::limits::{ACKS_CHARS_MAX, EXCLUDED_MAX};
use crate::message::{Message, MessageKind, Rendered};
use crate::record::Record;
use crate::selection::Selection;
use batch::{BatchRecords, Intent};
use windows::{Windows, rooted};

pub use batch::Batch;
pub use pace::Pace;

/// Where a worker stands and what waits in it.
#[derive(Debug)]
pub struct Plan {
    /// Everything before is done.
    next_seq: Seq,
    /// Of everything between the two the receiver need not hear: the next batch begins here.
    batch_from: Seq,
    /// The number of the first record that waits.
    export_seq: u64,
    /// The record before that one, if the sink's schema links records.
    link: Option<Link>,
    /// Records that wait, in order.
    pending: VecDeque<Record>,
    pending_bytes: usize,
    /// Bytes of records at which it takes no more.
    bytes_max: usize,
    /// Whether a batch is filled, however many entries the filter leaves out of it.
    fills: bool,
    /// Everything before was read.
    read_to: Seq,
    /// Where it ends, if it does not go on for ever.
    end: Option<Seq>,
    /// The batch that is about to be sent, if one is.
    intent: Intent,
    /// What an earlier process may have sent ends here.
    doubtful_until: Seq,
    /// Records in the next batch, at most.
    limit: usize,
    limit_max: usize,
    /// Records that wait at the most: those of as many batches as may be on their way at once.
    pending_max: usize,
    /// Set for receivers that are sent window by window.
    windows: Option<Windows>,
    /// What the records of a receiver of everything are said by.
    rendering: Option<String>,
    totals: Totals,
}

/// What became of records since the worker started.
#[derive(Debug, Clone, Copy, Default)]
pub struct Totals {
    /// Acknowledged.
    pub sent: u64,
    /// Refused for ever.
    pub rejected: u64,
}

impl Plan {
    /// A worker where its receipts and intents say that it is, with at most `limit_max` records in a batch, in a ledger that ends at
    /// `durable` now. What records are said by is known of receivers of everything.
    pub fn new(exported: Exported, limit_max: usize, durable: Seq, pace: Pace, rendering: Option<String>) -> Self {
        let Exported { next_seq, export_seq, intent, receipt, .. } = exported;
        let doubtful_until = intent.as_ref().map_or(next_seq, |(range, _)| range.end);
        let (intent, window) = match intent {
            Some((range, Intended::Batch(intent))) => (Intent::Inherited(range, intent), None),
            Some((range, Intended::Window(window))) => (Intent::None, Some((range.end, window))),
            None => (Intent::None, None),
        };
        let limit = window.as_ref().map_or(limit_max, |(_, window)| (window.records_max as usize).clamp(1, limit_max));
        // What was recorded since, nobody sent.
        let earlier = window.as_ref().map(|(end, window)| ((*end).min(durable), window));
        Self {
            next_seq,
            batch_from: next_seq,
            export_seq,
            link: receipt.and_then(|receipt| receipt.link),
            pending: VecDeque::new(),
            pending_bytes: 0,
            bytes_max: pace.bytes_max(),
            fills: matches!(pace, Pace::Filled(_)),
            read_to: next_seq,
            end: None,
            intent,
            doubtful_until,
            limit,
            limit_max,
            pending_max: limit_max.saturating_mul(pace.in_flight()),
            windows: matches!(pace, Pace::Windows { .. }).then(|| Windows::new(earlier)),
            rendering,
            totals: Totals::default(),
        }
    }

    /// Everything before this position is done.
    pub fn next_seq(&self) -> Seq {
        self.next_seq
    }

    /// The number of the next record.
    pub fn export_seq(&self) -> u64 {
        self.export_seq
    }

    /// What became of records so far.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// What waits.
    pub fn pending(&self) -> &VecDeque<Record> {
        &self.pending
    }

    /// Whether an earlier process was about to send something that must be repeated first.
    pub fn is_resuming(&self) -> bool {
        self.intent.inherited().is_some()
    }

    /// Whether the receiver may have the first message of a batch that is not on record: an earlier process may have sent it, in this batch or
    /// in another one, and a dead letter may have been taken just before that process ended.
    pub fn may_be_sent(&self, batch: &Batch) -> bool {
        let is_letter = self.windows.is_some() && !batch.letters().is_empty();
        batch.is_resumed() || is_letter || (batch.letters().is_empty() && self.batch_from < self.doubtful_until)
    }

    /// Whether it can take more rows.
    pub fn wants_more(&self) -> bool {
        if self.end.is_some_and(|end| self.read_to >= end) {
            return false;
        }
        if let Some((range, _)) = self.intent.inherited() {
            return self.read_to < range.end;
        }
        let window = self.windows.as_ref().and_then(Windows::end);
        let end = window.unwrap_or_else(|| self.next_seq.skip(EXCLUDED_MAX));
        let may_read = self.read_to < end || (self.fills && !self.pending.is_empty());
        self.pending.len() < self.pending_max && self.pending_bytes < self.bytes_max && may_read
    }

    /// Takes the rows that follow those it has.
    pub fn absorb(&mut self, rows: &Rows, selection: &Selection) {
        let range = self.read_to..self.end.unwrap_or(Seq::MAX);
        for row in rows.iter().filter(|row| range.contains(&row.position.seq)) {
            let export_seq = self.export_seq + self.pending.len() as u64;
            let previous = self.pending.back().map_or(self.link.as_ref(), |record| record.said.link.as_ref());
            if let Some(mut record) = selection.record(&row, export_seq, previous) {
                record.hidden = self.decided(row.position.seq);
                self.pending_bytes += record.size;
                self.pending.push_back(record);
            }
        }
        self.read_to = self.read_to.max(rows.next_seq).min(range.end);
        if let Some(windows) = &mut self.windows {
            windows.read(rows.batches_until);
        }
    }

    /// The next batch: the range of the intent if there is one, or else as many records as the sink takes by `render`. In a window
    /// there is none until it is certain where it ends.
    pub fn propose(&mut self, render: impl Fn(&[Record]) -> Rendered) -> Option<Batch> {
        if let Some((Range { start, end }, _)) = self.intent.inherited() {
            // What the earlier process did not tell with the batch is not told with it now: what it says may depend on it.
            self.pass_over(self.pending.partition_point(|record| record.position.seq < start));
            let count = self.pending.partition_point(|record| record.position.seq < end);
            let records = &self.pending.make_contiguous()[..count];
            let rendered = (count > 0).then(|| render(records));
            match rendered {
                Some(rendered) if rendered.taken == count => {
                    return Some(Batch::new(end, BatchRecords::Resumed(count), rendered));
                }
                // The filter or the sink has changed since: the range is batched anew.
                _ => self.intent = Intent::None,
            }
        }
        loop {
            let (next_seq, read_to) = (self.next_seq, self.read_to);
            let windows = self.windows.as_ref();
            let window_end = windows.and_then(Windows::end).unwrap_or(Seq::MAX);
            let count = match windows {
                Some(windows) => windows.count(self.pending.make_contiguous(), self.limit, read_to)?,
                None => self.pending.len().min(self.limit),
            };
            if count == 0 {
                return None;
            }
            let records = self.pending.make_contiguous();
            let rendered = render(&records[..count]);
            let count = rendered.taken.clamp(1, count);
            let hidden = records[..count].iter().any(|record| record.hidden.is_some());
            if rendered.messages.is_empty() && rendered.silent.is_empty() && !hidden {
                self.pass_over(count);
                continue;
            }
            // What follows the last record and was left out by the filter belongs to the range.
            let end = records.get(count).map_or(read_to, |record| record.position.seq).min(window_end);
            debug_assert!(end > next_seq, "a batch moves the worker");
            return Some(Batch::new(end, BatchRecords::Waiting(count), rendered));
        }
    }

    /// The batch that certainly follows in the window from the record with this number on, when those before it are taken: how many records it may
    /// take, and its one message, which is all of it. There is none while batches grow or shrink, since then it is not certain where they end.
    pub fn following(&mut self, export_seq: u64, render: impl Fn(&[Record]) -> Rendered) -> Option<(usize, Message)> {
        let windows = self.windows.as_ref().filter(|_| self.is_in_window() && self.limit == self.limit_max)?;
        let skip = usize::try_from(export_seq.checked_sub(self.export_seq)?).ok()?;
        let records = self.pending.make_contiguous().get(skip..)?;
        let count = windows.count(records, self.limit, self.read_to).filter(|count| *count > 0)?;
        let [message] = <[Message; 1]>::try_from(render(records.get(..count)?).messages).ok()?;
        Some((count, message))
    }

    /// The receiver need not hear of the first records: they count as left out by the filter.
    fn pass_over(&mut self, count: usize) {
        for record in self.pending.drain(..count) {
            self.pending_bytes -= record.size.min(self.pending_bytes);
            self.batch_from = record.position.seq.next();
        }
        for (number, record) in self.pending.iter_mut().enumerate() {
            record.export_seq = self.export_seq + number as u64;
        }
    }

    /// The intent to send a batch, alone or with those that follow it; `None` if it stands in the ledger already.
    pub fn intend(&mut self, batch: &Batch) -> Option<StateEntry> {
        if self.is_in_window() {
            return self.intend_window();
        }
        let record = self.intent_of(batch);
        let is_new = self.intent.put(self.batch_from..batch.end, record.clone());
        let entry = IntentEntry { from: self.batch_from, to: batch.end, record: Intended::Batch(record) };
        is_new.then_some(StateEntry::Intent(entry))
    }

    fn intent_of(&self, batch: &Batch) -> ExportIntent {
        let hidden = self
            .pending
            .iter()
            .take(batch.count())
            .filter_map(|record| record.hidden.clone().map(|by| HiddenAt { seq: record.position.seq, by }));
        ExportIntent {
            export_seq: self.export_seq,
            count: batch.count() as u64,
            sha256: batch.digest(),
            hidden: hidden.collect(),
        }
    }

    /// The first record of a batch.
    pub fn first_record(&self, batch: &Batch) -> Option<&Record> {
        self.pending.front().filter(|_| batch.count() > 0)
    }

    /// The records of a batch. They stand in one piece since the batch was proposed, so nothing is copied.
    pub fn records<'a>(&'a self, batch: &'a Batch) -> Cow<'a, [Record]> {
        let count = match &batch.records {
            BatchRecords::Letters(letters) => return Cow::Borrowed(letters),
            BatchRecords::Waiting(count) | BatchRecords::Resumed(count) => *count,
        };
        match self.pending.as_slices().0.get(..count) {
            Some(records) => Cow::Borrowed(records),
            None => self.pending.iter().take(count).cloned().collect(),
        }
    }

    /// What a batch's outcome means for the ledger: what became of each of its messages, in order. What was said of single
    /// messages is on record already.
    pub fn settle(&mut self, batch: &Batch, attempts: Vec<Attempt>, checkpoint: Option<Checkpoint>) -> Vec<StateEntry> {
        match (batch.messages.as_slice(), <[Attempt; 1]>::try_from(attempts)) {
            ([message], Ok([attempt])) if message.kind == MessageKind::Batch => {
                self.settle_whole(batch, attempt, checkpoint)
            }
            (_, attempts) => {
                let attempts = attempts.map_or_else(|attempts| attempts, Vec::from);
                self.settle_messages(batch, &attempts, checkpoint)
            }
        }
    }

    /// The outcome of a batch that is one message, of which the receiver may refuse parts.
    fn settle_whole(&mut self, batch: &Batch, attempt: Attempt, checkpoint: Option<Checkpoint>) -> Vec<StateEntry> {
        let Attempt { settled, attempts } = attempt;
        match settled {
            Settled::Acked(ack) => {
                let message = &batch.messages[0];
                let body = ack.body.as_ref().unwrap_or(&message.body);
                let count = message.records.len() as u64;
                let passed = (batch.count() as u64).saturating_sub(count);
                let counts = Counts { count, rejected: 0, passed };
                let sent = Summary {
                    refused: Some(BTreeSet::new()),
                    sha256: None,
                    bytes: body.len() as u64,
                    attempts,
                    ack: ack.said,
                };
                self.limit = (self.limit * 2).min(self.limit_max);
                let mut entries = self.hidden(batch);
                let receipt = self.advance(batch.end, counts, sent, checkpoint);
                entries.extend(self.receive(receipt, body, attempts));
                entries
            }
            Settled::Refused { index, reason } if index == 0 || batch.count() == 1 => {
                self.reject(batch, reason, attempts, checkpoint)
            }
            Settled::Refused { index, .. } => self.shrink(index),
            Settled::Parts(parts) => self.take_but(batch, parts, attempts, checkpoint),
            Settled::TooLarge { reason } if batch.count() == 1 => self.reject(batch, reason, attempts, checkpoint),
            Settled::TooLarge { .. } => self.shrink(batch.count() / 2),
        }
    }

    /// The outcomes of messages that the receiver takes or refuses one by one.
    fn settle_messages(
        &mut self,
        batch: &Batch,
        attempts: &[Attempt],
        checkpoint: Option<Checkpoint>,
    ) -> Vec<StateEntry> {
        let mut entries = self.hidden(batch);
        let (mut counts, mut acks) = (Counts { count: 0, rejected: 0, passed: 0 }, Vec::new());
        let (mut bytes, mut tries) = (0, 0_u32);
        for (message, attempt) in batch.messages.iter().zip(attempts) {
            tries = tries.saturating_add(attempt.attempts);
            match &attempt.settled {
                Settled::Acked(ack) => {
                    counts.count += message.records.len() as u64;
                    bytes += ack.body.as_ref().unwrap_or(&message.body).len() as u64;
                    acks.push(ack.said.clone());
                }
                // A message of its own is taken or refused as a whole.
                Settled::Refused { reason, .. }
                | Settled::TooLarge { reason }
                | Settled::Parts(Parts { said: reason, .. }) => {
                    counts.rejected += message.records.len() as u64;
                    entries.extend(self.rejected(message, reason));
                }
            }
        }
        entries.extend(self.silent_entry(batch));
        counts.passed = (batch.count() as u64).saturating_sub(counts.count + counts.rejected);
        let sha256 = (counts.count > 0).then(|| batch.digest());
        let ack = match acks.as_slice() {
            [one] => one.clone(),
            // Each of several objects is acknowledged by its name.
            _ if batch.messages.iter().all(|message| message.kind == MessageKind::Batch) => {
                acks.join("; ").chars().take(ACKS_CHARS_MAX).collect()
            }
            _ => format!("{} messages", acks.len()),
        };
        let refused = (counts.rejected == 0).then(BTreeSet::new);
        let summary = Summary { refused, sha256, bytes, attempts: tries, ack };
        entries.push(StateEntry::Receipt(rooted(self.advance(batch.end, counts, summary, checkpoint))));
        entries
    }

    /// A receipt without sending, when the filter left out so much that it should be on record.
    pub fn skip(&mut self) -> Vec<StateEntry> {
        if !self.pending.is_empty() || self.read_to.distance_from(self.next_seq) < EXCLUDED_MAX {
            return Vec::new();
        }
        let before = self.close();
        let sent = Summary { refused: Some(BTreeSet::new()), sha256: None, bytes: 0, attempts: 0, ack: String::new() };
        let skipped = self.advance(self.read_to, Counts { count: 0, rejected: 0, passed: 0 }, sent, None);
        before.into_iter().chain([StateEntry::Receipt(skipped)]).collect()
    }

    /// Leaves out everything before `end`, because the sink starts there.
    pub fn jump(&mut self, end: Seq) -> Option<StateEntry> {
        if end <= self.next_seq {
            return None;
        }
        self.read_to = end;
        let sent = Summary {
            refused: Some(BTreeSet::new()),
            sha256: None,
            bytes: 0,
            attempts: 0,
            ack: "the sink starts here".to_owned(),
        };
        let mut jumped = self.advance(end, Counts { count: 0, rejected: 0, passed: 0 }, sent, None);
        // Nothing of it was said, so nothing of it can be said again.
        jumped.record.rendering = None;
        Some(StateEntry::Receipt(jumped))
    }

    /// Everything before `end` is done.
    fn advance(&mut self, end: Seq, counts: Counts, sent: Summary, checkpoint: Option<Checkpoint>) -> ReceiptEntry {
        let records = counts.count + counts.rejected + counts.passed;
        self.totals.sent += counts.count;
        self.totals.rejected += counts.rejected;
        let mut leaves = Vec::new();
        for (index, record) in self.pending.drain(..(records as usize).min(self.pending.len())).enumerate() {
            self.pending_bytes -= record.size.min(self.pending_bytes);
            if self.rendering.is_some() && sent.refused.as_ref().is_some_and(|refused| !refused.contains(&index)) {
                leaves.push(tree::leaf_hash(record.said.text.as_bytes()));
            }
            self.link = record.said.link;
        }
        let record = ExportReceipt {
            export_seq: self.export_seq,
            export_seq_next: self.export_seq + records,
            count: counts.count,
            excluded: end.distance_from(self.next_seq) - records + counts.passed,
            rejected: counts.rejected,
            sha256: sent.sha256,
            bytes: sent.bytes,
            batches: u64::from(sent.attempts > 0),
            attempts: sent.attempts,
            ack: sent.ack,
            checkpoint,
            root: None,
            rendering: self.rendering.clone(),
            link: self.link.clone(),
        };
        let entry = ReceiptEntry { from: self.next_seq, to: end, record, leaves };
        (self.next_seq, self.batch_from) = (end, end);
        self.export_seq += records;
        self.intent = Intent::None;
        entry
    }
}

#[derive(Clone, Copy)]
struct Counts {
    count: u64,
    rejected: u64,
    /// Records of which the receiver need not hear.
    passed: u64,
}

struct Summary {
    /// Which of the records the receiver refused, by their number in the batch; `None` if it did not say.
    refused: Option<BTreeSet<usize>>,
    sha256: Option<String>,
    bytes: u64,
    attempts: u32,
    ack: String,
}

#[cfg(test)]
mod tests;
