//! A question to the DNS: what detectors read of an event about one, whoever tells of it. Nothing here keeps state.

use ledger::events::column;

use super::payload::Payload;
use super::popular;
use super::request::Request;
use crate::event_columns::EventColumns;
use effects::host::Class;

/// Whether events of a kind are about questions to the DNS: `dns.query`, and what sources call it besides; exit nodes tell of them
/// among flows.
pub fn is_kind(kind: &str) -> bool {
    kind == "egress.dns" || kind.strip_prefix("dns").is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// Ends of names that only a network's own servers answer: whatever stands before them reaches no stranger.
const PRIVATE: [&str; 12] = [
    ".arpa",
    ".cluster.local",
    ".consul",
    ".corp",
    ".home",
    ".internal",
    ".intranet",
    ".invalid",
    ".lan",
    ".local",
    ".localdomain",
    ".localhost",
];

/// Domains whose names carry data for their owners, whom nobody else can be.
const INFRASTRUCTURE: [&str; 44] = [
    "akadns.net",
    "akahost.net",
    "akamai.net",
    "akamaiedge.net",
    "akamaihd.net",
    "akamaized.net",
    "amazonaws.com",
    "apple-dns.net",
    "aspnetcdn.com",
    "azure-dns.com",
    "azure.com",
    "azure.net",
    "azureedge.net",
    "azurefd.net",
    "barracudacentral.org",
    "b-cdn.net",
    "cdn77.org",
    "cloudapp.net",
    "cloudfront.net",
    "cymru.com",
    "edgecastcdn.net",
    "edgekey.net",
    "edgesuite.net",
    "fastly.net",
    "fastlylb.net",
    "footprint.net",
    "googleapis.com",
    "googleusercontent.com",
    "googlevideo.com",
    "gstatic.com",
    "gvt1.com",
    "gvt2.com",
    "kxcdn.com",
    "llnwd.net",
    "mcafee.com",
    "msedge.net",
    "sophosxl.net",
    "spamcop.net",
    "spamhaus.org",
    "surbl.org",
    "trafficmanager.net",
    "uribl.com",
    "windows.net",
    "windowsupdate.com",
];

/// One question. Every text is attacker-written.
#[derive(Debug, Clone, Copy)]
pub struct Lookup<'a> {
    /// The name that is asked for.
    pub name: &'a str,
    /// Its registrable domain, as far as it is known.
    pub domain: &'a str,
    /// The type of record, in capitals as it is written; empty if the source does not say.
    pub record: &'a str,
    /// What the labels before the domain carry.
    pub payload: Payload,
}

impl<'a> Lookup<'a> {
    /// Reads the question that an event is about; `None` for other kinds. Who has the event asks it instead.
    pub fn read(columns: &EventColumns<'a>) -> Option<Self> {
        if !is_kind(columns.kind()) {
            return None;
        }
        let texts = [column::ACTION, column::METHOD, column::TARGET].map(|column| columns.text(column).unwrap_or(""));
        let words = || texts.into_iter().flat_map(str::split_ascii_whitespace);
        let record = words().find(|word| is_record(word)).unwrap_or("");
        let name = columns.text(column::HOST).or_else(|| words().find(|word| word.contains('.')))?;
        Self::of(name, columns.text(column::DOMAIN), record)
    }

    /// The question that a request to a resolver over HTTPS asks in its address, as far as it is written in letters.
    pub fn over_https(request: &Request<'a>) -> Option<Self> {
        if request.class() != Class::Resolver {
            return None;
        }
        let value = |wanted: &str| {
            let mut pairs = request.path.split_once('?')?.1.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find_map(|(name, value)| (name == wanted).then_some(value))
        };
        Self::of(value("name")?, None, value("type").filter(|record| is_record(record)).unwrap_or(""))
    }

    /// The question that whoever resolves the host of a request asks, if its labels may carry something.
    pub fn of_host(request: &Request<'a>) -> Option<Self> {
        if request.host.len() < request.domain.len() + LABEL_BYTES_MIN {
            return None;
        }
        Self::of(request.host, Some(request.domain), "")
    }

