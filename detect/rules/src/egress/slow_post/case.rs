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

/// So much is far more than usual, whatever is usual,
const HUGE_BYTES: u64 = 1_000_000;
/// and so many times the size below which nearly all writes of the team lie.
const HUGE_FACTOR: u64 = 16;
/// Fewer bytes than this are what any program reports.
const SMALL_BYTES: u64 = 4_096;
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
    /// Whose place it is, on a service where anybody has one; empty for others.
    pub place: String,
    /// About how many places it went to together; one if this is about one.
    pub places: u32,
    /// The numbers of the latest trickle.
    pub seen: Seen,
    /// How many writes of the team are known, and below which size 99 of 100 of them lie.
    pub usual: Option<(u32, u64)>,
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
    pub fn note(&mut self, seen: Seen, places: u32, secret: Option<SecretRead>) {
        (self.seen, self.places) = (seen, places);
        if self.secret.is_none() {
            self.secret = secret;
        }
    }

    /// Where it goes, as a sentence has it.
    fn destination<'a>(&'a self, alert: &'a Alert) -> &'a str {
        let what = &alert.what;
        let named = what.domain.as_deref().or(what.host.as_deref());
        if self.place.is_empty() { named.unwrap_or("one of many rare domains") } else { &self.place }
    }

    fn observed(&self, alert: &Alert) -> String {
        let Seen { writes, addresses, stretches, seconds, .. } = self.seen;
        let requests = match (writes, addresses) {
            (writes, 0) => counted(u64::from(writes), "write"),
            (0, addresses) => format!("{} with data in the address", counted(u64::from(addresses), "request")),
            (writes, addresses) => {
                let addresses = counted(u64::from(addresses), "request");
                format!("{} and {addresses} with data in the address", counted(u64::from(writes), "write"))
            }
        };
        let to = match self.places {
            0 | 1 => self.destination(alert).to_owned(),
            places => format!("about {places} rare places"),
        };
        let over = match (stretches, seconds) {
            (_, ..=0) => String::new(),
            (1, _) => format!(" over {}", duration(seconds * 1_000_000)),
            _ => format!(
                " over {}, in {stretches} separate stretches of {}",
                duration(seconds * 1_000_000),
                duration(i64::from(self.stretch_seconds) * 1_000_000),
            ),
        };
        format!("{requests} to {to} went out{over}.")
    }

    fn size(&self) -> String {
        let Seen { writes, sized, largest, reads, text, .. } = self.seen;
        let read = match reads {
            _ if self.places > 1 => String::new(),
            0 => "; nothing else was asked for there".to_owned(),
            reads => format!("; {} carried nothing", counted(u64::from(reads), "other request")),
        };
        let decoded = match text {
            0 => String::new(),
            text => format!(" In the addresses {} are a text once they are decoded.", bytes(text)),
        };
        if sized == 0 && writes > 0 {
            let least = match self.seen.bytes {
                0 => String::new(),
                least => format!(" (at least {} in addresses)", bytes(least)),
            };
            return format!("The source tells no sizes{least}{read}.{decoded}");
        }
        let unknown = match writes.saturating_sub(sized) {
            0 => String::new(),
            others => format!(" ({others} of unknown size)"),
        };
        let (sum, one) = (bytes(self.seen.bytes), bytes(largest));
        let sizes = if writes + self.seen.addresses == 1 {
            format!("It carried {sum}{unknown}")
        } else {
            format!("Together they are {sum}{unknown}, at most {one} each")
        };
        format!("{sizes}{read}.{decoded}")
    }

    /// How much is usual, where the sizes are known.
    fn measure(&self) -> String {
        match self.usual {
            _ if self.seen.sized == 0 => String::new(),
            Some((writes, size)) => format!(
                "Of {writes} other writes of this team whose size is known, 99 of 100 are below {}.",
                bytes(size)
            ),
            None => String::new(),
        }
    }

    /// Whether it is far more than what the team usually sends at once.
    fn is_huge(&self) -> bool {
        self.seen.bytes >= self.usual.map_or(HUGE_BYTES, |(_, size)| (size * HUGE_FACTOR).max(HUGE_BYTES))
    }

    /// Whether it went out in one go, as an artifact does, too.
    fn is_one_upload(&self) -> bool {
        self.places <= 1 && self.seen.stretches <= 2 && self.seen.text == 0
    }

    /// Whether it is so little that only what it is matters.
    fn is_small(&self) -> bool {
        let Seen { writes, addresses, sized, bytes, text, .. } = self.seen;
        sized == writes && addresses == 0 && text == 0 && bytes < SMALL_BYTES
    }

    fn baseline(&self) -> String {
        let rare = match (self.places, self.place.as_str()) {
            (2.., _) => "Hardly any other agent sends anything to any of them.".to_owned(),
            (_, "") => self.watched.sentence(&self.scope_kind, self.others),
            (_, _) => format!(
                "Anybody has a place of his own on that service; nobody else of the team wrote to this one or fetched from it, \
                 and this {} did not long before.",
                self.scope_kind
            ),
        };
        let small = if self.watched.agents < FLEET_MIN { " So small a fleet cannot tell what is rare." } else { "" };
        format!("{rare}{small}")
    }

    fn verdict(&self) -> String {
        if self.many {
            return format!("It has so many such domains that those beyond {EPISODES_PER_SCOPE_MAX} share this alert.");
        }
        let first = match (self.places, self.seen.stretches) {
            (2.., _) => {
                "Look at what was sent to the first of them. A little for each of many stays below every limit on one."
            }
            (_, 0..=2) => {
                "Look at what was sent: so much at once to a place that nobody else uses is how a repository leaves."
            }
            _ => {
                "Small amounts spread over time stay below every limit on volume: that is what slow exfiltration looks like."
            }
        };
        format!("{first} A service of your own that only this agent reports to looks the same; if it is one, trust it.")
    }
}

impl detect_core::episode::Case for Slow {
    fn severity(&self, _: &Alert) -> Severity {
        let known_fleet = self.watched.agents >= FLEET_MIN;
        let reads = self.seen.reads > (self.seen.writes + self.seen.addresses) / 3;
        match (self.class.is_risky() || self.class == Class::Address, self.secret.is_some()) {
            (true, _) | (_, true) if known_fleet => Severity::Critical,
            (false, false) if self.is_huge() => Severity::High,
            (false, false) if !known_fleet || self.is_small() || reads || self.is_one_upload() => Severity::Medium,
            _ => Severity::High,
        }
    }

    fn title(&self, alert: &Alert) -> String {
        let what = &alert.what;
        match (self.places, self.seen.stretches) {
            _ if self.many => "Slow trickles of data to many rare domains".to_owned(),
            (2.., _) => format!("Data to about {} rare places", self.places),
            _ if self.place.is_empty() && what.domain.is_none() && what.host.is_none() => {
                "Data to a rare domain".to_owned()
            }
            (_, 0..=2) => format!("Upload to {}", self.destination(alert)),
            _ => format!("Slow trickle of data to {}", self.destination(alert)),
        }
    }

    fn reason(&self, alert: &Alert) -> String {
        let secret = self.secret.map(|secret| secret.sentence(&self.scope_kind));
        sentences(&[
            self.observed(alert),
            self.size(),
            self.measure(),
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
