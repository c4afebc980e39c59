//! Work on alerts that a form asks for: on one, on all that match a filter, and silences with a preview of what they would have hidden.

use axum::Form;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::{Map, Value, json};

use super::detail::Preview;
use super::{Notice, WAITING, page};
use crate::ask::{list, number, text};
use crate::trouble::Trouble;
use crate::visit::{Visit, address, segment};

/// The fields of a form, in their order; the same name may come several times.
type Fields = Vec<(String, String)>;

/// How many alerts one form works on at most.
const BULK_MAX: usize = 500;

fn field<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    let found = fields.iter().find(|(other, _)| other == name);
    found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
}

/// Does what a form says about one alert. What was refused because the alert changed meanwhile is told beside the alert as it is now.
pub async fn on_one(visit: Visit, Path(alert): Path<String>, Form(fields): Form<Fields>) -> Result<Response, Trouble> {
    let action = field(&fields, "action").unwrap_or_default();
    let shown = format!("/api/v1/alerts/{}", segment(&alert));
    let result = match action {
        "preview" | "silence" => {
            let wanted = silence(&fields, action == "preview")?;
            let done = visit.post("/api/v1/silences", &wanted).await;
            match done {
                Ok(done) if action == "preview" => {
                    let preview = Preview::of(&visit, &fields, number(&done, "would_have_hidden")).await?;
                    return page(&visit, Some(visit.get(&shown).await?), None, Some(preview)).await;
                }
                done => done,
            }
        }
        "ack" | "assign" | "note" | "resolve" | "reopen" => {
            visit.post(&format!("{shown}/{action}"), &body(action, &fields)).await
        }
        _ => {
            return Err(Trouble::new(
                StatusCode::BAD_REQUEST,
                "request",
                "The form asks for nothing that can be done.",
            ));
        }
    };
    match result {
        Ok(_) => Ok(Redirect::to(&super::beside(&visit, &alert)).into_response()),
        Err(trouble) if trouble.status.is_client_error() && trouble.status != StatusCode::NOT_FOUND => {
            let role = if trouble.status == StatusCode::CONFLICT { "warn" } else { "deny" };
            let notice = Notice { role, text: trouble.detail };
            page(&visit, Some(visit.get(&shown).await?), Some(notice), None).await
        }
        Err(trouble) => Err(trouble),
    }
}

/// The body of the API's request for an action, from the fields that it knows.
fn body(action: &str, fields: &Fields) -> Value {
    let known: &[&str] = match action {
        "assign" => &["assignee"],
        "resolve" => &["reason", "duplicate_of", "note"],
        _ => &["note"],
    };
    let mut body: Map<String, Value> =
        known.iter().filter_map(|name| Some(((*name).to_owned(), field(fields, name)?.into()))).collect();
    // What was read is what is decided about.
    if let Some(version) = field(fields, "version").and_then(|version| version.parse::<u64>().ok()) {
        body.insert("if_version".to_owned(), version.into());
    }
    body.into()
}

/// A silence over the matchers that are ticked.
fn silence(fields: &Fields, dry_run: bool) -> Result<Value, Trouble> {
    let matchers: Vec<&str> =
        fields.iter().filter(|(name, _)| name == "matcher").map(|(_, value)| value.as_str()).collect();
    let hours: i64 = field(fields, "hours").and_then(|hours| hours.parse().ok()).unwrap_or(4).clamp(1, 24 * 30);
    if matchers.is_empty() {
        let detail =
            "A silence needs at least one thing that alerts have in common: tick the rule, the team or the agent.";
        return Err(Trouble::new(StatusCode::BAD_REQUEST, "empty", detail));
    }
    let ends = (chrono::Utc::now() + chrono::TimeDelta::hours(hours)).to_rfc3339();
    let reason = field(fields, "reason").unwrap_or(if dry_run { "preview" } else { "" });
    Ok(json!({ "kind": "silence", "matchers": matchers, "reason": reason, "ends": ends, "dry_run": dry_run }))
}

/// Does one thing to every alert that matches the list's filter, as long as there are not too many of them.
pub async fn on_all(visit: Visit, Form(fields): Form<Fields>) -> Result<Response, Trouble> {
    let action = match field(&fields, "action") {
        Some("ack") => Some("ack"),
        Some("resolve") => Some("resolve"),
        _ => None,
    };
    let Some(action) = action else {
        return Err(Trouble::new(StatusCode::BAD_REQUEST, "request", "The form asks for nothing that can be done."));
    };
    let filter = field(&fields, "filter").unwrap_or(WAITING).to_owned();
    let limit = BULK_MAX.to_string();
    let found = visit.get(&address("/api/v1/alerts", [("filter", filter.as_str()), ("limit", &limit)])).await?;
    let ids: Vec<&str> = list(&found, "alerts").iter().map(|alert| text(alert, "id")).collect();
    if number(&found, "total") > BULK_MAX as i64 {
        let detail = format!(
            "{} alerts match, and one form works on {BULK_MAX} at most: narrow the filter.",
            number(&found, "total")
        );
        return Err(Trouble::new(StatusCode::UNPROCESSABLE_ENTITY, "too_many", detail));
    }
    let (mut done, mut refused) = (0, Vec::new());
    let body = body(action, &fields.into_iter().filter(|(name, _)| name != "version").collect());
    for id in ids {
        match visit.post(&format!("/api/v1/alerts/{}/{action}", segment(id)), &body).await {
            Ok(_) => done += 1,
            Err(trouble) if trouble.status.is_client_error() => refused.push(trouble.detail),
            Err(trouble) => return Err(trouble),
        }
    }
    let notice = match refused.first() {
        None => Notice { role: "allow", text: format!("Done for {done} alerts.") },
        Some(first) => {
            let count = refused.len();
            Notice { role: "warn", text: format!("Done for {done} alerts; {count} were as they are: {first}") }
        }
    };
    page(&visit, None, Some(notice), None).await
}
