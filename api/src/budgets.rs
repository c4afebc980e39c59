//! `/api/v1/budgets…`: how hard budgets stand, and the decisions that a gateway asks for: reserve, commit, release. What people change
//! stands in `budgets/change.rs`.
//!
//! What is decided is decided by `operations::budget::BudgetService` and the request's position; here a request is read, its owner bound to the budgets
//! that are his, and the answer written. A decision is durable before it is answered, and the same whenever it is asked
//! again.

mod change;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{self, DefaultBodyLimit, Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{MethodRouter, post};
use ledger::{LedgerName, Timestamp};
use operations::Money;
use operations::access::{Principal, Role};
use operations::budget::{BudgetError, Decided};
use operations::fold::{Balance, BudgetAnswer, Budgets, OpenReservation, Refusal};
use operations::kind::budget_request::{Asked, BudgetCommit, Owner, Request, Reserve};
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub(super) use change::{Work, work};

use super::alerts::{Parameters, json as answer, now, page_parameter, place};
use super::authorized::Authorized;
use super::tail_filter::time_text;
use super::{Problem, State, blocking};
use crate::limits;
use query::QueryError;

/// The body of a reservation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reservation {
    id: String,
    budgets: Vec<String>,
    micros: Money,
    #[serde(default = "ttl_seconds")]
    ttl_seconds: u32,
}

fn ttl_seconds() -> u32 {
    limits::RESERVATION_TTL_SECONDS_DEFAULT
}

/// The body of a commit.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cost {
    id: String,
    micros: Money,
}

/// The body of a release.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    id: String,
}

/// What a gateway asks for.
#[derive(Clone, Copy)]
pub(super) enum Action {
    Reserve,
    Commit,
    Release,
}

impl Action {
    /// The reservation and the request in a body.
    fn read(self, body: &[u8]) -> Result<(String, Request), serde_json::Error> {
        Ok(match self {
            Self::Reserve => {
                let Reservation { id, budgets, micros, ttl_seconds } = serde_json::from_slice(body)?;
                (id, Request::Reserve(Reserve { budgets, micros, ttl_seconds }))
            }
            Self::Commit => {
                let Cost { id, micros } = serde_json::from_slice(body)?;
                (id, Request::Commit(BudgetCommit { micros }))
            }
            Self::Release => {
                let Named { id } = serde_json::from_slice(body)?;
                (id, Request::Release)
            }
        })
    }
}

/// The route of one action.
pub(super) fn decide(action: Action) -> MethodRouter<State> {
    let handler = async move |extract::State(state): extract::State<State>,
                              authorized: Authorized,
                              body: Result<Bytes, BytesRejection>| {
        let principal = &authorized.principal;
        if !principal.may(Role::Budget) || principal.workspace.is_some() {
            let detail =
                format!("{} may not ask for money; that takes the role budget and no fixed workspace", principal.name);
            return Err(Problem::new(StatusCode::FORBIDDEN, "role", detail));
        }
        let body = body.map_err(|rejection| Problem::new(rejection.status(), "request", rejection.body_text()))?;
        let (subject, request) = action.read(&body).map_err(|error| Problem::request(format!("the body: {error}")))?;
        let permit = state.decisions.enter(&principal.token)?;
        let (service, asked) = (Arc::clone(&state.budgets), Asked { owner: owner(principal), subject, request });
        // It waits for an fsync, which blocks.
        let decided = blocking(move || {
            let decided = service.ask(&asked, now());
            drop(permit);
            decided.map(|decided| (asked.subject, decided))
        });
        let (id, decided) = decided.await?.map_err(problem)?;
        decision(&id, decided)
    };
    post(handler).layer(DefaultBodyLimit::max(limits::BUDGET_REQUEST_BYTES_MAX))
}

/// Whose reservations and budgets a principal may use.
fn owner(principal: &Principal) -> Owner {
    Owner { name: principal.name.clone(), org: principal.org.clone(), team: principal.team.clone() }
}

