//! The receivers, in a process of their own: PagerDuty, a webhook, Alertmanager, Slack, Splunk and a mail server as they are on a bad day.
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

use crate::dice::Dice;
use crate::requests::say;
use crate::smtp;

pub struct World {
    pub dice: Dice,
    commits: File,
    answers: File,
    /// Slack's channel: what was posted, newest last.
    channel: Vec<Value>,
    /// What Splunk's indexers do not have yet, by the number that they acknowledge it with.
    unindexed: Vec<Option<Unindexed>>,
}

/// A batch between acceptance and acknowledgement.
struct Unindexed {
    body: String,
    /// Questions until the indexers have it; `None` if it gets lost.
    questions: Option<u64>,
    /// Whether the acknowledgement gets lost.
    mute: bool,
}

pub type Shared = Arc<Mutex<World>>;

/// Listens until it is killed.
pub fn run(folder: &Path, seed: u64) {
    let world = World {
        dice: Dice::new(seed ^ 0xfau64),
        commits: File::create(folder.join("commits")).unwrap(),
        answers: File::create(folder.join("answers")).unwrap(),
        channel: Vec::new(),
        unindexed: Vec::new(),
    };
    let world = Arc::new(Mutex::new(world));
    let router = Router::new().fallback(handle).with_state(world.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let smtp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        std::fs::write(folder.join("smtp"), smtp.local_addr().unwrap().port().to_string()).unwrap();
        tokio::spawn(smtp::listen(smtp, world));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        say(&format!("listening http://{}", listener.local_addr().unwrap()));
        axum::serve(listener, router).await.unwrap();
    });
}

async fn handle(State(shared): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path().to_owned();
    let (fault, answer) = {
        let mut world = shared.lock().unwrap();
        let fault = world.dice.below(12);
        let answer = if fault < 2 { Value::Null } else { world.commit(&path, &headers, &body) };
        world.answered(&path, fault);
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
        if headers.contains_key("x-splunk-request-channel") {
            return self.accept(text);
        }
        if path == "/services/collector/ack" {
            return self.acknowledge(&json);
        }
        self.write(path, id, &text);
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

    /// Writes down what a receiver keeps for ever.
    pub fn write(&mut self, path: &str, id: &str, body: &str) {
        writeln!(self.commits, "{}", json!({"path": path, "id": id, "body": body})).unwrap();
        self.commits.flush().unwrap();
    }

    /// Writes down how a request ended.
    pub fn answered(&mut self, path: &str, fault: u64) {
        writeln!(self.answers, "{}", json!({"path": path, "fault": fault})).unwrap();
    }

    /// Splunk accepts a batch. Its indexers get it later, or never, and now and then Splunk forgets everything and counts anew.
    fn accept(&mut self, body: String) -> Value {
        if self.dice.below(40) == 0 {
            self.unindexed.clear();
        }
        let fate = self.dice.below(20);
        let questions = (fate > 0).then_some(fate % 4);
        self.unindexed.push(Some(Unindexed { body, questions, mute: fate == 1 }));
        json!({"text": "Success", "code": 0, "ackId": self.unindexed.len() - 1})
    }

    /// Splunk says once that the indexers have a batch.
    fn acknowledge(&mut self, asked: &Value) -> Value {
        let id = asked["acks"][0].as_u64().unwrap();
        let slot = self.unindexed.get_mut(id as usize);
        let mut known = false;
        if let Some(batch) = slot
            && let Some(Unindexed { questions: Some(questions), mute, body }) = batch
        {
            if *questions == 0 {
                let (text, said) = (body.clone(), !*mute);
                *batch = None;
                known = said;
                self.write("/indexed", "", &text);
            } else {
                *questions -= 1;
            }
        }
        json!({"acks": {id.to_string(): known}})
    }

    /// The newest messages of the channel or of a thread.
    fn of_thread(&self, ts: Option<&str>) -> Vec<&Value> {
        self.channel.iter().rev().filter(|message| message["thread_ts"].as_str() == ts).take(50).collect()
    }
}
