//! A connection over which one request after the other is sent in one of the forms of OTLP, with as little of its own cost as possible: it shares
//! the cores with the server. What is sent is made elsewhere.

use std::time::Duration;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

use crate::connection::Connection;
use crate::records::Body;

/// How long a sender waits before it sends again what a full server did not take.
const RETRY_PAUSE: Duration = Duration::from_millis(5);

/// How a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Protobuf over gRPC.
    Grpc,
    /// Protobuf over HTTP/1.1.
    Protobuf,
    /// JSON over HTTP/1.1.
    Json,
}

impl Form {
    /// What the table calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grpc => "gRPC",
            Self::Protobuf => "HTTP, protobuf",
            Self::Json => "HTTP, JSON",
        }
    }

    /// The bytes that a request has in this form.
    pub fn bytes(self, body: &Body) -> &Bytes {
        if self == Self::Json { &body.json } else { &body.protobuf }
    }
}

/// Where a server takes export requests, and the secret that it asks for.
#[derive(Debug, Clone)]
pub struct Addresses {
    /// `host:port` of OTLP over HTTP.
    pub http: String,
    /// The same over gRPC.
    pub grpc: String,
    /// The token; a server that asks for none passes it over.
    pub token: String,
}

/// One connection that stays open.
pub enum Sender {
    /// HTTP/1.1, with the header lines of its format.
    Http(Box<Connection>, &'static str),
    /// HTTP/2.
    Grpc(Box<Grpc>),
}

impl Sender {
    /// Connects.
    pub fn open(form: Form, addresses: &Addresses) -> Self {
        let http = |headers| Self::Http(Box::new(Connection::open(&addresses.http, &addresses.token)), headers);
        match form {
            Form::Grpc => Self::Grpc(Box::new(Grpc::open(&addresses.grpc, &addresses.token))),
            Form::Protobuf => http("Content-Type: application/x-protobuf\r\n"),
            Form::Json => http("Content-Type: application/json\r\n"),
        }
    }

    /// Sends a request until it was taken; how often it was refused for lack of space. Every other answer stops the benchmark.
    pub fn send(&mut self, bytes: &Bytes) -> u64 {
        let mut refused = 0;
        while !self.post(bytes) {
            refused += 1;
            std::thread::sleep(RETRY_PAUSE);
        }
        refused
    }

    fn post(&mut self, bytes: &Bytes) -> bool {
        match self {
            Self::Http(connection, headers) => connection.post("/v1/logs", headers, bytes),
            Self::Grpc(connection) => connection.post(bytes),
        }
    }
}

/// A connection of HTTP/2 with a runtime of its own, on the thread that sends.
pub struct Grpc {
    runtime: Runtime,
    requests: SendRequest<Bytes>,
    uri: String,
    authorization: String,
}

impl Grpc {
    fn open(address: &str, token: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let requests = runtime.block_on(async {
            let stream = TcpStream::connect(address).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let (requests, connection) = h2::client::handshake(stream).await.unwrap();
            // It runs whenever somebody waits for an answer; how it ends shows in the next request.
            tokio::spawn(connection);
            requests
        });
        let uri = format!("http://{address}/opentelemetry.proto.collector.logs.v1.LogsService/Export");
        Self { runtime, requests, uri, authorization: format!("Bearer {token}") }
    }

    /// Sends a message and waits for the status: whether it was taken, or there was no space for it.
    fn post(&mut self, message: &Bytes) -> bool {
        let request = axum::http::Request::post(&self.uri)
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("authorization", &self.authorization)
            .body(())
            .unwrap();
        let requests = self.requests.clone();
        self.runtime.block_on(async {
            let mut requests = requests.ready().await.unwrap();
            let (answer, stream) = requests.send_request(request, false).unwrap();
            write(stream, message);
            let (status, message) = read(answer).await;
            // RESOURCE_EXHAUSTED and UNAVAILABLE.
            let is_full = matches!(status.as_str(), "8" | "14");
            assert!(is_full || status == "0", "status {status} of gRPC: {message}");
            !is_full
        })
    }
}

/// The message with its prefix: not compressed, and so many bytes. What the other's window has no room for waits in the connection.
fn write(mut stream: SendStream<Bytes>, message: &Bytes) {
    let mut prefix = vec![0];
    prefix.extend((message.len() as u32).to_be_bytes());
    stream.send_data(prefix.into(), false).unwrap();
    stream.send_data(message.clone(), true).unwrap();
}

/// The status and its message.
async fn read(answer: ResponseFuture) -> (String, String) {
    let (head, mut body): (_, RecvStream) = answer.await.unwrap().into_parts();
    while let Some(data) = body.data().await {
        let length = data.unwrap().len();
        body.flow_control().release_capacity(length).unwrap();
    }
    // Whoever is refused gets everything in the head.
    let trailers = body.trailers().await.unwrap().unwrap_or(head.headers);
    let of = |name: &str| trailers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    (of("grpc-status"), of("grpc-message"))
}
