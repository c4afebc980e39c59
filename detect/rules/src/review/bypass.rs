//! `review.bypass`: a change is merged that nobody approved, against a review, or with checks that failed.

mod case;
mod examples;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::fixed_list::FixedList;
use detect_core::key::Key;
use detect_core::recent::Recent;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::second::Second;
use detect_core::spec::Spec;
use detect_core::table::Table;
use detect_core::text::bounded;
use detect_core::{detector_state, packed, parameters};
use ledger::events::column;
use operations::alert::What;

use crate::limits::{FAILED_CHECKS_MAX, LISTED_WORDS_MAX, PULL_REQUESTS_MAX, REPOSITORIES_MAX};
use case::{By, Merged, Verdict};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "review.bypass",
    version: 1,
    what: "A pull request (`target` is `repository#number`) that is merged without an approval where changes are usually approved, against a \
           review that asks for changes, past the rules of the branch, or with checks that failed last. Reviews of bots count neither way. Who \
           merges is told: it is worse if that is an agent. One alert for each pull request.",
    why: "The review is the place where a person sees what an agent wrote. What is merged past it runs everywhere a moment later.",
    false_positives: "Repositories in which approvals are not needed for small changes; checks that fail by chance and that nobody waits for.",
    tuning: "repositories: those in which every change needs an approval; elsewhere it is expected once somebody approved there. failed_checks: \
             whether failed checks are told. quiet_seconds: how long an alert stays open.",
    tags: &["AML.T0048", "T1562", "ASI09"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."review.bypass"]`.
    pub struct Parameters {
        /// Repositories in which every change needs an approval, as they stand before the `#` of a pull request.
        repositories: Vec<String> = Vec::new();
        /// Whether a merge with failed checks is told.
        failed_checks: bool = true;
        /// An alert is resolved after this many seconds.
        quiet_seconds: u32 = 86_400, in 600..=604_800;
    }
    check(parameters) {
        let repositories = parameters.repositories.len();
        if repositories > LISTED_WORDS_MAX {
            return Err(format!("repositories has {repositories} names; it may have {LISTED_WORDS_MAX}"));
        }
        Ok(())
    }
}

/// The detector.
pub struct ReviewBypass {
    parameters: Parameters,
    key: Key,
    pulls: Table<Pull>,
    /// When somebody approved something in a repository last.
    reviewed: Recent<Second>,
    episodes: Episodes<Merged>,
}

detector_state!(ReviewBypass { pulls, reviewed, episodes } without { parameters, key });

impl Rule for ReviewBypass {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            parameters: parameters.clone(),
            key,
            pulls: Table::new(PULL_REQUESTS_MAX),
            reviewed: Recent::new(REPOSITORIES_MAX),
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        }
    }
}

/// What is known of a pull request.
#[derive(Debug, Default)]
struct Pull {
    approved: bool,
    /// Whether the latest review asks for changes.
    refused: bool,
    /// Whether its merge was judged: sources that are asked again and again tell it again.
    merged: bool,
    /// Checks that failed last, by half of the hash of their names.
    failed: FixedList<u32, FAILED_CHECKS_MAX>,
}

packed!(Pull { approved, refused, merged, failed });

/// A repository in which nobody approved anything for so many seconds has no habit.
const HABIT_SECONDS: i64 = 90 * 86_400;

