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
    use crate::judgement::Ack;
    use crate::worker::send::{Attempt, Settled};
    use crate::worker::state_store::StateEntry;
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

    #[test]
    fn several_objects_of_a_batch_have_one_receipt_that_names_each() {
        let settings = json!({"name": "lake", "type": "security_lake", "bucket": "lake-x", "region": "eu-central-1", "account": "123456789012",
            "credentials": "environment"});
        let config = crate::SinkConfig::from_settings(settings.as_object().unwrap().clone()).unwrap();
        let crate::sink::AnySink::Stream(sink) = config.sink.clone() else { panic!("it takes every record") };
        let mut plan = Plan::new(Exported::default(), 1_000_000, Seq::FIRST, Pace::Filled(BYTES), None);
        let days = [0, 86_400_000_000, 0];
        let entries: Vec<_> = days.iter().map(|ago| json!({"kind": "note", "time": fixtures::START - ago})).collect();
        plan.absorb(&fixtures::events(&entries), &config.selection([3; 32], "events/0"));
        let batch = plan.propose(|records| sink.render(records)).unwrap();
        assert!(matches!(plan.intend(&batch), Some(StateEntry::Intent(_))));
        let acked = |said: &str| Attempt { settled: Settled::Acked(Ack::new(said)), attempts: 1 };
        let entries = plan.settle(&batch, vec![acked("created a"), acked("created b")], None);
        let [StateEntry::Receipt(receipt)] = entries.as_slice() else { panic!("one receipt: {entries:?}") };
        assert_eq!((receipt.from, receipt.to, receipt.record.count), (Seq::FIRST, Seq::new(3), 3));
        assert_eq!((receipt.record.ack.as_str(), receipt.record.excluded), ("created a; created b", 0));
        assert_eq!(receipt.record.sha256, Some(batch.digest()));
        assert!(plan.pending().is_empty());
    }
}
