//! OpenTelemetry's protocol (OTLP 1.9): logs, traces and metrics over HTTP and over gRPC, on addresses of the collector's own, since
//! exporters append their paths to an endpoint and gRPC has no others.
//!
//! A request is cut into its elements. What is recorded of each is one JSON text of its resource, its scope and itself
//! (`canonical`), whatever else stood in the request; the answer comes when all of them are durable.

mod answer;
mod canonical;
mod element;
mod export;
mod grpc;
mod http;
mod schema;

use std::net::SocketAddr;
use std::sync::Arc;

use super::http::{Room, Routes};
use super::{Listening, Serve, Setting, Settings, Start, Transport, Work, read};
use crate::limits;
use export::Target;

/// The transport.
pub struct Otlp;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    http: Option<SocketAddr>,
    grpc: Option<SocketAddr>,
    tls: Option<bool>,
}

impl Options {
    fn of(settings: &Settings) -> Result<Self, String> {
        let options: Self = read(settings)?;
        if options.http.is_none() && options.grpc.is_none() {
            return Err("it listens nowhere: set `http`, such as \"127.0.0.1:4318\", `grpc`, such as \"127.0.0.1:4317\", or both".to_owned());
        }
        if options.http.is_some_and(|http| http.port() != 0) && options.http == options.grpc {
            return Err("`http` and `grpc` are the same address; give each its own port".to_owned());
        }
        Ok(options)
    }

    /// Its addresses, each with the word for it.
    fn addresses(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        let both = [self.http.map(|address| ("http", address)), self.grpc.map(|address| ("grpc", address))];
        both.into_iter().flatten()
    }
}

impl Transport for Otlp {
    fn name(&self) -> &'static str {
        "otlp"
    }

    fn doc(&self) -> &'static str {
        "Takes logs, traces and metrics of OpenTelemetry over HTTP (protobuf or JSON) and over gRPC, compressed with gzip or zstd or \
         not, with a bearer token. An exporter is answered when everything is durable, and told to try again when there is no room; \
         what it sends again is found by the elements' own ids. Who a token is outranks what a resource says of itself."
    }

    fn settings(&self) -> &'static [Setting] {
        &[
            Setting {
                name: "http",
                required: false,
                doc: "Address for OTLP over HTTP: exporters send to `/v1/logs`, `/v1/traces` and `/v1/metrics` there.",
                example: "\"127.0.0.1:4318\"",
            },
            Setting {
                name: "grpc",
                required: false,
                doc: "Address for OTLP over gRPC.",
                example: "\"127.0.0.1:4317\"",
            },
            Setting {
                name: "tls",
                required: false,
                doc: "Whether these addresses speak TLS, with the certificate of `[listen]`. By default as intake does.",
                example: "false",
            },
        ]
    }

    fn check(&self, settings: &Settings) -> Result<(), String> {
        Options::of(settings).map(|_| ())
    }

    fn is_pushed(&self) -> bool {
        true
    }

    fn place(&self, _name: &str, settings: &Settings) -> String {
        let options = Options::of(settings).ok();
        let places = options.iter().flat_map(Options::addresses).map(|(word, address)| format!("{word} {address}"));
        places.collect::<Vec<_>>().join(", ")
    }

    fn start(&self, start: Start<'_>) -> Result<Work, String> {
        let options = Options::of(start.settings)?;
        start.tell("what is exported");
        let target = Target {
            push: Arc::clone(start.push),
            channel: start.channel,
            room: Room::new(limits::OTLP_BODIES_BYTES_MAX, limits::OTLP_BODY_BYTES_MAX),
        };
        let listening = options.addresses().map(|(setting, address)| Listening {
            setting,
            address,
            tls: options.tls,
            serve: match setting {
                "http" => Serve::Http1(Routes(http::routes(target.clone()))),
                _ => Serve::Http2(Routes(grpc::routes(target.clone()))),
            },
        });
        Ok(Work::Listen(listening.collect()))
    }
}

/// The records of an export request's elements; none if it is no such request.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn records(body: &[u8], is_json: bool, signal: crate::encoding::Signal) -> Vec<Vec<u8>> {
    let format = if is_json { element::Format::Json } else { element::Format::Protobuf };
    let mut writer = element::RecordWriter::new(format, signal);
    let elements = element::split(body, format, signal).unwrap_or_default();
    elements.iter().filter_map(|element| writer.write(element).ok().map(<[u8]>::to_vec)).collect()
}

#[cfg(test)]
mod tests;
