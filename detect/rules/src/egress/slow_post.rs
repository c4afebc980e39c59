//! `egress.slow_post`: data for rare places, added up over time and over places: slow exfiltration, and much at once.

mod case;
mod examples;
mod spread;
mod trickle;
mod usual;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::egress::evidence::what;
use detect_core::egress::names::Names;
use detect_core::egress::popular;
use detect_core::egress::request::{Carried, Request};
use detect_core::egress::secret::SecretRead;
use detect_core::egress::tenant::Tenancy;
use detect_core::episode::{Before, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::limits::REACH_FEW;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::Spec;
use detect_core::table::Table;
use detect_core::text::bounded;
use detect_core::{detector_state, packed, parameters};
use effects::host::Class;
use operations::alert::What;

use crate::egress::candidates::Candidates;
use crate::limits::{EGRESS_AGENTS_MAX, PLACES_LEARNT_SECONDS, SENDING_TEAMS_MAX, SPREADS_MAX, TRICKLES_PER_AGENT};
use case::Slow;
use spread::Spread;
use trickle::{Load, Seen, Trickle};
use usual::Usual;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "egress.slow_post",
    version: 5,
    what: "Data for a place that hardly anybody else uses: a rare domain, or a stranger's repository, bucket, package or channel on a \
           service where anybody has one. Requests that write, and requests that carry data in path, query or labels of the \
           host, are added up over days: many over several separate stretches of time, or much in however many; and over all \
           rare places of an agent together.",
    why: "Who takes a repository out in pieces of a few kilobytes, or gives each of many places one, stays below every limit on \
          volume and rate. Only the sum over hours or days shows it.",
    false_positives: "A service that a single workspace reports to, such as a customer's own interface under test; in a \
                      fleet of one or two agents every domain is rare, so alerts there are rated medium, as are small sums and \
                      those where most requests read.",
    tuning: "writes, stretches and stretch_seconds: how many requests in how many separate stretches of time. kilobytes: how much \
             is much, in however few. rare_agents: with how many other agents a place is no longer rare. write_percent: how much \
             of the traffic must carry data out; where it is less, eight times as many requests are needed. trusted_domains: \
             your own domains and places.",
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
        /// At least so many of a hundred requests to the place must carry data out, or there must be eight times as many.
        write_percent: u32 = 75, in 0..=100;
        /// So many kilobytes for one rare place are told in however few requests; a quarter of it for many places together.
        kilobytes: u32 = 64, in 1..=1_000_000;
        /// A place that this many other agents use, and more than 2 of 100, is not rare.
        rare_agents: u32 = 2, in 1..=REACH_FEW;
        /// Hosts, registrable domains and places such as github.com/acme that are never judged.
        trusted_domains: Names = Names::default();
    }
    check(parameters) {
        parameters.trusted_domains.check("trusted_domains")
    }
}

/// The detector.
pub struct SlowPost {
    parameters: Parameters,
    key: Key,
    agents: Table<Outflow>,
    /// All rare places of an agent together, for those that have several.
    spreads: Table<Spread>,
    /// How much the writes of each team carry.
    teams: Table<Usual>,
    episodes: Episodes<Slow>,
}

detector_state!(SlowPost { agents, spreads, teams, episodes } without { parameters, key });

/// What one agent sends to rare places.
#[derive(Debug, Default)]
struct Outflow {
    trickles: Candidates<Trickle, TRICKLES_PER_AGENT>,
    /// Half of the hash of the first place.
    first: u32,
}
packed!(Outflow { trickles, first });

/// What there is to tell of one trickle, or of all together.
struct Told {
    /// Whether it is twice as much as when it was told before.
    is_new: bool,
    seen: Seen,
    places: u32,
    before: Before,
}

/// A rare place as a request names it.
struct Rare<'a> {
    request: Request<'a>,
    class: Class,
    /// Whose place it is, where that is known by more than the domain.
    tenancy: Option<Tenancy<'a>>,
    others: u32,
}

impl Rule for SlowPost {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            parameters: parameters.clone(),
            key,
            agents: Table::new(EGRESS_AGENTS_MAX),
            spreads: Table::new(SPREADS_MAX),
            teams: Table::new(SENDING_TEAMS_MAX),
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        }
    }
}

impl Detector for SlowPost {
    fn looks_at(&self) -> Aspects {
        Aspects::REQUEST
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(request) = event.let_through() else { return };
        let Some(rare) = self.rare(event, request) else {
            if let Carried { bytes, is_known: true } = request.carried()
                && request.is_write()
            {
                self.teams.entry(event.team(), event, findings).note(bytes);
            }
            return;
        };
        if request.carries() {
            self.carried(event, &rare, findings);
        } else if let Some(trickle) =
            self.agents.get_mut(event.network()).and_then(|outflow| outflow.trickles.get_mut(event.place() as u32))
        {
            trickle.note_read();
        }
    }
}

