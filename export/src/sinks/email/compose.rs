//! Mails as bytes. Everything in an alert is attacker-written: headers get one line of it, text gets no hidden characters,
//! HTML gets it escaped.

use std::fmt::Write as _;
use std::time::UNIX_EPOCH;

use ledger::Timestamp;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};

use crate::delivery::content::{Bounds, Content};
use crate::delivery::text::line;
use crate::delivery::{Digest, Notification};
use crate::hash::sha256;
use crate::limits::TITLE_CHARS_MAX;

/// Characters of a Message-ID that tell versions of a mail apart.
const VERSION_CHARS: usize = 12;

/// What every mail of a sink has.
pub struct Composer<'a> {
    pub from: &'a str,
    pub to: &'a [String],
}

/// Says that no person wrote it, so that no machine answers.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Composer<'_> {
    /// The mail about one alert.
    pub fn notification(&self, key: &str, notification: &Notification<'_>, recorded: Timestamp) -> Vec<u8> {
        let content = Bounds::GENERAL.notification(notification);
        self.mail(key, notification.subject(), &content, notification.time().unwrap_or(recorded))
    }

    /// The mail about many alerts.
    pub fn digest(&self, digest: &Digest<'_>, recorded: Timestamp) -> Vec<u8> {
        let content = Bounds::GENERAL.digest(digest);
        self.mail(&digest.key, &digest.key, &content, recorded)
    }

    /// The mail that a digest is over.
    pub fn digest_over(&self, key: &str, recorded: Timestamp) -> Vec<u8> {
        self.mail(&format!("{key}/over"), key, &Content::digest_over(), recorded)
    }

    /// The bytes; empty if an address is none, which the configuration's check rules out.
    fn mail(&self, key: &str, thread: &str, content: &Content, recorded: Timestamp) -> Vec<u8> {
        let domain = self.from.rsplit('@').next().unwrap_or("tachograph");
        let id = |text: &str| format!("<{text}@{domain}>");
        let (thread, text, html) = (id(&atom(thread)), plain(content), html(content));
        let said = [self.from, &self.to.join(","), &thread, &recorded.unix_micros().to_string(), &text, &html];
        let date = UNIX_EPOCH + recorded.since(Timestamp::EPOCH);
        let Ok(from) = self.from.parse::<Mailbox>() else { return Vec::new() };
        let mut builder = lettre::Message::builder()
            .from(from)
            .date(date)
            .message_id(Some(id(&format!("{}.{}", atom(key), version(&said)))))
            .in_reply_to(thread.clone())
            .references(thread)
            .subject(line(&content.subject, TITLE_CHARS_MAX).text)
            .header(AutoSubmitted);
        for to in self.to.iter().filter_map(|to| to.parse::<Mailbox>().ok()) {
            builder = builder.to(to);
        }
        let boundary = sha256(key.as_bytes());
        let part = |kind, body: String| SinglePart::builder().header(kind).body(body);
        let body = MultiPart::alternative()
            .boundary(&boundary[..32])
            .singlepart(part(ContentType::TEXT_PLAIN, text))
            .singlepart(part(ContentType::TEXT_HTML, html));
        builder.multipart(body).map(|mail| mail.formatted()).unwrap_or_default()
    }
}

fn plain(content: &Content) -> String {
    let mut text = format!("{}\r\n\r\n{}\r\n\r\n", content.subject, content.lead);
    for (name, value) in &content.values {
        // Writing to a string does not fail.
        let _ = write!(text, "{name}: {value}\r\n");
    }
    text
}

fn html(content: &Content) -> String {
    let mut html = format!("<h3>{}</h3>\r\n<p>{}</p>\r\n<table>\r\n", escape(&content.subject), escape(&content.lead));
    for (name, value) in &content.values {
        // Writing to a string does not fail.
        let _ = write!(html, "<tr><td>{name}</td><td>{}</td></tr>\r\n", escape(value));
    }
    html.push_str("</table>\r\n");
    html
}

/// Tells one version of a mail from another by what it says. A dead letter that is sent once more may say something else than it
/// did, or say it in another thread; by RFC 5322 (3.6.4) that is another message, and must not have the identifier of the one
/// that may have arrived.
fn version(said: &[&str]) -> String {
    let mut hash = sha256(said.join("\0").as_bytes());
    hash.truncate(VERSION_CHARS);
    hash
}

/// A text as the left part of a Message-ID: nothing else may stand there.
fn atom(text: &str) -> String {
    let kept = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '.' };
    let atom: String = text.chars().take(200).map(kept).collect();
    atom.split('.').filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".")
}

fn escape(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, c| {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_that_says_something_else_has_another_message_id() {
        let composer = Composer { from: "tachograph@acme.example", to: &["soc@acme.example".to_owned()] };
        let id = |thread: &str, lead: &str, recorded: i64| {
            let content = Content { lead: lead.into(), ..Content::digest_over() };
            let mail = composer.mail("alert-1/r1", thread, &content, Timestamp::from_unix_seconds(recorded));
            let mail = String::from_utf8(mail).unwrap();
            mail.lines().find_map(|line| line.strip_prefix("Message-ID: ")).unwrap().to_owned()
        };
        let first = id("alert-1", "It was refused.", 1);
        assert_eq!(first, id("alert-1", "It was refused.", 1));
        assert!(first.starts_with("<alert-1.r1.") && first.ends_with("@acme.example>"), "{first}");
        for other in [id("alert-0", "It was refused.", 1), id("alert-1", "", 1), id("alert-1", "It was refused.", 2)] {
            assert_ne!(other, first);
            assert_eq!(other.len(), first.len());
        }
    }
}
