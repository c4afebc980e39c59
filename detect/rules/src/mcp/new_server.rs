//! `mcp.new_server`: an agent has or calls an MCP server that nobody of its team used before.

mod examples;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::egress::names::Names;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::second::Second;
use detect_core::spec::Spec;
use detect_core::table::Table;
use detect_core::text::{bounded, duration, sentences, times};
use detect_core::{detector_state, packed, parameters};
use effects::host::{self, Class};
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, Unit, What};
use serde::{Deserialize, Serialize};

use crate::limits::MCP_SERVERS_MAX;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "mcp.new_server",
    version: 1,
    what: "A call of an MCP server's tool, or a server in the inventory of an agent, that no agent of the team had before. Names are compared \
           as agents write them, addresses by their host. One alert for each server and workspace.",
    why: "Whoever runs an MCP server tells the agent in its own words what its tools are for, sees what it asks, and may answer with \
          instructions.",
    false_positives: "Servers that a team takes up on purpose: once it has one, no further session is told.",
    tuning: "learning_hours: how long the servers of a team are only learnt. trusted_servers: names and hosts of your own servers. \
             quiet_seconds: how long an alert stays open.",
    tags: &["AML.T0010", "AML.T0110", "T1195", "ASI04"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."mcp.new_server"]`.
    pub struct Parameters {
        /// Hours after a team, or the fleet, was first seen in which its servers are only learnt.
        learning_hours: u32 = 24, in 0..=2_160;
        /// Names and hosts of servers that are never new.
        trusted_servers: Names = Names::default();
        /// An alert is resolved after this many seconds without another call of the server.
        quiet_seconds: u32 = 3_600, in 1..=604_800;
    }
    check(parameters) {
        parameters.trusted_servers.check("trusted_servers")
    }
}

/// The detector.
pub struct NewServer {
    parameters: Parameters,
    key: Key,
    /// When each server was seen first: of each team, of the whole fleet, and the first one of each team.
    known: Table<Seen>,
    episodes: Episodes<Newcomer>,
}

detector_state!(NewServer { known, episodes } without { parameters, key });

impl Rule for NewServer {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            parameters: parameters.clone(),
            key,
            known: Table::new(MCP_SERVERS_MAX),
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        }
    }
}

/// When something was recorded first; zero if it never was.
#[derive(Debug, Default)]
struct Seen {
    first: Second,
}

packed!(Seen { first });

impl Detector for NewServer {
    fn looks_at(&self) -> Aspects {
        Aspects::MCP
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(text) = event.text(column::MCP_SERVER) else { return };
        let is_installed = match event.kind() {
            "inventory" => true,
            "tool.call" | "tool.result" => false,
            _ => return,
        };
        let server = Server::of(text);
        let trusted = &self.parameters.trusted_servers;
        if server.name.is_empty()
            || server.class == Class::Local
            || trusted.has(&server.name)
            || trusted.has(&text.to_ascii_lowercase())
        {
            return;
        }
        // What another team uses is still new to this one: so no stranger makes a server known to all.
        let name = self.key.hash(&["mcp", &server.name]);
        let since = self.note(Key::join(event.team(), self.key.hash(&["mcp team"])), event, findings).1;
        let (is_new, _) = self.note(Key::join(event.team(), name), event, findings);
        let (is_new_to_fleet, _) = self.note(name, event, findings);
        // A team that never had a server has been watched for as long as the fleet.
        let watched = event.watched().seconds.max(event.recorded_second() - since.get());
        let subject = Subject { scope: Scope::network(event), target: &server.name };
        let is_told = is_new && watched >= i64::from(self.parameters.learning_hours) * 3_600;
        if !is_told && !self.episodes.is_open(subject) {
            return;
        }
        let open = |many| {
            let name = if many { "many servers".to_owned() } else { bounded(&server.name) };
            let case = Newcomer {
                name,
                class: server.class,
                reach: server.reach,
                is_new_to_fleet,
                is_called: !is_installed,
                watched,
            };
            let what = What {
                host: Some(bounded(&server.name)).filter(|_| server.reach != Reach::Name && !many),
                tool: event.text(column::TOOL).map(bounded),
                ..What::default()
            };
            Opening { case, who: scope::who(event), what, before: Before::default() }
        };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.is_called |= !is_installed);
    }
}

impl NewServer {
    /// Notes that something is seen: whether for the first time, and when that was. What is learnt goes by recorded time.
    fn note(&mut self, key: u64, event: &EventRow<'_>, findings: &mut Findings) -> (bool, Second) {
        let seen = self.known.entry(key, event, findings);
        let is_new = seen.first == Second::default();
        if is_new {
            seen.first = Second::new(event.recorded_second());
        }
        (is_new, seen.first)
    }
}

/// A server as it is compared.
struct Server {
    /// Its name, or the host of its address.
    name: String,
    class: Class,
    reach: Reach,
}

/// How a server is reached, as far as its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Reach {
    /// It has a name only.
    Name,
    /// By an address.
    Address,
    /// By one that whoever stands between reads and writes.
    Plain,
}

impl Server {
    fn of(text: &str) -> Self {
        let text = text.trim().to_ascii_lowercase();
        let Some((scheme, rest)) = text.split_once("://") else {
            return Self { name: text, class: Class::Ordinary, reach: Reach::Name };
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
        let host = authority.rsplit('@').next().unwrap_or(authority);
        // An address of IPv6 has colons of its own.
        let end = host.find(']').map_or_else(|| host.find(':').unwrap_or(host.len()), |end| end + 1);
        let name = host.get(..end).unwrap_or(host).to_owned();
        let class = host::of(name.trim_matches(['[', ']']), "");
        let reach = if matches!(scheme, "http" | "ws") { Reach::Plain } else { Reach::Address };
        Self { name, class, reach }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Newcomer {
    name: String,
    class: Class,
    reach: Reach,
    is_new_to_fleet: bool,
    is_called: bool,
    /// For how many seconds the team or the fleet was watched.
    watched: i64,
}

impl Case for Newcomer {
    fn severity(&self, _: &Alert) -> Severity {
        // A name has the class of an ordinary host and no address.
        let is_strange = self.class.is_risky()
            || self.class == Class::Address
            || (self.reach == Reach::Plain && self.class == Class::Ordinary);
        match (self.is_new_to_fleet, self.is_called) {
            (true, true) if is_strange => Severity::Medium,
            (true, _) => Severity::Low,
            (false, _) => Severity::Info,
        }
    }

    fn title(&self, _: &Alert) -> String {
        format!("A new MCP server: {}", self.name)
    }

    fn reason(&self, alert: &Alert) -> String {
        let name = &self.name;
        let seen = if self.is_called { "calls" } else { "has" };
        let known = if self.is_new_to_fleet { "no agent of the fleet" } else { "no agent of the team" };
        let plain = if self.reach == Reach::Plain && self.class == Class::Ordinary {
            "Its address is not encrypted: whoever stands between reads and changes what it says.".to_owned()
        } else {
            String::new()
        };
        sentences(&[
            format!(
                "An agent {seen} the MCP server {name} ({}), which {known} had before, in {} that were watched.",
                times(alert.count),
                duration(self.watched.saturating_mul(1_000_000))
            ),
            self.class.sentence(),
            plain,
            "Look who runs it and what its tools are given. If it is yours, trust it by name (`trusted_servers`)."
                .to_owned(),
        ])
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        Some(Measurement::new("time that was watched", Unit::Seconds, self.watched))
    }

    fn stage(&self) -> u8 {
        self.is_called.into()
    }

    fn kind(&self) -> &'static str {
        if self.is_called { "called" } else { "installed" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_known_by_their_host() {
        let check = |text: &str, name: &str, class: Class| {
            let server = Server::of(text);
            assert_eq!((server.name.as_str(), server.class), (name, class), "{text}");
        };
        check(" GitHub ", "github", Class::Ordinary);
        check("https://user@MCP.acme.example:8443/sse?x=1", "mcp.acme.example", Class::Ordinary);
        check("http://127.0.0.1:3000/mcp", "127.0.0.1", Class::Local);
        check("http://[::1]:3000/mcp", "[::1]", Class::Local);
        check("http://203.0.113.9/mcp", "203.0.113.9", Class::Address);
        check("", "", Class::Ordinary);
        check("https://", "", host::of("", ""));
        let reach = |text: &str| Server::of(text).reach;
        assert_eq!(
            ["http://mcp.acme.example", "https://mcp.acme.example", "mcp"].map(reach),
            [Reach::Plain, Reach::Address, Reach::Name]
        );
    }
}
