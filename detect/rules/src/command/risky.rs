//! `command.risky`: commands that destroy, take privileges, leave the sandbox or run what they just fetched.

mod destroy;
mod escape;
mod sign;
mod signs;
#[cfg(test)]
mod table;

use detect_core::aspects::Aspects;
use detect_core::detector::Detector;
use detect_core::episode::{Before, Case, Episodes, Opening, Subject, span, span_seconds};
use detect_core::event::EventRow;
use detect_core::findings::Findings;
use detect_core::key::Key;
use detect_core::recent::Recent;
use detect_core::rule::Rule;
use detect_core::scope::{self, Scope};
use detect_core::spec::{Example, Expected, Spec};
use detect_core::text::{bounded, duration, sentences, times};
use detect_core::{detector_state, parameters};
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, State, Unit, What};
use serde::{Deserialize, Serialize};

use crate::deed::{CallStage, Calls, Deeds, News};
use crate::limits::MADE_MAX;
pub(crate) use destroy::{deletes, is_narrow, is_recursive, removed_paths};
use sign::{Class, Sign};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "command.risky",
    version: 3,
    what: "A command that destroys what cannot be brought back (roots, homes and system folders, disks, databases, infrastructure, \
           remote history), throws work away that is nowhere else (changes that are not committed, stashes, branches), takes traces \
           or protections away, takes privileges, shows signs of leaving the container or asks the cloud for credentials, or runs \
           code that it just fetched. Judged is what the line does, however it is written: quotes, variables of the line, wrappers \
           (`sh -c`, `sudo`, `xargs`, `find -exec`, `docker exec`, `ssh`), here-documents, and one-liners of other languages are \
           looked through. What was asked for, what was refused and what ran is told apart, and is one step less bad until it runs. \
           One episode for each class and session.",
    why: "These are the commands after which an incident is worked on from backups, or on a host instead of in a sandbox.",
    false_positives: "Installing packages with sudo in a throw-away workspace; resetting the database or volumes of a development \
                      machine; installers that are meant to be piped into a shell. Build folders, temporary files, rehearsals \
                      (`--dry-run`), text in quotes, databases of tests, and what the session itself has just made are not told.",
    tuning: "privilege: whether taking privileges is told at all; turn it off where agents are root in their sandbox. \
             quiet_seconds: how long it must be quiet for the episode to end.",
    tags: &[
        "AML.T0050",
        "AML.T0101",
        "AML.T0105",
        "T1485",
        "T1548",
        "T1611",
        "T1059",
        "T1105",
        "T1070",
        "T1562",
        "ASI02",
        "ASI03",
        "ASI05",
    ],
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
        alerts: &[
            Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "asked to destroy" },
            Expected { state: State::Updated, severity: Severity::High, count: 1, reason: "rm of a root" },
        ],
    },
    Example {
        name: "it asks to reset a database, and a person refuses",
        events: &[
            r#"{"second":0,"kind":"tool.call","tool":"Bash","tool_call":"c1","command":"npx prisma migrate reset --force","session":"s1"}"#,
            r#"{"second":7,"kind":"approval","outcome":"deny","tool":"Bash","tool_call":"c1","session":"s1"}"#,
        ],
        until: 60,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "not known yet" },
            Expected {
                state: State::Updated,
                severity: Severity::Medium,
                count: 1,
                reason: "was refused and did not run",
            },
        ],
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
            r#"{"second":4,"kind":"command","outcome":"success","tool":"Bash","command":"git checkout -b try-it","session":"s1"}"#,
            r#"{"second":5,"kind":"command","tool":"Bash","command":"git checkout main && git branch -D try-it","session":"s1"}"#,
        ],
        until: 2000,
        alerts: &[],
    },
];

parameters! {
    /// `[detect.rules."command.risky"]`.
    pub struct Parameters {
        /// Whether taking privileges is told.
        privilege: bool = true;
        /// An episode is resolved after this many seconds without another one.
        quiet_seconds: u32 = 1_800, in 1..=86_400;
    }
}

