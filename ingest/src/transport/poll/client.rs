//! Asks an interface over HTTP: bounded in time and size, without redirects, with the token in a header and in no error.
//!
//! Only the address of the configuration is asked. An answer never says where to ask next, and a redirect is refused: it would carry the
//! token to somebody else.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use operations::secret::Secret;
use reqwest::header::{CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, RETRY_AFTER};
use reqwest::{Client, StatusCode, Url};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

use super::endpoint::{Api, Asked};
use crate::bounded::read_text;
use crate::limits;

/// What an interface answered.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// A page, and the tag that it has, if any.
    Page(Vec<u8>, Option<String>),
    /// It is as it was when it had the tag that was named.
    Unchanged,
}

/// Why there is no answer. No text of the other side is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// Nobody answers: the name, the connection, TLS, or too long a wait.
    Unreachable(String),
    /// The token is not known, or may not do this.
    Refused(u16),
    /// The token cannot be read.
    NoToken(String),
    /// There is nothing at the path.
    NotThere,
    /// Too much was asked; the other side may say for how long.
    Limited(Option<Duration>),
    /// It cannot answer now; it may say for how long.
    Failing(u16, Option<Duration>),
    /// It answers with something else than was asked for, such as a redirect.
    Odd(u16),
    /// The answer is longer than its bound.
    TooLarge,
    /// The answer is not what the interface says.
    NotUnderstood(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(f, "unreachable: {why}"),
            Self::Refused(status) => {
                write!(f, "refused: it answers {status}; is the token right, and may it read this?")
            }
            Self::NoToken(why) => write!(f, "the token cannot be read: {why}"),
            Self::NotThere => f.write_str("it is not there (404); the version, its edition or `url` may be others"),
            Self::Limited(Some(wait)) => write!(f, "rate limited for {} s", wait.as_secs()),
            Self::Limited(None) => f.write_str("rate limited"),
            Self::Failing(status, _) => write!(f, "failing: it answers {status}"),
            Self::Odd(status) if (300..400).contains(status) => {
                write!(
                    f,
                    "it answers with a redirect ({status}), which is not followed; name the place itself in `url`"
                )
            }
            Self::Odd(status) => write!(f, "it answers {status}"),
            Self::TooLarge => write!(f, "an answer has more than {} bytes", limits::POLL_BODY_BYTES_MAX),
            Self::NotUnderstood(why) => write!(f, "its answer is not understood: {why}"),
        }
    }
}

/// Asks one interface.
pub struct Asker {
    client: Client,
    base: Url,
    header: &'static str,
    scheme: &'static str,
    token: Secret,
}

impl Asker {
    /// Prepares to ask. The error says which file of certificates is wrong.
    pub fn new(api: &Api, base: Url, token: Secret, ca_file: Option<&PathBuf>) -> Result<Self, String> {
        let client = Client::builder()
            .tls_backend_preconfigured(tls(ca_file.map(PathBuf::as_path))?)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(limits::POLL_CONNECT_TIMEOUT)
            .timeout(limits::POLL_REQUEST_TIMEOUT)
            .user_agent(concat!("tachograph/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| describe(&error.without_url()))?;
        Ok(Self { client, base, header: api.header, scheme: api.scheme, token })
    }

    /// The address of a request: under the path of the configured address.
    pub fn url(&self, path: &str, asked: &Asked) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
            segments.extend(path.split('/').filter(|segment| !segment.is_empty()));
            segments.extend(&asked.segments);
        }
        if !asked.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&asked.query);
        }
        url
    }

    /// Asks. `tag` is that of the page which is known already.
    pub async fn ask(&self, url: Url, asked: &Asked, tag: Option<&str>) -> Result<Answer, Failure> {
        let mut headers = HeaderMap::new();
        let no_token = |why: &str| Failure::NoToken(why.to_owned());
        let token = self.token.read().map_err(|error| Failure::NoToken(error.to_string()))?;
        let mut value = HeaderValue::from_str(&[self.scheme, token.expose()].concat())
            .map_err(|_| no_token("it has characters that no header may have"))?;
        value.set_sensitive(true);
        let name = HeaderName::from_bytes(self.header.as_bytes()).map_err(|_| no_token("its header has no name"))?;
        headers.insert(name, value);
        if let Some(tag) = tag.and_then(|tag| HeaderValue::from_str(tag).ok()) {
            headers.insert(IF_NONE_MATCH, tag);
        }
        let request = match &asked.body {
            None => self.client.get(url),
            Some(body) => self.client.post(url).header(CONTENT_TYPE, "application/json").body(body.clone()),
        };
        let response = request.headers(headers).send().await.map_err(unreachable)?;
        judge(response).await
    }
}

