//! What people ordered of sinks and did not take back.

use std::collections::BTreeMap;

use ledger::operations::column;
use ledger::{LedgerError, Position, Reader, Row, Seq, Timestamp};
use serde::Serialize;

use super::{Fold, Projection};
use crate::kind::sink_order::{
    BACKFILL, BACKFILL_END, BACKFILL_END_KIND, BACKFILL_KIND, Backfill, PAUSE, PAUSE_KIND, RESUME_KIND,
};
use crate::limits::{BACKFILLS_MAX, SINKS_ORDERED_MAX};

/// A sink stands still because somebody ordered it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Paused {
    /// Who ordered it.
    pub by: String,
    /// When.
    pub since: Timestamp,
    /// Why, in their words.
    pub reason: Option<String>,
}

/// A range of a ledger that is sent to a sink beside what is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBackfill {
    /// The first position of the range.
    pub from: Position,
    /// The position after it, in the same ledger.
    pub to: Position,
    /// Where the order stands in `operations`: its receipts come later.
    pub ordered: Seq,
    /// Who ordered it.
    pub by: String,
    /// What is known of it beside.
    pub record: Backfill,
}

/// The orders that stand, by sink.
#[derive(Debug, Default)]
pub struct SinkOrders {
    paused: BTreeMap<String, Paused>,
    backfills: BTreeMap<String, Backfills>,
}

/// The backfills of one sink.
#[derive(Debug, Default)]
struct Backfills {
    /// The number of the newest one.
    newest: u64,
    /// Those that are not over, by number.
    open: BTreeMap<u64, OpenBackfill>,
}

impl SinkOrders {
    /// The orders by everything that is durable now.
    pub fn read(operations: Reader) -> Result<Projection<Self>, LedgerError> {
        Projection::open(operations, Self::default())
    }

    /// Why a sink stands still, if somebody ordered it.
    pub fn paused(&self, sink: &str) -> Option<&Paused> {
        self.paused.get(sink)
    }

    /// Whether there is room for orders about one more sink.
    pub fn has_room(&self) -> bool {
        self.paused.len() < SINKS_ORDERED_MAX && self.backfills.len() < SINKS_ORDERED_MAX
    }

    /// The backfills of a sink that are not over.
    pub fn backfills(&self, sink: &str) -> impl Iterator<Item = &OpenBackfill> {
        self.backfills.get(sink).into_iter().flat_map(|backfills| backfills.open.values())
    }

    /// The number of the next backfill of a sink; `None` if as many are open as there may be.
    pub fn next_backfill(&self, sink: &str) -> Option<u64> {
        match self.backfills.get(sink) {
            Some(backfills) if backfills.open.len() >= BACKFILLS_MAX => None,
            Some(backfills) => Some(backfills.newest + 1),
            None => self.has_room().then_some(1),
        }
    }

    fn begin(&mut self, sink: &str, row: &Row<'_>) {
        let at = |column| row.text(column)?.parse::<Position>().ok();
        let (Some(from), Some(to), Some(record)) = (at(column::FROM), at(column::TO), BACKFILL.read(row)) else {
            return;
        };
        // What nobody of ours ordered is nothing that could be sent.
        let is_range = (from.ledger, from.shard) == (to.ledger, to.shard) && from.seq < to.seq;
        if !is_range || self.next_backfill(sink).is_none_or(|next| record.number < next) {
            return;
        }
        let by = row.text(column::ACTOR).unwrap_or_default().to_owned();
        let backfills = self.backfills.entry(sink.to_owned()).or_default();
        backfills.newest = record.number;
        backfills.open.insert(record.number, OpenBackfill { from, to, ordered: row.position.seq, by, record });
    }
}

