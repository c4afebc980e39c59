//! A request for a page: who looks, what was asked, and the means to ask the API in that person's name.

use std::sync::Arc;

use api::Peer;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use ledger::{SystemClock, TimeSource};
use operations::access::Principal;
use operations::filter::{Filter, FilterError, Subject};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::State;

/// What stands for itself in a value of a query string.
const VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b':')
    .remove(b',')
    .remove(b'*');

/// Somebody who is in and asks for a page.
#[derive(Clone)]
pub struct Visit {
    peer: Peer,
    pub(crate) state: State,
    /// What was asked for.
    pub uri: Uri,
    /// The parameters of the query string, in their order.
    pub parameters: Vec<(String, String)>,
    /// The theme that the person chose, if any: `light` or `dark`.
    pub theme: Option<&'static str>,
    /// Whether the person put the cards of the demo's tour away.
    pub has_seen_tour: bool,
}

impl Visit {
    /// Who looks.
    pub fn principal(&self) -> &Arc<Principal> {
        self.peer.principal()
    }

    /// As whom the API is asked.
    pub(crate) fn peer(&self) -> Peer {
        self.peer.clone()
    }

    /// The first value of a parameter, unless it is empty.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let found = self.parameters.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The filter that the page is asked for, as text.
    pub fn filter(&self) -> &str {
        self.parameter("filter").unwrap_or_default()
    }

    /// The page's filter as a condition of SQL over `events`; of `default`, if there is none.
    pub fn condition(&self, default: &str) -> Result<String, FilterError> {
        let text = if self.filter().is_empty() { default } else { self.filter() };
        let filter = Filter::parse_for(Subject::Events, text)?;
        Ok(query::filter::to_sql(&filter, Subject::Events, self.principal().content, SystemClock.now()))
    }

    /// This page's address with one parameter changed, or taken out if there is no value. Cursors point into another list then.
    pub fn with(&self, name: &str, value: Option<&str>) -> String {
        let kept = self.parameters.iter().filter(|(other, _)| other != name && other != "cursor");
        let kept = kept.map(|(name, value)| (name.as_str(), value.as_str()));
        address(self.uri.path(), kept.chain(value.map(|value| (name, value))))
    }
}

/// A path with parameters.
pub fn address<'a>(path: &str, parameters: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut address = path.to_owned();
    for (index, (name, value)) in parameters.into_iter().enumerate() {
        address.push(if index == 0 { '?' } else { '&' });
        address.extend(utf8_percent_encode(name, VALUE));
        address.push('=');
        address.extend(utf8_percent_encode(value, VALUE));
    }
    address
}

/// A segment of a path, such as an id.
pub fn segment(text: &str) -> String {
    const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(parts: &'a axum::http::HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = parts.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(|value| value.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

impl FromRequestParts<State> for Visit {
    type Rejection = Response;

    /// Whoever is not in is sent to the login page, and from there back to where they wanted to go.
    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Response> {
        let Some(peer) = parts.extensions.get::<Peer>().cloned() else {
            let next = parts.uri.path_and_query().map_or("/", |path| path.as_str());
            return Err(Redirect::to(&address("/login", [("next", next)])).into_response());
        };
        let parameters = axum::extract::Query::try_from_uri(&parts.uri);
        let parameters = parameters.map(|axum::extract::Query(parameters)| parameters).unwrap_or_default();
        let theme = match cookie(&parts.headers, "theme") {
            Some("light") => Some("light"),
            Some("dark") => Some("dark"),
            _ => None,
        };
        let has_seen_tour = cookie(&parts.headers, "tour") == Some("seen");
        Ok(Self { has_seen_tour, peer, state: state.clone(), uri: parts.uri.clone(), parameters, theme })
    }
}
