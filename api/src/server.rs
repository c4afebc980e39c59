//! `/api/v1/status`, `/api/v1/integrity…` and `/api/v1/sinks…`: how the server is, whether its ledgers are as they were recorded, how far
//! its sinks are, and what is ordered of them.
//!
//! What runs is known to whoever binds the listeners; it is asked through [`Server`].

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{self, Path};
use axum::http::StatusCode;
use axum::response::Response;
use futures::future::BoxFuture;
use ledger::{AppendError, LedgerError, LedgerName};
use operations::access::{Principal, Role};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::alerts::json as answer;
use super::authorized::Authorized;
use super::{Problem, State, blocking};

/// What runs behind the API.
pub trait Server: Send + Sync {
    /// How the process is: the members of `Status` in the document.
    fn status(&self) -> Result<Value, ServerError>;

    /// How far each sink is: members of `Sink` in the document. It may read the disk.
    fn sinks(&self) -> Result<Vec<Value>, ServerError>;

    /// What the newest verification of the directory found: `verification` of `Status`; null before the first.
    fn verification(&self) -> Value;

    /// What is known of the integrity of both ledgers: the members of `Integrity` in the document. It may read the disk.
    fn integrity(&self) -> Result<Value, ServerError>;

    /// Has everything verified as soon as possible, as `by` asked: the members of `Verifying` in the document.
    fn verify(&self, by: &str) -> Result<Value, ServerError>;

    /// Orders something of a sink in the name of `principal`. Done when the order is durable.
    fn order<'a>(
        &'a self,
        sink: &'a str,
        order: SinkOrder,
        principal: &'a Principal,
    ) -> BoxFuture<'a, Result<(), ServerError>>;
}

/// What is ordered of a sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SinkOrder {
    /// Send what it refused for good once more.
    Retry,
    /// Stand still.
    Pause {
        /// Why.
        reason: Option<String>,
    },
    /// Go on.
    Resume,
}

/// The body of a pause.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct PauseBody {
    #[serde(default)]
    reason: Option<String>,
}

/// Why what runs has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The API is asked over a directory that no server has open.
    #[error("no server runs on this directory")]
    NoServer,
    /// There is no such sink.
    #[error("there is no sink {0}")]
    NoSink(String),
    /// The order cannot be meant.
    #[error("{0}")]
    BadOrder(String),
    /// The sink cannot do that now.
    #[error("{0}")]
    Refused(String),
    /// The ledger did not take the entry.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The ledger could not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// An answer has no JSON form.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

impl From<ServerError> for Problem {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::NoServer => Self::new(StatusCode::CONFLICT, "no_server", error.to_string()),
            ServerError::NoSink(_) => Self::new(StatusCode::NOT_FOUND, "unknown_sink", error.to_string()),
            ServerError::BadOrder(_) => Self::request(error.to_string()),
            ServerError::Refused(_) => Self::new(StatusCode::CONFLICT, "sink_state", error.to_string()),
            ServerError::Append(error) => Self::not_recorded(&error),
            ServerError::Ledger(error) => error.into(),
            ServerError::Json(error) => Self::internal(&error),
        }
    }
}

pub(super) async fn status(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
) -> Result<Response, Problem> {
    authorized.check_read(LedgerName::Operations, "the status of the server")?;
    let server = Arc::clone(&state.server);
    Ok(answer(&blocking(move || server.status()).await??))
}

pub(super) async fn sinks(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
) -> Result<Response, Problem> {
    authorized.check_read(LedgerName::Operations, "the status of sinks")?;
    let server = Arc::clone(&state.server);
    let sinks = blocking(move || server.sinks()).await??;
    Ok(answer(&json!({ "sinks": sinks })))
}

pub(super) async fn integrity(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
) -> Result<Response, Problem> {
    authorized.check_read(LedgerName::Operations, "the integrity of the ledgers")?;
    let server = Arc::clone(&state.server);
    Ok(answer(&blocking(move || server.integrity()).await??))
}

pub(super) async fn verify(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
) -> Result<Response, Problem> {
    let principal = &authorized.principal;
    if !principal.may(Role::Admin) && !principal.may(Role::Auditor) {
        let detail =
            format!("{} may not have everything verified; that takes the role admin or auditor", principal.name);
        return Err(Problem::new(StatusCode::FORBIDDEN, "role", detail));
    }
    Ok(answer(&state.server.verify(&principal.name)?))
}

pub(super) async fn retry(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    Path(sink): Path<String>,
) -> Result<Response, Problem> {
    order(&state, &authorized, &sink, SinkOrder::Retry, "send dead letters once more").await
}

pub(super) async fn pause(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    Path(sink): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let PauseBody { reason } = parsed(body)?;
    order(&state, &authorized, &sink, SinkOrder::Pause { reason }, "pause sinks").await
}

pub(super) async fn resume(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    Path(sink): Path<String>,
) -> Result<Response, Problem> {
    order(&state, &authorized, &sink, SinkOrder::Resume, "resume sinks").await
}

/// The body of an order; without one nothing is said beside.
fn parsed<T: Default + DeserializeOwned>(body: Result<Bytes, BytesRejection>) -> Result<T, Problem> {
    let body = body.map_err(|rejection| Problem::new(rejection.status(), "request", rejection.body_text()))?;
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(&body).map_err(|error| Problem::request(format!("the body: {error}")))
}

/// Orders something of a sink. `what` says what that is to whoever may not.
async fn order(
    state: &State,
    authorized: &Authorized,
    sink: &str,
    order: SinkOrder,
    what: &str,
) -> Result<Response, Problem> {
    let principal = &authorized.principal;
    if !principal.may(Role::Admin) {
        let detail = format!("{} may not {what}; that takes the role admin", principal.name);
        return Err(Problem::new(StatusCode::FORBIDDEN, "role", detail));
    }
    state.server.order(sink, order, principal).await?;
    Ok(answer(&json!({ "sink": sink })))
}
