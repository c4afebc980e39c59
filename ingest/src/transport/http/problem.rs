//! Answers that are not 200, as RFC 9457 problem details: what happened, what was taken before it, and what to do.

use std::time::Duration;

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use ledger::AppendError;
use serde::Serialize;

use crate::frame::FrameError;
use crate::limits;
use crate::pipeline::{PipelineError, Tally};
use crate::relay::Defect;

/// Numbers of records, in answers of both kinds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(super) struct Counts {
    accepted: u64,
    duplicates: u64,
    skipped: u64,
    unparsed: u64,
    /// With a producer: the number of the record to go on with.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_offset: Option<u64>,
}

impl Counts {
    pub fn new(tally: Tally, next_offset: Option<u64>) -> Self {
        let Tally { accepted, duplicates, skipped, unparsed, .. } = tally;
        Self { accepted, duplicates, skipped, unparsed, next_offset }
    }
}

/// An answer that is not 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::transport) struct Problem {
    pub status: StatusCode,
    retry_after: Option<Duration>,
    /// How a client may prove who it is, of an answer 401.
    challenge: &'static str,
    body: Box<Details>,
}

/// The body of such an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Details {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(flatten)]
    counts: Counts,
    /// The number of the record that was met, from 0 in this request or, with a producer, in its sequence.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<u64>,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        let (counts, detail) = (Counts::default(), detail.into());
        let body = Details { kind, title, status: status.as_u16(), detail, counts, record: None };
        Self { status, retry_after: None, challenge: "Bearer", body: Box::new(body) }
    }

    /// The word for it, the end of its URN.
    pub fn reason(&self) -> &'static str {
        self.body.kind.rsplit(':').next().unwrap_or(self.body.kind)
    }

    /// What happened, and what to do.
    pub fn detail(&self) -> &str {
        &self.body.detail
    }

    /// When to try again, if that helps.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Adds what was taken before.
    pub(super) fn after(mut self, counts: Counts) -> Self {
        self.body.counts = counts;
        self
    }

    /// Adds the record that was met.
    pub fn at(mut self, record: u64) -> Self {
        self.body.record = Some(record);
        self
    }

    fn later(mut self, retry_after: Duration) -> Self {
        self.retry_after = Some(retry_after);
        self
    }

    pub fn unauthorized() -> Self {
        let detail =
            "send the header `Authorization: Bearer <token>` with a token that was made for ingest and not revoked";
        Self::new(StatusCode::UNAUTHORIZED, "urn:tachograph:ingest:unauthorized", "No valid token", detail)
    }

    /// A collector whose senders prove who they are otherwise than by a token, and a request that does not.
    pub fn unproven(challenge: &'static str, detail: &str) -> Self {
        let kind = "urn:tachograph:ingest:signature";
        Self { challenge, ..Self::new(StatusCode::UNAUTHORIZED, kind, "The sender is not proven", detail) }
    }

    /// The same, where the secret to compare with cannot be read. Which that is stands in the server's log alone.
    pub fn secret() -> Self {
        let detail =
            "the server cannot read the secret of this collector; send again when its operator has mended that";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "urn:tachograph:ingest:secret", "The secret is missing", detail)
            .later(limits::RETRY_AFTER)
    }

    pub fn role() -> Self {
        let detail = "the token does not have the role `ingest`";
        Self::new(StatusCode::FORBIDDEN, "urn:tachograph:ingest:role", "The token may not send events", detail)
    }

    pub fn dialect(dialect: &str) -> Self {
        let detail = format!("the token may not send the collector's dialect `{dialect}`");
        Self::new(StatusCode::FORBIDDEN, "urn:tachograph:ingest:dialect", "The token may not send this dialect", detail)
    }

    pub fn unknown_collector() -> Self {
        let detail = "the path is /v1/events/{collector} with the name of a collector whose transport is `http`";
        Self::new(StatusCode::NOT_FOUND, "urn:tachograph:ingest:collector", "No such collector", detail)
    }

    pub fn unknown_path() -> Self {
        let detail = "events are sent to POST /v1/events/{collector}, and GET /v1/checkpoint and /v1/consistency tell of the log; there is nothing \
                      else here";
        Self::new(StatusCode::NOT_FOUND, "urn:tachograph:ingest:path", "No such path", detail)
    }

    pub fn method() -> Self {
        let detail = "events are sent with POST";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "urn:tachograph:ingest:method", "Not this method", detail)
    }

    pub fn content_type() -> Self {
        Self::unknown_type(
            "send application/x-ndjson or text/plain for lines, or application/json for JSON values or an array",
        )
    }

    /// The same where each body is one record, of one of these types.
    pub fn content_type_of(media_types: &[&str]) -> Self {
        let media_types = [media_types, &["application/octet-stream"]].concat().join(" or ");
        Self::unknown_type(format!("send one record in each request, as {media_types}"))
    }

    fn unknown_type(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "urn:tachograph:ingest:content-type",
            "Unknown content type",
            detail,
        )
    }

    pub fn content_encoding() -> Self {
        let detail = "send the body as it is, or with Content-Encoding gzip or zstd";
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "urn:tachograph:ingest:content-encoding",
            "Unknown compression",
            detail,
        )
    }

    /// Only another machine can tell the collector's records apart.
    pub fn relayed_only() -> Self {
        Self::unknown_type(
            "records of this dialect come from `tachograph collect` alone, which reads the socket that they are written to",
        )
    }

    /// The sender tells its records apart by another dialect than the collector.
    pub fn other_dialect(dialect: &str) -> Self {
        let detail = format!(
            "the collector has the dialect `{dialect}` here; give the sender's collector of this name the same"
        );
        let kind = "urn:tachograph:ingest:other-dialect";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, kind, "The dialects differ", detail)
    }

    /// A body of another machine is not in its form.
    pub fn relay(defect: &Defect) -> Self {
        let detail = defect.to_string();
        Self::new(StatusCode::BAD_REQUEST, "urn:tachograph:ingest:relay", "The body is not a series of frames", detail)
    }

    /// There is no such log to ask for.
    pub fn no_log(detail: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "urn:tachograph:ingest:log", "The log has no such size", detail)
    }

    pub fn producer_headers() -> Self {
        let detail = "Tachograph-Producer is a UUID and Tachograph-Offset the number of the request's first record; send both or neither";
        Self::new(
            StatusCode::BAD_REQUEST,
            "urn:tachograph:ingest:producer",
            "Producer headers are not in order",
            detail,
        )
    }

    pub fn unknown_otlp_path() -> Self {
        let detail = "OTLP is sent to /v1/logs, /v1/traces and /v1/metrics, or by gRPC to the services of the collector protocol; \
                      nothing else is here";
        Self::new(StatusCode::NOT_FOUND, "urn:tachograph:ingest:path", "No such path", detail)
    }

    pub fn body_too_large() -> Self {
        Self::larger_than(limits::BODY_BYTES_MAX)
    }

    /// The body is larger than this transport takes.
    pub fn larger_than(bytes_max: u64) -> Self {
        let detail = format!("a body has at most {bytes_max} bytes, also after decompression; split it");
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "urn:tachograph:ingest:body-too-large",
            "The body is too large",
            detail,
        )
    }

    pub fn record_too_large(bytes: u64) -> Self {
        let detail = format!(
            "the record has {bytes} bytes; its first {} bytes were kept as unparsed, and nothing after it was read",
            limits::LINE_BYTES_MAX
        );
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "urn:tachograph:ingest:record-too-large",
            "A record is too large",
            detail,
        )
    }

    pub fn framing(error: FrameError) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "urn:tachograph:ingest:framing",
            "The body is not a series of records",
            error.to_string(),
        )
    }

    /// The body is no request of the protocol.
    pub fn no_request(detail: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "urn:tachograph:ingest:request", "The body is no request", detail)
    }

    /// It has more in it than a request may.
    pub fn too_many_elements(detail: String) -> Self {
        let kind = "urn:tachograph:ingest:elements";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, kind, "The request has too much in it", detail)
    }

    pub fn compression() -> Self {
        let detail = "the body does not decompress as its Content-Encoding says, or it was cut off";
        Self::new(StatusCode::BAD_REQUEST, "urn:tachograph:ingest:compression", "Broken compression", detail)
    }

    pub fn cut_off() -> Self {
        let detail = "the connection ended before the body did";
        Self::new(StatusCode::BAD_REQUEST, "urn:tachograph:ingest:cut-off", "The body was cut off", detail)
    }

    pub fn silent() -> Self {
        let detail = format!("nothing of the body came for {} s", limits::BODY_SILENCE_MAX.as_secs());
        Self::new(StatusCode::REQUEST_TIMEOUT, "urn:tachograph:ingest:silent", "The body did not come", detail)
    }

    pub fn offset(expected: u64) -> Self {
        let detail = format!("records are missing: the producer's next record is number {expected}");
        let counts = Counts { next_offset: Some(expected), ..Counts::default() };
        Self::new(StatusCode::CONFLICT, "urn:tachograph:ingest:offset", "A hole in the producer's sequence", detail)
            .after(counts)
    }

    pub fn too_many_requests() -> Self {
        let detail = "too many requests are open; send fewer at a time, with more records each";
        Self::new(StatusCode::TOO_MANY_REQUESTS, "urn:tachograph:ingest:requests", "Too many requests", detail)
            .later(limits::RETRY_AFTER)
    }

    pub fn busy(retry_after: Duration) -> Self {
        let detail = "records come faster than they can be made durable; send again what was not taken";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "urn:tachograph:ingest:full", "The queue is full", detail)
            .later(retry_after)
    }

    pub fn stopping() -> Self {
        let detail = "the server is stopping; send again what was not taken";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "urn:tachograph:ingest:stopping", "The server is stopping", detail)
            .later(limits::RETRY_AFTER)
    }

    fn no_space() -> Self {
        let detail = "the disk of the ledger is full; send again when its operator has made space";
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "urn:tachograph:ingest:no-space", "No space left", detail)
            .later(limits::RETRY_AFTER)
    }

    fn write_refused() -> Self {
        let detail = "the disk of the ledger refused a write; send again what was not taken";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "urn:tachograph:ingest:disk", "The disk refused", detail)
            .later(limits::RETRY_AFTER)
    }

    fn poisoned() -> Self {
        let detail = "the ledger stopped after a failed sync; send again when its operator has started the server anew";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "urn:tachograph:ingest:poisoned", "The ledger stopped", detail)
            .later(limits::RETRY_AFTER)
    }

    pub fn internal() -> Self {
        let detail = "a defect of the server; its log says more. Send again what was not taken";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "urn:tachograph:ingest:internal", "The request failed", detail)
    }

    /// The answer to an error of the pipeline.
    pub fn pipeline(error: &PipelineError) -> Self {
        match error {
            PipelineError::Busy { retry_after } | PipelineError::Append(AppendError::Full { retry_after }) => {
                Self::busy(*retry_after)
            }
            PipelineError::Append(AppendError::NoSpace { .. }) => Self::no_space(),
            PipelineError::Append(AppendError::WriteRefused { .. }) => Self::write_refused(),
            PipelineError::Append(AppendError::Poisoned { .. }) => Self::poisoned(),
            PipelineError::Stopping | PipelineError::Append(AppendError::Stopped) => Self::stopping(),
            PipelineError::Append(_) => Self::internal(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self.body).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(self.challenge));
        }
        if let Some(retry_after) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(retry_after.as_secs().max(1)));
        }
        response
    }
}
