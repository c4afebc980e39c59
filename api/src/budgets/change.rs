//! `/api/v1/budgets/{budget}/set`, `/close` and `/reset`: people change hard budgets. What may be changed is decided by the service.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{self, DefaultBodyLimit, Path};
use axum::http::StatusCode;
use axum::routing::{MethodRouter, post};
use operations::Money;
use operations::access::{Role, Trust};
use operations::budget::Change;
use operations::calendar::Period;
use operations::kind::budget_request::{FAMILIES_DEFAULT, Scope};
use serde::Deserialize;
use serde_json::Map;

use super::super::alerts::{json as answer, place};
use super::super::authorized::Authorized;
use super::super::{Problem, State, blocking};
use super::{budget, owner, problem};
use crate::limits;

/// How a budget is to be set. What is not given stays as it is; of a new budget it is what the configuration would take.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewBudget {
    cap_micros: Money,
    period: Option<Period>,
    utc_offset_minutes: Option<i16>,
    org: Option<String>,
    team: Option<String>,
    user: Option<String>,
    agent: Option<String>,
    run: Option<String>,
    workspace: Option<String>,
    families: Option<Vec<String>>,
    trust: Option<Vec<Trust>>,
}

impl NewBudget {
    fn change(self) -> Change {
        let Self { cap_micros, period, utc_offset_minutes, org, team, user, agent, run, workspace, .. } = self;
        let is_named = [&org, &team, &user, &agent, &run, &workspace].iter().any(|name| name.is_some());
        // A scope is changed as a whole.
        let is_given = is_named || self.families.is_some() || self.trust.is_some();
        let families = self.families.unwrap_or_else(|| FAMILIES_DEFAULT.map(str::to_owned).to_vec());
        let trust = self.trust.unwrap_or_default();
        let scope = is_given.then(|| Box::new(Scope { org, team, user, agent, run, workspace, families, trust }));
        Change::Set { cap: cap_micros, period, offset_minutes: utc_offset_minutes, scope }
    }
}

/// What a person does to a budget.
#[derive(Clone, Copy)]
pub(crate) enum Work {
    Set,
    Close,
    Reset,
}

/// The route of one kind of work.
pub(crate) fn work(work: Work) -> MethodRouter<State> {
    let handler = async move |extract::State(state): extract::State<State>,
                              authorized: Authorized,
                              Path(name): Path<String>,
                              body: Result<Bytes, BytesRejection>| {
        let principal = &authorized.principal;
        if !principal.may(Role::Admin) {
            let detail = format!("{} may not set budgets; that takes the role admin", principal.name);
            return Err(Problem::new(StatusCode::FORBIDDEN, "role", detail));
        }
        let body = body.map_err(|rejection| Problem::new(rejection.status(), "request", rejection.body_text()))?;
        let wrong = |error| Problem::request(format!("the body: {error}"));
        let change = match work {
            Work::Set => serde_json::from_slice::<NewBudget>(&body).map_err(wrong)?.change(),
            Work::Close => Change::Close,
            Work::Reset => Change::Reset,
        };
        let (service, owner) = (Arc::clone(&state.budgets), owner(principal));
        // It waits for an fsync, which blocks.
        let changed = blocking(move || {
            let seq = service.change(&name, change, &owner)?;
            service.read(|budgets| {
                // Nothing more is known of a budget that was closed before anything was taken from it.
                let gone = || {
                    Map::from_iter([("name".to_owned(), name.as_str().into()), ("state".to_owned(), "closed".into())])
                };
                let mut shown = budget(budgets, &name).unwrap_or_else(gone);
                shown.insert("position".to_owned(), seq.map(place).into());
                shown
            })
        });
        Ok(answer(&changed.await?.map_err(problem)?.into()))
    };
    post(handler).layer(DefaultBodyLimit::max(limits::BUDGET_REQUEST_BYTES_MAX))
}
