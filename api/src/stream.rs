//! `GET /api/v1/stream`: what changes, as server-sent events of several topics over one connection.
//!
//! Nothing is queued for a client: each tick looks at what changed since the one before, so a slow client gets the newest state later
//! and never an old one. The id of an update says how far it reaches in both ledgers, so that a client that comes back with
//! `Last-Event-ID` misses nothing; of what was sent just before it may see some again. It stands at the end of an update, so a
//! connection that breaks within one does not skip the rest of it.

mod topics;

use std::convert::Infallible;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{self, Query};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use ledger::{LedgerName, Seq};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::alerts::Parameters;
use super::authorized::Authorized;
use super::concurrency_limiter::Permit;
use super::fleet::render::read_place;
use super::fleet::{flag, read_content};
use super::{Problem, State, blocking};
use crate::limits;
use topics::{Live, Topic};

/// What is asked for.
struct Wanted {
    topics: Vec<Topic>,
    content: bool,
    from: (Option<Seq>, Option<Seq>),
}

pub(super) async fn follow(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    headers: HeaderMap,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let Query(parameters) = parameters.map_err(|rejection| Problem::request(rejection.body_text()))?;
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let wanted = Wanted::parse(&parameters, last)?;
    for topic in &wanted.topics {
        let ledger = if *topic == Topic::Alerts { LedgerName::Operations } else { LedgerName::Events };
        authorized.check_read(ledger, topic.as_str())?;
    }
    let permit = state.streams.enter(&authorized.principal.token)?;
    read_content(&state, &authorized, wanted.content, "stream").await?;
    let live = Live::new(&state, wanted.topics, wanted.content, wanted.from);
    let stream = Stream {
        live: Some(Box::new(live)),
        stop: state.stop,
        authorized,
        is_first: true,
        spoke: Instant::now(),
        next_tick: Instant::now(),
        _permit: permit,
    };
    let body = stream::unfold(stream, |mut stream| async move {
        stream.chunk().await.map(|chunk| (Ok::<_, Infallible>(chunk), stream))
    });
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // Proxies must not wait for more.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(body)).into_response())
}

impl Wanted {
    /// Reads the parameters and the `Last-Event-ID` header, which counts before `from`.
    fn parse(parameters: &[(String, String)], last_event_id: Option<&str>) -> Result<Self, Problem> {
        let mut wanted = Self { topics: Vec::new(), content: false, from: (None, None) };
        let mut from = None;
        for (name, value) in parameters {
            match name.as_str() {
                "topics" => {
                    let words = Topic::ALL.map(Topic::as_str).join(", ");
                    for word in value.split(',').map(str::trim) {
                        let unknown = || Problem::request(format!("topic {word:?} is not one of {words}"));
                        let topic = Topic::ALL.into_iter().find(|topic| topic.as_str() == word).ok_or_else(unknown)?;
                        if !wanted.topics.contains(&topic) {
                            wanted.topics.push(topic);
                        }
                    }
                }
                "from" => from = Some(value.as_str()),
                "content" => wanted.content = flag(name, value)?,
                _ => return Err(Problem::request(format!("there is no parameter {name:?}"))),
            }
        }
        if wanted.topics.is_empty() {
            wanted.topics = Topic::ALL.to_vec();
        }
        let from = last_event_id.filter(|last| !last.is_empty()).or(from).unwrap_or_default();
        let wrong = || Problem::request(format!("{from:?} is no place such as events/0/123+operations/0/45"));
        wanted.from = read_place(from).ok_or_else(wrong)?;
        Ok(wanted)
    }
}

/// One open stream.
struct Stream {
    /// What it looks at; `None` once nothing more comes.
    live: Option<Box<Live>>,
    stop: CancellationToken,
    authorized: Authorized,
    is_first: bool,
    /// When something was sent last.
    spoke: Instant,
    next_tick: Instant,
    _permit: Permit,
}

impl Stream {
    /// The next bytes to send: an update, a sign of life, or the reason why nothing more comes.
    async fn chunk(&mut self) -> Option<Bytes> {
        let mut live = self.live.take()?;
        let mut text = if std::mem::take(&mut self.is_first) {
            format!("retry: {}\n\n", limits::STREAM_RETRY.as_millis())
        } else {
            String::new()
        };
        loop {
            tokio::select! {
                biased;
                // Whoever comes back goes on after the last id.
                () = self.stop.cancelled() => return None,
                () = tokio::time::sleep_until(self.next_tick) => {}
            }
            self.next_tick = Instant::now() + limits::STREAM_TICK;
            let looked = blocking(move || {
                let update = live.update();
                (live, update)
            });
            let update;
            (live, update) = match looked.await {
                Ok(looked) => looked,
                Err(problem) => return Some(end(&problem)),
            };
            // Asked after each look, so that nothing that was seen later is sent to a token that was revoked before.
            if !self.authorized.still_stands() {
                return Some(error_event("unauthorized", "the token was revoked or changed"));
            }
            match update {
                Ok(update) => text.push_str(&update),
                Err(error) => return Some(end(&error.into())),
            }
            if text.is_empty() && Instant::now() >= self.spoke + limits::STREAM_KEEP_ALIVE {
                text.push_str(": keep-alive\n\n");
            }
            if !text.is_empty() {
                self.spoke = Instant::now();
                self.live = Some(live);
                return Some(text.into());
            }
        }
    }
}

/// Why nothing more comes.
fn end(problem: &Problem) -> Bytes {
    error_event(problem.code, &problem.detail)
}

fn error_event(code: &str, detail: &str) -> Bytes {
    format!("event: error\ndata: {}\n\n", serde_json::json!({ "code": code, "detail": detail })).into()
}

/// What [`Live`] needs of the state.
impl Live {
    fn new(state: &State, topics: Vec<Topic>, content: bool, from: (Option<Seq>, Option<Seq>)) -> Self {
        let readers = LedgerName::ALL.map(|name| state.engine.reader(name).clone());
        Self::begin(Arc::clone(state.engine.fleet()), Arc::clone(&state.triage), readers, topics, content, from)
            .with_verdict(Arc::clone(&state.server))
    }
}
