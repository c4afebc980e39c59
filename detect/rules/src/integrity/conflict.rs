//! `ledger.conflict`: a source told the same record twice with other facts.

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject, span, span_seconds};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::{Example, Expected, Spec};
use detect_core::text::{bounded, duration, times};
use detect_core::{detector_state, parameters};
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, State, Unit, What};
use serde::{Deserialize, Serialize};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "ledger.conflict",
    version: 2,
    what: "A record whose natural id was recorded before with other facts: a row with the mark `conflict`, which names in \
           `refers_to` the row that it contradicts. One episode for each collector and source.",
    why: "A source that changes its story is broken, or somebody tries to overwrite what was recorded. Both rows are kept.",
    false_positives: "A source that uses an id again after it was set up anew; a counter that began again from zero.",
    tuning: "quiet_seconds: how long it must be quiet for the episode to end.",
    tags: &["T1565", "T1070", "ASI10"],
    examples: EXAMPLES,
};

const EXAMPLES: &[Example] = &[
    Example {
        name: "a request that was allowed comes again as refused",
        events: &[
            r#"{"second":0,"kind":"egress.http","outcome":"allow","source":"coder.boundary","collector":"coderd","stream":"b1","stream_seq":4}"#,
            r#"{"second":3,"kind":"egress.http","marks":["conflict"],"outcome":"deny","source":"coder.boundary","collector":"coderd","stream":"b1","stream_seq":4,"refers_to":"events/0/0"}"#,
        ],
        until: 60,
        alerts: &[Expected { state: State::Open, severity: Severity::High, count: 1, reason: "events/0/0" }],
    },
    Example {
        name: "the same facts again are no conflict",
        events: &[
            r#"{"second":0,"kind":"egress.http","outcome":"allow","source":"coder.boundary","collector":"coderd"}"#,
        ],
        until: 60,
        alerts: &[],
    },
];

parameters! {
    /// `[detect.rules."ledger.conflict"]`.
    pub struct Parameters {
        /// An episode is resolved after this many seconds without another one.
        quiet_seconds: u32 = 3_600, in 1..=86_400;
    }
}

/// The detector.
pub struct Conflict {
    episodes: Episodes<Contradiction>,
}

detector_state!(Conflict { episodes });

impl Rule for Conflict {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;
    const IS_ALWAYS_TOLD: bool = true;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self { episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds) }
    }
}

impl Detector for Conflict {
    fn looks_at(&self) -> Aspects {
        Aspects::CONFLICT
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        if !event.aspects().meet(Aspects::CONFLICT) {
            return;
        }
        let name = event.text(column::COLLECTOR).unwrap_or("");
        let source = event.text(column::SOURCE).unwrap_or("");
        let open = |_| Opening {
            case: Contradiction {
                source: bounded(source),
                collector: bounded(name),
                earlier: event.text(column::REFERS_TO).map(bounded),
            },
            who: scope::who(event),
            what: What::default(),
            before: Before::default(),
        };
        let subject = Subject { scope: Scope { kind: "collector", name }, target: source };
        self.episodes.raise(subject, event.sighting(), findings, open, |_| ());
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Contradiction {
    source: String,
    collector: String,
    /// Position of the row that the first conflict contradicts, where it is still known.
    earlier: Option<String>,
}

impl Case for Contradiction {
    fn severity(&self, _: &Alert) -> Severity {
        Severity::High
    }

    fn title(&self, _: &Alert) -> String {
        format!("{} contradicts what it told before", self.source)
    }

    fn reason(&self, alert: &Alert) -> String {
        let span = match alert.count {
            1 => String::new(),
            _ => format!(" in {}", duration(span(alert))),
        };
        let earlier = match &self.earlier {
            Some(position) => format!(" (the first against {position})"),
            None => String::new(),
        };
        format!(
            "{} through collector {} told records again with other facts, {}{span}{earlier}. A record that is sent \
             again says the same as before. Both versions are kept and both are judged: compare them first, and see who can write to the source. A source that \
             was updated in between may write the same record in another way.",
            self.source,
            self.collector,
            times(alert.count)
        )
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(Measurement::new("contradictions", Unit::Count, alert.count).within(span_seconds(alert)))
    }
}
