//! Pages of a demo: what arrived in the inboxes, as their owners would show it, and "Try to break it". They exist only while one runs.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use chrono::DateTime;
use ledger::LedgerName;
use operations::access::Role;
use serde_json::Value;

use super::{Group, Page};
use crate::ask::{list, number, some_text, text};
use crate::demo::Demo;
use crate::frame::Frame;
use crate::trouble::{self, Trouble};
use crate::visit::Visit;
use crate::{State, figures, shown};

/// The copy with one changed byte.
pub const BREAK: Page = Page {
    name: "Try to break it",
    path: "/demo/break",
    icon: "stuck",
    group: Group::Demo,
    key: 'b',
    reads: LedgerName::Operations,
    routes: break_routes,
};
/// Slack's inbox,
pub const SLACK: Page = inbox("Slack", "/demo/inbox/slack", "prompt", '1', slack_routes);
/// that of PagerDuty,
pub const PAGERDUTY: Page = inbox("PagerDuty", "/demo/inbox/pagerduty", "bell", '2', pagerduty_routes);
/// and that of Splunk.
pub const SPLUNK: Page = inbox("Splunk", "/demo/inbox/splunk", "table", '3', splunk_routes);

const fn inbox(
    name: &'static str,
    path: &'static str,
    icon: &'static str,
    key: char,
    routes: fn() -> Router<State>,
) -> Page {
    Page { name, path, icon, group: Group::Demo, key, reads: LedgerName::Operations, routes }
}

fn slack_routes() -> Router<State> {
    Router::new().route("/demo/inbox/slack", get(slack))
}

fn pagerduty_routes() -> Router<State> {
    Router::new().route("/demo/inbox/pagerduty", get(pagerduty))
}

fn splunk_routes() -> Router<State> {
    Router::new().route("/demo/inbox/splunk", get(splunk))
}

fn break_routes() -> Router<State> {
    Router::new().route("/demo/break", get(show_break).post(try_to_break)).route("/demo/tour", post(dismiss))
}

/// How many messages a page shows.
const MESSAGES_MAX: usize = 60;
/// Characters of a body that are shown.
const RAW_CHARACTERS_MAX: usize = 4_000;
/// Attributes that one event of a SIEM shows.
const FIELDS_MAX: usize = 12;

#[derive(Template)]
#[template(path = "inbox.html")]
struct InboxPage {
    frame: Frame,
    name: &'static str,
    /// What the sink of the demo is called, and where the original shows the same.
    what: &'static str,
    messages: Vec<Message>,
    kept: usize,
    records: i64,
}

/// A message as its receiver would show it: text only.
struct Message {
    number: i64,
    time: String,
    age: String,
    /// Between the event that it tells of and its arrival, where it says when that was.
    delay: Option<String>,
    content: Content,
    raw: String,
}

impl Message {
    fn of(message: &Value, frame: &Frame, read: fn(&Value, &Value) -> Content, alerts: &[Value]) -> Self {
        let at = DateTime::from_timestamp_micros(number(message, "at")).unwrap_or_default();
        let body = &message["body"];
        let mut content = read(message, body);
        let told = content.event_at.take().or_else(|| last_event(body, alerts));
        let event = told.as_deref().and_then(figures::moment);
        let moment = at.to_rfc3339();
        content.headline = shown::defanged(&content.headline);
        content.lines.iter_mut().for_each(|line| *line = shown::defanged(line));
        content.fields = content.fields.into_iter().map(defanged).collect();
        Self {
            number: number(message, "number"),
            time: frame.time(&moment),
            age: frame.age(&moment),
            delay: event.map(|event| figures::seconds((at - event).num_milliseconds().max(0))),
            content,
            raw: serde_json::to_string_pretty(body.as_array().and_then(|values| values.last()).unwrap_or(body))
                .map(|text| text.chars().take(RAW_CHARACTERS_MAX).collect())
                .unwrap_or_default(),
        }
    }
}

/// The id of an alert in a message, if it names one.
fn alert_id(body: &Value) -> Option<String> {
    const DIGITS: usize = 32;
    let text = body.to_string();
    text.match_indices("alert-").find_map(|(at, word)| {
        let digits = text.get(at + word.len()..at + word.len() + DIGITS)?;
        let is_id = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then(|| format!("alert-{digits}"))
    })
}

