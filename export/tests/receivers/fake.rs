//! Strict receivers of our own, for what goes wrong and for what cannot be had: each takes only what its vendor's documents allow, and what
//! it finds amiss is a complaint. They stand behind one address, told apart by path, and do next what they are told to.
//!
//! What each checks, and how it answers, stands in `vendors`. They name nothing of `export`: other tests may use them.

#[path = "fake/vendors.rs"]
mod vendors;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Read as _;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State as Shared;
use axum::http::{HeaderMap, Response, StatusCode, Uri};

pub use vendors::{DATADOG, ELASTICSEARCH, LOKI, OTLP, SECOPS, SENTINEL, SUMO, WEBHOOK, WEBHOOK_SECRET};

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 503, and nothing is taken.
    Busy,
    /// 429 with a wait of nothing, and nothing is taken.
    Limited,
    /// 401, whatever the proof.
    Unauthorised,
    /// Everything is taken, and the answer is 500.
    TakenAndFailed,
    /// Everything is taken, and the answer is cut.
    TakenAndCut,
    /// Every third record is not taken now, by those who say so of single records.
    Part,
    /// The tokens that were given are good no more.
    Revoked,
}

/// A request as a vendor sees it.
pub struct Asked {
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    /// The body, decompressed,
    pub body: Vec<u8>,
    /// and how long it was on the wire.
    pub wire_bytes: usize,
}

impl Asked {
    /// A header; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// What receivers have.
#[derive(Default)]
pub struct State {
    pub requests: usize,
    /// What goes wrong with the next requests.
    pub faults: VecDeque<Fault>,
    /// The texts of each record as often as it was taken, by stream and number.
    pub taken: BTreeMap<(String, u64), Vec<String>>,
    /// What was amiss with requests.
    pub complaints: Vec<String>,
    /// Ids that a receiver knows: documents with their index, messages.
    pub ids: BTreeSet<String>,
    /// Bodies as they came, of those that keep them.
    pub bodies: Vec<Vec<u8>>,
    /// Tokens that were given, and the first that is still good.
    pub tokens: (usize, usize),
}

impl State {
    /// Takes a record.
    pub fn take(&mut self, stream: &str, number: u64, text: String) {
        self.taken.entry((stream.to_owned(), number)).or_default().push(text);
    }
}

/// The receivers, as long as this is there.
pub struct Fake {
    pub address: String,
    state: Arc<Mutex<State>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Fake {
    pub fn start() -> Self {
        let state = Arc::<Mutex<State>>::default();
        let router =
            Router::new().fallback(handle).with_state(state.clone()).layer(axum::extract::DefaultBodyLimit::disable());
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let (told, address) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
                told.send(format!("http://{}", listener.local_addr().unwrap())).unwrap();
                tokio::select! {
                    served = async { axum::serve(listener, router).await } => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        Self { address: address.recv().unwrap(), state, stop: Some(stop) }
    }

    /// Looks at what they have, or tells them what goes wrong next.
    pub fn ask<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        // The thread may have ended already.
        let _ = self.stop.take().map(|stop| stop.send(()));
    }
}

async fn handle(
    Shared(state): Shared<Arc<Mutex<State>>>,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response<Body> {
    let mut body = Vec::new();
    let wire_bytes = bytes.len();
    let is_gzip = headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip");
    if is_gzip {
        flate2::read::GzDecoder::new(bytes.as_ref()).read_to_end(&mut body).unwrap();
    } else {
        body.extend_from_slice(&bytes);
    }
    let (path, query) = (uri.path().to_owned(), uri.query().unwrap_or_default().to_owned());
    let asked = Asked { path, query, headers, body, wire_bytes };
    let mut state = state.lock().unwrap();
    if let Some(token) = vendors::token(&mut state, &asked) {
        return answer(token.0, token.1.into());
    }
    state.requests += 1;
    let fault = state.faults.pop_front();
    match fault {
        Some(Fault::Busy) => return answer(503, "busy".into()),
        Some(Fault::Limited) => {
            let mut limited = answer(429, "slower".into());
            limited.headers_mut().insert("retry-after", "0".parse().unwrap());
            return limited;
        }
        Some(Fault::Unauthorised) => return answer(401, "who are you".into()),
        Some(Fault::Revoked) => state.tokens.1 = state.tokens.0 + 1,
        _ => {}
    }
    let (status, kind, body) = match vendors::receive(&mut state, &asked, fault == Some(Fault::Part)) {
        Ok(answer) => answer,
        Err(complaint) => {
            state.complaints.push(format!("{}: {complaint}", asked.path));
            (400, "text/plain", complaint.into_bytes())
        }
    };
    match fault {
        Some(Fault::TakenAndFailed) => answer(500, "alas".into()),
        Some(Fault::TakenAndCut) => {
            let cut = futures::stream::iter([Ok(Bytes::from_static(b"{\"")), Err(std::io::Error::other("cut"))]);
            Response::new(Body::from_stream(cut))
        }
        _ => {
            let mut whole = answer(status, body.into());
            whole.headers_mut().insert("content-type", kind.parse().unwrap());
            whole
        }
    }
}

fn answer(status: u16, body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer
}
