//! Requests to receivers: no redirects, bounded time and answers, private networks only where the operator allows them,
//! and no secret in any error. What a request holds is the sinks' business.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures::future::BoxFuture;
use reqwest::header::{HeaderName, HeaderValue, RETRY_AFTER};

use super::describe;
use super::guard::{self, Guard};
use super::smtp::{self, Mail};
use crate::limits::{ANSWER_BYTES_MAX, CONNECT_TIMEOUT, RETRY_AFTER_MAX};
use crate::secret::SecretText;
use crate::tls::{ClientTls, client_config};

/// A POST to a receiver, or a mail.
#[derive(Clone)]
pub struct Request {
    /// The address.
    pub url: SecretText,
    /// The address as it may be shown: the same, unless the address itself is a secret.
    pub shown_url: String,
    /// Headers that may be shown.
    pub headers: Vec<(&'static str, String)>,
    /// The header that proves who sends: its name, what is shown before the secret, and the secret.
    pub authorization: Option<(&'static str, &'static str, SecretText)>,
    /// The body as it goes out, compressed or not.
    pub body: Vec<u8>,
    /// Where the body goes as a mail, if it is one; the address above is then only shown.
    pub mail: Option<Mail>,
}

/// The request with its secrets masked, as `--dry-run` prints it. A compressed body is not shown.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", if self.mail.is_some() { "MAIL" } else { "POST" }, self.shown_url)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        if let Some((name, scheme, _)) = &self.authorization {
            writeln!(f, "{name}: {scheme}****")?;
        }
        writeln!(f)?;
        match std::str::from_utf8(&self.body) {
            Ok(text) => write!(f, "{text}"),
            Err(_) => write!(f, "({} bytes, compressed)", self.body.len()),
        }
    }
}

/// What a receiver answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// `Retry-After`, in seconds or as a date, bounded.
    pub retry_after: Option<Duration>,
    /// The start of the body. It is the receiver's text: never trusted, never shown unescaped.
    pub body: String,
}

/// Why there is no answer. The texts hold neither address nor secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError {
    /// Nothing was sent.
    NotSent(String),
    /// Something was sent, and no whole answer came back.
    Uncertain(String),
    /// Nothing can be sent until the configuration changes.
    Refused(String),
}

/// Carries requests; the network in the program, a simulated receiver in tests.
pub trait Transport: Send + Sync {
    /// Sends one request.
    fn post(&self, request: Request) -> BoxFuture<'_, Result<Answer, SendError>>;
}

/// How a sink may reach its receiver.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Whether private, loopback and link-local addresses are allowed.
    pub allow_private: bool,
    /// A PEM file of further certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// The time that a whole request may take.
    pub timeout: Duration,
}

/// The network.
pub struct Http {
    client: reqwest::Client,
    options: HttpOptions,
}

impl Http {
    /// Builds a client. The error says what is wrong with the certificates.
    pub fn new(options: &HttpOptions) -> Result<Self, String> {
        let tls = client_config(Some(&ClientTls { ca_file: options.ca_file.clone(), identity: None }))?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(options.timeout)
            .dns_resolver(Arc::new(Guard { allow_private: options.allow_private }))
            .user_agent(concat!("tachograph/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| describe(&error.without_url()))?;
        Ok(Self { client, options: options.clone() })
    }
}

impl Transport for Http {
    fn post(&self, request: Request) -> BoxFuture<'_, Result<Answer, SendError>> {
        Box::pin(async move {
            if let Some(mail) = &request.mail {
                return smtp::send(&self.options, mail, &request.body).await;
            }
            let url = reqwest::Url::parse(request.url.expose())
                .map_err(|_| SendError::Refused("the URL is not one".into()))?;
            // Literal addresses never reach the resolver.
            guard::check_literal(&url, self.options.allow_private).map_err(SendError::Refused)?;
            let mut builder = self.client.post(url).body(request.body);
            for (name, value) in &request.headers {
                builder = builder.header(*name, value);
            }
            if let Some((name, scheme, secret)) = &request.authorization {
                let unusable = |_| SendError::Refused("the secret has characters that no header may have".into());
                let mut value = HeaderValue::from_str(&format!("{scheme}{}", secret.expose())).map_err(unusable)?;
                value.set_sensitive(true);
                builder = builder.header(HeaderName::from_static(name), value);
            }
            let response = builder.send().await.map_err(failure)?;
            read(response).await
        })
    }
}

async fn read(mut response: reqwest::Response) -> Result<Answer, SendError> {
    let status = response.status().as_u16();
    let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| parse_retry_after(value.to_str().ok()?));
    let mut body = Vec::new();
    while body.len() < ANSWER_BYTES_MAX {
        match response.chunk().await.map_err(failure)? {
            Some(chunk) => body.extend_from_slice(&chunk[..chunk.len().min(ANSWER_BYTES_MAX - body.len())]),
            None => break,
        }
    }
    Ok(Answer { status, retry_after, body: String::from_utf8_lossy(&body).into_owned() })
}

/// `Retry-After` as seconds or as a date.
fn parse_retry_after(value: &str) -> Option<Duration> {
    let wait = match value.trim().parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(value.trim()).ok()?.duration_since(SystemTime::now()).unwrap_or_default(),
    };
    Some(wait.min(RETRY_AFTER_MAX))
}

fn failure(error: reqwest::Error) -> SendError {
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
    use crate::secret::Secret;

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
    fn a_shown_request_has_no_secret() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("s"), "hunter2").unwrap();
        let secret = Secret::File(dir.path().join("s")).read().unwrap();
        let request = Request {
            url: secret.clone(),
            shown_url: "https://hooks.slack.example/****".into(),
            headers: vec![("content-type", "application/json".into())],
            authorization: Some(("authorization", "Splunk ", secret)),
            body: b"{}".to_vec(),
            mail: None,
        };
        let shown = request.to_string();
        assert!(!shown.contains("hunter2") && shown.contains("authorization: Splunk ****"), "{shown}");
    }
}