/// When the last event happened of the revision that a message tells of, if that is still the newest one.
fn last_event(body: &Value, alerts: &[Value]) -> Option<String> {
    let id = alert_id(body)?;
    let alert = alerts.iter().find(|alert| text(alert, "alert") == id)?;
    let is_newest = body.to_string().contains(&format!(" r{} ", number(alert, "revision")));
    is_newest.then(|| text(alert, "last_seen").to_owned())
}

/// A field without addresses in it; names of rules are our own, and have dots.
fn defanged((name, value): (String, String)) -> (String, String) {
    let is_own = matches!(name.as_str(), "rule" | "class");
    let value = if is_own { value } else { shown::defanged(&value) };
    (name, value)
}

/// A field of a Slack section: a bold name, and below it the value as code.
fn slack_field(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('\n')?;
    let name = name.strip_prefix('*')?.strip_suffix('*')?;
    let value = value.strip_prefix('`').and_then(|value| value.strip_suffix('`')).unwrap_or(value);
    Some((name.to_owned(), value.to_owned()))
}

/// What a message says.
struct Content {
    /// The role of its colour.
    role: &'static str,
    icon: &'static str,
    /// What was done: posted, changed, triggered, resolved.
    action: String,
    headline: String,
    lines: Vec<String>,
    fields: Vec<(String, String)>,
    /// How many records came with it.
    records: usize,
    /// When the event happened, if the message says so.
    event_at: Option<String>,
}

fn role(severity: &str) -> (&'static str, &'static str) {
    match severity {
        "critical" => ("deny", "critical"),
        "error" | "high" => ("warn", "high"),
        "warning" | "medium" => ("warn", "medium"),
        _ => ("info", "info"),
    }
}

/// Texts of Slack's blocks, in order: sections, fields, contexts and the words on buttons.
fn block_texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| block_texts(value, found)),
        Value::Object(members) => match members.get("text") {
            Some(Value::String(line)) => found.push(line.clone()),
            _ => ["text", "fields", "elements"]
                .iter()
                .filter_map(|name| members.get(*name))
                .for_each(|value| block_texts(value, found)),
        },
        _ => {}
    }
}

/// Text that Slack would show: its three escapes read back. It stays text here, so nothing of it becomes markup.
fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

fn of_slack(message: &Value, body: &Value) -> Content {
    let mut lines = Vec::new();
    block_texts(&body["blocks"], &mut lines);
    for attachment in list(body, "attachments") {
        block_texts(&attachment["blocks"], &mut lines);
    }
    let headline = unescaped(some_text(body, "text").unwrap_or(text(message, "text")));
    let words = headline.to_lowercase();
    let severity = ["critical", "high", "medium"].into_iter().find(|word| words.contains(word)).unwrap_or("info");
    let (role, icon) = role(severity);
    let action = match text(message, "path").rsplit('.').next() {
        Some("update") => "changed a message",
        Some("postMessage") if body.get("thread_ts").is_some() => "answered in the thread",
        Some("postMessage") => "posted",
        _ => "asked",
    };
    let lines = lines.iter().map(|line| unescaped(line)).filter(|line| !headline.ends_with(line.as_str()));
    let (fields, lines): (Vec<String>, Vec<String>) = lines.partition(|line| slack_field(line).is_some());
    let fields = fields.iter().filter_map(|line| slack_field(line)).collect();
    Content { role, icon, action: action.to_owned(), headline, lines, fields, records: 1, event_at: None }
}

/// A value as a field shows it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn of_pagerduty(_: &Value, body: &Value) -> Content {
    let payload = &body["payload"];
    let action = match text(body, "event_action") {
        "trigger" => "triggered",
        "acknowledge" => "acknowledged",
        "resolve" => "resolved",
        other => other,
    };
    let (role, icon) = if action == "resolved" { ("allow", "check") } else { role(text(payload, "severity")) };
    let details = payload["custom_details"].as_object().into_iter().flatten();
    let mut fields: Vec<(String, String)> = details.map(|(name, value)| (name.clone(), plain(value))).collect();
    fields.truncate(FIELDS_MAX);
    for name in ["source", "component", "group", "class"] {
        if let Some(value) = some_text(payload, name) {
            fields.push((name.to_owned(), value.to_owned()));
        }
    }
    fields.push(("dedup_key".to_owned(), text(body, "dedup_key").to_owned()));
    Content {
        role,
        icon,
        action: action.to_owned(),
        headline: some_text(payload, "summary").unwrap_or("(the incident is closed)").to_owned(),
        lines: Vec::new(),
        fields,
        records: 1,
        event_at: some_text(payload, "timestamp").map(str::to_owned),
    }
}

