//! `egress.beacon`: regular callbacks to a rare domain.

mod case;
mod examples;
mod rhythm;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::egress::evidence::what;
use detect_core::egress::names::Names;
use detect_core::episode::{Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::limits::REACH_FEW;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::Spec;
use detect_core::table::Table;
use detect_core::{detector_state, parameters};
use effects::host::Class;
use operations::alert::What;

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
    tags: &["T1071.001", "T1573", "AML.T0108", "ASI10"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."egress.beacon"]`.
    pub struct Parameters {
        /// An alert is resolved after this many seconds without another regular callback.
        quiet_seconds: u32 = 7_200, in 1..=604_800;
        /// This many callbacks are needed for an alert.
        callbacks: u32 = 16, in 8..=INTERVALS_MAX as u32;
        /// The callbacks must have been regular for this many minutes.
        minutes: u32 = 15, in 0..=10_080;
        /// Requests that follow a callback within this many seconds are part of it.
        interval_seconds: u32 = 5, in 1..=3_600;
        /// A domain for which this many other agents asked is not rare.
        rare_agents: u32 = 2, in 1..=REACH_FEW;
        /// Hosts and registrable domains that never count as beacons.
        trusted_domains: Names = Names::default();
    }
    check(parameters) {
        parameters.trusted_domains.check("trusted_domains")
    }
}

/// The detector.
pub struct Beacon {
    parameters: Parameters,
    /// The rhythm of each agent's requests to rare domains.
    agents: Table<Candidates<Rhythm, BEATS_PER_AGENT>>,
    episodes: Episodes<Callbacks>,
}

detector_state!(Beacon { agents, episodes } without { parameters });

impl Rule for Beacon {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            parameters: parameters.clone(),
            agents: Table::new(EGRESS_AGENTS_MAX),
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        }
    }
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
        if !rhythm.note(event.time().unix_seconds(), event.second(), interval_seconds) {
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
}

#[cfg(test)]
mod tests;