impl Detector for ReviewBypass {
    fn looks_at(&self) -> Aspects {
        Aspects::REVIEW.with(Aspects::CHECK)
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(target) = event.text(column::TARGET) else { return };
        let Some((repository, _)) = target.rsplit_once('#') else { return };
        // An agent's word that somebody approved is none.
        if event.is_claim() {
            return;
        }
        let by_person = event.text(column::ACTOR).is_none_or(|actor| actor == "person");
        match (event.kind(), event.text(column::ACTION).unwrap_or("")) {
            ("check.result", _) => self.checked(event, target, findings),
            ("review", "review.approved") if by_person => {
                let pull = self.pull(event, target, findings);
                (pull.approved, pull.refused) = (true, false);
                let key = self.named(repository);
                self.reviewed.insert(key, Second::new(event.second()));
            }
            ("review", "review.changes_requested") if by_person => {
                let pull = self.pull(event, target, findings);
                (pull.approved, pull.refused) = (false, true);
            }
            // An approval that was taken back is none, and neither is a demand for changes.
            ("review", "review.dismissed") => {
                let pull = self.pull(event, target, findings);
                (pull.approved, pull.refused) = (false, false);
            }
            // Checks run anew on what was pushed.
            ("review", "pull_request.synchronize") => {
                self.pull(event, target, findings).failed = FixedList::default();
            }
            ("review", "pull_request.merged") => self.merged(event, repository, target, findings),
            _ => {}
        }
    }
}

impl ReviewBypass {
    fn pull(&mut self, event: &EventRow<'_>, target: &str, findings: &mut Findings) -> &mut Pull {
        let key = self.named(target);
        self.pulls.entry(key, event, findings)
    }

    /// A pull request or repository is known by its name alone: a forge and whoever watches it for an agent call it the same.
    fn named(&self, name: &str) -> u64 {
        self.key.hash(&["review", name])
    }

    fn checked(&mut self, event: &EventRow<'_>, target: &str, findings: &mut Findings) {
        let name = [column::RULE, column::TOOL, column::ACTION].iter().find_map(|column| event.text(*column));
        let name = self.key.hash(&["check", name.unwrap_or("")]) as u32;
        let pull = self.pull(event, target, findings);
        let known = pull.failed.as_slice().iter().position(|failed| *failed == name);
        match (event.text(column::OUTCOME), known) {
            (Some("error" | "deny" | "blocked"), None) => _ = pull.failed.push(name),
            (Some("success" | "allow"), Some(at)) => _ = pull.failed.remove(at),
            _ => {}
        }
    }

    fn merged(&mut self, event: &EventRow<'_>, repository: &str, target: &str, findings: &mut Findings) {
        let reviewed = self
            .reviewed
            .get(self.named(repository))
            .is_some_and(|second| event.second() - second.get() <= HABIT_SECONDS);
        let required = reviewed || self.parameters.repositories.iter().any(|name| name == repository);
        let tells_checks = self.parameters.failed_checks;
        let pull = self.pull(event, target, findings);
        if std::mem::replace(&mut pull.merged, true) {
            return;
        }
        // What the forge says of the merge itself goes before what was seen of reviews; Coder tells of the latest verdict with it.
        let outcome = event.text(column::OUTCOME);
        let verdict = match event.text(column::RULE) {
            Some("approved") => Verdict::Approved,
            Some("not_approved" | "unapproved") if pull.refused => Verdict::Refused,
            Some("not_approved" | "unapproved") => Verdict::None,
            _ if outcome == Some("allow") => Verdict::Approved,
            _ if outcome == Some("deny") || pull.refused => Verdict::Refused,
            _ if pull.approved => Verdict::Approved,
            _ => Verdict::None,
        };
        let merged = Merged {
            target: bounded(target),
            verdict,
            required,
            forced: event.text(column::RULE) == Some("bypassed"),
            failed: if tells_checks { pull.failed.as_slice().len() as u32 } else { 0 },
            by: match event.text(column::ACTOR) {
                Some("cloud_agent" | "sub_agent") => By::Agent,
                Some("automation" | "schedule") => By::Automation,
                _ => By::Person,
            },
        };
        if merged.is_told() {
            let what = What { policy: event.text(column::RULE).map(bounded), ..What::default() };
            let open = |_| Opening { case: merged, who: scope::who(event), what, before: Before::default() };
            let subject = Subject { scope: Scope { kind: "repository", name: repository }, target };
            self.episodes.raise(subject, event.sighting(), findings, open, |_| ());
        }
    }
}

#[cfg(test)]
mod tests;