/// Whether a command line is this detector's because of what it destroys, or worse: no other tells it then as a deletion.
pub(crate) fn is_destruction(event: &EventRow<'_>) -> bool {
    let sign = signs::worst(event.line(), |_| false);
    sign.is_some_and(|sign| sign.class >= Class::Discard)
}

/// The detector.
pub struct Risky {
    parameters: Parameters,
    key: Key,
    calls: Calls<Class>,
    /// What sessions have made themselves, by kind and name, and may remove again.
    made: Recent<()>,
    episodes: Episodes<Commands>,
}

detector_state!(Risky { calls, made, episodes } without { parameters, key });

impl Rule for Risky {
    type Parameters = Parameters;
    const SPEC: &'static Spec = &SPEC;

    fn new(parameters: &Parameters, key: Key) -> Self {
        Self {
            episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
            parameters: parameters.clone(),
            key,
            calls: Calls::new(),
            made: Recent::new(MADE_MAX),
        }
    }
}

impl Detector for Risky {
    fn looks_at(&self) -> Aspects {
        Aspects::COMMAND.with(Aspects::CALL)
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let Some(progress) = CallStage::of(event) else { return };
        match self.calls.hear(event, progress) {
            News::Known => {}
            News::Further(from, to, class) => {
                let subject = Subject { scope: Scope::agent(event), target: class.word() };
                self.episodes.worsen(subject, findings, |case| case.deeds.go_on(from, to));
            }
            News::First => self.judge(event, progress, findings),
        }
        if event.kind() == "command" && event.text(column::OUTCOME) == Some("success") {
            for made in destroy::made(event.line()) {
                self.made.insert(self.key.hash(&["made", &made]) ^ event.agent(), ());
            }
        }
    }
}

impl Risky {
    fn judge(&mut self, event: &EventRow<'_>, progress: CallStage, findings: &mut Findings) {
        let asked = event.text(column::HOST).and_then(escape::of_host);
        if event.text(column::COMMAND).is_none() && asked.is_none() {
            return;
        }
        let is_own = |target: &str| self.made.get(self.key.hash(&["made", target]) ^ event.agent()).is_some();
        let Some(sign) = asked.or_else(|| signs::worst(event.line(), is_own)) else { return };
        if sign.class == Class::Privilege && !self.parameters.privilege {
            return;
        }
        self.calls.judged(event, progress, sign.class);
        let open = |_| Opening {
            case: Commands { sign: sign.clone(), deeds: Deeds::one(progress) },
            who: scope::who(event),
            what: What { tool: event.text(column::TOOL).map(bounded), ..What::default() },
            before: Before::default(),
        };
        let subject = Subject { scope: Scope::agent(event), target: sign.class.word() };
        self.episodes.raise(subject, event.sighting(), findings, open, |case| case.deeds.add(progress));
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Commands {
    /// Of the first command.
    sign: Sign,
    /// How far the commands have come.
    deeds: Deeds,
}

impl Case for Commands {
    fn severity(&self, _: &Alert) -> Severity {
        self.deeds.severity(match self.sign.class {
            Class::Escape => Severity::Critical,
            Class::Destroy | Class::Cover => Severity::High,
            Class::Discard | Class::FetchedCode | Class::Privilege => Severity::Medium,
        })
    }

    fn title(&self, _: &Alert) -> String {
        if self.deeds.any_done() {
            format!("An agent's command {}", self.sign.class.does())
        } else {
            format!("An agent asked to {}", self.sign.class.would())
        }
    }

    fn reason(&self, alert: &Alert) -> String {
        let class = self.sign.class;
        let first = if self.deeds.any_done() {
            format!("A command {}: {}.", class.does(), self.sign.what)
        } else {
            format!("The agent asked to {}: {}.", class.would(), self.sign.what)
        };
        let again = match alert.count {
            1 => String::new(),
            count => format!("Such commands came {} in {}.", times(count), duration(span(alert))),
        };
        sentences(&[first, again, self.deeds.fate(), class.baseline().to_owned()])
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(Measurement::new("such commands", Unit::Count, alert.count).within(span_seconds(alert)))
    }

    fn stage(&self) -> u8 {
        self.deeds.stage()
    }
}

#[cfg(test)]
mod tests;
