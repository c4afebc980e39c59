//! HTTP on connections that were accepted, whatever they came over: a place for each, requests that are let in, an end in order.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio_util::sync::CancellationToken;

use super::admission::Admission;
use super::connections::{Connection, Connections};
use super::handshake::Opened;
use crate::limits;

/// Serves a router on every connection that it is given.
pub struct HttpServer {
    answers: Answers,
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
    pub fn new(places: usize, router: Router, admission: Admission, stop: CancellationToken) -> Self {
        let answers = Answers { router, admission };
        Self { answers, connections: Connections::new(places), graceful: GracefulShutdown::new(), stop }
    }

    /// Cancelled when no more connections are to be accepted.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Serves a connection on a task of its own, from its opening to its end, or until its place is given to another.
    pub fn serve(&self, address: IpAddr, opening: impl Future<Output = Option<Opened>> + Send + 'static) {
        let (answers, stop, watcher) = (self.answers.clone(), self.stop.clone(), self.graceful.watcher());
        let connection = self.connections.enter(address);
        let end = connection.end.clone();
        let served = async move {
            let opened = tokio::select! {
                opened = opening => opened,
                () = stop.cancelled() => None,
            };
            if let Some(opened) = opened {
                answers.converse(opened, connection, watcher).await;
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
    async fn converse(&self, opened: Opened, connection: Connection, watcher: Watcher) {
        let Opened { wire, is_bare } = opened;
        let connection = Arc::new(connection);
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let (connection, Self { router, admission }) = (Arc::clone(&connection), self.clone());
            async move {
                let answer = if is_bare {
                    admission.refuse_bare()
                } else {
                    admission.admit(&connection, request.map(Body::new), router).await
                };
                Ok::<_, Infallible>(answer)
            }
        });
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits::HEADER_READ_MAX)
            .serve_connection(TokioIo::new(wire), service);
        if let Err(error) = watcher.watch(served).await {
            tracing::debug!(%error, "a connection ended");
        }
    }
}
