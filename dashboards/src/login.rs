//! The login page: a link that works once, a token, and the way out. Who is let in is decided by `operations::access::LoginService`.

use std::sync::Arc;
use std::time::Duration;

use api::Address;
use askama::Template;
use axum::extract::{Extension, Query, State as Shared};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router, extract::DefaultBodyLimit};
use ledger::{SystemClock, TimeSource};
use operations::access::{LoginError, LoginService, Secret};
use operations::limits::{SESSION_AGE_MAX, SESSION_IDLE_MAX};
use serde::Deserialize;

use crate::trouble::Trouble;
use crate::visit::cookie;
use crate::{State, figures, limits};

/// Where one logs in.
pub const PATH: &str = "/login";

/// Where one logs out.
pub const OUT: &str = "/logout";

const COOKIE: &str = "tachograph_session";
/// Browsers take it only over TLS, for the whole host and nobody below it.
const SECURE_COOKIE: &str = "__Host-tachograph_session";

/// The routes.
pub fn routes() -> Router<State> {
    let body = DefaultBodyLimit::max(limits::FORM_BYTES_MAX);
    Router::new().route(PATH, get(show).post(enter)).route(OUT, post(leave)).layer(body)
}

/// The secret that a browser shows.
pub fn secret(headers: &HeaderMap) -> Option<&str> {
    cookie(headers, SECURE_COOKIE).or_else(|| cookie(headers, COOKIE))
}

/// What the page is asked with.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// The secret of a link of `tachograph login`.
    code: Option<String>,
    /// Where to go then.
    next: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Shows {
    token: String,
    #[serde(default)]
    next: String,
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    trouble: Option<&'a str>,
    next: &'a str,
    age_max: String,
    idle_max: String,
}

/// The page, or the way in for who shows a link's secret.
async fn show(
    Shared(state): Shared<State>,
    address: Option<Extension<Address>>,
    Query(asked): Query<Asked>,
) -> Response {
    let next = own_path(asked.next.as_deref().unwrap_or_default());
    let Some(code) = asked.code else { return page(StatusCode::OK, None, next) };
    let enters = move |logins: &LoginService, from: &str| logins.enter_by_link(&code, from, SystemClock.now());
    finish(&state, address, next, enters).await
}

/// The way in for who shows a token.
async fn enter(
    Shared(state): Shared<State>,
    address: Option<Extension<Address>>,
    Form(Shows { token, next }): Form<Shows>,
) -> Response {
    let enters = move |logins: &LoginService, from: &str| logins.enter_by_token(&token, from, SystemClock.now());
    finish(&state, address, own_path(&next), enters).await
}

async fn leave(Shared(state): Shared<State>, headers: HeaderMap) -> Result<Response, Trouble> {
    if let Some(secret) = secret(&headers).map(str::to_owned) {
        let logins = Arc::clone(&state.logins);
        // It waits for an fsync, which blocks.
        let left = tokio::task::spawn_blocking(move || logins.leave(&secret)).await;
        left.map_err(|error| Trouble::internal(&error))?.map_err(|error| Trouble::internal(&error))?;
    }
    Ok(([set(&state, "", 0)?], Redirect::to(PATH)).into_response())
}

async fn finish(
    state: &State,
    address: Option<Extension<Address>>,
    next: &str,
    enters: impl FnOnce(&LoginService, &str) -> Result<Secret, LoginError> + Send + 'static,
) -> Response {
    let from = address.map_or_else(|| "local".to_owned(), |Extension(Address(address))| address.to_string());
    let logins = Arc::clone(&state.logins);
    // It waits for an fsync, which blocks.
    match tokio::task::spawn_blocking(move || enters(&logins, &from)).await {
        Ok(Ok(secret)) => match set(state, secret.reveal(), SESSION_AGE_MAX.as_secs()) {
            Ok(cookie) => ([cookie], Redirect::to(next)).into_response(),
            Err(trouble) => trouble.into_response(),
        },
        Ok(Err(LoginError::Append(error))) => {
            tracing::error!(%error, "a login could not be recorded");
            let detail = "The login could not be recorded, so nobody is let in; the server's log says why.";
            page(StatusCode::SERVICE_UNAVAILABLE, Some(detail), next)
        }
        Ok(Err(error)) => {
            let status = match error {
                LoginError::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
                LoginError::Full => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::FORBIDDEN,
            };
            page(status, Some(&error.to_string()), next)
        }
        Err(error) => Trouble::internal(&error).into_response(),
    }
}

fn hours(duration: Duration) -> String {
    figures::duration(duration.as_secs() as i64)
}

fn page(status: StatusCode, trouble: Option<&str>, next: &str) -> Response {
    let (age_max, idle_max) = (hours(SESSION_AGE_MAX), hours(SESSION_IDLE_MAX));
    match (LoginPage { trouble, next, age_max, idle_max }).render() {
        Ok(body) => (status, Html(body)).into_response(),
        Err(error) => Trouble::internal(&error).into_response(),
    }
}

/// The header that sets the cookie for so many seconds; for none, it takes it away.
fn set(state: &State, secret: &str, seconds: u64) -> Result<(header::HeaderName, HeaderValue), Trouble> {
    let (name, secure) = if state.is_secure { (SECURE_COOKIE, "; Secure") } else { (COOKIE, "") };
    let text = format!("{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    let value = HeaderValue::from_str(&text).map_err(|error| Trouble::internal(&error))?;
    Ok((header::SET_COOKIE, value))
}

/// A path of our own: nobody is sent elsewhere by a link that begins here.
fn own_path(next: &str) -> &str {
    let is_own = next.starts_with('/')
        && !next[1..].starts_with(['/', '\\'])
        && !next.chars().any(|character| character.is_control() || character == '\\');
    if is_own { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere() {
        let check = |next: &str, expected: &str| assert_eq!(own_path(next), expected, "{next:?}");
        check("/alerts?filter=a", "/alerts?filter=a");
        check("", "/");
        check("//evil.example", "/");
        check("/\\evil.example", "/");
        check("https://evil.example", "/");
        check("/a\r\nb", "/");
        check("alerts", "/");
    }
}
