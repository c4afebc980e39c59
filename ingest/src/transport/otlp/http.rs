//! OTLP over HTTP: protobuf and JSON, as they are or compressed, on the paths that exporters append to an endpoint.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use prost::Message as _;

use super::answer::{ExportResponse, Status, grpc_code, http_status};
use super::element::Format;
use super::export::{Outcome, Target};
use crate::encoding::Signal;
use crate::transport::http::{Chunks, Held, Problem, compression};

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

/// The routes of a collector.
pub(super) fn routes(target: Target) -> Router {
    let take = |signal: Signal| {
        post(move |State(target): State<Target>, headers: HeaderMap, body: Body| take(target, signal, headers, body))
    };
    let (method, path) = (target.clone(), target.clone());
    let routes =
        Signal::ALL.into_iter().fold(Router::new(), |router, signal| router.route(signal.path(), take(signal)));
    routes
        .with_state(target)
        .method_not_allowed_fallback(async move |headers: HeaderMap| {
            refuse(&method, format(&headers), &Problem::method())
        })
        .fallback(async move |headers: HeaderMap| refuse(&path, format(&headers), &Problem::unknown_otlp_path()))
}

async fn take(target: Target, signal: Signal, headers: HeaderMap, body: Body) -> Response {
    let format = format(&headers);
    match export(&target, signal, format, &headers, body).await {
        Ok(outcome) => {
            target.channel.metrics().answered(StatusCode::OK.as_u16());
            let answer = ExportResponse::of(outcome);
            let body = match format {
                Some(Format::Protobuf) => answer.encode_to_vec(),
                _ => answer.json(signal).to_string().into_bytes(),
            };
            ([(CONTENT_TYPE, media_type(format))], body).into_response()
        }
        Err(problem) => refuse(&target, format, &problem),
    }
}

async fn export(
    target: &Target,
    signal: Signal,
    format: Option<Format>,
    headers: &HeaderMap,
    body: Body,
) -> Result<Outcome, Problem> {
    let admitted = target.admit(headers).await?;
    let format = format.ok_or_else(|| Problem::content_type_of(&[PROTOBUF, JSON]))?;
    let (mut chunks, mut held) = (Chunks::new(body, compression(headers)?), Held::default());
    while let Some(chunk) = target.push.unless_stopped(chunks.next()).await? {
        target.room.extend(&mut held, &chunk)?;
    }
    target.take(admitted, (format, signal), held.into_parts()).await
}

fn format(headers: &HeaderMap) -> Option<Format> {
    let media_type = headers.get(CONTENT_TYPE)?.to_str().ok()?.split(';').next()?.trim().to_ascii_lowercase();
    match media_type.as_str() {
        PROTOBUF | "application/protobuf" => Some(Format::Protobuf),
        JSON => Some(Format::Json),
        _ => None,
    }
}

fn media_type(format: Option<Format>) -> &'static str {
    if format == Some(Format::Protobuf) { PROTOBUF } else { JSON }
}

/// Answers that a request is refused, in its own format.
fn refuse(target: &Target, format: Option<Format>, problem: &Problem) -> Response {
    let (status, retry_after) = (http_status(problem), problem.retry_after());
    target.channel.metrics().answered(status.as_u16());
    target.push.note(Some(&target.channel), problem);
    let answer = Status { code: grpc_code(problem) as i32, message: problem.detail().to_owned() };
    let body = match format {
        Some(Format::Protobuf) => answer.encode_to_vec(),
        _ => serde_json::json!({"code": answer.code, "message": answer.message}).to_string().into_bytes(),
    };
    let mut response = (status, [(CONTENT_TYPE, media_type(format))], body).into_response();
    if let Some(retry_after) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)));
    }
    response
}
