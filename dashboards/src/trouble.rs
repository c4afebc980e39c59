//! What a page shows when it cannot show what was asked: what happened, and what to do.

use std::error::Error;

use askama::Template;
use axum::http::{StatusCode, Uri};
use axum::response::{Html, IntoResponse, Response};
use serde_json::Value;

use crate::ask::text;

/// Why a page is not there.
#[derive(Debug)]
pub struct Trouble {
    /// The status of the answer.
    pub status: StatusCode,
    /// A stable word, as problems of the API have it.
    pub code: String,
    /// A sentence for whoever looks. It may quote what was asked.
    pub detail: String,
}

impl Trouble {
    /// With this status, word and sentence.
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self { status, code: code.to_owned(), detail: detail.into() }
    }

    /// A defect, which is for the log.
    pub fn internal(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error, "a page failed");
        let detail = "it failed inside the server; the server's log says why";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    /// What the API answered instead of what was asked.
    pub fn from_problem(status: StatusCode, problem: &Value) -> Self {
        Self::new(status, text(problem, "code"), text(problem, "detail"))
    }
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage<'a> {
    title: &'a str,
    trouble: &'a Trouble,
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let title = match self.status {
            StatusCode::FORBIDDEN => "Not for your role",
            StatusCode::NOT_FOUND => "There is no such page",
            StatusCode::SERVICE_UNAVAILABLE => "Not now",
            status if status.is_client_error() => "That cannot be shown",
            _ => "Something failed",
        };
        // A template writes into memory and nothing else.
        let body = TroublePage { title, trouble: &self }.render().unwrap_or_default();
        (self.status, Html(body)).into_response()
    }
}

/// The answer where no page is.
pub fn no_page(uri: &Uri) -> Trouble {
    Trouble::new(StatusCode::NOT_FOUND, "no_page", format!("Nothing is at {}.", uri.path()))
}

/// A page, rendered.
pub fn page(template: &impl Template) -> Result<Response, Trouble> {
    let body = template.render().map_err(|error| Trouble::internal(&error))?;
    Ok(Html(body).into_response())
}
