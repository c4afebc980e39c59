//! Streams to a receiver: over an address that the guard allows or through a proxy, encrypted or not. What goes over them is the
//! business of the connections beside.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::{Reach, SendError, guard, proxy};
use crate::limits::CONNECT_TIMEOUT;
use crate::tls::client_config;

/// A stream, whatever it goes over.
pub trait Duplex: AsyncRead + AsyncWrite + Debug + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Debug + Send + Sync + Unpin> Duplex for T {}

/// Makes streams to receivers.
pub struct Dialer {
    /// How far they may reach.
    pub reach: Reach,
    tls: TlsConnector,
}

impl Dialer {
    /// Prepares it. `encrypted` says whether streams are, so that the certificates of the system are needed. The error says which file is
    /// wrong, and how.
    pub fn new(reach: &Reach, encrypted: bool) -> Result<Self, String> {
        let tls = (encrypted || reach.proxy.is_some()).then(|| reach.tls());
        Ok(Self { reach: reach.clone(), tls: TlsConnector::from(Arc::new(client_config(tls.as_ref())?)) })
    }

    /// A stream to a receiver. Whatever fails here means that nothing was sent.
    pub async fn open(&self, host: &str, port: u16, encrypted: bool) -> Result<Box<dyn Duplex>, SendError> {
        let limit = self.reach.timeout.min(CONNECT_TIMEOUT);
        let opened = timeout(limit, async {
            let stream = self.stream(host, port).await?;
            if encrypted { self.encrypt(stream, host).await } else { Ok(stream) }
        });
        opened.await.unwrap_or_else(|_| Err(not_sent(io::ErrorKind::TimedOut)))
    }

    async fn stream(&self, host: &str, port: u16) -> Result<Box<dyn Duplex>, SendError> {
        let allow_private = self.reach.allow_private;
        let Some(proxy) = &self.reach.proxy else {
            let address = guard::resolve(host, port, allow_private).await?;
            return Ok(Box::new(TcpStream::connect(address).await.map_err(not_sent)?));
        };
        guard::check_through_proxy(host).map_err(SendError::Refused)?;
        let proxy = proxy.read().map_err(SendError::Refused)?;
        let (name, place) = (proxy.host_str().unwrap_or_default(), proxy.port_or_known_default().unwrap_or_default());
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let address = guard::resolve(name, place, allow_private).await?;
        let mut stream: Box<dyn Duplex> = Box::new(TcpStream::connect(address).await.map_err(not_sent)?);
        if proxy.scheme() == "https" {
            stream = self.encrypt(stream, name).await?;
        }
        proxy::connect(stream.as_mut(), &proxy, host, port).await.map_err(not_sent)?;
        Ok(stream)
    }

    async fn encrypt(&self, stream: Box<dyn Duplex>, host: &str) -> Result<Box<dyn Duplex>, SendError> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| SendError::Refused("the receiver's name is none that a certificate can have".to_owned()))?;
        Ok(Box::new(self.tls.connect(name, stream).await.map_err(not_sent)?))
    }
}

fn not_sent(error: impl Into<io::Error>) -> SendError {
    SendError::NotSent(error.into().to_string())
}

#[cfg(test)]
mod tests;
