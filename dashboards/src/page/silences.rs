//! Silences and maintenance windows: what is hidden from whom and until when, and new ones with a preview. They hide messages, never
//! detection.

use askama::Template;
use axum::extract::{DefaultBodyLimit, Path};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use ledger::LedgerName;
use serde_json::{Value, json};

use super::{Group, Page};
use crate::ask::{list, number, some_text, text};
use crate::frame::Frame;
use crate::trouble::{self, Trouble};
use crate::visit::{Visit, segment};
use crate::{State, limits};

/// The page.
pub const PAGE: Page = Page {
    name: "Silences",
    path: "/silences",
    icon: "mute",
    group: Group::Watch,
    key: 'z',
    reads: LedgerName::Operations,
    routes,
};

fn routes() -> Router<State> {
    let body = DefaultBodyLimit::max(limits::FORM_BYTES_MAX);
    Router::new()
        .route("/silences", get(show).post(begin))
        .route("/silences/{silence}/expire", post(expire))
        .layer(body)
}

#[derive(Template)]
#[template(path = "silences.html")]
struct SilencesPage {
    frame: Frame,
    rows: Vec<Row>,
    total: i64,
    all: bool,
    next: Option<String>,
    asked: Asked,
    /// How many alerts of seven days what was asked would have hidden.
    preview: Option<i64>,
    trouble: Option<String>,
}

struct Row {
    id: String,
    kind: String,
    state: String,
    matchers: Vec<String>,
    reason: String,
    by: String,
    starts: String,
    ends: String,
    repeats: Option<String>,
    would_have_hidden: i64,
    is_over: bool,
}

/// What the form asks for.
#[derive(Default, Clone)]
struct Asked {
    is_maintenance: bool,
    matchers: String,
    reason: String,
    starts: String,
    ends: String,
    every_hours: String,
    until: String,
}

impl Row {
    fn of(silence: &Value, frame: &Frame) -> Self {
        let every = silence.get("every_seconds").and_then(Value::as_i64);
        Self {
            id: text(silence, "id").to_owned(),
            kind: text(silence, "kind").to_owned(),
            state: text(silence, "state").to_owned(),
            matchers: list(silence, "matchers").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            reason: text(silence, "reason").to_owned(),
            by: text(silence, "by").to_owned(),
            starts: frame.time(text(silence, "starts")),
            ends: frame.time(some_text(silence, "active_until").unwrap_or(text(silence, "ends"))),
            repeats: every.map(|seconds| {
                format!("every {} until {}", crate::figures::duration(seconds), frame.time(text(silence, "until")))
            }),
            would_have_hidden: number(silence, "would_have_hidden"),
            is_over: !matches!(text(silence, "state"), "active" | "pending" | "waiting"),
        }
    }
}

async fn show(visit: Visit) -> Result<Response, Trouble> {
    page(&visit, Asked::default(), None, None).await
}

async fn page(visit: &Visit, asked: Asked, preview: Option<i64>, trouble: Option<String>) -> Result<Response, Trouble> {
    let frame = Frame::of(visit, &PAGE).await?;
    let all = visit.parameter("all") == Some("true");
    let cursor = visit.parameter("cursor");
    let parameters = [("limit", "50"), ("all", if all { "true" } else { "false" })].into_iter();
    let path = crate::visit::address("/api/v1/silences", parameters.chain(cursor.map(|cursor| ("cursor", cursor))));
    let found = visit.get(&path).await?;
    trouble::page(&SilencesPage {
        rows: list(&found, "silences").iter().map(|silence| Row::of(silence, &frame)).collect(),
        total: number(&found, "total"),
        next: some_text(&found, "next").map(|next| visit.with("cursor", Some(next))),
        all,
        asked,
        preview,
        trouble,
        frame,
    })
}

/// A moment of a form, which has neither seconds nor a zone: it is UTC.
fn moment(text: &str) -> Value {
    match text.len() {
        0 => Value::Null,
        16 => format!("{text}:00Z").into(),
        _ => format!("{}Z", text.trim_end_matches('Z')).into(),
    }
}

/// Begins a silence or a maintenance window, or says what it would have hidden.
async fn begin(visit: Visit, Form(fields): Form<Vec<(String, String)>>) -> Result<Response, Trouble> {
    let field = |name: &str| {
        let found = fields.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let asked = Asked {
        is_maintenance: field("kind") == "maintenance",
        matchers: field("matchers"),
        reason: field("reason"),
        starts: field("starts"),
        ends: field("ends"),
        every_hours: field("every_hours"),
        until: field("until"),
    };
    let dry_run = field("action") != "begin";
    let matchers: Vec<&str> = asked.matchers.split_whitespace().collect();
    let mut wanted = json!({
        "kind": if asked.is_maintenance { "maintenance" } else { "silence" },
        "matchers": matchers,
        "reason": if asked.reason.is_empty() && dry_run { "preview" } else { &asked.reason },
        "starts": moment(&asked.starts),
        "ends": moment(&asked.ends),
        "dry_run": dry_run,
    });
    if let (true, Ok(hours)) = (asked.is_maintenance, asked.every_hours.parse::<u64>()) {
        wanted["every_seconds"] = hours.saturating_mul(3_600).into();
        wanted["until"] = moment(&asked.until);
    }
    match visit.post("/api/v1/silences", &wanted).await {
        Ok(done) if dry_run => page(&visit, asked, Some(number(&done, "would_have_hidden")), None).await,
        Ok(_) => Ok(Redirect::to("/silences").into_response()),
        Err(trouble) if trouble.status.is_client_error() => page(&visit, asked, None, Some(trouble.detail)).await,
        Err(trouble) => Err(trouble),
    }
}

async fn expire(visit: Visit, Path(silence): Path<String>) -> Result<Response, Trouble> {
    visit.post(&format!("/api/v1/silences/{}/expire", segment(&silence)), &json!({})).await?;
    Ok(Redirect::to("/silences").into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_forms_are_utc() {
        let check = |text: &str, expected: Value| assert_eq!(moment(text), expected, "{text}");
        check("", Value::Null);
        check("2026-11-24T14:03", "2026-11-24T14:03:00Z".into());
        check("2026-11-24T14:03:12", "2026-11-24T14:03:12Z".into());
    }
}
