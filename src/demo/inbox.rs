//! Receivers on this machine that play Slack, PagerDuty and Splunk: the sinks of the demo send to them as to the real ones, and pages show
//! what came.
//!
//! ```text
//! POST /slack/api/chat.postMessage, /slack/api/chat.update, …      a bot's methods
//! POST /pagerduty/v2/enqueue                                       Events API v2
//! POST /services/collector/event                                   HTTP Event Collector
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use ledger::{SystemClock, TimeSource as _, Timestamp};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::limits::{DEMO_BODY_BYTES_MAX, DEMO_MESSAGES_MAX};

/// Whom a receiver plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum InboxName {
    /// Slack's Web API.
    Slack,
    /// PagerDuty's Events API.
    PagerDuty,
    /// Splunk's HTTP Event Collector.
    Splunk,
}

impl InboxName {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Slack, Self::PagerDuty, Self::Splunk];

    /// In paths and configurations.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::PagerDuty => "pagerduty",
            Self::Splunk => "splunk",
        }
    }

    /// As people write it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Slack => "Slack",
            Self::PagerDuty => "PagerDuty",
            Self::Splunk => "Splunk",
        }
    }

    fn of_path(path: &str) -> Option<Self> {
        match path {
            "/pagerduty/v2/enqueue" => Some(Self::PagerDuty),
            "/services/collector/event" => Some(Self::Splunk),
            _ => path.starts_with("/slack/api/").then_some(Self::Slack),
        }
    }
}

/// A message as it arrived. Every text in it may be an attacker's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Message {
    /// Its number in the inbox, from 1.
    pub number: u64,
    /// When it came, in microseconds since 1970 UTC.
    pub at: Timestamp,
    /// Who it was sent to; the sink has the same name.
    pub inbox: InboxName,
    /// The method of the request.
    pub method: String,
    /// The path of the request.
    pub path: String,
    /// What people would read of it, in one line.
    pub text: String,
    /// The body: JSON, or a list of its JSON values where it has several, or its text.
    pub body: Value,
}

/// All inboxes. Copies are the same inboxes.
#[derive(Debug, Clone)]
pub struct Inboxes(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    messages: Mutex<BTreeMap<InboxName, Kept>>,
    /// How many messages came.
    count: watch::Sender<u64>,
}

/// The newest messages of one.
#[derive(Debug, Default)]
struct Kept {
    newest: VecDeque<Message>,
    count: u64,
}

impl Default for Inboxes {
    /// Nothing came yet.
    fn default() -> Self {
        Self(Arc::new(Shared { messages: Mutex::default(), count: watch::Sender::new(0) }))
    }
}

impl Inboxes {
    /// Receives on a port of this machine until its runtime ends; says on which.
    pub async fn receive(&self) -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let limit = DefaultBodyLimit::max(DEMO_BODY_BYTES_MAX);
        let router = Router::new().fallback(take).layer(limit).with_state(self.clone());
        // It ends with the runtime, and has nothing to lose.
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(address)
    }

    /// The newest messages of an inbox, the oldest first.
    pub fn messages(&self, inbox: InboxName) -> Vec<Message> {
        let messages = self.0.messages.lock().unwrap_or_else(PoisonError::into_inner);
        messages.get(&inbox).map(|kept| kept.newest.iter().cloned().collect()).unwrap_or_default()
    }

    /// Hears when something comes: the number of all messages so far.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.0.count.subscribe()
    }

    fn keep(&self, inbox: InboxName, at: Timestamp, method: &Method, path: &str, body: &[u8]) -> u64 {
        let body = body_of(body);
        let mut messages = self.0.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = messages.entry(inbox).or_default();
        kept.count += 1;
        if kept.newest.len() >= DEMO_MESSAGES_MAX {
            kept.newest.pop_front();
        }
        kept.newest.push_back(Message {
            number: kept.count,
            at,
            inbox,
            method: method.to_string(),
            path: path.to_owned(),
            text: text(inbox, &body),
            body,
        });
        let number = kept.count;
        drop(messages);
        self.0.count.send_modify(|count| *count += 1);
        number
    }
}

