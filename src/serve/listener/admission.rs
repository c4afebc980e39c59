//! What is asked of a request before anything of its body is read: that its head is not ambiguous, that it means this server,
//! and that whoever sends it has a place left.

use std::pin::Pin;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::task::{Context, Poll};

use api::{Peer, Problem};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header};
use axum::response::IntoResponse;
use hyper::body::{Body as _, Frame, SizeHint};
use ingest::refusals::{Refusal, Refusals};
use operations::access::{Authorize, Principal};
use tower::ServiceExt;

use super::connections::{Connection, Holder, Permit};
use super::pace::{Pace, Paced};

/// What a listener knows of who may come. Clones share it.
#[derive(Clone, Default)]
pub struct Admission {
    /// Known once the store is open.
    tokens: Arc<OnceLock<Arc<dyn Authorize>>>,
    /// The names by which this server may be asked; `None` takes every name.
    names: Option<Arc<RwLock<Vec<String>>>>,
    /// Who counts those that are not let in.
    refusals: Option<Refusals>,
    /// Who is at the other end of every connection, where tokens are not asked for.
    peer: Option<Arc<Principal>>,
}

impl Admission {
    /// Takes requests under addresses, `localhost` and these names only: a page in somebody's browser could otherwise make
    /// its own name mean this server, and ask in that person's network.
    pub fn with_names(names: Vec<String>) -> Self {
        Self { names: Some(Arc::new(RwLock::new(names))), ..Self::default() }
    }

    /// Counts those that are not let in, and tells of them.
    pub fn counting(refusals: Refusals) -> Self {
        Self { refusals: Some(refusals), ..Self::default() }
    }

    /// Takes every request as this principal's: whoever can connect is trusted.
    pub fn of_peer(principal: Principal) -> Self {
        Self { peer: Some(Arc::new(principal)), ..Self::default() }
    }

    /// Takes requests under these names from now on.
    pub fn set_names(&self, names: Vec<String>) {
        if let Some(known) = &self.names {
            *known.write().unwrap_or_else(PoisonError::into_inner) = names;
        }
    }

    /// Knows tokens from now on.
    pub fn know(&self, tokens: Arc<dyn Authorize>) {
        // It is told once.
        let _ = self.tokens.set(tokens);
    }

    /// Answers a request that came on this connection.
    pub async fn admit(&self, connection: &Connection, request: Request<Body>, router: Router) -> Response<Body> {
        if let Err(problem) = self.head(&request) {
            return self.refuse(problem);
        }
        let holder = self.holder(request.headers(), connection);
        let pace = match &holder {
            Holder::Token(_) => Pace::KNOWN,
            Holder::Address(_) => Pace::UNKNOWN,
        };
        // What has no body is answered at once and takes no place of those who are not known: health is asked so.
        let permit = match (request.body().is_end_stream(), &holder) {
            (true, Holder::Address(_)) => None,
            _ => match connection.begin(holder) {
                Some(permit) => Some(permit),
                None => return self.refuse(too_many()),
            },
        };
        let mut request = request.map(|body| Paced::wrap(body, pace));
        request.extensions_mut().insert(api::Address(connection.address));
        if let Some(principal) = &self.peer {
            request.extensions_mut().insert(Peer::of_connection(Arc::clone(principal)));
        }
        let response = router.oneshot(request).await.unwrap_or_else(|never| match never {});
        response.map(|body| Body::new(Held { body, _permit: permit }))
    }

    /// Answers a request that came without TLS where TLS is asked for. What it brought passed readable, a token too.
    ///
    /// The status is the one for a scheme that a server does not serve (RFC 9110, section 15.5.20): senders such as our own hooks
    /// keep what they brought and try again.
    pub fn refuse_bare(&self) -> Response<Body> {
        let detail = "this address speaks TLS and the request came without it: use https://; a token that was sent so was \
                      readable on its way, replace it";
        self.refuse(Problem::new(StatusCode::MISDIRECTED_REQUEST, "tls_required", detail))
    }

    fn refuse(&self, problem: Problem) -> Response<Body> {
        if let Some(refusals) = &self.refusals {
            let (reason, status) = (problem.code, problem.status);
            refusals.note(Refusal { collector: None, reason, status, detail: &problem.detail });
        }
        close(problem)
    }

