//! The forwarder, in a process of its own that may be killed at any moment: it records alerts and delivers them.

use std::path::Path;
use std::time::Duration;

use export::{Config, Exporter, Grouping, Timing};
use ledger::operations::column;
use ledger::{Entry, Group, Options, Position, ReadLimit, Reader, Seq, Store};
use operations::alert;
use operations::kind::delivery::{SENT_KIND, Sent};
use operations::kind::export::{RECEIPT_KIND, REJECTED_KIND, REPLAYED_KIND};
use operations::triage::Column;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::dice::Dice;
use crate::life::revisions;

/// The sinks of a run.
pub const SINKS: [&str; 7] = ["pager", "hook", "alertmanager", "slack", "siem", "indexed", "mail"];

/// How long a message waits at the most before it is sent again. The receivers fail so often that a wait which doubles each time
/// would soon be minutes, and the slower the machine is, the sooner.
const RETRY_MAX: Duration = Duration::from_millis(50);

/// How long whoever records alerts lets the sinks go on at the most before the next ones. Nothing depends on it.
const PAUSE: Duration = Duration::from_millis(200);

/// Records what is not yet recorded and delivers until every sink has a receipt for all of it.
pub fn run(folder: &Path, seed: u64, alerts: u64) {
    let store = Store::open(&folder.join("data"), Options::default()).unwrap();
    let config = config(folder, seed);
    let mut exporter = Exporter::new(&config, store.events(), store.operations(), [3; 32]).unwrap();
    exporter.set_timing(Timing { retry_min: Duration::from_millis(1), retry_max: RETRY_MAX, ..Timing::default() });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let stop = CancellationToken::new();
        let controls = exporter.controls();
        let exporting = tokio::spawn(exporter.run(stop.clone()));
        record(&store, seed, alerts).await;
        done(&store).await;
        replay(&store, &config, &controls).await;
        say_what_was_sent(&store, folder);
        stop.cancel();
        exporting.await.unwrap();
    });
    store.stop();
}

