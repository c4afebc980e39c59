//! Everything real but the SIEM: a store, HTTP on the loopback, a receiver that commits and cuts the answer, kills.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use ledger::operations::column;
use ledger::{Entry, Group, Options, Position, ReadLimit, Seq, Store, events};
use operations::kind::export::RECEIPT_KIND;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::*;
use crate::config::SinkConfig;
use crate::fixtures;

#[derive(Default)]
struct Receiver {
    requests: usize,
    /// How often each record arrived, by its id.
    ids: BTreeMap<String, usize>,
    messages: Vec<Value>,
}

type Shared = Arc<(Mutex<Receiver>, Notify)>;

/// Splunk as it is on a bad day: by number of request it refuses, commits and fails, or commits and cuts the answer.
async fn collector(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    assert_eq!(headers["authorization"], "Splunk s3cret");
    let mut text = String::new();
    flate2::read::GzDecoder::new(body.as_ref()).read_to_string(&mut text).unwrap();
    let mut receiver = shared.0.lock().unwrap();
    receiver.requests += 1;
    match receiver.requests % 7 {
        1 => return (StatusCode::SERVICE_UNAVAILABLE, r#"{"code":9}"#).into_response(),
        3 => return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")], r#"{"code":26}"#).into_response(),
        _ => {}
    }
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        *receiver.ids.entry(line["fields"]["id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    shared.1.notify_one();
    match receiver.requests % 7 {
        4 => (StatusCode::INTERNAL_SERVER_ERROR, "").into_response(),
        5 => {
            let cut = futures::stream::iter([Ok(Bytes::from_static(b"{\"te")), Err(std::io::Error::other("cut"))]);
            Body::from_stream(cut).into_response()
        }
        _ => (StatusCode::OK, r#"{"text":"Success","code":0}"#).into_response(),
    }
}

/// Slack that refuses every message with blocks, to see the text.
async fn webhook(State(shared): State<Shared>, body: Bytes) -> Response {
    let message: Value = serde_json::from_slice(&body).unwrap();
    let refused = message["blocks"].is_array();
    shared.0.lock().unwrap().messages.push(message);
    shared.1.notify_one();
    if refused { (StatusCode::BAD_REQUEST, "invalid_blocks").into_response() } else { "ok".into_response() }
}

async fn listen(shared: &Shared) -> String {
    let router = Router::new()
        .route("/services/collector/event", post(collector))
        .route("/numbered/services/collector/event", post(async || r#"{"text":"Success","code":0,"ackId":3}"#))
        .route("/numbered/services/collector/ack", post(async || r#"{"acks":{"3":true}}"#))
        .route("/slow/services/collector/event", post(async || r#"{"text":"Success","code":0,"ackId":3}"#))
        .route("/slow/services/collector/ack", post(async || r#"{"acks":{"3":false}}"#))
        .route("/services/T/B/s3cret", post(webhook))
        .with_state(shared.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn config(dir: &std::path::Path, url: &str) -> Config {
    std::fs::write(dir.join("token"), "s3cret\n").unwrap();
    std::fs::write(dir.join("webhook"), format!("{url}/services/T/B/s3cret")).unwrap();
    let secret = |name: &str| format!("file:{}", dir.join(name).display());
    serde_json::from_value(json!({"sinks": [
        {"name": "siem", "type": "splunk_hec", "url": url, "token": secret("token"), "allow_private": true},
        {"name": "soc", "type": "slack", "webhook": secret("webhook"), "allow_private": true, "start": "beginning", "interval_ms": 1},
    ]})).unwrap()
}

pub(super) async fn append_events(store: &Store, count: usize) {
    let mut group = Group::new(&events::TABLE);
    let mut entry = Entry::new();
    for number in 0..count {
        entry.clear();
        entry.set_text(events::column::KIND, "egress.http");
        entry.set_text(events::column::HOST, &format!("h{number}.example"));
        group.push(&entry).unwrap();
    }
    store.events().appender().append(group).await.unwrap();
}

/// Waits until every group that a dropped exporter had queued is durable: a killed process has no queue any more.
async fn drain(store: &Store) {
    let mut entry = Entry::new();
    entry.set_text(column::KIND, "cursor");
    let mut group = Group::new(&ledger::operations::TABLE);
    group.push(&entry).unwrap();
    store.operations().appender().append(group).await.unwrap();
}

async fn append_alert(store: &Store, number: u64) {
    let alert = fixtures::alert_of(number, operations::alert::Severity::High);
    let mut entry = Entry::new();
    entry.set_text(column::KIND, operations::alert::KIND);
    entry.set_text(column::SUBJECT, &alert.id);
    entry.set_text(column::RECORD, &serde_json::to_string(&alert).unwrap());
    let mut group = Group::new(&ledger::operations::TABLE);
    group.push(&entry).unwrap();
    store.operations().appender().append(group).await.unwrap();
}

/// Ranges of the receipts of a sink in a ledger, and the position after the last.
pub(super) fn receipts(store: &Store, sink: &str, ledger: LedgerName) -> Vec<(Seq, Seq)> {
    let rows =
        store.operations().reader().read(Seq::FIRST, false, ReadLimit { rows: 100_000, bytes: 1 << 26 }).unwrap();
    let of_sink = rows
        .iter()
        .filter(|row| row.text(column::KIND) == Some(RECEIPT_KIND) && row.text(column::SUBJECT) == Some(sink));
    let position = |row: &ledger::Row<'_>, column| row.text(column).unwrap().parse::<Position>().unwrap();
    let ranges = of_sink.map(|row| (position(&row, column::FROM), position(&row, column::TO)));
    ranges.filter(|(from, _)| from.ledger == ledger).map(|(from, to)| (from.seq, to.seq)).collect()
}

fn exporter(store: &Store, config: &Config) -> Exporter {
    let mut exporter = Exporter::new(config, store.events(), store.operations(), [3; 32]).unwrap();
    let wait = Duration::from_millis(1);
    exporter.set_timing(Timing { retry_min: wait, retry_max: wait, park: wait, ..Timing::default() });
    exporter
}

/// Waits on the operations ledger until the events are receipted up to their end, and the alerts.
async fn receipted(store: &Store, alerts_until: Seq) {
    let mut watch = store.operations().reader().watch().unwrap();
    loop {
        let end = |sink, ledger| receipts(store, sink, ledger).last().map_or(Seq::FIRST, |range| range.1);
        let events_until = store.events().reader().durable().unwrap().next_seq;
        let done = end("siem", LedgerName::Events) == events_until
            && end("siem", LedgerName::Operations) >= alerts_until
            && end("soc", LedgerName::Operations) >= alerts_until;
        if done {
            return;
        }
        watch.changed().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_over_a_real_store_and_network_with_kills() {
    let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    Store::init(data.path(), "acme.example/agents").unwrap();
    let store = Store::open(data.path(), Options::default()).unwrap();
    let shared = Shared::default();
    let config = config(dir.path(), &listen(&shared).await);
    for round in 0..20 {
        append_events(&store, 700).await;
        append_alert(&store, round).await;
        let run = exporter(&store, &config).run(CancellationToken::new());
        // Killed after some requests, wherever it is then.
        tokio::select! {
            () = run => panic!("export ended"),
            () = async { for _ in 0..round % 4 { shared.1.notified().await; } } => {}
        }
        drain(&store).await;
    }
    let alerts_until = store.operations().reader().durable().unwrap().next_seq;
    append_alert(&store, 99).await;
    let last = exporter(&store, &config);
    let status = last.status();
    tokio::select! {
        () = last.run(CancellationToken::new()) => panic!("export ended"),
        () = receipted(&store, alerts_until.next()) => {}
    }

    let receiver = shared.0.lock().unwrap();
    let arrived: BTreeSet<&String> = receiver.ids.keys().filter(|id| id.starts_with("events/")).collect();
    assert_eq!(arrived.len(), 20 * 700, "every event arrived");
    // Blocks are refused, so each message came again as text: of one alert its title, of several that waited their count.
    let plain: Vec<&Value> = receiver.messages.iter().filter(|message| message["blocks"].is_null()).collect();
    let told = |message: &&Value| {
        let text = message["text"].as_str().unwrap_or_default();
        text.contains("Refused POST to attacker-logger.com") || text.contains(" alert")
    };
    assert!(!plain.is_empty() && plain.iter().all(told), "{plain:?}");
    for (sink, ledger) in
        [("siem", LedgerName::Events), ("siem", LedgerName::Operations), ("soc", LedgerName::Operations)]
    {
        let ranges = receipts(&store, sink, ledger);
        assert_eq!(ranges[0].0, Seq::FIRST);
        assert!(ranges.windows(2).all(|pair| pair[0].1 == pair[1].0), "{sink} {ledger}: {ranges:?}");
    }
    let offline = crate::status(&config, &store.events().reader(), &store.operations().reader()).unwrap();
    assert!(offline.iter().any(|status| status.ledger == LedgerName::Events
        && status.next_seq == Seq::new(14_000)
        && status.lag == 0
        && status.last_ack.is_some()));
    let live = status.get();
    assert!(live.iter().all(|status| status.stopped.is_none()) && !format!("{live:?}").contains("s3cret"));
    drop(receiver);
    store.stop();
}

#[tokio::test]
async fn a_private_receiver_needs_permission_and_a_test_send_shows_no_secret() {
    let dir = tempfile::tempdir().unwrap();
    let shared = Shared::default();
    let url = listen(&shared).await;
    let mut config = config(dir.path(), &url);
    for sink in &config.sinks {
        let dry = crate::test(sink, true).await.unwrap();
        assert!(
            dry.outcome == "dry run" && !dry.request.contains("s3cret") && dry.request.contains("Test of the sink"),
            "{dry:?}"
        );
    }
    assert_eq!(shared.0.lock().unwrap().requests, 0, "a dry run sends nothing");
    let sent = crate::test(&config.sinks[0], false).await.unwrap();
    assert_eq!(sent.answer.as_deref(), Some(r#"503 {"code":9}"#));
    let sent = crate::test(&config.sinks[0], false).await.unwrap();
    assert_eq!(sent.outcome, "acked");
    config.sinks[0].common.allow_private = false;
    let refused = crate::test(&config.sinks[0], false).await.unwrap();
    assert!(refused.outcome == "not sent" && refused.reason.as_ref().unwrap().contains("allow_private"), "{refused:?}");
    let named = url.replace("127.0.0.1", "localhost");
    let settings = json!({"name": "siem", "type": "splunk_hec", "url": named, "token": format!("file:{}", dir.path().join("token").display())});
    let sink = SinkConfig::from_settings(settings.as_object().unwrap().clone()).unwrap();
    let refused = crate::test(&sink, false).await.unwrap();
    assert!(refused.outcome == "not sent" && refused.reason.as_ref().unwrap().contains("allow_private"), "{refused:?}");
}

#[tokio::test]
async fn a_test_that_the_indexers_never_acknowledge_is_no_success() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("token"), "s3cret").unwrap();
    let url = listen(&Shared::default()).await;
    for (path, outcome, reason) in
        [("numbered", "acked", None), ("slow", "uncertain", Some("it was accepted and not acknowledged in time"))]
    {
        let settings = json!({"name": "siem", "type": "splunk_hec", "url": format!("{url}/{path}"), "allow_private": true,
            "token": format!("file:{}", dir.path().join("token").display()),
            "acknowledge": true, "acknowledge_seconds": 1, "acknowledge_poll_ms": 1});
        let sink = SinkConfig::from_settings(settings.as_object().unwrap().clone()).unwrap();
        let report = crate::test(&sink, false).await.unwrap();
        assert_eq!((report.outcome, report.reason.as_deref()), (outcome, reason));
    }
}
