//! What stands between a browser and the routes: the headers of every page, where a request may come from, and who is in.

use api::Peer;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ledger::{SystemClock, TimeSource};

use crate::State;
use crate::login;
use crate::trouble::Trouble;

/// What a page may load and do: our own files and nothing else; no inline code, no inline style, no markup made from text.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'";

/// The other headers of every page.
const HEADERS: [(&str, &str); 6] = [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("permissions-policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()"),
];

/// Adds the headers of pages.
pub async fn headers(request: Request, next: Next) -> Response {
    dressed(next.run(request).await)
}

/// A page with its headers.
pub fn dressed(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    for (name, value) in HEADERS {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Takes requests with the cookie of an open session as that person's. What changes something must come from our own pages:
/// a cookie alone comes along with whatever another site makes a browser send.
pub async fn let_in(Shared(state): Shared<State>, mut request: Request, next: Next) -> Response {
    let headers = request.headers();
    let is_plain = headers.get(header::AUTHORIZATION).is_none() && request.extensions().get::<Peer>().is_none();
    let secret = login::secret(headers).filter(|_| is_plain).map(str::to_owned);
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    // Whoever is not in may not be made to log in, and the way out takes the cookie away even from who came without it.
    let is_form = matches!(request.uri().path(), login::PATH | login::OUT);
    if !reads && (secret.is_some() || is_form) && !is_own(headers) {
        let detail = "The request did not come from a page of this console, so it was not done. Open the page again and repeat it there.";
        return Trouble::new(StatusCode::FORBIDDEN, "cross_site", detail).into_response();
    }
    let Some(secret) = secret else { return next.run(request).await };
    if let Some(visitor) = state.logins.visitor(&secret, SystemClock.now()) {
        let logins = state.logins.clone();
        let still = move || logins.visitor(&secret, SystemClock.now()).is_some();
        request.extensions_mut().insert(Peer::while_true(visitor.principal, still));
    }
    next.run(request).await
}

/// Whether a browser says that a request comes from this very origin. Browsers send `Sec-Fetch-Site` where they can, and `Origin`
/// with every form and every request of a script that changes something; who sends neither is no browser and has a token.
fn is_own(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    let (origin, host) = (text(header::ORIGIN), text(header::HOST));
    let origin = origin.and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    origin.is_some() && origin == host
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_something_comes_from_our_own_pages() {
        let check = |headers: &[(&'static str, &'static str)], expected: bool| {
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                .collect();
            assert_eq!(is_own(&headers), expected, "{headers:?}");
        };
        check(&[("sec-fetch-site", "same-origin")], true);
        check(&[("sec-fetch-site", "same-site")], false);
        check(&[("sec-fetch-site", "none")], false);
        check(&[("sec-fetch-site", "cross-site"), ("origin", "http://a"), ("host", "a")], false);
        check(&[("origin", "http://127.0.0.1:7070"), ("host", "127.0.0.1:7070")], true);
        check(&[("origin", "http://127.0.0.1:7071"), ("host", "127.0.0.1:7070")], false);
        check(&[("origin", "null"), ("host", "127.0.0.1:7070")], false);
        check(&[("host", "127.0.0.1:7070")], false);
        check(&[], false);
    }
}
