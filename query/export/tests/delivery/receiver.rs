//! The receivers, in a process of their own: PagerDuty, a webhook, Alertmanager, Slack and Splunk as they are on a bad day.
//!
//! What is committed goes to one file, what is answered to another. Each request prints a line, by which the harness counts.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use crate::life::Dice;

struct World {
    dice: Dice,
    commits: File,
    answers: File,
    /// Slack's channel: what was posted, newest last.
    channel: Vec<Value>,
}

type Shared = Arc<Mutex<World>>;

/// Listens until it is killed.
pub fn run(folder: &Path, seed: u64) {
    let world = World {
        dice: Dice::new(seed ^ 0xfau64),
        commits: File::create(folder.join("commits")).unwrap(),
        answers: File::create(folder.join("answers")).unwrap(),
        channel: Vec::new(),
    };
    let router = Router::new().fallback(handle).with_state(Arc::new(Mutex::new(world)));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        say(&format!("listening http://{}", listener.local_addr().unwrap()));
        axum::serve(listener, router).await.unwrap();
    });
}

/// One line for the harness. Nobody may be left to read it.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "\n{line}").and_then(|()| out.flush());
}

async fn handle(State(shared): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path().to_owned();
    let (fault, answer) = {
        let mut world = shared.lock().unwrap();
        let fault = world.dice.below(12);
        let answer = if fault < 2 { Value::Null } else { world.commit(&path, &headers, &body) };
        writeln!(world.answers, "{}", json!({"path": path, "fault": fault})).unwrap();
        (fault, answer)
    };
    say("request");
    match fault {
        0 => (StatusCode::SERVICE_UNAVAILABLE, r#"{"code":9}"#).into_response(),
        1 => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")], r#"{"code":26}"#).into_response(),
        2 => (StatusCode::INTERNAL_SERVER_ERROR, "").into_response(),
        3 => {
            let cut = futures::stream::iter([Ok(Bytes::from_static(b"{\"o")), Err(std::io::Error::other("cut"))]);
            Body::from_stream(cut).into_response()
        }
        4 => {
            // Longer than the forwarder waits; it is the client that gives up.
            tokio::time::sleep(Duration::from_mins(10)).await;
            StatusCode::OK.into_response()
        }
        _ => (StatusCode::OK, answer.to_string()).into_response(),
    }
}

impl World {
    /// Writes down what the request changes, and makes the answer.
    fn commit(&mut self, path: &str, headers: &HeaderMap, body: &[u8]) -> Value {
        let text = String::from_utf8_lossy(body).into_owned();
        let json: Value = serde_json::from_str(&text).unwrap_or_default();
        let id = headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
        match path {
            "/slack/conversations.history" => return json!({"ok": true, "messages": self.of_thread(None)}),
            "/slack/conversations.replies" => {
                let ts = text.split('&').find_map(|pair| pair.strip_prefix("ts=")).unwrap_or_default();
                return json!({"ok": true, "messages": self.of_thread(Some(ts))});
            }
            _ => {}
        }
        let entry = json!({"path": path, "id": id, "body": text});
        writeln!(self.commits, "{entry}").unwrap();
        self.commits.flush().unwrap();
        match path {
            "/slack/chat.postMessage" => {
                let mut message = json;
                message["ts"] = format!("1763750001.{:06}", self.channel.len()).into();
                let answer = json!({"ok": true, "ts": message["ts"]});
                self.channel.push(message);
                answer
            }
            "/slack/chat.update" => json!({"ok": true, "ts": json["ts"]}),
            _ => json!({"status": "success", "code": 0}),
        }
    }

    /// The newest messages of the channel or of a thread.
    fn of_thread(&self, ts: Option<&str>) -> Vec<&Value> {
        self.channel.iter().rev().filter(|message| message["thread_ts"].as_str() == ts).take(50).collect()
    }
}
