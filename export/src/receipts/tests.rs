//! Receipts of a real store and exporter, and copies of what a receiver was sent, with what may become of them.

use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use ledger::operations::column;
use ledger::{Entry, Group, Options, Position, Provable, ReadLimit, Store, events};
use operations::kind::Envelope;
use operations::kind::export::{ExportReceipt, RECEIPT, RECEIPT_KIND};
use proof::tree;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::check::check;
use super::compare::{Comparison, Extent, compare};
use super::copy::read;
use super::*;
use crate::{Config, Exporter, Timing};

mod asked;
mod forms;

/// What Splunk took, one line per record.
type Taken = Arc<Mutex<Vec<String>>>;

/// The host that Splunk refuses for ever.
const REFUSED: &str = "refused.example";

async fn collector(State(taken): State<Taken>, body: Bytes) -> Response {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let refused = text.lines().position(|line| line.contains(REFUSED));
    if let Some(index) = refused {
        let said = json!({"code": 6, "invalid-event-number": index});
        return (StatusCode::BAD_REQUEST, said.to_string()).into_response();
    }
    taken.lock().unwrap().extend(text.lines().map(ToOwned::to_owned));
    (StatusCode::OK, r#"{"text":"Success","code":0}"#).into_response()
}

struct World {
    store: Store,
    config: Config,
    taken: Taken,
    /// What the sink may need: its token, a folder for its files.
    folder: tempfile::TempDir,
    _data: tempfile::TempDir,
}

impl World {
    /// So many events, of which the sink wants those that are no notes; and what Splunk made of them.
    async fn exported(count: usize) -> Self {
        Self::exported_with(count, json!({})).await
    }

    async fn exported_in(schema: &str, count: usize) -> Self {
        Self::exported_with(count, json!({"schema": schema})).await
    }

    /// The same by another sink or other settings.
    async fn exported_with(count: usize, more: Value) -> Self {
        let world = Self::new(more).await;
        world.append(count).await;
        world.export().await;
        world
    }

    async fn new(more: Value) -> Self {
        let (data, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        Store::init(data.path(), "acme.example/agents").unwrap();
        let store = Store::open(data.path(), Options::default()).unwrap();
        let taken = Taken::default();
        let router = Router::new().fallback(collector).with_state(taken.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        std::fs::write(folder.path().join("token"), "s3cret").unwrap();
        let token = format!("file:{}", folder.path().join("token").display());
        let mut sink = match more["type"].as_str() {
            Some("file") => json!({"folder": folder.path(), "seconds_max": 1}),
            _ => json!({"type": "splunk_hec", "url": url, "token": token, "gzip": false}),
        };
        let usual = json!({"name": "siem", "allow_private": true, "filter": "-kind:note"});
        for settings in [usual, more] {
            sink.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
        }
        let config = serde_json::from_value(json!({"sinks": [sink]})).unwrap();
        Self { store, config, taken, folder, _data: data }
    }

    async fn append(&self, count: usize) {
        let mut entry = Entry::new();
        let mut group = Group::new(&events::TABLE);
        for number in 0..count {
            entry.clear();
            entry.set_text(events::column::KIND, if number % 5 == 4 { "note" } else { "egress.http" });
            let host = if number == 7 { REFUSED.to_owned() } else { format!("h{number}.example") };
            entry.set_text(events::column::HOST, &host);
            entry
                .set_text(events::column::TARGET, &format!("https://{host}/\"\u{1b}[2J,\n{}", "x".repeat(number * 90)));
            group.push(&entry).unwrap();
        }
        self.store.events().appender().append(group).await.unwrap();
    }

    /// Exports until the sink has a receipt for every event.
    async fn export(&self) {
        let mut exporter = Exporter::new(&self.config, self.store.events(), self.store.operations(), [3; 32]).unwrap();
        let wait = Duration::from_millis(1);
        exporter.set_timing(Timing { retry_min: wait, retry_max: wait, receipt_every: wait, ..Timing::default() });
        let stop = CancellationToken::new();
        let running = tokio::spawn(exporter.run(stop.clone()));
        let mut watch = self.store.operations().reader().watch().unwrap();
        let end = self.store.events().reader().durable().unwrap().next_seq;
        while self.receipts().last().is_none_or(|(to, _)| to.seq < end) {
            watch.changed().await.unwrap();
        }
        stop.cancel();
        running.await.unwrap();
    }

    fn receipts(&self) -> Vec<(Position, ExportReceipt)> {
        let limit = ReadLimit { rows: 100_000, bytes: 1 << 26 };
        let rows = self.store.operations().reader().read(ledger::Seq::FIRST, false, limit).unwrap();
        let receipts = rows.iter().filter(|row| row.text(column::KIND) == Some(RECEIPT_KIND));
        let of_events = receipts.filter_map(|row| {
            let to: Position = row.text(column::TO)?.parse().ok()?;
            (to.ledger == LedgerName::Events).then(|| Some((to, RECEIPT.read(&row)?))).flatten()
        });
        of_events.collect()
    }

    /// Writes a receipt for the events of a range.
    async fn forge(&self, from: u64, to: u64, record: &ExportReceipt) {
        let (from, to) = (format!("events/0/{from}"), format!("events/0/{to}"));
        let envelope = Envelope { subject: "siem", actor: "export", from: Some(&from), to: Some(&to), revision: None };
        let mut group = Group::new(&ledger::operations::TABLE);
        group.push(&RECEIPT.entry(&envelope, record).unwrap()).unwrap();
        self.store.operations().appender().append(group).await.unwrap();
    }

    fn checked(&self) -> ReceiptsReport {
        self.checked_with(&self.config)
    }

    fn checked_with(&self, config: &Config) -> ReceiptsReport {
        self.with(config, Timestamp::MAX, |evidence| check(evidence).unwrap())
    }

    fn with<T>(&self, config: &Config, until: Timestamp, ask: impl FnOnce(&Evidence<'_>) -> T) -> T {
        let (events, operations) = (self.store.events().reader(), self.store.operations().reader());
        ask(&Evidence { sink: &config.sinks[0], events: &events, operations: &operations, key: [3; 32], until })
    }

    fn compared(&self, copy: Vec<u8>, extent: Extent) -> Comparison {
        self.with(&self.config, Timestamp::MAX, |evidence| {
            let copy = read(evidence, std::io::Cursor::new(copy)).unwrap();
            compare(evidence, copy, extent).unwrap()
        })
    }

    /// What Splunk took, as an index would give it back.
    fn lines(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_of_everything_are_said_again_and_a_forged_one_is_found() {
    let world = World::exported(40).await;
    let report = world.checked();
    assert_eq!(report.problems, []);
    let events = &report.streams["events/0"];
    assert_eq!((events.to, events.sent, events.excluded, events.rejected), (40, 31, 8, 1));
    assert_eq!((events.reproduced, events.by_other_settings), (events.receipts, 0));
    // By another configuration the records are others: only the numbers can be checked.
    let mut other = world.config.clone();
    other.sinks[0].common.kinds = vec!["egress.http".to_owned()];
    let report = world.checked_with(&other);
    assert_eq!((report.is_sound(), report.streams["events/0"].reproduced), (true, 0));

    world.append(3).await;
    let (end, newest) = world.receipts().pop().unwrap();
    let forged = ExportReceipt {
        export_seq: newest.export_seq_next,
        export_seq_next: newest.export_seq_next + 3,
        count: 3,
        excluded: 0,
        rejected: 0,
        ..newest
    };
    world.forge(end.seq.get(), end.seq.get() + 3, &forged).await;
    let report = world.checked();
    let what: Vec<&str> = report.problems.iter().map(|problem| problem.what.as_str()).collect();
    assert!(matches!(what.as_slice(), [root] if root.starts_with("its root is ")), "{what:?}");
    world.forge(45, 47, &ExportReceipt { count: 1, ..forged }).await;
    let what: Vec<String> = world.checked().problems.into_iter().map(|problem| problem.what).collect();
    assert!(what[1].starts_with("no receipt stands for the 2 entries from 43 on"), "{what:?}");
    assert!(what.iter().any(|what| what == "it counts 1 entries of a range of 2"), "{what:?}");
    world.store.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_with_leaves_are_said_again_with_the_leaves_of_the_proofs() {
    let world = World::exported_in("ocsf", 40).await;
    let report = world.checked();
    let events = &report.streams["events/0"];
    assert_eq!((report.problems.as_slice(), events.sent, events.reproduced), (&[][..], 31, events.receipts));
    let whole = world.compared(world.lines().join("\n").into_bytes(), Extent::Whole);
    assert!(whole.is_whole() && whole.equal > 30, "{whole:?}");
    let (lines, data) = (world.lines(), world.store.directory().to_owned());
    // The stop closes the batch and signs it.
    world.store.stop();
    let reader = Reader::open(&data, LedgerName::Events).unwrap();
    for line in lines {
        let event = serde_json::from_str::<Value>(&line).unwrap()["event"].take();
        let position: Position = event["metadata"]["uid"].as_str().unwrap().parse().unwrap();
        if position.ledger == LedgerName::Operations {
            continue;
        }
        let Provable::Proven(proof) = reader.prove(position.seq, false).unwrap() else { panic!("{position}") };
        assert_eq!(event["raw_data_hash"]["value"], tree::leaf_hash(&proof.leaf_data).to_string(), "{position}");
    }
}

/// A copy with a change, and what is found of it: missing, doubled, changed, invented, strangers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_copy_lacks_has_twice_or_has_changed_is_named() {
    let world = World::exported(40).await;
    let lines = world.lines();
    let raw: Vec<String> =
        lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].to_string()).collect();
    let check = |name: &str, copy: String, extent: Extent, expected: [u64; 5]| {
        let found = world.compared(copy.into_bytes(), extent);
        let counts =
            [found.missing.total, found.doubled.total, found.changed.total, found.invented.total, found.foreign.total];
        assert_eq!(counts, expected, "{name}: {found:?}");
        assert_eq!(found.is_whole(), expected[..4] == [0; 4], "{name}");
        found
    };
    let found = check("what was sent", lines.join("\n"), Extent::Whole, [0; 5]);
    assert_eq!((found.expected, found.equal, found.refused, found.beyond), (31, 31, 1, 0));
    let wrapped: Vec<String> =
        raw.iter().map(|raw| json!({"preview": false, "result": {"_raw": raw, "host": "h"}}).to_string()).collect();
    check("an export of Splunk", wrapped.join("\n"), Extent::Whole, [0; 5]);
    let hits: Vec<Value> =
        raw.iter().map(|raw| json!({"_id": "1", "_source": serde_json::from_str::<Value>(raw).unwrap()})).collect();
    check("a search of Elasticsearch", json!({"hits": {"hits": hits}}).to_string(), Extent::Whole, [0; 5]);
    check("a list", format!("[{}]", raw.join(",")), Extent::Whole, [0; 5]);
    let syslog: Vec<String> = raw.iter().map(|raw| format!("<110>1 - - tachograph - - - {raw}")).collect();
    check("a file of syslog", syslog.join("\n"), Extent::Whole, [0; 5]);

    let without = |at: usize| [&raw[..at], &raw[at + 1..]].concat().join("\n");
    let found = check("deleted", without(4), Extent::Whole, [1, 0, 0, 0, 0]);
    assert_eq!(found.missing.named, ["events/0 export_seq 4 (events/0/5)"]);
    check("doubled", format!("{}\n{}", raw.join("\n"), raw[2]), Extent::Whole, [0, 1, 0, 0, 0]);
    check("edited", raw.join("\n").replacen("h3.example", "h33.example", 1), Extent::Whole, [0, 0, 1, 0, 0]);
    let twice = format!("{}\n{}", raw.join("\n"), raw[3].replace("h3.example", "x"));
    check("doubled with other words", twice, Extent::Whole, [0, 1, 1, 0, 0]);
    let stranger = raw[0].replace("\"stream\":\"events/0\"", "\"stream\":\"events/9\"");
    let text = format!("{}\n{stranger}\nnonsense\n{{\"a\":1", raw.join("\n"));
    let found = check("another stream", text, Extent::Whole, [0, 0, 0, 1, 2]);
    assert_eq!(found.foreign.named, ["line 33", "line 34"]);
    check("a part", raw[5..20].join("\n"), Extent::Part, [0; 5]);
    check("a part with a hole", [&raw[5..9], &raw[10..20]].concat().join("\n"), Extent::Part, [1, 0, 0, 0, 0]);
    check("nothing", String::new(), Extent::Whole, [31, 0, 0, 0, 0]);
    world.store.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compressed_copy_is_read_and_a_broken_one_is_told() {
    let world = World::exported(10).await;
    let text = world.lines().join("\n");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    assert!(world.compared(gzip.clone(), Extent::Whole).is_whole());
    assert!(world.compared(zstd::encode_all(text.as_bytes(), 1).unwrap(), Extent::Whole).is_whole());
    let cut = std::io::Cursor::new(gzip[..gzip.len() - 9].to_vec());
    let broken = world.with(&world.config, Timestamp::MAX, |evidence| read(evidence, cut));
    assert!(matches!(broken, Err(ReceiptsError::Copy(_))));
    world.store.stop();
}
