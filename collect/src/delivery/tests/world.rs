//! A server that records behind a proxy that loses and cuts what passes, and a machine at the edge.

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
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::config::Server;
use crate::delivery::{Delivery, LaneStatus, Standing, Watch};
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
pub(super) enum Fault {
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

pub(super) type Faults = Arc<Mutex<VecDeque<Fault>>>;

/// A server that records, and what is in front of it.
pub(super) struct World {
    pub directory: TempDir,
    pub running: Option<(Store, Collectors, JoinHandle<()>)>,
    upstream: Arc<Mutex<Option<SocketAddr>>>,
    address: SocketAddr,
    /// Of the next connections, and of the next requests.
    pub connections: Faults,
    pub requests: Faults,
}

impl World {
    pub async fn new() -> Self {
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

    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub async fn start(&mut self) {
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
    pub async fn stop(&mut self) {
        *self.upstream.lock().unwrap() = None;
        let (store, collectors, task) = self.running.take().unwrap();
        task.abort();
        let _ = task.await;
        collectors.stop().await;
        drop(collectors);
        tokio::task::spawn_blocking(move || store.stop()).await.unwrap();
    }

    pub async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    /// What was recorded, as collectors and records.
    pub fn recorded(&self) -> Vec<(String, String)> {
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

    pub fn server(&self) -> Server {
        Server {
            url: format!("http://{}", self.address),
            token: Secret::File(self.directory.path().join("token")),
            ca_file: None,
            certificate: None,
            certificate_key: None,
            key: None,
        }
    }

    pub fn edge(&self) -> Edge {
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
pub(super) struct Edge {
    pub spool: Spool,
    pub watch: Watch,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Edge {
    pub fn start(directory: &Path, server: &Server) -> Self {
        let spool = Spool::open(directory, SPOOL_BYTES_MIN).unwrap();
        let dialects = BTreeMap::from([("a", "native"), ("b", "native")].map(|(a, b)| (a.to_owned(), b.to_owned())));
        let client = Client::new(server).unwrap();
        let delivery = Delivery::new(server, client, spool.clone(), &dialects, Metrics::default()).unwrap();
        let (watch, stop) = (delivery.watch(), CancellationToken::new());
        let task = tokio::spawn(delivery.run(stop.clone()));
        Self { spool, watch, stop, task }
    }

    pub async fn append(&self, collector: &str, records: &[String]) {
        let mut frames = Vec::new();
        for record in records {
            Piece::Record(1, record.as_bytes()).encode(&mut frames);
        }
        let parcel = Parcel {
            collector: collector.to_owned(),
            frames,
            numbers: records.len() as u64,
            positions: BTreeMap::new(),
        };
        self.spool.queue(parcel, Box::pin(std::future::pending())).await.unwrap().await.unwrap().unwrap();
    }

    /// Waits until everything is delivered.
    pub async fn drained(&self) {
        self.until(|| self.watch.lanes().iter().all(|lane| lane.next == lane.end)).await;
    }

    pub async fn until(&self, is_so: impl Fn() -> bool) {
        let mut watch = self.watch.clone();
        while !is_so() {
            assert!(watch.changed().await);
        }
    }

    /// Waits for what is said of a collector's delivery.
    pub async fn says(&self, collector: &str, text: &str) {
        let says = |lane: &LaneStatus| {
            lane.collector == collector && lane.trouble.as_ref().is_some_and(|(_, reason)| reason.contains(text))
        };
        self.until(|| self.watch.lanes().iter().any(says)).await;
    }

    /// Waits until the server stands so.
    pub async fn server(&self, is_so: impl Fn(&Standing) -> bool) -> Standing {
        let mut server = self.watch.server.clone();
        server.wait_for(|standing| is_so(standing)).await.unwrap().clone()
    }

    /// Ends in the middle of everything: what was on its way is dropped where it was.
    pub async fn kill(self) {
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

pub(super) fn copy_directory(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() { copy_directory(&from, &to) } else { drop(std::fs::copy(&from, &to)) }
    }
}
