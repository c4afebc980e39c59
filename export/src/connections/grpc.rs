//! gRPC below sinks: unary calls over one connection of HTTP/2 that stays open. A sink that speaks the same messages over HTTP keeps its
//! judgement: a call is a request, and its status the status of HTTP that says the same.
//!
//! From the specification "gRPC over HTTP2": a message is a byte that says whether it is compressed, its length in four, and itself; the
//! status of the call stands in the trailers.

mod status;

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use h2::client::SendRequest;
use http::HeaderMap;
use reqwest::Url;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::http::{Http, Request, Response};
use super::{Connection, Reach, SendError, describe, guard};
use crate::limits::{ANSWER_BYTES_MAX, CONNECT_TIMEOUT};
use crate::tls::{ClientTls, client_config};

/// The network.
pub struct Grpc {
    reach: Reach,
    tls: TlsConnector,
    /// The connection, with the receiver that it leads to.
    open: Mutex<Option<(String, SendRequest<Bytes>)>>,
}

/// What stands before a message.
const PREFIX_BYTES: usize = 5;

impl Grpc {
    /// Prepares a connection. The error says what is wrong with the certificates.
    pub fn connect(reach: &Reach) -> Result<Box<dyn Connection<Http>>, String> {
        let mut config = client_config(Some(&ClientTls { ca_file: reach.ca_file.clone(), identity: None }))?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Box::new(Self { reach: reach.clone(), tls: TlsConnector::from(Arc::new(config)), open: Mutex::new(None) }))
    }

    /// The connection, or a new one where there is none that works. Whatever fails here means that nothing was sent.
    async fn client(&self, url: &Url) -> Result<SendRequest<Bytes>, SendError> {
        let mut open = self.open.lock().await;
        let receiver = url.origin().ascii_serialization();
        if let Some((known, client)) = open.as_ref()
            && *known == receiver
            && let Ok(client) = client.clone().ready().await
        {
            return Ok(client);
        }
        *open = None;
        let client = self.dial(url).await?;
        Ok(open.insert((receiver, client)).1.clone())
    }

    async fn dial(&self, url: &Url) -> Result<SendRequest<Bytes>, SendError> {
        let refused = |why: &str| SendError::Refused(why.to_owned());
        let host = url.host_str().ok_or_else(|| refused("the URL has no host"))?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port = url.port_or_known_default().ok_or_else(|| refused("the URL has no port"))?;
        let address = guard::resolve(host, port, self.reach.allow_private).await?;
        let not_sent = |error: std::io::Error| SendError::NotSent(error.to_string());
        let stream = TcpStream::connect(address).await.map_err(not_sent)?;
        // Calls are small and wait for their answer.
        stream.set_nodelay(true).map_err(not_sent)?;
        if url.scheme() != "https" {
            return shake(stream).await;
        }
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| refused("the receiver's name is none that a certificate can have"))?;
        shake(self.tls.connect(name, stream).await.map_err(not_sent)?).await
    }
}

/// Begins HTTP/2 on a stream. What reads and writes it ends with the last that sends on it.
async fn shake(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<SendRequest<Bytes>, SendError> {
    let not_sent = |error: h2::Error| SendError::NotSent(describe(&error));
    let (client, connection) = h2::client::handshake(stream).await.map_err(not_sent)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection of gRPC ended");
        }
    });
    client.ready().await.map_err(not_sent)
}

impl Connection<Http> for Grpc {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        Box::pin(async move {
            let url = Url::parse(request.url.expose()).map_err(|_| SendError::Refused("the URL is not one".into()))?;
            let limit = self.reach.timeout;
            let late = || "the receiver does not answer in time".to_owned();
            let client = timeout(limit.min(CONNECT_TIMEOUT), self.client(&url)).await;
            let client = client.unwrap_or_else(|_| Err(SendError::NotSent(late())))?;
            let answer = timeout(limit, call(client, request)).await;
            let answer = answer.unwrap_or_else(|_| Err(SendError::Uncertain(late())));
            if answer.is_err() {
                // Another call would wait behind what is broken.
                *self.open.lock().await = None;
            }
            answer
        })
    }
}

async fn call(mut client: SendRequest<Bytes>, request: Request) -> Result<Response, SendError> {
    let (head, frame) = message(&request)?;
    let uncertain = |error: h2::Error| SendError::Uncertain(describe(&error));
    let (response, mut stream) =
        client.send_request(head, false).map_err(|error| SendError::NotSent(describe(&error)))?;
    stream.send_data(frame, true).map_err(uncertain)?;
    let response = response.await.map_err(uncertain)?;
    let (http_status, mut told) = (response.status().as_u16(), response.headers().clone());
    let (mut stream, mut body) = (response.into_body(), Vec::new());
    while let Some(chunk) = stream.data().await {
        let chunk = chunk.map_err(uncertain)?;
        let room = ANSWER_BYTES_MAX.saturating_sub(body.len());
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        stream.flow_control().release_capacity(chunk.len()).map_err(uncertain)?;
    }
    let trailers: HeaderMap = stream.trailers().await.map_err(uncertain)?.unwrap_or_default();
    told.extend(trailers);
    let answer = body.get(PREFIX_BYTES..).unwrap_or_default();
    Ok(status::response(http_status, &told, answer))
}

/// The request as a call: its head, and its message with what stands before it.
fn message(request: &Request) -> Result<(http::Request<()>, Bytes), SendError> {
    let mut head = http::Request::post(request.url.expose())
        .header("content-type", "application/grpc+proto")
        .header("te", "trailers")
        .header("user-agent", concat!("tachograph/", env!("CARGO_PKG_VERSION")));
    let mut compressed = 0;
    for (name, value) in &request.headers {
        match *name {
            "content-type" => {}
            "content-encoding" => {
                compressed = 1;
                head = head.header("grpc-encoding", value);
            }
            name => head = head.header(name, value),
        }
    }
    if let Some(proof) = &request.authorization {
        head = head.header(proof.name.as_ref(), proof.value()?);
    }
    let head = head.body(()).map_err(|error| SendError::Refused(error.to_string()))?;
    let length = u32::try_from(request.body.len()).map_err(|_| SendError::Refused("the message is too long".into()))?;
    let mut frame = Vec::with_capacity(PREFIX_BYTES + request.body.len());
    frame.push(compressed);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&request.body);
    Ok((head, frame.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operations::secret::SecretText;

    #[test]
    fn a_call_has_its_message_behind_a_prefix_and_its_secret_in_no_debug_output() {
        let request = Request::post("http://otel.acme.example:4317/a.B/C", b"abc".to_vec());
        let request = request.header("content-type", "x").authorized("Bearer", SecretText::made("hunter2".to_owned()));
        let (head, frame) = message(&request).unwrap();
        assert_eq!(&frame[..], b"\0\0\0\0\x03abc");
        assert_eq!((head.uri().path(), &head.headers()["te"]), ("/a.B/C", &"trailers".parse().unwrap()));
        assert_eq!(head.headers()["authorization"], "Bearer hunter2");
        assert!(!format!("{head:?}").contains("hunter2"));
        let (head, frame) = message(&request.gzip(true)).unwrap();
        assert_eq!((frame[0], &head.headers()["grpc-encoding"]), (1, &"gzip".parse().unwrap()));
        assert!(!head.headers().contains_key("content-encoding"));
    }
}
