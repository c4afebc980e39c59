//! Where sinks stand: from the running workers, or from the ledger alone.

use ledger::{LedgerError, LedgerName, Reader, Seq, SystemClock, TimeSource, Timestamp};
use operations::fold::{OpenBackfill, Paused, SinkOrders, newest_exported_since};
use operations::kind::sink_order::BackfillMode;
use operations::standing::{Standing, State};
use serde::Serialize;

use crate::backfill;
use crate::config::{Config, SinkConfig};
use crate::worker::state_store::read_outbox;

/// One sink in one ledger. Texts from the receiver are not to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SinkStatus {
    /// The sink's name.
    pub sink: String,
    /// The kind of sink.
    pub kind: &'static str,
    /// The ledger that it exports.
    pub ledger: LedgerName,
    /// Where it sends, as much of it as holds no secret.
    pub place: String,
    /// Whether it stands still, by its configuration or by an order.
    pub paused: bool,
    /// Who ordered that it stands still, if somebody did. What is on its way then arrives first.
    pub pause: Option<Paused>,
    /// The range that it sends beside what is new, if it is a backfill.
    pub backfill: Option<BackfillStatus>,
    /// When its worker started; a reload starts those anew that it changes. It is not known of one that did not run in this process.
    pub started: Option<Timestamp>,
    /// Everything before this position is done.
    pub next_seq: Seq,
    /// The number of the next record in the sink's own gapless count.
    pub export_seq: u64,
    /// Durable entries that are not done.
    pub lag: u64,
    /// Age of the oldest record that was read and is not done, in seconds. It grows while the sink is blocked.
    pub lag_seconds: u64,
    /// How it stands: `state`, `since` and `reason`.
    #[serde(flatten)]
    pub standing: Standing,
    /// Since when a message is on its way that the sink did not take in some seconds, or refused for now.
    pub blocked_since: Option<Timestamp>,
    /// When the sink last acknowledged something.
    pub last_ack: Option<Timestamp>,
    /// What went wrong last, until something is acknowledged.
    pub last_error: Option<String>,
    /// Whether it waits for somebody to change something.
    pub parked: bool,
    /// When it tries again, if it waits.
    pub next_attempt: Option<Timestamp>,
    /// Records acknowledged since the process started.
    pub sent: u64,
    /// Records refused for ever since the process started.
    pub rejected: u64,
    /// Records that it refused and that were not taken since: they can be sent once more.
    pub dead: u64,
    /// Requests repeated since the process started.
    pub retries: u64,
    /// Why its receipts are not recorded, if that is so.
    pub receipts_wait: Option<String>,
    /// Why the worker ended, if it did.
    pub stopped: Option<String>,
}

/// The range of a backfill, of which `next_seq` says how far it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackfillStatus {
    /// The sink.
    pub of: String,
    /// Its number.
    pub number: u64,
    /// How its records are said.
    pub mode: BackfillMode,
    /// Where it begins,
    pub from: Seq,
    /// and ends.
    pub to: Seq,
    /// Who ordered it.
    pub by: String,
    /// Why.
    pub reason: Option<String>,
}

impl SinkStatus {
    /// A backfill that has done nothing yet.
    pub(crate) fn of_backfill(sink: &SinkConfig, open: &OpenBackfill) -> Self {
        let OpenBackfill { from, to, by, record, .. } = open;
        let backfill = BackfillStatus {
            of: sink.common.name.clone(),
            number: record.number,
            mode: record.mode,
            from: from.seq,
            to: to.seq,
            by: by.clone(),
            reason: record.reason.clone(),
        };
        let status = Self::new(&backfill::configuration(sink, record.number), from.ledger);
        let lag = to.seq.distance_from(from.seq);
        Self { next_seq: from.seq, export_seq: record.export_seq, lag, backfill: Some(backfill), ..status }
    }

    /// A worker that has done nothing yet.
    pub(crate) fn new(sink: &SinkConfig, ledger: LedgerName) -> Self {
        let mut status = Self {
            sink: sink.common.name.clone(),
            kind: sink.spec.kind,
            ledger,
            place: sink.place(),
            paused: sink.common.paused,
            pause: None,
            backfill: None,
            started: None,
            next_seq: Seq::FIRST,
            export_seq: 0,
            lag: 0,
            lag_seconds: 0,
            standing: Standing::ok(now()),
            blocked_since: None,
            last_ack: None,
            last_error: None,
            parked: false,
            next_attempt: None,
            sent: 0,
            rejected: 0,
            dead: 0,
            retries: 0,
            receipts_wait: None,
            stopped: None,
        };
        status.judge(now());
        status
    }

    /// Takes over where the sink stands by its receipts, which begin after `since`.
    pub(crate) fn stand(&mut self, operations: &Reader, shard: u32, since: Seq) -> Result<(), LedgerError> {
        let exported = newest_exported_since(operations, &self.sink, self.ledger, shard, since)?;
        // Of a backfill an intent alone says nothing of where it begins.
        if let Some(exported) = exported.filter(|exported| self.backfill.is_none() || exported.receipt.is_some()) {
            (self.next_seq, self.export_seq) = (exported.next_seq, exported.export_seq);
            let sent = exported.receipt.as_ref().is_some_and(|receipt| receipt.count > 0);
            self.last_ack = exported.receipt_recorded.filter(|_| sent);
        }
        self.dead = read_outbox(operations, &self.sink, self.ledger, shard)?.get().dead().len() as u64;
        Ok(())
    }

