//! HTTP: one POST for each message, no redirects, bounded time and answers, and no secret in any error.

pub mod ask;
pub mod credentials;

use std::borrow::Cow;
use std::fmt;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use flate2::Compression;
use flate2::write::GzEncoder;
use futures::future::BoxFuture;
use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{Method, RequestBuilder};

use super::guard::{self, Guard};
use super::proxy::Proxy;
use super::{Answer, Connection, Payload, Protocol, Reach, SendError, describe, excerpt};
use crate::judgement::{Ack, Judgement};
use crate::limits::{ANSWER_BYTES_MAX, CONNECT_TIMEOUT, RETRY_AFTER_MAX};
use crate::tls::client_config;
use operations::secret::SecretText;

/// The type of bodies in protobuf.
pub const PROTOBUF: &str = "application/x-protobuf";

/// Requests and responses.
pub struct Http;

impl Protocol for Http {
    type Payload = Request;
    type Answer = Response;
}

/// A POST to a receiver.
#[derive(Clone)]
pub struct Request {
    /// The address.
    pub url: SecretText,
    /// The address as it may be shown: the same, unless the address itself is a secret.
    pub shown_url: String,
    /// Headers that may be shown.
    pub headers: Vec<(&'static str, String)>,
    /// The header that proves who sends.
    pub authorization: Option<Authorization>,
    /// The body as it goes out, compressed or not.
    pub body: Vec<u8>,
}

/// A header that proves who sends: `Authorization` with a scheme and a secret, or a header of the receiver's own.
#[derive(Clone)]
pub struct Authorization {
    /// The header's name, in lower case.
    pub name: Cow<'static, str>,
    /// What stands before the secret, such as `Bearer`; empty if nothing does.
    pub scheme: &'static str,
    /// The secret.
    pub secret: SecretText,
}

impl Authorization {
    /// The header's value, which no output shows. The error says nothing of the secret.
    pub fn value(&self) -> Result<HeaderValue, SendError> {
        let unusable = |_| SendError::Refused("the secret has characters that no header may have".into());
        let text = format!("{} {}", self.scheme, self.secret.expose());
        let mut value = HeaderValue::from_str(text.trim_start()).map_err(unusable)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl Request {
    /// A POST of a body to an address that may be shown.
    pub fn post(url: &str, body: Vec<u8>) -> Self {
        Self { shown_url: url.to_owned(), ..Self::post_secretly(SecretText::public(url), body) }
    }

    /// A POST of a body to an address that is itself a secret: its path and what follows it are not shown.
    pub fn post_secretly(url: SecretText, body: Vec<u8>) -> Self {
        let shown_url = reqwest::Url::parse(url.expose())
            .map(|url| format!("{}://{}/****", url.scheme(), url.host_str().unwrap_or_default()))
            .unwrap_or_default();
        Self { url, shown_url, headers: Vec::new(), authorization: None, body }
    }

    /// The same with a header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same with a proof of who sends.
    #[must_use]
    pub fn authorized(mut self, scheme: &'static str, secret: SecretText) -> Self {
        self.authorization = Some(Authorization { name: "authorization".into(), scheme, secret });
        self
    }

    /// The same with a secret in a header of the receiver's own.
    #[must_use]
    pub fn keyed(mut self, name: impl Into<Cow<'static, str>>, secret: SecretText) -> Self {
        self.authorization = Some(Authorization { name: name.into(), scheme: "", secret });
        self
    }

    /// The same with the body compressed, if that is wanted.
    #[must_use]
    pub fn gzip(mut self, wanted: bool) -> Self {
        if !wanted {
            return self;
        }
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        // Writing to memory does not fail; if it did, the plain body is as good.
        match encoder.write_all(&self.body).and_then(|()| encoder.finish()) {
            Ok(compressed) => {
                self.body = compressed;
                self.header("content-encoding", "gzip")
            }
            Err(_) => self,
        }
    }
}

impl Payload for Request {
    fn shown(&self, message: &[u8]) -> String {
        let mut lines = vec![format!("POST {}", self.shown_url)];
        lines.extend(self.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        lines.extend(self.authorization.iter().map(|proof| {
            let scheme = if proof.scheme.is_empty() { String::new() } else { format!("{} ", proof.scheme) };
            format!("{}: {scheme}****", proof.name)
        }));
        format!("{}\n\n{}", lines.join("\n"), String::from_utf8_lossy(message))
    }
}

/// What a receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// `Retry-After`, in seconds or as a date, bounded.
    pub retry_after: Option<Duration>,
    /// The start of the body. It is the receiver's text: never trusted, never shown unescaped. Of protobuf each character is a byte.
    pub body: String,
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status, excerpt(&self.body))
    }
}

impl Response {
    /// The bytes of a body in protobuf; nothing if it is none.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        self.body.chars().map(|character| u8::try_from(character).ok()).collect()
    }

