//! Health: whether the picture is complete. Collectors, what follows the ledgers, sinks, and records that nobody understood.

use askama::Template;
use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use ledger::LedgerName;
use query::attribution::Attribution;
use serde_json::{Value, json};

use super::{Group, Page};
use crate::ask::{list, number, some_text, text};
use crate::frame::Frame;
use crate::trouble::{self, Trouble};
use crate::visit::{Visit, address, segment};
use crate::{State, figures, shown};

/// The page.
pub const PAGE: Page = Page {
    name: "Health",
    path: "/health",
    icon: "health",
    group: Group::Operate,
    key: 'h',
    reads: LedgerName::Operations,
    routes,
};

fn routes() -> Router<State> {
    Router::new().route("/health", get(show)).route("/health/sinks/{sink}/retry", post(retry))
}

#[derive(Template)]
#[template(path = "health.html")]
struct HealthPage {
    frame: Frame,
    not_ready: Option<String>,
    stopped: Vec<(String, String)>,
    collectors: Vec<Endpoint>,
    sinks: Vec<Endpoint>,
    consumers: Vec<Consumer>,
    unparsed: Vec<Unparsed>,
    silent: Vec<Silent>,
    /// `None` for who may not read money.
    people: Option<People>,
    is_admin: bool,
    sql: String,
}

/// A collector or a sink.
struct Endpoint {
    name: String,
    kind: String,
    place: String,
    state: String,
    role: &'static str,
    icon: &'static str,
    since: String,
    reason: String,
    remedy: String,
    last: String,
    backlog: String,
    records: i64,
    unparsed: i64,
    dead: i64,
    refused: i64,
}

struct Consumer {
    name: String,
    ledger: String,
    lag: i64,
    state: String,
    waits_for: String,
}

/// Records of one source that were kept without being understood.
struct Unparsed {
    source: String,
    collector: String,
    count: i64,
    last: String,
    address: String,
}

/// A sender that should send and does not, as the detector says.
struct Silent {
    reason: String,
    age: String,
    address: String,
}

/// Which part of what was spent has a person.
struct People {
    days: u32,
    /// In dollars; `None` if nothing was spent.
    spent: Option<String>,
    percent: i64,
    rules: Vec<(String, i64)>,
    /// Sources that name nobody, with what to do.
    missing: Vec<(String, String, String)>,
}

impl People {
    fn of(found: &Attribution) -> Self {
        let percent = |micros: i64| (i128::from(micros) * 100 / i128::from(found.cost_micros.max(1))) as i64;
        let missing = found.missing.iter();
        Self {
            days: found.days,
            spent: Some(figures::dollars(found.cost_micros)).filter(|_| found.cost_micros > 0),
            percent: percent(found.attributed_micros),
            rules: found.rules.iter().map(|part| (part.rule.clone(), percent(part.cost_micros))).collect(),
            missing: missing
                .map(|part| (part.source.clone(), figures::dollars(part.cost_micros), part.remedy.clone()))
                .collect(),
        }
    }
}

impl Endpoint {
    fn of(endpoint: &Value, frame: &Frame) -> Self {
        let state = text(endpoint, "state");
        let (role, icon) = match state {
            "ok" => ("allow", "check"),
            "paused" => ("info", "waiting"),
            "stopped" | "refused" | "rejected" => ("deny", "cross"),
            _ => ("warn", "high"),
        };
        let backlog = match (
            endpoint.get("lag_bytes").and_then(Value::as_i64),
            endpoint.get("lag_entries").and_then(Value::as_i64),
        ) {
            (Some(bytes), _) => figures::bytes(bytes),
            (None, Some(entries)) => {
                let seconds = number(endpoint, "lag_seconds");
                if entries == 0 {
                    "0".to_owned()
                } else {
                    format!("{} · {}", figures::count(entries), figures::duration(seconds))
                }
            }
            (None, None) => "unknown".to_owned(),
        };
        Self {
            name: text(endpoint, "name").to_owned(),
            kind: text(endpoint, "kind").to_owned(),
            place: text(endpoint, "place").to_owned(),
            state: figures::capitalised(&state.replace('_', " ")),
            role,
            icon,
            since: some_text(endpoint, "since").map(|since| frame.time(since)).unwrap_or_default(),
            reason: text(endpoint, "reason").to_owned(),
            remedy: text(endpoint, "remedy").to_owned(),
            last: some_text(endpoint, "last_event")
                .map_or_else(|| "none since the start".to_owned(), |last| frame.age(last)),
            backlog,
            records: number(endpoint, "records"),
            unparsed: number(endpoint, "unparsed"),
            dead: number(endpoint, "dead_records"),
            refused: number(endpoint, "refused_requests"),
        }
    }
}

