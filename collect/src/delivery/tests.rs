//! Delivery to the real push interface over a real socket, through a proxy that loses and cuts what passes.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use ingest::collectors::Collectors;
use ingest::pipeline::{Parcel, Spool as _};
use ingest::relay::Piece;
use ledger::events::column;
use ledger::{LedgerName, Options, ReadLimit, Rows, Seq, Store};
use operations::access::{Authorize, Principal, Role};
use operations::secret::Secret;
use proptest::prelude::*;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{Delivery, Standing, Watch};
use crate::client::Client;
use crate::config::Server;
use crate::limits::SPOOL_BYTES_MIN;
use crate::metrics::Metrics;
use crate::spool::Spool;

const COLLECTORS: &str = "[[collectors]]\nname = \"a\"\ntransport = \"http\"\ndialect = \"native\"\n\
                          [[collectors]]\nname = \"b\"\ntransport = \"http\"\ndialect = \"native\"\n";

/// Secrets are names of tokens.
struct Tokens;

impl Authorize for Tokens {
    fn authorize(&self, secret: &str) -> Option<Arc<Principal>> {
        let known = ["edge", "rotated"].contains(&secret);
        let principal = Principal {
            token: secret.to_owned(),
            name: secret.to_owned(),
            roles: vec![Role::Ingest],
            ..Principal::local()
        };
        known.then(|| Arc::new(principal))
    }
}

/// What happens to a connection, or to a request.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// Nothing.
    None,
    /// The request is cut after so many bytes.
    Cut(usize),
    /// The server does what it is asked, and its answer does not arrive.
    LoseAnswer,
    /// Nobody takes the connection.
    Closed,
    /// The server answers this before it looks at the request.
    Answer(u16),
    /// The server does what it is asked and answers this.
    AnswerAfter(u16),
    /// The server is started again.
    Restart,
    /// The machine at the edge is.
    RestartEdge,
}

type Faults = Arc<Mutex<VecDeque<Fault>>>;

/// A server that records, and what is in front of it.
struct World {
    directory: TempDir,
    running: Option<(Store, Collectors, JoinHandle<()>)>,
    upstream: Arc<Mutex<Option<SocketAddr>>>,
    address: SocketAddr,
    /// Of the next connections, and of the next requests.
    connections: Faults,
    requests: Faults,
}

impl World {
    async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Store::init(&directory.path().join("data"), "acme.example/agents").unwrap();
        std::fs::write(directory.path().join("token"), "edge").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, upstream, connections) = (listener.local_addr().unwrap(), Arc::default(), Faults::default());
        tokio::spawn(proxy(listener, Arc::clone(&upstream), Arc::clone(&connections)));
        let mut world = Self { directory, running: None, upstream, address, connections, requests: Faults::default() };
        world.start().await;
        world
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    async fn start(&mut self) {
        let store = Store::open(&self.data(), Options::default()).unwrap();
        let (config, key) = (toml::from_str(COLLECTORS).unwrap(), store.fingerprint_key());
        let metrics = ingest::metrics::Metrics::default();
        let collectors =
            Collectors::start(&config, store.events(), key, Arc::new(Tokens), metrics, CancellationToken::new())
                .unwrap();
        let router = collectors.router().layer(from_fn_with_state(Arc::clone(&self.requests), fail));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        *self.upstream.lock().unwrap() = Some(listener.local_addr().unwrap());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        self.running = Some((store, collectors, task));
    }

    /// Stops it; its batches are closed and signed then.
    async fn stop(&mut self) {
        *self.upstream.lock().unwrap() = None;
        let (store, collectors, task) = self.running.take().unwrap();
        task.abort();
        let _ = task.await;
        collectors.stop().await;
        drop(collectors);
        tokio::task::spawn_blocking(move || store.stop()).await.unwrap();
    }

    async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    /// What was recorded, as collectors and records.
    fn recorded(&self) -> Vec<(String, String)> {
        let events = self.running.as_ref().unwrap().0.events();
        let (reader, limit) = (events.reader(), ReadLimit { rows: 1 << 20, bytes: 1 << 30 });
        let mut all = Rows::new(LedgerName::Events, events.shard(), Seq::FIRST);
        while all.next_seq < reader.durable().unwrap().next_seq {
            all.append(reader.read(all.next_seq, true, limit).unwrap());
        }
        let text = |row: &ledger::Row<'_>| {
            let record = row.text(column::RECORD).or(row.text(column::CONTENT)).unwrap_or_default();
            (row.text(column::COLLECTOR).unwrap_or_default().to_owned(), record.to_owned())
        };
        all.iter().map(|row| text(&row)).collect()
    }

    fn server(&self) -> Server {
        Server {
            url: format!("http://{}", self.address),
            token: Secret::File(self.directory.path().join("token")),
            ca_file: None,
            certificate: None,
            certificate_key: None,
            key: None,
        }
    }

    fn edge(&self) -> Edge {
        Edge::start(&self.directory.path().join("spool"), &self.server())
    }
}

