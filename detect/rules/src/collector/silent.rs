//! `collector.silent`: a collector from which events came is not heard of any more.

use std::collections::BTreeMap;

use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject};
use detect_core::event::{EventRow, Sighting};
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::pack::{Pack, RestoreError};
use detect_core::packed;
use detect_core::parameters::check_range;
use detect_core::scope::Scope;
use detect_core::spec::{Example, Expected, Spec};
use detect_core::text::{bounded, duration};
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, State, Unit, What, Who};
use serde::{Deserialize, Serialize};

use crate::limits::COLLECTORS_MAX;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "collector.silent",
    version: 1,
    what: "A collector that is silent for much longer than it ever was lately: twice its longest pause, within the bounds that you set.",
    why: "No events look like peace. A log that is not read any more, or a hook that an agent turned off, hides everything that \
          comes after.",
    false_positives: "Nights and holidays of a small fleet; a workspace's own collector when the workspace is stopped.",
    tuning: "least_seconds and most_seconds: the bounds of the silence that is told. learn_events: how many events a collector \
             must have brought before it is watched.",
    tags: &["AML.T0081", "T1562.008", "T1070"],
    examples: EXAMPLES,
};

const EXAMPLES: &[Example] = &[
    Example {
        name: "a busy collector falls silent for half an hour and comes back",
        events: &[
            r#"{"second":0,"repeat":100,"kind":"audit","collector":"coderd","session":"s"}"#,
            r#"{"second":60,"kind":"audit","collector":"coderd"}"#,
            r#"{"second":2000,"kind":"audit","collector":"coderd"}"#,
        ],
        until: 2100,
        alerts: &[
            Expected {
                state: State::Open,
                severity: Severity::Medium,
                count: 1,
                reason: "longest pause before was 60 s",
            },
            Expected {
                state: State::Resolved,
                severity: Severity::Medium,
                count: 1,
                reason: "Then it was heard of again",
            },
        ],
    },
    Example {
        name: "a collector that brings something each quarter of an hour",
        events: &[
            r#"{"second":0,"repeat":100,"kind":"audit","collector":"coderd","session":"s"}"#,
            r#"{"second":890,"kind":"audit","collector":"coderd"}"#,
            r#"{"second":1780,"kind":"audit","collector":"coderd"}"#,
            r#"{"second":3000,"kind":"audit","collector":"coderd"}"#,
            r#"{"second":3001,"kind":"audit","collector":"new"}"#,
        ],
        until: 5000,
        alerts: &[],
    },
];

/// `[detect.rules."collector.silent"]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// Whether the detector runs.
    pub enabled: bool,
    /// Less silence than this is never told: 10 to 604,800 seconds.
    pub least_seconds: u32,
    /// More silence than this always is: at least as much, at most 604,800 seconds.
    pub most_seconds: u32,
    /// Events that a collector must have brought: 1 to 1,000,000.
    pub learn_events: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { enabled: true, least_seconds: 900, most_seconds: 21_600, learn_events: 100 }
    }
}

impl Parameters {
    /// Checks the ranges.
    pub fn check(&self) -> Result<(), String> {
        check_range("least_seconds", self.least_seconds, 10..=604_800)?;
        check_range("most_seconds", self.most_seconds, self.least_seconds..=604_800)?;
        check_range("learn_events", self.learn_events, 1..=1_000_000)
    }
}

/// An episode ends with the next event of the collector, or after a week.
const GIVE_UP_SECONDS: u32 = 604_800;
/// Silence that is so many times as long as what opened the episode is rated higher.
const LONG: i64 = 4;

/// Builds the detector.
pub fn build(parameters: &Parameters, key: Key) -> Box<dyn Detector + Send> {
    Box::new(Silent {
        episodes: Episodes::new(&SPEC, key, GIVE_UP_SECONDS),
        parameters: parameters.clone(),
        collectors: BTreeMap::new(),
    })
}

struct Silent {
    parameters: Parameters,
    collectors: BTreeMap<String, Collector>,
    episodes: Episodes<Silence>,
}

/// What is known about a collector.
#[derive(Debug)]
struct Collector {
    last: Sighting,
    events: u64,
    /// The longest pause, in seconds; it loses an eighth each day.
    pause: i64,
    /// The day of that.
    day: i64,
    /// The second from which silence counts: that of the last event, or the end of an outage.
    since: i64,
    /// The second in which silence is told next.
    due: i64,
    /// How often it was told.
    told: u8,
}

packed!(Collector { last, events, pause, day, since, due, told });

