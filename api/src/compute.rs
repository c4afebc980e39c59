//! `GET /api/v1/compute`: how long workspaces of the last days ran, what that cost, and which of them no rate fits.

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
    authorized.check_read(LedgerName::Events, "compute")?;
    let found = query::compute::summary(&state.engine, &asker(authorized)).await?;
    Ok(answer(&serde_json::to_value(found).map_err(|error| Problem::internal(&error))?))
}
