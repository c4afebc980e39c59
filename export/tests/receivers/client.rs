//! A client for what tests ask receivers.

use std::process::Child;
use std::time::Instant;

use serde_json::Value;

use crate::{LOOK, PATIENCE};

/// One request; the status and the body.
pub fn ask(method: &str, url: &str, kind: &str, body: &str) -> Option<(u16, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let tls = export::tls::client_config(None).unwrap();
        let client = reqwest::Client::builder().tls_backend_preconfigured(tls).no_proxy().build().unwrap();
        let request = client.request(method.parse().unwrap(), url).header("content-type", kind).body(body.to_owned());
        let answer = request.send().await.ok()?;
        Some((answer.status().as_u16(), answer.text().await.ok()?))
    })
}

/// A request with JSON that must be taken; what it answers.
pub fn json(method: &str, url: &str, body: &Value) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let (status, answer) = ask(method, url, "application/json", &body).unwrap();
    assert!((200..300).contains(&status), "{method} {url}: {status} {answer}");
    serde_json::from_str(&answer).unwrap_or(Value::String(answer))
}

/// Waits until the process answers there. `log` is what is told of one that does not.
pub fn wait(url: &str, process: &mut Child, log: impl Fn() -> String) {
    let until = Instant::now() + PATIENCE;
    while ask("GET", url, "application/json", "").is_none_or(|(status, _)| status >= 500) {
        let ended = process.try_wait().unwrap();
        assert!(ended.is_none() && Instant::now() < until, "nobody answers at {url}, {ended:?}: {}", log());
        std::thread::park_timeout(LOOK);
    }
}
