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
pub mod shown;
mod trouble;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware;
use demo::Demo;
use export::Exports;
use operations::access::LoginService;
use query::Engine;

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
    let Services { api, engine, logins, is_secure, demo } = services;
    let state = State { api: api.clone(), exports: Exports::new(engine), logins, is_secure, demo };
    let pages = state.pages().fold(Router::new(), |router, page| router.merge((page.routes)()));
    let pages = pages.merge(login::routes()).merge(assets::routes()).fallback(trouble::no_page);
    let pages = pages.layer(middleware::from_fn(guard::headers)).with_state(state.clone());
    // Its routes stand beside the pages, not below one of them: what that took from a path would count as a part of theirs.
    let nothing = Router::new().route("/api/{*path}", axum::routing::any(async || StatusCode::NOT_FOUND));
    pages.merge(api).merge(nothing).layer(middleware::from_fn_with_state(state, guard::let_in))
}
