//! The console: pages over the API, who is let in, and the files that pages need.
//!
//! A page asks the API in this process for what it shows, in the name of whoever looks: permissions, bounds and records of reads are the
//! API's. A page is one file in `page/` (routes and questions), one template in `web/templates/`, at most one module in
//! `web/static/`, and one line in [`PAGES`], from which navigation, routes, permissions and the tests over all pages derive.
//! Everything that an event brought is text that an attacker wrote: it is shown through [`shown`], never as markup or link.

// Tests stop at the first surprise; a typed error would only hide where it happened.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod ask;
mod assets;
pub mod demo;
mod export;
mod figures;
mod frame;
mod guard;
mod limits;
mod login;
mod page;
pub mod provider;
pub mod recipes;
pub mod shown;
mod trouble;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use demo::Demo;
use export::Exports;
use login::Attempts;
use operations::access::LoginService;
use provider::Provider;
use query::Engine;
use tower::ServiceExt;

pub use page::sql::QUERIES;
pub use page::{DEMO_PAGES, Group, PAGES, Page};

/// What the pages ask.
pub struct Services {
    /// The API in this process.
    pub api: Router,
    /// Answers what is exported.
    pub engine: Engine,
    /// Lets people in.
    pub logins: Arc<LoginService>,
    /// The OpenID provider that says who people are, if the configuration has one.
    pub provider: Arc<dyn Provider>,
    /// Whether browsers come over TLS: then cookies never leave without it.
    pub is_secure: bool,
    /// The demo that runs in this process, if one does.
    pub demo: Option<Arc<dyn Demo>>,
}

/// What the routes share.
#[derive(Clone)]
pub struct State {
    api: Router,
    exports: Exports,
    logins: Arc<LoginService>,
    provider: Arc<dyn Provider>,
    /// Logins that are at the provider.
    attempts: Arc<Attempts>,
    is_secure: bool,
    demo: Option<Arc<dyn Demo>>,
}

impl State {
    /// All pages that are there.
    fn pages(&self) -> impl Iterator<Item = &'static Page> + use<> {
        PAGES.iter().chain(if self.demo.is_some() { DEMO_PAGES } else { &[] })
    }
}

/// The console's routes, with the API below them.
pub fn router(services: Services) -> Router {
    let Services { api, engine, logins, provider, is_secure, demo } = services;
    let attempts = Arc::default();
    let state = State { api, exports: Exports::new(engine), logins, provider, attempts, is_secure, demo };
    let pages = state.pages().fold(Router::new(), |router, page| router.merge((page.routes)()));
    let pages = pages.merge(login::routes()).merge(assets::routes());
    let pages = pages.layer(middleware::from_fn(guard::headers)).fallback(elsewhere).with_state(state.clone());
    pages.layer(middleware::from_fn_with_state(state, guard::let_in))
}

/// Whatever begins so is answered by the API alone, errors too. It is not a route here: what a route's pattern names would be counted
/// among the names of the API's own patterns.
async fn elsewhere(Shared(state): Shared<State>, request: Request) -> Response {
    if request.uri().path().starts_with("/api/") {
        return state.api.oneshot(request).await.unwrap_or_else(|never| match never {});
    }
    guard::dressed(trouble::no_page(request.uri()).into_response())
}
