//! `GET /api/v1/attribution`: which part of what was spent has a person, and what to do about the rest.

use axum::extract;
use axum::response::Response;
use ledger::LedgerName;

use super::alerts::json as answer;
use super::authorized::Authorized;
use super::sessions::asker;
use super::{Problem, State};

pub(super) async fn show(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
) -> Result<Response, Problem> {
    authorized.check_read(LedgerName::Events, "spend")?;
    let found = query::attribution::attribution(&state.engine, &asker(authorized)).await?;
    Ok(answer(&serde_json::to_value(found).map_err(|error| Problem::internal(&error))?))
}
