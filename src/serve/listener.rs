//! A listener: accepts connections within a bound, serves a router on them, and ends them in order. One sender takes no
//! place of another: `crate::guests` knows who is connected, `admission` what a request must show, `pace` how fast a body must come
//! and `stall` how fast an answer must go.

mod admission;
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
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::guests::{Guests, Seat};
use crate::limits;
pub use admission::Doorman;
use stall::Stall;

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

    /// Serves `router` to whoever `doorman` lets in until it is told to stop, then lets requests end that have begun.
    pub async fn serve(self, router: Router, doorman: Doorman, stop: CancellationToken) {
        let guests = Guests::new(limits::CONNECTIONS_MAX);
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                () = stop.cancelled() => break,
            };
            if let Some((stream, peer)) = accepted {
                serve_connection(stream, guests.enter(peer.ip()), doorman.clone(), router.clone(), &graceful);
            }
        }
        drop(self.socket);
        graceful.shutdown().await;
    }

    async fn accept(&self) -> Option<(TcpStream, SocketAddr)> {
        match self.socket.accept().await {
            Ok(accepted) => Some(accepted),
            Err(error) => {
                tracing::warn!(listener = self.name, %error, "a connection could not be accepted");
                // Out of file handles, most likely: trying again at once would only burn time.
                tokio::time::sleep(Duration::from_millis(50)).await;
                None
            }
        }
    }
}

fn serve_connection(stream: TcpStream, seat: Seat, doorman: Doorman, router: Router, graceful: &GracefulShutdown) {
    // Answers are small and somebody waits for each.
    let _ = stream.set_nodelay(true);
    let stream = Stall::new(stream, limits::WRITE_STALL_MAX);
    let end = seat.end.clone();
    let seat = Arc::new(seat);
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let (doorman, seat, router) = (doorman.clone(), Arc::clone(&seat), router.clone());
        async move { Ok::<_, Infallible>(doorman.admit(&seat, request.map(Body::new), router).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::HEADER_READ_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let connection = graceful.watch(connection);
    tokio::spawn(async move {
        tokio::select! {
            served = connection => if let Err(error) = served {
                tracing::debug!(%error, "a connection ended");
            },
            () = end.cancelled() => tracing::debug!("a connection gave its place to another"),
        }
    });
}