async fn judge(mut response: reqwest::Response) -> Result<Answer, Failure> {
    let headers = response.headers();
    let told = headers.get(RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?, SystemTime::now()));
    let tag = headers.get(ETAG).and_then(|tag| tag.to_str().ok());
    let tag = tag.filter(|tag| tag.len() <= limits::POLL_TAG_BYTES_MAX).map(str::to_owned);
    let status = response.status().as_u16();
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_MODIFIED => return Ok(Answer::Unchanged),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Err(Failure::Refused(status)),
        StatusCode::NOT_FOUND => return Err(Failure::NotThere),
        StatusCode::TOO_MANY_REQUESTS => return Err(Failure::Limited(told)),
        other if other.is_server_error() => return Err(Failure::Failing(status, told)),
        _ => return Err(Failure::Odd(status)),
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
        if body.len() + chunk.len() > limits::POLL_BODY_BYTES_MAX {
            return Err(Failure::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer::Page(body, tag))
}

/// `Retry-After` as seconds or as a date.
fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    match value.trim().parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(httpdate::parse_http_date(value.trim()).ok()?.duration_since(now).unwrap_or_default()),
    }
}

fn unreachable(error: reqwest::Error) -> Failure {
    Failure::Unreachable(describe(&error.without_url()))
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

/// Whom we believe: the certificates of the system, and those of a file beside them.
fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let extra = ca_file.map_or_else(|| Ok(Vec::new()), certificates)?;
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider))
        .map_err(|error| format!("the certificates of the system and of the authorities: {error}"))?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    // It checks as the system does, with the authorities of the file beside the system's.
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let failed = |why: String| format!("ca_file {}: {why}", path.display());
    let pem = read_text(path, limits::POLL_CA_BYTES_MAX).map_err(|error| failed(error.to_string()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(failed("it holds no certificate in PEM".to_owned())),
        Err(error) => Err(failed(format!("it is no PEM: {error}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::poll::coder;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(880_106_106);
        for (text, expected) in [
            (" 7 ", Some(7)),
            ("Fri, 21 Nov 1997 09:55:06 GMT", Some(0)),
            ("Fri, 21 Nov 1997 10:55:06 GMT", Some(3_600)),
            ("soon", None),
            ("-1", None),
        ] {
            let wait = retry_after(text, now).map(|wait| wait.as_secs());
            assert!(
                wait == expected || (expected == Some(3_600) && wait.is_some_and(|wait| wait > 0)),
                "{text} {wait:?}"
            );
        }
    }

    #[test]
    fn an_address_stays_under_the_configured_one() {
        let secret = Secret::Environment("TOKEN".to_owned());
        let check = |base: &str, segments: &[&str], query: &[(&'static str, &str)], expected: &str| {
            let asker = Asker::new(&coder::API, Url::parse(base).unwrap(), secret.clone(), None).unwrap();
            let segments = segments.iter().map(|segment| (*segment).to_owned()).collect();
            let query = query.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
            let url = asker.url("/api/v2/users", &Asked { segments, query, body: None });
            assert_eq!(url.as_str(), expected);
        };
        check("https://coder.acme.example", &[], &[], "https://coder.acme.example/api/v2/users");
        check(
            "https://acme.example/coder/",
            &["a/../b?"],
            &[],
            "https://acme.example/coder/api/v2/users/a%2F..%2Fb%3F",
        );
        check(
            "https://acme.example",
            &[],
            &[("q", "a:\"b&c\"")],
            "https://acme.example/api/v2/users?q=a%3A%22b%26c%22",
        );
    }

    #[test]
    fn files_that_hold_no_certificate_are_told() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        for text in ["hello", "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n"] {
            std::fs::write(&path, text).unwrap();
            assert!(tls(Some(&path)).unwrap_err().contains("ca.pem"), "{text}");
        }
        assert!(tls(Some(&directory.path().join("gone"))).unwrap_err().contains("gone"));
    }
}
