//! The way to an OpenID provider and back. Who is let in is decided by `operations::access::LoginService`; what the provider says is checked
//! behind [`Provider`](crate::provider::Provider).

use api::Address;
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State as Shared};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use ledger::{SystemClock, TimeSource};
use operations::access::{LoginError, Secret};
use serde::Deserialize;

use super::{Show, finish, from, own_path, page, refused, set_cookie};
use crate::limits::{ATTEMPT_AGE_MAX, CODE_BYTES_MAX, NEXT_BYTES_MAX};
use crate::provider::{Answer, Begun, Keys, ProviderError};
use crate::trouble::Trouble;
use crate::visit::cookie;
use crate::{State, login};

/// Where the way to the provider begins: a link, since the pages' policy lets no form lead elsewhere.
pub const BEGIN: &str = "/login/oidc";
/// Where the provider sends the browser back.
pub const CALLBACK: &str = "/login/oidc/callback";

const COOKIE: &str = "tachograph_oidc";
/// Browsers take it only over TLS, for the whole host and nobody below it.
const SECURE_COOKIE: &str = "__Host-tachograph_oidc";

/// The routes.
pub fn routes() -> Router<State> {
    Router::new().route(BEGIN, get(begin)).route(CALLBACK, get(come_back))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Asked {
    /// Where to go then.
    next: String,
}

/// What the provider sends back with the browser. It has no `Debug`, since the code is a secret.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Returned {
    code: Option<String>,
    state: String,
    error: Option<String>,
    iss: Option<String>,
}

/// Sends the browser to the provider.
async fn begin(
    Shared(state): Shared<State>,
    address: Option<Extension<Address>>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let Asked { next } = asked.map(|Query(asked)| asked).unwrap_or_default();
    let next = Some(own_path(&next)).filter(|next| next.len() <= NEXT_BYTES_MAX).unwrap_or("/");
    if let Err(error) = state.logins.admit(&from(address), SystemClock.now()) {
        return refused(&state, &error, next);
    }
    let (Ok(key), Ok(browser)) = (random(), random()) else {
        return refused(&state, &LoginError::Provider("the server has no random bytes; see its log".to_owned()), next);
    };
    match state.provider.begin(&key).await {
        Ok(Begun { address, keys }) => {
            state.attempts.begin(&key, &browser, keys, next, SystemClock.now());
            match attempt_cookie(&state, &browser, ATTEMPT_AGE_MAX.as_secs()) {
                Ok(cookie) => ([cookie], Redirect::to(&address)).into_response(),
                Err(trouble) => trouble.into_response(),
            }
        }
        Err(error) => failed(&state, &error, next),
    }
}

/// Lets in whoever the provider proves, if the login began in this browser.
async fn come_back(
    Shared(state): Shared<State>,
    address: Option<Extension<Address>>,
    headers: HeaderMap,
    returned: Result<Query<Returned>, QueryRejection>,
) -> Response {
    let address = from(address);
    if let Err(error) = state.logins.admit(&address, SystemClock.now()) {
        return refused(&state, &error, "/");
    }
    let mut response = match answer(&state, &headers, returned) {
        Err((reason, next)) => refuse(&state, reason, address, &next).await,
        Ok((keys, answer, next)) => match state.provider.finish(keys, answer).await {
            Err(ProviderError::Refused(reason)) => refuse(&state, reason, address, &next).await,
            Err(error) => failed(&state, &error, &next),
            Ok(identity) => {
                let secure = state.is_secure || state.provider.is_secure();
                let enters = move |logins: &login::LoginService, from: &str| {
                    logins.enter_by_provider(&identity, from, SystemClock.now())
                };
                finish(&state, address, &next, secure, enters).await
            }
        },
    };
    // Whatever came of it, the cookie has done its work.
    if let Ok((name, value)) = attempt_cookie(&state, "", 0) {
        response.headers_mut().append(name, value);
    }
    response
}

