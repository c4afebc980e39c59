//! `ledger.gap`: numbers are missing in a source's own counter, or a source reports that it lost records.

mod stream;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::{Key, Space};
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::{Example, Expected, Spec};
use detect_core::table::Table;
use detect_core::text::bounded;
use detect_core::timers::Timers;
use detect_core::{detector_state, parameters};
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, State, Unit, What};
use serde::{Deserialize, Serialize};

use crate::limits::STREAMS_MAX;
use crate::witness::missing::is_coverage;
use stream::{Names, Stream};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "ledger.gap",
    version: 6,
    what: "Numbers that a source's own counter skipped and that did not come within a grace; a row of kind `loss`, by which a source reports \
           that it dropped records. One episode for each stream. Hooks that fail and content that is not kept are told by `coverage.missing`.",
    why: "The ledger proves that nothing was taken out after it was recorded. What never arrived is seen only in the counters \
          of the sources.",
    false_positives: "A boundary whose buffer overflowed under load; replicas that deliver later than the grace.",
    tuning: "grace_seconds: how long a number may be late. quiet_seconds: how long it must be quiet for the episode to end.",
    tags: &["AML.T0081", "T1562", "T1070", "ASI10"],
    examples: EXAMPLES,
};

const EXAMPLES: &[Example] = &[
    Example {
        name: "numbers 3 to 5 never come",
        events: &[
            r#"{"second":0,"kind":"egress.http","source":"coder.boundary","stream":"b1","stream_seq":1,"workspace":"w1"}"#,
            r#"{"second":1,"kind":"egress.http","source":"coder.boundary","stream":"b1","stream_seq":2,"workspace":"w1"}"#,
            r#"{"second":2,"kind":"egress.http","source":"coder.boundary","stream":"b1","stream_seq":6,"workspace":"w1"}"#,
        ],
        until: 200,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::High,
            count: 1,
            reason: "3 numbers, from 3 to 5",
        }],
    },
    Example {
        name: "a source reports a loss itself",
        events: &[r#"{"second":0,"kind":"loss","action":"buffer_full","source":"coder.boundary","workspace":"w1"}"#],
        until: 200,
        alerts: &[Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "buffer_full" }],
    },
    Example {
        name: "numbers out of order, a stream that is joined in the middle, one that begins anew",
        events: &[
            r#"{"second":0,"kind":"egress.http","source":"coder.boundary","stream":"b1","stream_seq":40,"workspace":"w1"}"#,
            r#"{"second":1,"kind":"egress.http","source":"coder.boundary","stream":"b1","stream_seq":43,"workspace":"w1"}"#,
            r#"{"second":9,"kind":"egress.http","source":"coder.boundary","stream":"b1","stream_seq":42,"workspace":"w1"}"#,
            r#"{"second":30,"kind":"egress.http","source":"coder.boundary","stream":"b1","stream_seq":41,"workspace":"w1"}"#,
            r#"{"second":31,"kind":"egress.http","source":"coder.boundary","stream":"b1","stream_seq":0,"workspace":"w1"}"#,
            r#"{"second":32,"kind":"egress.http","source":"coder.boundary","stream":"b1","stream_seq":1,"workspace":"w1"}"#,
            r#"{"second":33,"kind":"loss","action":"hook_failed","source":"claude_code","workspace":"w1"}"#,
        ],
        until: 2000,
        alerts: &[],
    },
];

parameters! {
    /// `[detect.rules."ledger.gap"]`.
    pub struct Parameters {
        /// A number may be late by this many seconds.
        grace_seconds: u32 = 60, in 1..=86_400;
        /// An episode is resolved after this many seconds without another gap.
        quiet_seconds: u32 = 3_600, in 1..=86_400;
    }
}

/// The detector.
pub struct Gap {
    parameters: Parameters,
    key: Key,
    streams: Table<Stream>,
    timers: Timers,
    episodes: Episodes<Missing>,
}

detector_state!(Gap { streams, timers, episodes } without { parameters, key });

impl Rule for Gap {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;
    const IS_ALWAYS_TOLD: bool = true;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
            parameters: parameters.clone(),
            key,
            streams: Table::new(STREAMS_MAX),
            timers: Timers::default(),
        }
    }
}

