//! `clock.skew`: a source's clock is wrong.

use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::{Example, Expected, Spec};
use detect_core::table::Table;
use detect_core::text::{bounded, duration, times};
use detect_core::{detector_state, packed, parameters};
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, State, Unit, What};
use serde::{Deserialize, Serialize};

use crate::limits::STREAMS_MAX;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "clock.skew",
    version: 2,
    what: "Events whose time lies after the moment in which they were observed, or long before it: the clock of the workspace or source is \
           ahead or behind, or jumps. One episode for each workspace and source.",
    why: "Times of events order a story. A wrong clock puts effects before their causes, hides events from searches by time, and may be \
          set on purpose.",
    false_positives: "A collector that delivers what it had buffered looks like a clock that is behind; that is why it is rated low.",
    tuning: "ahead_seconds and behind_seconds: how wrong a clock may be. quiet_seconds: how long it must be right for the episode to \
             end.",
    tags: &["T1070.006", "ASI10"],
    examples: EXAMPLES,
};

const EXAMPLES: &[Example] = &[
    Example {
        name: "three events from an hour ahead",
        events: &[
            r#"{"second":0,"time":1763686800000000,"kind":"egress.http","source":"coder.boundary","workspace":"w1"}"#,
            r#"{"second":1,"time":1763686801000000,"kind":"egress.http","source":"coder.boundary","workspace":"w1"}"#,
            r#"{"second":2,"time":1763686802000000,"kind":"egress.http","source":"coder.boundary","workspace":"w1"}"#,
        ],
        until: 60,
        alerts: &[Expected { state: State::Open, severity: Severity::Medium, count: 3, reason: "60 min ahead" }],
    },
    Example {
        name: "one odd time, and times that are a little early or late",
        events: &[
            r#"{"second":0,"time":1763686800000000,"kind":"egress.http","source":"coder.boundary","workspace":"w1"}"#,
            r#"{"second":1,"time":1763683202000000,"kind":"egress.http","source":"coder.boundary","workspace":"w1"}"#,
            r#"{"second":2,"time":1763683190000000,"kind":"egress.http","source":"coder.boundary","workspace":"w1"}"#,
            r#"{"second":3,"kind":"egress.http","source":"coder.boundary","workspace":"w1"}"#,
        ],
        until: 60,
        alerts: &[],
    },
];

parameters! {
    /// `[detect.rules."clock.skew"]`.
    pub struct Parameters {
        /// A clock may be ahead by this many seconds.
        ahead_seconds: u32 = 300, in 1..=86_400;
        /// The fastest of many events may take this many seconds.
        behind_seconds: u32 = 600, in 1..=86_400;
        /// An episode is resolved after this many seconds without a wrong time.
        quiet_seconds: u32 = 3_600, in 1..=86_400;
    }
}

/// So many events with a wrong time show that a clock is wrong.
const EVENTS: u32 = 3;
/// What one of them counts; a right time takes one off.
const WRONG: u32 = 2;

/// The detector.
pub struct Skew {
    parameters: Parameters,
    key: Key,
    clocks: Table<Clock>,
    episodes: Episodes<Wrong>,
}

detector_state!(Skew { clocks, episodes } without { parameters, key });

impl Rule for Skew {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;
    const IS_ALWAYS_TOLD: bool = true;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
            parameters: parameters.clone(),
            key,
            clocks: Table::new(STREAMS_MAX),
        }
    }
}

/// What the latest events say about a clock.
#[derive(Debug, Default)]
struct Clock {
    ahead: u32,
    behind: u32,
    /// The least delay since it is behind, in microseconds.
    least: i64,
}

packed!(Clock { ahead, behind, least });

impl Detector for Skew {
    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        // What is declared to be old comes late by itself.
        let Some(time) = event.moment(column::TIME).filter(|_| !event.backfill()) else { return };
        // Whoever observes stamps by a clock of its own, which may be the same wrong one; ours is not later than that.
        let delay = event.seen().micros_since(time);
        let ahead = delay < -i64::from(self.parameters.ahead_seconds) * 1_000_000;
        let behind = delay > i64::from(self.parameters.behind_seconds) * 1_000_000;
        let scope = Scope::network(event);
        let source = event.text(column::SOURCE).unwrap_or("");
        if !(ahead || behind) && self.clocks.is_empty() {
            return;
        }
        let key = Key::join(event.network(), self.key.hash(&["clock", source]));
        if !(ahead || behind) {
            // A right time now and then does not make a clock right.
            if let Some(clock) = self.clocks.get_mut(key) {
                clock.ahead = clock.ahead.saturating_sub(1);
                clock.behind = clock.behind.saturating_sub(1);
            }
            return;
        }
        let clock = self.clocks.entry(key, event, findings);
        clock.least = if clock.behind == 0 { delay } else { clock.least.min(delay) };
        let count = if ahead { &mut clock.ahead } else { &mut clock.behind };
        *count = count.saturating_add(WRONG).min(WRONG * EVENTS);
        let events = *count / WRONG;
        if events < EVENTS {
            return;
        }
        let off = if ahead { delay.saturating_neg() } else { clock.least };
        let open = |_| Opening {
            case: Wrong { source: bounded(source), kind: scope.kind.to_owned(), ahead, off },
            who: scope::who(event),
            what: What::default(),
            before: Before { count: u64::from(events) - 1, ..Before::default() },
        };
        let target = format!("{} {source}", if ahead { "ahead" } else { "behind" });
        self.episodes.raise(Subject { scope, target: &target }, event.sighting(), findings, open, |case| {
            case.off = if ahead { case.off.max(off) } else { off };
        });
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Wrong {
    source: String,
    /// The word for whose clock it is.
    kind: String,
    ahead: bool,
    /// Microseconds.
    off: i64,
}

impl Case for Wrong {
    fn severity(&self, _: &Alert) -> Severity {
        if self.ahead { Severity::Medium } else { Severity::Low }
    }

    fn title(&self, _: &Alert) -> String {
        format!("The clock of a {} is {}", self.kind, if self.ahead { "ahead" } else { "behind" })
    }

    fn reason(&self, alert: &Alert) -> String {
        let (count, off) = (times(alert.count), duration(self.off));
        if self.ahead {
            format!(
                "{} told times after the moment in which they were observed, {count}, up to {off} ahead. With a right clock no \
                 event comes before it happened; searches by time miss these. Look first at the clock of that {}; one that is ahead on \
                 all of them is more likely the observer's.",
                self.source, self.kind
            )
        } else {
            format!(
                "{} told times before the moment in which they were observed, {count}, the least of them by {off}. The clock is behind, \
                 or what it tells is delivered late: look first at whether others of that source on another {} are in time. Rules take the \
                 moment of observation.",
                self.source, self.kind
            )
        }
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        Some(Measurement::new("clock offset", Unit::Seconds, self.off.saturating_add(500_000) / 1_000_000))
    }
}
