//! What is known about the destination of a request before it, and against how large a fleet it is judged. Values only: who keeps
//! them is `reach`.

use crate::limits::{OWN_PLACE_DAY_SECONDS, OWN_PLACE_SECONDS};
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
        COUNTS.get(set as usize).copied().unwrap_or_default()
    }

    /// Whether they are more than half of all.
    pub fn is_most_of(self, agents: u64) -> bool {
        self.count() * 2 > agents
    }

    const BITS: u32 = 24;
}

/// For each number of bits that are set, how many agents that usually takes: each of them asks for that of every request.
const COUNTS: [u64; Crowd::BITS as usize + 1] = {
    let mut counts = [0; Crowd::BITS as usize + 1];
    let (mut set, mut hundredths) = (1, 0);
    while set < counts.len() {
        // The bit after so many takes 24 / (24 - so many) agents.
        hundredths += 100 * Crowd::BITS as u64 / (counts.len() - set) as u64;
        counts[set] = (hundredths + 50) / 100;
        set += 1;
    }
    counts
};

/// How far a name is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Familiarity {
    /// Whether by this agent.
    pub agent: bool,
    /// Whether by anybody of this agent's team; those without a team are one.
    pub team: bool,
    /// By how many other agents; [`crate::limits::REACH_FEW`] stands for that many and more.
    pub others: u32,
    /// Since which second anybody knows it; `None` if nobody does.
    pub since: Option<i64>,
}

impl Familiarity {
    /// Whether fewer than `rare_agents` others know it.
    pub fn is_rare(self, rare_agents: u32) -> bool {
        self.others < rare_agents
    }
}

impl Known {
    /// Whether a place on a service where anybody has one is the agent's own or its team's, in this second: somebody else of the
    /// team works with it, or the agent itself fetched from it long before it first wrote there, or has done both for a day. Only
    /// whose place is told can be fetched from.
    pub fn is_own(&self, second: i64) -> bool {
        let of_team = |familiarity: Familiarity| familiarity.team && familiarity.others > 0;
        let first_write = self.written.since.unwrap_or(second);
        let is_used = second - first_write >= OWN_PLACE_DAY_SECONDS;
        let long = self.reached.since.is_some_and(|since| is_used || first_write - since >= OWN_PLACE_SECONDS);
        of_team(self.written) || of_team(self.reached) || (self.reached.agent && long)
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
