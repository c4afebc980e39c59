//! The latest events that a state saw: what an alert says about the time before it was opened.

use std::collections::VecDeque;

use detect_core::episode::Before;
use detect_core::packed;
use ledger::Seq;
use ledger::Timestamp;

use super::Seen;
use super::memory_budget::list_bytes;
use crate::limits::RULE_EVIDENCE_MAX;

/// The latest events, oldest first.
#[derive(Debug, Default)]
pub struct RecentEvents {
    latest: VecDeque<(Seq, (Timestamp, Timestamp))>,
}

packed!(RecentEvents { latest });

impl RecentEvents {
    /// The bytes that it takes at most.
    pub fn bytes() -> u64 {
        list_bytes(RULE_EVIDENCE_MAX as u64 + 1, 24)
    }

    /// Notes an event.
    pub fn note(&mut self, seen: Seen<'_, '_>) {
        let event = seen.event;
        // The event itself and those before it.
        if self.latest.len() > RULE_EVIDENCE_MAX {
            self.latest.pop_front();
        }
        self.latest.push_back((event.position().seq, (event.time(), event.recorded())));
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.latest.clear();
    }

    /// Forgets what was recorded before a second.
    pub fn forget_before(&mut self, second: i64) {
        while self.latest.front().is_some_and(|(_, (_, recorded))| recorded.unix_seconds() < second) {
            self.latest.pop_front();
        }
    }

    /// What came before the event that was noted last, as far as it is remembered.
    pub fn before_all(&self) -> Before {
        self.before(self.latest.len() as u64)
    }

    /// What came before the event that was noted last; `count` with it.
    pub fn before(&self, count: u64) -> Before {
        let earlier = self.latest.len().saturating_sub(1);
        Before {
            count: count.saturating_sub(1),
            first: self.latest.front().filter(|_| earlier > 0).map(|(_, times)| *times),
            evidence: self.latest.iter().take(earlier).map(|(seq, _)| *seq).collect(),
        }
    }
}