fn decision(id: &str, decided: Decided) -> Result<Response, Problem> {
    let Decided { answer: decision, seq, balances } = decided;
    let mut members = Map::from_iter([
        ("decision".to_owned(), decision.as_str().into()),
        ("id".to_owned(), id.into()),
        ("position".to_owned(), seq.map(place).into()),
        ("budgets".to_owned(), balances.iter().map(|(name, balance)| rest(name, *balance)).collect()),
    ]);
    match decision {
        BudgetAnswer::Refused(refusal) => return Err(refused(&refusal, members)),
        BudgetAnswer::Granted { expires } => members.extend([("expires".to_owned(), time_text(expires).into())]),
        BudgetAnswer::Committed { reserved, unreserved } => members.extend([
            ("reserved_micros".to_owned(), reserved.as_micros().into()),
            ("unreserved_micros".to_owned(), unreserved.as_micros().into()),
        ]),
        BudgetAnswer::Released | BudgetAnswer::Noted => {}
    }
    Ok(answer(&Value::Object(members)))
}

/// A refusal as a problem, with what a program needs to act on it.
fn refused(refusal: &Refusal, mut members: Map<String, Value>) -> Problem {
    let status = match refusal {
        Refusal::Exhausted { .. } => StatusCode::PAYMENT_REQUIRED,
        Refusal::NoBudget(_) | Refusal::Unknown => StatusCode::NOT_FOUND,
        Refusal::Conflict | Refusal::Over => StatusCode::CONFLICT,
        Refusal::TooMany => StatusCode::TOO_MANY_REQUESTS,
    };
    if let Refusal::Exhausted { budget, available, resets } = refusal {
        members.extend([
            ("budget".to_owned(), budget.clone().into()),
            ("available_micros".to_owned(), available.as_micros().into()),
            ("resets".to_owned(), second_text(*resets).into()),
        ]);
    }
    let problem = Problem::new(status, refusal.code(), refusal.to_string()).with(members);
    if matches!(refusal, Refusal::TooMany) { problem.retry_after(1) } else { problem }
}

fn problem(error: BudgetError) -> Problem {
    let again = |code: &'static str, detail: &str| {
        let detail = format!("{detail}; send the same request again: it counts once");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).retry_after(1)
    };
    match error {
        BudgetError::Invalid(detail) => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail),
        BudgetError::Unknown { name } => refused(&Refusal::NoBudget(name), Map::new()),
        error @ BudgetError::Configured { .. } => Problem::new(StatusCode::CONFLICT, "configured", error.to_string()),
        error @ BudgetError::Tenant => Problem::new(StatusCode::FORBIDDEN, "tenant", error.to_string()),
        error @ BudgetError::TooManyBudgets { .. } => {
            Problem::new(StatusCode::CONFLICT, "too_many_budgets", error.to_string())
        }
        error @ BudgetError::ReadOnly => Problem::new(StatusCode::FORBIDDEN, "read_only", error.to_string()),
        BudgetError::Overtaken => again("busy", "it was decided, but so much followed that the answer is not at hand"),
        BudgetError::Append(error) => {
            tracing::error!(%error, "a decision about a budget could not be recorded");
            again("not_recorded", "it could not be recorded in the operations ledger; the server's log says why")
        }
        BudgetError::Ledger(error) => error.into(),
        other => Problem::internal(&other),
    }
}

pub(super) async fn list(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    parameters: Parameters,
) -> Result<Response, Problem> {
    let owner = may_read(&authorized.principal)?;
    let Query(parameters) = parameters.map_err(|rejection| Problem::request(rejection.body_text()))?;
    let (mut limit, mut cursor) = (limits::PAGE_DEFAULT, None);
    for (name, value) in &parameters {
        if page_parameter(name, value, &mut limit, &mut cursor)?.is_continue() {
            return Err(Problem::request(format!("there is no parameter {name:?}")));
        }
    }
    let page = read(&state, move |budgets| page(budgets, &owner, cursor.as_deref(), limit)).await?;
    Ok(answer(&page))
}

