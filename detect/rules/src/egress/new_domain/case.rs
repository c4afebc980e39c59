//! One new destination, or the new ordinary destinations of one agent: how bad it is and how it is put.

use detect_core::egress::known::Watched;
use detect_core::egress::request::{Carried, Request};
use detect_core::egress::secret::SecretRead;
use detect_core::episode::{Case, span};
use detect_core::limits::{EPISODES_PER_SCOPE_MAX, REACH_FEW};
use detect_core::text::{bounded, bytes, counted, duration, sentences, times};
use effects::host::Class;
use ledger::Position;
use operations::alert::{Alert, Measurement, Severity, Unit};
use serde::{Deserialize, Serialize};

use crate::limits::NAMES_IN_TEXT;

/// So many bytes for a new place are more than any program says of itself.
const MUCH_BYTES: u64 = 1_000_000;

/// Whether the method of the alert's request writes.
fn is_write(alert: &Alert) -> bool {
    !alert
        .what
        .method
        .as_deref()
        .is_some_and(|method| method.eq_ignore_ascii_case("GET") || method.eq_ignore_ascii_case("HEAD"))
}

/// What is known about a new destination when its episode opens.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Newcomer {
    scope_kind: String,
    class: Class,
    /// Whether it carries data out.
    write: bool,
    /// Whose place it is, on a service where anybody has one; empty for others.
    pub place: String,
    /// Bytes that were sent, as far as they are known,
    bytes: u64,
    /// requests whose size is not,
    unsized_requests: u32,
    /// and bytes in addresses that are a text once decoded.
    text: u64,
    /// A secret that the agent read before.
    secret: Option<SecretRead>,
    /// Stands for all further domains of the agent.
    many: bool,
    others: u32,
    watched: Watched,
    /// The first of the domains.
    names: Vec<String>,
}

impl Newcomer {
    /// A destination of which only these `others` know.
    pub fn new(scope_kind: &str, class: Class, write: bool, many: bool, others: u32, watched: Watched) -> Self {
        let scope_kind = scope_kind.to_owned();
        Self {
            scope_kind,
            class,
            write,
            place: String::new(),
            bytes: 0,
            unsized_requests: 0,
            text: 0,
            secret: None,
            many,
            others,
            watched,
            names: Vec::new(),
        }
    }

    /// Notes a name for the sentence, and what a request carries there. The first secret stays.
    pub fn note(&mut self, name: &str, request: &Request<'_>, secret: Option<SecretRead>) {
        let Carried { bytes, is_known } = request.carried();
        self.bytes = self.bytes.saturating_add(bytes);
        self.unsized_requests = self.unsized_requests.saturating_add(u32::from(!is_known));
        self.text = self.text.saturating_add(request.payload().text.into());
        self.secret = self.secret.or(secret);
        if self.names.len() < NAMES_IN_TEXT && !self.names.iter().any(|known| *known == bounded(name)) {
            self.names.push(bounded(name));
        }
    }

    fn is_group(&self) -> bool {
        self.many || (self.class == Class::Ordinary && !self.write)
    }

    fn observed(&self, alert: &Alert) -> String {
        let Self { scope_kind, names, .. } = self;
        let names = names.join(", ");
        if self.many {
            return format!(
                "Beyond {EPISODES_PER_SCOPE_MAX} new domains that have alerts of their own, this {scope_kind} asked {} for \
                 further ones, such as {names}.",
                times(alert.count)
            );
        }
        if self.is_group() {
            return match alert.count {
                1 => format!("This {scope_kind} read from {names}, which is new."),
                count => format!("This {scope_kind} read from {count} domains that are new, such as {names}."),
            };
        }
        let method = alert.what.method.as_deref().unwrap_or("A request");
        let span = match alert.count {
            1 => String::new(),
            _ => format!(" in {}", duration(span(alert))),
        };
        format!("{method} to {names} went out {}{span}.{}", times(alert.count), self.size())
    }

