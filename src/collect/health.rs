//! What a collecting process says of itself: `/healthz` and `/readyz` for people and machines, `/metrics`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use collect::spool::Spool;
use collect::{Standing, Watch};
use prometheus_client::registry::Registry;
use serde_json::{Value, json};

use crate::serve::exposition::Format;

/// What is known of it.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    delivery: Watch,
    collectors: ingest::collectors::Watch,
    spool: Spool,
    registry: Registry,
}

impl Health {
    /// Of a process with these parts.
    pub fn new(delivery: Watch, collectors: ingest::collectors::Watch, spool: Spool, registry: Registry) -> Self {
        Self(Arc::new(Inner { delivery, collectors, spool, registry }))
    }

    /// Its routes.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/healthz", get(healthz))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .with_state(self.clone())
    }

    /// Why what is sent now would not be kept, if it would not.
    fn not_ready(&self) -> Option<String> {
        let (bytes, bytes_max) = self.0.spool.size();
        let poisoned =
            self.0.spool.poisoned().map(|reason| format!("a sync failed ({reason}); start the process again"));
        let full = bytes.saturating_add(2 << 20) >= bytes_max;
        poisoned.or_else(|| full.then(|| format!("the spool is full: {bytes} of {bytes_max} bytes")))
    }

    fn report(&self) -> Value {
        let Inner { delivery, collectors, spool, .. } = &*self.0;
        let (state, reason) = match delivery.server() {
            Standing::Trusted => ("trusted", None),
            Standing::Unknown(reason) => ("unknown", Some(reason)),
            Standing::Refused(reason) => ("refused", Some(reason)),
        };
        let (bytes, bytes_max) = spool.size();
        let damages: Vec<String> = spool.damages().iter().map(ToString::to_string).collect();
        let read: Vec<Value> = collectors
            .status()
            .into_iter()
            .map(|status| {
                json!({"name": status.name, "transport": status.transport, "place": status.place,
                       "state": status.standing.state.as_str(), "reason": status.standing.reason, "records": status.records})
            })
            .collect();
        let delivered: Vec<Value> = delivery
            .lanes()
            .into_iter()
            .map(|lane| {
                let (state, reason) = match lane.trouble {
                    None => ("ok", None),
                    Some((false, reason)) => ("waits", Some(reason)),
                    Some((true, reason)) => ("refused", Some(reason)),
                };
                json!({"collector": lane.collector, "state": state, "reason": reason, "next": lane.next, "end": lane.end})
            })
            .collect();
        json!({
            "not_ready": self.not_ready(),
            "server": {"state": state, "reason": reason},
            "spool": {"bytes": bytes, "bytes_max": bytes_max, "damages": damages},
            "collectors": read,
            "delivery": delivered,
        })
    }
}

async fn healthz(State(health): State<Health>) -> Response {
    axum::Json(health.report()).into_response()
}

async fn readyz(State(health): State<Health>) -> Response {
    match health.not_ready() {
        None => "ready\n".into_response(),
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {reason}\n")).into_response(),
    }
}

async fn metrics(State(health): State<Health>) -> Response {
    match Format::OpenMetrics.write(&health.0.registry) {
        Ok(text) => ([(header::CONTENT_TYPE, Format::OpenMetrics.media_type())], text).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