pub(super) async fn show(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    Path(name): Path<String>,
) -> Result<Response, Problem> {
    let owner = may_read(&authorized.principal)?;
    let shown = read(&state, move |budgets| {
        let set = budgets.terms(&name).filter(|set| set.scope.admits(&owner));
        let Some(mut shown) = set.and_then(|_| budget(budgets, &name)) else { return Err(Refusal::NoBudget(name)) };
        let open = budgets.open().filter(|open| open.terms.budgets.contains(&name)).take(limits::PAGE_MAX);
        shown.insert("reservations".to_owned(), open.map(reservation).collect());
        Ok(shown)
    });
    match shown.await? {
        Ok(shown) => Ok(answer(&Value::Object(shown))),
        Err(refusal) => Err(refused(&refusal, Map::new())),
    }
}

/// Analysts, auditors and gateways see budgets; those of a tenant see the tenant's.
fn may_read(principal: &Principal) -> Result<Owner, Problem> {
    if principal.may_read(LedgerName::Operations) || principal.may(Role::Budget) {
        return Ok(owner(principal));
    }
    Err(QueryError::TableDenied { table: "budgets".to_owned(), principal: principal.name.clone() }.into())
}

async fn read<T: Send + 'static>(
    state: &State,
    look: impl FnOnce(&Budgets) -> T + Send + 'static,
) -> Result<T, Problem> {
    let service = Arc::clone(&state.budgets);
    // It reads what became durable since, which blocks.
    blocking(move || service.read(look)).await?.map_err(problem)
}

fn page(budgets: &Budgets, owner: &Owner, after: Option<&str>, limit: usize) -> Value {
    let visible = || budgets.all_terms().filter(|(_, set)| set.scope.admits(owner));
    let mut rest = visible().filter(|(name, _)| after.is_none_or(|after| *name > after));
    let shown: Vec<(&str, Value)> =
        rest.by_ref().filter_map(|(name, _)| Some((name, budget(budgets, name)?.into()))).take(limit).collect();
    let next = rest.next().and(shown.last()).map(|(name, _)| (*name).to_owned());
    let shown: Vec<Value> = shown.into_iter().map(|(_, budget)| budget).collect();
    json!({ "budgets": shown, "total": visible().count(), "next": next })
}

/// A budget as answers show it.
fn budget(budgets: &Budgets, name: &str) -> Option<Map<String, Value>> {
    let (set, balance) = budgets.terms(name).zip(budgets.balance(name))?;
    let configured = budgets.configured(name).and_then(|set| set.cap_micros);
    let Balance { committed_micros, reserved_micros, unreserved_micros, observed_micros, open, window, .. } = balance;
    let members: [(&str, Value); 17] = [
        ("name", name.into()),
        ("state", if set.cap_micros.is_some() { "open" } else { "closed" }.into()),
        ("cap_micros", set.cap_micros.map(Money::as_micros).into()),
        ("configured_cap_micros", configured.map(Money::as_micros).into()),
        ("set_by", budgets.set_by(name).into()),
        ("origin", set.origin.as_str().into()),
        ("available_micros", balance.available().as_micros().into()),
        ("committed_micros", committed_micros.as_micros().into()),
        ("reserved_micros", reserved_micros.as_micros().into()),
        ("unreserved_micros", unreserved_micros.as_micros().into()),
        ("observed_micros", observed_micros.as_micros().into()),
        ("open_reservations", open.into()),
        ("period", set.period.as_str().into()),
        ("utc_offset_minutes", set.offset_minutes.into()),
        ("starts", second_text(window.start).into()),
        ("resets", second_text(window.end).into()),
        // A scope holds texts: it always has a JSON form.
        ("scope", serde_json::to_value(&set.scope).unwrap_or_default()),
    ];
    Some(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// What a budget has left, beside a decision.
fn rest(name: &str, balance: Balance) -> Value {
    json!({
        "name": name, "available_micros": balance.available(), "cap_micros": balance.cap_micros,
        "resets": second_text(balance.window.end),
    })
}

fn reservation(open: OpenReservation<'_>) -> Value {
    json!({
        "id": open.id, "owner": open.owner.name, "budgets": open.terms.budgets, "micros": open.terms.micros,
        "expires": time_text(open.expires),
    })
}

fn second_text(second: i64) -> String {
    time_text(Timestamp::from_unix_seconds(second))
}