    /// How much went there, where data did.
    fn size(&self) -> String {
        let text = match self.text {
            0 => String::new(),
            text => format!(" In the address {} are a text once they are decoded.", bytes(text)),
        };
        match (self.bytes, self.unsized_requests) {
            _ if !self.write => String::new(),
            (0, _) => " The source does not tell how much was sent.".to_owned(),
            (sum, 0) => format!(" It carried {}.{text}", bytes(sum)),
            (sum, _) => format!(" It carried at least {}; the source does not tell all sizes.{text}", bytes(sum)),
        }
    }

    fn baseline(&self, alert: &Alert) -> String {
        let Self { scope_kind, others, watched, .. } = self;
        let team = match &alert.who.team {
            Some(team) => format!(", nor did anybody of team {team}"),
            None => String::new(),
        };
        let verb = if self.write { "wrote there" } else { "asked for it" };
        let seen = duration(watched.seconds * 1_000_000);
        let fleet = match (watched.agents.saturating_sub(1), *others) {
            (0, _) => format!("no other {scope_kind} is known to compare it with"),
            (fleet, 0) => format!("none of about {fleet} others did in {seen}"),
            (fleet, REACH_FEW..) => format!("{REACH_FEW} or more of about {fleet} others did in {seen}"),
            (fleet, others) => format!("{others} of about {fleet} others did in {seen}"),
        };
        let place = match self.place.as_str() {
            "" => "",
            _ => " Anybody has a place of his own on that service.",
        };
        format!("Before that, this {scope_kind} never {verb}{team}; {fleet}.{place}")
    }

    fn verdict(&self) -> &'static str {
        match (self.class, self.write) {
            _ if self.many => "So many new domains from one agent are research on the web, or a scan.",
            (Class::Metadata, _) => "Agents rarely need it: look at what was asked and whether credentials were used.",
            (Class::FileDrop | Class::Webhook | Class::Tunnel, true) => {
                "That is how data is taken out past an allowlist: treat it as exfiltration until the evidence says otherwise."
            }
            (Class::FileDrop | Class::Webhook | Class::Tunnel, false) => {
                "Instructions and tools are often fetched from such places: look at what came back."
            }
            (Class::Address | Class::PrivateAddress, _) => "Look at whose machine that is.",
            (Class::Resolver, _) => {
                "Agents use the resolver of their workspace; this one is outside of every policy on names."
            }
            (_, true) if !self.place.is_empty() => {
                "Look at whose that is and at what was sent. A new repository, bucket or channel of the team looks the same, once."
            }
            (_, true) => "A new service looks the same as a place for stolen data: look at what was sent.",
            (_, false) => "Reading alone is worth knowing, not worth waking anybody.",
        }
    }
}

impl Case for Newcomer {
    fn severity(&self, _: &Alert) -> Severity {
        match (self.class, self.write) {
            (Class::Metadata, _) | (Class::FileDrop | Class::Webhook | Class::Tunnel | Class::Address, true) => {
                Severity::High
            }
            (Class::Ordinary | Class::Local, false) if !self.many => Severity::Info,
            (Class::PrivateAddress, _) => Severity::Low,
            (_, true) if self.secret.is_some() || self.text > 0 || self.bytes >= MUCH_BYTES => Severity::High,
            _ => Severity::Medium,
        }
    }

    fn title(&self, alert: &Alert) -> String {
        let name = self.names.first().map_or("", String::as_str);
        match (self.is_group(), self.write) {
            (true, _) => format!("Requests for {}", counted(alert.count, "new domain")),
            (false, true) if is_write(alert) => format!("First write to {name}"),
            (false, true) => format!("First data in an address to {name}"),
            (false, false) => format!("First request to {name}"),
        }
    }

    fn reason(&self, alert: &Alert) -> String {
        let class = if self.many { String::new() } else { self.class.sentence() };
        let secret = self.secret.map_or_else(String::new, |secret| secret.sentence(&self.scope_kind));
        sentences(&[self.observed(alert), class, self.baseline(alert), secret, self.verdict().to_owned()])
    }

    fn cause(&self) -> Option<Position> {
        self.secret.map(|secret| secret.position())
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        Some(
            Measurement::new("others that asked for it", Unit::Count, self.others)
                .within(self.watched.seconds)
                .known_from(self.watched.agents),
        )
    }
}