/// What came back, if this browser asked for it; else why not, and where it wanted to go.
fn answer(
    state: &State,
    headers: &HeaderMap,
    returned: Result<Query<Returned>, QueryRejection>,
) -> Result<(Keys, Answer, String), (String, String)> {
    let not_asked = "this answer of the provider belongs to no login that began in this browser within the last ten minutes, or it was used \
                     already; begin again on this page";
    let nowhere = || (not_asked.to_owned(), "/".to_owned());
    let Ok(Query(Returned { code, state: key, error, iss })) = returned else { return Err(nowhere()) };
    let browser = cookie(headers, SECURE_COOKIE).or_else(|| cookie(headers, COOKIE)).unwrap_or_default();
    let (keys, next) = state.attempts.take(&key, browser, SystemClock.now()).ok_or_else(nowhere)?;
    if iss.as_deref().is_some_and(|issuer| issuer != keys.issuer) {
        return Err(("the answer is from another provider than the one that was asked; begin again".to_owned(), next));
    }
    match (error, code) {
        (Some(error), _) => Err((refusal(&error), next)),
        (None, Some(code)) if (1..=CODE_BYTES_MAX).contains(&code.len()) => {
            Ok((keys, Answer { code, issuer: iss }, next))
        }
        _ => Err((
            "the provider sent no code back; begin again, and tell its administrators if it happens again".to_owned(),
            next,
        )),
    }
}

/// The provider's refusal in words. Its own description is text of whoever made the link, and is not shown.
fn refusal(error: &str) -> String {
    let is_word =
        (1..=64).contains(&error.len()) && error.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    match error {
        "access_denied" => "the provider did not let you pass (access_denied): it was cancelled there, or your account may not use this application; \
                            try again, or ask the provider's administrators for access"
            .to_owned(),
        "temporarily_unavailable" | "server_error" => {
            format!("the provider cannot log anybody in now ({error}); try again in some minutes")
        }
        error if is_word => format!(
            "the provider refused the login ({error}); tell whoever set up [oidc] here: client, redirect address or scopes may not be as the provider has them"
        ),
        _ => "the provider refused the login with an error that is no word of OpenID Connect; tell its administrators".to_owned(),
    }
}

/// Refuses, counts and records.
async fn refuse(state: &State, reason: String, address: String, next: &str) -> Response {
    let logins = state.logins.clone();
    // It waits for an fsync, which blocks.
    let refusing = move || logins.refuse_by_provider(&reason, &address, SystemClock.now());
    match tokio::task::spawn_blocking(refusing).await {
        Ok(error) => refused(state, &error, next),
        Err(error) => Trouble::internal(&error).into_response(),
    }
}

/// The login page with what keeps the provider from being asked. Nobody is known to have tried, so nothing is counted.
fn failed(state: &State, error: &ProviderError, next: &str) -> Response {
    let status = match error {
        ProviderError::None => StatusCode::NOT_FOUND,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    page(state, status, &Show { trouble: Some(&error.to_string()), next, has_left: false })
}

/// The header that sets the cookie of an attempt; for no seconds, it takes it away.
fn attempt_cookie(state: &State, browser: &str, seconds: u64) -> Result<(HeaderName, HeaderValue), Trouble> {
    let secure = state.is_secure || state.provider.is_secure();
    set_cookie(if secure { SECURE_COOKIE } else { COOKIE }, browser, seconds, secure)
}

/// 256 random bits as hexadecimal digits.
fn random() -> Result<String, Trouble> {
    Secret::generate().map(|secret| hex::encode(secret.hash())).map_err(|error| Trouble::internal(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_link_says_of_an_error_is_not_repeated() {
        assert!(refusal("access_denied").contains("cancelled"));
        assert!(refusal("invalid_scope").contains("(invalid_scope)"));
        for evil in ["<b>", "call +1 555 0100", "", &"a".repeat(65), "Ünicode"] {
            assert!(!refusal(evil).contains(evil) || evil.is_empty(), "{evil}");
        }
    }
}
