//! What a plan knows and records about alerts: what is hidden, what a receiver has, and what it refused.

use ledger::Seq;
use operations::alert::State;
use operations::kind::alert_notice::Because;
use operations::kind::delivery::{Hidden, Sent};

use super::{Batch, Plan};
use crate::delivery::suppressor::{Candidate, Decision};
use crate::hash::sha256;
use crate::message::{Message, MessageKind};
use crate::record::{Body, Record};
use crate::worker::send::{Attempt, Settled};
use crate::worker::state_store::{HiddenEntry, RejectedEntry, SentEntry, StateEntry};

impl Plan {
    /// What hid a record when an earlier process decided to send its range.
    pub(super) fn decided(&self, seq: Seq) -> Option<String> {
        let (_, intent) = self.intent.inherited()?;
        let at = intent.hidden.binary_search_by_key(&seq, |hidden| hidden.seq).ok()?;
        Some(intent.hidden[at].by.clone())
    }

    /// The alerts that may go into the next batch and that something may hide: all but ends, and but those of a range that an
    /// earlier process began.
    pub fn doubtful(&self) -> Vec<Candidate> {
        let records = self.pending.iter().take(self.limit_max).filter(|record| self.is_doubtful(record));
        let candidate = |record: &Record| match &record.body {
            Body::Alert(alert) => Some(Candidate { alert: (**alert).clone(), notice: record.notice.clone() }),
            _ => None,
        };
        records.filter_map(candidate).collect()
    }

    fn is_doubtful(&self, record: &Record) -> bool {
        let decided = self.intent.inherited().map_or(Seq::FIRST, |(range, _)| range.end);
        record.position.seq >= decided && is_hideable(&record.body)
    }

    /// Takes the answers for [`Plan::doubtful`], in its order.
    pub fn hide(&mut self, decisions: Vec<Decision>) {
        let numbers: Vec<usize> =
            (0..self.pending.len().min(self.limit_max)).filter(|at| self.is_doubtful(&self.pending[*at])).collect();
        for (number, decision) in numbers.into_iter().zip(decisions) {
            self.pending[number].hidden = match decision {
                Decision::Suppress(by) => Some(by),
                Decision::Notify => None,
            };
        }
    }

    pub(super) fn rejected(&self, message: &Message, reason: &str) -> Vec<StateEntry> {
        let records = message.records.iter().filter_map(|number| self.pending.get(*number));
        let entry = |record: &Record| RejectedEntry {
            position: record.position,
            export_seq: record.export_seq,
            reason: reason.to_owned(),
            previous: None,
        };
        records.map(|record| StateEntry::Rejected(entry(record))).collect()
    }

    /// That nobody is told of what is hidden.
    pub(super) fn hidden(&self, batch: &Batch) -> Vec<StateEntry> {
        let hidden =
            self.pending.iter().take(batch.count()).filter_map(|record| Some((record, record.hidden.as_ref()?)));
        let entry = |(record, by): (&Record, &String)| match &record.body {
            Body::Alert(alert) => {
                let step = match &record.notice {
                    Some(Because::Escalation { step, .. }) => Some(step.clone()),
                    _ => None,
                };
                let hidden = Hidden { alert: alert.id.clone(), revision: alert.revision, by: by.clone(), step };
                Some(StateEntry::Hidden(HiddenEntry { position: record.position, record: hidden }))
            }
            _ => None,
        };
        hidden.filter_map(entry).collect()
    }

    /// That the receiver has a message, if that has to be on record apart from the receipt.
    pub fn sent_entry(&self, batch: &Batch, message: &Message, attempt: &Attempt) -> Option<StateEntry> {
        let Settled::Acked(ack) = &attempt.settled else { return None };
        if matches!(message.kind, MessageKind::Batch | MessageKind::Letter) && message.alerts.is_empty() {
            return None;
        }
        let mut record =
            Sent { handle: ack.handle.clone(), ack: ack.said.clone(), ..Self::sent(message, attempt.attempts) };
        if let Some(body) = &ack.body {
            record.sha256 = sha256(body);
        }
        Some(StateEntry::Sent(SentEntry { from: self.next_seq, to: batch.end, record }))
    }

    /// What became of alerts of which the receiver need not be told.
    pub fn silent_entry(&self, batch: &Batch) -> Option<StateEntry> {
        let ack = "the receiver need not be told".to_owned();
        let record = Sent { alerts: batch.silent.clone(), ack, ..Self::sent(&Message::default(), 0) };
        let entry = SentEntry { from: self.next_seq, to: batch.end, record };
        (!batch.silent.is_empty()).then_some(StateEntry::Sent(entry))
    }

    fn sent(message: &Message, attempts: u32) -> Sent {
        Sent {
            key: message.key.clone(),
            handle: None,
            digest: message.kind == MessageKind::Digest,
            thread: message.thread.clone(),
            alerts: message.alerts.clone(),
            sha256: sha256(&message.body),
            attempts,
            ack: String::new(),
        }
    }
}

/// Whether a record is an alert, and not the end of one.
fn is_hideable(body: &Body) -> bool {
    matches!(body, Body::Alert(alert) if alert.state != State::Resolved)
}
