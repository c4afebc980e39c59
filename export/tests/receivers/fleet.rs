//! A ledger with what a fleet recorded, and sinks that ship it: the whole of export but the receiver.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use export::receipts::ReceiptsError;
use export::receipts::compare::Comparison;
use export::{Config, Exporter, Timing};
use ledger::operations::column;
use ledger::{Entry, Group, LedgerName, Options, Position, ReadLimit, Reader, Seq, Store, Table};
use operations::kind::export::{ExportReceipt, RECEIPT_KIND, REJECTED_KIND, Rejected};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::PATIENCE;
use crate::asked::asked;

/// What a fleet recorded.
pub struct Fleet {
    folder: PathBuf,
    /// The folder as the one who made it has it: it goes with this.
    made: Option<TempDir>,
    store: Store,
    /// The last entry that was recorded, by ledger.
    last: BTreeMap<&'static str, Seq>,
}

/// What became of the records of one sink.
#[derive(Debug, Default)]
pub struct Shipment {
    pub count: u64,
    pub rejected: u64,
    pub attempts: u64,
    pub acks: Vec<String>,
    /// Records that were refused, by position, with the reason.
    pub letters: BTreeMap<String, String>,
}

fn sink(name: &str, settings: &Value) -> Value {
    let mut sink = json!({"name": name, "allow_private": true, "timeout_seconds": 60});
    sink.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    sink
}

impl Fleet {
    /// A ledger with these events and these entries of administration.
    pub fn of(events: &[Value], operations: &[Value]) -> Self {
        let made = tempfile::tempdir().unwrap();
        Store::init(&made.path().join("data"), "acme.example/agents").unwrap();
        let mut fleet = Self::open(made.path());
        fleet.made = Some(made);
        for (ledger, entries) in [(LedgerName::Events, events), (LedgerName::Operations, operations)] {
            for some in entries.chunks(100) {
                fleet.record(ledger, some);
            }
        }
        std::fs::write(fleet.folder.join("last"), json!(fleet.last).to_string()).unwrap();
        fleet
    }

    /// The ledger in a folder that [`Fleet::close`] gave, for a process of its own.
    pub fn open(folder: &Path) -> Self {
        let store = Store::open(&folder.join("data"), Options::default()).unwrap();
        let last =
            std::fs::read(folder.join("last")).map_or(Value::Null, |last| serde_json::from_slice(&last).unwrap());
        let last = |name: LedgerName| Some((name.as_str(), Seq::new(last[name.as_str()].as_u64()?)));
        let last = LedgerName::ALL.into_iter().filter_map(last).collect();
        Self { folder: folder.to_owned(), made: None, store, last }
    }

    /// Lets go of the ledger, which stays where it is as long as what this returns.
    pub fn close(self) -> Option<TempDir> {
        self.store.stop();
        self.made
    }

    fn record(&mut self, name: LedgerName, entries: &[Value]) {
        let table = Table::of(name);
        let mut group = Group::new(table);
        for value in entries {
            let mut entry = Entry::new();
            for column in table.columns {
                let Some(value) = value.get(column.name) else { continue };
                entry.set_json(column, value).unwrap();
            }
            group.push(&entry).unwrap();
        }
        let ledger = if name == LedgerName::Events { self.store.events() } else { self.store.operations() };
        block_on(ledger.appender().append(group)).unwrap();
        let next = ledger.reader().durable().unwrap().next_seq;
        self.last.insert(name.as_str(), Seq::new(next.get() - 1));
    }

    /// A reference to a secret.
    pub fn secret(&self, name: &str, text: &str) -> String {
        std::fs::write(self.folder.join(name), text).unwrap();
        format!("file:{}", self.folder.join(name).display())
    }

    /// Says `step` for each change of the ledger of operations, for whoever kills this process.
    pub fn say_steps(&self) {
        let mut watch = self.store.operations().reader().watch().unwrap();
        std::thread::spawn(move || {
            block_on(async {
                while watch.changed().await.is_ok() {
                    println!("step");
                }
            });
        });
    }

