//! How the batches of a worker follow one another, and how long one waits until it is full.

use std::time::Duration;

use ledger::Timestamp;

use super::Plan;
use crate::limits::PENDING_BYTES_MAX;
use crate::streams::Filling;

/// How the batches of a worker follow one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Each has its own intent and receipt: what the next one says depends on what the receiver was told.
    Single,
    /// Many share an intent and a receipt while nothing fails.
    Windows {
        /// How many of them may be on their way at once.
        in_flight: usize,
    },
    /// Each has its own, and is filled with so many bytes of records.
    Filled(usize),
}

impl Pace {
    /// Bytes of records at which a worker takes no more.
    pub fn bytes_max(self) -> usize {
        match self {
            Self::Filled(bytes) => bytes,
            Self::Single | Self::Windows { .. } => PENDING_BYTES_MAX,
        }
    }

    /// How many batches may be on their way at once.
    pub fn in_flight(self) -> usize {
        match self {
            Self::Windows { in_flight } => in_flight,
            Self::Single | Self::Filled(_) => 1,
        }
    }
}

impl Plan {
    /// How long the records that wait may wait for more at `now`, so that their batch becomes full. The wait counts from when the first of
    /// them was recorded: a restart does not begin it anew.
    pub fn unfilled(&self, filling: Filling, now: Timestamp) -> Duration {
        match self.pending.front() {
            Some(first) if self.wants_more() => filling.wait.saturating_sub(now.since(first.recorded)),
            _ => Duration::ZERO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use ledger::{LedgerName, Seq};
    use operations::fold::Exported;
    use serde_json::json;

    const BYTES: usize = 1 << 20;

    fn plan(rows: &[(u64, usize)]) -> Plan {
        let settings = json!({"name": "lake", "type": "file", "folder": "/unused", "kinds": ["note"]});
        let config = crate::SinkConfig::from_settings(settings.as_object().unwrap().clone()).unwrap();
        let selection = config.selection([3; 32], "events/0");
        let mut plan = Plan::new(Exported::default(), 1_000_000, Seq::FIRST, Pace::Filled(BYTES), None);
        for (from, count) in rows {
            let entries: Vec<_> = (*from..from + *count as u64)
                .map(|seq| json!({"kind": if seq % 100 == 0 { "note" } else { "prompt" }, "target": "x".repeat(1_000)}))
                .collect();
            assert!(plan.wants_more(), "after {from}");
            plan.absorb(&fixtures::block(LedgerName::Events, Seq::new(*from), &entries), &selection);
        }
        plan
    }

    #[test]
    fn a_batch_waits_until_it_is_full_or_its_first_record_is_old() {
        let filling = Filling { bytes: BYTES, wait: Duration::from_mins(5) };
        let at = |seconds: i64| Timestamp::from_unix_micros(fixtures::START + seconds * 1_000_000);
        // More entries than a sink may leave out without a receipt, of which one in a hundred passes.
        let waiting = plan(&[(0, 9_000), (9_000, 9_000)]);
        assert!(waiting.wants_more() && waiting.pending().len() == 180);
        assert_eq!(waiting.unfilled(filling, at(100)), Duration::from_secs(200));
        assert_eq!(waiting.unfilled(filling, at(300)), Duration::ZERO, "it is old");
        assert_eq!(plan(&[]).unfilled(filling, at(0)), Duration::ZERO, "there is nothing to wait with");
        let full = plan(&[(0, 40_000), (40_000, 40_000)]);
        assert!(!full.wants_more() && full.pending().len() == 800);
        assert_eq!(full.unfilled(filling, at(0)), Duration::ZERO, "it is full");
        assert!(full.pending().iter().all(|record| record.fields.is_empty()), "records are kept as they are said");
    }
}