    /// Puts what is known into one word. What somebody has to know first goes first.
    pub(crate) fn judge(&mut self, now: Timestamp) {
        let (state, reason) = if let Some(reason) = &self.stopped {
            (State::Stopped, Some(reason.clone()))
        } else if self.paused {
            (State::Paused, self.pause.as_ref().map(paused_by))
        } else if let Some(reason) = &self.receipts_wait {
            (State::Refused, Some(reason.clone()))
        } else if self.parked {
            (State::Parked, self.last_error.clone())
        } else if self.blocked_since.is_some() {
            (State::Blocked, Some(self.last_error.clone().unwrap_or_else(|| UNACKNOWLEDGED.to_owned())))
        } else if let Some(reason) = &self.last_error {
            (State::Rejected, Some(reason.clone()))
        } else {
            (State::Ok, None)
        };
        self.standing.change(now, state, reason);
    }
}

/// Who ordered that a sink stands still, and why.
fn paused_by(Paused { by, reason, .. }: &Paused) -> String {
    match reason {
        Some(reason) => format!("by {by}: {reason}"),
        None => format!("by {by}"),
    }
}

/// Why a sink waits that was told nothing.
const UNACKNOWLEDGED: &str = "the receiver has not acknowledged a message yet";

/// Where the configured sinks stand by their receipts, without a running server. Counts since the start are zero.
pub fn status(config: &Config, events: &Reader, operations: &Reader) -> Result<Vec<SinkStatus>, LedgerError> {
    let mut statuses = unread_status(config);
    let ordered = SinkOrders::read(operations.clone())?;
    for status in &mut statuses {
        status.pause = ordered.get().paused(&status.sink).cloned();
        status.paused |= status.pause.is_some();
        let reader = if status.ledger == LedgerName::Events { events } else { operations };
        status.stand(operations, 0, Seq::FIRST)?;
        status.lag = reader.durable()?.next_seq.distance_from(status.next_seq);
        status.judge(now());
    }
    for sink in &config.sinks {
        for open in ordered.get().backfills(&sink.common.name) {
            let mut status = SinkStatus::of_backfill(sink, open);
            status.stand(operations, 0, open.ordered)?;
            status.lag = open.to.seq.distance_from(status.next_seq);
            status.pause = ordered.get().paused(&sink.common.name).cloned();
            status.paused |= status.pause.is_some();
            status.judge(now());
            statuses.push(status);
        }
    }
    Ok(statuses)
}

/// The configured sinks, of which nothing is known but that.
pub fn unread_status(config: &Config) -> Vec<SinkStatus> {
    let of = |sink: &SinkConfig| {
        sink.spec.class.ledgers().iter().map(|ledger| SinkStatus::new(sink, *ledger)).collect::<Vec<_>>()
    };
    config.sinks.iter().flat_map(of).collect()
}

/// The wall clock, for the status and for latencies; never for what is sent.
pub fn now() -> Timestamp {
    SystemClock.now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn the_state_is_the_worst() {
        let check = |change: &dyn Fn(&mut SinkStatus), state: State, reason: Option<&str>| {
            let mut status = SinkStatus::new(&fixtures::sink("siem"), LedgerName::Events);
            change(&mut status);
            status.judge(Timestamp::from_unix_micros(7));
            assert_eq!((status.standing.state, status.standing.reason.as_deref()), (state, reason));
            assert_eq!(status.standing.since == Timestamp::from_unix_micros(7), state != State::Ok);
            // Pages and commands read it beside the other fields.
            let value = serde_json::to_value(&status).unwrap();
            assert_eq!(
                (&value["state"], &value["since"]),
                (&state.as_str().into(), &status.standing.since.unix_micros().into())
            );
        };
        let error = |status: &mut SinkStatus| status.last_error = Some("403".to_owned());
        check(&|_| {}, State::Ok, None);
        check(&error, State::Rejected, Some("403"));
        check(
            &|status| status.blocked_since = Some(Timestamp::from_unix_micros(1)),
            State::Blocked,
            Some(UNACKNOWLEDGED),
        );
        check(
            &|status| (error(status), status.blocked_since = Some(Timestamp::from_unix_micros(1))).1,
            State::Blocked,
            Some("403"),
        );
        check(&|status| (error(status), status.parked = true).1, State::Parked, Some("403"));
        check(&|status| (error(status), status.receipts_wait = Some("full".into())).1, State::Refused, Some("full"));
        check(&|status| (error(status), status.paused = true).1, State::Paused, None);
        let paused = |reason: Option<&str>| Paused {
            by: "ada".to_owned(),
            since: Timestamp::EPOCH,
            reason: reason.map(str::to_owned),
        };
        let pause =
            |status: &mut SinkStatus, why: Option<&str>| (status.paused, status.pause) = (true, Some(paused(why)));
        check(&|status| pause(status, Some("too loud")), State::Paused, Some("by ada: too loud"));
        check(&|status| pause(status, None), State::Paused, Some("by ada"));
        // What is on its way arrives first.
        check(&|status| status.pause = Some(paused(None)), State::Ok, None);
        check(&|status| (status.stopped = Some("gone".into()), status.paused = true).1, State::Stopped, Some("gone"));
    }
}
