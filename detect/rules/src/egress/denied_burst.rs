//! `egress.denied_burst`: many refused requests of one agent in a short time, and whether that is a scan, somebody probing
//! one host, or an agent that does not understand that it is refused.

mod case;
mod examples;
mod window;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::egress::evidence::what;
use detect_core::episode::{Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::Spec;
use detect_core::table::Table;
use detect_core::{detector_state, parameters};
use ledger::events::column;
use operations::alert::What;

use crate::limits::{EGRESS_AGENTS_MAX, REFUSALS_MAX};
use case::Burst;
use window::{Refusal, Window};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "egress.denied_burst",
    version: 5,
    what: "Many requests of one workspace (or session) that the firewall refused in a short time. The reason says which of \
           three it is: many destinations once each (a scan), many paths of one host (probing), or the same request again \
           and again (a confused agent).",
    why: "A scan is an attack or its preparation. A confused agent is none, but it burns money on something that will never \
          work, and for it a refusal looks like a broken network.",
    false_positives: "A missing line in the policy gives a burst by a confused agent in every workspace of a template (rated \
                      low). A crawler for documentation under a strict policy looks like a scan.",
    tuning: "requests and window_seconds: how many refusals in how many seconds are a burst. quiet_seconds: how long an \
             alert stays open.",
    tags: &["AML.T0086", "T1046", "T1595", "ASI02"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."egress.denied_burst"]`.
    pub struct Parameters {
        /// An alert is resolved after this many seconds without a burst.
        quiet_seconds: u32 = 600, in 1..=86_400;
        /// This many refused requests are a burst.
        requests: u32 = 15, in 3..=REFUSALS_MAX;
        /// They must come within this many seconds.
        window_seconds: u32 = 60, in 1..=3_600;
    }
}

/// The detector.
pub struct DeniedBurst {
    parameters: Parameters,
    key: Key,
    /// The latest refusals of agents that were refused.
    agents: Table<Window>,
    episodes: Episodes<Burst>,
}

detector_state!(DeniedBurst { agents, episodes } without { parameters, key });

impl Rule for DeniedBurst {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            parameters: parameters.clone(),
            key,
            agents: Table::new(EGRESS_AGENTS_MAX),
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        }
    }
}

impl Detector for DeniedBurst {
    fn looks_at(&self) -> Aspects {
        Aspects::REQUEST
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(request) = event.request().filter(|request| request.refused) else { return };
        let port = event.integer(column::PORT).unwrap_or(0).to_string();
        let refusal = Refusal {
            time: event.time(),
            seq: event.position().seq,
            target: self.key.hash(&["target", request.host, &port]) as u32,
            path: self.key.hash(&["path", request.method, request.path]) as u32,
        };
        let Parameters { requests, window_seconds, .. } = self.parameters;
        let window = self.agents.entry(event.network(), event, findings);
        window.note(refusal, event.second(), requests);
        let Some(shape) = window.burst(requests, window_seconds) else { return };
        let scope = Scope::network(event);
        let open = |many| {
            let case = Burst::new(scope.kind, shape, requests, window.earlier(event.second()));
            let what = What { path: None, ..what(event, many || shape.targets > 1) };
            Opening {
                case,
                who: scope::who(event),
                what,
                before: window.before(event.position().seq, event.recorded()),
            }
        };
        let subject = Subject { scope, target: "" };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.note(shape));
    }
}

#[cfg(test)]
mod tests;
