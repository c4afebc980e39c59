//! Sessions: the list, the timeline of one session, and one record with everything about it. What is asked of the API stands here and
//! below; nothing is counted here that the API counts.

mod bands;
mod chain;
mod drawer;
mod facts;
mod rows;
mod story;
mod timeline;

use askama::Template;
use axum::Router;
use axum::response::Response;
use axum::routing::get;
use ledger::LedgerName;
use serde_json::Value;

use super::{Group, Page};
use crate::ask::{list, number, some_text, text};
use crate::frame::Frame;
use crate::trouble::{self, Trouble};
use crate::visit::{Visit, address, segment};
use crate::{State, figures};

pub(super) use rows::said;

/// The page.
pub const PAGE: Page = Page {
    name: "Sessions",
    path: "/sessions",
    icon: "sessions",
    group: Group::Watch,
    key: 's',
    reads: LedgerName::Events,
    routes,
};

fn routes() -> Router<State> {
    Router::new()
        .route("/sessions", get(all))
        .route("/sessions/{session}", get(timeline::show))
        .route("/sessions/{session}/rows", get(timeline::rows))
        .route("/sessions/{session}/frame", get(timeline::frame))
        .route("/sessions/{session}/overview", get(timeline::overview))
        .route("/records/{ledger}/{shard}/{seq}", get(drawer::show))
        .route("/r/{link}", get(drawer::permalink))
}

#[derive(Template)]
#[template(path = "sessions.html")]
struct SessionsPage {
    frame: Frame,
    rows: Vec<Listed>,
    sessions: i64,
    records: i64,
    denied: i64,
    cost_micros: i64,
    unpriced: i64,
    next: Option<String>,
    is_first: bool,
    sql: String,
    export: String,
    choices: Vec<(&'static str, String, bool)>,
    /// Whether tasks may be shown.
    content: bool,
}

/// A session of the list.
struct Listed {
    address: String,
    short: String,
    task: Option<String>,
    agent: String,
    user: String,
    team: String,
    client: String,
    model: String,
    started: String,
    duration: String,
    has_end: bool,
    age: String,
    records: i64,
    allowed: i64,
    denied: i64,
    cost: String,
    unpriced: i64,
    alerts: i64,
    open: i64,
    worst: String,
}

/// Filters that people start with.
const CHOICES: [(&str, &str); 4] =
    [("All", ""), ("Last hour", "since:1h"), ("With denials", "denied>0"), ("Above $5", "cost>5")];

async fn all(visit: Visit) -> Result<Response, Trouble> {
    let frame = Frame::of(&visit, &PAGE).await?;
    let content = visit.principal().content;
    let asked = [("filter", visit.filter()), ("limit", "50"), ("content", if content { "true" } else { "false" })];
    let cursor = visit.parameter("cursor").map(|cursor| ("cursor", cursor));
    let found = visit.get(&address("/api/v1/sessions", asked.into_iter().chain(cursor))).await?;
    let totals = &found["totals"];
    let filter = visit.filter().to_owned();
    trouble::page(&SessionsPage {
        rows: list(&found, "sessions").iter().map(|session| Listed::of(session, &frame)).collect(),
        sessions: number(totals, "sessions"),
        records: number(totals, "records"),
        denied: number(totals, "denied"),
        cost_micros: number(totals, "cost_micros"),
        unpriced: number(totals, "unpriced"),
        next: some_text(&found, "next").map(|cursor| visit.with("cursor", Some(cursor))),
        is_first: cursor.is_none(),
        sql: address("/sql", [("what", "sessions"), ("filter", filter.as_str())]),
        export: address("/export", [("what", "sessions"), ("filter", filter.as_str())]),
        choices: CHOICES
            .map(|(name, text)| {
                (name, address("/sessions", (!text.is_empty()).then_some(("filter", text))), text == filter)
            })
            .to_vec(),
        content,
        frame,
    })
}

impl Listed {
    fn of(session: &Value, frame: &Frame) -> Self {
        let id = text(session, "session");
        let duration_us = number(session, "duration_us");
        let alerts = &session["alerts"];
        let models: Vec<&str> = list(session, "models").iter().filter_map(Value::as_str).collect();
        Self {
            address: format!("/sessions/{}", segment(id)),
            short: short_id(id),
            task: some_text(session, "task").map(task_of),
            agent: name_of(session).to_owned(),
            user: text(session, "user").to_owned(),
            team: text(session, "team").to_owned(),
            client: some_text(session, "client").unwrap_or(text(session, "agent_kind")).to_owned(),
            model: models.join(", "),
            started: frame.time(text(session, "started")),
            duration: figures::duration(duration_us / 1_000_000),
            has_end: session["has_end"] == true,
            age: frame.age(text(session, "last")),
            records: number(session, "records"),
            allowed: number(session, "allowed"),
            denied: number(session, "denied"),
            cost: figures::dollars(number(session, "cost_micros")),
            unpriced: number(session, "unpriced"),
            alerts: number(alerts, "count"),
            open: number(alerts, "open"),
            worst: text(alerts, "worst").to_owned(),
        }
    }
}

/// The name by which people know the agent of a session.
fn name_of(session: &Value) -> &str {
    let names = ["workspace_name", "agent", "workspace"];
    names.iter().find_map(|name| some_text(session, name)).unwrap_or("unnamed")
}

/// The beginning of a session's id, as people quote it.
fn short_id(id: &str) -> String {
    id.chars().take(8).collect()
}

/// Under which names sources tell a prompt within an object: hooks and gateways, and native senders.
const PROMPT_NAMES: [&str; 2] = ["prompt", "content"];

/// The text of a prompt.
fn prompt_of(text: &str) -> String {
    let parsed = serde_json::from_str::<Value>(text).ok();
    let member = |name: &&str| parsed.as_ref().and_then(|value| value.get(*name)).and_then(Value::as_str);
    if let Some(told) = PROMPT_NAMES.iter().find_map(member) {
        return told.to_owned();
    }
    // What was cut in the middle is no object any more.
    let cut = PROMPT_NAMES.iter().find_map(|name| text.strip_prefix(&format!("{{\"{name}\":\"")));
    let Some(rest) = cut else { return text.to_owned() };
    let rest = rest.trim_end_matches(['}', '"', '\\']);
    serde_json::from_str(&format!("\"{rest}\"")).unwrap_or_else(|_| rest.to_owned())
}

/// The task in the first prompt: of several sentences the first stands for it.
fn task_of(text: &str) -> String {
    let whole = prompt_of(text);
    let line = whole.lines().next().unwrap_or_default();
    let end = line.find(". ").map_or(line.len(), |at| at + 1);
    crate::shown::defanged(line.get(..end).unwrap_or(line).trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_the_first_sentence_of_the_prompt() {
        let check = |text: &str, expected: &str| assert_eq!(task_of(text), expected, "{text:?}");
        check(r#"{"prompt":"Fix refund rounding, PAY-2291. Work on a branch."}"#, "Fix refund rounding, PAY-2291");
        check(r#"{"prompt":"Cut in the mid"#, "Cut in the mid");
        check(r#"{"prompt":"Two \"lines\":\ncut in the m\"#, "Two \"lines\":");
        check(r#"{"content":"Go on with part 5."}"#, "Go on with part 5");
        check(r#"{"other":"x"}"#, r#"{"other":"x"}"#);
        check("plain\nsecond line", "plain");
        check("", "");
        check("see attacker-logger.com", "see attacker-logger[.]com");
    }
}
