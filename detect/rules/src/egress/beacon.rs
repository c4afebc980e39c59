//! `egress.beacon`: regular callbacks to a rare domain, of one agent or of several, or to one rare domain after another.

mod case;
mod choir;
mod examples;
mod interval;
mod look;
mod poll;
mod regular;
mod rhythm;
mod visits;
mod watch;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::egress::evidence::what;
use detect_core::egress::known::Known;
use detect_core::egress::names::Names;
use detect_core::egress::request::Request;
use detect_core::episode::{Before, Episodes, Opening, Subject};
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

use crate::limits::{CHOIR_AGENTS_MAX, CHOIRS_MAX, EGRESS_AGENTS_MAX};
use case::{Callbacks, Whose};
use choir::Choir;
use look::Look;
use rhythm::{Beat, Callback};
use visits::Visits;
use watch::{Asked, Found, Timing, Watch};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "egress.beacon",
    version: 5,
    what: "Requests of one agent to one rare domain, allowed or refused, at regular intervals: nearly all of the latest \
           intervals lie within a factor of each other, up to that of a jitter of half of the interval either way. Also \
           requests to one rare domain after another that are regular together, and several agents that call one rare \
           domain with one rhythm, which is one alert of higher severity.",
    why: "Implants ask their master for orders at regular times, with a jitter that has bounds. People and agents at work do \
          not: their intervals differ by orders of magnitude.",
    false_positives: "Polling: an agent that waits for something on a service that only it uses. Requests for what programs \
                      poll (a health check, the state of a job, a list of packages, a feed, a model, a repository) at steady \
                      intervals are told, as low, only if they go on for half a day while the agent runs no command. Not \
                      judged: domains that most of the fleet asks for, popular ones, names that only the own network knows, \
                      the domain of the person's own address.",
    tuning: "callbacks and minutes: how many callbacks over how long. interval_seconds: requests closer together are one \
             callback. work_minutes: how long what looks like work must be regular. rare_agents: with how many other agents \
             a domain is judged only if nearly all of them have one rhythm. trusted_domains: services that your agents poll.",
    tags: &["T1071.001", "T1573", "AML.T0108", "ASI10"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."egress.beacon"]`.
    pub struct Parameters {
        /// An alert is resolved after this many seconds without another regular callback.
        quiet_seconds: u32 = 21_600, in 1..=604_800;
        /// This many callbacks are needed for an alert.
        callbacks: u32 = 16, in 8..=20;
        /// Callbacks that look like nothing else must have been regular for this many minutes.
        minutes: u32 = 12, in 0..=10_080;
        /// Callbacks that look like work must have been regular for this many minutes: what programs poll at uneven intervals, always another path, always another domain.
        work_minutes: u32 = 60, in 0..=10_080;
        /// Callbacks that look like a program that polls at steady intervals must have been regular for this many hours without a command of the agent.
        poll_hours: u32 = 12, in 0..=168;
        /// Requests that follow a callback within this many seconds are part of it.
        interval_seconds: u32 = 5, in 1..=3_600;
        /// A domain for which this many other agents asked is rare only if nearly all of them have one rhythm.
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
    key: Key,
    /// The rhythms of each agent's requests to rare domains.
    agents: Table<Watch>,
    /// How often each agent asked for each domain that is not followed.
    visits: Visits,
    /// Who calls a domain regularly, by domain.
    choirs: Table<Choir>,
    episodes: Episodes<Callbacks>,
}

detector_state!(Beacon { agents, visits, choirs, episodes } without { parameters, key });

impl Rule for Beacon {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            parameters: parameters.clone(),
            key,
            agents: Table::new(EGRESS_AGENTS_MAX),
            visits: Visits::default(),
            choirs: Table::new(CHOIRS_MAX),
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        }
    }
}

/// A request that is judged.
struct Judged<'a> {
    request: Request<'a>,
    class: Class,
    known: Known,
}

impl Detector for Beacon {
    fn looks_at(&self) -> Aspects {
        Aspects::REQUEST.with(Aspects::COMMAND)
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        if event.request().is_none() {
            if let Some(watch) = self.agents.get_mut(event.network()) {
                watch.note_command(event.time().unix_seconds());
            }
        } else if let Some(judged) = self.judged(event) {
            self.follow(event, &judged, findings);
        }
    }
}

impl Beacon {
    /// The request, if its place may be an implant's master.
    fn judged<'a>(&self, event: &EventRow<'a>) -> Option<Judged<'a>> {
        let (request, known) = (event.request()?, event.known()?);
        if request.is_popular() || self.parameters.trusted_domains.cover(&request) {
            return None;
        }
        // What most of the fleet asks for is infrastructure.
        let is_common = known.tried >= self.parameters.rare_agents
            && (known.crowd.count() > CHOIR_AGENTS_MAX as u64 || known.crowd.is_most_of(event.watched().agents));
        let class = request.class();
        if is_common || class == Class::Local || poll::is_own(event, &request) {
            return None;
        }
        Some(Judged { request, class, known })
    }

    /// Notes a request in the rhythms of its agent.
    fn follow(&mut self, event: &EventRow<'_>, judged: &Judged<'_>, findings: &mut Findings) {
        let Parameters { rare_agents, interval_seconds, callbacks, .. } = self.parameters;
        let parts: Vec<&str> = poll::asked(&judged.request).take(PATH_PARTS).collect();
        let watch = self.agents.entry(event.network(), event, findings);
        let time = event.time().unix_seconds();
        let callback = Callback {
            time,
            what: self.key.hash(&parts),
            poll: poll::is_poll(event, &judged.request),
            idle: watch.is_idle(time),
        };
        let asked = Asked {
            agent: event.network(),
            place: event.domain(),
            callback,
            is_rare: judged.known.tried < rare_agents,
        };
        let timing = Timing { callbacks, merge_seconds: interval_seconds };
        if let Some(found) = watch.note(&asked, timing, &mut self.visits) {
            self.judge(event, judged, &found, findings);
        }
    }

    /// Weighs a regular rhythm.
    fn judge(&mut self, event: &EventRow<'_>, judged: &Judged<'_>, found: &Found, findings: &mut Findings) {
        let Found { whose, beat, since } = *found;
        let look = if whose == Whose::ManyPlaces { Look::Work } else { Look::of(&beat) };
        if !self.is_long_enough(look, &beat) {
            return;
        }
        let scope = Scope::network(event);
        let own = Subject { scope, target: judged.request.domain };
        let (whose, subject) = if whose == Whose::ManyPlaces {
            (whose, Subject { target: ROTATION, ..own })
        } else {
            match self.agents_with(event, judged, &beat, findings) {
                None => return,
                Some(1) => (Whose::OnePlace, own),
                Some(agents) => {
                    // From now on one alert is about all of them.
                    self.episodes.resolve(own, findings, |case| case.whose = Whose::Agents(agents));
                    (Whose::Agents(agents), Subject { scope: Scope::fleet("rhythm"), ..own })
                }
            }
        };
        let write = judged.request.is_write();
        let watched = event.watched();
        let open = |many| {
            let case = Callbacks {
                scope_kind: scope.kind.to_owned(),
                class: judged.class,
                write,
                refused: judged.request.refused,
                many,
                look,
                whose,
                beat,
                others: judged.known.tried,
                watched,
            };
            let what = What { path: None, ..what(event, many || whose == Whose::ManyPlaces) };
            let before =
                Before { count: since.count, first: Some((since.first, event.recorded())), evidence: Vec::new() };
            Opening { case, who: scope::who(event), what, before }
        };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.note(whose, look, beat, write));
    }

    /// Whether it has gone on for as long as it takes for what it looks like.
    fn is_long_enough(&self, look: Look, beat: &Beat) -> bool {
        let Parameters { minutes, work_minutes, poll_hours, .. } = self.parameters;
        match look {
            Look::Plain => beat.seconds >= i64::from(minutes) * 60,
            Look::Work => beat.seconds >= i64::from(work_minutes) * 60,
            Look::Poll => beat.idle == beat.fit.intervals && beat.seconds >= i64::from(poll_hours) * 3_600,
        }
    }

    /// How many agents call the place with this rhythm; `None` if others ask for it without one.
    fn agents_with(
        &mut self,
        event: &EventRow<'_>,
        judged: &Judged<'_>,
        beat: &Beat,
        findings: &mut Findings,
    ) -> Option<u32> {
        let agents = self.choirs.entry(event.domain(), event, findings).note(event.network() as u32, beat.period);
        let is_rare = judged.known.tried < self.parameters.rare_agents;
        let are_all = agents > 1 && u64::from(agents) * 4 >= judged.known.crowd.count() * 3;
        (is_rare || are_all).then_some(agents)
    }
}

/// Parts of a path that tell one from another.
const PATH_PARTS: usize = 16;
/// The target of what goes over many places; no domain looks like this.
const ROTATION: &str = "\u{0}rotation";

#[cfg(test)]
mod tests;