impl Detector for Gap {
    fn looks_at(&self) -> Aspects {
        Aspects::NUMBERED.with(Aspects::LOSS)
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        if event.kind() == "loss" {
            if !event.text(column::ACTION).is_some_and(is_coverage) {
                self.lost(event, findings);
            }
            return;
        }
        let (Some(name), Some(number)) = (event.text(column::STREAM), event.integer(column::STREAM_SEQ)) else {
            return;
        };
        // A conflict is about a number that came before.
        if event.aspects().meet(Aspects::CONFLICT) || number < 0 {
            return;
        }
        let key = self.key(event, name);
        let grace = i64::from(self.parameters.grace_seconds);
        let stream = self.streams.entry(key, event, findings);
        let is_waiting = stream.due().is_some();
        let due = stream.take(number as u64, event.recorded_second() + grace, || Names::kept_of(event, name));
        if let Some((key, _)) = self.streams.take_evicted() {
            self.timers.forget(key);
        }
        match due {
            Some(second) => self.timers.set(key, second),
            None if is_waiting => self.timers.clear(key),
            // Nothing was waited for, and nothing is: the usual case.
            None => {}
        }
    }

    fn elapse(&mut self, second: i64, down: bool, findings: &mut Findings) {
        let grace = i64::from(self.parameters.grace_seconds);
        if down {
            self.timers.restart(second + grace);
        }
        while !findings.is_full() {
            let Some(key) = self.timers.due(second) else { break };
            self.overdue(key, second, findings);
        }
    }
}

impl Gap {
    /// Streams of two feeds may have the same name, and one sender cannot fill or make another's holes.
    fn key(&self, event: &EventRow<'_>, name: &str) -> u64 {
        let of = |space, column| self.key.of(space, event.text(column).unwrap_or(""));
        let feed = Key::join(of(Space::TOKEN, column::TOKEN), of(Space::SOURCE, column::SOURCE));
        Key::join(feed, self.key.of(Space::STREAM, name))
    }

    fn overdue(&mut self, key: u64, second: i64, findings: &mut Findings) {
        let Some(stream) = self.streams.get_mut(key) else { return };
        let Some((holes, names)) = stream.overdue(second) else { return };
        if let Some(due) = stream.due() {
            self.timers.set(key, due);
        }
        let numbers = holes.iter().fold(0u64, |sum, (from, to)| sum.saturating_add(to - from + 1));
        let from = holes.first().map_or(0, |hole| hole.0);
        let to = holes.last().map_or(0, |hole| hole.1);
        let open = |_| Opening {
            case: Missing { source: names.source, stream: names.stream.clone(), numbers, from, to, loss: None },
            who: names.named.who.clone(),
            what: What::default(),
            before: Before::default(),
        };
        let subject = Subject { scope: names.named.scope(), target: &names.stream };
        self.episodes.raise(subject, names.sighting, findings, open, |case| {
            case.numbers = case.numbers.saturating_add(numbers);
            case.to = to;
        });
    }

    fn lost(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let source = event.text(column::SOURCE).unwrap_or("a source");
        let open = |_| Opening {
            case: Missing {
                source: bounded(source),
                stream: String::new(),
                numbers: 0,
                from: 0,
                to: 0,
                loss: Some(bounded(event.text(column::ACTION).unwrap_or("a loss"))),
            },
            who: scope::who(event),
            what: What::default(),
            before: Before::default(),
        };
        let subject = Subject { scope: Scope::network(event), target: "\u{0}loss" };
        self.episodes.raise(subject, event.sighting(), findings, open, |_| ());
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Missing {
    source: String,
    stream: String,
    numbers: u64,
    from: u64,
    to: u64,
    /// What the source calls the loss that it reports itself.
    loss: Option<String>,
}

impl Case for Missing {
    fn severity(&self, _: &Alert) -> Severity {
        if self.loss.is_some() { Severity::Medium } else { Severity::High }
    }

    fn title(&self, _: &Alert) -> String {
        match self.loss {
            Some(_) => format!("{} reports that it lost records", self.source),
            None => format!("Records of {} are missing", self.source),
        }
    }

    fn reason(&self, alert: &Alert) -> String {
        if let Some(loss) = &self.loss {
            return format!(
                "{} reported {} that it lost records ({loss}). What it lost is recorded nowhere: look first at what it says of the time \
                 from the first of these events on. A queue that was full says the same as somebody who cut a line.",
                self.source,
                detect_core::text::times(alert.count)
            );
        }
        format!(
            "The counter of {} in stream {} skipped {} numbers, from {} to {}, and they did not come within the grace. It counts \
             without holes, so these records were lost on the way or held back: look first at what its collector logged meanwhile. If \
             other streams of the same source have holes in the same time, the way is more likely than the agent.",
            self.source, self.stream, self.numbers, self.from, self.to
        )
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(match self.loss {
            Some(_) => Measurement::new("reports of losses", Unit::Count, alert.count),
            None => Measurement::new("missing records", Unit::Count, self.numbers),
        })
    }
}
