//! `file.unusual`: an agent touches files that its work does not need: secrets, what continuous integration runs, what it is
//! itself configured by, the system; or deletes many at once.

use ledger::alert::{Alert, Severity, State, What};
use ledger::events::column;
use serde::{Deserialize, Serialize};

use crate::aspects::Aspects;
use crate::config::check_range;
use crate::detector::{Detector, Findings, RestoreError};
use crate::engine::Key;
use crate::episode::{Before, Case, Episodes, Opening, Subject};
use crate::event::EventRow;
use crate::file::paths;
use crate::limits::{AGENTS_MAX, CALLS_MAX};
use crate::pack::packed;
use crate::recent::Recent;
use crate::registry::{Example, Expected, Spec};
use crate::scope::{self, Scope};
use crate::table::Table;
use crate::text::{bounded, duration, times};

/// What the reference says.
pub static SPEC: Spec = Spec {
    name: "file.unusual",
    version: 1,
    what: "A session that reads files which usually hold secrets; writes what continuous integration runs, what agents are configured by, \
           what starts by itself or what belongs to the system; or deletes many files within a minute. One episode for each class.",
    why: "Stolen credentials, a changed pipeline and a changed permission file outlive the session: they are how a prompt \
          injection becomes an incident.",
    false_positives: "Tasks that are about exactly these files, such as mending a pipeline; reading a .env file to start the \
                      program; removing a generated folder file by file.",
    tuning: "deletes: how many deleted files in a minute. quiet_seconds: how long it must be quiet for the episode to end.",
    tags: &["AML.T0083", "AML.T0098", "AML.T0081", "AML.T0101", "T1552", "T1195", "T1485"],
    examples: EXAMPLES,
};

const EXAMPLES: &[Example] = &[
    Example {
        name: "it reads cloud credentials and changes a workflow",
        events: &[
            r#"{"second":0,"kind":"file.read","tool":"Read","file":"/home/coder/.aws/credentials","session":"s1"}"#,
            r#"{"second":5,"kind":"file.write","tool":"Edit","file":"/w/.github/workflows/release.yml","session":"s1"}"#,
        ],
        until: 60,
        alerts: &[
            Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "usually hold secrets" },
            Expected { state: State::Open, severity: Severity::Medium, count: 1, reason: "continuous integration" },
        ],
    },
    Example {
        name: "sixty deleted files",
        events: &[r#"{"second":0,"repeat":60,"kind":"file.delete","file":"/w/src/a.rs","session":"s1"}"#],
        until: 60,
        alerts: &[Expected { state: State::Open, severity: Severity::High, count: 50, reason: "deletes many files" }],
    },
    Example {
        name: "ordinary files, and a workflow that is only read",
        events: &[
            r#"{"second":0,"kind":"file.read","tool":"Read","file":"/w/.github/workflows/release.yml","session":"s1"}"#,
            r#"{"second":1,"kind":"file.write","tool":"Edit","file":"/w/src/main.rs","session":"s1"}"#,
            r#"{"second":2,"kind":"file.read","tool":"Read","file":"/usr/include/stdio.h","session":"s1"}"#,
            r#"{"second":3,"kind":"file.read","tool":"Read","file":"/w/.env.example","session":"s1"}"#,
            r#"{"second":4,"repeat":20,"kind":"file.delete","file":"/w/src/a.rs","session":"s1"}"#,
        ],
        until: 2000,
        alerts: &[],
    },
];

/// `[detect.rules."file.unusual"]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// Whether the detector runs.
    pub enabled: bool,
    /// So many files deleted in a minute are many: 2 to 1,000,000.
    pub deletes: u32,
    /// An episode is resolved after this many seconds without another one: 1 to 86,400.
    pub quiet_seconds: u32,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { enabled: true, deletes: 50, quiet_seconds: 1_800 }
    }
}

impl Parameters {
    /// Checks the ranges.
    pub fn check(&self) -> Result<(), String> {
        check_range("deletes", self.deletes, 2..=1_000_000)?;
        check_range("quiet_seconds", self.quiet_seconds, 1..=86_400)
    }
}

/// Builds the detector.
pub fn build(parameters: &Parameters, key: Key) -> Box<dyn Detector + Send> {
    Box::new(Unusual {
        episodes: Episodes::new(&SPEC, key, parameters.quiet_seconds),
        parameters: parameters.clone(),
        key,
        calls: Recent::new(CALLS_MAX),
        deleting: Table::new(AGENTS_MAX),
    })
}

struct Unusual {
    parameters: Parameters,
    key: Key,
    /// Calls that were judged, since a call and its end carry the same file.
    calls: Recent<()>,
    deleting: Table<Deleting>,
    episodes: Episodes<Touched>,
}

/// Files that an agent deleted within a minute.
#[derive(Debug, Default)]
struct Deleting {
    since: i64,
    count: u32,
}

packed!(Deleting { since, count });

/// What kind of file, or of work on files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Class {
    Secrets,
    Ci,
    AgentConfiguration,
    StartsByItself,
    System,
    ManyDeleted,
}

