//! `state.flood`: one sender brings so many names that the detectors forget some of its own that are still in use.
//!
//! The tables of all detectors say when that happens ([`Findings::evicted`]); this detector stands last in the list, so it
//! hears of every one.

use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::limits::SENDERS_MAX;
use detect_core::recent::Recent;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::{Example, Expected, Spec};
use detect_core::{detector_state, packed, parameters};
use operations::alert::{Alert, Measurement, Severity, State, Unit, What};
use serde::{Deserialize, Serialize};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "state.flood",
    version: 2,
    what: "A sender brings so many sessions, streams or errors that detectors forget some of its own that were used within the last \
           hour. A sender is a user (else workspace) of a token whose source knows who they are, such as the control plane, and \
           otherwise the token itself, whatever names it writes.",
    why: "Whoever can invent names can try to push what detectors remember about them out of memory. Other senders lose \
          nothing, but about this one slow loops and gaps may be missed.",
    false_positives: "A shared user, such as a build account, with tens of thousands of sessions at once; sources that give each \
                      request a session of its own.",
    tuning: "forgotten: how many names must be forgotten within window_seconds. quiet_seconds: how long none may be \
             forgotten for the episode to end.",
    tags: &["AML.T0029", "T1499", "ASI08"],
    examples: EXAMPLES,
};

const EXAMPLES: &[Example] = &[
    Example {
        name: "one user invents seventy thousand sessions",
        events: &[
            r#"{"second":0,"repeat":70000,"kind":"command","tool":"Bash","action_fp":1,"result_fp":1,"session":"s{n}","user":"mallory"}"#,
        ],
        until: 30,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "names of user mallory" },
            Expected { state: State::Updated, severity: Severity::Medium, count: 4, reason: "names of user mallory" },
            Expected { state: State::Updated, severity: Severity::Medium, count: 16, reason: "names of user mallory" },
            Expected { state: State::Updated, severity: Severity::Medium, count: 64, reason: "names of user mallory" },
            Expected { state: State::Updated, severity: Severity::Medium, count: 256, reason: "names of user mallory" },
            Expected {
                state: State::Updated,
                severity: Severity::Medium,
                count: 1024,
                reason: "names of user mallory",
            },
        ],
    },
    Example {
        name: "many sessions that fit",
        events: &[
            r#"{"second":0,"repeat":2000,"kind":"command","tool":"Bash","action_fp":1,"result_fp":1,"session":"s{n}","user":"ci"}"#,
        ],
        until: 30,
        alerts: &[],
    },
];

parameters! {
    /// `[detect.rules."state.flood"]`.
    pub struct Parameters {
        /// So many forgotten names open an episode.
        forgotten: u32 = 1_000, in 1..=1_000_000;
        /// They must be forgotten within this many seconds.
        window_seconds: u32 = 600, in 1..=86_400;
        /// An episode is resolved when nothing was forgotten for this many seconds.
        quiet_seconds: u32 = 900, in 1..=86_400;
    }
}

/// The detector.
pub struct Flood {
    parameters: Parameters,
    senders: Recent<Window>,
    episodes: Episodes<Forgotten>,
}

detector_state!(Flood { senders, episodes } without { parameters });

impl Rule for Flood {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;
    const IS_ALWAYS_TOLD: bool = true;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
            parameters: parameters.clone(),
            senders: Recent::new(SENDERS_MAX),
        }
    }
}

/// Names that were forgotten since a second.
#[derive(Debug, Clone, Copy)]
struct Window {
    since: i64,
    forgotten: u64,
}

packed!(Window { since, forgotten });

impl Detector for Flood {
    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let evicted = u64::from(findings.evicted());
        if evicted == 0 {
            return;
        }
        let second = event.recorded_second();
        let before = self.senders.get(event.sender());
        let window = before.filter(|window| second - window.since < i64::from(self.parameters.window_seconds));
        let mut window = window.unwrap_or(Window { since: second, forgotten: 0 });
        window.forgotten += evicted;
        self.senders.insert(event.sender(), window);
        let scope = Scope::sender(event);
        let subject = Subject { scope, target: "" };
        if window.forgotten < u64::from(self.parameters.forgotten) && !self.episodes.is_open(subject) {
            return;
        }
        let open = |_| Opening {
            case: Forgotten {
                names: window.forgotten,
                kind: scope.kind.to_owned(),
                name: detect_core::text::bounded(scope.name),
            },
            who: scope::who(event),
            what: What::default(),
            before: Before::default(),
        };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.names += evicted);
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Forgotten {
    names: u64,
    kind: String,
    name: String,
}

impl Case for Forgotten {
    fn severity(&self, _: &Alert) -> Severity {
        Severity::Medium
    }

    fn title(&self, _: &Alert) -> String {
        format!("A flood of names from {} {}", self.kind, self.name)
    }

    fn reason(&self, _: &Alert) -> String {
        format!(
            "{} names of {} {} that were in use within the last hour had to be forgotten, because it brought more than its fair \
             share of sessions, streams or errors. Other senders lost nothing; about this one, slow loops and gaps may be missed. \
             Look first at what it runs: an account that many machines share looks the same as one that invents names.",
            self.names, self.kind, self.name
        )
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        Some(Measurement::new("names that were forgotten", Unit::Count, self.names))
    }
}