impl Fold for SinkOrders {
    const KINDS: Option<&'static [&'static str]> = Some(&[PAUSE_KIND, RESUME_KIND, BACKFILL_KIND, BACKFILL_END_KIND]);

    fn apply(&mut self, row: &Row<'_>) {
        let Some(sink) = row.text(column::SUBJECT) else { return };
        match row.text(column::KIND) {
            Some(PAUSE_KIND) if self.has_room() || self.paused.contains_key(sink) => {
                let Some(pause) = PAUSE.read(row) else { return };
                let by = row.text(column::ACTOR).unwrap_or_default().to_owned();
                // The first one counts: since then nothing was sent.
                self.paused.entry(sink.to_owned()).or_insert(Paused { by, since: row.recorded, reason: pause.reason });
            }
            Some(RESUME_KIND) => {
                self.paused.remove(sink);
            }
            Some(BACKFILL_KIND) => self.begin(sink, row),
            Some(BACKFILL_END_KIND) => {
                if let (Some(end), Some(backfills)) = (BACKFILL_END.read(row), self.backfills.get_mut(sink)) {
                    backfills.open.remove(&end.number);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger::{Group, Options, Store};

    use super::*;
    use crate::kind::Envelope;
    use crate::kind::sink_order::{BackfillEnd, BackfillMode, BackfillOutcome, Pause, RESUME, Resume};

    #[test]
    fn a_sink_is_paused_until_it_is_resumed() {
        let dir = tempfile::tempdir().unwrap();
        Store::init(dir.path(), "acme.example/agents").unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let append = |sink: &str, pause: Option<&str>| {
            let envelope = Envelope { subject: sink, actor: "ada", ..Envelope::default() };
            let entry = match pause {
                Some(reason) => PAUSE.entry(&envelope, &Pause { reason: Some(reason.to_owned()) }),
                None => RESUME.entry(&envelope, &Resume {}),
            };
            let mut group = Group::new(&ledger::operations::TABLE);
            group.push(&entry.unwrap()).unwrap();
            store.operations().appender().try_append(group).unwrap().wait().unwrap();
        };
        let mut orders = SinkOrders::read(store.operations().reader()).unwrap();
        let mut check = |sink: &str, expected: Option<&str>| {
            orders.catch_up().unwrap();
            let paused = orders.get().paused(sink);
            assert_eq!(paused.and_then(|paused| paused.reason.as_deref()), expected, "{sink}");
            assert!(paused.is_none_or(|paused| paused.by == "ada" && paused.since > Timestamp::EPOCH));
            // Whoever starts later sees the same.
            let anew = SinkOrders::read(store.operations().reader()).unwrap();
            assert_eq!(anew.get().paused(sink), orders.get().paused(sink));
        };
        check("siem", None);
        append("siem", Some("planned work"));
        append("siem", Some("again"));
        append("soc", Some("too loud"));
        check("siem", Some("planned work"));
        append("siem", None);
        check("siem", None);
        check("soc", Some("too loud"));
        append("soc", None);
        append("soc", None);
        check("soc", None);
        store.stop();
    }

    #[test]
    fn a_backfill_is_open_until_it_is_over_and_its_number_is_never_used_again() {
        let dir = tempfile::tempdir().unwrap();
        Store::init(dir.path(), "acme.example/agents").unwrap();
        let store = Store::open(dir.path(), Options::default()).unwrap();
        let append = |entry: ledger::Entry| {
            let mut group = Group::new(&ledger::operations::TABLE);
            group.push(&entry).unwrap();
            store.operations().appender().try_append(group).unwrap().wait().unwrap();
        };
        let begin = |number: u64, from: &str, to: &str| {
            let envelope = Envelope { subject: "siem", actor: "ada", from: Some(from), to: Some(to), revision: None };
            let record = Backfill {
                number,
                mode: BackfillMode::Anew,
                export_seq: 0,
                previous: None,
                rendering: None,
                records_per_second: 1_000,
                reason: None,
            };
            append(BACKFILL.entry(&envelope, &record).unwrap());
        };
        let end = |number: u64| {
            let envelope = Envelope { subject: "siem", actor: "export", ..Envelope::default() };
            append(BACKFILL_END.entry(&envelope, &BackfillEnd { number, outcome: BackfillOutcome::Done }).unwrap());
        };
        let check = |expected: &[u64], next: Option<u64>| {
            let orders = SinkOrders::read(store.operations().reader()).unwrap();
            let open: Vec<u64> = orders.get().backfills("siem").map(|open| open.record.number).collect();
            assert_eq!((open.as_slice(), orders.get().next_backfill("siem")), (expected, next));
            assert_eq!(orders.get().next_backfill("other"), Some(1));
        };
        check(&[], Some(1));
        begin(1, "events/0/0", "events/0/7");
        check(&[1], Some(2));
        // A number comes once, and a range has a beginning before its end in one ledger.
        begin(1, "events/0/3", "events/0/9");
        begin(2, "events/0/7", "events/0/7");
        begin(2, "events/0/7", "operations/0/9");
        check(&[1], Some(2));
        end(1);
        end(1);
        check(&[], Some(2));
        for number in 2..8 {
            begin(number, "operations/0/0", "operations/0/7");
        }
        check(&[2, 3, 4, 5], None);
        end(3);
        check(&[2, 4, 5], Some(6));
        store.stop();
    }
}
