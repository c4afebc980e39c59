//! The push interface `POST /v1/events/{collector}`: who may send, in which form, and what is answered.
//!
//! ```text
//! POST /v1/events/coderd
//! Authorization: Bearer <token>
//! Content-Type: application/x-ndjson          lines; application/json: JSON values or one array of them
//! Content-Encoding: zstd                      or gzip, or none
//! Tachograph-Producer: <uuid>                 with the offset: exactly once
//! Tachograph-Offset: <number of the first record of this request>
//! ```
//!
//! The answer comes after the records are durable. A request is not atomic: an error says what was taken before it.

mod body;
mod problem;
mod producer;
mod request;
mod shares;

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use ledger::Ledger;
use operations::access::{Authorize, Principal, Role};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Setting, Settings, Start, Transport, read};
use crate::pipeline::{Channel, Pipeline};
use crate::refusals::Refusal;
use body::Reading;
use problem::Problem;
use producer::Producers;
use request::Form;
use shares::Shares;

/// The transport.
pub struct Http;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct NoSettings {}

impl Transport for Http {
    fn name(&self) -> &'static str {
        "http"
    }

    fn doc(&self) -> &'static str {
        "Takes records that are pushed to `POST /v1/events/{collector}` with a bearer token: NDJSON, JSON values, a JSON \
         array or lines of text, as they are or compressed with gzip or zstd. With the headers `Tachograph-Producer` and \
         `Tachograph-Offset` each record is taken exactly once, however often a request is repeated; without them at \
         least once, and duplicates are found by the records' own ids."
    }

    fn settings(&self) -> &'static [Setting] {
        &[]
    }

    fn check(&self, settings: &Settings) -> Result<(), String> {
        read::<NoSettings>(settings).map(|_| ())
    }

    fn place(&self, name: &str, _settings: &Settings) -> String {
        format!("POST /v1/events/{name}")
    }

    fn start(&self, start: Start<'_>) -> Result<(), String> {
        start.tell("what is pushed; a producer with offsets goes on where its receipt ends");
        start.routes.insert(start.channel.name().to_owned(), start.channel);
        Ok(())
    }
}

/// What the handler of requests needs.
pub struct Pushed {
    routes: HashMap<String, Arc<Channel>>,
    pipeline: Arc<Pipeline>,
    authorize: Arc<dyn Authorize>,
    producers: Producers,
    shares: Shares,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Pushed {
    /// Serves these collectors.
    pub fn new(
        routes: HashMap<String, Arc<Channel>>,
        pipeline: Arc<Pipeline>,
        ledger: Ledger,
        authorize: Arc<dyn Authorize>,
        stop: CancellationToken,
        tasks: TaskTracker,
    ) -> Arc<Self> {
        Arc::new(Self {
            routes,
            pipeline,
            authorize,
            producers: Producers::new(ledger),
            shares: Shares::new(),
            stop,
            tasks,
        })
    }
}

/// The routes of the push interface.
pub fn router(pushed: Arc<Pushed>) -> Router {
    Router::new()
        .route("/v1/events/{collector}", post(push))
        .method_not_allowed_fallback(async |State(pushed): State<Arc<Pushed>>| pushed.refuse("", Problem::method()))
        .fallback(async |State(pushed): State<Arc<Pushed>>| pushed.refuse("", Problem::unknown_path()))
        .with_state(pushed)
}

async fn push(
    State(pushed): State<Arc<Pushed>>,
    Path(collector): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let answer = match pushed.admit(&collector, &headers) {
        Ok((channel, principal)) => {
            let answer = take(&pushed, &channel, principal, &headers, body).await;
            let status = answer.as_ref().map_or_else(|problem| problem.status, |_| StatusCode::OK);
            channel.metrics().answered(status.as_u16());
            answer
        }
        Err(problem) => Err(problem),
    };
    answer.map_or_else(|problem| pushed.refuse(&collector, problem), IntoResponse::into_response)
}

impl Pushed {
    /// Counts and tells that a request is refused.
    fn refuse(&self, collector: &str, problem: Problem) -> Response {
        self.pipeline.metrics().refusals().note(Refusal {
            collector: self.routes.get(collector).map(|channel| channel.name()),
            reason: problem.reason(),
            status: problem.status.as_u16(),
            detail: problem.detail(),
        });
        problem.into_response()
    }

    /// Who sends to which collector, if it may.
    fn admit(&self, collector: &str, headers: &HeaderMap) -> Result<(Arc<Channel>, Arc<Principal>), Problem> {
        if self.stop.is_cancelled() {
            return Err(Problem::stopping());
        }
        let principal = request::bearer(headers).and_then(|secret| self.authorize.authorize(secret));
        let Some(principal) = principal else { return Err(Problem::unauthorized()) };
        let Some(channel) = self.routes.get(collector) else { return Err(Problem::unknown_collector()) };
        if !principal.may(Role::Ingest) {
            return Err(Problem::role());
        }
        let dialect = channel.dialect().name();
        if !principal.may_send(dialect) {
            return Err(Problem::dialect(dialect));
        }
        Ok((Arc::clone(channel), principal))
    }
}

/// Takes the body of a request that may be made.
async fn take(
    pushed: &Arc<Pushed>,
    channel: &Arc<Channel>,
    principal: Arc<Principal>,
    headers: &HeaderMap,
    body: Body,
) -> Result<body::Accepted, Problem> {
    let form = Form::read(headers)?;
    let share = pushed.shares.open(&principal.token)?;
    let turn = match &form.producer {
        Some((producer, offset)) => {
            let turn = pushed.producers.turn(&principal.token, producer).await?;
            if *offset > turn.next() {
                return Err(Problem::offset(turn.next()));
            }
            Some(turn)
        }
        None => None,
    };
    let permit = share.permit().await?;
    let reading = Reading {
        pipeline: Arc::clone(&pushed.pipeline),
        channel: Arc::clone(channel),
        principal,
        form,
        turn,
        stop: pushed.stop.clone(),
        _permit: permit,
    };
    // A client that goes away must not end the task: what is on its way is settled, and the producer's turn ends after it.
    let task = pushed.tasks.spawn(reading.run(body));
    task.await.unwrap_or_else(|_| Err(Problem::internal()))
}

#[cfg(test)]
mod tests;
