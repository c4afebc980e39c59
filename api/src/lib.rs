//! The HTTP API: routes, who may use them, and their document.
//!
//! `src/` binds the listeners and hands in who may come and what runs. A new route is one line in [`ROUTES`] and its entry in
//! `openapi.json`; a test holds both together.

// Tests stop at the first surprise; a typed error would only hide where it happened.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod alerts;
mod attribution;
mod authorized;
mod budgets;
mod compute;
mod concurrency_limiter;
#[cfg(test)]
mod fixtures;
mod fleet;
pub mod limits;
mod logins;
mod outside;
mod problem;
mod records;
mod server;
mod sessions;
mod silences;
mod slack;
mod sql;
mod stream;
mod tail;
mod tail_filter;
mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use operations::access::{Authorize, LoginService, TokenService};
use operations::budget;
use operations::triage::TriageService;
use tokio_util::sync::CancellationToken;

use budgets::{Action, Work};
use concurrency_limiter::ConcurrencyLimiter;
use query::Engine;

pub use authorized::{Address, Peer};
pub use problem::Problem;
pub use server::{Server, ServerError};
pub use slack::{Interactions, SlackApps};

/// The document that describes the routes: OpenAPI 3.1.
pub const OPENAPI: &str = include_str!("openapi.json");

/// What the routes ask.
pub struct Services {
    /// Answers SQL.
    pub engine: Engine,
    /// Knows who shows a token.
    pub authorize: Arc<dyn Authorize>,
    /// Where alerts are worked on.
    pub triage: Arc<TriageService>,
    /// Where money is asked for.
    pub budgets: Arc<budget::BudgetService>,
    /// Creates and revokes tokens.
    pub tokens: Arc<TokenService>,
    /// Lets people into the console.
    pub logins: Arc<LoginService>,
    /// What runs behind the API.
    pub server: Arc<dyn Server>,
    /// Cancelled when answers without an end are to end.
    pub stop: CancellationToken,
}

/// What the routes share.
#[derive(Clone)]
pub struct State {
    engine: Engine,
    authorize: Arc<dyn Authorize>,
    triage: Arc<TriageService>,
    budgets: Arc<budget::BudgetService>,
    tokens: Arc<TokenService>,
    logins: Arc<LoginService>,
    server: Arc<dyn Server>,
    stop: CancellationToken,
    decisions: ConcurrencyLimiter,
    slack: Interactions,
    tails: ConcurrencyLimiter,
    streams: ConcurrencyLimiter,
}

impl State {
    /// Answers with these services.
    pub fn new(services: Services) -> Self {
        let Services { engine, authorize, triage, budgets, tokens, logins, server, stop } = services;
        let decisions = ConcurrencyLimiter::new(
            "requests for decisions",
            limits::BUDGET_REQUESTS_MAX,
            limits::BUDGET_REQUESTS_PER_TOKEN_MAX,
        );
        let tails = ConcurrencyLimiter::new("live tails", limits::TAILS_MAX, limits::TAILS_PER_TOKEN_MAX);
        let streams = ConcurrencyLimiter::new("live streams", limits::STREAMS_MAX, limits::STREAMS_PER_TOKEN_MAX);
        let slack = Interactions::default();
        Self { engine, authorize, triage, budgets, tokens, logins, server, stop, decisions, slack, tails, streams }
    }

    /// Listens to the buttons of messages too.
    #[must_use]
    pub fn with_slack(mut self, slack: Interactions) -> Self {
        self.slack = slack;
        self
    }
}

/// One route.
struct Route {
    method: &'static str,
    path: &'static str,
    handler: fn() -> MethodRouter<State>,
}

