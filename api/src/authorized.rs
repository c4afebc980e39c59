//! Who asks: the principal behind a bearer token, or the peer of a connection that needs none.

use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use ledger::LedgerName;
use operations::access::{Authorize, Principal};
use query::QueryError;

use super::{Problem, State};

/// Whoever is at the other end of a connection that is trusted as such: the control socket, or a command in this process.
/// It stands in the extensions of a request, which nothing that is sent can reach, and outranks a token.
#[derive(Debug, Clone)]
pub struct Peer(pub Arc<Principal>);

/// The principal of a request, and what asking again takes.
pub(super) struct Authorized {
    pub(super) principal: Arc<Principal>,
    /// `None` of a peer: it stands as long as its connection.
    shown: Option<Shown>,
}

/// A token that was shown.
struct Shown {
    authorize: Arc<dyn Authorize>,
    secret: Secret,
}

impl Authorized {
    /// Refuses whoever may not read a ledger; `what` says what of it was asked for.
    pub(super) fn check_read(&self, ledger: LedgerName, what: &str) -> Result<(), Problem> {
        if self.principal.may_read(ledger) {
            return Ok(());
        }
        Err(QueryError::TableDenied { table: what.to_owned(), principal: self.principal.name.clone() }.into())
    }

    /// Whether the token still stands: a long answer asks again now and then.
    pub(super) fn still_stands(&self) -> bool {
        let stands = |shown: &Shown| shown.authorize.authorize(&shown.secret.0).as_deref() == Some(&*self.principal);
        self.shown.as_ref().is_none_or(stands)
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
        if let Some(Peer(principal)) = parts.extensions.get() {
            return Ok(Self { principal: Arc::clone(principal), shown: None });
        }
        let unauthorized = |detail: &str| Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail);
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let (scheme, secret) = value.and_then(|value| value.split_once(' ')).unwrap_or_default();
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(unauthorized(
                "send a token: Authorization: Bearer <token>; `tachograph token create` makes one",
            ));
        }
        let (authorize, secret) = (Arc::clone(&state.authorize), Secret(secret.trim().to_owned()));
        match authorize.authorize(&secret.0) {
            Some(principal) => Ok(Self { principal, shown: Some(Shown { authorize, secret }) }),
            None => Err(unauthorized("the token is not known, or was revoked")),
        }
    }
}