async fn take(State(inboxes): State<Inboxes>, method: Method, uri: Uri, body: Bytes) -> Response {
    let at = SystemClock.now();
    let Some(inbox) = InboxName::of_path(uri.path()) else { return StatusCode::NOT_FOUND.into_response() };
    let number = inboxes.keep(inbox, at, &method, uri.path(), &body);
    answer(inbox, uri.path(), number, at)
}

/// What the real one answers.
fn answer(inbox: InboxName, path: &str, number: u64, at: Timestamp) -> Response {
    let (status, body) = match inbox {
        // A message's name is its time with a number.
        InboxName::Slack if path.contains("conversations.") => (StatusCode::OK, json!({"ok": true, "messages": []})),
        InboxName::Slack => (
            StatusCode::OK,
            json!({"ok": true, "channel": "C0DEMO", "ts": format!("{}.{number:06}", at.unix_seconds())}),
        ),
        InboxName::PagerDuty => {
            (StatusCode::ACCEPTED, json!({"status": "success", "message": "Event processed", "dedup_key": "demo"}))
        }
        InboxName::Splunk => (StatusCode::OK, json!({"text": "Success", "code": 0})),
    };
    (status, axum::Json(body)).into_response()
}

/// A body as JSON: Splunk's has several values one after the other.
fn body_of(body: &[u8]) -> Value {
    let values: Result<Vec<Value>, _> = serde_json::Deserializer::from_slice(body).into_iter().collect();
    match values {
        Ok(mut values) if values.len() == 1 => values.remove(0),
        Ok(values) => Value::Array(values),
        Err(_) => Value::String(String::from_utf8_lossy(body).into_owned()),
    }
}

/// What people would read.
fn text(inbox: InboxName, body: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match inbox {
        InboxName::Slack => text(&body["text"]),
        InboxName::PagerDuty => {
            format!(
                "{}: {}",
                text(&body["event_action"]),
                body["payload"]["summary"].as_str().unwrap_or("(no summary)")
            )
        }
        InboxName::Splunk => match body {
            Value::Array(values) => format!("{} records", values.len()),
            _ => "1 record".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_messages_are_kept_and_read_as_people_read_them() {
        let inboxes = Inboxes::default();
        let came = inboxes.watch();
        let keep = |inbox, path: &str, body: &str| {
            inboxes.keep(inbox, Timestamp::EPOCH, &Method::POST, path, body.as_bytes());
        };
        for number in 0..DEMO_MESSAGES_MAX + 3 {
            keep(InboxName::Slack, "/slack/api/chat.postMessage", &format!("{{\"text\":\"n{number}\"}}"));
        }
        let slack = inboxes.messages(InboxName::Slack);
        assert_eq!((slack.len(), slack[0].number, slack[0].text.as_str()), (DEMO_MESSAGES_MAX, 4, "n3"));
        keep(InboxName::Splunk, "/services/collector/event", "{\"event\":1}{\"event\":2}\n");
        assert_eq!(inboxes.messages(InboxName::Splunk)[0].text, "2 records");
        let event = "{\"event_action\":\"trigger\",\"payload\":{\"summary\":\"s\"}}";
        keep(InboxName::PagerDuty, "/pagerduty/v2/enqueue", event);
        assert_eq!(inboxes.messages(InboxName::PagerDuty)[0].text, "trigger: s");
        assert_eq!(*came.borrow(), DEMO_MESSAGES_MAX as u64 + 5);
        assert_eq!(body_of(b"no json"), json!("no json"));
    }

    #[test]
    fn receivers_are_told_apart_by_path() {
        let check = |path: &str, expected: Option<InboxName>| assert_eq!(InboxName::of_path(path), expected, "{path}");
        check("/slack/api/chat.postMessage", Some(InboxName::Slack));
        check("/pagerduty/v2/enqueue", Some(InboxName::PagerDuty));
        check("/services/collector/event", Some(InboxName::Splunk));
        check("/", None);
    }
}
