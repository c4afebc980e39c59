//! How bytes arrive: the contract of a transport, and the list of transports.
//!
//! A transport cuts what it reads into records and gives them to an [`Intake`](crate::pipeline::Intake); what a record means
//! is for the dialect. To add a transport, write one file in `transport/` and add one line to [`TRANSPORTS`].

pub mod http;
pub mod kafka;
pub mod otlp;
pub mod poll;
pub mod stdin;
pub mod stream;
pub mod syslog;
pub mod tail;
pub mod unix;

use std::net::SocketAddr;
use std::sync::Arc;

use futures::future::BoxFuture;
use operations::access::Principal;
use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use crate::frame::Framing;
use crate::health::Trouble;
use crate::pipeline::{Channel, Pipeline};

/// Every transport. Configuration, help, reference and tests derive from this list.
pub static TRANSPORTS: &[&dyn Transport] =
    &[&http::Http, &otlp::Otlp, &tail::Tail, &stdin::Stdin, &kafka::Kafka, &poll::Poll, &syslog::Syslog, &unix::Unix];

/// The transport with this name.
pub fn by_name(name: &str) -> Option<&'static dyn Transport> {
    TRANSPORTS.iter().copied().find(|transport| transport.name() == name)
}

/// A collector's settings beside its name, transport and dialect.
pub type Settings = serde_json::Map<String, serde_json::Value>;

/// One setting of a transport, for the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its name in the configuration.
    pub name: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// What it means, what it may be, and its default.
    pub doc: &'static str,
    /// A value in the form of the configuration.
    pub example: &'static str,
}

/// Brings bytes to the pipeline.
pub trait Transport: Send + Sync {
    /// The name in the configuration.
    fn name(&self) -> &'static str;

    /// One paragraph for the reference: what it reads, and what it promises about loss and doubles.
    fn doc(&self) -> &'static str;

    /// Its settings.
    fn settings(&self) -> &'static [Setting];

    /// Whether the settings are in order; the message says which is not and what to write instead.
    fn check(&self, settings: &Settings) -> Result<(), String>;

    /// What is missing around a collector whose settings are in order: it starts all the same, and reads once it is there.
    fn missing(&self, _settings: &Settings) -> Option<String> {
        None
    }

    /// Where a collector of this name reads, for people.
    fn place(&self, name: &str, settings: &Settings) -> String;

    /// Whether it follows files, so that it is known how much there is to read.
    fn follows_files(&self) -> bool {
        false
    }

    /// Whether senders show a token, which says who they are: then no setting of the collector does.
    fn is_pushed(&self) -> bool {
        false
    }

    /// Whether its requests prove otherwise than by a token who sends them: then settings of the collector say who that is.
    fn declares_sender(&self, _settings: &Settings) -> bool {
        false
    }

    /// Whether it can tell records apart in this way.
    fn takes(&self, framing: Framing) -> bool {
        framing == Framing::Lines
    }

    /// What keeps this process, with its rights, from reading now; for whoever asks while no collector runs.
    fn look(&self, _settings: &Settings) -> Option<Trouble> {
        None
    }

    /// What a collector whose settings are in order does, to be run by the caller. It tells the log first, with [`Start::tell`].
    fn start(&self, start: Start<'_>) -> Result<Work, String>;
}

/// What a collector does once it is started. A task ends soon after [`Start::stop`], when what it read is durable.
pub enum Work {
    /// It reads on the runtime.
    Task(BoxFuture<'static, ()>),
    /// It reads on a thread where blocking is allowed.
    Blocking(Box<dyn FnOnce() + Send>),
    /// It waits for requests on the address of intake.
    Routes(http::Routes),
    /// It waits for connections on addresses of its own.
    Listen(Vec<Listening>),
    /// It waits for connections on a socket in the file system, which whoever runs the collectors binds and ends in order.
    Socket(unix::SocketFile, stream::Streams),
}

/// An address on which a collector waits for connections. Whoever runs the collectors binds it, secures it and ends it in order.
pub struct Listening {
    /// The setting that names the address.
    pub setting: &'static str,
    /// The address.
    pub address: SocketAddr,
    /// Whether connections speak TLS; `None` if as those of intake do.
    pub tls: Option<bool>,
    /// What is served on it.
    pub serve: Serve,
}

/// What is served on an address.
pub enum Serve {
    /// Requests of HTTP/1.1.
    Http1(http::Routes),
    /// Requests of HTTP/2, which is what gRPC speaks.
    Http2(http::Routes),
    /// Records, to which nobody answers.
    Streams(stream::Streams),
}

/// What a transport gets to start a collector.
pub struct Start<'a> {
    /// The collector.
    pub channel: Arc<Channel>,
    /// The name of its transport.
    pub transport: &'static str,
    /// Where it reads, for people.
    pub place: &'a str,
    /// Who sends, where the transport has no token that says it.
    pub principal: Arc<Principal>,
    /// The collector's settings.
    pub settings: &'a Settings,
    /// What all collectors share.
    pub pipeline: &'a Arc<Pipeline>,
    /// Says that reading must end; what was read is still appended.
    pub stop: &'a CancellationToken,
    /// What all collectors share that are pushed to.
    pub push: &'a Arc<http::Push>,
}

impl Start<'_> {
    /// Tells the log that the collector starts, and from which position.
    fn tell(&self, position: &str) {
        let (collector, dialect) = (self.channel.name(), self.channel.dialect().name());
        tracing::info!(
            collector,
            transport = self.transport,
            dialect,
            place = self.place,
            position,
            "the collector starts"
        );
    }
}

/// Reads a transport's settings.
fn read<T: DeserializeOwned>(settings: &Settings) -> Result<T, String> {
    serde_json::from_value(serde_json::Value::Object(settings.clone())).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transport_documents_its_settings_and_refuses_others() {
        for transport in TRANSPORTS {
            let name = transport.name();
            assert!(by_name(name).is_some_and(|found| std::ptr::addr_eq(found, *transport)), "{name}");
            assert!(transport.doc().ends_with('.') && transport.takes(Framing::Lines), "{name}");
            let mut settings = Settings::new();
            for setting in transport.settings() {
                assert!(setting.doc.ends_with('.'), "{name}.{}", setting.name);
                let table: toml::Table = format!("value = {}", setting.example).parse().unwrap();
                settings.insert(setting.name.to_owned(), serde_json::to_value(&table["value"]).unwrap());
            }
            transport.check(&settings).unwrap();
            for setting in transport.settings() {
                let mut without = settings.clone();
                without.remove(setting.name);
                assert_eq!(transport.check(&without).is_err(), setting.required, "{name} without {}", setting.name);
            }
            settings.insert("no_such_setting".to_owned(), true.into());
            assert!(transport.check(&settings).unwrap_err().contains("no_such_setting"), "{name}");
        }
    }
}