fn config(folder: &Path, seed: u64) -> Config {
    let url = std::fs::read_to_string(folder.join("address")).unwrap();
    let smtp: u16 = std::fs::read_to_string(folder.join("smtp")).unwrap().parse().unwrap();
    let secret = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).unwrap();
        format!("file:{}", folder.join(name).display())
    };
    let mut sinks = vec![
        json!({"name": "pager", "type": "pagerduty", "routing_key": secret("key", "0123456789abcdef"), "url": format!("{url}/pagerduty")}),
        json!({"name": "hook", "type": "webhook", "secret": secret("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), "url": format!("{url}/hook")}),
        json!({"name": "alertmanager", "type": "alertmanager", "url": url}),
        json!({"name": "slack", "type": "slack", "token": secret("token", "xoxb-1"), "channel": "C0123456789", "api": format!("{url}/slack")}),
        json!({"name": "siem", "type": "splunk_hec", "token": secret("hec", "t"), "url": url, "gzip": false}),
        json!({"name": "indexed", "type": "splunk_hec", "token": secret("hec", "t"), "url": url, "gzip": false, "acknowledge": true,
            "acknowledge_seconds": 1, "acknowledge_poll_ms": 1}),
        json!({"name": "mail", "type": "email", "server": "127.0.0.1", "port": smtp, "tls": "none", "from": "tachograph@acme.example",
            "to": ["soc@acme.example"]}),
    ];
    for sink in &mut sinks {
        sink["allow_private"] = true.into();
        sink["timeout_seconds"] = 1.into();
        sink["interval_ms"] = 1.into();
        sink["start"] = "beginning".into();
    }
    let mut config: Config = serde_json::from_value(json!({ "sinks": sinks })).unwrap();
    if !seed.is_multiple_of(2) {
        // Every other run tells the alerts of a rule in one thread.
        config.grouping = Grouping { columns: vec![Column::Rule], window: Duration::from_mins(30) };
    }
    config
}

fn rows(reader: &Reader, mut from: Seq, mut visit: impl FnMut(&ledger::Row<'_>)) {
    loop {
        let rows = reader.read(from, false, ReadLimit { rows: 4_096, bytes: 1 << 24 }).unwrap();
        rows.iter().for_each(|row| visit(&row));
        if rows.is_empty() {
            return;
        }
        from = rows.next_seq;
    }
}

/// Records the rest of the alerts: single ones, and some at once, so that there are storms.
async fn record(store: &Store, seed: u64, alerts: u64) {
    let mut known = 0;
    rows(&store.operations().reader(), Seq::FIRST, |row| {
        known += usize::from(row.text(column::KIND) == Some(alert::KIND));
    });
    let mut dice = Dice::new(seed ^ known as u64);
    let mut watch = store.operations().reader().watch().unwrap();
    let all = revisions(seed, alerts);
    let mut rest = all.get(known..).unwrap_or_default();
    while !rest.is_empty() {
        let many = if dice.below(6) == 0 { 60 } else { 3 };
        let (chunk, after) = rest.split_at(rest.len().min(1 + dice.below(many) as usize));
        let mut group = Group::new(&ledger::operations::TABLE);
        for alert in chunk {
            let mut entry = Entry::new();
            entry.set_text(column::KIND, alert::KIND);
            entry.set_text(column::SUBJECT, &alert.id);
            entry.set_text(column::RECORD, &serde_json::to_string(alert).unwrap());
            group.push(&entry).unwrap();
        }
        store.operations().appender().append(group).await.unwrap();
        rest = after;
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

/// Sends what the mail server refused for ever once more, until it took everything.
async fn replay(store: &Store, config: &Config, controls: &export::Controls) {
    let (events, operations) = (store.events().reader(), store.operations().reader());
    let mut watch = operations.watch().unwrap();
    loop {
        let dead: u64 = export::status(config, &events, &operations)
            .unwrap()
            .iter()
            .map(|status| if status.sink == "mail" { status.dead } else { 0 })
            .sum();
        if dead == 0 {
            return;
        }
        let request = operations.durable().unwrap().next_seq;
        controls.order("mail", "harness", operations::kind::sink_order::SinkOrder::Retry).await.unwrap();
        while settled(&operations, request) < dead {
            watch.changed().await.unwrap();
        }
    }
}

/// How many dead letters were taken or refused again from there on.
fn settled(operations: &Reader, from: Seq) -> u64 {
    let mut settled = 0;
    rows(operations, from, |row| {
        let is_end = matches!(row.text(column::KIND), Some(REJECTED_KIND | REPLAYED_KIND));
        settled += u64::from(is_end && row.text(column::SUBJECT) == Some("mail"));
    });
    settled
}

/// Waits until each sink has a receipt for the last alert.
async fn done(store: &Store) {
    let reader = store.operations().reader();
    let mut watch = reader.watch().unwrap();
    loop {
        let (mut last, mut ends) = (Seq::FIRST, [Seq::FIRST; SINKS.len()]);
        rows(&reader, Seq::FIRST, |row| match row.text(column::KIND) {
            Some(alert::KIND) => last = row.position.seq,
            Some(RECEIPT_KIND) => {
                let to: Position = row.text(column::TO).unwrap().parse().unwrap();
                let sink = SINKS.iter().position(|sink| row.text(column::SUBJECT) == Some(*sink)).unwrap();
                if to.ledger == ledger::LedgerName::Operations {
                    ends[sink] = to.seq;
                }
            }
            _ => {}
        });
        if ends.iter().all(|end| *end > last) {
            return;
        }
        watch.changed().await.unwrap();
    }
}

/// Writes down, for each sink, which message told of which alerts by the ledger; the receiver's commits must agree.
fn say_what_was_sent(store: &Store, folder: &Path) {
    let mut lines = String::new();
    rows(&store.operations().reader(), Seq::FIRST, |row| {
        if row.text(column::KIND) == Some(SENT_KIND) {
            let sent: Sent = serde_json::from_str(row.text(column::RECORD).unwrap()).unwrap();
            let ids: Vec<String> = sent.alerts.into_iter().map(|alert| alert.id).collect();
            let subject = sent.thread.map_or_else(
                || {
                    if sent.digest {
                        sent.key.clone()
                    } else {
                        sent.key.split('/').next().unwrap_or_default().to_owned()
                    }
                },
                |thread| thread.subject,
            );
            let line = json!({"sink": row.text(column::SUBJECT), "key": sent.key, "subject": subject, "ids": ids});
            lines.push_str(&line.to_string());
            lines.push('\n');
        }
    });
    std::fs::write(folder.join("sent"), lines).unwrap();
}
