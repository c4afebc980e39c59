//! `egress.slow_post`: small writes to a rare domain, spread over time: slow exfiltration.

mod case;
mod examples;
mod trickle;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::egress::evidence::what;
use detect_core::egress::known::Familiarity;
use detect_core::egress::names::Names;
use detect_core::egress::request::Request;
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
use crate::limits::{EGRESS_AGENTS_MAX, TRICKLES_PER_AGENT};
use case::Slow;
use trickle::Trickle;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "egress.slow_post",
    version: 4,
    what: "Requests that carry data out (writes, and requests with a long query) to one rare domain, in several separate \
           stretches of time, with little or nothing read from it.",
    why: "Who takes a repository out in pieces of a few kilobytes stays below every limit on volume and rate. Only the \
          sum over hours or days shows it.",
    false_positives: "A service that a single workspace reports to, such as a customer's own interface under test; in a \
                      fleet of one or two agents every domain is rare, so alerts there are rated medium.",
    tuning: "writes, stretches and stretch_seconds: how many requests in how many separate stretches of time. rare_agents: \
             with how many other agents a domain is no longer rare. write_percent: how much of the traffic must carry data \
             out. trusted_domains: your own domains.",
    tags: &["AML.T0086", "AML.T0025", "T1041", "T1567", "T1030", "ASI02", "ASI10"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."egress.slow_post"]`.
    pub struct Parameters {
        /// An alert is resolved after this many seconds without another such request.
        quiet_seconds: u32 = 21_600, in 1..=604_800;
        /// This many requests that carry data out are needed.
        writes: u32 = 6, in 2..=10_000;
        /// They must lie in this many separate stretches of time.
        stretches: u32 = 5, in 2..=1_000;
        /// Each stretch is so many seconds long.
        stretch_seconds: u32 = 300, in 1..=86_400;
        /// At least so many of a hundred requests to the domain must carry data out.
        write_percent: u32 = 75, in 0..=100;
        /// A request of any method carries data out if its query is at least so many bytes long.
        query_bytes: u32 = 200, in 32..=8_192;
        /// A domain for which this many other agents asked is not rare.
        rare_agents: u32 = 2, in 1..=REACH_FEW;
        /// Hosts and registrable domains that are never judged.
        trusted_domains: Names = Names::default();
    }
    check(parameters) {
        parameters.trusted_domains.check("trusted_domains")
    }
}

/// The detector.
pub struct SlowPost {
    parameters: Parameters,
    /// What each agent writes to rare domains.
    agents: Table<Candidates<Trickle, TRICKLES_PER_AGENT>>,
    episodes: Episodes<Slow>,
}

detector_state!(SlowPost { agents, episodes } without { parameters });

impl Rule for SlowPost {
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

impl Detector for SlowPost {
    fn looks_at(&self) -> Aspects {
        Aspects::REQUEST
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let (Some(request), Some(known)) = (event.let_through(), event.known()) else { return };
        let known = known.reached;
        if !known.is_rare(self.parameters.rare_agents) || self.parameters.trusted_domains.cover(&request) {
            return;
        }
        let class = request.class();
        if class == Class::Local || (request.is_popular() && !class.is_risky()) {
            return;
        }
        if request.is_write() || request.query_len() >= self.parameters.query_bytes as usize {
            self.carried(event, request, known, class, findings);
        } else if let Some(trickle) =
            self.agents.get_mut(event.network()).and_then(|trickles| trickles.get_mut(event.domain() as u32))
        {
            trickle.note_read();
        }
    }
}

impl SlowPost {
    /// A request that carries data out to a rare domain.
    fn carried(
        &mut self,
        event: &EventRow<'_>,
        request: Request<'_>,
        known: Familiarity,
        class: Class,
        findings: &mut Findings,
    ) {
        let trickles = self.agents.entry(event.network(), event, findings);
        let domain = event.domain() as u32;
        let Some(trickle) = trickles.of(domain, event.second(), || Trickle::new(domain)) else { return };
        trickle.note(event, request, self.parameters.stretch_seconds);
        if !trickle.is_slow(&self.parameters) {
            return;
        }
        let scope = Scope::network(event);
        let seen = trickle.seen();
        let watched = event.watched();
        let secret = event.secret().filter(|read| trickle.follows(read.when));
        let open = |many| {
            let case = Slow {
                scope_kind: scope.kind.to_owned(),
                class,
                many,
                seen,
                stretch_seconds: self.parameters.stretch_seconds,
                others: known.others,
                watched,
                secret,
            };
            let what = What { path: None, ..what(event, many) };
            Opening { case, who: scope::who(event), what, before: trickle.before(event.position().seq) }
        };
        let subject = Subject { scope, target: request.domain };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.note(seen, secret));
    }
}

#[cfg(test)]
mod tests;
