//! What refusals lead to: smaller batches, and records that the receiver will never take, each a dead letter.

use operations::kind::export::Checkpoint;

use super::batch::{Batch, Intent};
use super::windows::whole;
use super::{Counts, Plan, Summary};
use crate::judgement::Parts;
use crate::worker::state_store::{RejectedEntry, StateEntry};

impl Plan {
    /// The next batch has at most `limit` records. The intent of the larger one is given up.
    pub(super) fn shrink(&mut self, limit: usize) -> Vec<StateEntry> {
        self.limit = limit.max(1);
        self.intent = Intent::None;
        self.refuse().into_iter().collect()
    }

    /// The first record of the batch is refused for ever.
    pub(super) fn reject(
        &mut self,
        batch: &Batch,
        reason: String,
        attempts: u32,
        checkpoint: Option<Checkpoint>,
    ) -> Vec<StateEntry> {
        let Some(record) = self.pending.front() else { return Vec::new() };
        let (position, export_seq) = (record.position, record.export_seq);
        // What was taken before has its receipt first.
        let before = self.refuse();
        // What the filter left out before the next record belongs to the range.
        let end = if batch.count() == 1 {
            batch.end
        } else {
            self.pending.get(1).map_or(batch.end, |next| next.position.seq)
        };
        let previous = self.link.clone();
        let rejected = StateEntry::Rejected(RejectedEntry { position, export_seq, reason: reason.clone(), previous });
        let sent = Summary { refused: None, sha256: None, bytes: 0, attempts, ack: reason };
        let receipt = self.advance(end, Counts { count: 0, rejected: 1, passed: 0 }, sent, checkpoint);
        before.into_iter().chain([rejected, StateEntry::Receipt(receipt)]).collect()
    }

    /// The receiver has the batch but for some records. One receipt stands for it, whatever it refused.
    pub(super) fn take_but(
        &mut self,
        batch: &Batch,
        parts: Parts,
        attempts: u32,
        checkpoint: Option<Checkpoint>,
    ) -> Vec<StateEntry> {
        let all = batch.count() as u64;
        let mut entries: Vec<StateEntry> = self.refuse().into_iter().collect();
        for (index, reason) in parts.refused.iter().filter(|(index, _)| *index < batch.count()).cloned() {
            let previous = match index.checked_sub(1) {
                Some(before) => self.pending.get(before).and_then(|record| record.said.link.clone()),
                None => self.link.clone(),
            };
            let Some(record) = self.pending.get(index) else { continue };
            let (position, export_seq) = (record.position, record.export_seq);
            entries.push(StateEntry::Rejected(RejectedEntry { position, export_seq, reason, previous }));
        }
        let refused = parts.unnamed == 0;
        let refused = refused.then(|| parts.refused.iter().map(|(index, _)| *index).collect());
        let named = entries.iter().filter(|entry| matches!(entry, StateEntry::Rejected(_))).count() as u64;
        let rejected = (named + parts.unnamed).min(all);
        let counts = Counts { count: all - rejected, rejected, passed: 0 };
        let bytes = batch.messages.iter().map(|message| message.body.len() as u64).sum();
        let sent = Summary { refused, sha256: Some(batch.digest()), bytes, attempts, ack: parts.said };
        let receipt = self.advance(batch.end, counts, sent, checkpoint);
        let body = batch.messages.first().map(|message| message.body.as_slice()).unwrap_or_default();
        entries.push(whole(receipt, body));
        entries
    }
}

#[cfg(test)]
mod tests {
    use ledger::Seq;
    use operations::fold::Exported;
    use serde_json::json;

    use super::*;
    use crate::fixtures;
    use crate::message::Rendered;
    use crate::worker::plan::Pace;
    use crate::worker::send::{Attempt, Settled};

    fn plan(records: usize) -> Plan {
        let config = fixtures::sink("siem");
        let mut plan =
            Plan::new(Exported::default(), 100, Seq::new(records as u64), Pace::Single, Some("plain".to_owned()));
        plan.absorb(&fixtures::events(&vec![json!({"kind": "note"}); records]), &config.selection([3; 32], "acme"));
        plan
    }

    fn settled(records: usize, refused: &[usize], unnamed: u64) -> Vec<StateEntry> {
        let mut plan = plan(records);
        let batch = plan.propose(|records| Rendered::whole(b"body".to_vec(), records.len())).unwrap();
        let refused = refused.iter().map(|index| (*index, format!("why {index}"))).collect();
        let parts = Parts { refused, unnamed, said: "200".to_owned() };
        let entries = plan.settle(&batch, vec![Attempt { settled: Settled::Parts(parts), attempts: 1 }], None);
        assert!(plan.pending().is_empty() && plan.export_seq() == records as u64);
        entries
    }

    #[test]
    fn one_receipt_stands_for_a_batch_of_which_parts_were_refused() {
        let check = |refused: &[usize], unnamed: u64, count: u64, dead: &[u64]| {
            let mut entries = settled(9, refused, unnamed);
            let Some(StateEntry::Receipt(receipt)) = entries.pop() else { panic!("the receipt is last") };
            let letters: Vec<u64> = entries
                .iter()
                .map(|entry| match entry {
                    StateEntry::Rejected(letter) => {
                        assert_eq!(letter.reason, format!("why {}", letter.export_seq));
                        letter.position.seq.get()
                    }
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(letters, dead);
            let (record, range) = (receipt.record, (receipt.from.get(), receipt.to.get()));
            assert_eq!((record.count, record.count + record.rejected, range), (count, 9, (0, 9)));
            assert_eq!(record.root.is_some(), unnamed == 0, "a root needs to know which were taken");
            assert_eq!((record.sha256, record.bytes), (Some(crate::hash::sha256(b"body")), 4));
        };
        check(&[0, 4, 8], 0, 6, &[0, 4, 8]);
        check(&[], 2, 7, &[]);
        // What no batch has is not believed.
        check(&[3, 70], 0, 8, &[3]);
        check(&[], 70, 0, &[]);
    }
}