impl Detector for Silent {
    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(name) = event.text(column::COLLECTOR) else { return };
        let second = event.second();
        if let Some(collector) = self.collectors.get_mut(name) {
            collector.heard(event, &self.parameters);
            if std::mem::take(&mut collector.told) > 0 {
                let subject = Subject { scope: Scope { kind: "collector", name }, target: "" };
                self.episodes.resolve(subject, findings, |case| case.back = true);
            }
        } else if self.collectors.len() < COLLECTORS_MAX && name.len() <= detect_core::limits::NAME_BYTES_MAX {
            let last = event.sighting();
            let collector =
                Collector { last, events: 1, pause: 0, day: second / 86_400, since: second, due: i64::MAX, told: 0 };
            self.collectors.insert(name.to_owned(), collector);
        }
    }

    fn advance(&mut self, second: i64, down: bool, findings: &mut Findings) {
        for (name, collector) in &mut self.collectors {
            if down && collector.due != i64::MAX {
                // Nothing could be heard.
                collector.due += second - collector.since;
                collector.since = second;
            }
            if collector.due > second || findings.is_full() {
                continue;
            }
            let silent = second - collector.since;
            let subject = Subject { scope: Scope { kind: "collector", name }, target: "" };
            collector.told = collector.told.saturating_add(1);
            if collector.told == 1 {
                let case = Silence { name: bounded(name), silent, pause: collector.pause, long: false, back: false };
                let (who, what, before) = (Who::default(), What::default(), Before::default());
                let open = |_| Opening { case, who, what, before };
                self.episodes.raise(subject, collector.last, findings, open, |_| ());
                collector.due = collector.since + silent * LONG;
            } else {
                self.episodes.worsen(subject, findings, |case| (case.silent, case.long) = (silent, true));
                collector.due = i64::MAX;
            }
        }
        self.episodes.advance(second, down, findings);
    }

    fn snapshot(&self, out: &mut Vec<u8>) -> Result<(), RestoreError> {
        (self.collectors.len() as u32).pack(out);
        for (name, collector) in &self.collectors {
            name.pack(out);
            collector.pack(out);
        }
        self.episodes.snapshot(out)
    }

    fn restore(&mut self, input: &mut &[u8]) -> Result<(), RestoreError> {
        self.collectors = Vec::<(String, Collector)>::unpack(input)?.into_iter().collect();
        self.episodes.restore(input)
    }
}

impl Collector {
    fn heard(&mut self, event: &EventRow<'_>, parameters: &Parameters) {
        let second = event.second();
        let days = second / 86_400 - self.day;
        if days > 0 {
            (0..days.min(64)).for_each(|_| self.pause -= self.pause / 8);
            self.day += days;
        }
        self.pause = self.pause.max(second - self.since);
        self.events += 1;
        (self.last, self.since) = (event.sighting(), second);
        if self.events >= u64::from(parameters.learn_events) {
            let (least, most) = (i64::from(parameters.least_seconds), i64::from(parameters.most_seconds));
            self.due = second + (2 * self.pause).clamp(least, most);
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Silence {
    name: String,
    /// Seconds.
    silent: i64,
    /// The longest pause lately, in seconds.
    pause: i64,
    long: bool,
    back: bool,
}

impl Case for Silence {
    fn severity(&self, _: &Alert) -> Severity {
        if self.long { Severity::High } else { Severity::Medium }
    }

    fn title(&self, _: &Alert) -> String {
        format!("Collector {} is silent", self.name)
    }

    fn reason(&self, _: &Alert) -> String {
        let [silent, pause] = [self.silent, self.pause].map(|seconds| duration(seconds * 1_000_000));
        let end = if self.back { " Then it was heard of again." } else { "" };
        format!(
            "Collector {} brought no event for {silent}; its longest pause before was {pause}. What happens meanwhile is not \
             recorded: see whether its source still writes, and whether somebody turned it off.{end}",
            self.name
        )
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        Some(Measurement::new("silence", Unit::Seconds, self.silent).usually(0, self.pause))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::{self, START};

    #[test]
    fn silence_that_lasts_gets_worse_and_an_outage_is_no_silence() {
        let parameters = Parameters { learn_events: 2, ..Parameters::default() };
        let mut detector = build(&parameters, fixtures::key());
        let mut findings = Findings::new();
        let events: Vec<Value> = (0..3).map(|second| json!({"second": second, "collector": "coderd"})).collect();
        for row in fixtures::rows(&events).iter() {
            detector.observe(&EventRow::new(&row, false, fixtures::key()), &mut findings);
        }
        detector.advance(START + 100_000, true, &mut findings);
        assert!(findings.alerts().is_empty(), "nothing could be heard");
        for second in START + 100_001..START + 105_000 {
            detector.advance(second, false, &mut findings);
        }
        let severities: Vec<Severity> = findings.alerts().iter().map(|alert| alert.severity).collect();
        assert_eq!(severities, [Severity::Medium, Severity::High]);
    }
}
