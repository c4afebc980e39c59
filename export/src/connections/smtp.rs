//! Mail on its way: one SMTP connection per message, to an address that the guard allows, encrypted unless the operator
//! says otherwise. What a mail says is the sink's business.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;

use super::describe;
use super::guard::{self, PRIVATE};
use super::http::{Answer, HttpOptions, SendError};
use crate::limits::{CA_BYTES_MAX, CONNECT_TIMEOUT};
use crate::secret::SecretText;

/// Where a mail goes and who sends it.
#[derive(Clone)]
pub struct Mail {
    /// The server's name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: MailTls,
    /// Name and password.
    pub login: Option<(String, SecretText)>,
    /// The sender's address.
    pub from: String,
    /// The recipients' addresses.
    pub to: Vec<String>,
}

/// How a connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
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

/// Sends a mail. Whatever fails before the message was begun means that it was not sent.
pub async fn send(options: &HttpOptions, mail: &Mail, message: &[u8]) -> Result<Answer, SendError> {
    match tokio::time::timeout(options.timeout, session(options, mail, message)).await {
        Ok(answer) => answer,
        Err(_) => Err(SendError::Uncertain("the mail server did not answer in time".to_owned())),
    }
}

async fn session(options: &HttpOptions, mail: &Mail, message: &[u8]) -> Result<Answer, SendError> {
    let envelope = envelope(mail)?;
    let address = resolve(&mail.host, mail.port, options.allow_private).await?;
    let mut connection = match connect(options, mail, address).await {
        Ok(connection) => connection,
        Err(error) => return before(&error),
    };
    if let Some((name, password)) = &mail.login {
        let credentials = Credentials::new(name.clone(), password.expose().to_owned());
        if let Err(error) = connection.auth(DEFAULT_MECHANISMS, &credentials).await {
            return before(&error);
        }
    }
    let sent = connection.send(&envelope, message).await;
    let answer = match sent {
        Ok(response) => {
            let body = response.message().collect::<Vec<_>>().join(" ");
            Ok(Answer { status: u16::from(response.code()), retry_after: None, body })
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

/// The server's address, as the guard allows it: this one is connected to.
async fn resolve(host: &str, port: u16, allow_private: bool) -> Result<SocketAddr, SendError> {
    let found = tokio::net::lookup_host((host, port)).await.map_err(|error| SendError::NotSent(error.to_string()))?;
    let found: Vec<SocketAddr> = found.collect();
    let allowed = found.iter().find(|address| allow_private || guard::is_public(address.ip()));
    match (allowed, found.is_empty()) {
        (Some(address), _) => Ok(*address),
        (None, true) => Err(SendError::NotSent("the mail server's name has no address".to_owned())),
        (None, false) => Err(SendError::Refused(PRIVATE.to_owned())),
    }
}

async fn connect(options: &HttpOptions, mail: &Mail, address: SocketAddr) -> Result<AsyncSmtpConnection, Error> {
    let hello = ClientId::default();
    let timeout: Option<Duration> = Some(CONNECT_TIMEOUT);
    let tls = |mail: &Mail| tls(&mail.host, options.ca_file.as_ref());
    match mail.tls {
        MailTls::None => AsyncSmtpConnection::connect_tokio1(address, timeout, &hello, None, None).await,
        MailTls::Tls => AsyncSmtpConnection::connect_tokio1(address, timeout, &hello, Some(tls(mail)?), None).await,
        MailTls::Starttls => {
            let mut connection = AsyncSmtpConnection::connect_tokio1(address, timeout, &hello, None, None).await?;
            // A server that does not offer it, or somebody between who hides the offer, gets nothing.
            connection.starttls(tls(mail)?, &hello).await?;
            Ok(connection)
        }
    }
}

fn tls(host: &str, ca_file: Option<&PathBuf>) -> Result<TlsParameters, Error> {
    let mut builder = TlsParameters::builder(host.to_owned());
    // The file was read and checked when the sink was prepared; one that vanished since adds nothing, and the server's
    // certificate is then refused.
    let pem = ca_file.and_then(|path| std::fs::read(path).ok()).filter(|pem| pem.len() <= CA_BYTES_MAX);
    if let Some(certificate) = pem.and_then(|pem| Certificate::from_pem(&pem).ok()) {
        builder = builder.add_root_certificate(certificate);
    }
    builder.build_rustls()
}

/// What a failure before the message means: a reply of the server is an answer, anything else sent nothing.
fn before(error: &Error) -> Result<Answer, SendError> {
    reply(error).ok_or_else(|| SendError::NotSent(describe(error)))
}

/// The server's reply, if the failure is one.
fn reply(error: &Error) -> Option<Answer> {
    let status = u16::from(error.status()?);
    Some(Answer { status, retry_after: None, body: describe(error) })
}
