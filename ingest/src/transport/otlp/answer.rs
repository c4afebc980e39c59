//! The answers of OTLP, in protobuf and in JSON: what was not taken of a request (`Export*ServiceResponse`), and why a request was
//! refused (`google.rpc.Status`), with the codes of gRPC.

use axum::http::StatusCode;
use serde_json::json;

use super::element::Signal;
use super::export::Outcome;
use crate::transport::http::Problem;

/// `ExportLogsServiceResponse`, and those of traces and metrics, which have the same numbers.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct ExportResponse {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// `google.rpc.Status`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct Status {
    #[prost(int32, tag = "1")]
    pub code: i32,
    #[prost(string, tag = "2")]
    pub message: String,
}

impl ExportResponse {
    pub fn of(outcome: Outcome) -> Self {
        let Outcome { rejected, message } = outcome;
        let partial = PartialSuccess { rejected: i64::try_from(rejected).unwrap_or(i64::MAX), error_message: message };
        Self { partial_success: (rejected > 0).then_some(partial) }
    }

    /// In OTLP/JSON.
    pub fn json(&self, signal: Signal) -> serde_json::Value {
        match &self.partial_success {
            Some(PartialSuccess { rejected, error_message }) => {
                json!({"partialSuccess": {signal.rejected(): rejected.to_string(), "errorMessage": error_message}})
            }
            None => json!({}),
        }
    }
}

/// The status by which a sender knows whether to try again: it does on 429, 502, 503 and 504 only.
pub(super) fn http_status(problem: &Problem) -> StatusCode {
    match problem.status {
        StatusCode::INSUFFICIENT_STORAGE => StatusCode::SERVICE_UNAVAILABLE,
        status => status,
    }
}

/// The code of gRPC. With a `RetryInfo` a sender tries again after `ResourceExhausted`.
pub(super) fn grpc_code(problem: &Problem) -> tonic::Code {
    match problem.status {
        StatusCode::UNAUTHORIZED => tonic::Code::Unauthenticated,
        StatusCode::FORBIDDEN => tonic::Code::PermissionDenied,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => tonic::Code::Unimplemented,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::INSUFFICIENT_STORAGE | StatusCode::PAYLOAD_TOO_LARGE => {
            tonic::Code::ResourceExhausted
        }
        StatusCode::SERVICE_UNAVAILABLE if problem.reason() == "full" => tonic::Code::ResourceExhausted,
        StatusCode::SERVICE_UNAVAILABLE => tonic::Code::Unavailable,
        StatusCode::REQUEST_TIMEOUT => tonic::Code::DeadlineExceeded,
        status if status.is_client_error() => tonic::Code::InvalidArgument,
        _ => tonic::Code::Internal,
    }
}
