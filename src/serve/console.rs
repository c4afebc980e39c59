//! The console's routes: health at once, metrics, pages and the API when the store is open.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use api::{Interactions, Services};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use dashboards::demo::Demo;
use dashboards::provider::Provider;
use prometheus_client::registry::Registry;
use tower::ServiceExt;

use super::exposition::Format;
use super::health::Health;
use super::listener::Admission;
use super::slack::Apps;
use crate::exit::Failure;
use operations::access::Tokens;

/// The console before and after recovery, for its listener and the control socket.
#[derive(Clone)]
pub struct Console {
    health: Arc<Health>,
    /// Who is let in.
    admission: Admission,
    /// The demo that runs the server, if one does.
    demo: Option<Arc<dyn Demo>>,
    /// What needs the store. Set once.
    opened: Arc<OnceLock<Opened>>,
}

/// What the API shares with other parts.
pub struct Shared<'a> {
    /// What the routes ask.
    pub services: Services,
    /// Who may come.
    pub tokens: &'a Tokens,
    /// Whose buttons are believed.
    pub slack: &'a Apps,
    /// Who says who people are.
    pub provider: Arc<dyn Provider>,
    /// The metrics.
    pub registry: Registry,
}

struct Opened {
    /// The pages, and the API below them.
    pages: Router,
    /// A new configuration can bring new metrics.
    registry: RwLock<Arc<Registry>>,
}

impl Console {
    /// A console that answers health only.
    pub fn new(health: Arc<Health>, admission: Admission, demo: Option<Arc<dyn Demo>>) -> Self {
        Self { health, admission, demo, opened: Arc::new(OnceLock::new()) }
    }

    /// Who is let in.
    pub fn admission(&self) -> &Admission {
        &self.admission
    }

    /// Adds the pages, the API and the metrics.
    pub fn open(&self, shared: Shared<'_>) -> Result<(), Failure> {
        let Shared { services, tokens, slack, provider, registry } = shared;
        self.admission.know(Arc::new(tokens.clone()));
        let (logins, engine) = (Arc::clone(&services.logins), services.engine.clone());
        let state = api::State::new(services).with_slack(Interactions::of(Arc::new(slack.clone())));
        let is_secure = self.health.tls().shown().is_some();
        let demo = self.demo.clone();
        let services = dashboards::Services { api: api::router(state), engine, logins, provider, is_secure, demo };
        let pages = dashboards::router(services);
        let opened = Opened { pages, registry: RwLock::new(Arc::new(registry)) };
        self.opened.set(opened).map_err(|_| Failure::from(anyhow::anyhow!("the console was opened twice")))
    }

    /// Shows these metrics from now on.
    pub fn replace_metrics(&self, registry: Registry) {
        if let Some(opened) = self.opened.get() {
            *opened.registry.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(registry);
        }
    }

    /// The routes.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/healthz", get(healthz))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .fallback(pages)
            .with_state(self.clone())
    }
}

async fn healthz(State(console): State<Console>) -> Response {
    axum::Json(console.health.report()).into_response()
}

/// The status says whether events are taken, the rest is for whoever looks.
async fn readyz(State(console): State<Console>, headers: HeaderMap) -> Response {
    let report = console.health.report();
    let is_ready = report.not_ready.is_none();
    let body = if accepts(&headers, "application/json") {
        axum::Json(report).into_response()
    } else {
        report.text().into_response()
    };
    if is_ready {
        return body;
    }
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], body).into_response()
}

/// Whether a request names a media type among those that it accepts; wildcards do not count.
fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    let accepted = headers.get_all(header::ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    let mut names = accepted.flat_map(|value| value.split(',')).filter_map(|part| part.split(';').next());
    names.any(|name| name.trim().eq_ignore_ascii_case(media_type))
}

async fn metrics(State(console): State<Console>, headers: HeaderMap) -> Response {
    let Some(opened) = console.opened.get() else { return unavailable("the ledger is being recovered") };
    let registry = Arc::clone(&opened.registry.read().unwrap_or_else(PoisonError::into_inner));
    let is_new = accepts(&headers, "application/openmetrics-text");
    let format = if is_new { Format::OpenMetrics } else { Format::Text };
    match format.write(&registry) {
        Ok(text) => ([(header::CONTENT_TYPE, HeaderValue::from_static(format.media_type()))], text).into_response(),
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

async fn pages(State(console): State<Console>, request: Request) -> Response {
    match console.opened.get() {
        Some(opened) => opened.pages.clone().oneshot(request).await.unwrap_or_else(|never| match never {}),
        None => unavailable("the ledger is being recovered"),
    }
}

fn unavailable(reason: &str) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "1")], format!("not ready: {reason}\n")).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_is_accepted_by_its_name() {
        let check = |accept: &[&'static str], expected: bool| {
            let values = accept.iter().map(|value| (header::ACCEPT, HeaderValue::from_static(value)));
            assert_eq!(accepts(&values.collect(), "application/json"), expected, "{accept:?}");
        };
        check(&[], false);
        check(&["*/*"], false);
        check(&["text/plain, Application/JSON;q=0.5"], true);
        check(&["text/html", "application/json"], true);
        check(&["application/json5"], false);
    }
}