fn of_splunk(_: &Value, body: &Value) -> Content {
    let single = std::slice::from_ref(body);
    let events = body.as_array().map_or(single, Vec::as_slice);
    let last = events.last().unwrap_or(&Value::Null);
    let event = &last["event"];
    let members = event.as_object().into_iter().flatten().filter(|(_, value)| !value.is_object() && !value.is_array());
    let fields = members.map(|(name, value)| (name.clone(), plain(value))).take(FIELDS_MAX);
    let seconds = last["time"].as_f64().or_else(|| text(last, "time").parse().ok());
    let at = seconds.and_then(|seconds| DateTime::from_timestamp_micros((seconds * 1e6) as i64));
    Content {
        role: "none",
        icon: "table",
        action: "indexed".to_owned(),
        headline: format!("{} record{}", figures::count(events.len() as i64), if events.len() == 1 { "" } else { "s" }),
        lines: Vec::new(),
        fields: fields.collect(),
        records: events.len(),
        event_at: at.map(|at| at.to_rfc3339()),
    }
}

async fn slack(visit: Visit) -> Result<Response, Trouble> {
    let what = "the channel C0DEMO, as Slack would show it: text only, no link is made of what an event brought";
    show(&visit, &SLACK, "slack", what, of_slack).await
}

async fn pagerduty(visit: Visit) -> Result<Response, Trouble> {
    let what = "incidents that the on-call would get, at severity high and above";
    show(&visit, &PAGERDUTY, "pagerduty", what, of_pagerduty).await
}

async fn splunk(visit: Visit) -> Result<Response, Trouble> {
    let what = "every event from the beginning of the live part, with the newest of each batch";
    show(&visit, &SPLUNK, "splunk", what, of_splunk).await
}

async fn show(
    visit: &Visit,
    page: &'static Page,
    inbox: &str,
    what: &'static str,
    read: fn(&Value, &Value) -> Content,
) -> Result<Response, Trouble> {
    let frame = Frame::of(visit, page).await?;
    let messages = demo(visit)?.messages(inbox).unwrap_or_default();
    let shown = messages.iter().take(MESSAGES_MAX);
    let ids: Vec<String> = shown.clone().filter_map(|message| alert_id(&message["body"])).collect();
    let ids = ids.iter().map(|id| crate::ask::literal(id)).collect::<Vec<_>>().join(", ");
    let alerts = if inbox == "slack" && !ids.is_empty() {
        visit.rows(&format!("SELECT alert, revision, last_seen FROM alerts WHERE alert IN ({ids})")).await?
    } else {
        Vec::new()
    };
    let records = |message: &Value| message["body"].as_array().map_or(1, |values| values.len() as i64);
    trouble::page(&InboxPage {
        name: page.name,
        what,
        kept: messages.len(),
        records: messages.iter().map(records).sum(),
        messages: shown.map(|message| Message::of(message, &frame, read, &alerts)).collect(),
        frame,
    })
}

/// The demo of this process.
fn demo(visit: &Visit) -> Result<Arc<dyn Demo>, Trouble> {
    let none = || Trouble::new(StatusCode::NOT_FOUND, "no_demo", "No demo runs here.");
    visit.state.demo.clone().ok_or_else(none)
}

#[derive(Template)]
#[template(path = "break.html")]
struct BreakPage {
    frame: Frame,
    directory: String,
    broken: Option<Broken>,
    trouble: Option<String>,
    may: bool,
}

/// What came of a try.
struct Broken {
    file: String,
    offset: String,
    /// The same for `dd`, and the new byte for `printf`.
    seek: i64,
    octal: String,
    before: String,
    after: String,
    verdict: String,
    faults: Vec<String>,
    more: i64,
    original: String,
    is_original_verified: bool,
    took: String,
    events: i64,
}

impl Broken {
    fn of(found: &Value) -> Self {
        let report = &found["copy"];
        let all = list(report, "faults");
        let line = |fault: &Value| {
            let (ledger, shard) = (text(fault, "ledger"), number(fault, "shard"));
            format!("{ledger}/{shard}: {}: {}", text(fault, "place"), text(fault, "what"))
        };
        let verdict = figures::capitalised(&text(found, "verdict").replace('_', " "));
        let original = figures::capitalised(&text(found, "original").replace('_', " "));
        Self {
            file: text(found, "file").to_owned(),
            offset: figures::count(number(found, "offset")),
            seek: number(found, "offset"),
            octal: format!("{:03o}", number(found, "after")),
            before: format!("{:#04x}", number(found, "before")),
            after: format!("{:#04x}", number(found, "after")),
            verdict,
            faults: all.iter().take(5).map(line).collect(),
            more: (all.len() as i64 - 5).max(0) + number(report, "faults_omitted"),
            is_original_verified: original == "Verified",
            original,
            took: figures::seconds(number(found, "took_ms")),
            events: number(report, "events"),
        }
    }
}

