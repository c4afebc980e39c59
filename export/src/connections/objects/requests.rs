//! Requests of `object_store` over our own HTTP client, and what is kept of the answers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::BodyExt as _;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use reqwest::header::{CONTENT_LENGTH, HeaderMap, RETRY_AFTER};
use reqwest::{Method, Url};

use super::{Reach, SendError};
use crate::connections::excerpt;
use crate::connections::http::{Guarded, failure, parse_retry_after};
use crate::limits::{ANSWER_BYTES_MAX, READ_BACK_BYTES};

/// Where the machines of providers ask for their credentials. These addresses are never public.
const METADATA_HOSTS: [&str; 5] =
    ["169.254.169.254", "169.254.170.2", "169.254.170.23", "[fd00:ec2::254]", "metadata.google.internal"];

/// The headers in which stores attest what they have.
const ATTESTING: [&str; 8] = [
    "etag",
    "x-amz-checksum-sha256",
    "x-amz-version-id",
    "x-goog-generation",
    "x-goog-hash",
    "content-md5",
    "x-ms-version-id",
    "x-ms-content-crc64",
];

/// The clients of one sink.
#[derive(Debug, Clone)]
pub struct Clients {
    guarded: Guarded,
    metadata: Guarded,
}

impl Clients {
    /// Prepares them. The error says what is wrong with the certificates.
    pub fn new(reach: &Reach) -> Result<Self, String> {
        // The machine's own addresses are never behind a proxy.
        let metadata = Guarded::new(&Reach { allow_private: true, proxy: None, ..reach.clone() })?;
        Ok(Self { guarded: Guarded::new(reach)?, metadata })
    }

    /// Who carries the requests of one put. `asks_the_machine` says whether it may ask the provider for credentials.
    pub fn carrier(&self, asks_the_machine: bool) -> Carrier {
        Carrier { clients: self.clone(), asks_the_machine, answer_max: ANSWER_BYTES_MAX, seen: Arc::default() }
    }

    /// The same for whoever reads objects, piece by piece.
    pub fn reading_carrier(&self, asks_the_machine: bool) -> Carrier {
        Carrier { answer_max: READ_BACK_BYTES as usize + ANSWER_BYTES_MAX, ..self.carrier(asks_the_machine) }
    }
}

/// Carries the requests of one put, and keeps what came of the last of them.
#[derive(Debug, Clone)]
pub struct Carrier {
    clients: Clients,
    asks_the_machine: bool,
    /// The longest answer.
    answer_max: usize,
    seen: Arc<Mutex<Seen>>,
}

/// What came of the last request.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The status and the start of the body, if there was an answer.
    pub answer: Option<(u16, String)>,
    /// `Retry-After`, bounded.
    pub retry_after: Option<Duration>,
    /// What the store attested: `etag "…", x-amz-checksum-sha256 …`.
    pub attested: String,
    /// Why there was none.
    pub failure: Option<SendError>,
}

impl Carrier {
    /// What came of the last request.
    pub fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn see(&self, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    /// The client that may ask this address.
    fn client(&self, url: &Url) -> Result<&reqwest::Client, SendError> {
        let host = url.host_str().unwrap_or_default();
        if self.asks_the_machine && METADATA_HOSTS.contains(&host) {
            return self.clients.metadata.for_url(url);
        }
        self.clients.guarded.for_url(url)
    }

    async fn carry(&self, request: HttpRequest) -> Result<HttpResponse, SendError> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string()).map_err(|_| SendError::Refused("the address is none".into()))?;
        let mut carried = reqwest::Request::new(parts.method.clone(), url.clone());
        *carried.headers_mut() = parts.headers;
        // The body is in memory in one piece already, and its length must be said.
        carried.headers_mut().remove(CONTENT_LENGTH);
        let body = body.collect().await.map_err(|error| SendError::NotSent(error.to_string()))?.to_bytes();
        if !(body.is_empty() && matches!(parts.method, Method::GET | Method::HEAD)) {
            *carried.body_mut() = Some(body.into());
        }
        let mut response = self.client(&url)?.execute(carried).await.map_err(failure)?;
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failure)? {
            if body.len() + chunk.len() > self.answer_max {
                return Err(SendError::Uncertain("the answer is too long".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        let mut said = said(&String::from_utf8_lossy(&body[..body.len().min(ANSWER_BYTES_MAX)]));
        if url.host_str().is_some_and(|host| METADATA_HOSTS.contains(&host)) {
            said = format!("from whom gives the machine its credentials: {said}");
        }
        self.see(Seen {
            answer: Some((status.as_u16(), said)),
            retry_after: headers.get(RETRY_AFTER).and_then(|value| parse_retry_after(value.to_str().ok()?)),
            attested: attested(&headers),
            failure: None,
        });
        let mut answer = HttpResponse::new(HttpResponseBody::from(body));
        (*answer.status_mut(), *answer.headers_mut()) = (status, headers);
        Ok(answer)
    }
}

impl HttpConnector for Carrier {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Carrier {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.carry(request).await.map_err(|error| {
            self.see(Seen { failure: Some(error), ..Seen::default() });
            HttpError::new(HttpErrorKind::Unknown, std::io::Error::other("there was no answer"))
        })
    }
}

fn attested(headers: &HeaderMap) -> String {
    let found = ATTESTING.iter().filter_map(|name| Some(format!("{name} {}", headers.get(*name)?.to_str().ok()?)));
    excerpt(&found.collect::<Vec<_>>().join(", "))
}

/// The code and the words of an error that is XML, or the start of what else it is.
fn said(body: &str) -> String {
    let element = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0)
    };
    match (element("Code"), element("Message")) {
        (Some(code), Some(message)) => excerpt(&format!("{code}: {message}")),
        _ => excerpt(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(allow_private: bool) -> Reach {
        Reach { allow_private, timeout: Duration::from_secs(1), ..Reach::default() }
    }

    #[test]
    fn private_addresses_are_for_credentials_of_the_machine_or_where_allowed() {
        let check = |allow_private: bool, asks_the_machine: bool, address: &str, expected: bool| {
            let carrier = Clients::new(&reach(allow_private)).unwrap().carrier(asks_the_machine);
            assert_eq!(carrier.client(&Url::parse(address).unwrap()).is_ok(), expected, "{address}");
        };
        check(false, false, "http://169.254.169.254/latest/api/token", false);
        check(false, true, "http://169.254.169.254/latest/api/token", true);
        check(false, true, "http://10.0.0.1/bucket", false);
        check(false, true, "http://[::1]:9000/bucket", false);
        check(true, false, "http://127.0.0.1:9000/bucket", true);
        check(false, false, "https://s3.eu-central-1.amazonaws.com/bucket", true);
    }

    #[test]
    fn errors_are_their_code_and_words() {
        let body =
            "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message>The bucket\nis gone</Message></Error>";
        assert_eq!(said(body), "NoSuchBucket: The bucket is gone");
        assert_eq!(said("<html>busy"), "<html>busy");
    }
}
