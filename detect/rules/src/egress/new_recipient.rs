//! `egress.new_recipient`: a command or a call of a tool sends data or money, or gives rights, to somebody who is new to the team and
//! whom the person did not name.

mod case;
mod examples;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::egress::popular;
use detect_core::episode::{Before, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::named::named;
use detect_core::recent::Recent;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::second::Second;
use detect_core::spec::Spec;
use detect_core::text::bounded;
use detect_core::{detector_state, packed, parameters};
use effects::effect::{COPIED, EffectKind};
use effects::host;
use effects::text::{NameKind, Request, requests_of_tool};
use ledger::events::column;
use operations::alert::What;

use crate::deed::{CallStage, Calls, Deeds, News};
use crate::limits::{RECIPIENTS_MAX, SENDING_TEAMS_MAX, WATCHED_NETWORKS_MAX};
use case::{Given, Recipient};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "egress.new_recipient",
    version: 1,
    what: "A command or a call of a tool sends data (a file to a host, a copy to a machine, a mail, a push to a repository), pays, or lets \
           somebody in, and nobody of the team did so to that host, address or account before; nor did the person's prompts name it, \
           nor do requests of the team go there. Where a firewall sees the requests of the workspace, what goes over HTTP is left to \
           `egress.new_domain`. One alert for each session and what is given.",
    why: "A firewall sees hosts, not mail, payments, copies over SSH or what a tool does elsewhere. Whom a team deals with changes \
          slowly; whom a hijacked agent sends things to is nobody whom it knew.",
    false_positives: "The first mail to a new customer, a new service, a new colleague: told as medium, once; as low where the \
                      person asked for such a thing or the team is not known long enough, and not at all where both hold.",
    tuning: "learning_hours: so long a team is watched before a new recipient is more than low. quiet_seconds: how long an alert stays \
             open.",
    tags: &["AML.T0086", "AML.T0053", "T1048", "T1567", "ASI02", "ASI10"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."egress.new_recipient"]`.
    pub struct Parameters {
        /// Hours after a team first sent something in which a new recipient is low at most.
        learning_hours: u32 = 24, in 0..=2_160;
        /// An alert is resolved after this many seconds without another such call.
        quiet_seconds: u32 = 3_600, in 1..=604_800;
    }
}

/// The detector.
pub struct NewRecipient {
    parameters: Parameters,
    key: Key,
    calls: Calls<Given>,
    /// To whom each team gave something, by the keyed hash of both.
    recipients: Recent<()>,
    teams: Recent<Team>,
    /// Workspaces whose requests a firewall sees.
    watched: Recent<()>,
    episodes: Episodes<Recipient>,
}

detector_state!(NewRecipient { calls, recipients, teams, watched, episodes } without { parameters, key });

/// What is known of a team.
#[derive(Debug, Clone, Copy, Default)]
struct Team {
    /// When it first gave something,
    since: Second,
    /// and to how many, as far as it matters.
    recipients: u8,
}

packed!(Team { since, recipients });

/// A team that deals with fewer recipients is not known yet.
const KNOWN_RECIPIENTS: u8 = 3;

impl Rule for NewRecipient {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
            parameters: parameters.clone(),
            key,
            calls: Calls::new(),
            recipients: Recent::new(RECIPIENTS_MAX),
            teams: Recent::new(SENDING_TEAMS_MAX),
            watched: Recent::new(WATCHED_NETWORKS_MAX),
        }
    }
}

impl Detector for NewRecipient {
    fn looks_at(&self) -> Aspects {
        Aspects::COMMAND.with(Aspects::EFFECTS).with(Aspects::NAMED).with(Aspects::CALL).with(Aspects::REQUEST)
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        if event.request().is_some() {
            if self.watched.get(event.network()).is_none() {
                self.watched.insert(event.network(), ());
            }
            return;
        }
        let Some(progress) = CallStage::of(event) else { return };
        // What was refused went nowhere, and a refusal says no more than which call it is about.
        let given = if progress == CallStage::Refused { None } else { self.given(event) };
        match (self.calls.hear(event, progress), &given) {
            (News::Further(from, to, given), _) => {
                let subject = Subject { scope: Scope::agent(event), target: given.word() };
                self.episodes.worsen(subject, findings, |case| case.deeds.go_on(from, to));
            }
            (News::First, Some((given, recipients))) if self.is_news(event, recipients) => {
                self.judge(event, *given, progress, findings);
            }
            (News::First | News::Known, _) => {}
        }
        if let Some((_, recipients)) = given.filter(|_| progress == CallStage::Done) {
            self.learn(event, &recipients);
        }
    }
}

impl NewRecipient {
    /// Whether the team never gave anything to one of them.
    fn is_news(&self, event: &EventRow<'_>, recipients: &[u64]) -> bool {
        recipients.iter().any(|recipient| self.recipients.get(Key::join(event.team(), *recipient)).is_none())
    }

    /// Notes to whom a team gave something.
    fn learn(&mut self, event: &EventRow<'_>, recipients: &[u64]) {
        let mut team = self.team(event);
        for recipient in recipients {
            let pair = Key::join(event.team(), *recipient);
            if self.recipients.get(pair).is_none() {
                self.recipients.insert(pair, ());
                team.recipients = team.recipients.saturating_add(1);
            }
        }
        self.teams.insert(event.team(), team);
    }

    fn team(&self, event: &EventRow<'_>) -> Team {
        self.teams.get(event.team()).unwrap_or(Team { since: Second::new(event.second()), recipients: 0 })
    }

    fn judge(&mut self, event: &EventRow<'_>, given: Given, progress: CallStage, findings: &mut Findings) {
        let person = event.person();
        let destinations = || named(event).filter(|name| name.kind.is_destination());
        // What stands behind an address is named with it, unless the address is all that there is.
        let is_whole = destinations().all(|name| name.kind == NameKind::Url);
        let mut meant = destinations().filter(|name| is_whole || name.kind != NameKind::Url).peekable();
        if meant.peek().is_some() && meant.all(|name| person.named(name)) {
            return;
        }
        let team = self.team(event);
        let hours = (event.second() - team.since.get()) / 3_600;
        let is_known = team.recipients >= KNOWN_RECIPIENTS && hours >= i64::from(self.parameters.learning_hours);
        let is_asked = person.asked_for(given.requests());
        if is_asked && !is_known {
            return;
        }
        self.calls.judged(event, progress, given);
        let open = |_| Opening {
            case: Recipient { given, is_known, is_asked, hours, known: team.recipients, deeds: Deeds::one(progress) },
            who: scope::who(event),
            what: What { tool: event.text(column::TOOL).map(bounded), ..What::default() },
            before: Before::default(),
        };
        let subject = Subject { scope: Scope::agent(event), target: given.word() };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.deeds.add(progress));
    }

    /// What an event gives, and to whom, by keyed hashes; nothing if it does not say to whom, or if others tell of it.
    fn given(&self, event: &EventRow<'_>) -> Option<(Given, Vec<u64>)> {
        let mut sends = false;
        let mut copies = false;
        let mut grants = false;
        let mut is_told = false;
        event.each_effect(|kind, what| match kind {
            EffectKind::Send => {
                sends = true;
                copies |= what == COPIED;
            }
            EffectKind::Account => grants = true,
            // `command.risky` tells of these.
            EffectKind::Publish | EffectKind::Exfiltrate => is_told = true,
            _ => {}
        });
        if is_told {
            return None;
        }
        if event.aspects().meet(Aspects::COMMAND) {
            // Most commands send nothing, or a firewall sees what they send: hosts are not looked at then.
            if !sends || (!copies && self.watched.get(event.network()).is_some()) {
                return None;
            }
            let effects = event.line().effects().iter().filter(|effect| effect.kind == EffectKind::Send);
            let hosts = effects.filter_map(|effect| effect.object.as_deref());
            let hosts: Vec<u64> = hosts.filter(|host| is_strange(host, event)).map(|host| self.hash(host)).collect();
            return (!hosts.is_empty()).then_some((Given::Data, hosts));
        }
        // Few calls name anybody, and to read the name of a tool takes long.
        let is_person = |kind| matches!(kind, NameKind::Email | NameKind::Account | NameKind::Handle);
        let people: Vec<u64> =
            named(event).filter(|name| is_person(name.kind)).map(|name| u64::from(name.hash)).collect();
        if people.is_empty() {
            return None;
        }
        let requests = event.text(column::TOOL).map(requests_of_tool).unwrap_or_default();
        let given = if requests.contains(&Request::Pay) {
            Given::Money
        } else if grants || requests.contains(&Request::Share) {
            Given::Rights
        } else if sends || requests.contains(&Request::Send) {
            Given::Data
        } else {
            return None;
        };
        Some((given, people))
    }

    fn hash(&self, host: &str) -> u64 {
        self.key.hash(&["recipient", host])
    }
}

/// Whether a host, or the place on it that is named, is neither near nor one that everybody uses, nor one that requests of the
/// team go to.
fn is_strange(place: &str, event: &EventRow<'_>) -> bool {
    let (host, path) = place.split_once('/').unwrap_or((place, ""));
    let host = host.rsplit('@').next().unwrap_or(host);
    if matches!(host::of(host, ""), host::Class::Local | host::Class::PrivateAddress) || host.contains(['$', '{']) {
        return false;
    }
    let mut suffixes =
        std::iter::successors(Some(host), |name| name.split_once('.').map(|(_, rest)| rest)).take(SUFFIXES_MAX);
    // What stands behind a name that everybody uses is somebody's: whose, only a path says.
    if !path.is_empty() {
        return true;
    }
    !suffixes.any(|domain| {
        popular::is_popular(domain) || (domain == host && popular::is_shared(domain)) || event.is_reached(domain)
    })
}

/// Labels of a host that are looked at.
const SUFFIXES_MAX: usize = 6;

#[cfg(test)]
mod tests;
