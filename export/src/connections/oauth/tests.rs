//! Tokens against an issuer and a receiver in memory. Time is virtual.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex as Lock};

use operations::secret::SecretError;
use serde_json::json;

use super::*;

/// An issuer and a receiver behind one connection.
#[derive(Default)]
struct World {
    /// What the issuer answers next; the token `n` that it gives otherwise is good for an hour.
    answers: VecDeque<Response>,
    given: usize,
    /// The token that the receiver takes, if it does not take every one.
    only: Option<String>,
    /// The tokens that it was sent.
    seen: Vec<String>,
}

#[derive(Clone, Default)]
struct Memory(Arc<Lock<World>>);

fn answer(status: u16, body: &Value) -> Response {
    Response { status, retry_after: None, body: body.to_string() }
}

impl Connection<Http> for Memory {
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, SendError>> {
        let mut world = self.0.lock().unwrap();
        let answer = if request.shown_url.contains("issuer") {
            assert_eq!(request.body, b"asked");
            world.answers.pop_front().unwrap_or_else(|| {
                world.given += 1;
                answer(200, &json!({"access_token": format!("hunter{}", world.given), "expires_in": 3_600}))
            })
        } else {
            let token = request.authorization.unwrap().secret.expose().to_owned();
            world.seen.push(token.clone());
            let taken = world.only.as_ref().is_none_or(|only| *only == token);
            answer(if taken { 204 } else { 401 }, &json!({}))
        };
        Box::pin(async move { Ok(answer) })
    }
}

struct Asked;

impl Grant for Asked {
    fn request(&self) -> Result<Request, SecretError> {
        Ok(Request::post("https://issuer.acme.example", b"asked".to_vec()))
    }
}

async fn send(connection: &dyn Connection<Http>) -> Result<u16, SendError> {
    let request = Request::post("https://receiver.acme.example", Vec::new());
    connection.send(request).await.map(|answer| answer.status)
}

#[tokio::test(start_paused = true)]
async fn a_token_is_kept_until_shortly_before_its_end() {
    let memory = Memory::default();
    let connection = Authorized::over(Box::new(memory.clone()), Box::new(Asked));
    for (wait, given) in [(0, 1), (3_200, 1), (200, 2)] {
        tokio::time::advance(Duration::from_secs(wait)).await;
        assert_eq!(send(connection.as_ref()).await, Ok(204));
        assert_eq!(memory.0.lock().unwrap().given, given, "after {wait} more seconds");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_is_replaced_once() {
    let memory = Memory::default();
    let connection = Authorized::over(Box::new(memory.clone()), Box::new(Asked));
    assert_eq!(send(connection.as_ref()).await, Ok(204));
    memory.0.lock().unwrap().only = Some("hunter2".to_owned());
    assert_eq!(send(connection.as_ref()).await, Ok(204));
    memory.0.lock().unwrap().only = Some("none".to_owned());
    assert_eq!(send(connection.as_ref()).await, Ok(401), "the receiver refuses whoever sends");
    assert_eq!(memory.0.lock().unwrap().seen, ["hunter1", "hunter1", "hunter2", "hunter2", "hunter3"]);
}

#[tokio::test(start_paused = true)]
async fn without_a_token_nothing_is_sent_and_the_reason_has_no_secret() {
    let memory = Memory::default();
    let connection = Authorized::over(Box::new(memory.clone()), Box::new(Asked));
    let secret = json!({"error": "invalid_client", "error_description": "the secret hunter2 is wrong"});
    let cases = [
        (answer(401, &secret), "NotSent", false),
        (answer(400, &secret), "", false),
        (answer(200, &json!({"token": "hunter2"})), "", false),
        (answer(503, &secret), "", true),
        (answer(429, &secret), "", true),
    ];
    for (refusal, _, passes) in cases {
        memory.0.lock().unwrap().answers.push_back(refusal.clone());
        let error = send(connection.as_ref()).await.unwrap_err();
        assert_eq!(matches!(error, SendError::NotSent(_)), passes, "{refusal}: {error:?}");
        assert!(!format!("{error:?}").contains("hunter"), "{error:?}");
    }
    assert!(memory.0.lock().unwrap().seen.is_empty());
}
