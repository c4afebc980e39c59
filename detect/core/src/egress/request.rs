//! A request that left an agent, or wanted to: what the detectors of egress read of an event. Nothing here keeps state.

use effects::host;
use ledger::events::column;

use super::popular;
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
}

impl<'a> Request<'a> {
    /// Reads the request that an event is about; `None` for other kinds. Who has the event asks it instead.
    pub fn read(columns: &EventColumns<'a>) -> Option<Self> {
        if columns.kind() != EGRESS {
            return None;
        }
        let domain = columns.destination();
        let method = columns.text(column::METHOD).unwrap_or("");
        Some(Self {
            host: columns.text(column::HOST).unwrap_or(domain),
            domain,
            method,
            path: columns.text(column::PATH).unwrap_or(""),
            refused: matches!(columns.text(column::OUTCOME), Some("deny" | "blocked")),
            write: ["POST", "PUT", "PATCH", "DELETE"].iter().any(|write| method.eq_ignore_ascii_case(write)),
        })
    }

    /// Whether its method is one that carries data out.
    pub fn is_write(&self) -> bool {
        self.write
    }

    /// Length of the query in bytes: data can leave in an address too.
    pub fn query_len(&self) -> usize {
        self.path.split_once('?').map_or(0, |(_, query)| query.len())
    }

    /// What kind of destination it is.
    pub fn class(&self) -> host::Class {
        host::of(self.host, self.path)
    }

    /// Whether its domain is one that software development everywhere talks to.
    pub fn is_popular(&self) -> bool {
        popular::is_popular(self.domain)
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
        assert!(request.is_write() && request.refused && request.query_len() == 7 && request.domain == "acme.example");
        let second = row(1);
        let request = Request::read(&EventColumns::new(&second)).unwrap();
        assert!(!request.is_write() && !request.refused && request.domain == "203.0.113.7" && request.path.is_empty());
        let (third, fourth) = (row(2), row(3));
        let nowhere = EventRow::new(&third, false, fixtures::key());
        assert!(nowhere.request().is_some() && nowhere.let_through().is_none());
        assert!(EventRow::new(&fourth, false, fixtures::key()).request().is_none());
    }
}
