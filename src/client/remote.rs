//! A running server's API: over HTTP or HTTPS at an address, or over its control socket.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::Context;
use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{Response, Uri};
use export::tls::{ClientTls, client_config};
use ledger::Timestamp;
use operations::triage;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Url};
use rustls::CertificateError;
use serde_json::Value;

use crate::control::{Address, socket_path};
use crate::exit::Failure;
use crate::{limits, output};

use super::segment;

/// Whom a command believes that speaks TLS.
#[derive(Debug, Clone, clap::Args)]
pub struct Trust {
    /// A PEM file of certificate authorities that are believed beside those of the system.
    #[arg(long, value_name = "FILE", env = "TACHOGRAPH_CA_FILE")]
    pub ca_file: Option<PathBuf>,
}

impl Trust {
    /// For a client that shows no certificate of its own.
    pub fn client(&self) -> ClientTls {
        ClientTls { ca_file: self.ca_file.clone(), identity: None }
    }
}

/// Where to ask, and as whom.
pub struct Remote {
    client: Client,
    base: Url,
    door: Door,
}

/// How a server is reached.
enum Door {
    /// At its address, with a token.
    Network { token: String },
    /// Over its control socket, by which it knows who asks. A server may be reached again later, so the address lasts.
    Socket { name: PathBuf, _address: Address },
}

impl Remote {
    /// A client for the server at this address.
    pub fn new(server: &str, token: &str, trust: &Trust) -> Result<Self, Failure> {
        let base = Url::parse(server).map_err(|error| Failure::usage(format!("--server {server:?}: {error}")))?;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(Failure::usage(format!("--server {server:?} is no HTTP address; try http://127.0.0.1:7070")));
        }
        if token.is_empty() {
            return Err(Failure::usage("a server asks for a token").hint("Set TACHOGRAPH_TOKEN to the secret of one."));
        }
        let client = client_builder(&base, &trust.client())?.build()?;
        Ok(Self { client, base, door: Door::Network { token: token.to_owned() } })
    }

    /// A client for the server that runs on a data directory; `None` if none listens.
    pub fn running(data: &Path) -> Result<Option<Self>, Failure> {
        let name = socket_path(data);
        let reached = Address::of(data).and_then(|address| UnixStream::connect(&address.path).map(|_| address));
        let address = match reached {
            Ok(address) => address,
            // No file: no server. Refused: the file of a server that died.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
                return Ok(None);
            }
            Err(error) => return Err(no_answer(&name, error)),
        };
        // The name stands in the header `Host` and leads nowhere.
        let base = Url::parse("http://localhost/")?;
        let client = client_builder(&base, &ClientTls::default())?.unix_socket(address.path.as_path()).build()?;
        Ok(Some(Self { client, base, door: Door::Socket { name, _address: address } }))
    }

    /// Sends a request whose address is a path and a query.
    pub async fn send(&self, request: Builder, body: String) -> Result<Response<Body>, Failure> {
        let request = match &self.door {
            Door::Network { token } => request.header("authorization", format!("Bearer {token}")),
            Door::Socket { .. } => request,
        };
        let mut request = request.body(body)?;
        let path = request.uri().to_string();
        let url = self.base.join(&path).with_context(|| format!("{path} is no path"))?;
        *request.uri_mut() = url.as_str().parse::<Uri>()?;
        let request = reqwest::Request::try_from(request)?;
        let response = self.client.execute(request).await.map_err(|error| match &self.door {
            Door::Network { .. } => not_reached(&self.base, error),
            Door::Socket { name, .. } => no_answer(name, error.without_url()),
        })?;
        Ok(axum::http::Response::<reqwest::Body>::from(response).map(Body::new))
    }
}

/// The server of a data directory did not answer.
fn no_answer(socket: &Path, error: impl Into<anyhow::Error>) -> Failure {
    let error = error.into().context(format!("cannot talk to the server at {}", socket.display()));
    Failure::from(error).hint("Run the command as the user of the server, or as root.")
}

