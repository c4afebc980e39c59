//! `egress.denied_post`: an agent tried to send something out, and the firewall refused.

mod case;
mod examples;
mod fleet;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::egress::evidence::what;
use detect_core::egress::request::Request;
use detect_core::episode::{Before, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::Spec;
use detect_core::text::bounded;
use detect_core::{detector_state, parameters};
use ledger::events::column;
use operations::alert::Who;

use case::{Refusals, Target};
use fleet::{Uploads, Widespread};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "egress.denied_post",
    version: 4,
    what: "A request that writes (POST, PUT, PATCH or DELETE) or carries data in its address, and that the firewall refused, grouped \
           by workspace (or session) and domain. Where the same upload to a well-known service was refused at three other workspaces, one alert of the fleet tells of it, and \
           it is medium.",
    why: "A prompt injection that makes an agent send secrets or source code to a stranger ends in exactly this line of the \
          firewall's log, and nobody reads that log.",
    false_positives: "An agent that guesses an address, or retries what its policy forbids; a policy that allows reading from \
                      a domain but not writing to it (those are rated medium).",
    tuning: "quiet_seconds: how long a domain must be quiet before the episode is resolved. secret_window_seconds: how long \
             after reading a secret a refused write counts as critical.",
    tags: &["AML.T0086", "AML.T0025", "T1567", "T1041", "ASI02"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."egress.denied_post"]`.
    pub struct Parameters {
        /// An episode is resolved after this many seconds without a refused write.
        quiet_seconds: u32 = 600, in 1..=86_400;
        /// A refused write is critical, from the second on, this many seconds after the same agent read a secret.
        secret_window_seconds: u32 = 900, in 0..=86_400;
    }
}

/// The detector.
pub struct DeniedPost {
    parameters: Parameters,
    episodes: Episodes<Refusals>,
    uploads: Uploads,
    widespread: Episodes<Widespread>,
}

detector_state!(DeniedPost { uploads, episodes, widespread } without { parameters });

impl Rule for DeniedPost {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            parameters: parameters.clone(),
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
            uploads: Uploads::new(key),
            widespread: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        }
    }
}

impl Detector for DeniedPost {
    fn looks_at(&self) -> Aspects {
        Aspects::REQUEST
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(request) = event.request() else { return };
        if request.refused && request.sends() {
            self.refused(event, request, findings);
        }
    }
}

impl DeniedPost {
    /// A refused write: opens an episode or adds to the one that is open.
    fn refused(&mut self, event: &EventRow<'_>, request: Request<'_>, findings: &mut Findings) {
        let scope = Scope::network(event);
        let domain = request.domain;
        let secret = event.secret().filter(|read| {
            let passed = event.when().micros_since(read.when);
            passed <= i64::from(self.parameters.secret_window_seconds) * 1_000_000
        });
        let subject = Subject { scope, target: domain };
        let everywhere = self.uploads.note(event, request, findings);
        if let Some(workspaces) = everywhere.filter(|_| secret.is_none() && !self.episodes.is_open(subject)) {
            return self.refused_everywhere(event, request, workspaces, findings);
        }
        let known = Target::of(event);
        let open = |many| {
            let target = if many { Target::Many } else { known };
            let case = Refusals { scope_kind: scope.kind.to_owned(), target, secret };
            Opening { case, who: scope::who(event), what: what(event, many), before: Before::default() }
        };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.note_secret(secret));
    }

    /// A refused write that others were refused too: one alert tells of all of them, in nobody's name.
    fn refused_everywhere(
        &mut self,
        event: &EventRow<'_>,
        request: Request<'_>,
        workspaces: usize,
        findings: &mut Findings,
    ) {
        let subject = Subject { scope: Scope::fleet("uploads"), target: request.host };
        let open = |_| Opening {
            case: Widespread { workspaces },
            who: Who { org: event.text(column::ORG).map(bounded), ..Who::default() },
            what: what(event, false),
            before: Before::default(),
        };
        self.widespread.raise(subject, event.sighting(), findings, open, |case| {
            case.workspaces = case.workspaces.max(workspaces);
        });
    }
}

#[cfg(test)]
mod tests;
