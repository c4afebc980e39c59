//! TCP, with TLS or without: frames one after the other, a connection of its own for each payload, and its end as the answer. What
//! the frames say is the sinks' business.
//!
//! Receivers of frames answer nothing, and what is written to a connection that stays open may never be read. So the connection is
//! ended after the frames, and the end from the other side is waited for: a peer that closes while bytes are unread resets the
//! connection instead (RFC 1122, 4.2.2.13), and with TLS an end without `close_notify` is none. So an end says that everything was
//! read. Whether it was stored, no receiver of frames says.

use std::fmt;
use std::io;
use std::sync::Arc;

use futures::future::BoxFuture;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{Answer, Connection, Payload, Protocol, Reach, SendError, excerpt, guard};
use crate::limits::{CONNECT_TIMEOUT, FAREWELL_BYTES_MAX};
use crate::tls::{ClientTls, client_config};

/// Frames, and the end of their connection.
pub struct Tcp;

impl Protocol for Tcp {
    type Payload = Frames;
    type Answer = Closed;
}

/// Frames, one after the other, and where they go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frames {
    /// The receiver's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The frames.
    pub bytes: Vec<u8>,
}

impl Payload for Frames {
    fn shown(&self, message: &[u8]) -> String {
        format!("TCP {}:{}\n\n{}", self.host, self.port, String::from_utf8_lossy(message))
    }
}

/// That the receiver read everything and ended the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// What it said before, which receivers of frames seldom do. It is its text: never trusted, never shown unescaped.
    pub said: String,
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("read everything and closed")?;
        if self.said.is_empty() { Ok(()) } else { write!(f, ": {}", excerpt(&self.said)) }
    }
}

impl Answer for Closed {
    #[cfg(test)]
    fn of(_: u16, _: String) -> Option<Self> {
        None
    }
}

/// How a receiver tells where a frame ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Framing {
    /// Its length in octets stands before it, as a decimal number and a space (RFC 6587, 3.4.1; RFC 5425, 4.3).
    #[default]
    OctetCounting,
    /// A line feed stands behind it (RFC 6587, 3.4.2).
    Lines,
}

impl Framing {
    /// Writes a frame behind others. What would end a line stands in no frame that is one: it becomes a space.
    pub fn put(self, frame: &str, bytes: &mut Vec<u8>) {
        match self {
            Self::OctetCounting => {
                bytes.extend_from_slice(frame.len().to_string().as_bytes());
                bytes.push(b' ');
                bytes.extend_from_slice(frame.as_bytes());
            }
            Self::Lines => {
                bytes.extend(frame.bytes().map(|byte| if matches!(byte, b'\n' | b'\r' | 0) { b' ' } else { byte }));
                bytes.push(b'\n');
            }
        }
    }
}

/// The network.
pub struct TcpConnection {
    reach: Reach,
    tls: Option<TlsConnector>,
}

impl Tcp {
    /// Prepares a connection, encrypted or not. The error says what is wrong with the certificates.
    pub fn connect(reach: &Reach, encrypted: bool) -> Result<Box<dyn Connection<Self>>, String> {
        let tls = ClientTls { ca_file: reach.ca_file.clone(), identity: None };
        let config = encrypted.then(|| client_config(Some(&tls))).transpose()?;
        let tls = config.map(|config| TlsConnector::from(Arc::new(config)));
        Ok(Box::new(TcpConnection { reach: reach.clone(), tls }))
    }
}

impl Connection<Tcp> for TcpConnection {
    /// Sends frames. Whatever fails before the first byte of them was written means that nothing was sent.
    fn send(&self, frames: Frames) -> BoxFuture<'_, Result<Closed, SendError>> {
        Box::pin(async move {
            let limit = self.reach.timeout;
            let late = || io::Error::from(io::ErrorKind::TimedOut);
            let stream = timeout(limit.min(CONNECT_TIMEOUT), self.open(&frames)).await;
            let stream = stream.unwrap_or_else(|_| Err(SendError::NotSent(late().to_string())))?;
            let closed = timeout(limit, exchange(stream, &frames.bytes)).await.unwrap_or_else(|_| Err(late()));
            closed.map_err(|error| SendError::Uncertain(error.to_string()))
        })
    }
}

/// A connection, encrypted or not.
trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

impl TcpConnection {
    async fn open(&self, frames: &Frames) -> Result<Box<dyn Duplex>, SendError> {
        let not_sent = |error: io::Error| SendError::NotSent(error.to_string());
        let address = guard::resolve(&frames.host, frames.port, self.reach.allow_private).await?;
        let stream = TcpStream::connect(address).await.map_err(not_sent)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(frames.host.clone())
            .map_err(|_| SendError::Refused("the receiver's name is none that a certificate can have".to_owned()))?;
        Ok(Box::new(tls.connect(name, stream).await.map_err(not_sent)?))
    }
}

/// Writes everything, ends the connection on this side, and waits for its end on the other.
async fn exchange(mut stream: Box<dyn Duplex>, bytes: &[u8]) -> io::Result<Closed> {
    stream.write_all(bytes).await?;
    stream.shutdown().await?;
    let mut said = Vec::new();
    let read = (&mut stream).take(FAREWELL_BYTES_MAX as u64 + 1).read_to_end(&mut said).await?;
    if read > FAREWELL_BYTES_MAX {
        return Err(io::Error::other("the receiver talks where it should close"));
    }
    Ok(Closed { said: String::from_utf8_lossy(&said).into_owned() })
}

#[cfg(test)]
mod tests;