    /// What a status means at nearly every receiver of batches. A sink asks this for what it does not know better.
    ///
    /// What is wrong with one record is told by 400 and 422 of the whole batch, so halves of it are tried until it is alone; 413 says the
    /// same of its size. Every other refusal is about address, proof or path, and would meet every batch: the sink waits for somebody.
    pub fn judge_status(&self) -> Judgement {
        let reason = self.to_string();
        match self.status {
            200..=299 => Judgement::Acked(Ack::new(reason)),
            400 | 413 | 422 => Judgement::Split { reason },
            429 | 503 => Judgement::Retry { after: self.retry_after, reason },
            // A timeout (408), too early (425), and errors of the receiver or of what stands before it: it may have the batch.
            408 | 425 | 500..=599 => Judgement::Uncertain { reason },
            300..=499 => Judgement::Park { reason },
            _ => Judgement::Uncertain { reason },
        }
    }
}

impl Answer for Response {
    #[cfg(test)]
    fn of(status: u16, body: String) -> Option<Self> {
        Some(Self { status, retry_after: None, body })
    }
}

/// A client that follows no redirect and reaches no address that it should not.
#[derive(Debug, Clone)]
pub struct Guarded {
    client: reqwest::Client,
    allow_private: bool,
    proxy: Option<reqwest::Url>,
}

impl Guarded {
    /// Prepares it. The error says what is wrong with the certificates or the proxy. Proxies of the environment are not looked at: a sink goes
    /// where its settings say.
    pub fn new(reach: &Reach) -> Result<Self, String> {
        let proxy = reach.proxy.as_ref().map(Proxy::read).transpose()?;
        let builder = match &proxy {
            Some(proxy) => {
                let proxy = reqwest::Proxy::all(proxy.clone()).map_err(|error| describe(&error.without_url()))?;
                reqwest::Client::builder().proxy(proxy)
            }
            None => reqwest::Client::builder().no_proxy(),
        };
        let client = builder
            .tls_backend_preconfigured(client_config(Some(&reach.tls()))?)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(reach.timeout)
            .dns_resolver(Arc::new(Guard { allow_private: reach.allow_private }))
            .user_agent(concat!("tachograph/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| describe(&error.without_url()))?;
        Ok(Self { client, allow_private: reach.allow_private, proxy })
    }

    /// The client, for this address. Addresses that are written as numbers never reach the resolver, so they are checked here.
    pub fn for_url(&self, url: &reqwest::Url) -> Result<&reqwest::Client, SendError> {
        let checked = match &self.proxy {
            None => guard::check_literal(url, self.allow_private),
            Some(proxy) => guard::check_literal(proxy, self.allow_private)
                .and_then(|()| guard::check_through_proxy(url.host_str().unwrap_or_default())),
        };
        checked.map(|()| &self.client).map_err(SendError::Refused)
    }

    /// A request that may go out, by another method than POST if that is asked for.
    fn request(&self, method: Method, request: Request) -> Result<RequestBuilder, SendError> {
        let url =
            reqwest::Url::parse(request.url.expose()).map_err(|_| SendError::Refused("the URL is not one".into()))?;
        let mut builder = self.for_url(&url)?.request(method, url).body(request.body);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        if let Some(proof) = &request.authorization {
            builder = builder.header(proof.name.as_ref(), proof.value()?);
        }
        Ok(builder)
    }
}

/// The network.
pub struct HttpConnection(Guarded);

impl Http {
    /// Prepares a connection. The error says what is wrong with the certificates or the proxy.
    pub fn connect(reach: &Reach) -> Result<Box<dyn Connection<Self>>, String> {
        Ok(Box::new(HttpConnection(Guarded::new(reach)?)))
    }
}

impl Connection<Http> for HttpConnection {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        Box::pin(async move {
            let response = self.0.request(Method::POST, request)?.send().await.map_err(failure)?;
            read(response).await
        })
    }
}

async fn read(mut response: reqwest::Response) -> Result<Response, SendError> {
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| parse_retry_after(value.to_str().ok()?));
    let kind = response.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let is_binary = kind.starts_with(PROTOBUF.as_bytes());
    let mut body = Vec::new();
    while body.len() < ANSWER_BYTES_MAX {
        match response.chunk().await.map_err(failure)? {
            Some(chunk) => body.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES_MAX - body.len())]),
            None => break,
        }
    }
    let text =
        if is_binary { body.into_iter().map(char::from).collect() } else { String::from_utf8_lossy(&body).into() };
    Ok(Response { status, retry_after, body: text })
}

