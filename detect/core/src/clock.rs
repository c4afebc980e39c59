//! Recorded time: which seconds passed between two rows, and whether the ledger ran while they passed.
//!
//! A running ledger closes a batch at least every ten seconds, even an empty one. So the batch numbers of two rows tell
//! whether it was running between them. What was decided live is written with the cursor, because a heartbeat may have
//! told it earlier than the next row does.

use ledger::Seq;
use serde::{Deserialize, Serialize};

use crate::limits::OUTAGE_SECONDS;

/// How far recorded time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Clock {
    /// The last second that detectors were told; `None` before the first row.
    pub second: Option<i64>,
    /// The batch of the last row, or the newest batch at the last heartbeat.
    pub batch: u64,
}

/// A time without the ledger: the seconds after `from` until `to` were not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// The position of the next row when it was found.
    pub next_seq: Seq,
    /// The last second before.
    pub from: i64,
    /// The second in which recording was known to go on.
    pub to: i64,
}

impl Clock {
    /// Whether recording stopped between the last call and a moment in `second` at which batch number `batch` is the newest.
    pub fn is_outage(&self, second: i64, batch: u64) -> bool {
        let Some(last) = self.second else { return false };
        let gap = second - last;
        let heartbeats = (gap / HEARTBEAT_SECONDS) as u64;
        gap > OUTAGE_SECONDS && batch.saturating_sub(self.batch) + HEARTBEATS_MISSED_MAX < heartbeats
    }
}

const HEARTBEAT_SECONDS: i64 = ledger::limits::HEARTBEAT.as_secs() as i64;

/// Heartbeats that may be missing without meaning anything: the rounding of the gap, and one that was late.
const HEARTBEATS_MISSED_MAX: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_long_gap_without_heartbeats_is_an_outage() {
        let check =
            |gap: i64, batches: u64| Clock { second: Some(1_000), batch: 50 }.is_outage(1_000 + gap, 50 + batches);
        assert!(!check(30, 0), "short");
        assert!(!check(100, 9), "idle but running");
        assert!(!check(100, 8), "a late heartbeat");
        assert!(check(100, 1), "stopped");
        assert!(check(86_400, 4_000), "stopped for half of the day");
        assert!(!Clock::default().is_outage(86_400, 1), "nothing was recorded before");
    }
}