async fn show(visit: Visit) -> Result<Response, Trouble> {
    let frame = Frame::of(&visit, &PAGE).await?;
    let status = visit.get("/api/v1/status").await?;
    let of_role = |role: &'static str| {
        let endpoints = list(&status, "endpoints").iter().filter(move |endpoint| text(endpoint, "role") == role);
        endpoints.map(|endpoint| Endpoint::of(endpoint, &frame)).collect::<Vec<_>>()
    };
    let consumers = list(&status, "consumers").iter().map(|consumer| Consumer {
        name: text(consumer, "name").to_owned(),
        ledger: text(consumer, "ledger").to_owned(),
        lag: number(consumer, "lag"),
        state: text(consumer, "state").to_owned(),
        waits_for: text(consumer, "waits_for").to_owned(),
    });
    let silent = visit.get("/api/v1/alerts?filter=status:open,acknowledged+rule:collector.silent&limit=20").await?;
    let silent = list(&silent, "alerts").iter().map(|alert| Silent {
        reason: shown::defanged(text(alert, "reason")),
        age: frame.age(text(alert, "opened")),
        address: format!("/alerts/{}", segment(text(alert, "id"))),
    });
    let stopped = status["stopped"].as_object().into_iter().flatten();
    trouble::page(&HealthPage {
        not_ready: some_text(&status, "not_ready").map(str::to_owned),
        stopped: stopped.map(|(part, reason)| (part.clone(), reason.as_str().unwrap_or_default().to_owned())).collect(),
        collectors: of_role("collector"),
        sinks: of_role("sink"),
        consumers: consumers.collect(),
        unparsed: if visit.principal().may_read(LedgerName::Events) {
            unparsed(&visit, &frame).await?
        } else {
            Vec::new()
        },
        silent: silent.collect(),
        people: people(&visit).await?,
        is_admin: visit.principal().may(operations::access::Role::Admin),
        sql: address(
            "/sql",
            [(
                "sql",
                "SELECT recorded, collector, source, record, position FROM events WHERE kind = 'unparsed' ORDER BY recorded DESC LIMIT 100",
            )],
        ),
        frame,
    })
}

async fn people(visit: &Visit) -> Result<Option<People>, Trouble> {
    if !visit.principal().may_read(LedgerName::Events) {
        return Ok(None);
    }
    let found: Attribution =
        serde_json::from_value(visit.get("/api/v1/attribution").await?).map_err(|error| Trouble::internal(&error))?;
    Ok(Some(People::of(&found)))
}

async fn unparsed(visit: &Visit, frame: &Frame) -> Result<Vec<Unparsed>, Trouble> {
    let sql = "SELECT source, collector, count(*) AS n, max(recorded) AS last, max(position) AS sample FROM events \
               WHERE kind = 'unparsed' AND recorded > now() - INTERVAL '7 days' GROUP BY source, collector ORDER BY n DESC LIMIT 20";
    let rows = visit.rows(sql).await?;
    let rows = rows.iter().map(|row| Unparsed {
        source: some_text(row, "source").unwrap_or("not told").to_owned(),
        collector: text(row, "collector").to_owned(),
        count: number(row, "n"),
        last: frame.age(text(row, "last")),
        address: format!("/records/{}", text(row, "sample")),
    });
    Ok(rows.collect())
}

/// Sends what a sink refused for good once more.
async fn retry(visit: Visit, Path(sink): Path<String>) -> Result<Response, Trouble> {
    visit.post(&format!("/api/v1/sinks/{}/retry", segment(&sink)), &json!({})).await?;
    Ok(Redirect::to("/health").into_response())
}
