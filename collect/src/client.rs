//! Asks the server over HTTP: bounded in time and size, without redirects, with the token in a header and in no error.

use std::time::{Duration, SystemTime};

use export::tls::{ClientTls, client_config};
use ingest::relay;
use operations::secret::Secret;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::{RequestBuilder, Url};
use sha2::{Digest, Sha256};

use crate::config::Server;
use crate::limits::{ANSWER_BYTES_MAX, CONNECT_TIMEOUT, REQUEST_TIMEOUT, RETRY_AFTER_MAX};

/// The server, as it is asked.
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: Secret,
}

/// What it answered. Its texts are the server's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub status: u16,
    pub retry_after: Option<Duration>,
    pub body: Vec<u8>,
    /// The key that signs its log, as it names it.
    pub log_key: Option<String>,
    /// Tells tokens apart and says nothing of them.
    pub mark: String,
}

/// There is no answer. The text holds neither the token nor the path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unanswered {
    #[error("unreachable: {0}")]
    Unreachable(String),
    #[error("the token cannot be read: {0}")]
    NoToken(String),
}

/// A bundle of a collector, as it is sent.
pub(crate) struct Post<'a> {
    pub collector: &'a str,
    pub dialect: Option<&'a str>,
    pub producer: &'a str,
    pub offset: u64,
    pub body: Vec<u8>,
}

impl Client {
    /// Prepares to ask. The error says which file of certificates is wrong.
    pub fn new(server: &Server) -> Result<Self, String> {
        let base = server.base()?;
        let identity = server.certificate.clone().zip(server.certificate_key.clone());
        let tls = ClientTls { ca_file: server.ca_file.clone(), identity };
        // Without TLS nobody's certificates are read.
        let tls = client_config((base.scheme() == "https").then_some(&tls))?;
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(REQUEST_TIMEOUT)
            .user_agent(concat!("tachograph/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| describe(&error.without_url()))?;
        Ok(Self { http, base, token: server.token.clone() })
    }

    /// Where the server is, for people.
    pub fn place(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// Asks for something of its log.
    pub(crate) async fn get(&self, path: &str, query: Option<&str>) -> Result<Answer, Unanswered> {
        let mut url = self.url(&["v1", path]);
        url.set_query(query);
        self.send(self.http.get(url)).await
    }

    /// Hands over records.
    pub(crate) async fn post(&self, post: Post<'_>) -> Result<Answer, Unanswered> {
        let mut request = self
            .http
            .post(self.url(&["v1", "events", post.collector]))
            .header(CONTENT_TYPE, relay::MEDIA_TYPE)
            .header(CONTENT_ENCODING, "zstd")
            .header("tachograph-producer", post.producer)
            .header("tachograph-offset", post.offset)
            .body(post.body);
        if let Some(dialect) = post.dialect {
            request = request.header(relay::DIALECT, dialect);
        }
        self.send(request).await
    }

    /// An address under that of the configuration.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }

    async fn send(&self, request: RequestBuilder) -> Result<Answer, Unanswered> {
        // Read anew for each request, so that it can be rotated.
        let token = self.token.read().map_err(|error| Unanswered::NoToken(error.to_string()))?;
        let mut value = HeaderValue::from_str(&format!("Bearer {}", token.expose()))
            .map_err(|_| Unanswered::NoToken("it has characters that no header may have".to_owned()))?;
        value.set_sensitive(true);
        let hash = Sha256::digest(token.expose().as_bytes());
        let mark = hex::encode(hash.get(..8).unwrap_or_default());
        let mut response = request.header(AUTHORIZATION, value).send().await.map_err(unreachable)?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let retry_after = header(RETRY_AFTER.as_str()).and_then(parse_retry_after);
        let log_key = header(relay::LOG_KEY).map(str::to_owned);
        let (status, mut body) = (response.status().as_u16(), Vec::new());
        while body.len() < ANSWER_BYTES_MAX
            && let Some(chunk) = response.chunk().await.map_err(unreachable)?
        {
            body.extend_from_slice(&chunk);
        }
        body.truncate(ANSWER_BYTES_MAX);
        Ok(Answer { status, retry_after, body, log_key, mark })
    }
}

/// `Retry-After` as seconds or as a date, bounded.
fn parse_retry_after(value: &str) -> Option<Duration> {
    let wait = match value.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(value.trim()).ok()?.duration_since(SystemTime::now()).unwrap_or_default(),
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

fn unreachable(error: reqwest::Error) -> Unanswered {
    Unanswered::Unreachable(describe(&error.without_url()))
}

/// An error with its causes, which say more than itself.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
