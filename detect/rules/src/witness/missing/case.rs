//! One thing that is missing: how bad that is and how it is put.

use detect_core::episode::Case;
use detect_core::event::EventRow;
use detect_core::scope::Scope;
use detect_core::text::{counted, sentences, times};
use detect_core::witness::Witness;
use ledger::events::column;
use operations::alert::{Alert, Measurement, Severity, Unit};
use serde::{Deserialize, Serialize};

/// What is missing. Of one word the worse one is the greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lack {
    /// A witness tells nothing of a session.
    Silent(Witness),
    /// Hooks failed.
    Hooks,
    /// A firewall says that it is off.
    Off {
        /// Whether the team's workspaces usually have one.
        expected: bool,
    },
    /// Content is kept nowhere.
    Content,
}

impl Lack {
    /// The word that tells its alerts apart.
    pub fn word(self) -> &'static str {
        match self {
            Self::Silent(witness) => witness.word(),
            Self::Hooks => "hooks_failed",
            Self::Off { .. } => "firewall_off",
            Self::Content => "content",
        }
    }

    /// Whose it is: what is set up for many is told once for all of them.
    pub fn scope<'a>(self, event: &EventRow<'a>) -> Scope<'a> {
        match self {
            Self::Silent(_) | Self::Hooks => Scope::network(event),
            Self::Off { .. } => match event.text(column::TEMPLATE) {
                Some(name) => Scope { kind: "template", name },
                None => Scope::network(event),
            },
            Self::Content => Scope { kind: "collector", name: event.text(column::COLLECTOR).unwrap_or("") },
        }
    }
}

/// Failures of hooks by this factor above the bound are rated higher.
const FACTOR: u64 = 10;

/// What is known about it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Missing {
    /// What.
    pub lack: Lack,
    /// Sessions of the team that have it, or failures.
    pub number: u64,
    /// The word for whose it is: `workspace`, `template`, ….
    pub scope_kind: String,
    /// Its name.
    pub name: String,
    /// From how many failures of hooks it is told.
    pub limit: u32,
    /// Whether the witness was heard of in the end.
    pub back: bool,
}

impl Missing {
    fn silent(&self, witness: Witness, alert: &Alert) -> String {
        let sessions = counted(alert.count, "session");
        let (what, look) = match witness {
            Witness::Firewall => (
                "no firewall told of the workspace within a day",
                "Look whether it runs there: what goes out of the workspace is seen by nobody",
            ),
            Witness::Gateway => (
                "no gateway told of a call of a model",
                "Look at which address and key the agent uses: past the gateway no budget holds",
            ),
            Witness::Hooks => (
                "no hook told of a call",
                "Look whether hooks are installed and allowed there: calls that are refused or never end are told by hooks alone",
            ),
            Witness::Telemetry => (
                "the agent's telemetry told nothing",
                "Look whether it is turned on there: failing hooks and what is installed are told by it alone",
            ),
            Witness::Policy | Witness::Agent => (
                "no managed settings are in force",
                "Look whether the file or the account that brings them is gone: whoever uses the agent decides then what it may do",
            ),
        };
        let why = match self.number {
            0 => "it is set down as expected (`expected`)".to_owned(),
            number => format!("{number} of the team's latest sessions had it, and hardly any had not"),
        };
        format!("In {sessions} of {} {} {what}; {why}. {look}.", self.scope_kind, self.name)
    }
}

impl Case for Missing {
    fn severity(&self, _: &Alert) -> Severity {
        match self.lack {
            Lack::Silent(Witness::Telemetry) | Lack::Off { expected: false } => Severity::Low,
            Lack::Hooks if self.number < FACTOR * u64::from(self.limit) => Severity::Low,
            Lack::Silent(_) | Lack::Hooks | Lack::Off { .. } | Lack::Content => Severity::Medium,
        }
    }

    fn title(&self, _: &Alert) -> String {
        match self.lack {
            Lack::Silent(Witness::Firewall) => "A workspace without a firewall",
            Lack::Silent(Witness::Gateway) => "A session that no gateway sees",
            Lack::Silent(Witness::Hooks) => "A session without hooks",
            Lack::Silent(Witness::Telemetry) => "A session without telemetry",
            Lack::Silent(_) => "An agent without managed settings",
            Lack::Hooks => "Hooks of an agent fail",
            Lack::Off { .. } => "A firewall is turned off",
            Lack::Content => "Prompts and calls are kept nowhere",
        }
        .to_owned()
    }

    fn reason(&self, alert: &Alert) -> String {
        let what = match self.lack {
            Lack::Silent(witness) => self.silent(witness, alert),
            Lack::Hooks => format!(
                "Hooks failed {} in one session of {} {}, by the agent's own telemetry; from {} on it is told. What they would have reported or \
                 refused is lost: look at what the hooks' command or address answers there.",
                times(self.number),
                self.scope_kind,
                self.name,
                self.limit
            ),
            Lack::Off { expected } => format!(
                "The firewall of {} {} is turned off ({}). What goes out there is neither refused nor recorded. {}",
                self.scope_kind,
                self.name,
                times(alert.count),
                if expected {
                    "Workspaces of this team usually have one: look who changed the template."
                } else {
                    "No other workspace of this team is known to have one."
                }
            ),
            Lack::Content => format!(
                "The gateway that collector {} reads records no prompts, calls and answers, and its log does not carry them either ({}). Money and \
                 times stay, but nobody can see later what was asked. Let the gateway write the structured log itself.",
                self.name,
                times(alert.count)
            ),
        };
        let end = if self.back { "Then it was heard of." } else { "" };
        sentences(&[what, end.to_owned()])
    }

    fn measured(&self, alert: &Alert) -> Option<Measurement> {
        Some(match self.lack {
            Lack::Silent(_) => {
                Measurement::new("sessions without it", Unit::Count, alert.count).known_from(self.number)
            }
            Lack::Hooks => Measurement::new("hooks that failed", Unit::Count, self.number).against(self.limit),
            Lack::Off { .. } | Lack::Content => Measurement::new("notices of it", Unit::Count, alert.count),
        })
    }

    fn kind(&self) -> &'static str {
        self.lack.word()
    }
}
