//! How messages reach a receiver: one file for each kind of connection, and which addresses any of them may reach. A connection
//! takes a payload and gives an answer; what either says is the sinks' business.

#[cfg(test)]
pub(crate) mod authority;
pub mod aws;
mod dial;
pub mod frames;
pub mod grpc;
mod guard;
pub mod http;
pub mod kafka;
pub mod oauth;
pub mod objects;
pub mod proxy;
pub mod relp;
pub mod smtp;
pub mod tcp;
pub mod udp;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::tls::ClientTls;
use operations::secret::Secret;
use proxy::Proxy;

/// A kind of connection: what it carries, and what comes back.
pub trait Protocol: 'static {
    /// What one send carries.
    type Payload: Payload;
    /// What comes back.
    type Answer: Answer;
}

/// What one send carries.
pub trait Payload: Send {
    /// The payload with its secrets masked, for people, with this message in it: as it is before compression.
    fn shown(&self, message: &[u8]) -> String;
}

/// What a receiver answered. Its text is not to be trusted; it is shown as one short line.
pub trait Answer: fmt::Display + Send {
    /// An answer with this code and text, if the protocol has codes: for tests over every kind of sink.
    #[cfg(test)]
    fn of(code: u16, text: String) -> Option<Self>
    where
        Self: Sized;
}

/// A way to a receiver; the network in the program, a simulated receiver in tests.
pub trait Connection<P: Protocol>: Send + Sync {
    /// Carries one payload, and waits for what comes back.
    fn send(&self, payload: P::Payload) -> BoxFuture<'_, Result<P::Answer, SendError>>;
}

/// Why there is no answer. The texts hold neither address nor secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendError {
    /// Nothing was sent.
    NotSent(String),
    /// Something was sent, and no whole answer came back.
    Uncertain(String),
    /// Nothing can be sent until the configuration changes.
    Refused(String),
}

/// Who connects, and how far it may reach.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// The sink's name.
    pub sink: String,
    /// The origin of the log whose records go over it.
    pub origin: String,
    /// Whether private, loopback and link-local addresses are allowed.
    pub allow_private: bool,
    /// A PEM file of further certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// A PEM file with the sink's own certificate, and where its key lies.
    pub identity: Option<(PathBuf, Secret)>,
    /// The proxy that everything goes through, if there is one.
    pub proxy: Option<Proxy>,
    /// The time that one send may take, with its answer.
    pub timeout: Duration,
}

impl Reach {
    /// Whom the connection believes, and who it is itself.
    pub fn tls(&self) -> ClientTls {
        ClientTls { ca_file: self.ca_file.clone(), identity: self.identity.clone() }
    }
}

/// The start of a receiver's text, for receipts and the status: one line, no control characters.
pub fn excerpt(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(crate::limits::ANSWER_CHARS_KEPT).collect::<String>().trim().to_owned()
}

/// Whether a text can be the name or the address of a receiver.
pub fn check_host(name: &str, host: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
    if host.is_empty() || !host.chars().all(plain) {
        return Err(format!("{name} must be a host name or an address"));
    }
    Ok(())
}

/// An error with its causes, which say more than itself.
fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
