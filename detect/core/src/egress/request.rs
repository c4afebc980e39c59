//! A request that left an agent, or wanted to: what the detectors of egress read of an event. Nothing here keeps state.

use effects::host;
use ledger::events::column;

use super::payload::Payload;
use super::popular;
use super::tenant::is_git_fetch;
use crate::event_columns::EventColumns;

/// The kind of event that an HTTP request of an agent is.
pub const EGRESS: &str = "egress.http";

/// One HTTP request. Every text is attacker-written.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Host name or address.
    pub host: &'a str,
    /// Registrable domain, else the host; empty if neither is named.
    pub domain: &'a str,
    /// Method; empty if the source does not say.
    pub method: &'a str,
    /// Path and query; empty if the source does not say.
    pub path: &'a str,
    /// Whether the firewall refused it. What nobody refused went out.
    pub refused: bool,
    /// Whether its method is one that carries data out.
    write: bool,
    /// Bytes that were sent, if the source tells them.
    sent: Option<u64>,
    /// What its address carries.
    payload: Payload,
    /// What kind of destination it is.
    class: host::Class,
    /// Whether its domain is popular.
    popular: bool,
}

/// How much a request carries out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Carried {
    /// Bytes, as far as they are known.
    pub bytes: u64,
    /// Whether that is all. What a source does not tell the size of is never nothing.
    pub is_known: bool,
}

/// So many bytes of what is sent are headers that every client sends, tokens and cookies included.
const HEADER_BYTES: u64 = 4_096;
/// An address that carries fewer bytes of data carries what any address may.
const CARRIED_BYTES_MIN: u64 = 40;
/// Once is enough for so many bytes that are a text once they are decoded,
const TEXT_BYTES_MIN: u32 = 24;
/// or so many of any.
const SENT_BYTES_MIN: u64 = 128;

impl<'a> Request<'a> {
    /// Reads the request that an event is about; `None` for other kinds. Who has the event asks it instead.
    pub fn read(columns: &EventColumns<'a>) -> Option<Self> {
        if columns.kind() != EGRESS {
            return None;
        }
        let domain = columns.destination();
        let method = columns.text(column::METHOD).unwrap_or("");
        let (host, path) = (columns.text(column::HOST).unwrap_or(domain), columns.text(column::PATH).unwrap_or(""));
        let is_write = ["POST", "PUT", "PATCH", "DELETE"].iter().any(|write| method.eq_ignore_ascii_case(write));
        let mut payload = Payload::of_path(path);
        if let Some(labels) = host.strip_suffix(domain).filter(|labels| !labels.is_empty()) {
            payload.add(Payload::of_labels(labels));
        }
        Some(Self {
            host,
            domain,
            method,
            path,
            refused: matches!(columns.text(column::OUTCOME), Some("deny" | "blocked")),
            write: is_write && !is_git_fetch(path),
            sent: columns.integer(column::BYTES_OUT).and_then(|bytes| u64::try_from(bytes).ok()),
            payload,
            class: host::of(host, path),
            popular: popular::is_popular(domain),
        })
    }

    /// Whether its method is one that carries data out.
    pub fn is_write(&self) -> bool {
        self.write
    }

    /// What its address carries: data can leave in a query, in the path and in labels of the host.
    pub fn payload(&self) -> Payload {
        self.payload
    }

    /// Whether it carries data out, by its method or in its address, or in headers that are longer than any client's.
    pub fn carries(&self) -> bool {
        self.write || self.carried().bytes >= CARRIED_BYTES_MIN
    }

    /// Whether one such request alone may take something out: one that writes, or whose address carries a text or a good deal.
    pub fn sends(&self) -> bool {
        self.write || self.payload.text >= TEXT_BYTES_MIN || self.carried().bytes >= SENT_BYTES_MIN
    }

    /// How much it carries out.
    pub fn carried(&self) -> Carried {
        let address = u64::from(self.payload.bytes);
        if self.write {
            return Carried { bytes: self.sent.unwrap_or(0).max(address), is_known: self.sent.is_some() };
        }
        let headers = self.sent.map_or(0, |sent| sent.saturating_sub(self.path.len() as u64 + HEADER_BYTES));
        Carried { bytes: address + headers, is_known: true }
    }

    /// What kind of destination it is.
    pub fn class(&self) -> host::Class {
        self.class
    }

    /// Whether its domain is one that software development everywhere talks to.
    pub fn is_popular(&self) -> bool {
        self.popular
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::EventRow;
    use crate::fixtures;

    #[test]
    fn requests_are_read_from_sparse_rows() {
        let events = [
            json!({"second": 0, "kind": "egress.http", "method": "post", "host": "a.acme.example", "domain": "acme.example", "path": "/x?q=12345", "outcome": "deny"}),
            json!({"second": 0, "kind": "egress.http", "host": "203.0.113.7"}),
            json!({"second": 0, "kind": "egress.http"}),
            json!({"second": 0, "kind": "command", "host": "a.acme.example"}),
        ];
        let rows = fixtures::rows(&events);
        let row = |number| rows.get(number).unwrap();
        let first = row(0);
        let request = Request::read(&EventColumns::new(&first)).unwrap();
        assert!(
            request.is_write() && request.refused && !request.carried().is_known && request.domain == "acme.example"
        );
        let second = row(1);
        let request = Request::read(&EventColumns::new(&second)).unwrap();
        assert!(!request.is_write() && !request.refused && request.domain == "203.0.113.7" && request.path.is_empty());
        let (third, fourth) = (row(2), row(3));
        let nowhere = EventRow::new(&third, false, fixtures::key());
        assert!(nowhere.request().is_some() && nowhere.let_through().is_none());
        assert!(EventRow::new(&fourth, false, fixtures::key()).request().is_none());
    }
}
