//! One tunnel through the DNS: how bad it is and how it is put.

use detect_core::egress::known::Watched;
use detect_core::egress::secret::SecretRead;
use detect_core::limits::{EPISODES_PER_SCOPE_MAX, REACH_FEW};
use detect_core::text::{bytes, counted, duration, sentences};
use ledger::Position;
use operations::alert::{Alert, Measurement, Severity, Unit};
use serde::{Deserialize, Serialize};

use super::labels::Seen;

/// Fewer agents than this cannot tell what is rare.
const FLEET_MIN: u64 = 3;

/// What is known about a tunnel.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tunnel {
    /// The word for whose it is: `workspace`, `session`, ….
    pub scope_kind: String,
    /// The domain.
    pub domain: String,
    /// Stands for all further domains of the agent.
    pub many: bool,
    /// The latest numbers.
    pub seen: Seen,
    /// How many other agents asked for the domain.
    pub others: u32,
    /// Against what that was judged.
    pub watched: Watched,
    /// A secret that the agent read before.
    pub secret: Option<SecretRead>,
}

impl Tunnel {
    /// Notes how far it has come; the first secret stays.
    pub fn note(&mut self, seen: Seen, secret: Option<SecretRead>) {
        self.seen = seen;
        self.secret = self.secret.or(secret);
    }

    fn observed(&self) -> String {
        let Seen { names, longest, seconds, wide, .. } = self.seen;
        let span = match seconds {
            ..=0 => String::new(),
            seconds => format!(" in {}", duration(seconds * 1_000_000)),
        };
        let records = match wide {
            0 => String::new(),
            wide => format!(" For {wide} of them a record was asked whose answer carries text."),
        };
        let domain = if self.many { "many domains" } else { &self.domain };
        format!(
            "{} below {domain} {} asked for{span} whose labels look like data, up to {longest} characters long.{records}",
            counted(u64::from(names), "different name"),
            if names == 1 { "was" } else { "were" },
        )
    }

    fn size(&self) -> String {
        let Seen { bytes: sum, text, others, .. } = self.seen;
        let decoded = match text {
            0 => String::new(),
            text => format!("; {} are a text once they are decoded", bytes(text)),
        };
        let others = match others {
            0 => "nothing else was asked for there".to_owned(),
            others => format!("{} there carried nothing new", counted(u64::from(others), "other question")),
        };
        format!("Together the labels are {}{decoded}; {others}.", bytes(sum))
    }

    fn baseline(&self) -> String {
        let rare = match self.others {
            REACH_FEW.. => {
                format!(
                    "At least {REACH_FEW} other {}s ask for that domain, but four times the usual bound is passed.",
                    self.scope_kind
                )
            }
            others => self.watched.sentence(&self.scope_kind, others),
        };
        let small = if self.watched.agents < FLEET_MIN { " So small a fleet cannot tell what is rare." } else { "" };
        format!("{rare}{small}")
    }
}

impl detect_core::episode::Case for Tunnel {
    fn severity(&self, _: &Alert) -> Severity {
        match (self.secret.is_some(), self.seen.text > 0) {
            (true, _) => Severity::Critical,
            (false, false) if self.watched.agents < FLEET_MIN || self.others >= REACH_FEW => Severity::Medium,
            _ => Severity::High,
        }
    }

    fn title(&self, _: &Alert) -> String {
        if self.many {
            "Data in names of many domains".to_owned()
        } else {
            format!("Data in names below {}", self.domain)
        }
    }

    fn reason(&self, _: &Alert) -> String {
        let secret = self.secret.map_or_else(String::new, |secret| secret.sentence(&self.scope_kind));
        let verdict = if self.many {
            format!("It has so many such domains that those beyond {EPISODES_PER_SCOPE_MAX} share this alert.")
        } else {
            "Whoever owns the domain reads every name that is asked for below it. Look at the first names and at which program asks. \
             A service that gives each build or customer a name of its own looks the same; if it is one, trust its domain."
                .to_owned()
        };
        sentences(&[self.observed(), self.size(), self.baseline(), secret, verdict])
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        Some(
            Measurement::new("data in labels", Unit::Bytes, self.seen.bytes)
                .within(self.seen.seconds)
                .known_from(self.seen.names),
        )
    }

    fn cause(&self) -> Option<Position> {
        self.secret.map(|secret| secret.position())
    }
}
