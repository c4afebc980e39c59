//! A plan over a range of a ledger that has an end: a backfill.

use std::collections::BTreeSet;

use ledger::Seq;
use operations::kind::export::Link;

use super::{Counts, Plan, Summary};
use crate::worker::state_store::StateEntry;

impl Plan {
    /// The same up to `end`. `previous` is what the first record refers to, for one that has no receipt yet.
    #[must_use]
    pub fn bounded(mut self, end: Seq, previous: Option<Link>) -> Self {
        self.end = Some(end);
        self.link = self.link.or(previous);
        self
    }

    /// How far it has to go; `None` if for ever.
    pub fn left(&self) -> Option<u64> {
        self.end.map(|end| end.distance_from(self.next_seq))
    }

    /// Whether nothing is left to be sent.
    pub fn is_finished(&self) -> bool {
        self.pending.is_empty() && self.end.is_some_and(|end| self.read_to >= end)
    }

    /// The receipts that are still to be written then: of what was taken, and of what the filter leaves out behind it.
    pub fn finish(&mut self) -> Vec<StateEntry> {
        let mut entries: Vec<StateEntry> = self.close().into_iter().collect();
        if let Some(end) = self.end.filter(|end| *end > self.next_seq) {
            let sent =
                Summary { refused: Some(BTreeSet::new()), sha256: None, bytes: 0, attempts: 0, ack: String::new() };
            let rest = self.advance(end, Counts { count: 0, rejected: 0, passed: 0 }, sent, None);
            entries.push(StateEntry::Receipt(rest));
        }
        entries
    }
}
