//! `POST /api/v1/query`: SQL in, rows out, streamed in the format that was asked for.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::Deserialize;

use super::authorized::Authorized;
use super::{Problem, State};
use crate::limits;
use query::QueryError;
use query::Statistics;
use query::output::{Encoded, Format};
use query::{Limits, Request};

/// A JSON request body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    sql: String,
    format: Option<String>,
    width: Option<usize>,
    #[serde(default)]
    limits: AskedLimits,
}

/// Limits that a request asks for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedLimits {
    time_ms: Option<u64>,
    rows: Option<u64>,
    bytes: Option<u64>,
}

impl AskedLimits {
    fn over_defaults(&self) -> Limits {
        let defaults = Limits::default();
        Limits {
            time: self.time_ms.map_or(defaults.time, Duration::from_millis),
            rows: self.rows.unwrap_or(defaults.rows),
            bytes: self.bytes.unwrap_or(defaults.bytes),
        }
    }
}

pub(super) async fn run(
    extract::State(state): extract::State<State>,
    authorized: Authorized,
    headers: HeaderMap,
    body: Result<Bytes, extract::rejection::BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| Problem::new(rejection.status(), "request", rejection.body_text()))?;
    let asked = read(&headers, &body)?;
    let format = match asked.format {
        Some(name) => Format::by_name(&name)
            .ok_or_else(|| Problem::request(format!("format {name:?} is not one of {}", names())))?,
        None => accepted(headers.get(header::ACCEPT))?,
    };
    let request = Request {
        sql: asked.sql,
        principal: Arc::clone(&authorized.principal),
        purpose: authorized.purpose("http"),
        limits: asked.limits.over_defaults(),
        access: authorized.access,
    };
    let answer = state.engine.run(request).await?;
    respond(Encoded::new(answer, format, asked.width)?, format).await
}

/// What a body asks.
fn read(headers: &HeaderMap, body: &[u8]) -> Result<Asked, Problem> {
    let content_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("application/json");
    match content_type.split(';').next().unwrap_or_default().trim() {
        "application/json" => serde_json::from_slice(body)
            .map_err(|error| Problem::request(format!("the body is not {{\"sql\": …}}: {error}"))),
        "text/plain" | "application/sql" => {
            let sql = std::str::from_utf8(body).map_err(|_| Problem::request("the SQL is not UTF-8"))?;
            Ok(Asked { sql: sql.to_owned(), format: None, width: None, limits: AskedLimits::default() })
        }
        other => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "request",
            format!("content type {other:?} is not one of application/json, text/plain, application/sql"),
        )),
    }
}

/// The best format among those that the client accepts.
fn accepted(accept: Option<&HeaderValue>) -> Result<Format, Problem> {
    let Some(accept) = accept.and_then(|value| value.to_str().ok()) else { return Ok(Format::Json) };
    let mut choices: Vec<(f32, Format)> = Vec::new();
    for item in accept.split(',') {
        let mut parts = item.split(';').map(str::trim);
        let range = parts.next().unwrap_or_default();
        let quality = parts.find_map(|part| part.strip_prefix("q=")).and_then(|q| q.parse().ok()).unwrap_or(1.0_f32);
        let family = range.strip_suffix("/*");
        let fits = |format: &&Format| match family {
            Some("*") => true,
            Some(family) => format.media_type().split('/').next() == Some(family),
            None => format.media_type() == range,
        };
        if let Some(format) = Format::ALL.iter().find(fits).filter(|_| quality > 0.0) {
            choices.push((quality, *format));
        }
    }
    // Of equals the first counts, which is what `max_by` would not give.
    let best = choices.into_iter().reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map(|(_, format)| format).ok_or_else(|| {
        let types: Vec<&str> = Format::ALL.iter().map(|format| format.media_type()).collect();
        Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", format!("Accept names none of {}", types.join(", ")))
    })
}

fn names() -> String {
    Format::ALL.map(Format::name).join(", ")
}

async fn respond(mut encoded: Encoded, format: Format) -> Result<Response, Problem> {
    let head = encoded.pull(limits::RESPONSE_HEAD_BYTES).await.map_err(|(_, error)| error)?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(format)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(id) = HeaderValue::from_str(encoded.id()) {
        headers.insert(HeaderName::from_static("tachograph-query-id"), id);
    }
    if let Some(statistics) = encoded.statistics() {
        add_statistics(&mut headers, &statistics);
        return Ok((headers, head).into_response());
    }
    let rest = stream::try_unfold((Some(head), encoded), |(head, mut encoded)| async move {
        let chunk = match head {
            Some(head) => Some(head),
            None => encoded.chunk(limits::RESPONSE_HEAD_BYTES).await?,
        };
        Ok::<_, QueryError>(chunk.map(|chunk| (Bytes::from(chunk), (None, encoded))))
    });
    Ok((headers, Body::from_stream(rest)).into_response())
}

const fn content_type(format: Format) -> &'static str {
    match format {
        Format::Csv => "text/csv; charset=utf-8; header=present",
        Format::Table | Format::Expanded => "text/plain; charset=utf-8",
        other => other.media_type(),
    }
}

fn add_statistics(headers: &mut HeaderMap, statistics: &Statistics) {
    let values = [
        ("tachograph-rows", statistics.rows),
        ("tachograph-scanned-rows", statistics.scanned_rows),
        ("tachograph-scanned-bytes", statistics.scanned_bytes),
        ("tachograph-elapsed-ms", statistics.elapsed_ms),
    ];
    for (name, value) in values {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_is_negotiated() {
        let check = |accept: &'static str, expected: Option<Format>| {
            assert_eq!(accepted(Some(&HeaderValue::from_static(accept))).ok(), expected, "{accept}");
        };
        check("*/*", Some(Format::Json));
        check("application/json", Some(Format::Json));
        check("text/csv", Some(Format::Csv));
        check("text/*", Some(Format::Csv));
        check("text/html, text/csv;q=0.5, application/x-ndjson;q=0.9", Some(Format::NdJson));
        check("application/vnd.apache.arrow.stream, application/json;q=0.1", Some(Format::Arrow));
        check("image/png", None);
        check("text/csv;q=0", None);
        assert_eq!(accepted(None).ok(), Some(Format::Json));
    }
}