    /// Ships everything to a sink of this name with these settings, and says what became of it.
    pub fn ship(&self, name: &str, settings: &Value) -> Shipment {
        let config: Config = serde_json::from_value(json!({"sinks": [sink(name, settings)]})).unwrap();
        let mut exporter = Exporter::new(&config, self.store.events(), self.store.operations(), [3; 32]).unwrap();
        let (retry_min, retry_max) = (Duration::from_millis(1), Duration::from_millis(50));
        let (park, receipt_every) = (Duration::from_millis(50), Duration::from_millis(10));
        exporter.set_timing(Timing { retry_min, retry_max, park, receipt_every, ..Timing::default() });
        block_on(async {
            let stop = CancellationToken::new();
            let exporting = tokio::spawn(exporter.run(stop.clone()));
            let done = tokio::time::timeout(PATIENCE, self.done(name)).await;
            stop.cancel();
            exporting.await.unwrap();
            done.unwrap_or_else(|_| panic!("{name} does not come to an end: {:?}", self.shipment(name)));
        });
        self.shipment(name)
    }

    /// Asks a sink of this name with these settings for what it has, and compares.
    pub fn ask(&self, name: &str, settings: &Value) -> Result<Comparison, ReceiptsError> {
        asked(&self.store, &sink(name, settings))
    }

    /// Waits until the sink has a receipt for the last entry of each ledger.
    async fn done(&self, sink: &str) {
        let reader = self.store.operations().reader();
        let mut watch = reader.watch().unwrap();
        loop {
            let mut rest = self.last.clone();
            rows(&reader, |row| {
                if row.text(column::KIND) == Some(RECEIPT_KIND) && row.text(column::SUBJECT) == Some(sink) {
                    let to: Position = row.text(column::TO).unwrap().parse().unwrap();
                    if rest.get(to.ledger.as_str()).is_some_and(|last| to.seq > *last) {
                        rest.remove(to.ledger.as_str());
                    }
                }
            });
            if rest.is_empty() {
                return;
            }
            watch.changed().await.unwrap();
        }
    }

    fn shipment(&self, sink: &str) -> Shipment {
        let mut shipment = Shipment::default();
        rows(&self.store.operations().reader(), |row| {
            if row.text(column::SUBJECT) != Some(sink) {
                return;
            }
            let record = row.text(column::RECORD).unwrap_or_default();
            match row.text(column::KIND) {
                Some(RECEIPT_KIND) => {
                    let receipt: ExportReceipt = serde_json::from_str(record).unwrap();
                    shipment.count += receipt.count;
                    shipment.rejected += receipt.rejected;
                    shipment.attempts += u64::from(receipt.attempts);
                    shipment.acks.push(receipt.ack);
                }
                Some(REJECTED_KIND) => {
                    let rejected: Rejected = serde_json::from_str(record).unwrap();
                    let position = row.text(column::FROM).unwrap().to_owned();
                    shipment.letters.insert(position, rejected.reason);
                }
                _ => {}
            }
        });
        shipment
    }
}

fn rows(reader: &Reader, mut visit: impl FnMut(&ledger::Row<'_>)) {
    let mut from = Seq::FIRST;
    loop {
        let rows = reader.read(from, false, ReadLimit { rows: 4_096, bytes: 1 << 24 }).unwrap();
        rows.iter().for_each(|row| visit(&row));
        if rows.is_empty() {
            return;
        }
        from = rows.next_seq;
    }
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(work)
}

/// Events of every length, with what an attacker would write into them; the longest are above a megabyte in most formats.
pub fn events(count: usize) -> Vec<Value> {
    let texts =
        ["", "plain", "\u{202e}<script>\u{0} \"quoted\" \\ \r\n", "ä\u{1f600}\u{10ffff}", "{\"create\":{}}\n{\"a\":1}"];
    let event = |number: usize| {
        let text = texts[number % texts.len()];
        let mut event = json!({"kind": "egress.http", "time": 1_763_750_000_123_456_i64 + number as i64, "agent": "claude-code",
            "workspace_name": "alice/api", "host": "attacker-logger.com", "path": text, "command": text.repeat(1 + number % 50)});
        if number % 97 == 13 {
            let columns =
                "org team user agent session run workspace template rule method domain path provider model client tool";
            for column in columns.split(' ') {
                event[column] = "\"\u{1}ä".repeat(8_000).into();
            }
        }
        event
    };
    (0..count).map(event).collect()
}

/// Entries of administration.
pub fn administration(count: usize) -> Vec<Value> {
    (0..count).map(|number| json!({"kind": "token", "subject": format!("token-{number}"), "actor": "alice"})).collect()
}
