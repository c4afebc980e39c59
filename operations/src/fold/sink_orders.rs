//! What people ordered of sinks and did not take back.

use std::collections::BTreeMap;

use ledger::operations::column;
use ledger::{LedgerError, Reader, Row, Timestamp};
use serde::Serialize;

use super::{Fold, Projection};
use crate::kind::sink_order::{PAUSE, PAUSE_KIND, RESUME_KIND};
use crate::limits::SINKS_ORDERED_MAX;

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

/// The orders that stand, by sink.
#[derive(Debug, Default)]
pub struct SinkOrders {
    paused: BTreeMap<String, Paused>,
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
        self.paused.len() < SINKS_ORDERED_MAX
    }
}

impl Fold for SinkOrders {
    const KINDS: Option<&'static [&'static str]> = Some(&[PAUSE_KIND, RESUME_KIND]);

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
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger::{Group, Options, Store};

    use super::*;
    use crate::kind::Envelope;
    use crate::kind::sink_order::{Pause, RESUME, Resume};

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
}
