//! `egress.denied_burst`: many refused requests of one agent in a short time, and whether that is a scan, somebody probing
//! one host, or an agent that does not understand that it is refused.

mod case;
mod examples;
mod window;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::egress::request::what;
use detect_core::episode::{Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::pack::RestoreError;
use detect_core::parameters::check_range;
use detect_core::scope::{self, Scope};
use detect_core::spec::Spec;
use detect_core::table::Table;
use ledger::events::column;
use operations::alert::What;
use serde::{Deserialize, Serialize};

use crate::limits::{EGRESS_AGENTS_MAX, REFUSALS_MAX};
use case::Burst;
use window::{Refusal, Window};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "egress.denied_burst",
    version: 4,
    what: "Many requests of one workspace (or session) that the firewall refused in a short time. The reason says which of \
           three it is: many destinations once each (a scan), many paths of one host (probing), or the same request again \
           and again (a confused agent).",
    why: "A scan is an attack or its preparation. A confused agent is none, but it burns money on something that will never \
          work, and for it a refusal looks like a broken network.",
    false_positives: "A missing line in the policy gives a burst by a confused agent in every workspace of a template (rated \
                      low). A crawler for documentation under a strict policy looks like a scan.",
    tuning: "requests and window_seconds: how many refusals in how many seconds are a burst. quiet_seconds: how long an \
             alert stays open.",
    tags: &["AML.T0086", "T1046", "T1595"],
    examples: examples::EXAMPLES,
};

/// `[detect.rules."egress.denied_burst"]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// Whether the detector runs.
    pub enabled: bool,
    /// An alert is resolved after this many seconds without a burst: 1 to 86,400.
    pub quiet_seconds: u32,
    /// This many refused requests are a burst: 3 to 32,
    pub requests: u32,
    /// if they come within this many seconds: 1 to 3,600.
    pub window_seconds: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { enabled: true, quiet_seconds: 600, requests: 15, window_seconds: 60 }
    }
}

impl Parameters {
    /// Checks the ranges.
    pub fn check(&self) -> Result<(), String> {
        check_range("quiet_seconds", self.quiet_seconds, 1..=86_400)?;
        check_range("requests", self.requests, 3..=REFUSALS_MAX)?;
        check_range("window_seconds", self.window_seconds, 1..=3_600)
    }
}

/// Builds the detector.
pub fn build(parameters: &Parameters, key: Key) -> Box<dyn Detector + Send> {
    Box::new(DeniedBurst {
        parameters: parameters.clone(),
        key,
        agents: Table::new(EGRESS_AGENTS_MAX),
        episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
    })
}

struct DeniedBurst {
    parameters: Parameters,
    key: Key,
    /// The latest refusals of agents that were refused.
    agents: Table<Window>,
    episodes: Episodes<Burst>,
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
            Opening { case, who: scope::who(event), what, before: window.before(event.recorded()) }
        };
        let subject = Subject { scope, target: "" };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.note(shape));
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