    fn of(name: &'a str, domain: Option<&'a str>, record: &'a str) -> Option<Self> {
        let name = name.trim_end_matches('.');
        let domain = domain.filter(|domain| name.ends_with(domain)).unwrap_or_else(|| last_labels(name));
        let payload = Payload::of_labels(name.strip_suffix(domain).unwrap_or(""));
        (!domain.is_empty() && domain.contains('.')).then_some(Self { name, domain, record, payload })
    }

    /// Whether only servers of the network itself answer for the name.
    pub fn is_private(&self) -> bool {
        PRIVATE.iter().any(|ending| self.name.ends_with(ending))
    }

    /// Whether the domain is one of those below which names are made by machines for machines: networks that deliver content,
    /// balancers of clouds, lists of bad names, reputation of files.
    pub fn is_infrastructure(&self) -> bool {
        INFRASTRUCTURE.contains(&last_labels(self.domain))
            || popular::is_popular(self.domain)
            || popular::is_telemetry(self.domain)
    }

    /// What stands before the domain.
    pub fn labels(&self) -> &'a str {
        self.name.strip_suffix(self.domain).unwrap_or("").trim_end_matches('.')
    }

    /// Whether answers of this type carry more than an address.
    pub fn is_wide(&self) -> bool {
        matches!(self.record, "TXT" | "NULL" | "KEY" | "PRIVATE" | "txt" | "null" | "key" | "16" | "10" | "25")
    }
}

/// Shorter labels are names.
const LABEL_BYTES_MIN: usize = 12;

/// The last two labels, where nobody knows which suffixes are public.
fn last_labels(name: &str) -> &str {
    name.rmatch_indices('.').nth(1).map_or(name, |(at, _)| &name[at + 1..])
}

fn is_record(word: &str) -> bool {
    const RECORDS: [&str; 17] = [
        "A", "AAAA", "ANY", "CAA", "CNAME", "DNSKEY", "HTTPS", "KEY", "MX", "NAPTR", "NS", "NULL", "PRIVATE", "PTR",
        "SOA", "SRV", "TXT",
    ];
    RECORDS.iter().any(|record| record.eq_ignore_ascii_case(word)) || matches!(word, "10" | "16" | "25")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures;

    fn check(mut event: Value, expected: Option<(&str, &str, &str, bool)>) {
        event["second"] = json!(0);
        let rows = fixtures::rows(std::slice::from_ref(&event));
        let row = rows.get(0).unwrap();
        let found = Lookup::read(&EventColumns::new(&row));
        let found = found.map(|lookup| (lookup.labels(), lookup.domain, lookup.record, lookup.is_private()));
        assert_eq!(found, expected, "{event}");
    }

    #[test]
    fn questions_are_read_however_a_source_tells_them() {
        let host =
            json!({"kind": "dns.query", "host": "a.b.acme.co.example", "domain": "acme.co.example", "action": "TXT"});
        check(host, Some(("a.b", "acme.co.example", "TXT", false)));
        check(json!({"kind": "dns", "target": "dns a.acme.example"}), Some(("a", "acme.example", "", false)));
        check(
            json!({"kind": "dns.query", "host": "x.default.svc.cluster.local."}),
            Some(("x.default.svc", "cluster.local", "", true)),
        );
        check(json!({"kind": "dns.query", "host": "localhost"}), None);
        check(
            json!({"kind": "egress.dns", "target": "a.acme.example", "host": "a.acme.example", "action": "disconnected"}),
            Some(("a", "acme.example", "", false)),
        );
        check(json!({"kind": "egress.flow", "host": "a.acme.example"}), None);
        check(json!({"kind": "dnsx", "host": "a.acme.example"}), None);
        check(json!({"kind": "egress.http", "host": "a.acme.example"}), None);
    }

    #[test]
    fn questions_over_https_are_read_from_the_address() {
        let event = json!({"second": 0, "kind": "egress.http", "host": "dns.google", "domain": "dns.google", "method": "GET",
            "path": "/resolve?name=mfrggzdfmztwq2lk.acme.example&type=TXT"});
        let rows = fixtures::rows(&[event]);
        let row = rows.get(0).unwrap();
        let request = Request::read(&EventColumns::new(&row)).unwrap();
        let lookup = Lookup::over_https(&request).unwrap();
        assert_eq!((lookup.domain, lookup.is_wide(), lookup.payload.bytes), ("acme.example", true, 16));
    }
}
