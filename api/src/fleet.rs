//! `GET /api/v1/fleet`: what every agent does now, in order of attention, and what all of them come to.
//!
//! The fold of `query::fleet` answers; here a request is only read and an answer written. What was made from content is sent to whoever
//! asks for it and may read it, and that is recorded.

pub(crate) mod render;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::extract::{self, Query};
use axum::response::Response;
use ledger::{LedgerName, Position};
use query::QueryError;
use query::fleet::{AgentState, CONTENT_COLUMNS, Filter};
use serde_json::json;

use super::alerts::{Parameters, json as answer, now, page_parameter};
use super::authorized::Authorized;
use super::{Problem, State, blocking};
use crate::limits;
use crate::tail_filter::time_text;

/// What is asked for.
#[derive(Debug)]
struct Wanted {
    filter: Filter,
    limit: usize,
    cursor: Option<String>,
    content: bool,
}

pub(super) async fn list(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    parameters: Parameters,
) -> Result<Response, Problem> {
    authorized.check_read(LedgerName::Events, "agents")?;
    let Query(parameters) = parameters.map_err(|rejection| Problem::request(rejection.body_text()))?;
    let Wanted { filter, limit, cursor, content } = Wanted::parse(&parameters)?;
    read_content(&state, &authorized, content, "fleet").await?;
    let (fleet, now) = (Arc::clone(state.engine.fleet()), now());
    let read =
        move || fleet.read(now, |view| (view.page(&filter, cursor.as_deref(), limit), render::place(view.place)));
    let (page, position) = blocking(read).await??;
    let page = page.ok_or_else(|| Problem::request("the cursor is not one that a page ended with"))?;
    let agents: Vec<_> = page.agents.into_iter().map(|row| render::agent(row, content)).collect();
    Ok(answer(&json!({
        "agents": agents,
        "total": page.total,
        "next": page.next,
        "counters": render::counters(&page.counters),
        "position": position,
        "at": time_text(now),
    })))
}

/// Refuses content to whoever may not read it, and records that it is read.
pub(super) async fn read_content(
    state: &State,
    authorized: &Authorized,
    content: bool,
    via: &str,
) -> Result<(), Problem> {
    let principal = &authorized.principal;
    if !content {
        return Ok(());
    }
    if !principal.content {
        let (column, principal) = ("events.command".to_owned(), principal.name.clone());
        return Err(QueryError::ContentDenied { column, principal }.into());
    }
    let reader = state.engine.reader(LedgerName::Events).clone();
    let seq = blocking(move || reader.durable()).await??.next_seq;
    let from = Position { ledger: LedgerName::Events, shard: 0, seq };
    Ok(state.engine.record_read(principal, via, from, &CONTENT_COLUMNS.map(str::to_owned)).await?)
}

/// Whether a parameter says true or false.
pub(super) fn flag(name: &str, value: &str) -> Result<bool, Problem> {
    value.parse().map_err(|_| Problem::request(format!("{name} {value:?} is neither true nor false")))
}

impl Wanted {
    fn parse(parameters: &[(String, String)]) -> Result<Self, Problem> {
        if parameters.len() > limits::LIST_FILTERS_MAX {
            return Err(Problem::request(format!("there are more than {} parameters", limits::LIST_FILTERS_MAX)));
        }
        let mut wanted = Self { filter: Filter::default(), limit: limits::PAGE_DEFAULT, cursor: None, content: false };
        for (name, value) in parameters {
            if page_parameter(name, value, &mut wanted.limit, &mut wanted.cursor)?.is_break() {
                continue;
            }
            match name.as_str() {
                "team" => wanted.filter.teams.push(value.clone()),
                "agent" => wanted.filter.prefix = Some(value.clone()),
                "state" => {
                    let words = AgentState::ALL.map(AgentState::as_str).join(", ");
                    let unknown = || Problem::request(format!("state {value:?} is not one of {words}"));
                    wanted.filter.states.push(AgentState::by_word(value).ok_or_else(unknown)?);
                }
                "content" => wanted.content = flag(name, value)?,
                _ => return Err(Problem::request(format!("there is no parameter {name:?}"))),
            }
        }
        Ok(wanted)
    }
}
