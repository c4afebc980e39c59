//! The HTTP API: routes, who may use them, and their document.
//!
//! `src/` binds the listener and hands in who may come. A new route is one line in [`ROUTES`] and its entry in
//! `openapi.json`; a test holds both together.

// Tests stop at the first surprise; a typed error would only hide where it happened.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod alerts;
mod authorized;
mod budgets;
#[cfg(test)]
mod fixtures;
pub mod limits;
mod problem;
mod silences;
mod slack;
mod sql;
mod tail;
mod tail_filter;
mod turnstile;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use operations::access::Authorize;
use operations::budget;
use operations::triage::Desk;

use budgets::Action;
use query::Engine;
use turnstile::Turnstile;

pub use alerts::answer;
pub use problem::Problem;
pub use slack::{Interactions, SlackApps};

/// The document that describes the routes: OpenAPI 3.1.
pub const OPENAPI: &str = include_str!("openapi.json");

/// What the routes share.
#[derive(Clone)]
pub struct State {
    engine: Engine,
    authorize: Arc<dyn Authorize>,
    desk: Arc<Desk>,
    budgets: Arc<budget::Desk>,
    decisions: Turnstile,
    slack: Interactions,
    tails: Turnstile,
}

impl State {
    /// Answers with `engine`, about alerts with `desk` and about money with `budgets`, whoever `authorize` knows.
    pub fn new(engine: Engine, authorize: Arc<dyn Authorize>, desk: Arc<Desk>, budgets: Arc<budget::Desk>) -> Self {
        let decisions = Turnstile::new(
            "requests for decisions",
            limits::BUDGET_REQUESTS_MAX,
            limits::BUDGET_REQUESTS_PER_TOKEN_MAX,
        );
        let tails = Turnstile::new("live tails", limits::TAILS_MAX, limits::TAILS_PER_TOKEN_MAX);
        Self { engine, authorize, desk, budgets, decisions, slack: Interactions::default(), tails }
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
    Route { method: "get", path: "/api/v1/alerts", handler: || get(alerts::list) },
    Route { method: "get", path: "/api/v1/alerts/{alert}", handler: || get(alerts::show) },
    Route { method: "post", path: "/api/v1/alerts/{alert}/ack", handler: || alerts::work("ack") },
    Route { method: "post", path: "/api/v1/alerts/{alert}/assign", handler: || alerts::work("assign") },
    Route { method: "post", path: "/api/v1/alerts/{alert}/note", handler: || alerts::work("note") },
    Route { method: "post", path: "/api/v1/alerts/{alert}/resolve", handler: || alerts::work("resolve") },
    Route { method: "post", path: "/api/v1/alerts/{alert}/reopen", handler: || alerts::work("reopen") },
    Route { method: "get", path: "/api/v1/silences", handler: || get(silences::list) },
    Route { method: "post", path: "/api/v1/silences", handler: || post(silences::begin) },
    Route { method: "post", path: "/api/v1/silences/{silence}/expire", handler: || post(silences::expire) },
    Route { method: "get", path: "/api/v1/budgets", handler: || get(budgets::list) },
    Route { method: "get", path: "/api/v1/budgets/{budget}", handler: || get(budgets::show) },
    Route { method: "post", path: "/api/v1/budgets/reserve", handler: || budgets::decide(Action::Reserve) },
    Route { method: "post", path: "/api/v1/budgets/commit", handler: || budgets::decide(Action::Commit) },
    Route { method: "post", path: "/api/v1/budgets/release", handler: || budgets::decide(Action::Release) },
    Route { method: "post", path: "/api/v1/integrations/slack/interactions", handler: slack::interactions },
    Route { method: "get", path: "/api/v1/openapi.json", handler: || get(openapi) },
];

/// The API's router, to be merged into the console's listener.
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
