//! One trickle of data: how bad it is and how it is put.

use detect_core::egress::known::Watched;
use detect_core::egress::secret::SecretRead;
use detect_core::limits::EPISODES_PER_SCOPE_MAX;
use detect_core::text::{bytes, counted, duration, sentences};
use effects::host::Class;
use ledger::Position;
use operations::alert::{Alert, Measurement, Severity, Unit};
use serde::{Deserialize, Serialize};

use super::trickle::Seen;

/// Fewer agents than this cannot tell what is rare.
const FLEET_MIN: u64 = 3;

/// What is known about a trickle.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Slow {
    /// The word for whose it is: `workspace`, `session`, ….
    pub scope_kind: String,
    /// The kind of destination.
    pub class: Class,
    /// Stands for all further destinations of the agent.
    pub many: bool,
    /// The numbers of the latest trickle.
    pub seen: Seen,
    /// How long a stretch is.
    pub stretch_seconds: u32,
    /// How many other agents asked for the domain.
    pub others: u32,
    /// Against what that was judged.
    pub watched: Watched,
    /// A secret that the agent read before.
    pub secret: Option<SecretRead>,
}

impl Slow {
    /// Notes how far it has come; the first secret stays.
    pub fn note(&mut self, seen: Seen, secret: Option<SecretRead>) {
        self.seen = seen;
        if self.secret.is_none() {
            self.secret = secret;
        }
    }

    fn observed(&self, alert: &Alert) -> String {
        let Seen { writes, queries, stretches, seconds, .. } = self.seen;
        let domain = alert.what.domain.as_deref().or(alert.what.host.as_deref()).unwrap_or("one of many rare domains");
        let requests = match (writes, queries) {
            (writes, 0) => counted(u64::from(writes), "write"),
            (0, queries) => format!("{} with long queries", counted(u64::from(queries), "request")),
            (writes, queries) => {
                let queries = counted(u64::from(queries), "request");
                format!("{} and {queries} with long queries", counted(u64::from(writes), "write"))
            }
        };
        format!(
            "{requests} to {domain} went out over {}, in {stretches} separate stretches of {}.",
            duration(seconds * 1_000_000),
            duration(i64::from(self.stretch_seconds) * 1_000_000),
        )
    }

    fn size(&self) -> String {
        let Seen { writes, queries, sized, largest, reads, .. } = self.seen;
        let read = match reads {
            0 => "nothing else was asked for there".to_owned(),
            reads => format!("{} carried nothing", counted(u64::from(reads), "other request")),
        };
        if sized == 0 {
            let least = match self.seen.bytes {
                0 => String::new(),
                least => format!(" (at least {} in queries)", bytes(least)),
            };
            return format!("The source tells no sizes{least}; {read}.");
        }
        let unknown = match (writes.saturating_add(queries)).saturating_sub(sized) {
            0 => String::new(),
            others => format!(" ({others} of unknown size)"),
        };
        format!("Together they are {}{unknown}, at most {} each; {read}.", bytes(self.seen.bytes), bytes(largest))
    }

    fn baseline(&self) -> String {
        let rare = self.watched.sentence(&self.scope_kind, self.others);
        let small = if self.watched.agents < FLEET_MIN { " So small a fleet cannot tell what is rare." } else { "" };
        format!("{rare}{small}")
    }

    fn verdict(&self) -> String {
        if self.many {
            return format!("It has so many such domains that those beyond {EPISODES_PER_SCOPE_MAX} share this alert.");
        }
        "Small amounts spread over time stay below every limit on volume: that is what slow exfiltration looks like. A \
         service of your own that only this agent reports to looks the same; if it is one, trust its domain."
            .to_owned()
    }
}

impl detect_core::episode::Case for Slow {
    fn severity(&self, _: &Alert) -> Severity {
        let known_fleet = self.watched.agents >= FLEET_MIN;
        match (self.class.is_risky() || self.class == Class::Address, self.secret.is_some()) {
            (true, _) | (_, true) if known_fleet => Severity::Critical,
            (false, false) if !known_fleet => Severity::Medium,
            _ => Severity::High,
        }
    }

    fn title(&self, alert: &Alert) -> String {
        match alert.what.domain.as_deref().or(alert.what.host.as_deref()) {
            Some(domain) => format!("Slow trickle of data to {domain}"),
            None => "Slow trickles of data to many rare domains".to_owned(),
        }
    }

    fn reason(&self, alert: &Alert) -> String {
        let secret = self.secret.map(|secret| secret.sentence(&self.scope_kind));
        sentences(&[
            self.observed(alert),
            self.size(),
            self.class.sentence(),
            self.baseline(),
            secret.unwrap_or_default(),
            self.verdict(),
        ])
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        Some(
            Measurement::new("data sent", Unit::Bytes, self.seen.bytes)
                .within(self.seen.seconds)
                .known_from(self.seen.sized),
        )
    }

    fn cause(&self) -> Option<Position> {
        self.secret.map(|secret| secret.position())
    }
}