/// All routes.
const ROUTES: &[Route] = &[
    Route { method: "post", path: "/api/v1/query", handler: || post(sql::run) },
    Route { method: "get", path: "/api/v1/tail", handler: || get(tail::follow) },
    Route { method: "get", path: "/api/v1/fleet", handler: || get(fleet::list) },
    Route { method: "get", path: "/api/v1/stream", handler: || get(stream::follow) },
    Route { method: "get", path: "/api/v1/alerts", handler: || get(alerts::list) },
    Route { method: "get", path: "/api/v1/alerts/{alert}", handler: || get(alerts::show) },
    Route { method: "post", path: "/api/v1/alerts/{alert}/ack", handler: || alerts::work("ack") },
    Route { method: "post", path: "/api/v1/alerts/{alert}/assign", handler: || alerts::work("assign") },
    Route { method: "post", path: "/api/v1/alerts/{alert}/note", handler: || alerts::work("note") },
    Route { method: "post", path: "/api/v1/alerts/{alert}/resolve", handler: || alerts::work("resolve") },
    Route { method: "post", path: "/api/v1/alerts/{alert}/reopen", handler: || alerts::work("reopen") },
    Route { method: "post", path: "/api/v2/alerts", handler: || post(outside::receive) },
    Route { method: "get", path: "/api/v1/sessions", handler: || get(sessions::list) },
    Route { method: "get", path: "/api/v1/sessions/{session}", handler: || get(sessions::show) },
    Route { method: "get", path: "/api/v1/sessions/{session}/records", handler: || get(sessions::records) },
    Route { method: "get", path: "/api/v1/records", handler: || get(records::list) },
    Route { method: "get", path: "/api/v1/records/{position}", handler: || get(records::show) },
    Route { method: "get", path: "/api/v1/attribution", handler: || get(attribution::show) },
    Route { method: "get", path: "/api/v1/compute", handler: || get(compute::show) },
    Route { method: "get", path: "/api/v1/silences", handler: || get(silences::list) },
    Route { method: "post", path: "/api/v1/silences", handler: || post(silences::begin) },
    Route { method: "post", path: "/api/v1/silences/{silence}/expire", handler: || post(silences::expire) },
    Route { method: "get", path: "/api/v1/budgets", handler: || get(budgets::list) },
    Route { method: "get", path: "/api/v1/budgets/{budget}", handler: || get(budgets::show) },
    Route { method: "post", path: "/api/v1/budgets/{budget}/set", handler: || budgets::work(Work::Set) },
    Route { method: "post", path: "/api/v1/budgets/{budget}/close", handler: || budgets::work(Work::Close) },
    Route { method: "post", path: "/api/v1/budgets/{budget}/reset", handler: || budgets::work(Work::Reset) },
    Route { method: "post", path: "/api/v1/budgets/reserve", handler: || budgets::decide(Action::Reserve) },
    Route { method: "post", path: "/api/v1/budgets/commit", handler: || budgets::decide(Action::Commit) },
    Route { method: "post", path: "/api/v1/budgets/release", handler: || budgets::decide(Action::Release) },
    Route { method: "get", path: "/api/v1/tokens", handler: || get(tokens::list) },
    Route { method: "post", path: "/api/v1/tokens", handler: || post(tokens::create) },
    Route { method: "post", path: "/api/v1/tokens/{token}/revoke", handler: || post(tokens::revoke) },
    Route { method: "post", path: "/api/v1/logins", handler: || post(logins::create) },
    Route { method: "get", path: "/api/v1/sinks", handler: || get(server::sinks) },
    Route { method: "post", path: "/api/v1/sinks/{sink}/retry", handler: || post(server::retry) },
    Route { method: "post", path: "/api/v1/sinks/{sink}/pause", handler: || post(server::pause) },
    Route { method: "post", path: "/api/v1/sinks/{sink}/resume", handler: || post(server::resume) },
    Route { method: "post", path: "/api/v1/sinks/{sink}/backfills", handler: || post(server::backfill) },
    Route {
        method: "post",
        path: "/api/v1/sinks/{sink}/backfills/{backfill}/cancel",
        handler: || post(server::cancel_backfill),
    },
    Route { method: "get", path: "/api/v1/integrity", handler: || get(server::integrity) },
    Route { method: "post", path: "/api/v1/integrity/verify", handler: || post(server::verify) },
    Route { method: "get", path: "/api/v1/status", handler: || get(server::status) },
    Route { method: "post", path: "/api/v1/integrations/slack/interactions", handler: slack::interactions },
    Route { method: "get", path: "/api/v1/openapi.json", handler: || get(openapi) },
];

/// The API's router, for the console's listener, the control socket and commands in this process.
pub fn router(state: State) -> Router {
    let routes = ROUTES.iter().fold(Router::new(), |router, route| {
        tracing::debug!(method = route.method, path = route.path, "route");
        router.route(route.path, (route.handler)())
    });
    routes.layer(DefaultBodyLimit::max(limits::REQUEST_BYTES_MAX)).with_state(state)
}

/// Does work that reads the disk or waits for an fsync on a thread for that.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Problem::internal(&error))
}

async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], OPENAPI).into_response()
}

#[cfg(test)]
mod tests;
