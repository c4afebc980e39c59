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
    /// The scope, if a part of it is given or the budget is new: a scope is changed as a whole.
    fn scope(&self, is_new: bool) -> Option<Scope> {
        let names = [&self.org, &self.team, &self.user, &self.agent, &self.run, &self.workspace];
        let is_given = names.iter().any(|name| name.is_some()) || self.families.is_some() || self.trust.is_some();
        (is_given || is_new).then(|| Scope {
            org: self.org.clone(),
            team: self.team.clone(),
            user: self.user.clone(),
            agent: self.agent.clone(),
            run: self.run.clone(),
            workspace: self.workspace.clone(),
            families: self.families.clone().unwrap_or_else(|| FAMILIES_DEFAULT.map(str::to_owned).to_vec()),
            trust: self.trust.clone().unwrap_or_default(),
        })
    }

    fn change(&self, is_new: bool) -> Change {
        let period = (self.period.is_some() || self.utc_offset_minutes.is_some())
            .then(|| (self.period.unwrap_or(Period::Day), self.utc_offset_minutes.unwrap_or_default()));
        Change::Set { cap: self.cap_micros, period, scope: self.scope(is_new).map(Box::new) }
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
        let new: Option<NewBudget> = match work {
            Work::Set => {
                Some(serde_json::from_slice(&body).map_err(|error| Problem::request(format!("the body: {error}")))?)
            }
            Work::Close | Work::Reset => None,
        };
        let (service, owner) = (Arc::clone(&state.budgets), owner(principal));
        // It waits for an fsync, which blocks.
        let changed = blocking(move || {
            let is_new = service.read(|budgets| budgets.terms(&name).is_none_or(|set| set.cap_micros.is_none()))?;
            let change = match (&new, work) {
                (Some(new), _) => new.change(is_new),
                (None, Work::Reset) => Change::Reset,
                (None, _) => Change::Close,
            };
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
