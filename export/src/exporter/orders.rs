//! What is ordered of sinks over a real store and network: a reload that leaves others alone, a pause that outlives the process.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use ledger::{Options, Seq, Store};
use operations::kind::sink_order::SinkOrder;
use operations::standing;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::control::ControlError;
use super::tests::{append_events, receipts};
use super::*;

/// What arrived at one receiver.
#[derive(Debug, Default)]
struct Arrived {
    /// The ports of those who connected.
    connections: BTreeSet<u16>,
    requests: usize,
    /// How often each event arrived, by its id.
    events: BTreeMap<String, usize>,
    lines: Vec<String>,
}

/// Splunk twice: each answers when its gate is open, with the status that the gate says.
#[derive(Clone)]
pub(super) struct Siems {
    arrived: Arc<Mutex<BTreeMap<String, Arrived>>>,
    pub(super) gate: watch::Sender<Option<StatusCode>>,
}

impl Siems {
    async fn start() -> (Self, String) {
        let siems = Self { arrived: Arc::default(), gate: watch::channel(Some(StatusCode::OK)).0 };
        let router =
            Router::new().route("/{name}/services/collector/event", post(Self::take)).with_state(siems.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        (siems, url)
    }

    async fn take(
        State(siems): State<Self>,
        Path(name): Path<String>,
        ConnectInfo(peer): ConnectInfo<SocketAddr>,
        body: Bytes,
    ) -> (StatusCode, &'static str) {
        {
            let mut arrived = siems.arrived.lock().unwrap();
            let arrived = arrived.entry(name.clone()).or_default();
            arrived.connections.insert(peer.port());
            arrived.requests += 1;
            for line in String::from_utf8(body.to_vec()).unwrap().lines() {
                let id = serde_json::from_str::<Value>(line).unwrap()["fields"]["id"].as_str().unwrap().to_owned();
                arrived.lines.push(line.to_owned());
                *arrived.events.entry(id).or_default() += usize::from(line.contains("egress.http"));
            }
        }
        let mut gate = siems.gate.subscribe();
        let open = gate.wait_for(|gate| name != "gated" || gate.is_some()).await.unwrap();
        (open.unwrap_or(StatusCode::OK), r#"{"text":"Success","code":0}"#)
    }

    /// Every record that arrived, a line each.
    pub(super) fn lines(&self, name: &str) -> Vec<String> {
        self.arrived.lock().unwrap().get(name).map(|arrived| arrived.lines.clone()).unwrap_or_default()
    }

    /// How many requests, connections and different events there were, and whether each event came once.
    pub(super) fn seen(&self, name: &str) -> (usize, usize, usize, bool) {
        let arrived = self.arrived.lock().unwrap();
        let Some(Arrived { connections, requests, events, .. }) = arrived.get(name) else { return (0, 0, 0, true) };
        let of_events = events.values().filter(|times| **times > 0);
        (*requests, connections.len(), of_events.clone().count(), of_events.clone().all(|times| *times == 1))
    }

    async fn until(&self, done: impl Fn(&Self) -> bool) {
        while !done(self) {
            tokio::task::yield_now().await;
        }
    }
}

pub(super) struct Bench {
    pub(super) store: Store,
    pub(super) siems: Siems,
    url: String,
    folders: [tempfile::TempDir; 2],
}

impl Bench {
    pub(super) async fn new() -> Self {
        let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        Store::init(data.path(), "acme.example/agents").unwrap();
        let store = Store::open(data.path(), Options::default()).unwrap();
        std::fs::write(dir.path().join("token"), "s3cret\n").unwrap();
        let (siems, url) = Siems::start().await;
        Self { store, siems, url, folders: [data, dir] }
    }

    /// Sinks by their names, each at the receiver of its name, with what is particular to it.
    pub(super) fn config(&self, sinks: &[(&str, Value)]) -> Config {
        let token = format!("file:{}", self.folders[1].path().join("token").display());
        let sink = |(name, more): &(&str, Value)| {
            let mut sink = json!({"name": name, "type": "splunk_hec", "url": format!("{}/{name}", self.url), "token": token,
                "allow_private": true, "gzip": false});
            sink.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            sink
        };
        serde_json::from_value(json!({"sinks": sinks.iter().map(sink).collect::<Vec<_>>()})).unwrap()
    }

    pub(super) fn start(&self, config: &Config) -> (Controls, CancellationToken, JoinHandle<()>) {
        let mut exporter = Exporter::new(config, self.store.events(), self.store.operations(), [3; 32]).unwrap();
        let wait = std::time::Duration::from_millis(1);
        exporter.set_timing(Timing { retry_min: wait, retry_max: wait, receipt_every: wait, ..Timing::default() });
        let (controls, stop) = (exporter.controls(), CancellationToken::new());
        let running = tokio::spawn(exporter.run(stop.clone()));
        (controls, stop, running)
    }

    /// Waits until a receipt of the sink stands for so many events.
    pub(super) async fn receipted(&self, sink: &str, end: u64) {
        let mut watch = self.store.operations().reader().watch().unwrap();
        while receipts(&self.store, sink, LedgerName::Events).last().is_none_or(|(_, to)| *to < Seq::new(end)) {
            watch.changed().await.unwrap();
        }
        let ranges = receipts(&self.store, sink, LedgerName::Events);
        assert!(ranges.windows(2).all(|pair| pair[0].1 == pair[1].0), "{sink}: {ranges:?}");
    }
}

pub(super) fn status(controls: &Controls, sink: &str) -> SinkStatus {
    let all = controls.status().get();
    all.into_iter().find(|status| status.sink == sink && status.ledger == LedgerName::Events).unwrap()
}

pub(super) async fn until(controls: &Controls, sink: &str, done: impl Fn(&SinkStatus) -> bool) {
    while !done(&status(controls, sink)) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_starts_only_those_anew_that_it_changes() {
    let bench = Bench::new().await;
    let (none, single) = (|| json!({}), || json!({"in_flight": 1}));
    let (controls, stop, running) = bench.start(&bench.config(&[("gated", single()), ("other", none())]));
    append_events(&bench.store, 10).await;
    bench.receipted("gated", 10).await;
    bench.receipted("other", 10).await;
    let before = ["gated", "other"].map(|sink| status(&controls, sink).started.unwrap());
    // A batch is on its way to the one that stays while the other one is changed.
    bench.siems.gate.send_replace(None);
    let (requests, connections, ..) = bench.siems.seen("gated");
    append_events(&bench.store, 10).await;
    bench.siems.until(|siems| siems.seen("gated").0 > requests).await;
    let reload = async |sinks: &[(&str, Value)]| {
        let prepared = controls.prepare(&bench.config(sinks)).unwrap();
        controls.replace(prepared).await.unwrap();
    };
    reload(&[("third", none()), ("gated", single()), ("other", json!({"timeout_seconds": 7}))]).await;
    bench.siems.gate.send_replace(Some(StatusCode::OK));
    append_events(&bench.store, 10).await;
    for sink in ["gated", "other", "third"] {
        bench.receipted(sink, 30).await;
        let (_, _, events, once) = bench.siems.seen(sink);
        assert!(events == 30 && once, "{sink} has {events} events");
    }
    let after = ["gated", "other"].map(|sink| status(&controls, sink).started.unwrap());
    assert_eq!(before[0], after[0], "it was not started anew");
    assert!(before[1] < after[1], "this one was");
    let names: Vec<String> = controls.status().get().into_iter().map(|status| status.sink).collect();
    assert_eq!(names, ["third", "third", "gated", "gated", "other", "other"], "in the order of the configuration");
    assert_eq!(controls.monitors().len(), 6);
    assert_eq!(bench.siems.seen("gated").1, connections, "its connection was kept");
    // A mistake changes nothing; one that is gone ends, and nothing is shown of it.
    assert!(controls.prepare(&bench.config(&[("gated", json!({"timeout_seconds": 0}))])).is_err());
    reload(&[("gated", single())]).await;
    append_events(&bench.store, 10).await;
    bench.receipted("gated", 40).await;
    assert_eq!((status(&controls, "gated").started, bench.siems.seen("other").2), (Some(before[0]), 30));
    assert_eq!(controls.status().get().len(), 2);
    stop.cancel();
    running.await.unwrap();
    assert!(matches!(controls.order("gated", "ada", SinkOrder::Resume).await, Err(ControlError::Ended)));
    bench.store.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_paused_stands_still_over_restarts_and_loses_nothing() {
    let bench = Bench::new().await;
    let config = bench.config(&[("gated", json!({})), ("held", json!({"paused": true}))]);
    let (controls, stop, running) = bench.start(&config);
    append_events(&bench.store, 10).await;
    bench.receipted("gated", 10).await;
    bench.siems.gate.send_replace(None);
    let (requests, ..) = bench.siems.seen("gated");
    append_events(&bench.store, 10).await;
    bench.siems.until(|siems| siems.seen("gated").0 > requests).await;
    let pause = || SinkOrder::Pause { reason: Some("planned work".to_owned()) };
    controls.order("gated", "ada", pause()).await.unwrap();
    let ordered = status(&controls, "gated");
    assert!(ordered.pause.as_ref().is_some_and(|pause| pause.by == "ada") && !ordered.paused, "one is on its way");
    // It arrives, and has its receipt.
    bench.siems.gate.send_replace(Some(StatusCode::OK));
    until(&controls, "gated", |status| status.paused).await;
    bench.receipted("gated", 20).await;
    let (requests, ..) = bench.siems.seen("gated");
    append_events(&bench.store, 10).await;
    until(&controls, "gated", |status| status.lag == 10).await;
    let paused = status(&controls, "gated").standing;
    assert_eq!((paused.state, paused.reason.as_deref()), (standing::State::Paused, Some("by ada: planned work")));
    // To order it again changes nothing, and nothing else can be ordered of it.
    let recorded = bench.store.operations().reader().durable().unwrap().next_seq;
    controls.order("gated", "bob", SinkOrder::Pause { reason: None }).await.unwrap();
    assert_eq!(bench.store.operations().reader().durable().unwrap().next_seq, recorded);
    let refused =
        async |sink: &str, order: SinkOrder| controls.order(sink, "ada", order).await.unwrap_err().to_string();
    assert_eq!(refused("gated", SinkOrder::Retry).await, "sink gated is paused");
    assert_eq!(refused("nobody", pause()).await, "there is no sink nobody");
    assert!(refused("gated", SinkOrder::Pause { reason: Some("x".repeat(1_025)) }).await.contains("1024"));
    assert!(refused("held", SinkOrder::Resume).await.contains("take `paused` out"));
    // A reload leaves it as it is, and so does a kill.
    controls
        .replace(controls.prepare(&bench.config(&[("gated", json!({"timeout_seconds": 7}))])).unwrap())
        .await
        .unwrap();
    until(&controls, "gated", |status| status.paused && status.lag == 10).await;
    drop(stop);
    running.abort();
    let _ = running.await;
    let offline = crate::status(&config, &bench.store.events().reader(), &bench.store.operations().reader()).unwrap();
    assert_eq!((offline[0].standing.reason.as_deref(), offline[0].lag), (Some("by ada: planned work"), 10));
    let (controls, stop, running) = bench.start(&config);
    until(&controls, "gated", |status| status.paused && status.lag == 10).await;
    assert_eq!(bench.siems.seen("gated").0, requests, "nothing was sent");
    controls.order("gated", "bob", SinkOrder::Resume).await.unwrap();
    bench.receipted("gated", 30).await;
    let (_, _, events, once) = bench.siems.seen("gated");
    assert!(events == 30 && once, "{events} events arrived, each once");
    until(&controls, "gated", |status| status.standing.state == standing::State::Ok).await;
    // One whose receiver refuses stands still as well.
    bench.siems.gate.send_replace(Some(StatusCode::SERVICE_UNAVAILABLE));
    append_events(&bench.store, 10).await;
    until(&controls, "gated", |status| status.retries > 2).await;
    controls.order("gated", "ada", pause()).await.unwrap();
    until(&controls, "gated", |status| status.paused).await;
    bench.siems.gate.send_replace(Some(StatusCode::OK));
    controls.order("gated", "ada", SinkOrder::Resume).await.unwrap();
    bench.receipted("gated", 40).await;
    stop.cancel();
    running.await.unwrap();
    bench.store.stop();
}
