//! What to do while nothing was recorded: how each source is connected, with this server's addresses, and whether anything came.

use askama::Template;
use axum::response::Response;
use serde_json::Value;

use crate::ask::{list, number, text};
use crate::frame::Frame;
use crate::trouble::{self, Trouble};
use crate::visit::Visit;

/// What the page about connecting shows, and a page without data.
pub struct Connect {
    /// Where senders send.
    pub ingest: String,
    pub collectors: Vec<Collector>,
    /// Whether whoever looks may create tokens.
    pub is_admin: bool,
}

/// A collector of the configuration.
pub struct Collector {
    pub name: String,
    pub kind: String,
    pub place: String,
    /// The role of its colour, its shape and its word.
    pub role: &'static str,
    pub icon: &'static str,
    pub word: String,
}

impl Connect {
    /// As the server is now.
    pub async fn of(visit: &Visit) -> Result<Self, Trouble> {
        let status = visit.get("/api/v1/status").await?;
        let scheme = if status["tls"] == true { "https" } else { "http" };
        let collectors = list(&status, "endpoints").iter().filter(|endpoint| text(endpoint, "role") == "collector");
        Ok(Self {
            ingest: format!("{scheme}://{}", text(&status, "ingest")),
            collectors: collectors.map(Collector::of).collect(),
            is_admin: visit.principal().may(operations::access::Role::Admin),
        })
    }
}

impl Collector {
    fn of(endpoint: &Value) -> Self {
        let refused = number(endpoint, "refused_requests");
        let (role, icon, word) = match (text(endpoint, "state"), endpoint["last_event"].is_string()) {
            ("ok", true) => ("allow", "check", "the first event arrived".to_owned()),
            ("ok", false) if refused > 0 => ("deny", "cross", format!("{refused} requests were refused: look at the token")),
            ("ok", false) => ("info", "waiting", "waits for the first event".to_owned()),
            (state, _) => ("warn", "high", format!("{}: {}", state.replace('_', " "), text(endpoint, "reason"))),
        };
        Self {
            name: text(endpoint, "name").to_owned(),
            kind: text(endpoint, "kind").to_owned(),
            place: text(endpoint, "place").to_owned(),
            role,
            icon,
            word,
        }
    }
}

#[derive(Template)]
#[template(path = "connect.html")]
struct ConnectPage {
    frame: Frame,
    connect: Connect,
}

/// The page on connecting sources, whether anything was recorded or not.
pub async fn show(visit: Visit) -> Result<Response, Trouble> {
    let frame = Frame::of(&visit, &super::PAGE).await?;
    let connect = Connect::of(&visit).await?;
    trouble::page(&ConnectPage { frame, connect })
}
