//! A listener: accepts connections within a bound, serves a router on them, and ends them in order. One sender takes no
//! place of another: `connections` knows who is connected, `handshake` how a connection begins, `admission` what a request
//! must show, `pace` how fast a body must come and `stall` how fast an answer must go. `http` joins them, for the control
//! socket, too. `streams` does the same for connections that say records and ask nothing, over TCP and over sockets in the file system (`unix`).

mod admission;
mod connections;
mod handshake;
mod http;
mod pace;
mod stall;
mod streams;
mod unix;

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use ingest::transport::stream::Streams;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::tls::Tls;
use crate::limits;
use crate::settings::ListenerName;
pub use admission::Admission;
pub use handshake::{HandshakeError, Opened};
pub use http::{HttpServer, Protocol};
use streams::StreamServer;
pub use unix::SocketListener;

/// A bound address.
pub struct Listener {
    /// The setting that names it.
    setting: String,
    /// The listener whose certificate it shows; `None` if it speaks without TLS whatever certificate there is.
    shows: Option<ListenerName>,
    tls: Tls,
    protocol: Protocol,
    socket: TcpListener,
    address: SocketAddr,
}

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} for {setting}: {source}; choose another address, or stop what uses it")]
pub struct BindError {
    setting: String,
    address: SocketAddr,
    source: std::io::Error,
}

impl Listener {
    /// Binds an address; `tls` says what connections are shown.
    pub async fn bind(name: ListenerName, address: SocketAddr, tls: Tls) -> Result<Self, BindError> {
        let setting = format!("listen.{}", name.as_str());
        Self::bind_for(setting, Some(name), Protocol::Http1, address, tls).await
    }

    /// Binds an address that this setting names, for connections that are shown what those to another listener are, or nothing.
    pub async fn bind_for(
        setting: String,
        shows: Option<ListenerName>,
        protocol: Protocol,
        address: SocketAddr,
        tls: Tls,
    ) -> Result<Self, BindError> {
        let error = |source| BindError { setting: setting.clone(), address, source };
        let socket = TcpListener::bind(address).await.map_err(error)?;
        let address = socket.local_addr().map_err(error)?;
        Ok(Self { setting, shows, tls, protocol, socket, address })
    }

    /// The address, with the port that the system chose if none was given.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves `router` to whoever `admission` lets in until it is told to stop, then lets requests end that have begun.
    pub async fn serve(self, router: Router, admission: Admission, stop: CancellationToken) {
        let http = HttpServer::new(limits::CONNECTIONS_MAX, self.protocol, router, admission, stop.clone());
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                () = stop.cancelled() => break,
            };
            if let Some((stream, peer)) = accepted {
                http.serve(peer.ip(), open(self.shows, self.protocol, self.tls.clone(), stream));
            }
        }
        drop(self.socket);
        http.end().await;
    }

    /// Has `streams` read what comes until it is told to stop, then lets connections end with what was read of them.
    pub async fn serve_streams(self, streams: Streams, stop: CancellationToken) {
        let server = StreamServer::new(limits::CONNECTIONS_MAX, streams, stop);
        loop {
            let accepted = tokio::select! {
                accepted = self.accept() => accepted,
                () = server.stop().cancelled() => break,
            };
            if let Some((stream, peer)) = accepted {
                let opening = open(self.shows, self.protocol, self.tls.clone(), stream);
                server.serve(peer.ip(), peer.to_string(), opening).await;
            }
        }
        drop(self.socket);
        server.end().await;
    }

    async fn accept(&self) -> Option<(TcpStream, SocketAddr)> {
        match self.socket.accept().await {
            Ok(accepted) => Some(accepted),
            Err(error) => {
                tracing::warn!(listener = self.setting, %error, "a connection could not be accepted");
                // Out of file handles, most likely: trying again at once would only burn time.
                tokio::time::sleep(Duration::from_millis(50)).await;
                None
            }
        }
    }
}

/// Opens a connection; `None` if nothing came of it.
async fn open(shows: Option<ListenerName>, protocol: Protocol, tls: Tls, stream: TcpStream) -> Option<Opened> {
    // Answers are small and somebody waits for each.
    let _ = stream.set_nodelay(true);
    let config = shows.and_then(|listener| tls.config(listener)).map(|config| protocol.negotiated(config));
    // Of records nobody hears whether they arrived.
    let opened = match handshake::open(stream, config, protocol == Protocol::Streams).await {
        // Nobody would read there what it is told.
        Ok(opened) if opened.is_bare && protocol == Protocol::Streams => Err(HandshakeError::Bare),
        opened => opened,
    };
    match opened {
        Ok(opened) => Some(opened),
        Err(HandshakeError::Silent) => {
            tracing::debug!("a connection ended without a word");
            None
        }
        Err(error) => {
            if let Some(listener) = shows {
                tls.failed(listener, &error);
            }
            None
        }
    }
}
