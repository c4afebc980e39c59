//! `state.alerts`: one sender opens so many alerts that the further ones are told together only.
//!
//! [`Openers`] counts what each sender opened, and decides before an event is judged; the detector says so once.

use std::collections::BTreeMap;

use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::limits::{OPENED_PER_SENDER_MAX, OPENED_SECONDS};
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::{Example, Expected, Spec};
use detect_core::text::bounded;
use detect_core::{detector_state, parameters};
use operations::alert::{Alert, Measurement, Severity, State, Unit, What};
use serde::{Deserialize, Serialize};

use crate::limits::RULES_IN_TEXT;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "state.alerts",
    version: 1,
    what: "A sender (a user, else workspace, of a token whose source knows who they are, and otherwise the token) opens more than a \
           hundred alerts with no pause of ten minutes. Its further alerts are recorded as ever, and told together only.",
    why: "Whoever can write events can write ones that raise alerts. Thousands of them would bury the one that is real, also among \
          those of the same sender, so look at that sender whatever the alerts say.",
    false_positives: "A program gone wild in one workspace; one token that a whole fleet shares and whose source knows nobody.",
    tuning: "quiet_seconds: how long the sender must open no alert for the episode to end.",
    tags: &["AML.T0029", "T1562.006", "ASI08"],
    examples: EXAMPLES,
};

const EXAMPLES: &[Example] = &[
    Example {
        name: "one token claims three hundred workspaces that send to strangers",
        events: &[
            r#"{"second":0,"repeat":300,"kind":"egress.http","outcome":"deny","method":"POST","domain":"d{n}.example","workspace":"w{n}","token":"t1","trust":"agent"}"#,
        ],
        until: 30,
        alerts: &[
            Expected { state: State::Open, severity: Severity::High, count: 1, reason: "token t1" },
            Expected { state: State::Updated, severity: Severity::High, count: 4, reason: "4 high" },
            Expected { state: State::Updated, severity: Severity::High, count: 16, reason: "egress.denied_post" },
            Expected { state: State::Updated, severity: Severity::High, count: 64, reason: "64 further alerts" },
        ],
    },
    Example {
        name: "three hundred workspaces that a control plane names, each with an alert",
        events: &[
            r#"{"second":0,"repeat":300,"kind":"egress.http","outcome":"deny","method":"POST","domain":"d{n}.example","workspace":"w{n}","token":"t1","trust":"workspace"}"#,
        ],
        until: 30,
        alerts: &[],
    },
];

parameters! {
    /// `[detect.rules."state.alerts"]`.
    pub struct Parameters {
        /// An episode is resolved when the sender opened nothing for this many seconds.
        quiet_seconds: u32 = 900, in 1..=86_400;
    }
}

/// The detector.
pub struct Alerts {
    episodes: Episodes<Buried>,
}

detector_state!(Alerts { episodes });

impl Rule for Alerts {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;
    const IS_ALWAYS_TOLD: bool = true;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self { episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds) }
    }
}

impl Detector for Alerts {
    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        if !findings.is_flood() {
            return;
        }
        let opened: Vec<(Severity, String)> =
            findings.opened().map(|alert| (alert.severity, alert.rule.clone())).collect();
        let scope = Scope::sender(event);
        for (severity, rule) in opened {
            let open = |_| {
                let mut case = Buried { kind: scope.kind.to_owned(), name: bounded(scope.name), ..Buried::default() };
                case.note(severity, &rule);
                Opening { case, who: scope::who(event), what: What::default(), before: Before::default() }
            };
            let subject = Subject { scope, target: "" };
            self.episodes.raise(subject, event.sighting(), findings, open, |case| case.note(severity, &rule));
        }
    }
}

/// The alerts that were told together only.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct Buried {
    kind: String,
    name: String,
    severities: BTreeMap<Severity, u64>,
    /// How many of each rule, for a few rules.
    rules: BTreeMap<String, u64>,
}

impl Buried {
    fn note(&mut self, severity: Severity, rule: &str) {
        *self.severities.entry(severity).or_default() += 1;
        if let Some(count) = self.rules.get_mut(rule) {
            *count += 1;
        } else if self.rules.len() < RULES_IN_TEXT {
            self.rules.insert(rule.to_owned(), 1);
        }
    }
}

impl Case for Buried {
    fn severity(&self, _: &Alert) -> Severity {
        Severity::High
    }

    fn title(&self, _: &Alert) -> String {
        format!("A flood of alerts from {} {}", self.kind, self.name)
    }

    fn reason(&self, alert: &Alert) -> String {
        let severities: Vec<String> =
            self.severities.iter().rev().map(|(severity, count)| format!("{count} {severity}")).collect();
        let rules: Vec<String> = self.rules.iter().map(|(rule, count)| format!("{count} of {rule}")).collect();
        format!(
            "{} {} opened {} further alerts after its first {OPENED_PER_SENDER_MAX}, with no pause of {} minutes: {}; among them {}. \
             They are recorded, and told together only. One of them may be real: look at this sender first.",
            self.kind,
            self.name,
            alert.count,
            OPENED_SECONDS / 60,
            severities.join(", "),
            rules.join(", ")
        )
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(Measurement::new("further alerts", Unit::Count, alert.count).against(OPENED_PER_SENDER_MAX))
    }
}
