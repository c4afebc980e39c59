//! Errors as RFC 9457 problems: a stable `type` and `code` for programs, a sentence for people.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ledger::{AppendError, LedgerError};
use operations::triage::{Cause, Refused};
use serde::Serialize;
use serde_json::{Map, Value};

use query::QueryError;

/// An error answer. `code` never changes its meaning; `detail` is for people.
#[derive(Debug, Clone, Serialize)]
pub struct Problem {
    /// `urn:tachograph:problem:<code>`.
    #[serde(rename = "type")]
    kind: String,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// A stable word for programs.
    pub code: &'static str,
    /// What happened, and what to do.
    pub detail: String,
    /// What else a program needs to know.
    #[serde(flatten)]
    members: Box<Map<String, Value>>,
    /// Seconds to wait before the next try.
    #[serde(skip)]
    retry_after: Option<u64>,
}

impl Problem {
    /// A problem with this status, code and sentence.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:tachograph:problem:{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            code,
            detail: detail.into(),
            members: Box::default(),
            retry_after: None,
        }
    }

    /// 400 with the code `request`: a parameter or body is wrong.
    pub fn request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "request", detail)
    }

    /// 500 with the code `internal`: a defect, which is for the log.
    pub fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "a request failed");
        let detail = "it failed inside the server; the server's log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// 503 with the code `not_recorded`: the ledger did not take an entry.
    pub fn not_recorded(error: &AppendError) -> Self {
        tracing::error!(%error, "an entry could not be recorded");
        let detail = "it could not be recorded in the operations ledger; the server's log says why";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_recorded", detail).retry_after(1)
    }

    /// The ledger did not take or show something. What it says may name files of the server, so it is for the log.
    fn ledger(refused: Refused) -> Self {
        match refused {
            Refused::Append(error) => Self::not_recorded(&error),
            Refused::Ledger(error) => error.into(),
            other => Self::internal(&other),
        }
    }

    /// Adds what else a program needs to know; the members of every problem keep their meaning.
    #[must_use]
    pub fn with(mut self, mut members: Map<String, Value>) -> Self {
        for name in ["type", "title", "status", "code", "detail"] {
            members.remove(name);
        }
        *self.members = members;
        self
    }

    /// Says when to try again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

impl From<&QueryError> for Problem {
    fn from(error: &QueryError) -> Self {
        let status = match error {
            QueryError::Sql(_) | QueryError::ReadOnly { .. } | QueryError::TooComplex(_) | QueryError::Execution(_) => {
                StatusCode::BAD_REQUEST
            }
            QueryError::ContentDenied { .. } | QueryError::TableDenied { .. } => StatusCode::FORBIDDEN,
            QueryError::Revoked => StatusCode::UNAUTHORIZED,
            QueryError::Limit(_) => StatusCode::UNPROCESSABLE_ENTITY,
            QueryError::Busy { .. } | QueryError::NotRecorded(_) | QueryError::SegmentReplaced => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            QueryError::Ledger(_) | QueryError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let problem = Self::new(status, error.code(), error.public_detail());
        match error {
            QueryError::Busy { retry_after, .. } => problem.retry_after(retry_after.as_secs().max(1)),
            QueryError::SegmentReplaced | QueryError::NotRecorded(_) => problem.retry_after(1),
            _ => problem,
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let (code, cause) = refused.code();
        let status = match cause {
            Cause::Forbidden => StatusCode::FORBIDDEN,
            Cause::Unknown => StatusCode::NOT_FOUND,
            Cause::Conflict => StatusCode::CONFLICT,
            Cause::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Cause::Ledger => return Self::ledger(refused),
        };
        Self::new(status, code, refused.to_string())
    }
}

impl From<QueryError> for Problem {
    fn from(error: QueryError) -> Self {
        if matches!(error, QueryError::Ledger(_) | QueryError::Internal(_) | QueryError::NotRecorded(_)) {
            tracing::error!(error = &error as &dyn std::error::Error, "request failed");
        }
        Self::from(&error)
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        QueryError::Ledger(error).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_string(&self).unwrap_or_default();
        let mut response =
            (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))], body)
                .into_response();
        let mut set = |name: HeaderName, value: HeaderValue| {
            response.headers_mut().insert(name, value);
        };
        if status == StatusCode::UNAUTHORIZED {
            set(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            set(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        set(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
