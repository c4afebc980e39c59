//! `/api/v1/alerts…`: which alerts there are, one of them with everything about it, and work on it.
//!
//! What may be done is decided by `operations::triage::TriageService`; here a request is only read and an answer written. Everything in an
//! alert is attacker-written text: it leaves as JSON, and whoever shows it makes it harmless.

mod filter;
mod render;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{self, Path, Query};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use ledger::operations::column;
use ledger::{LedgerError, LedgerName, Position, ReadLimit, Reader, Seq, SystemClock, TimeSource, Timestamp};
use operations::access::Principal;
use operations::triage::{Found, Refused, Request, Triage, TriageService};
use serde_json::{Map, Value};

use super::authorized::Authorized;
use super::{Problem, State, blocking};
use crate::limits;
use filter::Wanted;
use render::{Note, alert, answer, steps};
pub(super) use render::{alert as shown, by, place};

/// The parameters of a list, in the order in which they came.
pub(super) type Parameters = Result<Query<Vec<(String, String)>>, QueryRejection>;

pub(super) async fn list(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    parameters: Parameters,
) -> Result<Response, Problem> {
    authorized.check_read(LedgerName::Operations, "alerts")?;
    let Query(parameters) = parameters.map_err(|rejection| Problem::request(rejection.body_text()))?;
    let wanted = Wanted::parse(&parameters)?;
    let page = read(&state, move |triage, now| filter::page(triage, &wanted, now)).await?;
    Ok(json(&page))
}

pub(super) async fn show(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    authorized.check_read(LedgerName::Operations, "alerts")?;
    let (mut shown, noted) = read(&state, move |triage, now| match triage.find(&id) {
        Found::One(triaged) => {
            let noted = triaged.steps.iter().filter(|step| step.note).map(|step| step.seq).collect::<Vec<Seq>>();
            let mut shown = alert(triaged, triage, now);
            shown.insert("steps".to_owned(), steps(triaged));
            Ok((shown, noted))
        }
        Found::Several => Err(Refused::AmbiguousAlert(id)),
        Found::Unknown => Err(Refused::UnknownAlert(id)),
    })
    .await??;
    if authorized.principal.content && !noted.is_empty() {
        let notes = notes(&state, &authorized.principal, noted).await?;
        render::add_notes(&mut shown, &notes);
    }
    Ok(json(&Value::Object(shown)))
}

/// Reads notes, which are content: that is recorded first.
async fn notes(state: &State, principal: &Principal, noted: Vec<Seq>) -> Result<Vec<Note>, Problem> {
    let place = |seq| Position { ledger: LedgerName::Operations, shard: 0, seq };
    if let Some(first) = noted.first() {
        let columns = ["operations.content".to_owned()];
        state.engine.record_read(principal, "alerts", place(*first), &columns).await?;
    }
    let reader = state.engine.reader(LedgerName::Operations).clone();
    let read = move || -> Result<Vec<Note>, LedgerError> {
        noted.into_iter().filter_map(|seq| note(&reader, seq).transpose()).collect()
    };
    Ok(blocking(read).await??)
}

/// The note in one row; none if it was erased.
fn note(reader: &Reader, seq: Seq) -> Result<Option<Note>, LedgerError> {
    let rows = reader.read(seq, true, ReadLimit { rows: 1, bytes: limits::NOTE_READ_BYTES })?;
    let row = rows.get(0).filter(|row| row.position.seq == seq);
    Ok(row.and_then(|row| row.text(column::CONTENT).map(|text| Note { seq, text: text.to_owned() })))
}

/// The route of one kind of work on an alert. The body has its fields, and may be empty where it needs none.
pub(super) fn work(action: &'static str) -> MethodRouter<State> {
    post(
        async move |extract::State(state): extract::State<State>,
                    authorized: Authorized,
                    Path(id): Path<String>,
                    body: Result<Bytes, BytesRejection>| {
            let mut fields = fields(body)?;
            fields.insert("alert".to_owned(), id.into());
            act(&state, authorized, action, fields).await
        },
    )
}

