//! `/api/v1/logins`: links that let a person into the console once. What may be done is decided by the service.
//!
//! The secret of a link leaves in the answer to its creation and never again.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::Response;
use operations::access::{LoginError, PROVIDER_PREFIX, Principal, Role, Trust};
use serde::Deserialize;
use serde_json::json;

use super::alerts::{json as answer, now};
use super::authorized::Authorized;
use super::{Problem, State};

/// For whom a link is.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Wanted {
    /// Name of the person; whoever asks, if none is given.
    name: Option<String>,
    /// What the person may do; what whoever asks may do, if none is given.
    roles: Vec<Role>,
    /// Whether the person may read content.
    content: bool,
}

pub(super) async fn create(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| Problem::new(rejection.status(), "request", rejection.body_text()))?;
    let wanted = if body.is_empty() {
        Wanted::default()
    } else {
        serde_json::from_slice(&body).map_err(|error| Problem::request(format!("the body: {error}")))?
    };
    let visitor = visitor(wanted, &authorized.principal)?;
    let secret = state.logins.invite(visitor, now()).map_err(problem)?;
    let seconds = operations::limits::INVITATION_AGE_MAX.as_secs();
    Ok(answer(&json!({ "path": format!("/login?code={}", secret.reveal()), "seconds": seconds })))
}

/// Whom the link lets in: nobody who may do more than `principal`.
fn visitor(Wanted { name, roles, content }: Wanted, principal: &Arc<Principal>) -> Result<Principal, Problem> {
    let denied = |code, detail: String| Problem::new(StatusCode::FORBIDDEN, code, detail);
    if !principal.may(Role::Admin) {
        let detail = format!("{} may not make links that let people in; that takes the role admin", principal.name);
        return Err(denied("role", detail));
    }
    let Principal { workspace, user, team, org, .. } = &**principal;
    if [workspace, user, team, org].into_iter().any(Option::is_some) {
        let detail = format!("{} is bound to a workspace, user, team or organisation", principal.name);
        return Err(denied("role", detail));
    }
    if name.is_none() && roles.is_empty() {
        return Ok((**principal).clone());
    }
    if content && !principal.content {
        let detail = format!("{} may not read content, and so may not let others read it", principal.name);
        return Err(denied("content_permission", detail));
    }
    let max = operations::limits::TOKEN_NAME_BYTES_MAX;
    let name = name.unwrap_or_else(|| principal.name.clone());
    if !(1..=max).contains(&name.len()) || name.chars().any(char::is_control) {
        return Err(Problem::request(format!("names have 1 to {max} bytes and no control characters")));
    }
    if name.starts_with(PROVIDER_PREFIX) {
        let detail =
            format!("names that begin with {PROVIDER_PREFIX} belong to people who come by the OpenID provider");
        return Err(Problem::request(detail));
    }
    let roles = if roles.is_empty() { vec![Role::Analyst] } else { roles };
    if roles.iter().all(|role| matches!(role, Role::Ingest | Role::Budget)) {
        return Err(Problem::request("a person at the console has one of the roles analyst, auditor, admin"));
    }
    let token = format!("link:{name}");
    Ok(Principal { token, name, roles, content, trust: Trust::Agent, dialects: Vec::new(), ..(**principal).clone() })
}

fn problem(error: LoginError) -> Problem {
    match error {
        LoginError::Full => Problem::new(StatusCode::CONFLICT, "too_many_logins", error.to_string()),
        LoginError::Append(error) => Problem::not_recorded(&error),
        other => Problem::internal(&other),
    }
}
