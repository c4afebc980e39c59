//! Who asks: the principal behind a bearer token.

use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use operations::access::{Authorize, Principal};

use super::{Problem, State};

/// The principal of a request, and what asking again takes.
pub(super) struct Authorized {
    pub(super) principal: Arc<Principal>,
    authorize: Arc<dyn Authorize>,
    secret: Secret,
}

impl Authorized {
    /// Whether the token still stands: a long answer asks again now and then.
    pub(super) fn still_stands(&self) -> bool {
        self.authorize.authorize(&self.secret.0).as_deref() == Some(&*self.principal)
    }
}

/// A token's secret, which no log ever prints.
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl FromRequestParts<State> for Authorized {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let unauthorized = |detail: &str| Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail);
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, secret) = value.and_then(|value| value.split_once(' ')).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(unauthorized(
                "send a token: Authorization: Bearer <token>; `tachograph token create` makes one",
            ));
        }
        let secret = Secret(secret.trim().to_owned());
        match state.authorize.authorize(&secret.0) {
            Some(principal) => Ok(Self { principal, authorize: Arc::clone(&state.authorize), secret }),
            None => Err(unauthorized("the token is not known, or was revoked")),
        }
    }
}
