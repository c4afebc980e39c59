//! `sandbox.escape`: a sensor on the host sees that something leaves its container.

mod examples;
mod signs;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject, span_seconds};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::Spec;
use detect_core::text::{bounded, sentences, times};
use detect_core::{detector_state, parameters};
use effects::effect::EffectKind;
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, Unit, What};
use serde::{Deserialize, Serialize};

use crate::limits::LISTED_WORDS_MAX;
use signs::Sign;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "sandbox.escape",
    version: 1,
    what: "An alert of a sensor such as Falco or Tetragon (kind `sensor.alert`, its rule in `rule` and its priority in `action`) about an escape from \
           a container: other namespaces, privileged containers, mounts of the host, kernel modules, eBPF programs, the Docker socket, \
           other processes' memory; a program that such a sensor saw started (`process.exec`) and that does the same. One alert for each \
           rule or means and workspace.",
    why: "All other fences stand inside of the container. What left it is held by none of them, and what it does is recorded by the host \
          alone.",
    false_positives: "Tools for containers and debuggers that run in a workspace which is meant for them; the platform's own agents on the \
                      host.",
    tuning: "rules: names of further rules of your sensor that mean an escape. ignored_rules: those that do not. quiet_seconds: how long an \
             alert stays open.",
    tags: &["AML.T0105", "T1611", "T1548", "ASI05"],
    examples: examples::EXAMPLES,
};

parameters! {
    /// `[detect.rules."sandbox.escape"]`.
    pub struct Parameters {
        /// Rules of the sensor that mean an escape beside those that are known by their words, as the sensor writes them.
        rules: Vec<String> = Vec::new();
        /// Rules of the sensor that mean none.
        ignored_rules: Vec<String> = Vec::new();
        /// An alert is resolved after this many seconds without another sign.
        quiet_seconds: u32 = 3_600, in 1..=604_800;
    }
    check(parameters) {
        for (name, list) in [("rules", &parameters.rules), ("ignored_rules", &parameters.ignored_rules)] {
            if list.len() > LISTED_WORDS_MAX {
                return Err(format!("{name} has {} rules; it may have {LISTED_WORDS_MAX}", list.len()));
            }
        }
        Ok(())
    }
}

/// The detector.
pub struct SandboxEscape {
    parameters: Parameters,
    episodes: Episodes<Escape>,
}

detector_state!(SandboxEscape { episodes } without { parameters });

impl Rule for SandboxEscape {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self { parameters: parameters.clone(), episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds) }
    }
}

impl Detector for SandboxEscape {
    fn looks_at(&self) -> Aspects {
        Aspects::SENSOR
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        match event.kind() {
            "sensor.alert" => self.alerted(event, findings),
            "process.exec" => self.started(event, findings),
            _ => {}
        }
    }
}

impl SandboxEscape {
    /// A sensor has judged already: its rule says what it saw, and its priority how sure that is.
    fn alerted(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(rule) = event.text(column::RULE) else { return };
        let is_listed = |rules: &[String]| rules.iter().any(|known| known.eq_ignore_ascii_case(rule));
        if is_listed(&self.parameters.ignored_rules) {
            return;
        }
        let sign = signs::of_rule(rule).or_else(|| is_listed(&self.parameters.rules).then_some(Sign::Listed));
        if let Some(sign) = sign {
            let priority = event.text(column::ACTION).unwrap_or("");
            self.raise(event, sign, Some(rule), signs::is_urgent(priority), findings);
        }
    }

    /// A program that ran, in the host's words and not the agent's.
    fn started(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        // The metadata service is asked for by tools of the cloud all day; `command.risky` judges whether an agent should.
        let is_meant = |kind: EffectKind, what: &str| kind == EffectKind::Escape && !what.contains("metadata");
        if event.worst_effect(|effect| is_meant(effect.kind, &effect.what)).is_some() {
            let refused = matches!(event.text(column::OUTCOME), Some("deny" | "blocked"));
            self.raise(event, Sign::Program, None, !refused, findings);
        }
    }

    fn raise(&mut self, event: &EventRow<'_>, sign: Sign, rule: Option<&str>, urgent: bool, findings: &mut Findings) {
        let scope = Scope::network(event);
        let open = |many: bool| {
            let rule = rule.filter(|_| !many).map(bounded);
            let sensor = event.text(column::SOURCE).map_or_else(|| "a sensor".to_owned(), bounded);
            let what = What { policy: rule.clone(), ..What::default() };
            let case = Escape {
                sign,
                rule,
                sensor,
                scope_kind: scope.kind.to_owned(),
                name: bounded(scope.shown(event)),
                urgent,
            };
            Opening { case, who: scope::who(event), what, before: Before::default() }
        };
        let subject = Subject { scope, target: rule.unwrap_or("") };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.urgent |= urgent);
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Escape {
    sign: Sign,
    /// The sensor's rule.
    rule: Option<String>,
    sensor: String,
    scope_kind: String,
    name: String,
    /// Whether the sensor is sure, or it was done.
    urgent: bool,
}

impl Case for Escape {
    fn severity(&self, _: &Alert) -> Severity {
        if self.urgent { Severity::High } else { Severity::Medium }
    }

    fn title(&self, _: &Alert) -> String {
        "Something leaves its container".to_owned()
    }

    fn reason(&self, alert: &Alert) -> String {
        let seen = match &self.rule {
            Some(rule) => format!("raised the rule {rule} in {} {}", self.scope_kind, self.name),
            None => format!("saw a program start in {} {}", self.scope_kind, self.name),
        };
        sentences(&[
            format!("{} {seen} ({}): {}.", self.sensor, times(alert.count), self.sign.clause()),
            "Stop the workspace before you look further, and look at what ran on its machine since; what the agent tells of the same minutes may \
             not be true any more."
                .to_owned(),
        ])
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(Measurement::new("signs of an escape", Unit::Count, alert.count).within(span_seconds(alert)))
    }

    fn kind(&self) -> &'static str {
        self.sign.word()
    }
}