    /// Whose the request is.
    fn holder(&self, headers: &HeaderMap, connection: &Connection) -> Holder {
        if let Some(principal) = &self.peer {
            return Holder::Token(principal.token.clone());
        }
        let secret = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let secret = secret.and_then(|value| value.split_once(' ')).map(|(_, secret)| secret.trim());
        let principal = self.tokens.get().zip(secret).and_then(|(tokens, secret)| tokens.authorize(secret));
        principal.map_or(Holder::Address(connection.address), |principal| Holder::Token(principal.token.clone()))
    }

    fn head(&self, request: &Request<Body>) -> Result<(), Problem> {
        let headers = request.headers();
        if headers.get_all(header::AUTHORIZATION).iter().nth(1).is_some() {
            let detail = "the request has several Authorization headers: who asks must be clear";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "ambiguous", detail));
        }
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = hosts.next();
        if hosts.next().is_some() || (host.is_none() && request.version() == Version::HTTP_11) {
            let detail = "a request has one Host header (RFC 9112, section 3.2)";
            return Err(Problem::new(StatusCode::BAD_REQUEST, "host", detail));
        }
        // A target in absolute form outranks the header.
        let target = request.uri().authority().map(axum::http::uri::Authority::as_str);
        let host = target.or_else(|| host.and_then(|host| host.to_str().ok()));
        match (&self.names, host) {
            (Some(names), Some(host)) if !is_ours(host, &names.read().unwrap_or_else(PoisonError::into_inner)) => {
                let detail = "this server is not known by the name in the Host header; if it should be, add the name to \
                              `names` in [listen] of the configuration";
                Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, "host", detail))
            }
            _ => Ok(()),
        }
    }
}

/// Whether `host`, with or without a port, is an address, `localhost` or one of the names.
fn is_ours(host: &str, names: &[String]) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => {
            return rest.split_once(']').is_some_and(|(address, _)| address.parse::<std::net::Ipv6Addr>().is_ok());
        }
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    name.parse::<std::net::Ipv4Addr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn too_many() -> Problem {
    let detail = "many requests of this sender are being served; try again in a moment";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", detail).retry_after(1)
}

/// An answer before the body was read, which therefore is the last one of its connection.
fn close(problem: Problem) -> Response<Body> {
    let mut response = problem.into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The body of an answer, whose sender's place is taken until it was sent.
struct Held {
    body: Body,
    _permit: Option<Permit>,
}

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::listener::connections::Connections;
    use axum::routing::any;

    fn ask(admission: &Admission, headers: &[(&str, &str)], uri: &str) -> StatusCode {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from("x")).unwrap();
        let connection = Connections::new(1).enter([127, 0, 0, 1].into());
        let router = Router::new().fallback(any(async || "ok"));
        futures::executor::block_on(admission.admit(&connection, request, router)).status()
    }

    #[test]
    fn only_names_of_ours_are_answered() {
        let console = Admission::with_names(vec!["tachograph.acme.example".to_owned()]);
        let check = |host: &str, expected: u16| {
            assert_eq!(ask(&console, &[("host", host)], "/").as_u16(), expected, "{host}");
            assert_eq!(ask(&Admission::default(), &[("host", host)], "/").as_u16(), 200, "{host}");
        };
        for host in
            ["127.0.0.1:7070", "127.0.0.1", "localhost:7070", "LOCALHOST", "[::1]:7070", "[::1]", "192.0.2.7:80"]
        {
            check(host, 200);
        }
        check("Tachograph.acme.example:443", 200);
        check("tachograph.acme.example.", 200);
        for host in
            ["evil.example", "evil.example:7070", "127.0.0.1.evil.example", "localhost.evil.example", "[evil]:1", ""]
        {
            check(host, 421);
        }
        console.set_names(Vec::new());
        check("tachograph.acme.example", 421);
        assert_eq!(ask(&console, &[("host", "localhost")], "http://evil.example/").as_u16(), 421);
    }

    #[test]
    fn an_ambiguous_head_is_refused() {
        let check = |headers: &[(&str, &str)], expected: u16| {
            assert_eq!(ask(&Admission::default(), headers, "/").as_u16(), expected, "{headers:?}");
        };
        check(&[("host", "a"), ("authorization", "Bearer a")], 200);
        check(&[("host", "a"), ("authorization", "Bearer a"), ("authorization", "Bearer b")], 400);
        check(&[("host", "a"), ("host", "a")], 400);
        check(&[], 400);
    }
}