/// Whether somebody may have a copy made: it costs as much as a verification.
fn may(visit: &Visit) -> bool {
    visit.principal().may(Role::Admin) || visit.principal().may(Role::Auditor)
}

async fn break_page(visit: &Visit, broken: Option<Broken>, trouble: Option<String>) -> Result<Response, Trouble> {
    let frame = Frame::of(visit, &BREAK).await?;
    let directory = demo(visit)?.directory();
    trouble::page(&BreakPage { directory, broken, trouble, may: may(visit), frame })
}

async fn show_break(visit: Visit) -> Result<Response, Trouble> {
    break_page(&visit, None, None).await
}

/// Breaks a copy. What came of it is the answer itself: it is nobody's but whoever tried.
async fn try_to_break(visit: Visit) -> Result<Response, Trouble> {
    if !may(&visit) {
        return Err(Trouble::new(StatusCode::FORBIDDEN, "role", "Trying to break it takes the role admin or auditor."));
    }
    let demo = demo(&visit)?;
    let found = tokio::task::spawn_blocking(move || demo.tamper()).await.map_err(|error| Trouble::internal(&error))?;
    match found {
        Ok(found) => break_page(&visit, Some(Broken::of(&found)), None).await,
        Err(sentence) => break_page(&visit, None, Some(sentence)).await,
    }
}

/// Takes the cards of the tour away, in this browser.
async fn dismiss(_: Visit) -> Response {
    let seen = HeaderValue::from_static("tour=seen; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax");
    ([(header::SET_COOKIE, seen)], Redirect::to("/")).into_response()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn slack_is_read_as_text() {
        let body = json!({ "text": "CRITICAL a &lt;b&gt;", "blocks": [{ "type": "section", "text": { "type": "mrkdwn", "text": "one &amp; two" } },
            { "type": "context", "elements": [{ "type": "plain_text", "text": "three" }] }] });
        let content = of_slack(&json!({ "path": "/slack/api/chat.postMessage" }), &body);
        assert_eq!(
            (content.headline.as_str(), content.role, content.action.as_str()),
            ("CRITICAL a <b>", "deny", "posted")
        );
        assert_eq!(content.lines, ["one & two", "three"]);
        assert_eq!(slack_field("*Team*\n`web`"), Some(("Team".to_owned(), "web".to_owned())));
        assert_eq!(slack_field("*Team* web"), None);
    }

    #[test]
    fn the_event_of_a_message_is_that_of_its_revision() {
        let id = format!("alert-{}", "a1".repeat(16));
        let alerts = [json!({ "alert": id, "revision": 2, "last_seen": "2026-11-24T14:02:30Z" })];
        let check = |text: String, expected: Option<&str>| {
            assert_eq!(last_event(&json!({ "text": text }), &alerts).as_deref(), expected, "{text}");
        };
        check(format!("`{id}` r2 · evidence"), Some("2026-11-24T14:02:30Z"));
        check(format!("`{id}` r1 · evidence"), None);
        check("alert-short ü".to_owned(), None);
    }

    #[test]
    fn splunk_and_pagerduty_have_their_figures() {
        let body = json!([{ "event": { "kind": "a" } }, { "time": 1.5, "event": { "kind": "b", "more": {} } }]);
        let content = of_splunk(&Value::Null, &body);
        assert_eq!((content.records, content.fields), (2, vec![("kind".to_owned(), "b".to_owned())]));
        let body = json!({ "event_action": "resolve", "dedup_key": "k" });
        assert_eq!(of_pagerduty(&Value::Null, &body).role, "allow");
    }

    #[test]
    fn what_broke_is_named() {
        let fault = json!({ "ledger": "events", "shard": 0, "place": "segment/a, batch 3", "what": "changed" });
        let found = json!({ "file": "events/0/a", "offset": 5, "before": 1, "after": 0, "verdict": "tampered", "original": "verified",
            "copy": { "faults": [fault], "faults_omitted": 2, "events": 7 } });
        let broken = Broken::of(&found);
        assert_eq!((broken.verdict.as_str(), broken.is_original_verified, broken.more), ("Tampered", true, 2));
        assert_eq!(broken.faults, ["events/0: segment/a, batch 3: changed"]);
    }
}
