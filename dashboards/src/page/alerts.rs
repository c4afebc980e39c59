//! Alerts: the list, one of them with everything about it, and work on them. What may be done is decided by the API.

pub(super) mod baseline;
mod detail;
mod work;

use askama::Template;
use axum::extract::{Path, RawQuery};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Router, extract::DefaultBodyLimit};
use ledger::LedgerName;
use serde_json::Value;

use super::{Group, Page};
use crate::ask::{list, number, some_text, text};
use crate::frame::Frame;
use crate::trouble::{self, Trouble};
use crate::visit::{Visit, address, segment};
use crate::{State, figures, limits, shown};
use detail::Detail;

/// The page.
pub const PAGE: Page = Page {
    name: "Alerts",
    path: "/alerts",
    icon: "alerts",
    group: Group::Watch,
    key: 'a',
    reads: LedgerName::Operations,
    routes,
};

fn routes() -> Router<State> {
    let body = DefaultBodyLimit::max(limits::FORM_BYTES_MAX);
    Router::new()
        .route("/alerts", get(all).post(work::on_all))
        .route("/alerts/{alert}", get(one).post(work::on_one))
        .layer(body)
}

/// What the list shows when nobody says: what waits for somebody.
const WAITING: &str = "status:open,acknowledged";

/// The words of the tabs, with their filters.
const TABS: [(&str, &str); 4] = [
    ("Open", "status:open"),
    ("Acknowledged", "status:acknowledged"),
    ("Resolved", "status:resolved"),
    ("Closed", "status:closed"),
];

/// The page with the list, and one alert beside it.
#[derive(Template)]
#[template(path = "alerts.html")]
struct AlertsPage {
    frame: Frame,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    /// How many alerts match, on all pages.
    total: i64,
    /// The next page.
    next: Option<String>,
    /// All that match, as rows of a file.
    export: String,
    /// The same as SQL.
    sql: String,
    detail: Option<Detail>,
    /// Whether the alert was asked for; a phone shows the list otherwise.
    is_selected: bool,
    /// What became of the last work on it.
    notice: Option<Notice>,
    silences: i64,
}

/// What became of work.
struct Notice {
    /// Of which kind the banner is: `allow`, `warn`, `deny`.
    role: &'static str,
    text: String,
}

/// A filter on the state, with how many alerts have it.
struct Tab {
    name: &'static str,
    address: String,
    count: i64,
    is_current: bool,
}

/// One alert of the list.
struct Row {
    id: String,
    address: String,
    severity: String,
    rule: String,
    reason: String,
    agent: String,
    team: String,
    count: i64,
    age: String,
    status: String,
    assignee: String,
    /// Until when it is hidden, and by what.
    hidden: Option<String>,
    is_selected: bool,
}

impl Row {
    fn of(alert: &Value, visit: &Visit, frame: &Frame, selected: Option<&str>) -> Self {
        let id = text(alert, "id").to_owned();
        let (who, hidden) = (&alert["who"], list(alert, "hidden").first());
        let until = |hiding: &Value| match some_text(hiding, "until") {
            Some(until) => format!("hidden until {}", frame.time(until)),
            None => format!("hidden by {}", text(hiding, "kind")),
        };
        Self {
            address: beside(visit, &id),
            severity: text(alert, "severity").to_owned(),
            rule: text(alert, "rule").to_owned(),
            reason: shown::defanged(text(alert, "reason")),
            agent: name_of(who).to_owned(),
            team: text(who, "team").to_owned(),
            count: number(alert, "count"),
            age: frame.age(text(alert, "last_seen")),
            status: text(alert, "status").to_owned(),
            assignee: text(alert, "assignee").to_owned(),
            hidden: hidden.map(until),
            is_selected: selected == Some(&id),
            id,
        }
    }
}

/// Who an alert is about, in one word.
fn name_of(who: &Value) -> &str {
    ["workspace_name", "agent", "workspace", "user", "team"]
        .iter()
        .find_map(|name| some_text(who, name))
        .unwrap_or("the fleet")
}

/// The address of an alert with the list's filter beside it.
fn beside(visit: &Visit, id: &str) -> String {
    let kept = visit.parameters.iter().filter(|(name, _)| name == "filter" || name == "cursor");
    address(&format!("/alerts/{}", segment(id)), kept.map(|(name, value)| (name.as_str(), value.as_str())))
}

async fn all(visit: Visit) -> Result<Response, Trouble> {
    page(&visit, None, None, None).await
}

/// The page of one alert. The beginning of an id is enough; the address then becomes the whole.
async fn one(visit: Visit, Path(alert): Path<String>, RawQuery(_): RawQuery) -> Result<Response, Trouble> {
    let shown = visit.get(&format!("/api/v1/alerts/{}", segment(&alert))).await?;
    if text(&shown, "id") != alert {
        return Ok(Redirect::to(&beside(&visit, text(&shown, "id"))).into_response());
    }
    page(&visit, Some(shown), None, None).await
}

/// Answers with the page; `preview` is what a silence would have hidden.
async fn page(
    visit: &Visit,
    selected: Option<Value>,
    notice: Option<Notice>,
    preview: Option<detail::Preview>,
) -> Result<Response, Trouble> {
    let frame = Frame::of(visit, &PAGE).await?;
    let filter = if visit.filter().is_empty() { WAITING } else { visit.filter() };
    let cursor = visit.parameter("cursor");
    let asked = address(
        "/api/v1/alerts",
        [("filter", filter), ("limit", "50")].into_iter().chain(cursor.map(|at| ("cursor", at))),
    );
    let found = visit.get(&asked).await?;
    let is_selected = selected.is_some();
    let first = || list(&found, "alerts").first().map(|alert| text(alert, "id").to_owned());
    let selected = match (selected, first()) {
        (Some(alert), _) => Some(alert),
        (None, Some(id)) => Some(visit.get(&format!("/api/v1/alerts/{}", segment(&id))).await?),
        (None, None) => None,
    };
    let detail = match &selected {
        Some(alert) => Some(Detail::of(visit, &frame, alert, preview).await?),
        None => None,
    };
    let id = selected.as_ref().map(|alert| text(alert, "id"));
    let rows = list(&found, "alerts").iter().map(|alert| Row::of(alert, visit, &frame, id)).collect();
    let mut tabs = Vec::with_capacity(TABS.len());
    for (name, filter) in TABS {
        let count = visit.get(&address("/api/v1/alerts", [("filter", filter), ("limit", "1")])).await?;
        let is_current = visit.filter() == filter || (visit.filter().is_empty() && name == "Open");
        tabs.push(Tab {
            name,
            address: address("/alerts", [("filter", filter)]),
            count: number(&count, "total"),
            is_current,
        });
    }
    let silences = visit.get("/api/v1/silences?limit=1").await?;
    trouble::page(&AlertsPage {
        tabs,
        rows,
        total: number(&found, "total"),
        next: some_text(&found, "next").map(|cursor| visit.with("cursor", Some(cursor))),
        export: address("/export", [("what", "alerts"), ("filter", filter)]),
        sql: address("/sql", [("what", "alerts"), ("filter", filter)]),
        detail,
        is_selected,
        notice,
        silences: number(&silences, "total"),
        frame,
    })
}

/// The word of a state, as people read it: closed alerts say what they were.
pub(super) fn state_of(alert: &Value) -> String {
    match (text(alert, "status"), some_text(&alert["closed"], "reason")) {
        ("closed", Some(reason)) => format!("Closed: {}", reason.replace('_', " ")),
        (status, _) => figures::capitalised(status),
    }
}
