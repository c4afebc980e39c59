//! A socket in the file system on which a collector waits: accepts connections within a bound and has them read. Its file is
//! intake's.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use ingest::transport::stream::Streams;
use ingest::transport::unix::{BoundSocket, Placed};
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

use super::handshake::Opened;
use super::streams::StreamServer;
use crate::limits;

/// A socket that is bound.
pub struct SocketListener {
    listener: UnixListener,
    /// Removed after the last connection.
    file: Placed,
}

impl SocketListener {
    /// Takes over a socket.
    pub fn new(bound: BoundSocket) -> io::Result<Self> {
        Ok(Self { listener: UnixListener::from_std(bound.listener)?, file: bound.file })
    }

    /// Has `streams` read what comes until it is told to stop.
    pub async fn serve(self, streams: Streams, stop: CancellationToken) {
        let server = StreamServer::new(limits::SOCKET_CONNECTIONS_MAX, streams, stop);
        loop {
            let accepted = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = server.stop().cancelled() => break,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (address, peer) = (IpAddr::from(Ipv4Addr::LOCALHOST), peer(&stream));
                    server.serve(address, peer, async { Some(Opened::plain(stream)) }).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection to a collector's socket could not be accepted");
                    // Out of file handles, most likely: trying again at once would only burn time.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        drop((self.listener, self.file));
        server.end().await;
    }
}

/// Who connected, as the system knows it.
fn peer(stream: &UnixStream) -> String {
    match stream.peer_cred() {
        Ok(peer) => match peer.pid() {
            Some(process) => format!("process {process} of user {}", peer.uid()),
            None => format!("user {}", peer.uid()),
        },
        Err(error) => format!("nobody knows who ({error})"),
    }
}
