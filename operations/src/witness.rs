//! Who may tell of a session, and of which of them an event is: a firewall, a gateway, hooks, telemetry, managed settings. Which of them a
//! session should have is for rules to say.

use serde::{Deserialize, Serialize};

use crate::teller::is_transcript;

/// Somebody who may tell of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Witness {
    /// A firewall, which sees what goes out of the workspace.
    Firewall,
    /// A gateway of models.
    Gateway,
    /// The agent's hooks, which tell of calls before they are made.
    Hooks,
    /// The agent's own telemetry.
    Telemetry,
    /// The settings that the agent's operator manages are in force.
    Policy,
    /// The agent itself, in whichever way.
    Agent,
}

impl Witness {
    /// Those that a session may lack, in the order of their numbers.
    pub const EXPECTED: [Self; 5] = [Self::Firewall, Self::Gateway, Self::Hooks, Self::Telemetry, Self::Policy];

    /// The word for it in the configuration and in answers.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Firewall => "firewall",
            Self::Gateway => "gateway",
            Self::Hooks => "hooks",
            Self::Telemetry => "telemetry",
            Self::Policy => "managed_settings",
            Self::Agent => "agent",
        }
    }
}

/// A set of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Witnesses {
    bits: u8,
}

/// What of an event says whose word it is.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    /// The column `source`.
    pub source: &'a str,
    /// The column `kind`.
    pub kind: &'a str,
    /// The column `family`.
    pub family: Option<&'a str>,
    /// Whether what it tells is a claim only, see [`crate::teller::is_claim`].
    pub is_claim: bool,
    /// The column `action`.
    pub action: Option<&'a str>,
    /// The column `target`.
    pub target: Option<&'a str>,
}

impl Witnesses {
    /// Nobody.
    pub const NONE: Self = Self { bits: 0 };

    /// The set with these bits, one for each witness by its number.
    pub const fn from_bits(bits: u8) -> Self {
        Self { bits }
    }

    /// Its bits.
    pub const fn bits(self) -> u8 {
        self.bits
    }

    /// The same and one more.
    #[must_use]
    pub const fn and(self, witness: Witness) -> Self {
        Self { bits: self.bits | 1 << witness as u8 }
    }

    /// Those of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self { bits: self.bits | other.bits }
    }

    /// Those that are not in the other set.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self { bits: self.bits & !other.bits }
    }

    /// Whether it is among them.
    pub const fn has(self, witness: Witness) -> bool {
        self.bits & 1 << witness as u8 != 0
    }

    /// Who tells of an event. What an agent says of itself it may say falsely; only a gateway's trust makes a gateway.
    pub fn of(said: Said<'_>) -> Self {
        match said.family {
            Some("boundary") if is_of_firewall(said.kind) => Self::NONE.and(Witness::Firewall),
            Some("gateway") if said.kind.starts_with("model.") && !said.is_claim => Self::NONE.and(Witness::Gateway),
            // What the control plane tells of a workspace is not the agent's word.
            Some("gateway" | "boundary") => Self::NONE,
            _ if is_of_agent(said.kind) => {
                let agent = Self::NONE.and(Witness::Agent);
                match said.kind {
                    // What was read of a file, afterwards perhaps, is neither hooks nor telemetry that works.
                    _ if is_transcript(said.source) => agent,
                    "tool.call" => agent.and(Witness::Hooks),
                    "inventory" if is_policy(said) => agent.and(Witness::Telemetry).and(Witness::Policy),
                    "metric" | "model.summary" | "inventory" => agent.and(Witness::Telemetry),
                    _ => agent,
                }
            }
            _ => Self::NONE,
        }
    }
}

/// Whether a firewall that works tells such events.
fn is_of_firewall(kind: &str) -> bool {
    matches!(kind, "boundary.start" | "session.start") || kind.starts_with("egress.") || kind.starts_with("dns")
}

/// Whether agents tell such events of themselves.
fn is_of_agent(kind: &str) -> bool {
    const KINDS: [&str; 11] = [
        "agent.event",
        "approval",
        "command",
        "inventory",
        "metric",
        "prompt",
        "session.end",
        "session.start",
        "subagent.end",
        "subagent.start",
        "tool.call",
    ];
    KINDS.contains(&kind) || ["tool.", "file.", "model."].iter().any(|begin| kind.starts_with(begin))
}

/// Whether an event of the inventory says that managed settings are in force.
fn is_policy(said: Said<'_>) -> bool {
    said.action == Some("managed_settings") && said.target.is_some_and(|name| name != "none")
}
