//! One event of the measurement, before it becomes a row.

use ledger::Entry;
use ledger::events::column;

/// 2026-10-05T00:00:00Z, a Monday.
pub const START: i64 = 1_791_158_400;

/// One event.
#[derive(Debug, Clone)]
pub struct Event {
    pub second: i64,
    pub agent: u64,
    pub method: &'static str,
    pub host: String,
    pub domain: String,
    pub path: String,
    pub bytes_out: Option<u64>,
    pub refused: bool,
    /// Number of the attack that it belongs to, and of its step.
    pub attack: Option<(usize, usize)>,
}

/// The word by which a question to the DNS is told from requests: its method is a type of record.
const RECORDS: [&str; 3] = ["A", "TXT", "AAAA"];

/// A request whose domain are the last two labels of its host.
pub fn request(second: i64, agent: u64, method: &'static str, host: &str, path: &str, bytes_out: u64) -> Event {
    let domain = match host.rmatch_indices('.').nth(1) {
        // The suffix list knows these as places of their own.
        _ if host.contains(".s3.") || host.ends_with("windows.net") || host.ends_with(".workers.dev") => host,
        Some((at, _)) => &host[at + 1..],
        None => host,
    };
    let told = tells_sizes(agent).then_some(bytes_out);
    Event {
        second,
        agent,
        method,
        host: host.to_owned(),
        domain: domain.to_owned(),
        path: path.to_owned(),
        bytes_out: told,
        refused: false,
        attack: None,
    }
}

/// Whether the source of an agent's requests tells how much was sent.
pub fn tells_sizes(agent: u64) -> bool {
    agent % 5 < 3
}

/// The team of an agent.
pub fn team(agent: u64) -> u64 {
    agent % 6
}

/// What a false alert is about, without numbers.
pub fn kind_of(about: &str) -> String {
    let mut kind: String = about.chars().map(|char| if char.is_ascii_digit() { '#' } else { char }).collect();
    while kind.contains("##") {
        kind = kind.replace("##", "#");
    }
    kind.truncate(kind.floor_char_boundary(48));
    kind
}

impl Event {
    /// Its row.
    pub fn entry(&self) -> Entry {
        let mut entry = Entry::new();
        let is_lookup = RECORDS.contains(&self.method);
        for (column, text) in [
            (column::KIND, if is_lookup { "dns.query" } else { "egress.http" }),
            (column::TRUST, "control_plane"),
            (column::TOKEN, "tok"),
            (column::OUTCOME, if self.refused { "deny" } else { "allow" }),
            (if is_lookup { column::ACTION } else { column::METHOD }, self.method),
            (column::HOST, &self.host),
            (column::DOMAIN, &self.domain),
            (column::TEAM, &format!("team-{}", team(self.agent))),
            (column::WORKSPACE, &format!("w{}", self.agent)),
        ] {
            entry.set_text(column, text);
        }
        if !is_lookup {
            entry.set_text(column::PATH, &self.path);
        }
        if let Some(bytes) = self.bytes_out.filter(|_| !is_lookup) {
            entry.set_integer(column::BYTES_OUT, bytes as i64);
        }
        entry
    }
}
