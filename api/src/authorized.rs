//! Who asks: the principal behind a bearer token, or the peer of a connection that needs none.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use ledger::LedgerName;
use operations::access::Principal;
use query::{AccessCheck, Purpose, QueryError};

use super::{Problem, State};

/// Whoever is at the other end of a connection that is trusted as such, or was let in before the request came here: the control
/// socket, a command in this process, a person at the console. It stands in the extensions of a request, which nothing that is
/// sent can reach, and outranks a token.
#[derive(Debug, Clone)]
pub struct Peer {
    principal: Arc<Principal>,
    access: AccessCheck,
    purpose: Option<Purpose>,
}

/// The address from which a request came; the control socket has none.
#[derive(Debug, Clone, Copy)]
pub struct Address(pub IpAddr);

impl Peer {
    /// One that stands as long as its connection.
    pub fn of_connection(principal: Arc<Principal>) -> Self {
        Self { principal, access: AccessCheck::default(), purpose: None }
    }

    /// One that stands as long as `still` says so: a long answer asks again now and then.
    pub fn while_true(principal: Arc<Principal>, still: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { principal, access: AccessCheck::while_true(still), purpose: None }
    }

    /// The same, for what a page asks to show itself: such queries are recorded only where they read content.
    #[must_use]
    pub fn for_page(self) -> Self {
        Self { purpose: Some(Purpose::Page), ..self }
    }

    /// Whether it still stands.
    pub fn stands(&self) -> bool {
        self.access.holds()
    }

    /// Who it is.
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }
}

/// The principal of a request, and what asking again takes.
pub(super) struct Authorized {
    pub(super) principal: Arc<Principal>,
    /// Whether that is still so.
    pub(super) access: AccessCheck,
    /// Why a query is asked, where the door does not say it.
    purpose: Option<Purpose>,
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
        self.access.holds()
    }

    /// Why a query is asked that came through the door of this name.
    pub(super) fn purpose(&self, door: &'static str) -> Purpose {
        self.purpose.unwrap_or(Purpose::AdHoc(door))
    }
}

/// A token's secret, which no log ever prints.
struct Secret(String);

impl FromRequestParts<State> for Authorized {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        if let Some(Peer { principal, access, purpose }) = parts.extensions.get().cloned() {
            return Ok(Self { principal, access, purpose });
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
            Some(principal) => {
                let known = Arc::clone(&principal);
                let access = AccessCheck::while_true(move || authorize.authorize(&secret.0).as_ref() == Some(&known));
                Ok(Self { principal, access, purpose: None })
            }
            None => Err(unauthorized("the token is not known, or was revoked")),
        }
    }
}
