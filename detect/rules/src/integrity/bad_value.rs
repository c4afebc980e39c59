//! `ledger.bad_value`: a sender states numbers or times that cannot be true.

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject, span_seconds};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::{Example, Expected, Spec};
use detect_core::text::{bounded, times};
use detect_core::{detector_state, parameters};
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, State, Unit, What};
use serde::{Deserialize, Serialize};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "ledger.bad_value",
    version: 1,
    what: "A number or a time that cannot be true: tokens, money, bytes, durations, ports, codes or counters below zero, with a fraction or \
           beyond every bound, and times before the year 2000 or more than a day ahead. Such a value is left out when it is \
           recorded, and the row is marked `void:<column>`. One episode for each sender and collector.",
    why: "A made-up counter would spoil every sum that it is part of: somebody's budget, a bill, a rate. Left out, it makes the \
          same sums too low, so somebody should know.",
    false_positives: "A source with a unit of its own, such as a duration in another unit, or a counter that is reset below zero.",
    tuning: "quiet_seconds: how long it must be quiet for the episode to end.",
    tags: &["T1565.001", "ASI10"],
    examples: EXAMPLES,
};

const EXAMPLES: &[Example] = &[
    Example {
        name: "an agent claims more tokens than there are",
        events: &[
            r#"{"second":0,"kind":"model.tokens","marks":["void:tokens_in"],"collector":"agents","token":"t1","session":"s1"}"#,
            r#"{"second":1,"kind":"model.tokens","marks":["void:tokens_in","void:time"],"collector":"agents","token":"t1","session":"s2"}"#,
        ],
        until: 60,
        alerts: &[Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "tokens_in" }],
    },
    Example {
        name: "a port that is none",
        events: &[r#"{"second":1,"kind":"egress.http","marks":["void:port"],"collector":"proxy","token":"t1"}"#],
        until: 60,
        alerts: &[Expected { state: State::Open, severity: Severity::Low, count: 1, reason: "port" }],
    },
    Example {
        name: "a mark about something else",
        events: &[r#"{"second":0,"kind":"egress.http","marks":["backfill"],"collector":"proxy","token":"t1"}"#],
        until: 60,
        alerts: &[],
    },
];

parameters! {
    /// `[detect.rules."ledger.bad_value"]`.
    pub struct Parameters {
        /// An episode is resolved after this many seconds without another one.
        quiet_seconds: u32 = 3_600, in 1..=86_400;
    }
}

/// Columns that an alert names.
const COLUMNS_MAX: usize = 8;

/// The detector.
pub struct BadValue {
    episodes: Episodes<Void>,
}

detector_state!(BadValue { episodes });

impl Rule for BadValue {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;
    const IS_ALWAYS_TOLD: bool = true;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self { episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds) }
    }
}

impl Detector for BadValue {
    fn looks_at(&self) -> Aspects {
        Aspects::MARKED
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        if event.void_columns().next().is_none() {
            return;
        }
        let collector = event.text(column::COLLECTOR).unwrap_or("");
        let mut now = Void {
            collector: bounded(collector),
            source: None,
            columns: Vec::new(),
            and_others: false,
            is_money: false,
        };
        now.source = event.text(column::SOURCE).map(bounded);
        now.note(event);
        let open = |_| Opening { case: now, who: scope::who(event), what: What::default(), before: Before::default() };
        let scope = Scope { kind: "token", name: event.text(column::TOKEN).unwrap_or("") };
        let subject = Subject { scope, target: collector };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.note(event));
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Void {
    collector: String,
    source: Option<String>,
    /// The first columns that were void.
    columns: Vec<String>,
    /// Whether there were more.
    #[serde(default)]
    and_others: bool,
    /// Whether tokens or money were among them.
    is_money: bool,
}

impl Void {
    fn note(&mut self, event: &EventRow<'_>) {
        for column in event.void_columns() {
            self.is_money |= column.starts_with("tokens_") || column.starts_with("cost_");
            if self.columns.iter().any(|known| known == column) {
                continue;
            }
            if self.columns.len() < COLUMNS_MAX {
                self.columns.push(bounded(column));
            } else {
                self.and_others = true;
            }
        }
    }
}

impl Case for Void {
    fn severity(&self, _: &Alert) -> Severity {
        if self.is_money { Severity::Medium } else { Severity::Low }
    }

    fn title(&self, _: &Alert) -> String {
        format!("Values that cannot be true, through collector {}", self.collector)
    }

    fn reason(&self, alert: &Alert) -> String {
        let source = self.source.as_deref().unwrap_or("A sender");
        let money = if self.is_money { " Sums of tokens and money are too low by what was meant." } else { "" };
        let others = if self.and_others { " and others" } else { "" };
        format!(
            "{source} stated {}{others} that cannot be true, {}. They are left out of their columns and stand in the rows' \
             records.{money} Look first at the version of what writes them: a sender that lies and one that counts in another unit look \
             the same.",
            self.columns.join(", "),
            times(alert.count)
        )
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(Measurement::new("rows with such values", Unit::Count, alert.count).within(span_seconds(alert)))
    }
}