/// Answers in place of the server.
async fn fail(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    // Only what brings records fails.
    let is_post = request.method() == axum::http::Method::POST;
    let fault = if is_post { faults.lock().unwrap().pop_front() } else { None };
    let status = |code| StatusCode::from_u16(code).unwrap();
    match fault {
        Some(Fault::Answer(code)) => status(code).into_response(),
        Some(Fault::AnswerAfter(code)) => {
            next.run(request).await;
            status(code).into_response()
        }
        _ => next.run(request).await,
    }
}

/// Passes connections on to wherever the server is now.
async fn proxy(listener: TcpListener, upstream: Arc<Mutex<Option<SocketAddr>>>, faults: Faults) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let (to, fault) = (*upstream.lock().unwrap(), faults.lock().unwrap().pop_front().unwrap_or(Fault::None));
        let Some(to) = to.filter(|_| !matches!(fault, Fault::Closed)) else { continue };
        tokio::spawn(pass(client, to, fault));
    }
}

async fn pass(client: TcpStream, to: SocketAddr, fault: Fault) -> Option<()> {
    let server = TcpStream::connect(to).await.ok()?;
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    let there = async move {
        let (mut buffer, mut left) = (vec![0; 1 << 16], if let Fault::Cut(bytes) = fault { bytes } else { usize::MAX });
        loop {
            let read = from_client.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
            to_server.write_all(&buffer[..read.min(left)]).await.ok()?;
            left = left.saturating_sub(read);
            if left == 0 {
                return Some(());
            }
        }
    };
    let back = async move {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = from_server.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
            if matches!(fault, Fault::LoseAnswer) {
                return Some(());
            }
            to_client.write_all(&buffer[..read]).await.ok()?;
        }
    };
    tokio::select! {
        ended = there => ended,
        ended = back => ended,
    }
}

/// The machine at the edge.
struct Edge {
    spool: Spool,
    watch: Watch,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Edge {
    fn start(directory: &Path, server: &Server) -> Self {
        let spool = Spool::open(directory, SPOOL_BYTES_MIN).unwrap();
        let dialects = BTreeMap::from([("a", "native"), ("b", "native")].map(|(a, b)| (a.to_owned(), b.to_owned())));
        let client = Client::new(server).unwrap();
        let delivery = Delivery::new(server, client, spool.clone(), &dialects, Metrics::default()).unwrap();
        let (watch, stop) = (delivery.watch(), CancellationToken::new());
        let task = tokio::spawn(delivery.run(stop.clone()));
        Self { spool, watch, stop, task }
    }

    async fn append(&self, collector: &str, records: &[String]) {
        let mut frames = Vec::new();
        records.iter().for_each(|record| Piece::Record(1, record.as_bytes()).encode(&mut frames));
        let parcel = Parcel {
            collector: collector.to_owned(),
            frames,
            numbers: records.len() as u64,
            positions: BTreeMap::new(),
        };
        self.spool.queue(parcel, Box::pin(std::future::pending())).await.unwrap().await.unwrap().unwrap();
    }

    /// Waits until everything is delivered.
    async fn drained(&self) {
        self.until(|| self.watch.lanes().iter().all(|lane| lane.next == lane.end)).await;
    }

    async fn until(&self, is_so: impl Fn() -> bool) {
        let mut watch = self.watch.clone();
        while !is_so() {
            assert!(watch.changed().await);
        }
    }

    /// Waits for what is said of a collector's delivery.
    async fn says(&self, collector: &str, text: &str) {
        let says = |lane: &super::LaneStatus| {
            lane.collector == collector && lane.trouble.as_ref().is_some_and(|(_, reason)| reason.contains(text))
        };
        self.until(|| self.watch.lanes().iter().any(says)).await;
    }

    /// Waits until the server stands so.
    async fn server(&self, is_so: impl Fn(&Standing) -> bool) -> Standing {
        let mut server = self.watch.server.clone();
        server.wait_for(|standing| is_so(standing)).await.unwrap().clone()
    }

    /// Ends in the middle of everything: what was on its way is dropped where it was.
    async fn kill(self) {
        let Self { spool, watch, stop, task } = self;
        stop.cancel();
        task.await.unwrap();
        drop(watch);
        let end = move || {
            spool.stop();
            // What blocks, such as a write that has begun, ends by itself.
            while !spool.is_alone() {
                std::thread::yield_now();
            }
        };
        tokio::task::spawn_blocking(end).await.unwrap();
    }
}

fn block<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(work)
}