/// The members of a JSON body.
pub(super) fn fields(body: Result<Bytes, BytesRejection>) -> Result<Map<String, Value>, Problem> {
    let body = body.map_err(|rejection| Problem::new(rejection.status(), "request", rejection.body_text()))?;
    if body.is_empty() {
        return Ok(Map::new());
    }
    let fields: Map<String, Value> = serde_json::from_slice(&body)
        .map_err(|error| Problem::request(format!("the body is no JSON object: {error}")))?;
    // They name the request; the path does that here.
    match ["action", "alert", "silence"].iter().find(|name| fields.contains_key(**name)) {
        Some(name) => Err(Problem::request(format!("the body has a field {name:?}, which belongs into the path"))),
        None => Ok(fields),
    }
}

/// Does what the fields say, in the name of the principal, and answers when it is durable.
pub(super) async fn act(
    state: &State,
    authorized: Authorized,
    action: &str,
    mut fields: Map<String, Value>,
) -> Result<Response, Problem> {
    fields.insert("action".to_owned(), action.into());
    let request: Request =
        serde_json::from_value(fields.into()).map_err(|error| Problem::request(error.to_string()))?;
    let (service, principal) = (Arc::clone(&state.triage), authorized.principal);
    // It waits for an fsync, which blocks.
    let done = blocking(move || service.act(&request, &principal, now())).await??;
    Ok(json(&answer(&done)))
}

/// Looks at the state of alerts now.
pub(super) async fn read<T: Send + 'static>(
    state: &State,
    look: impl FnOnce(&Triage, Timestamp) -> T + Send + 'static,
) -> Result<T, Problem> {
    let service: Arc<TriageService> = Arc::clone(&state.triage);
    // It reads what became durable since, which blocks.
    Ok(blocking(move || service.read(|triage| look(triage, now()))).await??)
}

/// The time now, for what the ledger asks the time of.
pub(super) fn now() -> Timestamp {
    SystemClock.now()
}

pub(super) fn json(value: &Value) -> Response {
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (StatusCode::OK, headers, value.to_string()).into_response()
}

/// What is asked of a list whose only filter is whether it shows what is over, too.
pub(super) struct Listing {
    pub(super) limit: usize,
    pub(super) cursor: Option<String>,
    pub(super) all: bool,
}

impl Listing {
    pub(super) fn parse(parameters: Parameters) -> Result<Self, Problem> {
        let Query(parameters) = parameters.map_err(|rejection| Problem::request(rejection.body_text()))?;
        let mut listing = Self { limit: limits::PAGE_DEFAULT, cursor: None, all: false };
        for (name, value) in &parameters {
            if page_parameter(name, value, &mut listing.limit, &mut listing.cursor)?.is_break() {
                continue;
            }
            if name != "all" {
                return Err(Problem::request(format!("there is no parameter {name:?}")));
            }
            let wrong = |_| Problem::request(format!("all {value:?} is neither true nor false"));
            listing.all = value.parse().map_err(wrong)?;
        }
        Ok(listing)
    }
}

/// Reads `limit` and `cursor`, which every list has; `Continue` for other parameters.
pub(super) fn page_parameter(
    name: &str,
    value: &str,
    limit: &mut usize,
    cursor: &mut Option<String>,
) -> Result<ControlFlow<()>, Problem> {
    match name {
        "limit" => {
            let max = limits::PAGE_MAX;
            let wrong = || Problem::request(format!("limit {value:?} is not a number from 1 to {max}"));
            *limit = value.parse().ok().filter(|limit| (1..=max).contains(limit)).ok_or_else(wrong)?;
        }
        "cursor" => *cursor = Some(value.to_owned()),
        _ => return Ok(ControlFlow::Continue(())),
    }
    Ok(ControlFlow::Break(()))
}
