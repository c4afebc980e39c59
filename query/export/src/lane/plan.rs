//! What a lane does next: a pure state machine over rows, batches and outcomes.
//!
//! Receipts tile the ledger: each starts where the one before it ended. A batch that is refused becomes smaller until one
//! record is alone; that one is rejected, and everything else goes on.

use std::borrow::Cow;
use std::collections::VecDeque;

use ledger::alert::State;
use ledger::fold::{Checkpoint, ExportIntent, ExportReceipt, Hidden, HiddenAt, Outbox, Sent, SentAlert};
use ledger::triage::Because;
use ledger::{Position, Rows};
use sha2::{Digest as _, Sha256};

use super::book::{HiddenNote, IntentNote, Note, ReceiptNote, RejectedNote, SentNote};
use super::send::{Attempt, Settled};
use crate::fields::{Renderer, hex};
use crate::gate::{Asked, Verdict};
use crate::limits::{EXCLUDED_MAX, PENDING_BYTES_MAX};
use crate::record::{Body, Filter, Record};
use crate::sink::{Message, Rendered, Sink};

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

/// Records that are done together: one receipt stands for them.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The position after the range.
    pub end: u64,
    /// How many records it has.
    pub count: usize,
    /// The messages that tell of them.
    pub messages: Vec<Message>,
    /// Alerts of which the receiver need not be told again.
    pub silent: Vec<SentAlert>,
    /// SHA-256 of all bodies, one after the other, in hexadecimal.
    pub sha256: String,
    /// Whether an earlier process may have sent the first message that is not on record.
    pub resumed: bool,
    /// Its records, if they are not the plan's: dead letters that are sent once more.
    pub letter: Vec<Record>,
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
            if let Some(mut record) = filter.select(&row, export_seq, renderer) {
                record.hidden = self.decided(row.position.seq);
                self.pending_bytes += record.size;
                self.pending.push_back(record);
            }
        }
        self.read_to = self.read_to.max(rows.next_seq);
    }

    /// What hid a record when an earlier process decided to send its range.
    fn decided(&self, seq: u64) -> Option<String> {
        let (_, intent) = self.intent.as_ref().filter(|_| self.resuming)?;
        let at = intent.hidden.binary_search_by_key(&seq, |hidden| hidden.seq).ok()?;
        Some(intent.hidden[at].by.clone())
    }

    /// The alerts that may go into the next batch and that something may hide: all but ends, and but those of a range that an
    /// earlier process began.
    pub fn doubtful(&self) -> Vec<Asked> {
        let records = self.pending.iter().take(self.limit_max).filter(|record| self.is_doubtful(record));
        let asked = |record: &Record| match &record.body {
            Body::Alert(alert) => Some(Asked { alert: (**alert).clone(), notice: record.notice.clone() }),
            _ => None,
        };
        records.filter_map(asked).collect()
    }

    fn is_doubtful(&self, record: &Record) -> bool {
        let decided = self.intent.as_ref().filter(|_| self.resuming).map_or(0, |(end, _)| *end);
        record.position.seq >= decided && is_hideable(&record.body)
    }

    /// Takes the answers for [`Plan::doubtful`], in its order.
    pub fn hide(&mut self, verdicts: Vec<Verdict>) {
        let numbers: Vec<usize> =
            (0..self.pending.len().min(self.limit_max)).filter(|at| self.is_doubtful(&self.pending[*at])).collect();
        for (number, verdict) in numbers.into_iter().zip(verdicts) {
            self.pending[number].hidden = match verdict {
                Verdict::Hidden(by) => Some(by),
                Verdict::Notify => None,
            };
        }
    }

    /// The next batch: the range of the intent if there is one, or else as many records as the sink takes.
    pub fn propose(&mut self, sink: &dyn Sink, outbox: &Outbox) -> Option<Batch> {
        if let Some((end, _)) = self.intent.clone()
            && self.resuming
        {
            let count = self.pending.partition_point(|record| record.position.seq < end);
            let records = &self.pending.make_contiguous()[..count];
            let rendered = (count > 0).then(|| sink.render(records, outbox));
            match rendered {
                Some(rendered) if rendered.taken == count => return Some(Batch::new(end, count, rendered, true)),
                // The filter or the sink has changed since: the range is batched anew.
                _ => (self.intent, self.resuming) = (None, false),
            }
        }
        loop {
            let (next_seq, read_to) = (self.next_seq, self.read_to);
            let count = self.pending.len().min(self.limit);
            if count == 0 {
                return None;
            }
            let records = self.pending.make_contiguous();
            let rendered = sink.render(&records[..count], outbox);
            let count = rendered.taken.clamp(1, count);
            let hidden = records[..count].iter().any(|record| record.hidden.is_some());
            if rendered.messages.is_empty() && rendered.silent.is_empty() && !hidden {
                self.pass_over(count);
                continue;
            }
            // What follows the last record and was left out by the filter belongs to the range.
            let end = records.get(count).map_or(read_to, |record| record.position.seq);
            debug_assert!(end > next_seq, "a batch moves the lane");
            return Some(Batch::new(end, count, rendered, false));
        }
    }

    /// The receiver need not hear of the first records: they count as left out by the filter.
    fn pass_over(&mut self, count: usize) {
        for record in self.pending.drain(..count) {
            self.pending_bytes -= record.size.min(self.pending_bytes);
        }
        for (number, record) in self.pending.iter_mut().enumerate() {
            record.export_seq = self.export_seq + number as u64;
        }
    }

    /// The intent to send a batch; `None` if it stands in the ledger already.
    pub fn intend(&mut self, batch: &Batch) -> Option<IntentNote> {
        let hidden = self
            .pending
            .iter()
            .take(batch.count)
            .filter_map(|record| record.hidden.clone().map(|by| HiddenAt { seq: record.position.seq, by }));
        let record = ExportIntent {
            export_seq: self.export_seq,
            count: batch.count as u64,
            sha256: batch.sha256.clone(),
            hidden: hidden.collect(),
        };
        let known = self.intent.as_ref().is_some_and(|(end, intent)| *end == batch.end && *intent == record);
        self.intent = Some((batch.end, record.clone()));
        (!known).then_some(IntentNote { from: self.next_seq, to: batch.end, record })
    }

    /// The first record of a batch.
    pub fn first_record(&self, batch: &Batch) -> Option<&Record> {
        self.pending.front().filter(|_| batch.count > 0)
    }

    /// The records of a batch. They stand in one piece since the batch was proposed, so nothing is copied.
    pub fn records<'a>(&'a self, batch: &'a Batch) -> Cow<'a, [Record]> {
        if !batch.letter.is_empty() {
            return Cow::Borrowed(&batch.letter);
        }
        match self.pending.as_slices().0.get(..batch.count) {
            Some(records) => Cow::Borrowed(records),
            None => self.pending.iter().take(batch.count).cloned().collect(),
        }
    }

    /// What a batch's outcome means for the ledger: what became of each of its messages, in order. What was said of single
    /// messages is on record already.
    pub fn settle(&mut self, batch: &Batch, attempts: Vec<Attempt>, checkpoint: Option<Checkpoint>) -> Vec<Note> {
        match (batch.messages.as_slice(), <[Attempt; 1]>::try_from(attempts)) {
            ([message], Ok([attempt])) if message.key.is_empty() => self.settle_whole(batch, attempt, checkpoint),
            (_, attempts) => {
                let attempts = attempts.map_or_else(|attempts| attempts, Vec::from);
                self.settle_messages(batch, &attempts, checkpoint)
            }
        }
    }

    /// The outcome of a batch that is one message, of which the receiver may refuse parts.
    fn settle_whole(&mut self, batch: &Batch, attempt: Attempt, checkpoint: Option<Checkpoint>) -> Vec<Note> {
        let Attempt { settled, attempts } = attempt;
        match settled {
            Settled::Acked { ack, body, handle: _ } => {
                let message = &batch.messages[0];
                let body = body.as_ref().unwrap_or(&message.body);
                let count = message.records.len() as u64;
                let passed = (batch.count as u64).saturating_sub(count);
                let counts = Counts { count, rejected: 0, passed };
                let sent = Summary { sha256: Some(digest(body)), bytes: body.len() as u64, attempts, ack };
                self.limit = (self.limit * 2).min(self.limit_max);
                let mut notes = self.hidden(batch);
                notes.push(Note::Receipt(self.advance(batch.end, counts, sent, checkpoint)));
                notes
            }
            Settled::Refused { index, reason } if index == 0 || batch.count == 1 => {
                self.reject(batch, reason, attempts, checkpoint)
            }
            Settled::Refused { index, .. } => self.shrink(index),
            Settled::TooLarge { reason } if batch.count == 1 => self.reject(batch, reason, attempts, checkpoint),
            Settled::TooLarge { .. } => self.shrink(batch.count / 2),
        }
    }

    /// The outcomes of messages that the receiver takes or refuses one by one.
    fn settle_messages(&mut self, batch: &Batch, attempts: &[Attempt], checkpoint: Option<Checkpoint>) -> Vec<Note> {
        let mut notes = self.hidden(batch);
        let (mut counts, mut acks) = (Counts { count: 0, rejected: 0, passed: 0 }, Vec::new());
        let (mut bytes, mut tries) = (0, 0_u32);
        for (message, attempt) in batch.messages.iter().zip(attempts) {
            tries = tries.saturating_add(attempt.attempts);
            match &attempt.settled {
                Settled::Acked { ack, body, .. } => {
                    counts.count += message.records.len() as u64;
                    bytes += body.as_ref().unwrap_or(&message.body).len() as u64;
                    acks.push(ack.clone());
                }
                Settled::Refused { reason, .. } | Settled::TooLarge { reason } => {
                    counts.rejected += message.records.len() as u64;
                    notes.extend(self.rejected(message, reason));
                }
            }
        }
        notes.extend(self.note_silent(batch));
        counts.passed = (batch.count as u64).saturating_sub(counts.count + counts.rejected);
        let sha256 = (counts.count > 0).then(|| batch.sha256.clone());
        let ack = match acks.as_slice() {
            [one] => one.clone(),
            _ => format!("{} messages", acks.len()),
        };
        let summary = Summary { sha256, bytes, attempts: tries, ack };
        notes.push(Note::Receipt(self.advance(batch.end, counts, summary, checkpoint)));
        notes
    }

    fn rejected(&self, message: &Message, reason: &str) -> Vec<Note> {
        let records = message.records.iter().filter_map(|number| self.pending.get(*number));
        let note = |record: &Record| RejectedNote {
            position: record.position,
            export_seq: record.export_seq,
            reason: reason.to_owned(),
        };
        records.map(|record| Note::Rejected(note(record))).collect()
    }

    /// That nobody is told of what is hidden.
    fn hidden(&self, batch: &Batch) -> Vec<Note> {
        let hidden = self.pending.iter().take(batch.count).filter_map(|record| Some((record, record.hidden.as_ref()?)));
        let note = |(record, by): (&Record, &String)| match &record.body {
            Body::Alert(alert) => {
                let step = match &record.notice {
                    Some(Because::Escalation { step, .. }) => Some(step.clone()),
                    _ => None,
                };
                let hidden = Hidden { alert: alert.id.clone(), revision: alert.revision, by: by.clone(), step };
                Some(Note::Hidden(HiddenNote { position: record.position, record: hidden }))
            }
            _ => None,
        };
        hidden.filter_map(note).collect()
    }

    /// That the receiver has a message, if that has to be on record apart from the receipt.
    pub fn note_sent(&self, batch: &Batch, message: &Message, attempt: &Attempt) -> Option<Note> {
        let Settled::Acked { ack, body, handle } = &attempt.settled else { return None };
        if message.key.is_empty() && message.alerts.is_empty() {
            return None;
        }
        let mut record = Sent { handle: handle.clone(), ack: ack.clone(), ..Self::sent(message, attempt.attempts) };
        if let Some(body) = body {
            record.sha256 = digest(body);
        }
        Some(Note::Sent(SentNote { from: self.next_seq, to: batch.end, record }))
    }

    /// What became of alerts of which the receiver need not be told.
    pub fn note_silent(&self, batch: &Batch) -> Option<Note> {
        let ack = "the receiver need not be told".to_owned();
        let record = Sent { alerts: batch.silent.clone(), ack, ..Self::sent(&Message::default(), 0) };
        let note = SentNote { from: self.next_seq, to: batch.end, record };
        (!batch.silent.is_empty()).then_some(Note::Sent(note))
    }

    fn sent(message: &Message, attempts: u32) -> Sent {
        Sent {
            key: message.key.clone(),
            handle: None,
            digest: message.digest,
            thread: message.thread.clone(),
            alerts: message.alerts.clone(),
            sha256: digest(&message.body),
            attempts,
            ack: String::new(),
        }
    }

    /// A receipt without sending, when the filter left out so much that it should be on record.
    pub fn skip(&mut self) -> Option<ReceiptNote> {
        if !self.pending.is_empty() || self.read_to - self.next_seq < EXCLUDED_MAX {
            return None;
        }
        let sent = Summary { sha256: None, bytes: 0, attempts: 0, ack: String::new() };
        Some(self.advance(self.read_to, Counts { count: 0, rejected: 0, passed: 0 }, sent, None))
    }

    /// Leaves out everything before `end`, because the sink starts there.
    pub fn jump(&mut self, end: u64) -> Option<ReceiptNote> {
        if end <= self.next_seq {
            return None;
        }
        self.read_to = end;
        let sent = Summary { sha256: None, bytes: 0, attempts: 0, ack: "the sink starts here".to_owned() };
        Some(self.advance(end, Counts { count: 0, rejected: 0, passed: 0 }, sent, None))
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
        let sent = Summary { sha256: None, bytes: 0, attempts, ack: reason };
        let receipt = self.advance(end, Counts { count: 0, rejected: 1, passed: 0 }, sent, checkpoint);
        vec![rejected, Note::Receipt(receipt)]
    }

    /// Everything before `end` is done.
    fn advance(&mut self, end: u64, counts: Counts, sent: Summary, checkpoint: Option<Checkpoint>) -> ReceiptNote {
        let records = counts.count + counts.rejected + counts.passed;
        for record in self.pending.drain(..(records as usize).min(self.pending.len())) {
            self.pending_bytes -= record.size.min(self.pending_bytes);
        }
        let record = ExportReceipt {
            export_seq: self.export_seq,
            export_seq_next: self.export_seq + records,
            count: counts.count,
            excluded: end - self.next_seq - records + counts.passed,
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
    /// Records of which the receiver need not hear.
    passed: u64,
}

struct Summary {
    sha256: Option<String>,
    bytes: u64,
    attempts: u32,
    ack: String,
}

impl Batch {
    fn new(end: u64, count: usize, rendered: Rendered, resumed: bool) -> Self {
        let Rendered { messages, silent, .. } = rendered;
        let hash = messages.iter().fold(Sha256::new(), |hash, message| hash.chain_update(&message.body));
        Self { end, count, messages, silent, sha256: hex(&hash.finalize()), resumed, letter: Vec::new() }
    }
}

impl Batch {
    /// Dead letters that are sent once more; `position` is the last of them.
    pub fn of_letters(position: Position, records: Vec<Record>, rendered: Rendered) -> Self {
        Self { letter: records, ..Self::new(position.seq + 1, 0, rendered, false) }
    }
}

/// SHA-256 in hexadecimal.
pub fn digest(body: &[u8]) -> String {
    hex(&Sha256::digest(body))
}

/// Whether a record is an alert, and not the end of one.
fn is_hideable(body: &Body) -> bool {
    matches!(body, Body::Alert(alert) if alert.state != State::Resolved)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use serde_json::json;

    #[test]
    fn the_records_of_a_batch_are_not_copied() {
        let settings =
            json!({"name": "siem", "type": "splunk_hec", "url": "https://splunk.acme.example", "token": "env:T"});
        let config = crate::SinkConfig::from_settings(settings.as_object().unwrap().clone()).unwrap();
        let renderer = Renderer::new(crate::FieldPolicy::default(), [3; 32]);
        let mut plan = Plan::new(0, 0, None, 100);
        plan.absorb(&fixtures::events(&vec![json!({"kind": "note"}); 9]), &config.filter(), &renderer);
        let batch = plan.propose(config.sink.as_ref(), &fixtures::outbox()).unwrap();
        assert!(matches!(plan.records(&batch), Cow::Borrowed(records) if records.len() == 9));
    }
}
