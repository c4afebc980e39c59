//! `/api/v1/status`, `/api/v1/integrity…` and `/api/v1/sinks…`: how the server is, whether its ledgers are as they were recorded, how far
//! its sinks are, and dead letters that are sent once more.
//!
//! What runs is known to whoever binds the listeners; it is asked through [`Server`].

use std::sync::Arc;

use axum::extract::{self, Path};
use axum::http::StatusCode;
use axum::response::Response;
use futures::future::BoxFuture;
use ledger::{AppendError, LedgerError, LedgerName};
use operations::access::{Principal, Role};
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

    /// Sends what a sink refused for good to it once more, in the name of `principal`. Done when the request is durable.
    fn retry<'a>(&'a self, sink: &'a str, principal: &'a Principal) -> BoxFuture<'a, Result<(), ServerError>>;
}

/// Why what runs has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The API is asked over a directory that no server has open.
    #[error("no server runs on this directory")]
    NoServer,
    /// There is no such sink, or it is paused.
    #[error("no sink {0} is running")]
    NoSink(String),
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
    let principal = &authorized.principal;
    if !principal.may(Role::Admin) {
        let detail = format!("{} may not send dead letters once more; that takes the role admin", principal.name);
        return Err(Problem::new(StatusCode::FORBIDDEN, "role", detail));
    }
    state.server.retry(&sink, principal).await?;
    Ok(answer(&json!({ "sink": sink })))
}