impl Class {
    /// The class of what an event does to a file, if it is unusual.
    fn of(event: &EventRow<'_>) -> Option<Self> {
        let file = event.text(column::FILE)?;
        match event.kind() {
            "file.read" if paths::holds_secrets(file) || paths::is_system_secret(file) => Some(Self::Secrets),
            "file.write" if paths::is_ci(file) => Some(Self::Ci),
            "file.write" if paths::is_agent_configuration(file) => Some(Self::AgentConfiguration),
            "file.write" if paths::starts_by_itself(file) => Some(Self::StartsByItself),
            "file.write" if paths::is_system(file) => Some(Self::System),
            _ => None,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Secrets => "secrets",
            Self::Ci => "ci",
            Self::AgentConfiguration => "agent_configuration",
            Self::StartsByItself => "starts_by_itself",
            Self::System => "system",
            Self::ManyDeleted => "many_deleted",
        }
    }

    fn does(self) -> &'static str {
        match self {
            Self::Secrets => "reads files that usually hold secrets",
            Self::Ci => "writes what continuous integration runs",
            Self::AgentConfiguration => "writes what agents take their permissions and tools from",
            Self::StartsByItself => "writes what starts by itself or lets somebody in",
            Self::System => "writes files of the system, outside of its workspace",
            Self::ManyDeleted => "deletes many files",
        }
    }

    fn severity(self) -> Severity {
        match self {
            Self::Secrets | Self::Ci | Self::System => Severity::Medium,
            Self::AgentConfiguration | Self::StartsByItself | Self::ManyDeleted => Severity::High,
        }
    }

    fn baseline(self) -> &'static str {
        match self {
            Self::Secrets => "Programs read them; writing programs seldom needs to.",
            Self::Ci => "What it runs has the pipeline's credentials, not the agent's.",
            Self::AgentConfiguration => {
                "An agent that changes it decides itself what it may do from the next session on."
            }
            Self::StartsByItself => "It outlives the session, which work on source code does not need.",
            Self::System => "Agents usually write below the folder that they work in.",
            Self::ManyDeleted => "Edits delete few files at a time; a wrong folder, many.",
        }
    }
}

impl Detector for Unusual {
    fn looks_at(&self) -> Aspects {
        Aspects::FILE.with(Aspects::DELETE)
    }

    fn observe(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        if event.kind() == "file.delete" {
            return self.deleted(event, findings);
        }
        let Some(class) = Class::of(event) else { return };
        if let Some(call) = event.text(column::TOOL_CALL) {
            let call = self.key.hash(&["call", call]) ^ event.agent();
            if self.calls.get(call).is_some() {
                return;
            }
            self.calls.insert(call, ());
        }
        self.raise(event, class, Before::default(), findings);
    }

    fn advance(&mut self, second: i64, down: bool, findings: &mut Findings) {
        self.episodes.advance(second, down, findings);
    }

    fn snapshot(&self, out: &mut Vec<u8>) -> Result<(), RestoreError> {
        self.calls.snapshot(out);
        self.deleting.snapshot(out);
        self.episodes.snapshot(out)
    }

    fn restore(&mut self, input: &mut &[u8]) -> Result<(), RestoreError> {
        self.calls.restore(input)?;
        self.deleting.restore(input)?;
        self.episodes.restore(input)
    }
}

impl Unusual {
    fn deleted(&mut self, event: &EventRow<'_>, findings: &mut Findings) {
        let deleting = self.deleting.of_agent(event, findings);
        if deleting.count == 0 || event.second() - deleting.since >= 60 {
            *deleting = Deleting { since: event.second(), count: 0 };
        }
        deleting.count = deleting.count.saturating_add(1);
        if deleting.count >= self.parameters.deletes {
            let before = Before { count: u64::from(deleting.count) - 1, ..Before::default() };
            self.raise(event, Class::ManyDeleted, before, findings);
        }
    }

    fn raise(&mut self, event: &EventRow<'_>, class: Class, before: Before, findings: &mut Findings) {
        let open = |_| Opening {
            case: Touched { class },
            who: scope::who(event),
            what: What { tool: event.text(column::TOOL).map(bounded), ..What::default() },
            before,
        };
        let subject = Subject { scope: Scope::agent(event), target: class.word() };
        self.episodes.raise(subject, event.sighting(), findings, open, |_| ());
    }
}

/// What an episode is about. Names of files are content, so reasons do not quote them: the evidence shows them to whoever
/// may read content.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Touched {
    class: Class,
}

impl Case for Touched {
    fn severity(&self, _: &Alert) -> Severity {
        self.class.severity()
    }

    fn title(&self, _: &Alert) -> String {
        format!("An agent {}", self.class.does())
    }

    fn reason(&self, alert: &Alert) -> String {
        let span = match alert.count {
            1 => String::new(),
            _ => format!(" in {}", duration(alert.last_seen - alert.first_seen)),
        };
        format!("The agent {}, {}{span}. {}", self.class.does(), times(alert.count), self.class.baseline())
    }
}
