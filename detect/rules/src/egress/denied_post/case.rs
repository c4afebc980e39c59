//! One episode of refused writes: how bad it is and how it is put.

use detect_core::egress::secret::SecretRead;
use detect_core::episode::{Case, span, span_seconds};
use detect_core::event::EventRow;
use detect_core::limits::{EPISODES_PER_SCOPE_MAX, REACH_FEW};
use detect_core::text::{duration, times};
use ledger::Position;
use operations::alert::{Alert, Measurement, Severity, Unit};
use serde::{Deserialize, Serialize};

/// What is known about the agent and the domain when the episode opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A request of this agent to this domain was allowed before.
    Allowed,
    /// So many agents reach this domain that who they are is not remembered.
    Common,
    /// None of this agent is known to have been allowed.
    NeverAllowed,
    /// It is a place of a stranger on a service where anybody has one.
    Strange,
    /// One of the many further domains of this agent.
    Many,
}

impl Target {
    /// What is known about the agent and the destination of a refused request.
    pub fn of(event: &EventRow<'_>) -> Self {
        let Some(known) = event.known() else { return Self::NeverAllowed };
        let is_strange = || event.known_place().is_some_and(|place| !place.is_own(event.second()));
        let is_risky = || event.request().is_some_and(|request| request.class().is_risky());
        if event.tenancy().is_some() && is_strange() {
            Self::Strange
        } else if known.reached.agent {
            Self::Allowed
        } else if known.reached.others >= REACH_FEW && !is_risky() {
            Self::Common
        } else {
            Self::NeverAllowed
        }
    }
}

/// What is known about the refused writes of one episode.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refusals {
    /// The word for whose they are: `workspace`, `session`, ….
    pub scope_kind: String,
    /// Agent and domain.
    pub target: Target,
    /// A secret that was read before the first refused write, or between two of them.
    pub secret: Option<SecretRead>,
}

impl Case for Refusals {
    fn severity(&self, alert: &Alert) -> Severity {
        if self.secret.is_some() && alert.count >= 2 {
            Severity::Critical
        } else if matches!(self.target, Target::Allowed | Target::Common) {
            Severity::Medium
        } else {
            Severity::High
        }
    }

    fn title(&self, alert: &Alert) -> String {
        let method = alert.what.method.as_deref().unwrap_or("write");
        match self.target {
            Target::Many => "Writes to many domains were refused".to_owned(),
            _ => format!("Refused {method} to {}", destination(alert)),
        }
    }

    /// What was observed, what is usual, what came before, and what it means.
    fn reason(&self, alert: &Alert) -> String {
        let sentences = [self.observed(alert), self.baseline(), self.before(), self.verdict().to_owned()];
        let said: Vec<String> = sentences.into_iter().filter(|sentence| !sentence.is_empty()).collect();
        said.join(" ")
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(Measurement::new("refused writes", Unit::Count, alert.count).within(span_seconds(alert)))
    }

    fn cause(&self) -> Option<Position> {
        self.secret.map(|secret| secret.position())
    }
}

fn destination(alert: &Alert) -> &str {
    let what = &alert.what;
    what.domain.as_deref().or(what.host.as_deref()).unwrap_or("an unnamed destination")
}

impl Refusals {
    /// Notes a secret; the first one stays.
    pub fn note_secret(&mut self, secret: Option<SecretRead>) {
        if self.secret.is_none() {
            self.secret = secret;
        }
    }

    fn observed(&self, alert: &Alert) -> String {
        let count = times(alert.count);
        let span = match alert.count {
            1 => String::new(),
            _ => format!(" in {}", duration(span(alert))),
        };
        let method = alert.what.method.as_deref().unwrap_or("A write");
        match self.target {
            Target::Many => format!(
                "Writes to further domains, beyond the {EPISODES_PER_SCOPE_MAX} that have alerts of their own, were refused \
                 {count}{span}."
            ),
            _ => format!("{method} to {} was refused {count}{span}.", destination(alert)),
        }
    }

    fn baseline(&self) -> String {
        let scope = &self.scope_kind;
        match self.target {
            Target::Allowed => format!("Other requests of this {scope} to this domain were allowed before."),
            Target::NeverAllowed => format!("Before that, no request of this {scope} to this domain was ever allowed."),
            Target::Common => {
                format!("At least {REACH_FEW} others reach this domain; that this {scope} did is not known.")
            }
            Target::Strange => format!(
                "Anybody has a place of his own on that service; nobody else of the team wrote to this one or fetched from it, \
                 and this {scope} did not long before."
            ),
            Target::Many => format!("So many domains from one {scope} are a scan or a broken agent."),
        }
    }

    fn before(&self) -> String {
        let Some(secret) = &self.secret else { return String::new() };
        secret.sentence(&self.scope_kind)
    }

    fn verdict(&self) -> &'static str {
        match (self.target, self.secret.is_some()) {
            (_, true) => "Treat it as attempted exfiltration until the evidence says otherwise.",
            (Target::Allowed | Target::Common, false) => {
                "More likely a policy that allows reading but not writing there, or a confused agent, than exfiltration."
            }
            (_, false) => {
                "That is what attempted exfiltration looks like; a confused agent that guesses an address looks the same, so \
                 read the evidence."
            }
        }
    }
}
