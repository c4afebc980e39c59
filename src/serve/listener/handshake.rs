//! How a connection begins: with a handshake of TLS within a time limit, or at once. Whoever speaks plain HTTP where TLS is asked
//! for is recognised by the first byte, so that it can be told. Its place is taken since it was accepted, and can be taken away.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::stall::Stall;
use crate::limits;

/// The first byte of a connection of TLS: a record of a handshake (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

/// Bytes to a peer and from it, with TLS or without.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Wire for S {}

/// A connection on which requests can be served.
pub struct Opened {
    /// What it says and hears.
    pub wire: Box<dyn Wire>,
    /// Whether it speaks plain HTTP to a listener that asks for TLS.
    pub is_bare: bool,
}

impl Opened {
    /// A connection that needs no handshake.
    pub fn plain(stream: impl Wire + 'static) -> Self {
        Self { wire: Box::new(stalling(stream)), is_bare: false }
    }
}

/// A handshake came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum HandshakeError {
    /// It took too long.
    #[error("no handshake within {} s", limits::HANDSHAKE_MAX.as_secs())]
    TooSlow,
    /// The peer went away before it said anything, as checks of health do.
    #[error("the peer went away without a word")]
    Silent,
    /// One of both refused the other.
    #[error("{0}")]
    Failed(io::Error),
    /// The peer speaks without TLS, and cannot be told so in what it speaks.
    #[error("the peer speaks without TLS")]
    Bare,
}

impl HandshakeError {
    /// The same in a word of ours.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooSlow => "timeout",
            Self::Silent => "silent",
            Self::Failed(_) => "failed",
            Self::Bare => "bare",
        }
    }
}

/// Opens a connection; `config` is what it is shown if it has to speak TLS. If it `resets`, a peer that goes on writing after our end
/// gets an error at once, however we end.
pub async fn open(
    stream: TcpStream,
    config: Option<Arc<ServerConfig>>,
    resets: bool,
) -> Result<Opened, HandshakeError> {
    let Some(config) = config else {
        if resets {
            reset_at_end(&stream);
        }
        return Ok(Opened::plain(stream));
    };
    let opening = async {
        let mut first = [0];
        match stream.peek(&mut first).await {
            Ok(0) => Err(HandshakeError::Silent),
            Ok(_) if first == [HANDSHAKE] => {
                let accepted = TlsAcceptor::from(config).accept(stalling(stream)).await;
                let wire = accepted.map_err(HandshakeError::Failed)?;
                // Not before: a reset may overtake the word of what is wrong with a handshake.
                if resets {
                    reset_at_end(wire.get_ref().0.stream());
                }
                Ok(Opened { wire: Box::new(wire), is_bare: false })
            }
            Ok(_) => Ok(Opened { wire: Box::new(stalling(stream)), is_bare: true }),
            Err(error) => Err(HandshakeError::Failed(error)),
        }
    };
    tokio::time::timeout(limits::HANDSHAKE_MAX, opening).await.unwrap_or(Err(HandshakeError::TooSlow))
}

/// Has the system reset the connection when it is dropped, unless the peer has ended it. Otherwise the first write of a peer that does
/// not look whether we are still there succeeds, and what it says is lost: over TLS no sender looks, since there is always something
/// to read, and after a crash nobody told it.
fn reset_at_end(stream: &TcpStream) {
    // It can only be a connection that is broken.
    let _ = stream.set_zero_linger();
}

/// It lies below TLS: what counts is what the peer takes from the network, not what a buffer takes.
fn stalling<S>(stream: S) -> Stall<S> {
    Stall::new(stream, limits::WRITE_STALL_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    /// What comes of a connection whose peer says this, and then goes away or stays.
    async fn opened(says: &[u8], stays: bool) -> Result<bool, HandshakeError> {
        let builder = ServerConfig::builder_with_provider(export::tls::provider());
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = builder.with_cert_resolver(Arc::new(rustls::server::ResolvesServerCertUsingSni::new()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut peer = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        peer.write_all(says).await.unwrap();
        let peer = Some(peer).filter(|_| stays);
        let stream = listener.accept().await.unwrap().0;
        let opened = open(stream, Some(Arc::new(config)), false).await;
        drop(peer);
        opened.map(|opened| opened.is_bare)
    }

    #[tokio::test]
    async fn the_first_byte_tells_tls_from_plain_http() {
        for says in ["GET / HTTP/1.1\r\n\r\n", "\0", "PRI * HTTP/2.0"] {
            assert!(opened(says.as_bytes(), true).await.unwrap());
        }
        assert!(matches!(opened(b"", false).await, Err(HandshakeError::Silent)));
        for says in [b"\x16garbage".as_slice(), b"\x16\x03\x01\xff\xff\0", b"\x16\x03\x01\0\x02\x01\0"] {
            let error = opened(says, false).await.err();
            assert!(matches!(error, Some(HandshakeError::Failed(_))), "{says:?} {error:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_handshake_that_does_not_go_on_ends() {
        for says in [b"".as_slice(), b"\x16\x03\x01\x02\x00\x01"] {
            let error = opened(says, true).await.err();
            assert!(matches!(error, Some(HandshakeError::TooSlow)), "{says:?} {error:?}");
        }
    }
}