/// `Retry-After` as seconds or as a date.
pub(super) fn parse_retry_after(value: &str) -> Option<Duration> {
    let wait = match value.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(value.trim()).ok()?.duration_since(SystemTime::now()).unwrap_or_default(),
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

/// Why a request has no answer. The text holds no address.
pub(super) fn failure(error: reqwest::Error) -> SendError {
    let error = error.without_url();
    let text = describe(&error);
    if error.is_connect() {
        SendError::NotSent(text)
    } else if error.is_builder() {
        SendError::Refused(text)
    } else {
        SendError::Uncertain(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use operations::secret::Secret;

    #[test]
    fn retry_after_is_seconds_or_a_date_and_bounded() {
        assert_eq!(parse_retry_after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!(parse_retry_after("999999999"), Some(RETRY_AFTER_MAX));
        assert_eq!(parse_retry_after("Fri, 21 Nov 1997 09:55:06 GMT"), Some(Duration::ZERO));
        let tomorrow = httpdate::fmt_http_date(SystemTime::now() + Duration::from_hours(24));
        assert_eq!(parse_retry_after(&tomorrow), Some(RETRY_AFTER_MAX));
        assert_eq!(parse_retry_after("soon"), None);
    }

    #[test]
    fn every_status_has_its_usual_meaning() {
        let word = |status: u16| match (Response { status, retry_after: None, body: String::new() }).judge_status() {
            Judgement::Acked(_) => "acked",
            Judgement::Retry { .. } => "retry",
            Judgement::Split { .. } => "split",
            Judgement::Uncertain { .. } => "uncertain",
            Judgement::Park { .. } => "park",
            other => panic!("{other:?}"),
        };
        for status in 100..600 {
            let expected = match status {
                200..=299 => "acked",
                400 | 413 | 422 => "split",
                429 | 503 => "retry",
                408 | 425 | 100..=199 | 500..=599 => "uncertain",
                _ => "park",
            };
            assert_eq!(word(status), expected, "{status}");
        }
    }

    #[test]
    fn a_shown_request_has_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("s"), "https://hooks.slack.example/services/hunter2").unwrap();
        let secret = Secret::File(dir.path().join("s")).read().unwrap();
        let request =
            Request::post_secretly(secret.clone(), vec![0x1f, 0x8b]).header("content-type", "application/json");
        let shown = request.authorized("Splunk", secret).shown(b"{}");
        assert_eq!(
            shown,
            "POST https://hooks.slack.example/****\ncontent-type: application/json\nauthorization: Splunk ****\n\n{}"
        );
    }
}
