//! A listener: accepts connections within a bound, serves a router on them, and ends them in order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::limits;

/// A bound address.
pub struct Listener {
    name: &'static str,
    socket: TcpListener,
    address: SocketAddr,
}

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for listen.{name}: {source}; choose another address, or stop what uses it")]
pub struct BindError {
    name: &'static str,
    address: SocketAddr,
    source: std::io::Error,
}

impl Listener {
    /// Binds an address; `name` is the listener's in the configuration.
    pub async fn bind(name: &'static str, address: SocketAddr) -> Result<Self, BindError> {
        let error = |source| BindError { name, address, source };
        let socket = TcpListener::bind(address).await.map_err(error)?;
        let address = socket.local_addr().map_err(error)?;
        if !address.ip().is_loopback() {
            tracing::warn!(listener = name, %address, "listening beyond this machine without TLS; put a TLS proxy in front");
        }
        Ok(Self { name, socket, address })
    }

    /// The address, with the port that the system chose if none was given.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `router` until it is told to stop, then lets requests end that have begun.
    pub async fn serve(self, router: Router, stop: CancellationToken) {
        let slots = Arc::new(Semaphore::new(limits::CONNECTIONS_MAX));
        let graceful = GracefulShutdown::new();
        loop {
            // A slot comes first, so that the queue of waiting peers is the system's.
            let accepted = tokio::select! {
                accepted = self.accept(&slots) => accepted,
                () = stop.cancelled() => break,
            };
            if let Some((stream, slot)) = accepted {
                serve_connection(stream, slot, router.clone(), &graceful);
            }
        }
        drop(self.socket);
        graceful.shutdown().await;
    }

    async fn accept(&self, slots: &Arc<Semaphore>) -> Option<(TcpStream, OwnedSemaphorePermit)> {
        let slot = Arc::clone(slots).acquire_owned().await.ok()?;
        match self.socket.accept().await {
            Ok((stream, _)) => Some((stream, slot)),
            Err(error) => {
                tracing::warn!(listener = self.name, %error, "a connection could not be accepted");
                // Out of file handles, most likely: trying again at once would only burn time.
                tokio::time::sleep(Duration::from_millis(50)).await;
                None
            }
        }
    }
}

fn serve_connection(stream: TcpStream, slot: OwnedSemaphorePermit, router: Router, graceful: &GracefulShutdown) {
    // Answers are small and somebody waits for each.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEADER_READ_MAX)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection ended");
        }
        drop(slot);
    });
}
