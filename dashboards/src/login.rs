//! The login page: a link that works once, a token, an OpenID provider, and the way out. Who is let in is decided by
//! `operations::access::LoginService`.

mod attempts;
mod oidc;

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
use operations::access::{Entrance, LoginError, LoginService, Secret};
use operations::kind::login::Via;
use operations::limits::{SESSION_AGE_MAX, SESSION_IDLE_MAX};
use serde::Deserialize;

use crate::trouble::Trouble;
use crate::visit::{self, cookie};
use crate::{State, figures, limits};

pub use attempts::Attempts;

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
    Router::new().route(PATH, get(show).post(enter)).route(OUT, post(leave)).merge(oidc::routes()).layer(body)
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
    /// Whether somebody has just logged out who had come by a provider.
    left: Option<String>,
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
    provider: Option<ProviderLink>,
    age_max: String,
    idle_max: String,
}

/// The provider on the page.
struct ProviderLink {
    name: String,
    /// Where the way to it begins.
    address: String,
    /// Whether somebody has just logged out here and is known there still.
    has_left: bool,
    /// Where a session at the provider ends.
    end: Option<String>,
}

/// What the page shows.
#[derive(Default)]
struct Show<'a> {
    trouble: Option<&'a str>,
    next: &'a str,
    has_left: bool,
}

/// The page, or the way in for who shows a link's secret.
async fn show(
    Shared(state): Shared<State>,
    address: Option<Extension<Address>>,
    Query(asked): Query<Asked>,
) -> Response {
    let next = own_path(asked.next.as_deref().unwrap_or_default());
    let Some(code) = asked.code else {
        return page(&state, StatusCode::OK, &Show { trouble: None, next, has_left: asked.left.is_some() });
    };
    let enters =
        move |logins: &LoginService, from: &str| logins.enter_by_link(&code, from, SystemClock.now()).map(entrance);
    finish(&state, from(address), next, state.is_secure, enters).await
}

/// The way in for who shows a token.
async fn enter(
    Shared(state): Shared<State>,
    address: Option<Extension<Address>>,
    Form(Shows { token, next }): Form<Shows>,
) -> Response {
    let enters =
        move |logins: &LoginService, from: &str| logins.enter_by_token(&token, from, SystemClock.now()).map(entrance);
    finish(&state, from(address), own_path(&next), state.is_secure, enters).await
}

/// A session that lasts as long as any may.
fn entrance(secret: Secret) -> Entrance {
    Entrance { secret, age_max: SESSION_AGE_MAX }
}

async fn leave(Shared(state): Shared<State>, headers: HeaderMap) -> Result<Response, Trouble> {
    let mut via = None;
    if let Some(secret) = secret(&headers).map(str::to_owned) {
        let logins = Arc::clone(&state.logins);
        // It waits for an fsync, which blocks.
        let left = tokio::task::spawn_blocking(move || logins.leave(&secret)).await;
        via = left.map_err(|error| Trouble::internal(&error))?.map_err(|error| Trouble::internal(&error))?;
    }
    let to = if via == Some(Via::Oidc) { visit::address(PATH, [("left", "oidc")]) } else { PATH.to_owned() };
    let mut response = Redirect::to(&to).into_response();
    // Over TLS a browser may hold either: which one depends on how the person came in.
    for (name, is_secure) in [(COOKIE, false), (SECURE_COOKIE, true)] {
        let (name, value) = set_cookie(name, "", 0, is_secure)?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

/// From where a request came, for the records and for counting attempts.
fn from(address: Option<Extension<Address>>) -> String {
    address.map_or_else(|| "local".to_owned(), |Extension(Address(address))| address.to_string())
}

async fn finish(
    state: &State,
    from: String,
    next: &str,
    is_secure: bool,
    enters: impl FnOnce(&LoginService, &str) -> Result<Entrance, LoginError> + Send + 'static,
) -> Response {
    let logins = Arc::clone(&state.logins);
    // It waits for an fsync, which blocks.
    match tokio::task::spawn_blocking(move || enters(&logins, &from)).await {
        Ok(Ok(Entrance { secret, age_max })) => {
            let name = if is_secure { SECURE_COOKIE } else { COOKIE };
            match set_cookie(name, secret.reveal(), age_max.as_secs(), is_secure) {
                Ok(cookie) => ([cookie], Redirect::to(next)).into_response(),
                Err(trouble) => trouble.into_response(),
            }
        }
        Ok(Err(error)) => refused(state, &error, next),
        Err(error) => Trouble::internal(&error).into_response(),
    }
}

/// The page with the reason why somebody does not come in.
fn refused(state: &State, error: &LoginError, next: &str) -> Response {
    let shown = |status, trouble: &str| page(state, status, &Show { trouble: Some(trouble), next, has_left: false });
    match error {
        LoginError::Append(error) => {
            tracing::error!(%error, "a login could not be recorded");
            let detail = "The login could not be recorded, so nobody is let in; the server's log says why.";
            shown(StatusCode::SERVICE_UNAVAILABLE, detail)
        }
        LoginError::TooMany(_) => shown(StatusCode::TOO_MANY_REQUESTS, &error.to_string()),
        LoginError::Full => shown(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        _ => shown(StatusCode::FORBIDDEN, &error.to_string()),
    }
}

fn hours(duration: Duration) -> String {
    figures::duration(duration.as_secs() as i64)
}

fn page(state: &State, status: StatusCode, show: &Show<'_>) -> Response {
    let Show { trouble, next, has_left } = *show;
    let (age_max, idle_max) = (hours(SESSION_AGE_MAX), hours(SESSION_IDLE_MAX));
    let provider = state.provider.name().map(|name| ProviderLink {
        name,
        address: visit::address(oidc::BEGIN, [("next", next)]),
        has_left,
        end: state.provider.end_address().filter(|_| has_left),
    });
    match (LoginPage { trouble, next, provider, age_max, idle_max }).render() {
        Ok(body) => (status, Html(body)).into_response(),
        Err(error) => Trouble::internal(&error).into_response(),
    }
}

/// The header that sets a cookie for so many seconds; for none, it takes it away.
fn set_cookie(
    name: &str,
    value: &str,
    seconds: u64,
    is_secure: bool,
) -> Result<(header::HeaderName, HeaderValue), Trouble> {
    let secure = if is_secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
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
