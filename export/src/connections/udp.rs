//! UDP: a datagram for each message (RFC 5426). Nothing comes back: what left may be lost on the way, at the receiver's full buffer, or
//! where nobody listens. What the system itself learns of that (ICMP: nobody listens) is told as a failure.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use futures::future::BoxFuture;
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::frames::{Carried, Framed, Frames, octet_counted};
use super::{Connection, Reach, SendError, guard};

/// The network.
pub struct UdpConnection {
    reach: Reach,
    /// The longest datagram, in bytes.
    longest: usize,
}

impl UdpConnection {
    /// Prepares it. The error says that there is no way through a proxy.
    pub fn connect(reach: &Reach, longest: usize) -> Result<Box<dyn Connection<Framed>>, String> {
        if reach.proxy.is_some() {
            return Err(
                "proxy: UDP goes through none; use transport = \"tls\" or \"tcp\", or take the proxy out".to_owned()
            );
        }
        Ok(Box::new(Self { reach: reach.clone(), longest }))
    }

    async fn cast(&self, frames: &Frames) -> Result<Carried, SendError> {
        let messages: Vec<&[u8]> = octet_counted(&frames.bytes).collect();
        if let Some((index, long)) = messages.iter().enumerate().find(|(_, message)| message.len() > self.longest) {
            return Ok(Carried::TooLong { index, bytes: long.len() });
        }
        let address = guard::resolve(&frames.host, frames.port, self.reach.allow_private).await?;
        let not_sent = |error: io::Error| SendError::NotSent(error.to_string());
        let any: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).await.map_err(not_sent)?;
        socket.connect(address).await.map_err(not_sent)?;
        let uncertain = |error: io::Error| SendError::Uncertain(error.to_string());
        for message in &messages {
            socket.send(message).await.map_err(uncertain)?;
        }
        match socket.take_error() {
            Ok(None) => Ok(Carried::Left { datagrams: messages.len() }),
            Ok(Some(error)) | Err(error) => Err(uncertain(error)),
        }
    }
}

impl Connection<Framed> for UdpConnection {
    fn send(&self, frames: Frames) -> BoxFuture<'_, Result<Carried, SendError>> {
        Box::pin(async move {
            let cast = timeout(self.reach.timeout, self.cast(&frames)).await;
            cast.unwrap_or_else(|_| Err(SendError::Uncertain(io::Error::from(io::ErrorKind::TimedOut).to_string())))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::connections::frames::{Framing, Transport};

    fn frames(port: u16, messages: &[&str]) -> Frames {
        let mut bytes = Vec::new();
        for message in messages {
            Framing::OctetCounting.put(message, &mut bytes);
        }
        Frames { transport: Transport::Udp, host: "127.0.0.1".to_owned(), port, bytes }
    }

    fn reach() -> Reach {
        Reach { allow_private: true, timeout: Duration::from_mins(1), ..Reach::default() }
    }

    #[tokio::test]
    async fn each_message_is_a_datagram_and_one_that_is_too_long_keeps_all_back() {
        let receiver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = receiver.local_addr().unwrap().port();
        let connection = UdpConnection::connect(&reach(), 10).unwrap();
        let long = connection.send(frames(port, &["first", "a second that is long"])).await.unwrap();
        assert_eq!(long, Carried::TooLong { index: 1, bytes: 21 });
        let sent = connection.send(frames(port, &["a\nb", "12 ☃"])).await.unwrap();
        assert_eq!(sent, Carried::Left { datagrams: 2 });
        let mut buffer = [0; 64];
        for message in ["a\nb", "12 ☃"] {
            let length = receiver.recv(&mut buffer).await.unwrap();
            assert_eq!(&buffer[..length], message.as_bytes());
        }
    }

    #[tokio::test]
    async fn nobody_who_listens_is_noticed_and_private_addresses_and_proxies_are_refused() {
        let closed = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let nobody = UdpConnection::connect(&reach(), 100).unwrap().send(frames(closed, &["a", "b"])).await;
        assert!(matches!(nobody, Err(SendError::Uncertain(_))), "{nobody:?}");
        let private = Reach { allow_private: false, ..reach() };
        let private = UdpConnection::connect(&private, 100).unwrap().send(frames(closed, &["a"])).await;
        assert!(matches!(private, Err(SendError::Refused(_))), "{private:?}");
        let proxy = Some("http://proxy.acme.example:3128".to_owned().try_into().unwrap());
        assert!(UdpConnection::connect(&Reach { proxy, ..reach() }, 100).err().unwrap().contains("UDP"));
    }
}
