//! What is known about the destination of a request before it, and against how large a fleet it is judged. Values only: who keeps
//! them is `reach`.

use crate::packed;
use crate::text::duration;

/// What is known of a name before this event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// How many other agents wanted to reach it, refused or not; [`crate::limits::REACH_FEW`] stands for that many and more.
    pub tried: u32,
    /// All who wanted to reach it, also where they are many.
    pub crowd: Crowd,
    /// Who reached it.
    pub reached: Familiarity,
    /// Who wrote to it: a page that was read before is not a place that was written to before.
    pub written: Familiarity,
}

/// About how many agents there are, in three bytes: each sets one of 24 bits. It tells up to some fifty of them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Crowd {
    bits: [u8; 3],
}
packed!(Crowd { bits });

impl Crowd {
    /// Adds an agent by half of its keyed hash.
    pub fn insert(&mut self, agent: u32) {
        let bit = agent % Self::BITS;
        if let Some(byte) = self.bits.get_mut(bit as usize / 8) {
            *byte |= 1 << (bit % 8);
        }
    }

    /// How many agents usually set as many bits as are set.
    pub fn count(self) -> u64 {
        let set: u32 = self.bits.iter().map(|byte| byte.count_ones()).sum();
        let hundredths = |left: u32| 100 * u64::from(Self::BITS) / u64::from(left);
        ((Self::BITS - set + 1..=Self::BITS).map(hundredths).sum::<u64>() + 50) / 100
    }

    /// Whether they are more than half of all.
    pub fn is_most_of(self, agents: u64) -> bool {
        self.count() * 2 > agents
    }

    const BITS: u32 = 24;
}

/// How far a name is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Familiarity {
    /// Whether by this agent.
    pub agent: bool,
    /// Whether by anybody of this agent's team; those without a team are one.
    pub team: bool,
    /// By how many other agents; [`crate::limits::REACH_FEW`] stands for that many and more.
    pub others: u32,
}

impl Familiarity {
    /// Whether fewer than `rare_agents` others know it.
    pub fn is_rare(self, rare_agents: u32) -> bool {
        self.others < rare_agents
    }
}

/// Against what a finding is judged: how many agents were watched for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Watched {
    /// About how many agents.
    pub agents: u64,
    /// For how many seconds.
    pub seconds: i64,
}

impl Watched {
    /// How rare a domain is for which `others` asked, as a sentence.
    pub fn sentence(&self, scope_kind: &str, others: u32) -> String {
        let seen = duration(self.seconds.saturating_mul(1_000_000));
        match (self.agents.saturating_sub(1), others) {
            (0, _) => format!("No other {scope_kind} is known that could have asked for that domain."),
            (fleet, 0) => format!("None of about {fleet} other {scope_kind}s asked for that domain in {seen}."),
            (fleet, others) => {
                format!("Only {others} of about {fleet} other {scope_kind}s asked for that domain in {seen}.")
            }
        }
    }
}