/// What every client of a server has.
pub fn client_builder(base: &Url, tls: &ClientTls) -> Result<ClientBuilder, Failure> {
    let tls = client_config(Some(tls).filter(|_| base.scheme() == "https")).map_err(Failure::usage)?;
    let builder = Client::builder()
        .tls_backend_preconfigured(tls)
        // A token is for the server that was named.
        .redirect(Policy::none())
        .connect_timeout(limits::CONNECT_MAX)
        .user_agent(concat!("tachograph/", env!("CARGO_PKG_VERSION")));
    Ok(builder)
}

/// A server did not answer. The address may hold what was asked for: only the server's own part of it is told.
pub fn not_reached(base: &Url, error: reqwest::Error) -> Failure {
    let error = anyhow::Error::from(error.without_url());
    let refused = error.chain().find_map(of_tls).map(|error| match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "Its certificate is of an authority that this system does not know: name the file of that authority with --ca-file."
        }
        rustls::Error::InvalidCertificate(_) => "Its certificate is not one for this address: have it replaced.",
        rustls::Error::InvalidMessage(_) => "It answered without TLS: ask with http://, or give it a certificate.",
        _ => "It and this program found no common way to speak TLS.",
    });
    let failure = Failure::from(error.context(format!("cannot reach {}", base.origin().ascii_serialization())));
    match refused {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// What went wrong with TLS. An error of input and output holds another error and does not name it as its source.
fn of_tls<'a>(cause: &'a (dyn std::error::Error + 'static)) -> Option<&'a rustls::Error> {
    match cause.downcast_ref::<std::io::Error>() {
        Some(error) => of_tls(error.get_ref()?),
        None => cause.downcast_ref(),
    }
}

/// The path and the body that ask a server for work on an alert or a silence.
pub fn triage(work: &triage::Request) -> Result<(String, String), Failure> {
    let Value::Object(mut fields) = serde_json::to_value(work)? else {
        return Err(anyhow::anyhow!("the request has no JSON form").into());
    };
    let mut taken = |name: &str| match fields.remove(name) {
        Some(Value::String(text)) => Some(segment(&text)),
        _ => None,
    };
    let action = taken("action").unwrap_or_default();
    let path = match (taken("alert"), taken("silence")) {
        (Some(alert), _) => format!("/api/v1/alerts/{alert}/{action}"),
        (_, Some(silence)) => format!("/api/v1/silences/{silence}/{action}"),
        (None, None) => "/api/v1/silences".to_owned(),
    };
    for name in ["starts", "ends", "until"] {
        if let Some(time) = fields.get_mut(name) {
            *time = time.as_i64().map(Timestamp::from_unix_micros).map(output::exact_time).into();
        }
    }
    Ok((path, Value::Object(fields).to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_wrong_with_tls_is_found_below_errors_of_input_and_output() {
        let error = || rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let (once, other) = (std::io::Error::other(error()), std::io::Error::other("disk"));
        assert_eq!(of_tls(&error()), Some(&error()));
        assert_eq!(of_tls(&once), Some(&error()));
        assert_eq!(of_tls(&std::io::Error::other(once)), Some(&error()));
        assert_eq!(of_tls(&other), None);
    }

    #[test]
    fn work_on_alerts_is_asked_for_by_path_and_body() {
        let check = |work: serde_json::Value, path: &str, body: &str| {
            let work: triage::Request = serde_json::from_value(work).unwrap();
            assert_eq!(triage(&work).unwrap(), (path.to_owned(), body.to_owned()));
        };
        check(
            serde_json::json!({"action": "ack", "alert": "a/b", "if_version": 2}),
            "/api/v1/alerts/a%2Fb/ack",
            r#"{"if_version":2}"#,
        );
        check(serde_json::json!({"action": "expire", "silence": "s"}), "/api/v1/silences/s/expire", "{}");
        check(
            serde_json::json!({"action": "silence", "kind": "silence", "matchers": ["rule=x"], "reason": "r", "ends": 1_795_262_400_000_001_i64}),
            "/api/v1/silences",
            r#"{"dry_run":false,"ends":"2026-11-21T12:00:00.000001Z","kind":"silence","matchers":["rule=x"],"reason":"r"}"#,
        );
    }
}
