//! `command.risky`: commands that destroy, take privileges, leave the sandbox or run what they just fetched.

mod signs;

use ledger::alert::{Alert, Severity, State, What};
use ledger::events::column;
use serde::{Deserialize, Serialize};

use crate::aspects::Aspects;
use crate::config::check_range;
use crate::detector::{Detector, Findings, RestoreError};
use crate::engine::Key;
use crate::episode::{Before, Case, Episodes, Opening, Subject, span};
use crate::event::EventRow;
use crate::limits::CALLS_MAX;
use crate::recent::Recent;
use crate::registry::{Example, Expected, Spec};
use crate::scope::{self, Scope};
use crate::text::{bounded, duration, times};
use signs::{Class, Sign};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "command.risky",
    version: 2,
    what: "A command, run or about to be run, that destroys what cannot be brought back, takes privileges, shows signs of leaving the \
           container, or runs code that it just fetched. One episode for each class and session.",
    why: "These are the commands after which an incident is worked on from backups, or on a host instead of in a sandbox.",
    false_positives: "Installing packages with sudo in a throw-away workspace; deleting a build folder by an absolute path; \
                      installers that are meant to be piped into a shell.",
    tuning: "privilege: whether taking privileges is told at all; turn it off where agents are root in their sandbox. \
             quiet_seconds: how long it must be quiet for the episode to end.",
    tags: &["AML.T0101", "AML.T0105", "T1485", "T1548", "T1611", "T1059"],
    examples: EXAMPLES,
};

const EXAMPLES: &[Example] = &[
    Example {
        name: "it deletes everything, and tries again",
        events: &[
            r#"{"second":0,"kind":"tool.call","tool":"Bash","tool_call":"c1","command":"cd / && rm -rf ~/*","session":"s1"}"#,
            r#"{"second":1,"kind":"command","tool":"Bash","tool_call":"c1","command":"cd / && rm -rf ~/*","session":"s1"}"#,
            r#"{"second":9,"kind":"command","tool":"Bash","tool_call":"c2","command":"sudo rm -rf --no-preserve-root /","session":"s1"}"#,
        ],
        until: 60,
        alerts: &[Expected { state: State::Open, severity: Severity::High, count: 1, reason: "rm" }],
    },
    Example {
        name: "signs of leaving the container",
        events: &[
            r#"{"second":0,"kind":"command","tool":"Bash","command":"docker run --privileged -v /:/host alpine","session":"s1"}"#,
        ],
        until: 60,
        alerts: &[Expected {
            state: State::Open,
            severity: Severity::Critical,
            count: 1,
            reason: "leaves its container",
        }],
    },
    Example {
        name: "ordinary work",
        events: &[
            r#"{"second":0,"kind":"command","tool":"Bash","command":"rm -rf target/debug && cargo test","session":"s1"}"#,
            r#"{"second":1,"kind":"command","tool":"Bash","command":"git push origin topic && git commit -m 'never rm -rf /'","session":"s1"}"#,
            r#"{"second":2,"kind":"command","tool":"Bash","command":"docker run --rm alpine ls; curl -o x https://acme.example/x","session":"s1"}"#,
            r#"{"second":3,"kind":"command","tool":"Bash","command":"grep -rn 'chmod 777' .","session":"s1"}"#,
        ],
        until: 2000,
        alerts: &[],
    },
];

/// `[detect.rules."command.risky"]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// Whether the detector runs.
    pub enabled: bool,
    /// Whether taking privileges is told.
    pub privilege: bool,
    /// An episode is resolved after this many seconds without another one: 1 to 86,400.
    pub quiet_seconds: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { enabled: true, privilege: true, quiet_seconds: 1_800 }
    }
}

impl Parameters {
    /// Checks the ranges.
    pub fn check(&self) -> Result<(), String> {
        check_range("quiet_seconds", self.quiet_seconds, 1..=86_400)
    }
}

/// Whether a command line is this detector's because of what it destroys, or worse: no other tells it then as a deletion.
pub(crate) fn is_destruction(event: &EventRow<'_>) -> bool {
    let sign = event.text(column::COMMAND).and_then(|line| signs::worst(line, event.commands()));
    sign.is_some_and(|sign| sign.class >= Class::Destroy)
}

/// Builds the detector.
pub fn build(parameters: &Parameters, key: Key) -> Box<dyn Detector + Send> {
    Box::new(Risky {
        episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        parameters: parameters.clone(),
        key,
        calls: Recent::new(CALLS_MAX),
    })
}

struct Risky {
    parameters: Parameters,
    key: Key,
    /// Calls that were judged, since a call and its end carry the same command.
    calls: Recent<()>,
    episodes: Episodes<Commands>,
}

impl Detector for Risky {
    fn looks_at(&self) -> Aspects {
        Aspects::COMMAND
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        if !matches!(event.kind(), "tool.call" | "command") {
            return;
        }
        let Some(line) = event.text(column::COMMAND) else { return };
        let Some(sign) = signs::worst(line, event.commands()) else { return };
        if sign.class == Class::Privilege && !self.parameters.privilege {
            return;
        }
        if let Some(call) = event.text(column::TOOL_CALL) {
            let call = self.key.hash(&["call", call]) ^ event.agent();
            if self.calls.get(call).is_some() {
                return;
            }
            self.calls.insert(call, ());
        }
        let open = |_| Opening {
            case: Commands { sign: sign.clone() },
            who: scope::who(event),
            what: What { tool: event.text(column::TOOL).map(bounded), ..What::default() },
            before: Before::default(),
        };
        let subject = Subject { scope: Scope::agent(event), target: sign.class.word() };
        self.episodes.raise(subject, event.sighting(), findings, open, |_| ());
    }

    fn advance(&mut self, second: i64, down: bool, findings: &mut Findings) {
        self.episodes.advance(second, down, findings);
    }

    fn snapshot(&self, out: &mut Vec<u8>) -> Result<(), RestoreError> {
        self.calls.snapshot(out);
        self.episodes.snapshot(out)
    }

    fn restore(&mut self, input: &mut &[u8]) -> Result<(), RestoreError> {
        self.calls.restore(input)?;
        self.episodes.restore(input)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Commands {
    /// Of the first command.
    sign: Sign,
}

impl Case for Commands {
    fn severity(&self, _: &Alert) -> Severity {
        match self.sign.class {
            Class::Escape => Severity::Critical,
            Class::Destroy => Severity::High,
            Class::FetchedCode | Class::Privilege => Severity::Medium,
        }
    }

    fn title(&self, _: &Alert) -> String {
        format!("An agent's command {}", self.sign.class.does())
    }

    fn reason(&self, alert: &Alert) -> String {
        let again = match alert.count {
            1 => String::new(),
            count => {
                format!(" Such commands came {} in {}.", times(count), duration(span(alert)))
            }
        };
        format!("A command {}: {}.{again} {}", self.sign.class.does(), self.sign.what, self.sign.class.baseline())
    }
}
