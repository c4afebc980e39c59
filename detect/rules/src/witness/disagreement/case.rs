//! One disagreement between a gateway and an agent: how bad it is and how it is put.

use detect_core::episode::Case;
use detect_core::text::{counted, duration, sentences};
use ledger::{LedgerName, Position, Seq};
use operations::alert::{Alert, Measurement, Severity, Unit};
use serde::{Deserialize, Serialize};

/// In what they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Difference {
    /// The agent told of itself, and does not any more.
    Stopped,
    /// The agent never told anything.
    Never,
    /// The gateway tells of far more calls.
    Told,
    /// The agent tells of far more calls.
    Claimed,
}

impl Difference {
    /// The word that tells its alerts apart.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Never => "never",
            Self::Told => "told",
            Self::Claimed => "claimed",
        }
    }
}

/// A silence with so many calls, or a difference by this factor, is rated higher.
const MANY: u16 = 100;
const FACTOR: u16 = 4;

/// What is known about it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Disagreement {
    /// In what they differ.
    pub difference: Difference,
    /// Calls that the gateway told of.
    pub calls: u16,
    /// Calls that the agent told of.
    pub claims: u16,
    /// Calls that the gateway told of since the agent's last word.
    pub unheard: u16,
    /// For how many seconds the agent has been silent.
    pub silent: i64,
    /// Sessions of the team of which both told, and of which the gateway alone did.
    pub habit: (u8, u8),
    /// Shard and sequence number of the agent's last word before a silence.
    pub word: Option<(u32, Seq)>,
    /// Whether the agent was heard of again.
    pub back: bool,
}

impl Case for Disagreement {
    fn severity(&self, _: &Alert) -> Severity {
        match self.difference {
            Difference::Stopped if self.unheard >= MANY => Severity::High,
            Difference::Stopped | Difference::Claimed => Severity::Medium,
            Difference::Never if self.unheard >= MANY => Severity::Medium,
            Difference::Told if self.calls >= self.claims.saturating_mul(FACTOR) => Severity::Medium,
            Difference::Never | Difference::Told => Severity::Low,
        }
    }

    fn title(&self, _: &Alert) -> String {
        match self.difference {
            Difference::Stopped if self.back => "An agent told nothing of itself for a while",
            Difference::Stopped => "An agent goes on and tells nothing of itself any more",
            Difference::Never => "An agent of which only the gateway tells",
            Difference::Told => "An agent tells of fewer calls than its gateway",
            Difference::Claimed => "An agent tells of more calls than its gateway",
        }
        .to_owned()
    }

    fn reason(&self, _: &Alert) -> String {
        let unheard = counted(self.unheard.into(), "call");
        let silent = duration(self.silent * 1_000_000);
        let (calls, claims) = (counted(self.calls.into(), "call"), counted(self.claims.into(), "call"));
        let what = match self.difference {
            Difference::Stopped => format!(
                "The gateway saw {unheard} of models in this session since the agent's last own record, {silent} before; it reported none of what \
                 it did with the answers. Look whether its hooks or telemetry were turned off in that minute, and what the firewall saw since."
            ),
            Difference::Never => format!(
                "The gateway saw {unheard} of models in this session in {silent}, and the agent reported none; of this team's sessions with such an \
                 agent {} were told by both lately, and {} by the gateway alone. Look whether its hooks and telemetry are set up where it runs.",
                self.habit.0, self.habit.1
            ),
            Difference::Told => format!(
                "The gateway saw {calls} of models in this session, and the agent reported {claims}. Somebody else uses its session or key, or its \
                 reports are lost or left out: compare both in the session."
            ),
            Difference::Claimed => format!(
                "The agent reported {claims} of models in this session, and the gateway saw {calls}. The others went past the gateway, where no \
                 budget holds and nothing of them is kept, or were never made: look at which address and key the agent uses."
            ),
        };
        let end = if self.back { "Then the agent was heard of again." } else { "" };
        sentences(&[what, end.to_owned()])
    }

    fn measured(&self, _: &Alert) -> Option<Measurement> {
        Some(match self.difference {
            Difference::Stopped | Difference::Never => {
                Measurement::new("calls without a word of the agent", Unit::Count, self.unheard).within(self.silent)
            }
            Difference::Told => Measurement::new("calls at the gateway", Unit::Count, self.calls).against(self.claims),
            Difference::Claimed => Measurement::new("calls of the agent", Unit::Count, self.claims).against(self.calls),
        })
    }

    fn cause(&self) -> Option<Position> {
        self.word.map(|(shard, seq)| Position { ledger: LedgerName::Events, shard, seq })
    }

    fn kind(&self) -> &'static str {
        self.difference.word()
    }
}
