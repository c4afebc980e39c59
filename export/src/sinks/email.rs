//! `email`: alerts by mail, as text and as HTML.
//!
//! The message is made from the record alone, its date and boundary too, so a mail that is sent twice is the same mail under
//! the same Message-ID, which many clients fold, and one that says something else has another. Every mail about an alert refers to one thread.

mod compose;

use std::time::Duration;

use ledger::Timestamp;
use operations::fold::Outbox;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::capabilities::Capabilities;
use crate::connections::smtp::{Mail, MailTls, Reply, Server, Smtp};
use crate::connections::{Connection, Reach};
use crate::delivery::{self, Delivery, Style, fold};
use crate::judgement::{Ack, Judgement};
use crate::limits::{ALERTS_MAX, RECIPIENTS_MAX};
use crate::message::{BatchLimits, Message, Rendered};
use crate::record::Record;
use crate::sink::{Class, Settings, Sink, SinkSpec};
use operations::secret::{Secret, SecretError};

/// What the reference says.
pub static SPEC: SinkSpec = SinkSpec {
    kind: "email",
    what: "Alerts by mail through an SMTP server with STARTTLS or TLS.",
    guarantee: "At least once; a mail that arrives twice has the same Message-ID.",
    class: Class::Delivery(crate::sink::delivery::<Email>),
    example: "server = \"smtp.acme.example\"\nfrom = \"tachograph@acme.example\"\nto = [\"soc@acme.example\"]\nusername = \"tachograph\"\npassword = \"env:SMTP_PASSWORD\"",
    fields: crate::sink::fields::<Email>,
    schema: crate::sink::schema::<Email>,
};

/// Mails that go at once,
const BURST: u32 = 5;
/// and the time for one more.
const INTERVAL: Duration = Duration::from_secs(2);

/// The settings.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Email {
    /// The name of the SMTP server.
    server: String,
    /// Its port; without it 587 with STARTTLS, 465 with TLS, 25 without TLS.
    #[serde(default)]
    port: Option<u16>,
    /// How the connection is encrypted; `none` is for a relay on the same machine.
    #[serde(default)]
    tls: MailTls,
    /// The sender's address.
    from: String,
    /// The recipients' addresses.
    #[schemars(length(min = 1, max = RECIPIENTS_MAX))]
    to: Vec<String>,
    /// The name at the server, if it wants one.
    #[serde(default)]
    username: Option<String>,
    /// The password that belongs to it.
    #[serde(default)]
    password: Option<Secret>,
    /// Milliseconds for which alerts about old events wait for each other.
    #[schemars(range(max = delivery::DIGEST_WAIT_MS_MAX))]
    #[serde(default = "delivery::digest_wait_ms")]
    digest_wait_ms: u64,
}

impl Email {
    fn port(&self) -> u16 {
        self.port.unwrap_or(match self.tls {
            MailTls::Starttls => 587,
            MailTls::Tls => 465,
            MailTls::None => 25,
        })
    }

    fn composer(&self) -> compose::Composer<'_> {
        compose::Composer { from: &self.from, to: &self.to }
    }
}

impl Settings for Email {
    type Sink = Self;

    fn sink(self) -> Result<Self, String> {
        delivery::check_wait(self.digest_wait_ms)?;
        if self.to.is_empty() || self.to.len() > RECIPIENTS_MAX {
            return Err(format!("to must have 1 to {RECIPIENTS_MAX} addresses"));
        }
        for address in self.to.iter().chain([&self.from]) {
            if address.parse::<lettre::Address>().is_err() || !address.is_ascii() {
                return Err("from and to must be plain addresses such as soc@acme.example".to_owned());
            }
        }
        if self.username.is_some() != self.password.is_some() {
            return Err("username and password belong together".to_owned());
        }
        if self.tls == MailTls::None && self.password.is_some() {
            return Err("a password needs tls = \"starttls\" or \"tls\"".to_owned());
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
        if self.server.is_empty() || !self.server.chars().all(plain) {
            return Err("server must be a host name".to_owned());
        }
        Ok(self)
    }
}

impl Sink for Email {
    type Protocol = Smtp;

    fn limits(&self) -> BatchLimits {
        BatchLimits { records: ALERTS_MAX, burst: BURST, interval: INTERVAL }
    }

    fn connect(&self, reach: &Reach) -> Result<Box<dyn Connection<Smtp>>, String> {
        Smtp::connect(reach)
    }

    fn payload(&self, message: &Message, _now: Timestamp) -> Result<Mail, SecretError> {
        let password = self.password.as_ref().map(Secret::read).transpose()?;
        Ok(Mail {
            server: Server { host: self.server.clone(), port: self.port(), tls: self.tls },
            login: self.username.clone().zip(password),
            from: self.from.clone(),
            to: self.to.clone(),
            message: message.body.clone(),
        })
    }

    fn judge(&self, reply: &Reply) -> Judgement {
        let reason = reply.to_string();
        match reply.code {
            200..=299 => Judgement::Acked(Ack::new(reason)),
            // The server wants another name, password or encryption: that holds for every mail.
            432 | 530 | 534 | 535 | 538 => Judgement::Park { reason },
            500..=599 => Judgement::Reject { index: 0, reason },
            _ => Judgement::Retry { after: None, reason },
        }
    }

    fn capabilities(&self) -> Capabilities<'_, Smtp> {
        Capabilities::default()
    }
}

impl Delivery for Email {
    fn render(&self, records: &[Record], outbox: &Outbox) -> Rendered {
        let records = delivery::batch(records);
        let (folded, composer) = (fold(records, outbox, Style::Mails), self.composer());
        let recorded = records.first().map_or(Timestamp::EPOCH, |record| record.recorded);
        let mut messages: Vec<Message> = Vec::new();
        for notification in &folded.notifications {
            let message = notification.message("", Vec::new());
            messages.push(Message { body: composer.notification(&message.key, notification, recorded), ..message });
        }
        if let Some(digest) = &folded.digest {
            messages.push(digest.message("", composer.digest(digest, recorded)));
        }
        for key in &folded.ended {
            messages.push(Message::end_of(key, "", composer.digest_over(key, recorded)));
        }
        Rendered { messages, taken: records.len(), silent: folded.silent }
    }

    fn digest_wait(&self) -> Option<Duration> {
        Some(Duration::from_millis(self.digest_wait_ms))
    }
}

#[cfg(test)]
mod tests;