fn numbered(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|number| format!("record {number}")).collect()
}

fn faults() -> impl Strategy<Value = Vec<(bool, Fault)>> {
    let fault = prop_oneof![
        Just(Fault::LoseAnswer),
        (0..1_500_usize).prop_map(Fault::Cut),
        Just(Fault::Closed),
        prop_oneof![Just(429_u16), Just(503), Just(507), Just(502)].prop_map(Fault::Answer),
        prop_oneof![Just(503_u16), Just(502)].prop_map(Fault::AnswerAfter),
        Just(Fault::Restart),
        Just(Fault::RestartEdge),
    ];
    prop::collection::vec((any::<bool>(), fault), 1..7)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn each_record_is_recorded_once_through_faults_and_restarts(faults in faults()) {
        let recorded = block(async {
            let mut world = World::new().await;
            let mut edge = world.edge();
            let mut next = 0;
            for (is_other, fault) in faults {
                match fault {
                    Fault::Restart => world.restart().await,
                    Fault::RestartEdge => {
                        edge.kill().await;
                        edge = world.edge();
                    }
                    Fault::Answer(_) | Fault::AnswerAfter(_) => world.requests.lock().unwrap().push_back(fault),
                    _ => world.connections.lock().unwrap().push_back(fault),
                }
                edge.append(if is_other { "b" } else { "a" }, &numbered(next..next + 5)).await;
                next += 5;
            }
            edge.drained().await;
            edge.kill().await;
            let mut recorded = world.recorded();
            // Records of one collector are in order, whatever the others do.
            recorded.sort_by_key(|(collector, _)| collector.clone());
            let of = |name: &str| -> Vec<u64> {
                let of = recorded.iter().filter(|(collector, _)| collector == name);
                of.map(|(_, record)| record.trim_start_matches("record ").parse().unwrap()).collect()
            };
            assert!(of("a").is_sorted() && of("b").is_sorted());
            let mut all = [of("a"), of("b")].concat();
            all.sort_unstable();
            world.stop().await;
            (all, next)
        });
        prop_assert_eq!(recorded.0, (0..recorded.1).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_refused_for_good_is_set_aside_and_holds_nobody_up() {
    let mut world = World::new().await;
    // The bundle is refused, then each record alone: the first, and the second of three.
    let answers = [Fault::Answer(413), Fault::None, Fault::Answer(400), Fault::None, Fault::None];
    world.requests.lock().unwrap().extend(answers);
    let edge = world.edge();
    edge.append("a", &numbered(0..3)).await;
    edge.drained().await;
    let records: Vec<String> = world.recorded().into_iter().map(|(_, record)| record).collect();
    assert_eq!(records, ["record 0", "record 2"]);
    let aside = std::fs::read_to_string(world.directory.path().join("spool/aside/a.jsonl")).unwrap();
    assert!(aside.lines().count() == 1 && aside.contains("\"number\":1,\"status\":400"), "{aside}");
    edge.append("a", &numbered(3..4)).await;
    edge.drained().await;
    assert_eq!(world.recorded().len(), 3);
    edge.kill().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_must_change_holds_up_one_collector_alone() {
    let mut world = World::new().await;
    let edge = world.edge();
    edge.append("stranger", &numbered(0..1)).await;
    edge.append("a", &numbered(1..2)).await;
    edge.drained().await;
    edge.kill().await;
    // It is there since the start now.
    let edge = world.edge();
    edge.says("stranger", "no collector of this name").await;
    edge.append("b", &numbered(2..3)).await;
    edge.until(|| world.recorded().len() == 2).await;
    edge.kill().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_token_goes_on_and_a_copy_of_the_spool_is_told() {
    let mut world = World::new().await;
    let (spool, copy) = (world.directory.path().join("spool"), world.directory.path().join("copy"));
    let edge = world.edge();
    edge.append("a", &numbered(0..3)).await;
    edge.drained().await;
    edge.kill().await;
    copy_directory(&spool, &copy);
    std::fs::write(world.directory.path().join("token"), "rotated").unwrap();
    let edge = world.edge();
    edge.append("a", &numbered(3..6)).await;
    edge.drained().await;
    assert_eq!(world.recorded().len(), 6);
    edge.kill().await;
    // The copy counts from where it was.
    let edge = Edge::start(&copy, &world.server());
    edge.append("a", &numbered(6..7)).await;
    edge.says("a", "it is a copy").await;
    assert_eq!(world.recorded().len(), 6);
    edge.kill().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_rolled_back_is_refused_and_gets_nothing() {
    let mut world = World::new().await;
    let (old, new) = (world.directory.path().join("old"), world.directory.path().join("new"));
    let edge = world.edge();
    edge.append("a", &numbered(0..3)).await;
    edge.drained().await;
    world.stop().await;
    copy_directory(&world.data(), &old);
    world.start().await;
    edge.append("a", &numbered(3..6)).await;
    edge.drained().await;
    world.restart().await;
    edge.kill().await;
    // The newest checkpoint is seen at the start.
    let edge = world.edge();
    edge.server(|standing| *standing == Standing::Trusted).await;
    edge.kill().await;
    world.stop().await;
    std::fs::rename(world.data(), &new).unwrap();
    copy_directory(&old, &world.data());
    world.start().await;
    let edge = world.edge();
    edge.append("a", &numbered(6..9)).await;
    let standing = edge.server(|standing| matches!(standing, Standing::Refused(_))).await;
    let Standing::Refused(reason) = standing else { panic!("{standing:?}") };
    assert!(reason.contains("rolled back") && reason.matches(" batches with root ").count() == 2, "{reason}");
    assert_eq!(world.recorded().len(), 3, "nothing was sent");
    edge.kill().await;
    // The copy goes on without us, until its log is longer than the one that we know.
    for _ in 0..12 {
        world.restart().await;
        let other = Edge::start(&world.directory.path().join("other"), &world.server());
        other.append("b", &numbered(0..1)).await;
        other.drained().await;
        other.kill().await;
    }
    world.restart().await;
    let edge = world.edge();
    let standing = edge.server(|standing| matches!(standing, Standing::Refused(_))).await;
    assert!(format!("{standing:?}").contains("did not grow out of that"), "{standing:?}");
    edge.kill().await;
    // The right one is back: what waited is delivered.
    world.stop().await;
    std::fs::remove_dir_all(world.data()).unwrap();
    std::fs::rename(&new, world.data()).unwrap();
    world.start().await;
    let edge = world.edge();
    edge.drained().await;
    let records: Vec<String> = world.recorded().into_iter().map(|(_, record)| record).collect();
    assert_eq!(records, numbered(0..9));
    edge.kill().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_not_the_known_one_is_refused() {
    let mut world = World::new().await;
    let edge = world.edge();
    edge.server(|standing| *standing == Standing::Trusted).await;
    edge.append("a", &numbered(0..1)).await;
    edge.drained().await;
    edge.kill().await;
    world.restart().await;
    let edge = world.edge();
    edge.server(|standing| *standing == Standing::Trusted).await;
    edge.kill().await;
    world.stop().await;
    std::fs::remove_dir_all(world.data()).unwrap();
    Store::init(&world.data(), "acme.example/agents").unwrap();
    world.start().await;
    let edge = world.edge();
    let standing = edge.server(|standing| matches!(standing, Standing::Refused(_))).await;
    let text = format!("{standing:?}");
    assert!(text.contains("not signed by the key") || text.contains("no checkpoint at all"), "{text}");
    edge.kill().await;
    world.stop().await;
}

fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() { copy_directory(&from, &to) } else { drop(std::fs::copy(&from, &to)) }
    }
}
