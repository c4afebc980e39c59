//! `coverage.missing`: a witness that a session should have tells nothing of it, or says itself that it does not.

mod case;
mod examples;
mod habits;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::recent::Recent;
use detect_core::rule::Rule;
use detect_core::scope;
use detect_core::second::Second;
use detect_core::spec::Spec;
use detect_core::table::Table;
use detect_core::text::bounded;
use detect_core::witness::{Heard, Witness, Witnesses, witnesses};
use detect_core::{detector_state, parameters};
use ledger::events::column;
use operations::alert::What;

use crate::limits::{HABITS_MAX, HOOK_FAILURES_MAX, LISTED_WORDS_MAX, WATCHED_NETWORKS_MAX};
use case::{Lack, Missing};
use habits::Habits;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "coverage.missing",
    version: 1,
    what: "A session of which a witness tells nothing (firewall, gateway, hooks, telemetry) or in which no managed settings are in force, although \
           nearly all sessions of its team have that, or you expect it (`expected`); hooks that failed several times in a session; \
           a firewall that is turned off; a gateway that keeps no content. One alert for each of these and workspace or template.",
    why: "What nobody saw cannot be judged, and its silence looks like peace. Who wants to hide turns off what watches first.",
    false_positives: "Templates that are meant to have no firewall, and agents of a kind that has no hooks; a session that makes no request in a \
                      workspace whose firewall told nothing for a day.",
    tuning: "expected: firewall, gateway, hooks, telemetry and managed_settings, as far as each session must have them; without it they are \
             expected where the team's sessions usually have them. hook_failures: how many failures in a session are told. quiet_seconds: \
             how long an alert stays open.",
    tags: &["AML.T0081", "T1562.001", "T1562.004", "ASI10"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."coverage.missing"]`.
    pub struct Parameters {
        /// Witnesses that every session must have: `firewall`, `gateway`, `hooks`, `telemetry`, `managed_settings`.
        expected: Vec<String> = Vec::new();
        /// Hooks that failed so often in one session are told.
        hook_failures: u32 = 5, in 1..=100_000;
        /// An alert is resolved after this many seconds without another sign.
        quiet_seconds: u32 = 86_400, in 600..=604_800;
    }
    check(parameters) {
        if parameters.expected.len() > LISTED_WORDS_MAX {
            return Err(format!("expected has {} words; it may have {LISTED_WORDS_MAX}", parameters.expected.len()));
        }
        let unknown = parameters.expected.iter().find(|word| named(word).is_none());
        match unknown {
            Some(word) => Err(format!("expected names {word:?}; it may name {}", Witness::EXPECTED.map(Witness::word).join(", "))),
            None => Ok(()),
        }
    }
}

fn named(word: &str) -> Option<Witness> {
    Witness::EXPECTED.into_iter().find(|witness| witness.word() == word)
}

/// A firewall that told of its workspace within so many seconds watches it.
const FIREWALL_SECONDS: i64 = 86_400;

/// The detector.
pub struct CoverageMissing {
    expected: Witnesses,
    hook_failures: u32,
    /// When a firewall told of a workspace last.
    firewalls: Recent<Second>,
    /// What sessions of each team usually have.
    habits: Table<Habits>,
    /// How often hooks failed in a session.
    failures: Recent<u32>,
    episodes: Episodes<Missing>,
}

detector_state!(CoverageMissing { firewalls, habits, failures, episodes } without { expected, hook_failures });

impl Rule for CoverageMissing {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        let expected = parameters.expected.iter().filter_map(|word| named(word));
        Self {
            expected: expected.fold(Witnesses::NONE, Witnesses::and),
            hook_failures: parameters.hook_failures,
            firewalls: Recent::new(WATCHED_NETWORKS_MAX),
            habits: Table::new(HABITS_MAX),
            failures: Recent::new(HOOK_FAILURES_MAX),
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        }
    }
}

/// What a gateway calls the loss of all content.
const CONTENT: &str = "content_recording_disabled";
/// What agents call the loss of what a hook would have told.
const HOOK: &str = "hook_failed";

/// Whether a reported loss is told here, and no gap in what was recorded.
pub(crate) fn is_coverage(loss: &str) -> bool {
    matches!(loss, CONTENT | HOOK)
}

impl Detector for CoverageMissing {
    fn looks_at(&self) -> Aspects {
        Aspects::ALL
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let action = || event.text(column::ACTION).unwrap_or("");
        match event.kind() {
            "loss" if action() == HOOK => self.hook_failed(event, findings),
            "loss" if action() == CONTENT => self.raise(event, Lack::Content, 0, findings),
            "inventory" if action() == "managed_settings" => self.settings(event, findings),
            "inventory" if action() == "firewall" => self.firewall(event, findings),
            _ if witnesses(event).has(Witness::Firewall) && event.text(column::WORKSPACE).is_some() => {
                self.firewalls.insert(event.network(), Second::new(event.second()));
            }
            _ => {}
        }
        if let Some(heard) = event.heard() {
            self.heard(event, heard, findings);
        }
    }
}

impl CoverageMissing {
    /// Judges a session once it has been watched for long enough, and takes back what was said too early.
    fn heard(&mut self, event: &EventRow<'_>, heard: Heard, findings: &mut Findings) {
        if heard.settled && heard.new != Witnesses::NONE {
            for witness in
                [Witness::Gateway, Witness::Hooks, Witness::Telemetry].into_iter().filter(|one| heard.new.has(*one))
            {
                let lack = Lack::Silent(witness);
                let subject = Subject { scope: lack.scope(event), target: lack.word() };
                self.episodes.resolve(subject, findings, |case| case.back = true);
            }
        }
        if !heard.settles {
            return;
        }
        let of_agent = heard.witnesses.has(Witness::Agent);
        let is_watched =
            self.firewalls.get(event.network()).is_some_and(|second| event.second() - second.get() <= FIREWALL_SECONDS);
        for witness in [Witness::Firewall, Witness::Gateway, Witness::Hooks, Witness::Telemetry] {
            let has = match witness {
                Witness::Firewall => is_watched,
                witness => heard.witnesses.has(witness),
            };
            // Without a workspace nobody knows whose firewall it is, and of an agent that tells nothing at all `source.disagreement` speaks.
            let is_known = match witness {
                Witness::Firewall => event.text(column::WORKSPACE).is_some(),
                Witness::Gateway => true,
                _ => of_agent || self.expected.has(witness),
            };
            if is_known {
                self.judge(event, witness, has, findings);
            }
        }
    }

    /// Learns whether a session has a witness, and says so if it should and does not.
    fn judge(&mut self, event: &EventRow<'_>, witness: Witness, has: bool, findings: &mut Findings) {
        let habits = self.habits.entry(event.team(), event, findings);
        let (usual, share) = (habits.is_usual(witness), habits.with(witness));
        habits.note(witness, has);
        if !has && (usual || self.expected.has(witness)) {
            self.raise(event, Lack::Silent(witness), if usual { share } else { 0 }, findings);
        }
    }

    fn settings(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let has = witnesses(event).has(Witness::Policy);
        self.judge(event, Witness::Policy, has, findings);
    }

    /// What the inventory says of a firewall: that it is off is told where it stands, whether or not anybody has one.
    fn firewall(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let is_off = matches!(event.text(column::OUTCOME), Some("deny" | "blocked" | "error"))
            || matches!(event.text(column::TARGET), Some("disabled" | "none" | "off"));
        if !is_off {
            return;
        }
        let habits = self.habits.get(event.team());
        let usual =
            habits.is_some_and(|habits| habits.is_usual(Witness::Firewall)) || self.expected.has(Witness::Firewall);
        self.raise(event, Lack::Off { expected: usual }, 0, findings);
    }

    fn hook_failed(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let amount = event.integer(column::AMOUNT).and_then(|amount| u32::try_from(amount).ok()).unwrap_or(1).max(1);
        let failed = self.failures.get(event.agent()).unwrap_or(0).saturating_add(amount);
        self.failures.insert(event.agent(), failed);
        if failed >= self.hook_failures {
            self.raise(event, Lack::Hooks, u64::from(failed), findings);
        }
    }

    /// `number` is what the sentence counts: sessions that have it, or failures.
    fn raise(&mut self, event: &EventRow<'_>, lack: Lack, number: u64, findings: &mut Findings) {
        let scope = lack.scope(event);
        let open = |_| {
            let case = Missing {
                lack,
                number,
                scope_kind: scope.kind.to_owned(),
                name: bounded(scope.shown(event)),
                limit: self.hook_failures,
                back: false,
            };
            let what = What { policy: event.text(column::RULE).map(bounded), ..What::default() };
            Opening { case, who: scope::who(event), what, before: Before::default() }
        };
        let subject = Subject { scope, target: lack.word() };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| {
            case.number = case.number.max(number);
            case.lack = case.lack.max(lack);
        });
    }
}

#[cfg(test)]
mod tests;
