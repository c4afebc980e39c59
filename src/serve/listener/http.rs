//! HTTP on connections that were accepted, whatever they came over: a place for each, requests that are let in, an end in order.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use rustls::ServerConfig;
use tokio_util::sync::CancellationToken;

use super::admission::Admission;
use super::connections::{Connection, Connections};
use super::handshake::Opened;
use crate::limits;

/// Which HTTP is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, which gRPC needs: known beforehand, or negotiated by TLS (RFC 9113, section 3).
    Http2,
}

impl Protocol {
    /// The same TLS for peers that ask which protocol is spoken.
    pub fn negotiated(self, config: Arc<ServerConfig>) -> Arc<ServerConfig> {
        match self {
            Self::Http1 => config,
            Self::Http2 => {
                let mut config = (*config).clone();
                config.alpn_protocols = vec![b"h2".to_vec()];
                Arc::new(config)
            }
        }
    }
}

/// Serves a router on every connection that it is given.
pub struct HttpServer {
    answers: Answers,
    protocol: Protocol,
    connections: Connections,
    graceful: GracefulShutdown,
    stop: CancellationToken,
}

/// What requests are answered with.
#[derive(Clone)]
struct Answers {
    router: Router,
    admission: Admission,
}

impl HttpServer {
    /// Serves `router` to whoever `admission` lets in, on so many connections at once, until `stop` is cancelled.
    pub fn new(
        places: usize,
        protocol: Protocol,
        router: Router,
        admission: Admission,
        stop: CancellationToken,
    ) -> Self {
        let answers = Answers { router, admission };
        Self { answers, protocol, connections: Connections::new(places), graceful: GracefulShutdown::new(), stop }
    }

    /// Cancelled when no more connections are to be accepted.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Serves a connection on a task of its own, from its opening to its end, or until its place is given to another.
    pub fn serve(&self, address: IpAddr, opening: impl Future<Output = Option<Opened>> + Send + 'static) {
        let (answers, stop, watcher) = (self.answers.clone(), self.stop.clone(), self.graceful.watcher());
        let protocol = self.protocol;
        let connection = self.connections.enter(address);
        let end = connection.end.clone();
        let served = async move {
            let opened = tokio::select! {
                opened = opening => opened,
                () = stop.cancelled() => None,
            };
            if let Some(opened) = opened {
                answers.converse(opened, protocol, connection, watcher).await;
            }
        };
        tokio::spawn(async move {
            tokio::select! {
                () = served => {}
                () = end.cancelled() => tracing::debug!("a connection gave its place to another"),
            }
        });
    }

    /// Lets requests end that have begun.
    pub async fn end(self) {
        self.graceful.shutdown().await;
    }
}

impl Answers {
    /// Answers requests as long as they come.
    async fn converse(&self, opened: Opened, protocol: Protocol, connection: Connection, watcher: Watcher) {
        let Opened { wire, is_bare } = opened;
        // Who speaks without TLS is told so in the protocol that everybody reads.
        let is_http1 = is_bare || protocol == Protocol::Http1;
        let connection = Arc::new(connection);
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let (connection, Self { router, admission }) = (Arc::clone(&connection), self.clone());
            async move {
                let mut answer = if is_bare {
                    admission.refuse_bare()
                } else {
                    admission.admit(&connection, request.map(Body::new), router).await
                };
                if !is_http1 {
                    // A header of connections is malformed there (RFC 9113, section 8.2.2).
                    answer.headers_mut().remove(hyper::header::CONNECTION);
                }
                Ok::<_, Infallible>(answer)
            }
        });
        let wire = TokioIo::new(wire);
        let ended = if is_http1 {
            let mut http = http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(limits::HEADER_READ_MAX);
            watcher.watch(http.serve_connection(wire, service)).await
        } else {
            let mut http = http2::Builder::new(TokioExecutor::new());
            http.timer(TokioTimer::new())
                .max_concurrent_streams(limits::STREAMS_PER_CONNECTION_MAX)
                .keep_alive_interval(limits::KEEP_ALIVE_EVERY)
                .keep_alive_timeout(limits::HEADER_READ_MAX);
            watcher.watch(http.serve_connection(wire, service)).await
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended");
        }
    }
}
