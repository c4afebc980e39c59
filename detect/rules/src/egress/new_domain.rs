//! `egress.new_domain`: a destination that this agent, its team and nearly all of the fleet never asked for.

mod case;
mod examples;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::egress::evidence::what;
use detect_core::egress::known::Familiarity;
use detect_core::egress::names::Names;
use detect_core::egress::popular;
use detect_core::egress::request::Request;
use detect_core::episode::{Before, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::limits::REACH_FEW;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::Spec;
use detect_core::text::bounded;
use detect_core::{detector_state, parameters};
use effects::host::Class;

use case::Newcomer;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "egress.new_domain",
    version: 3,
    what: "A request that went out to a domain for which neither this workspace nor anybody of its team asked before, and \
           hardly anybody in the fleet; or a write to a repository, bucket, package, channel or other place of a stranger on a \
           service where anybody has one. Writes, data in an address, file drops, webhooks, tunnels, addresses instead of names, \
           DNS over HTTPS and the metadata service have an alert each; plain reads of ordinary domains share one per \
           workspace.",
    why: "Data that is stolen goes to a place where the fleet never goes. An allowlist cannot know that; what all agents did \
          until now does.",
    false_positives: "A new dependency, a new customer, research on the web: reads of ordinary domains are only worth \
                      knowing (info). The first write to a new service or repository of your own is rated medium, once; a \
                      place from which somebody else of the team fetches, or this workspace did half an hour before, is the \
                      team's.",
    tuning: "learning_hours: how long the fleet is watched before ordinary domains count as new; writes to file drops, \
             webhooks and tunnels, and data that follows a secret, count from the first hour. rare_agents: with how many other agents a domain is no longer \
             rare. trusted_domains: your own domains and places. quiet_seconds: how long an alert stays open.",
    tags: &["AML.T0086", "AML.T0025", "T1567", "T1071.001", "ASI02"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."egress.new_domain"]`.
    pub struct Parameters {
        /// An alert is resolved after this many seconds without another such request.
        quiet_seconds: u32 = 3_600, in 1..=604_800;
        /// Hours after the first request that was ever seen in which ordinary domains are only learned.
        learning_hours: u32 = 24, in 0..=2_160;
        /// A domain for which this many other agents asked is not rare.
        rare_agents: u32 = 2, in 1..=REACH_FEW;
        /// Hosts, registrable domains and places such as github.com/acme that never count as new.
        trusted_domains: Names = Names::default();
    }
    check(parameters) {
        parameters.trusted_domains.check("trusted_domains")
    }
}

/// The detector.
pub struct NewDomain {
    parameters: Parameters,
    episodes: Episodes<Newcomer>,
}

detector_state!(NewDomain { episodes } without { parameters });

impl Rule for NewDomain {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self { parameters: parameters.clone(), episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds) }
    }
}

impl Detector for NewDomain {
    fn looks_at(&self) -> Aspects {
        Aspects::REQUEST
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let (Some(request), Some(known)) = (event.let_through(), event.known_place()) else { return };
        let sends = request.sends();
        let tenancy = event.tenancy().filter(|_| request.is_write());
        if event.tenancy().is_some() && (tenancy.is_none() || known.is_own(event.second())) {
            return;
        }
        let place = tenancy.map_or_else(String::new, |tenancy| tenancy.name());
        let familiarity = if sends { known.written } else { known.reached };
        // What somebody else of the team did is not new, and for risky places the team is all that counts.
        let trusted = &self.parameters.trusted_domains;
        if familiarity.agent == familiarity.team && !trusted.cover(&request) && !trusted.has(&place) {
            self.judge(event, request, &place, familiarity, findings);
        }
    }
}

impl NewDomain {
    /// Speaks about a request for a place that is new to the agent's team, or whose alert is still open. `place` is empty where
    /// it is known by its domain.
    fn judge(
        &mut self,
        event: &EventRow<'_>,
        request: Request<'_>,
        place: &str,
        known: Familiarity,
        findings: &mut Findings,
    ) {
        let sends = request.sends();
        let class = request.class();
        let is_popular = place.is_empty() && request.is_popular();
        if class == Class::Local
            || (!class.is_risky() && is_popular)
            || popular::is_telemetry_path(request.host, request.path)
        {
            return;
        }
        let grouped = class == Class::Ordinary && !sends;
        let scope = Scope::network(event);
        let name = if place.is_empty() { request.domain } else { place };
        let subject = Subject { scope, target: if grouped { "" } else { name } };
        if known.agent {
            // More of the same adds to the count while the alert is open.
            if grouped || !self.episodes.is_open(subject) {
                return;
            }
        } else if !known.is_rare(self.parameters.rare_agents) && !class.is_risky() {
            return;
        }
        let watched = event.watched();
        let learning = watched.seconds < i64::from(self.parameters.learning_hours) * 3_600;
        let secret = event.secret().filter(|_| sends && event.follows_secret());
        if learning && !(class.is_risky() && sends) && secret.is_none() {
            return;
        }
        let open = |many| {
            let mut case = Newcomer::new(scope.kind, class, sends, many, known.others, watched);
            case.place = bounded(place);
            case.note(name, &request, secret);
            Opening { case, who: scope::who(event), what: what(event, many || grouped), before: Before::default() }
        };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.note(name, &request, secret));
    }
}

#[cfg(test)]
mod tests;
