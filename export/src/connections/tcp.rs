//! Frames over TCP, with TLS or without: one after the other, a connection of its own for each payload, and its end as the answer.
//!
//! Receivers of frames answer nothing, and what is written to a connection that stays open may never be read. So the connection is
//! ended after the frames, and the end from the other side is waited for: a peer that closes while bytes are unread resets the
//! connection instead (RFC 1122, 4.2.2.13), and with TLS an end without `close_notify` is none. So an end says that everything was
//! read. Whether it was stored, no receiver of frames says.

use std::io;

use futures::future::BoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::dial::{Dialer, Duplex};
use super::frames::{Carried, Framed, Frames};
use super::{Connection, Reach, SendError};
use crate::limits::FAREWELL_BYTES_MAX;

/// The network.
pub struct TcpConnection {
    dialer: Dialer,
    encrypted: bool,
}

impl TcpConnection {
    /// Prepares a connection, encrypted or not. The error says what is wrong with the certificates.
    pub fn connect(reach: &Reach, encrypted: bool) -> Result<Box<dyn Connection<Framed>>, String> {
        Ok(Box::new(Self { dialer: Dialer::new(reach, encrypted)?, encrypted }))
    }
}

impl Connection<Framed> for TcpConnection {
    /// Sends frames. Whatever fails before the first byte of them was written means that nothing was sent.
    fn send(&self, frames: Frames) -> BoxFuture<'_, Result<Carried, SendError>> {
        Box::pin(async move {
            let stream = self.dialer.open(&frames.host, frames.port, self.encrypted).await?;
            let closed = timeout(self.dialer.reach.timeout, exchange(stream, &frames.bytes)).await;
            let closed = closed.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
            closed.map_err(|error| SendError::Uncertain(error.to_string()))
        })
    }
}

/// Writes everything, ends the connection on this side, and waits for its end on the other.
async fn exchange(mut stream: Box<dyn Duplex>, bytes: &[u8]) -> io::Result<Carried> {
    stream.write_all(bytes).await?;
    stream.shutdown().await?;
    let mut said = Vec::new();
    let read = (&mut stream).take(FAREWELL_BYTES_MAX as u64 + 1).read_to_end(&mut said).await?;
    if read > FAREWELL_BYTES_MAX {
        return Err(io::Error::other("the receiver talks where it should close"));
    }
    Ok(Carried::Closed { said: String::from_utf8_lossy(&said).into_owned() })
}

#[cfg(test)]
mod tests;
