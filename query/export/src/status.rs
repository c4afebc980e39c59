//! Where sinks stand: from the running lanes, or from the ledger alone.

use std::time::{SystemTime, UNIX_EPOCH};

use ledger::fold::newest_exported;
use ledger::{LedgerError, LedgerName, Reader};
use serde::Serialize;

use crate::config::Config;
use crate::lane::book::read_outbox;

/// One sink in one ledger. Times are microseconds since 1970 UTC. Texts from the receiver are not to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LaneStatus {
    /// The sink's name.
    pub sink: String,
    /// The kind of sink.
    pub kind: &'static str,
    /// The ledger that it exports.
    pub ledger: &'static str,
    /// Whether it stands still by its configuration.
    pub paused: bool,
    /// Everything before this position is done.
    pub next_seq: u64,
    /// The number of the next record in the sink's own gapless count.
    pub export_seq: u64,
    /// Durable entries that are not done.
    pub lag: u64,
    /// Age of the oldest record that was read and is not done, in seconds. It grows while the sink is blocked.
    pub lag_seconds: u64,
    /// Since when a message is on its way that the sink did not take in some seconds, or refused for now.
    pub blocked_since: Option<i64>,
    /// When the sink last acknowledged something.
    pub last_ack: Option<i64>,
    /// What went wrong last, until something is acknowledged.
    pub last_error: Option<String>,
    /// Whether it waits for somebody to change something.
    pub parked: bool,
    /// When it tries again, if it waits.
    pub next_attempt: Option<i64>,
    /// Records acknowledged since the process started.
    pub sent: u64,
    /// Records refused for ever since the process started.
    pub rejected: u64,
    /// Records that it refused and that were not taken since: they can be sent once more.
    pub dead: u64,
    /// Requests repeated since the process started.
    pub retries: u64,
    /// Why the lane ended, if it did.
    pub stopped: Option<String>,
}

impl LaneStatus {
    /// A lane that has done nothing yet.
    pub(crate) fn new(sink: &str, kind: &'static str, ledger: LedgerName, paused: bool) -> Self {
        Self {
            sink: sink.to_owned(),
            kind,
            ledger: ledger.as_str(),
            paused,
            next_seq: 0,
            export_seq: 0,
            lag: 0,
            lag_seconds: 0,
            blocked_since: None,
            last_ack: None,
            last_error: None,
            parked: false,
            next_attempt: None,
            sent: 0,
            rejected: 0,
            dead: 0,
            retries: 0,
            stopped: None,
        }
    }
}

/// Where the configured sinks stand by their receipts, without a running server. Counts since the start are zero.
pub fn status(config: &Config, events: &Reader, operations: &Reader) -> Result<Vec<LaneStatus>, LedgerError> {
    let mut lanes = Vec::new();
    for sink in &config.sinks {
        for ledger in sink.spec.ledgers {
            let reader = if *ledger == LedgerName::Events { events } else { operations };
            let mut lane = LaneStatus::new(&sink.common.name, sink.spec.kind, *ledger, sink.common.paused);
            if let Some(exported) = newest_exported(operations, &sink.common.name, *ledger, 0)? {
                (lane.next_seq, lane.export_seq) = (exported.next_seq, exported.export_seq);
                let sent = exported.receipt.as_ref().is_some_and(|receipt| receipt.count > 0);
                lane.last_ack = exported.receipt_recorded.filter(|_| sent);
            }
            lane.dead = read_outbox(operations, &sink.common.name, *ledger, 0)?.get().dead().len() as u64;
            lane.lag = reader.durable()?.next_seq.saturating_sub(lane.next_seq);
            lanes.push(lane);
        }
    }
    Ok(lanes)
}

/// The wall clock, for the status and for latencies; never for what is sent.
pub fn now_micros() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}
