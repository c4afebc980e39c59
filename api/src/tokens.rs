//! `/api/v1/tokens…`: who may come. What may be done is decided by the service; here a request is read and an answer written.
//!
//! A secret leaves in the answer to its creation and never again.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{self, Path};
use axum::http::StatusCode;
use axum::response::Response;
use operations::access::{Directory, NewToken, TokenError, TokenState};
use serde_json::{Map, Value, json};

use super::alerts::{Listing, Parameters, json as answer};
use super::authorized::Authorized;
use super::tail_filter::time_text;
use super::{Problem, State, blocking};

pub(super) async fn list(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let Listing { limit, cursor, all } = Listing::parse(parameters)?;
    let (tokens, principal) = (Arc::clone(&state.tokens), authorized.principal);
    // It reads what became durable since, which blocks.
    let page = move || tokens.read(&principal, |directory| page(directory, all, cursor.as_deref(), limit));
    Ok(answer(&blocking(page).await?.map_err(problem)?))
}

fn page(directory: &Directory, all: bool, after: Option<&str>, limit: usize) -> Value {
    let wanted = || directory.tokens().iter().filter(|(_, token)| all || token.revoked.is_none());
    let mut rest = wanted().filter(|(id, _)| after.is_none_or(|after| id.as_str() > after));
    let shown: Vec<(&String, &TokenState)> = rest.by_ref().take(limit).collect();
    let next = rest.next().and(shown.last()).map(|(id, _)| (*id).clone());
    let shown: Vec<Value> = shown.into_iter().map(|(_, token)| listed(token)).collect();
    json!({ "tokens": shown, "total": wanted().count(), "next": next })
}

fn listed(token: &TokenState) -> Value {
    // A principal holds texts and words: it always has a JSON form.
    let mut members = match serde_json::to_value(&*token.principal) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    members.insert("created".to_owned(), time_text(token.created).into());
    members.extend(token.revoked.map(|revoked| ("revoked".to_owned(), time_text(revoked).into())));
    members.into()
}

pub(super) async fn create(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| Problem::new(rejection.status(), "request", rejection.body_text()))?;
    let new: NewToken =
        serde_json::from_slice(&body).map_err(|error| Problem::request(format!("the body: {error}")))?;
    let (tokens, principal) = (Arc::clone(&state.tokens), authorized.principal);
    // It waits for an fsync, which blocks.
    let created = blocking(move || tokens.create(new, &principal)).await?.map_err(problem)?;
    Ok(answer(&json!({
        "id": created.id,
        "secret": created.secret.reveal(),
        "position": created.receipt.first.to_string(),
        "recorded": time_text(created.receipt.recorded),
    })))
}

pub(super) async fn revoke(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let (tokens, principal) = (Arc::clone(&state.tokens), authorized.principal);
    // It waits for an fsync, which blocks.
    let revoke = move || tokens.revoke(&id, &principal).map(|revoked| (id, revoked));
    let (id, revoked) = blocking(revoke).await?.map_err(problem)?;
    Ok(answer(&json!({
        "id": id,
        "name": revoked.name,
        "position": revoked.receipt.first.to_string(),
        "recorded": time_text(revoked.receipt.recorded),
    })))
}

fn problem(error: TokenError) -> Problem {
    let (status, code) = match error {
        TokenError::Role(_) | TokenError::Bound(_) => (StatusCode::FORBIDDEN, "role"),
        TokenError::Content(_) => (StatusCode::FORBIDDEN, "content_permission"),
        TokenError::ReadOnly => (StatusCode::FORBIDDEN, "read_only"),
        TokenError::Name | TokenError::Reserved | TokenError::Dialects | TokenError::Roles => {
            (StatusCode::UNPROCESSABLE_ENTITY, "invalid")
        }
        TokenError::Unknown(_) => (StatusCode::NOT_FOUND, "unknown_token"),
        TokenError::Revoked(_) => (StatusCode::CONFLICT, "already_revoked"),
        TokenError::TooMany => (StatusCode::CONFLICT, "too_many_tokens"),
        TokenError::Append(error) => return Problem::not_recorded(&error),
        TokenError::Ledger(error) => return error.into(),
        other => return Problem::internal(&other),
    };
    Problem::new(status, code, error.to_string())
}
