//! `policy.weak`: a firewall that lets everything through, or that somebody weakened.

mod case;
mod examples;
mod weakness;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::egress::request::EGRESS;
use detect_core::episode::{Before, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::recent::Recent;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::Spec;
use detect_core::text::bounded;
use detect_core::{detector_state, parameters};
use ledger::events::column;
use operations::alert::What;

use crate::limits::{POLICIES_MAX, POLICY_REPEAT_SECONDS};
use case::Weak;
use weakness::Weakness;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "policy.weak",
    version: 2,
    what: "A request that only passed because its rule covers every domain (`domain=*`, no `domain=`, `*.com`); a command \
           that starts the firewall with real DNS (or its own word that it runs so), without audit logs or with the weaker jail, or allows every domain; an \
           agent that writes the firewall's configuration; audit logs that the firewall cannot deliver.",
    why: "Everything else here rests on a firewall that refuses and records. A policy that allows everything refuses \
          nothing, and a firewall without audit logs records nothing: both look like peace.",
    false_positives: "A template that is meant to be open. Failures to deliver audit logs while a workspace starts are \
                      usual for some seconds.",
    tuning: "quiet_seconds: how long an alert stays open. ignored_rules: rules, as they are written, that are meant so.",
    tags: &["AML.T0081", "T1562.001", "T1562.004", "T1572", "ASI02", "ASI03"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."policy.weak"]`.
    pub struct Parameters {
        /// An alert is resolved after this many seconds without another sign.
        quiet_seconds: u32 = 86_400, in 600..=604_800;
        /// Rules that may be as wide as they are, in the words of the source.
        ignored_rules: Vec<String> = Vec::new();
    }
    check(parameters) {
        let rules = parameters.ignored_rules.len();
        if rules > RULES_MAX {
            return Err(format!("ignored_rules has {rules} rules; it may have {RULES_MAX}"));
        }
        Ok(())
    }
}

/// Rules in `ignored_rules`.
const RULES_MAX: usize = 64;

/// The detector.
pub struct WeakPolicy {
    parameters: Parameters,
    key: Key,
    /// When a weak rule was last told: under it every request is a sign, and one per minute is enough.
    told: Recent<i64>,
    episodes: Episodes<Weak>,
}

detector_state!(WeakPolicy { told, episodes } without { parameters, key });

impl Rule for WeakPolicy {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            parameters: parameters.clone(),
            key,
            told: Recent::new(POLICIES_MAX),
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        }
    }
}

impl Detector for WeakPolicy {
    fn looks_at(&self) -> Aspects {
        Aspects::REQUEST.with(Aspects::COMMAND).with(Aspects::FILE).with(Aspects::FIREWALL)
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        match event.kind() {
            EGRESS => {
                if let Some(rule) = event.text(column::RULE) {
                    self.passed(event, rule, findings);
                }
            }
            "boundary.failure" | "boundary.start" => {
                if let Some(weakness) = event.text(column::ACTION).and_then(weakness::of_word) {
                    self.raise(event, weakness, findings);
                }
            }
            kind => {
                if kind == "file.write" && event.text(column::FILE).is_some_and(weakness::is_configuration) {
                    self.raise(event, Weakness::Configuration, findings);
                }
                for weakness in event.text(column::COMMAND).map(weakness::of_command).unwrap_or_default() {
                    self.raise(event, weakness, findings);
                }
            }
        }
    }
}

impl WeakPolicy {
    /// A request that a rule let through.
    fn passed(&mut self, event: &EventRow<'_>, rule: &str, findings: &mut Findings) {
        if event.text(column::OUTCOME) != Some("allow") {
            return;
        }
        let Some(weakness) = weakness::of_rule(rule) else { return };
        if self.parameters.ignored_rules.iter().any(|known| known == rule) {
            return;
        }
        let scope = owner(event);
        let hash = self.key.hash(&["policy", scope.kind, scope.name, rule]);
        let told = self.told.get(hash);
        if told.is_none_or(|told| event.recorded_second() - told >= POLICY_REPEAT_SECONDS) {
            self.told.insert(hash, event.recorded_second());
            self.raise(event, weakness, findings);
        }
    }

    fn raise(&mut self, event: &EventRow<'_>, weakness: Weakness, findings: &mut Findings) {
        let scope = if weakness.is_of_template() { owner(event) } else { Scope::network(event) };
        let open = |_| {
            let case = Weak { scope_kind: scope.kind.to_owned(), weakness };
            let what = What {
                policy: event.text(column::RULE).map(bounded),
                tool: event.text(column::TOOL).map(bounded),
                ..What::default()
            };
            Opening { case, who: scope::who(event), what, before: Before::default() }
        };
        let rule = event.text(column::RULE).filter(|_| weakness.is_of_template()).unwrap_or("");
        let target = format!("{}:{rule}", weakness.as_str());
        let subject = Subject { scope, target: &target };
        self.episodes.raise(subject, event.sighting(), findings, open, |_| {});
    }
}

/// Whose policy it is: workspaces of one template share theirs.
fn owner<'a>(event: &EventRow<'a>) -> Scope<'a> {
    match event.text(column::TEMPLATE) {
        Some(name) => Scope { kind: "template", name },
        None => Scope::network(event),
    }
}

#[cfg(test)]
mod tests;
