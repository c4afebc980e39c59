//! Mail on its way: one SMTP connection per message, to an address that the guard allows, encrypted unless the operator
//! says otherwise. What a mail says is the sink's business.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream, Certificate, Identity, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::dial::{Dialer, Duplex};
use super::{Answer, Connection, Payload, Protocol, Reach, SendError, describe, excerpt};
use crate::limits::CA_BYTES_MAX;
use crate::tls::certificates;
use operations::secret::SecretText;

/// Mails and replies.
pub struct Smtp;

impl Protocol for Smtp {
    type Payload = Mail;
    type Answer = Reply;
}

/// A mail, where it goes, and who sends it.
#[derive(Clone)]
pub struct Mail {
    /// The server.
    pub server: Server,
    /// Name and password.
    pub login: Option<(String, SecretText)>,
    /// The sender's address.
    pub from: String,
    /// The recipients' addresses.
    pub to: Vec<String>,
    /// Headers and body.
    pub message: Vec<u8>,
}

/// A mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: MailTls,
}

impl Payload for Mail {
    fn shown(&self, message: &[u8]) -> String {
        let Server { host, port, .. } = &self.server;
        format!("MAIL smtp://{host}:{port}\n\n{}", String::from_utf8_lossy(message))
    }
}

/// What a mail server replied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The reply's code, such as 250.
    pub code: u16,
    /// What it says. It is the server's text: never trusted, never shown unescaped.
    pub text: String,
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, excerpt(&self.text))
    }
}

impl Answer for Reply {
    #[cfg(test)]
    fn of(code: u16, text: String) -> Option<Self> {
        Some(Self { code, text })
    }
}

/// How a connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MailTls {
    /// It starts in the clear and must become encrypted before anything is said.
    #[default]
    Starttls,
    /// It is encrypted from the start.
    Tls,
    /// It is not: for a relay on the same machine.
    None,
}

/// The network: a session of its own for each mail.
pub struct SmtpConnection(Dialer);

impl Smtp {
    /// Prepares a connection. The error says what is wrong with the certificates.
    pub fn connect(reach: &Reach) -> Result<Box<dyn Connection<Self>>, String> {
        Ok(Box::new(SmtpConnection(Dialer::new(reach, true)?)))
    }
}

impl Connection<Smtp> for SmtpConnection {
    /// Sends a mail. Whatever fails before the message was begun means that it was not sent.
    fn send(&self, mail: Mail) -> BoxFuture<'_, Result<Reply, SendError>> {
        Box::pin(async move {
            match tokio::time::timeout(self.0.reach.timeout, session(&self.0, &mail)).await {
                Ok(reply) => reply,
                Err(_) => Err(SendError::Uncertain("the mail server did not answer in time".to_owned())),
            }
        })
    }
}

/// A stream for the library that speaks SMTP.
#[derive(Debug)]
struct Stream(Box<dyn Duplex>);

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for Stream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        // There may be a proxy between.
        Err(io::ErrorKind::Unsupported.into())
    }
}

async fn session(dialer: &Dialer, mail: &Mail) -> Result<Reply, SendError> {
    let envelope = envelope(mail)?;
    let Server { host, port, tls } = &mail.server;
    let stream = Stream(dialer.open(host, *port, *tls == MailTls::Tls).await?);
    let mut connection = match connect(&dialer.reach, &mail.server, stream).await {
        Ok(connection) => connection,
        Err(error) => return before(&error),
    };
    if let Some((name, password)) = &mail.login {
        let credentials = Credentials::new(name.clone(), password.expose().to_owned());
        if let Err(error) = connection.auth(DEFAULT_MECHANISMS, &credentials).await {
            return before(&error);
        }
    }
    let sent = connection.send(&envelope, &mail.message).await;
    let answer = match sent {
        Ok(response) => {
            let text = response.message().collect::<Vec<_>>().join(" ");
            Ok(Reply { code: u16::from(response.code()), text })
        }
        Err(error) => match reply(&error) {
            Some(answer) => Ok(answer),
            None => Err(SendError::Uncertain(describe(&error))),
        },
    };
    // The fate of the mail is settled; how the connection ends changes nothing.
    let _ = connection.quit().await;
    answer
}

fn envelope(mail: &Mail) -> Result<Envelope, SendError> {
    let parse = |address: &String| {
        address.parse().map_err(|_| SendError::Refused("an address of the sender or a recipient is none".to_owned()))
    };
    let to = mail.to.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    Envelope::new(Some(parse(&mail.from)?), to).map_err(|_| SendError::Refused("there is no recipient".to_owned()))
}

async fn connect(reach: &Reach, server: &Server, stream: Stream) -> Result<AsyncSmtpConnection, Error> {
    let hello = ClientId::default();
    let mut connection = AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello).await?;
    if server.tls == MailTls::Starttls {
        // A server that does not offer it, or somebody between who hides the offer, gets nothing.
        connection.starttls(tls(&server.host, reach)?, &hello).await?;
    }
    Ok(connection)
}

/// The files were read and checked when the sink was prepared; one that vanished since adds nothing. Then the server's certificate is
/// refused, or the server refuses a client without one.
fn tls(host: &str, reach: &Reach) -> Result<TlsParameters, Error> {
    let mut builder = TlsParameters::builder(host.to_owned());
    let read = |path: &PathBuf| std::fs::read(path).ok().filter(|pem| pem.len() <= CA_BYTES_MAX);
    let authority = reach.ca_file.as_ref().and_then(read).and_then(|pem| Certificate::from_pem(&pem).ok());
    if let Some(certificate) = authority {
        builder = builder.add_root_certificate(certificate);
    }
    if let Some((certificate, key)) = &reach.identity {
        // lettre 0.11.23 takes what it calls PEM for one certificate in DER. So the authorities between are left out, and the server must
        // know them.
        let own = certificates(certificate).ok().and_then(|chain| chain.into_iter().next());
        let identity = own.zip(key.read().ok()).map(|(own, key)| Identity::from_pem(&own, key.expose().as_bytes()));
        if let Some(Ok(identity)) = identity {
            builder = builder.identify_with(identity);
        }
    }
    builder.build_rustls()
}

/// What a failure before the message means: a reply of the server is an answer, anything else sent nothing.
fn before(error: &Error) -> Result<Reply, SendError> {
    reply(error).ok_or_else(|| SendError::NotSent(describe(error)))
}

/// The server's reply, if the failure is one.
fn reply(error: &Error) -> Option<Reply> {
    Some(Reply { code: u16::from(error.status()?), text: describe(error) })
}
