//! A listener: accepts connections within a bound, serves a router on them, and ends them in order. One sender takes no
//! place of another: `crate::connections` knows who is connected, `handshake` how a connection begins, `admission` what a request must show,
//! `pace` how fast a body must come and `stall` how fast an answer must go.

mod admission;
mod handshake;
mod pace;
mod stall;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::tls::Tls;
use crate::connections::{Connection, Connections};
use crate::limits;
use crate::settings::ListenerName;
pub use admission::Admission;
pub use handshake::HandshakeError;
use handshake::Opened;

/// A bound address.
pub struct Listener {
    name: ListenerName,
    tls: Tls,
    socket: TcpListener,
    address: SocketAddr,
}

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for listen.{}: {source}; choose another address, or stop what uses it", name.as_str())]
pub struct BindError {
    name: ListenerName,
    address: SocketAddr,
    source: std::io::Error,
}

impl Listener {
    /// Binds an address; `tls` says what connections are shown.
    pub async fn bind(name: ListenerName, address: SocketAddr, tls: Tls) -> Result<Self, BindError> {
        let error = |source| BindError { name, address, source };
        let socket = TcpListener::bind(address).await.map_err(error)?;
        let address = socket.local_addr().map_err(error)?;
        Ok(Self { name, tls, socket, address })
    }

    /// The address, with the port that the system chose if none was given.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `router` to whoever `admission` lets in until it is told to stop, then lets requests end that have begun.
    pub async fn serve(self, router: Router, admission: Admission, stop: CancellationToken) {
        let connections = Connections::new(limits::CONNECTIONS_MAX);
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                () = stop.cancelled() => break,
            };
            if let Some((stream, peer)) = accepted {
                let visit = Visit {
                    listener: self.name,
                    tls: self.tls.clone(),
                    admission: admission.clone(),
                    router: router.clone(),
                    stop: stop.clone(),
                };
                tokio::spawn(visit.serve(stream, connections.enter(peer.ip()), graceful.watcher()));
            }
        }
        drop(self.socket);
        graceful.shutdown().await;
    }

    async fn accept(&self) -> Option<(TcpStream, SocketAddr)> {
        match self.socket.accept().await {
            Ok(accepted) => Some(accepted),
            Err(error) => {
                tracing::warn!(listener = self.name.as_str(), %error, "a connection could not be accepted");
                // Out of file handles, most likely: trying again at once would only burn time.
                tokio::time::sleep(Duration::from_millis(50)).await;
                None
            }
        }
    }
}

/// What one connection needs.
struct Visit {
    listener: ListenerName,
    tls: Tls,
    admission: Admission,
    router: Router,
    /// Cancelled when no more requests are taken.
    stop: CancellationToken,
}

impl Visit {
    /// Serves a connection from its handshake to its end, or until its place is given to another.
    async fn serve(self, stream: TcpStream, place: Connection, watcher: Watcher) {
        // Answers are small and somebody waits for each.
        let _ = stream.set_nodelay(true);
        let end = place.end.clone();
        let served = async {
            let opened = tokio::select! {
                opened = handshake::open(stream, self.tls.config(self.listener)) => opened,
                () = self.stop.cancelled() => return,
            };
            match opened {
                Ok(opened) => self.converse(opened, place, watcher).await,
                Err(HandshakeError::Silent) => tracing::debug!("a connection ended without a word"),
                Err(error) => self.tls.failed(self.listener, &error),
            }
        };
        tokio::select! {
            () = served => {}
            () = end.cancelled() => tracing::debug!("a connection gave its place to another"),
        }
    }

    /// Answers requests as long as they come.
    async fn converse(&self, opened: Opened, place: Connection, watcher: Watcher) {
        let Opened { wire, is_bare } = opened;
        let place = Arc::new(place);
        let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let (admission, place, router) = (self.admission.clone(), Arc::clone(&place), self.router.clone());
            async move {
                let answer = if is_bare {
                    admission.refuse_bare()
                } else {
                    admission.admit(&place, request.map(Body::new), router).await
                };
                Ok::<_, Infallible>(answer)
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits::HEADER_READ_MAX)
            .serve_connection(TokioIo::new(wire), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "a connection ended");
        }
    }
}
