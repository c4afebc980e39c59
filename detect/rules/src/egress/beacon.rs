//! `egress.beacon`: regular callbacks to a rare domain.

mod case;
mod examples;
mod rhythm;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::egress::class::Class;
use detect_core::egress::popular::Names;
use detect_core::egress::request::what;
use detect_core::episode::{Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::limits::REACH_FEW;
use detect_core::pack::RestoreError;
use detect_core::parameters::check_range;
use detect_core::scope::{self, Scope};
use detect_core::spec::Spec;
use detect_core::table::Table;
use operations::alert::What;
use serde::{Deserialize, Serialize};

use crate::egress::candidates::Candidates;
use crate::limits::{BEATS_PER_AGENT, EGRESS_AGENTS_MAX, INTERVALS_MAX};
use case::Callbacks;
use rhythm::Rhythm;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "egress.beacon",
    version: 4,
    what: "Requests of one agent to one rare domain, allowed or refused, at regular intervals: nearly all of the latest \
           intervals lie within a third of their median, or of twice the median where one callback is missing.",
    why: "Implants ask their master for orders at regular times. People and agents at work do not: their intervals differ \
          by orders of magnitude.",
    false_positives: "Polling: an agent that waits for a build on a service that only it uses. Regularity alone is common, \
                      so domains that several agents ask for, and popular ones, are never judged.",
    tuning: "callbacks and minutes: how many callbacks over how long. interval_seconds: requests closer together are one \
             callback. rare_agents: with how many other agents a domain is no longer rare. trusted_domains: services that \
             your agents poll.",
    tags: &["T1071.001", "T1573", "AML.T0108"],
    examples: examples::EXAMPLES,
};

/// `[detect.rules."egress.beacon"]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// Whether the detector runs.
    pub enabled: bool,
    /// An alert is resolved after this many seconds without another regular callback: 1 to 604,800.
    pub quiet_seconds: u32,
    /// This many callbacks are needed: 8 to 20,
    pub callbacks: u32,
    /// and that they have been regular for this many minutes: 0 to 10,080.
    pub minutes: u32,
    /// Requests that follow a callback within this many seconds are part of it: 1 to 3,600.
    pub interval_seconds: u32,
    /// A domain for which this many other agents asked is not rare: 1 to 4.
    pub rare_agents: u32,
    /// Hosts and registrable domains that never count as beacons.
    pub trusted_domains: Names,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            enabled: true,
            quiet_seconds: 7_200,
            callbacks: 16,
            minutes: 15,
            interval_seconds: 5,
            rare_agents: 2,
            trusted_domains: Names::default(),
        }
    }
}

impl Parameters {
    /// Checks the ranges.
    pub fn check(&self) -> Result<(), String> {
        check_range("quiet_seconds", self.quiet_seconds, 1..=604_800)?;
        check_range("callbacks", self.callbacks, 8..=INTERVALS_MAX as u32)?;
        check_range("minutes", self.minutes, 0..=10_080)?;
        check_range("interval_seconds", self.interval_seconds, 1..=3_600)?;
        check_range("rare_agents", self.rare_agents, 1..=REACH_FEW)?;
        self.trusted_domains.check("trusted_domains")
    }
}

/// Builds the detector.
pub fn build(parameters: &Parameters, key: Key) -> Box<dyn Detector + Send> {
    Box::new(Beacon {
        parameters: parameters.clone(),
        agents: Table::new(EGRESS_AGENTS_MAX),
        episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
    })
}

struct Beacon {
    parameters: Parameters,
    /// The rhythm of each agent's requests to rare domains.
    agents: Table<Candidates<Rhythm, BEATS_PER_AGENT>>,
    episodes: Episodes<Callbacks>,
}

impl Detector for Beacon {
    fn looks_at(&self) -> Aspects {
        Aspects::REQUEST
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let (Some(request), Some(known)) = (event.request(), event.known()) else { return };
        let Parameters { rare_agents, interval_seconds, callbacks, minutes, .. } = self.parameters;
        if known.tried >= rare_agents || request.is_popular() || self.parameters.trusted_domains.cover(&request) {
            return;
        }
        let class = request.class();
        if class == Class::Local {
            return;
        }
        let rhythms = self.agents.entry(event.network(), event, findings);
        let domain = event.domain() as u32;
        let Some(rhythm) = rhythms.of(domain, event.second(), || Rhythm::new(domain)) else { return };
        if !rhythm.note(event.time().div_euclid(1_000_000), event.second(), interval_seconds) {
            return;
        }
        let Some(beat) = rhythm.beat(callbacks) else { return };
        if beat.seconds < i64::from(minutes) * 60 {
            return;
        }
        let scope = Scope::network(event);
        let watched = event.watched();
        let open = |many| {
            let case = Callbacks {
                scope_kind: scope.kind.to_owned(),
                class,
                write: request.is_write(),
                refused: request.refused,
                many,
                beat,
                others: known.tried,
                watched,
            };
            let what = What { path: None, ..what(event, many) };
            Opening { case, who: scope::who(event), what, before: rhythm.before(event) }
        };
        let subject = Subject { scope, target: request.domain };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.note(beat, request.is_write()));
    }

    fn advance(&mut self, second: i64, down: bool, findings: &mut Findings) {
        self.episodes.advance(second, down, findings);
    }

    fn snapshot(&self, out: &mut Vec<u8>) -> Result<(), RestoreError> {
        self.agents.snapshot(out);
        self.episodes.snapshot(out)
    }

    fn restore(&mut self, input: &mut &[u8]) -> Result<(), RestoreError> {
        self.agents.restore(input)?;
        self.episodes.restore(input)
    }
}

#[cfg(test)]
mod tests;
