//! The HTTP API as commands use it: of a running server, or answered in this process over a data directory.
//!
//! Both ways speak the same requests and answers, so a command has one path and cannot say one thing here and another there.

mod remote;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode, Uri};
use futures::StreamExt;
use http_body_util::{BodyExt, Collected, Limited};
use ledger::{LedgerName, Reader};
use operations::access::{Authorize, Principal};
use operations::budget;
use operations::triage::{self, Desk, Policy};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;
use tower::ServiceExt;

use crate::cli::Place;
use crate::control::client;
use crate::exit::{self, Failure};
use crate::{limits, settings};
use remote::Remote;
pub use remote::{Trust, client_builder, not_reached};

/// Which API a command asks.
#[derive(Debug, Clone, clap::Args)]
pub struct Target {
    /// Ask a running server, such as <http://127.0.0.1:7070>, instead of reading a data directory.
    #[arg(long, value_name = "URL", env = "TACHOGRAPH_SERVER")]
    server: Option<String>,
    /// The secret of a token, for --server; better kept in the environment than on the command line.
    #[arg(long, value_name = "SECRET", env = "TACHOGRAPH_TOKEN", hide_env_values = true)]
    token: Option<String>,
    #[command(flatten)]
    trust: Trust,
    #[command(flatten)]
    place: Place,
}

/// An API that answers.
pub struct Api(Inner);

enum Inner {
    Here(Router),
    There(Box<Remote>),
}

impl Target {
    /// Opens what the arguments name.
    pub fn open(&self) -> Result<Api, Failure> {
        if let Some(server) = &self.server {
            let token = self.token.as_deref().unwrap_or_default();
            return Ok(Api(Inner::There(Box::new(Remote::new(server, token, &self.trust)?))));
        }
        let data = self.place.data()?;
        let (events, operations) =
            (Reader::open(&data, LedgerName::Events)?, Reader::open(&data, LedgerName::Operations)?);
        // The process that writes the directory is the one that changes something, see `triage`.
        let desk = Arc::new(Desk::new(operations.clone(), None, self.policy()?));
        let budgets = budget::Desk::new(operations.clone(), None);
        let options = query::Options { triage: Some(Arc::clone(&desk)), ..query::Options::default() };
        let engine = query::Engine::new(events, operations, options)?;
        let state = api::State::new(engine, Arc::new(Everyone), desk, Arc::new(budgets));
        Ok(Api(Inner::Here(api::router(state))))
    }

    /// The answer to `GET path?parameters`.
    pub async fn get(&self, path: &str, parameters: &[(&str, String)]) -> Result<Value, Failure> {
        let parameters: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
            .collect();
        let path = if parameters.is_empty() { path.to_owned() } else { format!("{path}?{}", parameters.join("&")) };
        self.open()?.ask("GET", &path, &[], String::new()).await?.json().await
    }

    /// What hides alerts by the configuration, if one is named.
    fn policy(&self) -> Result<Policy, Failure> {
        Ok(match &self.place.config {
            Some(config) => settings::load(config)?.settings.alerts,
            None => Policy::default(),
        })
    }

    /// Works on an alert or a silence, in the name of the token's owner or, on a directory, of `local`.
    pub async fn triage(&self, work: &triage::Request) -> Result<Value, Failure> {
        if self.server.is_none() {
            let (data, work) = (self.place.data()?, work.clone());
            // Without a server it waits for an fsync of its own, which blocks.
            let done = tokio::task::spawn_blocking(move || client::triage(&data, &work)).await??;
            return Ok(api::answer(&done));
        }
        let (path, body) = remote::triage(work)?;
        let headers = [("content-type", "application/json")];
        self.open()?.ask("POST", &path, &headers, body).await?.json().await
    }
}

/// Whoever can read the directory may ask everything.
struct Everyone;

impl Authorize for Everyone {
    fn authorize(&self, _secret: &str) -> Option<Arc<Principal>> {
        Some(Arc::new(Principal::local()))
    }
}

impl Api {
    /// Whether answers come over a network that may break.
    pub fn is_remote(&self) -> bool {
        matches!(self.0, Inner::There(_))
    }

