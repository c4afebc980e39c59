//! Requests to the provider: bounded time and answers, no redirects, no plain text beyond this machine, and no secret in any error.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;

use export::tls::{ClientTls, client_config};
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::{Client, Url};

use crate::limits;
use crate::settings::oidc::{Oidc, is_loopback};

/// A client for the addresses of one provider.
pub struct HttpClient {
    client: Client,
    /// Whether the provider is on this machine and may be asked without TLS.
    is_plain: bool,
}

/// Why there is no answer; the words name no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The address is none to which anything is sent.
    #[error("it names an address without TLS")]
    Plain,
    /// The answer is too large.
    #[error("its answer has more than {max} bytes", max = limits::OIDC_ANSWER_BYTES_MAX)]
    TooLarge,
    /// It leads elsewhere, where nobody is asked.
    #[error("it answered with a redirect, which is not followed")]
    Redirect,
    /// It could not be reached, or did not answer in time.
    #[error("{0}")]
    Unreachable(String),
}

impl HttpClient {
    /// A client for this provider. The error says what is wrong with the certificates.
    pub fn of(settings: &Oidc) -> Result<Self, String> {
        let tls = client_config(Some(&ClientTls { ca_file: settings.ca_file.clone(), identity: None }))?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(limits::OIDC_REQUEST_MAX)
            .timeout(limits::OIDC_REQUEST_MAX)
            .user_agent(concat!("tachograph/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| words(error).to_string())?;
        let is_plain = Url::parse(&settings.issuer).is_ok_and(|url| url.scheme() == "http");
        Ok(Self { client, is_plain })
    }

    /// Whether this address may be asked, or a browser sent there: it is `https`, or on this machine as the provider itself.
    pub fn may_ask(&self, url: &Url) -> bool {
        url.scheme() == "https" || (self.is_plain && url.scheme() == "http" && is_loopback(url))
    }

    async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let request = reqwest::Request::try_from(request).map_err(words)?;
        if !self.may_ask(request.url()) {
            return Err(HttpError::Plain);
        }
        let mut response = self.client.execute(request).await.map_err(words)?;
        if response.status().is_redirection() {
            return Err(HttpError::Redirect);
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(words)? {
            if body.len() + chunk.len() > limits::OIDC_ANSWER_BYTES_MAX {
                return Err(HttpError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        let mut answer = HttpResponse::new(body);
        *answer.status_mut() = response.status();
        *answer.headers_mut() = response.headers().clone();
        Ok(answer)
    }
}

impl<'c> AsyncHttpClient<'c> for HttpClient {
    type Error = HttpError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

/// What the client says, with its causes and without the address.
fn words(error: reqwest::Error) -> HttpError {
    if error.is_timeout() {
        return HttpError::Unreachable(format!("no answer within {} s", limits::OIDC_REQUEST_MAX.as_secs()));
    }
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    HttpError::Unreachable(text)
}
