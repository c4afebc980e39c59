//! Asks the API in this process, in the name of whoever looks at a page.

pub use query::filter::quoted as literal;

use api::Peer;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::limits;
use crate::trouble::Trouble;
use crate::visit::Visit;

impl Visit {
    /// What a route of the API answers, read as JSON.
    pub async fn get(&self, path: &str) -> Result<Value, Trouble> {
        self.send(Method::GET, path, Body::empty()).await
    }

    /// Asks a route of the API to do something.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, Trouble> {
        self.send(Method::POST, path, Body::from(body.to_string())).await
    }

    /// The same, as what somebody typed: it is recorded.
    pub async fn typed(&self, path: &str, body: &Value) -> Result<Value, Trouble> {
        self.send_as(self.peer(), Method::POST, path, Body::from(body.to_string())).await
    }

    /// The rows of an SQL statement, as objects.
    pub async fn rows(&self, sql: &str) -> Result<Vec<Value>, Trouble> {
        let mut answer = self.post("/api/v1/query", &json!({ "sql": sql, "format": "json" })).await?;
        match answer.get_mut("rows").map(Value::take) {
            Some(Value::Array(rows)) if answer.get("error").is_none() => Ok(rows),
            _ => Err(Trouble::from_problem(StatusCode::INTERNAL_SERVER_ERROR, &answer["error"])),
        }
    }

    async fn send(&self, method: Method, path: &str, body: Body) -> Result<Value, Trouble> {
        self.send_as(self.peer().for_page(), method, path, body).await
    }

    async fn send_as(&self, peer: Peer, method: Method, path: &str, body: Body) -> Result<Value, Trouble> {
        let request = Request::builder().method(method).uri(path).header(header::CONTENT_TYPE, "application/json");
        let request = request.extension(peer).body(body).map_err(|error| Trouble::internal(&error))?;
        let response = self.state.api.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
        let status = response.status();
        let body = to_bytes(response.into_body(), limits::ANSWER_BYTES_MAX).await;
        let body = body.map_err(|error| Trouble::internal(&error))?;
        let answer: Value = serde_json::from_slice(&body).map_err(|error| Trouble::internal(&error))?;
        if status.is_success() { Ok(answer) } else { Err(Trouble::from_problem(status, &answer)) }
    }
}

/// A text of an answer; empty if it is none.
pub fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// A text of an answer, unless it is absent or empty.
pub fn some_text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    Some(text(value, name)).filter(|text| !text.is_empty())
}

/// A whole number of an answer; 0 if it is none.
pub fn number(value: &Value, name: &str) -> i64 {
    value.get(name).and_then(Value::as_i64).unwrap_or_default()
}

/// A list of an answer; empty if it is none.
pub fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
