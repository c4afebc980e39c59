//! The push interface `POST /v1/events/{collector}`: who may send, in which form, and what is answered.
//!
//! ```text
//! POST /v1/events/coderd
//! Authorization: Bearer <token>
//! Content-Type: application/x-ndjson          lines; application/json: JSON values or one array of them; the dialect may say that the
//!                                             body is one record, and what its type is
//! Content-Encoding: zstd                      or gzip, or none
//! Tachograph-Producer: <uuid>                 with the offset: exactly once
//! Tachograph-Offset: <number of the first record of this request>
//! Tachograph-Dialect: <name>                  if the collector has another one, the request is refused
//! ```
//!
//! What another machine collected comes as frames of [`crate::relay`], with a producer. `GET /v1/checkpoint` and `GET /v1/consistency`
//! answer what such a machine asks before it trusts that this is the server which it knows.
//!
//! The answer comes after the records are durable. A request is not atomic: an error says what was taken before it.

mod body;
mod held;
mod log;
mod problem;
mod producer;
mod relayed;
mod request;
mod shares;
mod signature;
mod signed;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use operations::access::{Authorize, Principal, Role};
use operations::standing::State as Standing;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Setting, Settings, Start, Transport, Work, read};
use crate::frame::Framing;
use crate::health::Trouble;
use crate::pipeline::{Channel, Pipeline};
use crate::refusals::Refusal;
use body::Reading;
use producer::Producers;
use request::Form;
use shares::{Share, Shares};
use signature::Signature;

pub(super) use body::Chunks;
pub(super) use held::{Held, Room, Taken};
pub(super) use problem::Problem;
pub(super) use request::compression;
pub(super) use shares::Permit;

/// The transport.
pub struct Http;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpSettings {
    signature: Option<Signature>,
}

static SETTINGS: &[Setting] = &[Setting {
    name: "signature",
    required: false,
    doc: "How senders prove who they are that cannot show a bearer token; then no token is taken, and `trust`, `workspace`, `user`, `team` and `org` stand in the collector. \
          `type` is `github` (`X-Hub-Signature-256`), `standard_webhooks` (with `window_seconds`, 300 unless it is said), `basic` (with \
          `username`), or `path`: a secret at the end of the path, which is the weakest, since others may log it. `secret` is `env:NAME` or `file:PATH`, and is read anew for each request. See docs/sources/webhooks.md.",
    example: "{ type = \"github\", secret = \"file:/run/secrets/github\" }",
}];

impl Transport for Http {
    fn name(&self) -> &'static str {
        "http"
    }

    fn doc(&self) -> &'static str {
        "Takes records that are pushed to `POST /v1/events/{collector}` with a bearer token: NDJSON, JSON values, a JSON \
         array or lines of text, as they are or compressed with gzip or zstd. With the headers `Tachograph-Producer` and \
         `Tachograph-Offset` each record is taken exactly once, however often a request is repeated; without them at \
         least once, and duplicates are found by the records' own ids. Senders that cannot show a token prove themselves by `signature`."
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn check(&self, settings: &Settings) -> Result<(), String> {
        read::<HttpSettings>(settings)?.signature.map_or(Ok(()), |signature| signature.check())
    }

    fn declares_sender(&self, settings: &Settings) -> bool {
        read::<HttpSettings>(settings).is_ok_and(|settings| settings.signature.is_some())
    }

    fn look(&self, settings: &Settings) -> Option<Trouble> {
        let signature = read::<HttpSettings>(settings).ok()?.signature?;
        signature.secret().read().err().map(|error| (Standing::Parked, error.to_string()))
    }

    fn is_pushed(&self) -> bool {
        true
    }

    /// What cannot be told apart in a body comes as frames of another machine, which told it apart.
    fn takes(&self, _framing: Framing) -> bool {
        true
    }

    fn place(&self, name: &str, settings: &Settings) -> String {
        let is_in_path = read::<HttpSettings>(settings)
            .is_ok_and(|settings| settings.signature.is_some_and(|signature| signature.is_in_path()));
        format!("POST /v1/events/{name}{}", if is_in_path { "/{secret}" } else { "" })
    }

    fn start(&self, start: Start<'_>) -> Result<Work, String> {
        start.tell("what is pushed; a producer with offsets goes on where its receipt ends");
        if let Some(signature) = read::<HttpSettings>(start.settings)?.signature {
            return Ok(Work::Routes(signed::routes(signature, start)));
        }
        let target = Target { push: Arc::clone(start.push), channel: start.channel };
        let path = format!("/v1/events/{}", target.channel.name());
        Ok(Work::Routes(Routes(Router::new().route(&path, post(take)).with_state(target))))
    }
}

/// The routes of one collector.
pub struct Routes(pub(super) Router);

impl Routes {
    /// As a router, to be served.
    pub fn into_router(self) -> Router {
        self.0
    }
}

