//! The forwarder, in a process of its own that may be killed at any moment: it records events and exports them.

use std::path::Path;
use std::time::Duration;

use export::{Config, Exporter, Timing};
use ledger::{Entry, Group, Options, Store, events};
use operations::fold::newest_exported;
use tokio_util::sync::CancellationToken;

use crate::dice::Dice;

/// How long a message waits at the most before it is sent again: the receivers fail so often that a wait which doubles would soon be minutes.
const RETRY_MAX: Duration = Duration::from_millis(50);

/// How long whoever records lets the sinks go on at the most before the next events. Nothing depends on it.
const PAUSE: Duration = Duration::from_millis(100);

/// Records what is not yet recorded and exports until every sink that does not stand still has a receipt for all of it.
pub fn run(folder: &Path, seed: u64, records: u64) {
    let store = Store::open(&folder.join("data"), Options::default()).unwrap();
    let config: Config = serde_json::from_slice(&std::fs::read(folder.join("config")).unwrap()).unwrap();
    let mut exporter = Exporter::new(&config, store.events(), store.operations(), [3; 32]).unwrap();
    let wait = Duration::from_millis(1);
    exporter.set_timing(Timing {
        retry_min: wait,
        park: wait,
        retry_max: RETRY_MAX,
        receipt_every: Duration::from_millis(200),
        ..Timing::default()
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let exporting = tokio::spawn(exporter.run(stop.clone()));
        record(&store, seed, records).await;
        done(&store, &config).await;
        stop.cancel();
        exporting.await.unwrap();
    });
    store.stop();
}

/// Texts as an attacker would write them.
const TEXTS: [&str; 6] =
    ["", "plain", "\u{202e}\"quoted\" \\ \r\n\u{0}", "</script>|=;,\t", "{\"create\":{}}\n{}", "a\u{10ffff}ä😀"];

/// Records the rest of the events, single ones and many at once.
async fn record(store: &Store, seed: u64, records: u64) {
    let mut known = store.events().reader().durable().unwrap().next_seq.get();
    let mut dice = Dice::new(seed ^ known);
    let mut entry = Entry::new();
    let mut watch = store.operations().reader().watch().unwrap();
    while known < records {
        let most = if dice.below(4) == 0 { 2_000 } else { 20 };
        let count = (1 + dice.below(most)).min(records - known);
        let mut group = Group::new(&events::TABLE);
        for number in known..known + count {
            entry.clear();
            let text = TEXTS[dice.below(TEXTS.len() as u64) as usize];
            entry.set_text(events::column::KIND, if number % 7 == 3 { "command" } else { "egress.http" });
            entry.set_text(events::column::TARGET, &format!("{number} {}", text.repeat(1 + dice.below(30) as usize)));
            group.push(&entry).unwrap();
        }
        store.events().appender().append(group).await.unwrap();
        known += count;
        // Many commits may be seen as one change, and sinks that wait for an answer make none.
        let changes = dice.below(12);
        let _ = tokio::time::timeout(PAUSE, async {
            for _ in 0..changes {
                watch.changed().await.unwrap();
            }
        })
        .await;
    }
}

/// Waits until each sink has a receipt for the last event.
async fn done(store: &Store, config: &Config) {
    let operations = store.operations().reader();
    let mut watch = operations.watch().unwrap();
    let end = store.events().reader().durable().unwrap().next_seq;
    let behind = |name: &str| {
        let exported = newest_exported(&operations, name, ledger::LedgerName::Events, 0).unwrap();
        exported.is_none_or(|exported| exported.next_seq < end)
    };
    while config.sinks.iter().any(|sink| !sink.common.paused && behind(&sink.common.name)) {
        watch.changed().await.unwrap();
    }
}
