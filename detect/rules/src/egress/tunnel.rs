//! `dns.tunnel`: data in the labels of names that an agent asks the DNS for.

mod case;
mod examples;
mod labels;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::egress::known::Known;
use detect_core::egress::lookup::Lookup;
use detect_core::egress::names::Names;
use detect_core::episode::{Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::{Key, Space};
use detect_core::limits::REACH_FEW;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::Spec;
use detect_core::table::Table;
use detect_core::text::bounded;
use detect_core::{detector_state, parameters};
use operations::alert::What;

use crate::limits::TUNNELS_MAX;
use case::Tunnel;
use labels::Labels;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "dns.tunnel",
    version: 1,
    what: "Names below one domain whose labels carry data: bytes in labels that look like no name and were not asked for before, \
           added up over days for each agent and domain. Questions to the DNS are looked at, hosts of requests, allowed or refused, \
           and questions to resolvers over HTTPS as far as they stand in the address.",
    why: "A name is resolved by the server of whoever owns the domain, so each question carries its labels out, past every proxy, \
          also where the request itself is refused.",
    false_positives: "A service that gives each customer or build a name of its own and that only one agent uses. Popular domains, \
                      vendors of telemetry, networks that deliver content, names of private networks and of addresses are never \
                      judged; what several agents ask for needs four times as much.",
    tuning: "label_bytes and names: how many bytes of data in how many different names. trusted_domains: your own domains. quiet_seconds: \
             how long an alert stays open.",
    tags: &["AML.T0086", "AML.T0025", "T1048", "T1071.004", "T1572", "ASI02", "ASI10"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."dns.tunnel"]`.
    pub struct Parameters {
        /// An alert is resolved after this many seconds without another such name.
        quiet_seconds: u32 = 7_200, in 1..=604_800;
        /// This many bytes of data in new labels below one domain are needed.
        label_bytes: u32 = 1_024, in 64..=1_000_000;
        /// They must stand in this many different names.
        names: u16 = 12, in 2..=10_000;
        /// Hosts and registrable domains that are never judged.
        trusted_domains: Names = Names::default();
    }
    check(parameters) {
        parameters.trusted_domains.check("trusted_domains")
    }
}

/// The detector.
pub struct DnsTunnel {
    parameters: Parameters,
    key: Key,
    /// Labels by agent and domain.
    labels: Table<Labels>,
    episodes: Episodes<Tunnel>,
}

detector_state!(DnsTunnel { labels, episodes } without { parameters, key });

impl Rule for DnsTunnel {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            parameters: parameters.clone(),
            key,
            labels: Table::new(TUNNELS_MAX),
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        }
    }
}

impl Detector for DnsTunnel {
    fn looks_at(&self) -> Aspects {
        Aspects::LOOKUP.with(Aspects::REQUEST)
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        match (event.lookup(), event.request()) {
            (Some(lookup), _) => self.asked(event, lookup, event.known(), findings),
            (None, Some(request)) => {
                if let Some(lookup) = Lookup::of_host(&request) {
                    self.asked(event, lookup, event.known(), findings);
                } else if let Some(lookup) = Lookup::over_https(&request) {
                    // Who else asked the same resolver says nothing of the domain.
                    self.asked(event, lookup, None, findings);
                }
            }
            (None, None) => {}
        }
    }
}

impl DnsTunnel {
    /// A name that was asked for.
    fn asked(&mut self, event: &EventRow<'_>, lookup: Lookup<'_>, known: Option<Known>, findings: &mut Findings) {
        let trusted = &self.parameters.trusted_domains;
        let carries = lookup.payload.bytes > 0;
        if lookup.is_private() || lookup.is_infrastructure() || trusted.has(lookup.domain) || trusted.has(lookup.name) {
            return;
        }
        let key = Key::join(event.network(), self.key.of(Space::DOMAIN, lookup.domain));
        if !carries {
            // Names without data only matter where there is something to compare with them.
            if let Some(labels) = self.labels.get_mut(key) {
                labels.note_plain();
            }
            return;
        }
        let others = known.map_or(0, |known| known.tried);
        let labels = self.labels.entry(key, event, findings);
        labels.note(event, &lookup, self.key.hash(&["labels", lookup.labels()]));
        let factor = if others >= REACH_FEW { SHARED_FACTOR } else { 1 };
        let is_new = labels.is_told(self.parameters.label_bytes, self.parameters.names, factor);
        labels.told += u8::from(is_new);
        let scope = Scope::network(event);
        let subject = Subject { scope, target: lookup.domain };
        if labels.told == 0 || (!is_new && !self.episodes.is_open(subject)) {
            return;
        }
        let (seen, before) = (labels.seen(), labels.before(event.position().seq));
        let secret = event.secret().filter(|read| labels.follows(read.when));
        let open = |many| {
            let case = Tunnel {
                scope_kind: scope.kind.to_owned(),
                domain: bounded(lookup.domain),
                many,
                seen,
                others,
                watched: event.watched(),
                secret,
            };
            let domain = (!many).then(|| bounded(lookup.domain));
            let host = (!many).then(|| bounded(lookup.name));
            Opening { case, who: scope::who(event), what: What { host, domain, ..What::default() }, before }
        };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.note(seen, secret));
    }
}

/// What several agents ask for is a service: so many times more must be in its names.
const SHARED_FACTOR: u64 = 4;

#[cfg(test)]
mod tests;