/// What all collectors share that are pushed to.
pub struct Push {
    pipeline: Arc<Pipeline>,
    authorize: Arc<dyn Authorize>,
    producers: Producers,
    shares: Shares,
    log: log::Log,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Push {
    /// `tasks` are waited for before the ledger stops.
    pub fn new(
        pipeline: Arc<Pipeline>,
        authorize: Arc<dyn Authorize>,
        stop: CancellationToken,
        tasks: TaskTracker,
    ) -> Arc<Self> {
        let producers = Producers::new(pipeline.positions());
        let log = log::Log::new(pipeline.ledger());
        Arc::new(Self { pipeline, authorize, producers, shares: Shares::new(), log, stop, tasks })
    }

    /// The routes of the push interface with those of its collectors.
    pub fn router(self: &Arc<Self>, routes: impl IntoIterator<Item = Routes>) -> Router {
        let (method, path) = (Arc::clone(self), Arc::clone(self));
        let other = Router::new()
            .route("/v1/events/{collector}", post(unknown))
            .route("/v1/checkpoint", get(log::checkpoint))
            .route("/v1/consistency", get(log::consistency))
            .with_state(Arc::clone(self));
        routes
            .into_iter()
            .fold(other, |router, Routes(routes)| router.merge(routes))
            .method_not_allowed_fallback(async move || method.refuse(None, Problem::method()))
            .fallback(async move || path.refuse(None, Problem::unknown_path()))
    }
}

/// One collector that is pushed to.
#[derive(Clone)]
struct Target {
    push: Arc<Push>,
    channel: Arc<Channel>,
}

async fn take(State(target): State<Target>, headers: HeaderMap, body: Body) -> Response {
    let Target { push, channel } = &target;
    let answer = match push.admit(Some(channel), &headers) {
        Ok(principal) => {
            let answer = read_body(push, channel, principal, &headers, body).await;
            let status = answer.as_ref().map_or_else(|problem| problem.status, |_| StatusCode::OK);
            channel.metrics().answered(status.as_u16());
            answer
        }
        Err(problem) => Err(problem),
    };
    answer.map_or_else(|problem| push.refuse(Some(channel), problem), IntoResponse::into_response)
}

/// A request for a collector that there is not; who may not send is not told that.
async fn unknown(State(push): State<Arc<Push>>, headers: HeaderMap) -> Response {
    push.refuse(None, push.admit(None, &headers).err().unwrap_or_else(Problem::unknown_collector))
}

impl Push {
    fn refuse(&self, channel: Option<&Channel>, problem: Problem) -> Response {
        self.note(channel, &problem);
        problem.into_response()
    }

    /// Counts and tells that a request is refused.
    pub(super) fn note(&self, channel: Option<&Channel>, problem: &Problem) {
        self.pipeline.metrics().refusals().note(Refusal {
            collector: channel.map(Channel::name),
            reason: problem.reason(),
            status: problem.status.as_u16(),
            detail: problem.detail(),
        });
    }

    /// What all collectors share.
    pub(super) fn pipeline(&self) -> Arc<Pipeline> {
        Arc::clone(&self.pipeline)
    }

    /// A request of this token begins, unless it has too many.
    pub(super) fn open(&self, token: &str) -> Result<Arc<Share>, Problem> {
        self.shares.open(token)
    }

    /// Runs what a request brought to its end, also if the client goes away: what is on its way is settled.
    pub(super) fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.tasks.spawn(work)
    }

    /// Waits for a sender, unless intake stops.
    pub(super) async fn unless_stopped<T>(&self, wait: impl Future<Output = Result<T, Problem>>) -> Result<T, Problem> {
        self.stop.run_until_cancelled(wait).await.unwrap_or_else(|| Err(Problem::stopping()))
    }

    /// Who sends, if it may send to this collector.
    pub(super) fn admit(&self, channel: Option<&Channel>, headers: &HeaderMap) -> Result<Arc<Principal>, Problem> {
        if self.stop.is_cancelled() {
            return Err(Problem::stopping());
        }
        let principal = request::bearer(headers).and_then(|secret| self.authorize.authorize(secret));
        let Some(principal) = principal else { return Err(Problem::unauthorized()) };
        let Some(channel) = channel else { return Err(Problem::unknown_collector()) };
        if !principal.may(Role::Ingest) {
            return Err(Problem::role());
        }
        let dialect = channel.dialect().name();
        if !principal.may_send(dialect) {
            return Err(Problem::dialect(dialect));
        }
        Ok(principal)
    }
}

/// Takes the body of a request that may be made.
async fn read_body(
    push: &Arc<Push>,
    channel: &Arc<Channel>,
    principal: Arc<Principal>,
    headers: &HeaderMap,
    body: Body,
) -> Result<body::Accepted, Problem> {
    if !request::agrees(headers, channel.dialect().name()) {
        return Err(Problem::other_dialect(channel.dialect().name()));
    }
    let form = Form::read(headers, channel.dialect().encoding())?;
    let share = push.open(&principal.token)?;
    let turn = match &form.producer {
        Some((producer, offset)) => {
            let turn = push.producers.turn(&principal.token, producer).await?;
            if *offset > turn.next() {
                return Err(Problem::offset(turn.next()));
            }
            Some(turn)
        }
        None => None,
    };
    let permit = share.permit().await?;
    let reading = Reading {
        pipeline: Arc::clone(&push.pipeline),
        channel: Arc::clone(channel),
        principal,
        form,
        turn,
        stop: push.stop.clone(),
        _permit: permit,
    };
    // A client that goes away must not end the task: what is on its way is settled, and the producer's turn ends after it.
    let task = push.spawn(reading.run(body));
    task.await.unwrap_or_else(|_| Err(Problem::internal()))
}

#[cfg(test)]
mod tests;