impl SlowPost {
    /// The request's destination, if it is one that hardly anybody else uses.
    fn rare<'a>(&self, event: &EventRow<'a>, request: Request<'a>) -> Option<Rare<'a>> {
        let known = event.known_place()?;
        let class = request.class();
        let tenancy = event.tenancy();
        // What rules out most requests for the least work comes first.
        let others = if tenancy.is_some() {
            // To look at a stranger's place is no sign of anything.
            let is_learning = event.watched().seconds < PLACES_LEARNT_SECONDS && !class.is_risky();
            if !request.is_write() || known.is_own(event.second()) || (is_learning && !event.follows_secret()) {
                return None;
            }
            known.written.others
        } else if class.is_risky() && class != Class::Metadata {
            // Whoever else leaves something there leaves it somewhere else.
            0
        } else if request.is_popular() {
            return None;
        } else {
            known.reached.others
        };
        let is_rare_here = || others < REACH_FEW && u64::from(others) * 50 <= event.watched().agents;
        let trusted = &self.parameters.trusted_domains;
        let is_rare = (others < self.parameters.rare_agents || is_rare_here())
            && class != Class::Local
            && !trusted.cover(&request)
            && !tenancy.is_some_and(|tenancy| trusted.has(&tenancy.name()))
            && !popular::is_telemetry(request.domain)
            && !popular::is_telemetry_path(request.host, request.path);
        is_rare.then_some(Rare { request, class, tenancy, others })
    }

    /// A request that carries data out to a rare place.
    fn carried(&mut self, event: &EventRow<'_>, rare: &Rare<'_>, findings: &mut Findings) {
        let Rare { request, .. } = *rare;
        let is_write = request.is_write();
        let address = if is_write { 0 } else { self.key.hash(&["address", request.host, request.path]) as u16 };
        let load = Load { is_write, carried: request.carried(), address, text: request.payload().text };
        let stretch_seconds = self.parameters.stretch_seconds;
        let outflow = self.agents.entry(event.network(), event, findings);
        let (place, seq) = (event.place() as u32, event.position().seq);
        if outflow.first == 0 {
            outflow.first = place;
        }
        // From the second place on.
        let spread = (request.sends() && outflow.first != place).then(|| {
            let spread = self.spreads.entry(event.network(), event, findings);
            spread.note(event, load, stretch_seconds);
            let is_new = spread.is_told(&self.parameters);
            spread.told += u8::from(is_new);
            (spread.told > 0).then(|| Told {
                is_new,
                seen: spread.seen(),
                places: spread.places(),
                before: spread.before(seq),
            })
        });
        let spread = spread.flatten();
        let Some(trickle) = outflow.trickles.of(place, event.second(), || Trickle::new(place)) else { return };
        trickle.note(event, load, stretch_seconds);
        let secret = event.secret().filter(|read| trickle.follows(read.when));
        let is_new = trickle.is_told(&self.parameters);
        trickle.told += u8::from(is_new);
        if trickle.told > 0 {
            let told = Told { is_new, seen: trickle.seen(), places: 1, before: trickle.before(seq) };
            self.raise(event, rare, told, secret, findings);
        } else if let Some(told) = spread {
            self.raise(event, rare, told, event.secret(), findings);
        }
    }

    /// Tells of one trickle, or of all together. What was told before and is not twice as much only adds to what is open.
    fn raise(
        &mut self,
        event: &EventRow<'_>,
        rare: &Rare<'_>,
        Told { is_new, seen, places, before }: Told,
        secret: Option<SecretRead>,
        findings: &mut Findings,
    ) {
        let scope = Scope::network(event);
        let is_one = places == 1;
        let place = rare.tenancy.filter(|_| is_one).map_or_else(String::new, |tenancy| tenancy.name());
        let usual = self.teams.get_mut(event.team()).and_then(|usual| usual.most());
        let target = match (is_one, place.as_str()) {
            (false, _) => TOGETHER,
            (true, "") => rare.request.domain,
            (true, place) => place,
        };
        let subject = Subject { scope, target };
        if !is_new && !self.episodes.is_open(subject) {
            return;
        }
        let open = |many| {
            let case = Slow {
                scope_kind: scope.kind.to_owned(),
                class: if is_one { rare.class } else { Class::Ordinary },
                many,
                place: bounded(&place),
                places,
                seen,
                usual,
                stretch_seconds: self.parameters.stretch_seconds,
                others: rare.others,
                watched: event.watched(),
                secret,
            };
            let what = What { path: None, ..what(event, many || !is_one) };
            Opening { case, who: scope::who(event), what, before }
        };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.note(seen, places, secret));
    }
}

/// Stands for all rare places together; no real one is called so.
const TOGETHER: &str = "\u{0}together";

#[cfg(test)]
mod tests;
