//! Connections over which records come and to which nobody answers, whatever they came over: a place for each, which is taken away
//! only when another needs it, and an end in order. What is said on them is for intake.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use ingest::transport::stream::{Connected, Streams};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::connections::{Connection, Connections};
use super::handshake::{Opened, Wire};
use crate::limits;

/// Reads every connection that it is given.
pub struct StreamServer {
    streams: Streams,
    connections: Connections,
    /// Connections that exist: those that have a place, and those that lost it and are not done yet.
    existing: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl StreamServer {
    /// Has `streams` read so many connections at once, until `stop` is cancelled.
    pub fn new(places: usize, streams: Streams, stop: CancellationToken) -> Self {
        let existing = Arc::new(Semaphore::new(places + limits::STREAMS_ENDING_MAX));
        Self { streams, connections: Connections::new(places), existing, tasks: TaskTracker::new(), stop }
    }

    /// Cancelled when no more connections are to be accepted.
    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    /// Reads a connection on a task of its own, from its opening to its end, or until its place is given to another. Comes back
    /// when another may be accepted.
    pub async fn serve(
        &self,
        address: IpAddr,
        peer: String,
        opening: impl Future<Output = Option<Opened>> + Send + 'static,
    ) {
        let connection = self.connections.enter(address);
        // Whoever lost its place is not done before the ledger has what it said: meanwhile there must not be ever more of them.
        let existing = Arc::clone(&self.existing).acquire_owned();
        let Some(Ok(exists)) = self.stop.run_until_cancelled(existing).await else { return };
        let (streams, stop) = (self.streams.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            let _exists = exists;
            read(&streams, connection, peer, opening, stop).await;
        });
    }

    /// Lets connections end, with all that was read of them.
    pub async fn end(self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn read(
    streams: &Streams,
    connection: Connection,
    peer: String,
    opening: impl Future<Output = Option<Opened>>,
    stop: CancellationToken,
) {
    let lost = connection.end.clone();
    let opened = tokio::select! {
        opened = opening => opened,
        () = lost.cancelled() => None,
        () = stop.cancelled() => None,
    };
    let Some(Opened { wire, .. }) = opened else { return };
    let end = stop.child_token();
    let wire = Box::new(Heard { wire, connection });
    let reading = streams.read(Connected { wire, peer, end: end.clone() });
    let losing = async {
        lost.cancelled().await;
        tracing::debug!("a connection gave its place to another");
        end.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = reading => {}
        () = losing => {}
    }
}

/// A connection that keeps its place, and tells when it is heard of.
struct Heard {
    wire: Box<dyn Wire>,
    connection: Connection,
}

impl AsyncRead for Heard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.wire).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.connection.hear();
        }
        read
    }
}

impl AsyncWrite for Heard {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ingest::collectors::Collectors;
    use ingest::metrics::Metrics;
    use ingest::transport::Serve;
    use ledger::{Options, Store};
    use operations::access::{Authorize, Principal};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    struct Nobody;

    impl Authorize for Nobody {
        fn authorize(&self, _secret: &str) -> Option<Arc<Principal>> {
            None
        }
    }

    /// A ledger with a collector of syslog, and what reads its connections.
    fn collector(directory: &std::path::Path) -> (Store, Collectors, Streams) {
        Store::init(directory, "acme.example/agents").unwrap();
        let store = Store::open(directory, Options::default()).unwrap();
        let config =
            "[[collectors]]\nname = \"s\"\ntransport = \"syslog\"\ndialect = \"native\"\ntcp = \"127.0.0.1:0\"";
        let (config, key) = (toml::from_str(config).unwrap(), store.fingerprint_key());
        let (metrics, stop) = (Metrics::default(), CancellationToken::new());
        let mut collectors = Collectors::start(&config, store.events(), key, Arc::new(Nobody), metrics, stop).unwrap();
        let Serve::Streams(streams) = collectors.take_listening().remove(0).1.serve else { panic!("it reads streams") };
        (store, collectors, streams)
    }

    async fn connect(server: &StreamServer, last: u8) -> DuplexStream {
        let (ours, theirs) = duplex(1 << 10);
        server.serve([192, 0, 2, last].into(), String::new(), async { Some(Opened::plain(theirs)) }).await;
        ours
    }

    #[tokio::test]
    async fn a_silent_connection_ends_when_others_need_its_place_and_all_end_at_the_stop() {
        let directory = tempfile::tempdir().unwrap();
        let (store, collectors, streams) = collector(directory.path());
        let server = StreamServer::new(2, streams, CancellationToken::new());
        let rows = || store.events().reader().durable().unwrap().next_seq.get();
        let (mut first, mut silent) = (connect(&server, 1).await, connect(&server, 2).await);
        first.write_all(b"<13>app: a\n").await.unwrap();
        while rows() < 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let mut third = connect(&server, 3).await;
        assert_eq!(silent.read(&mut [0]).await.unwrap(), 0, "it was silent for longest");
        first.write_all(b"<13>app: b\n").await.unwrap();
        third.write_all(b"<13>app: c\n").await.unwrap();
        server.stop().cancel();
        // Both are told, and then read no more.
        assert_eq!((first.read(&mut [0]).await.unwrap(), third.read(&mut [0]).await.unwrap()), (0, 0));
        server.end().await;
        assert_eq!(rows(), 3);
        collectors.stop().await;
        store.stop();
    }

    #[tokio::test]
    async fn a_connection_that_is_never_opened_holds_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let (store, collectors, streams) = collector(directory.path());
        let server = StreamServer::new(1, streams, CancellationToken::new());
        for last in 0..200 {
            server.serve([192, 0, 2, last].into(), String::new(), std::future::pending()).await;
        }
        let mut honest = connect(&server, 201).await;
        honest.write_all(b"<13>app: a\n").await.unwrap();
        drop(honest);
        server.end().await;
        assert_eq!(store.events().reader().durable().unwrap().next_seq.get(), 1);
        collectors.stop().await;
        store.stop();
    }
}
