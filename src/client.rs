//! The HTTP API as commands use it: of a server at an address, of the server that runs on a data directory, or answered in
//! this process over a directory on which none runs.
//!
//! All ways speak the same requests and answers, so a command has one path and cannot say one thing here and another there.

mod events;
mod local;
mod remote;

use std::path::Path;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{Request, Response, StatusCode, Uri};
use futures::StreamExt;
use http_body_util::{BodyExt, Collected, Limited};
use operations::triage;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use query::attribution::Attribution;
use query::compute::Summary;
use serde::Deserialize;
use serde_json::Value;

use crate::cli::DataLocation;
use crate::exit::{self, Failure};
use crate::limits;
use crate::settings::{self, Settings};
use crate::status::Status;
use local::Local;
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
    location: DataLocation,
}

/// An API that answers.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

enum Inner {
    Here(Local),
    There(Remote),
}

/// What an API is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Read,
    Change,
}

impl Target {
    /// Opens what the arguments name, to read.
    pub fn open(&self) -> Result<Api, Failure> {
        self.open_to(Purpose::Read)
    }

    fn open_to(&self, purpose: Purpose) -> Result<Api, Failure> {
        if let Some(server) = &self.server {
            let token = self.token.as_deref().unwrap_or_default();
            return Ok(Api::of(Inner::There(Remote::new(server, token, &self.trust)?)));
        }
        let data = self.location.data()?;
        if let Some(running) = running(&data)? {
            return Ok(running);
        }
        let settings = match &self.location.config {
            Some(config) => settings::load(config)?.settings,
            None => Settings::default(),
        };
        let open = if purpose == Purpose::Change { Local::change } else { Local::read };
        Ok(Api::of(Inner::Here(open(&data, settings)?)))
    }

    /// The answer to `GET path?parameters`.
    pub async fn get(&self, path: &str, parameters: &[(&str, String)]) -> Result<Value, Failure> {
        self.open()?.get(path, parameters).await
    }

    /// The answer to `POST path` with a JSON body, which changes something: in the name of the token's owner or, on a
    /// directory, of `local`.
    pub async fn post(&self, path: &str, body: String) -> Result<Value, Failure> {
        let headers = [("content-type", "application/json")];
        self.open_to(Purpose::Change)?.ask("POST", path, &headers, body).await?.json().await
    }

    /// Works on an alert or a silence.
    pub async fn triage(&self, work: &triage::Request) -> Result<Value, Failure> {
        let (path, body) = remote::triage(work)?;
        self.post(&path, body).await
    }

    /// Whether the arguments name a configuration.
    pub fn has_configuration(&self) -> bool {
        self.location.config.is_some()
    }
}

/// The server that runs on a data directory; `None` if none does.
pub fn running(data: &Path) -> Result<Option<Api>, Failure> {
    Ok(Remote::running(data)?.map(|remote| Api::of(Inner::There(remote))))
}

/// How the server is that runs on a data directory; `None` if none does.
pub async fn status(data: &Path) -> Result<Option<Status>, Failure> {
    let Some(running) = running(data)? else { return Ok(None) };
    Ok(Some(serde_json::from_value(running.get("/api/v1/status", &[]).await?)?))
}

/// Whose money it was, and what workspaces cost: asked of the server that runs on a data directory, or else of the directory.
pub async fn spend(data: &Path, settings: Settings) -> Result<(Attribution, Summary), Failure> {
    let api = match running(data)? {
        Some(running) => running,
        None => Api::of(Inner::Here(Local::read(data, settings)?)),
    };
    let attribution = serde_json::from_value(api.get("/api/v1/attribution", &[]).await?)?;
    Ok((attribution, serde_json::from_value(api.get("/api/v1/compute", &[]).await?)?))
}

/// A text as one segment of a path.
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

impl Api {
    fn of(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Whether a server answers, which may go away meanwhile.
    pub fn is_of_server(&self) -> bool {
        matches!(*self.0, Inner::There(_))
    }

    /// The answer to `GET path?parameters`.
    pub async fn get(&self, path: &str, parameters: &[(&str, String)]) -> Result<Value, Failure> {
        let parameters: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{name}={}", segment(value))).collect();
        let path = if parameters.is_empty() { path.to_owned() } else { format!("{path}?{}", parameters.join("&")) };
        self.ask("GET", &path, &[], String::new()).await?.json().await
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
        let response = match &*self.0 {
            Inner::Here(local) => local.send(request, body).await?,
            Inner::There(remote) => remote.send(request, body).await?,
        };
        if !response.status().is_success() {
            return Err(refused(response).await);
        }
        Ok(Answer { body: response.into_body(), _source: Some(self.clone()) })
    }
}

/// The body of an answer while it comes.
pub struct Answer {
    body: Body,
    /// Where it comes from, which has to last as long.
    _source: Option<Api>,
}

impl Answer {
    /// The next bytes; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        while let Some(frame) = self.body.frame().await {
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
    match (status, problem.code.as_str()) {
        (_, "unknown_token") => failure.hint("tachograph token list shows them."),
        (_, "no_server") => failure.hint("Start one with `tachograph serve`."),
        (StatusCode::UNAUTHORIZED, _) => {
            failure.hint("Set TACHOGRAPH_TOKEN to the secret that `tachograph token create` printed.")
        }
        (StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS, _) => failure.hint("Try again in a moment."),
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
            let answer = Answer { body: Body::from_stream(futures::stream::iter(pieces)), _source: None };
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
