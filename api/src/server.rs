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
use chrono::DateTime;
use futures::future::BoxFuture;
use ledger::{AppendError, LedgerError, LedgerName, Position, Seq, Timestamp};
use operations::access::{Principal, Role};
use operations::kind::sink_order::{BackfillMode, BackfillOrder, RangeEnd, SinkOrder};
use operations::limits::BACKFILL_RECORDS_PER_SECOND;
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

    /// Sends a range of a ledger to a sink beside what is new, in the name of `principal`: the members of `Backfill` in the document. Done when
    /// the order is durable.
    fn backfill<'a>(
        &'a self,
        sink: &'a str,
        order: BackfillOrder,
        principal: &'a Principal,
    ) -> BoxFuture<'a, Result<Value, ServerError>>;
}

/// The body of a backfill.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct BackfillBody {
    from: String,
    to: Option<String>,
    ledger: Option<String>,
    again: bool,
    records_per_second: Option<u32>,
    reason: Option<String>,
}

impl BackfillBody {
    fn order(self) -> Result<BackfillOrder, Problem> {
        let ledger = match self.ledger.as_deref() {
            None => LedgerName::Events,
            Some(name) => LedgerName::ALL
                .into_iter()
                .find(|ledger| ledger.as_str() == name)
                .ok_or_else(|| Problem::request("ledger is events or operations"))?,
        };
        let from = point("from", &self.from, ledger)?;
        let to = self.to.as_deref().map(|to| point("to", to, ledger)).transpose()?;
        let Self { again, records_per_second, reason, .. } = self;
        let mode = if again { BackfillMode::Again } else { BackfillMode::Anew };
        let records_per_second = records_per_second.unwrap_or(BACKFILL_RECORDS_PER_SECOND);
        Ok(BackfillOrder { mode, from, to, records_per_second, reason })
    }
}

/// A position, the word for the first one, or a time.
fn point(name: &str, text: &str, ledger: LedgerName) -> Result<RangeEnd, Problem> {
    if text == "beginning" {
        return Ok(RangeEnd::At(Position { ledger, shard: 0, seq: Seq::FIRST }));
    }
    if let Ok(position) = text.parse() {
        return Ok(RangeEnd::At(position));
    }
    let wrong = || {
        Problem::request(format!(
            "{name} is no position such as events/0/12, no time such as 2026-11-21T18:33:21Z, and not beginning"
        ))
    };
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| wrong())?;
    Ok(RangeEnd::Since(ledger, Timestamp::from_unix_micros(time.timestamp_micros())))
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
    /// There is no such backfill, or it is over.
    #[error("{0}")]
    NoBackfill(String),
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
            ServerError::NoBackfill(_) => Self::new(StatusCode::NOT_FOUND, "unknown_backfill", error.to_string()),
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

pub(super) async fn backfill(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    Path(sink): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    check_admin(&authorized, "send ranges of a ledger")?;
    let order = parsed::<BackfillBody>(body)?.order()?;
    Ok(answer(&state.server.backfill(&sink, order, &authorized.principal).await?))
}

pub(super) async fn cancel_backfill(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    Path((sink, backfill)): Path<(String, u64)>,
) -> Result<Response, Problem> {
    order(&state, &authorized, &sink, SinkOrder::Cancel { backfill }, "cancel backfills").await
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
    check_admin(authorized, what)?;
    state.server.order(sink, order, &authorized.principal).await?;
    Ok(answer(&json!({ "sink": sink })))
}

fn check_admin(authorized: &Authorized, what: &str) -> Result<(), Problem> {
    let principal = &authorized.principal;
    if principal.may(Role::Admin) {
        return Ok(());
    }
    let detail = format!("{} may not {what}; that takes the role admin", principal.name);
    Err(Problem::new(StatusCode::FORBIDDEN, "role", detail))
}
