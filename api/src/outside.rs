//! `/api/v2/alerts`: alerts of other systems, as they are posted to Alertmanager. They join the same triage. What a post says and what becomes
//! of it is decided by `operations::outside` and the service of triage.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract;
use axum::extract::rejection::BytesRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use operations::access::Role;
use operations::outside;

use super::alerts::now;
use super::authorized::Authorized;
use super::{Problem, State, blocking};

/// Takes a post. As Alertmanager does, alerts that are in order are taken although others of the post are not, and the answer is 400 then.
pub(super) async fn receive(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let principal = &authorized.principal;
    if !principal.may(Role::Ingest) && !principal.may(Role::Admin) {
        let detail = format!("{} may not post alerts; that takes the role ingest or admin", principal.name);
        return Err(Problem::new(StatusCode::FORBIDDEN, "role", detail));
    }
    let body = body.map_err(|rejection| Problem::new(rejection.status(), "request", rejection.body_text()))?;
    let post = outside::read(&body).map_err(|error| Problem::request(error.to_string()))?;
    let (triage, name) = (Arc::clone(&state.triage), principal.name.clone());
    // It waits for an fsync, which blocks.
    let taken = blocking(move || triage.receive(&post.alerts, &name, None, now())).await??;
    if !post.refused.is_empty() {
        return Err(Problem::request(post.refused.join("; ")));
    }
    if taken.refused > 0 {
        let detail = format!("{} alerts were not taken, because too many are open", taken.refused);
        return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_alerts", detail));
    }
    Ok(StatusCode::OK.into_response())
}
