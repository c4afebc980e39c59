//! The forwarder, in a process of its own that may be killed at any moment: it records events and creates objects.

use std::path::Path;
use std::time::Duration;

use export::{Config, Exporter, Timing};
use ledger::events::column;
use ledger::{Entry, Group, LedgerName, Options, Position, ReadLimit, Reader, Seq, Store};
use operations::kind::export::RECEIPT_KIND;
use operations::kind::is_internal;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::dice::Dice;

/// How long whoever records events lets the sinks go on at the most before the next ones. Nothing depends on it.
const PAUSE: Duration = Duration::from_millis(200);

/// Records what is not yet recorded and exports until every sink has a receipt for all of it. Says `step` for each change of `operations`.
pub fn run(folder: &Path, seed: u64, events: u64) {
    let store = Store::open(&folder.join("data"), Options::default()).unwrap();
    let sinks: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("sinks")).unwrap()).unwrap();
    let config: Config = serde_json::from_value(json!({ "sinks": sinks })).unwrap();
    let mut exporter = Exporter::new(&config, store.events(), store.operations(), [3; 32]).unwrap();
    let retry_max = Duration::from_millis(50);
    exporter.set_timing(Timing { retry_min: Duration::from_millis(1), retry_max, ..Timing::default() });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let status = exporter.status();
        let exporting = tokio::spawn(exporter.run(stop.clone()));
        let steps = store.operations().reader();
        let saying = tokio::spawn(async move {
            let mut watch = steps.watch().unwrap();
            while watch.changed().await.is_ok() {
                println!("step");
                // Nothing that a store of this run says needs somebody to change the configuration.
                if let Some(parked) = status.get().into_iter().find(|status| status.parked) {
                    eprintln!("{} is parked: {:?}", parked.sink, parked.last_error);
                    std::process::exit(1);
                }
            }
        });
        record(&store, seed, events).await;
        done(&store, sinks.as_array().unwrap()).await;
        saying.abort();
        stop.cancel();
        exporting.await.unwrap();
    });
    store.stop();
}

pub fn rows(reader: &Reader, mut visit: impl FnMut(&ledger::Row<'_>)) {
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

/// Records the rest of the events, some at a time: so large that few of them fill an object.
async fn record(store: &Store, seed: u64, events: u64) {
    let mut known = 0;
    rows(&store.events().reader(), |_| known += 1);
    let mut dice = Dice::new(seed ^ known);
    let mut watch = store.operations().reader().watch().unwrap();
    while known < events {
        let many = (events - known).min(1 + dice.below(60));
        let mut group = Group::new(&ledger::events::TABLE);
        for number in known..known + many {
            let mut entry = Entry::new();
            entry.set_text(column::KIND, "note");
            entry.set_text(column::TARGET, &format!("number {number} {}", "x".repeat(dice.below(30_000) as usize)));
            group.push(&entry).unwrap();
        }
        store.events().appender().append(group).await.unwrap();
        known += many;
        let changes = dice.below(4);
        let _ = tokio::time::timeout(PAUSE, async {
            for _ in 0..changes {
                watch.changed().await.unwrap();
            }
        })
        .await;
    }
}

/// Waits until each sink has a receipt for the last event, and for the last entry of `operations` that it gets.
async fn done(store: &Store, sinks: &[Value]) {
    let (events, operations) = (store.events().reader(), store.operations().reader());
    let mut watch = operations.watch().unwrap();
    loop {
        let (mut last, mut done) = ([Seq::FIRST; 2], vec![[Seq::FIRST; 2]; sinks.len()]);
        rows(&events, |row| last[0] = row.position.seq.next());
        rows(&operations, |row| {
            let kind = row.text(ledger::operations::column::KIND).unwrap_or_default();
            if !is_internal(kind) {
                last[1] = row.position.seq.next();
            }
            if kind == RECEIPT_KIND {
                let to: Position = row.text(ledger::operations::column::TO).unwrap().parse().unwrap();
                let subject = row.text(ledger::operations::column::SUBJECT).unwrap();
                let sink = sinks.iter().position(|sink| sink["name"] == subject).unwrap();
                done[sink][usize::from(to.ledger == LedgerName::Operations)] = to.seq;
            }
        });
        if done.iter().all(|sink| sink[0] >= last[0] && sink[1] >= last[1]) {
            return;
        }
        watch.changed().await.unwrap();
    }
}
