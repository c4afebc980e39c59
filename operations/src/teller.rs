//! Who tells of money and tokens, and how far each is believed: several sources tell of one call of a model, and one of them counts.
//! Which rows those are is for who reads rows: detectors, the fleet, SQL.

use serde::{Deserialize, Serialize};

use crate::access::Trust;
use crate::limits::TELLER_MEMORY_SECONDS;

/// Whether money that a source of this trust tells of is a claim only.
pub fn is_claim(trust: &str) -> bool {
    trust.parse::<Trust>().is_ok_and(|trust| trust < Trust::Gateway)
}

/// Whether a source is what an agent writes of its sessions for itself.
pub fn is_transcript(source: &str) -> bool {
    source.ends_with(".transcript")
}

/// How far what tells of money is believed, the least first: the order is the meaning. One call may be told by all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rank {
    /// Nobody told.
    #[default]
    None,
    /// A session's transcript, read afterwards.
    Transcript,
    /// The agent's telemetry or hooks, or another feed that is no gateway.
    Agent,
    /// LiteLLM, behind which or before which another gateway may stand that knows more of whose call it is.
    LiteLlm,
    /// A gateway.
    Gateway,
}

impl Rank {
    /// Whose word an event with these columns is. Only what the agent cannot reach is a gateway, whatever a sender calls itself.
    pub fn of(source: &str, family: Option<&str>, trust: Option<&str>) -> Self {
        match family {
            Some("gateway") if trust.is_some_and(is_claim) => Self::of(source, None, None),
            Some("gateway") if source == "litellm" => Self::LiteLlm,
            Some("gateway") => Self::Gateway,
            _ if is_transcript(source) => Self::Transcript,
            _ => Self::Agent,
        }
    }
}

/// Who tells of the money of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Teller {
    /// How far it is believed.
    pub rank: Rank,
    /// A part of the hash of the feed's name: a session has few. Replicas of a gateway are one feed; of an agent each collector is one, since
    /// hooks and telemetry of one agent have the same source.
    pub feed: u16,
    /// The second, since 1970 UTC, in which it told last.
    pub second: i64,
}

impl Teller {
    /// Lets another one tell, if it may: whoever is believed more, whoever was first among equals, and anybody after a long silence. Says
    /// whether it may.
    pub fn gives_way_to(&mut self, other: Self) -> bool {
        let holds = self.rank != Rank::None && other.second - self.second <= TELLER_MEMORY_SECONDS;
        let may = !holds || other.rank > self.rank || (other.rank, other.feed) == (self.rank, self.feed);
        if may {
            *self = Self { second: if holds { other.second.max(self.second) } else { other.second }, ..other };
        }
        may
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trust_makes_a_gateway() {
        let check = |source, family: &str, trust: Option<&str>, expected| {
            assert_eq!(Rank::of(source, Some(family), trust), expected, "{source} {family} {trust:?}");
        };
        check("coder.gateway", "gateway", Some("gateway"), Rank::Gateway);
        check("coder.gateway", "gateway", Some("control_plane"), Rank::Gateway);
        check("coder.gateway", "gateway", None, Rank::Gateway);
        check("litellm", "gateway", Some("gateway"), Rank::LiteLlm);
        check("litellm", "gateway", Some("workspace"), Rank::Agent);
        check("codex", "workspace", Some("agent"), Rank::Agent);
        check("claude_code.transcript", "workspace", Some("agent"), Rank::Transcript);
        check("claude_code.transcript", "gateway", Some("agent"), Rank::Transcript);
    }

    #[test]
    fn the_best_tells_and_whoever_is_silent_gives_way() {
        let teller = |rank, feed, second| Teller { rank, feed, second };
        let mut known = Teller::default();
        for (other, expected) in [
            (teller(Rank::Agent, 1, 0), true),
            (teller(Rank::Agent, 2, 1), false),
            (teller(Rank::Gateway, 3, 2), true),
            (teller(Rank::Agent, 1, 3), false),
            (teller(Rank::Gateway, 3, 1), true),
            (teller(Rank::LiteLlm, 4, 2 + TELLER_MEMORY_SECONDS), false),
            (teller(Rank::LiteLlm, 4, 3 + TELLER_MEMORY_SECONDS), true),
        ] {
            assert_eq!(known.gives_way_to(other), expected, "{other:?}");
        }
    }
}
