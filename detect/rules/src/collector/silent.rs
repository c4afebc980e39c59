//! `collector.silent`: a collector from which events came is not heard of any more.

use std::collections::BTreeMap;

use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject};
use detect_core::event::{EventRow, Sighting};
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::parameters::check_range;
use detect_core::rule::Rule;
use detect_core::scope::Scope;
use detect_core::spec::{Example, Expected, Spec};
use detect_core::text::{bounded, duration};
use detect_core::{detector_state, packed, parameters};
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, State, Unit, What, Who};
use serde::{Deserialize, Serialize};

use crate::limits::COLLECTORS_MAX;

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "collector.silent",
    version: 2,
    what: "A collector that is silent for much longer than it ever was lately: twice its longest pause, within the bounds that you set. One that \
           is declared to bring a history (`backfill`) ends some day, and is not watched.",
    why: "No events look like peace. A log that is not read any more, or a hook that an agent turned off, hides everything that \
          comes after.",
    false_positives: "Nights and holidays of a small fleet; a workspace's own collector when the workspace is stopped.",
    tuning: "least_seconds and most_seconds: the bounds of the silence that is told. learn_events: how many events a collector \
             must have brought before it is watched.",
    tags: &["AML.T0081", "T1562.008", "T1070", "ASI10"],
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
                reason: "longest pause lately was 60 s",
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
    Example {
        name: "an import of a history is over",
        events: &[
            r#"{"second":0,"repeat":100,"kind":"prompt","collector":"import","marks":["backfill"],"session":"s"}"#,
            r#"{"second":3001,"kind":"audit","collector":"new"}"#,
        ],
        until: 5000,
        alerts: &[],
    },
];

parameters! {
    /// `[detect.rules."collector.silent"]`.
    pub struct Parameters {
        /// Less silence than this is never told.
        least_seconds: u32 = 900, in 10..=604_800;
        /// More silence than this always is: at least as much, at most 604,800 seconds.
        most_seconds: u32 = 21_600;
        /// Events that a collector must have brought.
        learn_events: u32 = 100, in 1..=1_000_000;
    }
    check(parameters) {
        check_range("most_seconds", parameters.most_seconds, parameters.least_seconds..=604_800)?;
        Ok(())
    }
}

/// An episode ends with the next event of the collector, or after a week.
const GIVE_UP_SECONDS: u32 = 604_800;
/// Silence that is so many times as long as what opened the episode is rated higher.
const LONG: i64 = 4;

/// The detector.
pub struct Silent {
    parameters: Parameters,
    collectors: BTreeMap<String, Collector>,
    episodes: Episodes<Silence>,
}

detector_state!(Silent { collectors, episodes } without { parameters });

impl Rule for Silent {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;
    const IS_ALWAYS_TOLD: bool = true;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            episodes: Episodes::new(&SPEC, key, GIVE_UP_SECONDS),
            parameters: parameters.clone(),
            collectors: BTreeMap::new(),
        }
    }
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
        if event.list(column::MARKS).any(|mark| mark == "backfill") {
            return;
        }
        let second = event.recorded_second();
        if let Some(collector) = self.collectors.get_mut(name) {
            let silent = second - collector.since;
            collector.heard(event, &self.parameters);
            if std::mem::take(&mut collector.told) > 0 {
                let subject = Subject { scope: Scope { kind: "collector", name }, target: "" };
                self.episodes.resolve(subject, findings, |case| (case.silent, case.back) = (silent, true));
            }
        } else if self.collectors.len() < COLLECTORS_MAX && name.len() <= detect_core::limits::NAME_BYTES_MAX {
            let last = event.sighting();
            let collector =
                Collector { last, events: 1, pause: 0, day: second / 86_400, since: second, due: i64::MAX, told: 0 };
            self.collectors.insert(name.to_owned(), collector);
        }
    }

    fn elapse(&mut self, second: i64, down: bool, findings: &mut Findings) {
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
    }
}

impl Collector {
    fn heard(&mut self, event: &EventRow<'_>, parameters: &Parameters) {
        let second = event.recorded_second();
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
        format!("Collector {} {} silent", self.name, if self.back { "was" } else { "is" })
    }

    fn reason(&self, _: &Alert) -> String {
        let [silent, pause] = [self.silent, self.pause].map(|seconds| duration(seconds * 1_000_000));
        let end = if self.back { " Then it was heard of again." } else { "" };
        format!(
            "Collector {} brought no event for {silent}; its longest pause lately was {pause}, where one of earlier days counts an \
             eighth less for each. What happens meanwhile is not recorded: look first at whether its source still writes, and whether \
             somebody turned it off. A time in which nobody works looks the same.{end}",
            self.name
        )
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        Some(Measurement::new("silence", Unit::Seconds, self.silent).usually(0, self.pause))
    }
}

#[cfg(test)]
mod tests {
    use detect_core::detector;
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures::{self, START};

    #[test]
    fn silence_that_lasts_gets_worse_and_an_outage_is_no_silence() {
        let parameters = Parameters { learn_events: 2, ..Parameters::default() };
        let mut detector = Silent::new(&parameters, fixtures::key());
        let mut findings = Findings::new();
        let events: Vec<Value> = (0..3).map(|second| json!({"second": second, "collector": "coderd"})).collect();
        for row in fixtures::rows(&events).iter() {
            detector.observe(&EventRow::new(&row, false, fixtures::key()), &mut findings);
        }
        detector::advance(&mut detector, START + 100_000, true, &mut findings);
        assert!(findings.alerts().is_empty(), "nothing could be heard");
        for second in START + 100_001..START + 105_000 {
            detector::advance(&mut detector, second, false, &mut findings);
        }
        let severities: Vec<Severity> = findings.alerts().iter().map(|alert| alert.severity).collect();
        assert_eq!(severities, [Severity::Medium, Severity::High]);
    }
}