    /// Asks. Anything but success is a failure with the server's own words.
    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Result<Answer, Failure> {
        let uri: Uri = path.parse()?;
        let mut request = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = match &self.0 {
            Inner::Here(router) => {
                let request = request.header("authorization", "Bearer local").body(Body::from(body))?;
                // A router always answers.
                router.clone().oneshot(request).await.unwrap_or_else(|never| match never {})
            }
            Inner::There(remote) => remote.send(request, body).await?,
        };
        if response.status().is_success() { Ok(Answer(response.into_body())) } else { Err(refused(response).await) }
    }
}

/// The body of an answer while it comes.
pub struct Answer(Body);

impl Answer {
    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        while let Some(frame) = self.0.frame().await {
            if let Ok(data) = frame?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }

    /// The whole answer as JSON.
    pub async fn json(mut self) -> Result<Value, Failure> {
        let mut text = Vec::new();
        while let Some(bytes) = self.next().await? {
            text.extend_from_slice(&bytes);
            if text.len() > limits::ANSWER_BYTES_MAX {
                return Err(Failure::from(anyhow::anyhow!("the server sent an answer above the limit")));
            }
        }
        Ok(serde_json::from_slice(&text)?)
    }

    /// The pieces as lines, without their line breaks.
    pub fn lines(self) -> impl futures::Stream<Item = Result<String, Failure>> {
        let state = (self, Vec::<u8>::new());
        futures::stream::try_unfold(state, |(mut answer, mut held)| async move {
            loop {
                if let Some(end) = held.iter().position(|byte| *byte == b'\n') {
                    let rest = held.split_off(end + 1);
                    held.pop();
                    let line = String::from_utf8_lossy(&held).trim_end_matches('\r').to_owned();
                    return Ok(Some((line, (answer, rest))));
                }
                if held.len() > limits::ANSWER_LINE_BYTES_MAX {
                    return Err(Failure::from(anyhow::anyhow!("the server sent a line above the limit")));
                }
                match answer.next().await? {
                    Some(bytes) => held.extend_from_slice(&bytes),
                    None => return Ok(None),
                }
            }
        })
        .boxed()
    }
}

/// An error answer (RFC 9457), as far as we read it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Problem {
    code: String,
    detail: String,
}

async fn refused(response: Response<Body>) -> Failure {
    let status = response.status();
    let body = Limited::new(response.into_body(), limits::PROBLEM_BYTES_MAX).collect().await;
    let body = body.map(Collected::to_bytes).unwrap_or_default();
    let problem: Problem = serde_json::from_slice(&body).unwrap_or_default();
    let detail = if problem.detail.is_empty() { format!("the server answered {status}") } else { problem.detail };
    let code = if status.is_client_error() { exit::USAGE } else { exit::INTERNAL };
    let failure = Failure::new(code, anyhow::anyhow!("{detail}"));
    match status {
        StatusCode::UNAUTHORIZED => {
            failure.hint("Set TACHOGRAPH_TOKEN to the secret that `tachograph token create` printed.")
        }
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => failure.hint("Try again in a moment."),
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::TryStreamExt;

    #[test]
    fn lines_are_put_together_from_pieces() {
        let check = |pieces: &[&'static str], expected: &[&str]| {
            let pieces: Vec<Result<&'static str, std::io::Error>> = pieces.iter().map(|piece| Ok(*piece)).collect();
            let answer = Answer(Body::from_stream(futures::stream::iter(pieces)));
            let lines: Vec<String> = futures::executor::block_on(answer.lines().try_collect()).unwrap();
            assert_eq!(lines, expected);
        };
        check(&["id: 1\nda", "ta: {}\n", "\n"], &["id: 1", "data: {}", ""]);
        check(&["a\r\nb\n\nc"], &["a", "b", ""]);
        check(&[], &[]);
    }

    #[tokio::test]
    async fn a_refusal_is_told_in_the_servers_words() {
        let problem = r#"{"type":"urn:x","status":400,"code":"sql","detail":"no such column"}"#;
        let response = Response::builder().status(400).body(Body::from(problem)).unwrap();
        let failure = refused(response).await;
        assert_eq!((failure.code(), failure.message().as_str()), (exit::USAGE, "no such column"));
        let response = Response::builder().status(502).body(Body::from("<html>")).unwrap();
        assert_eq!(refused(response).await.message(), "the server answered 502 Bad Gateway");
    }
}
