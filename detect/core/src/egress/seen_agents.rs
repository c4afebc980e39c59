//! Who is watched, and since when: against how many agents a rarity is judged.

use crate::detector_state;
use crate::egress::known::Watched;
use crate::limits::AGENT_REGISTERS;
use crate::pack::{Pack, RestoreError};

/// The agents that were seen since the first request.
#[derive(Debug, Default)]
pub struct SeenAgents {
    /// The second in which watching began.
    since: Option<i64>,
    agents: Sketch,
}

detector_state!(SeenAgents { since, agents });

impl SeenAgents {
    /// Notes an agent by its keyed hash.
    pub fn note(&mut self, agent: u64, second: i64) {
        self.since.get_or_insert(second);
        self.agents.insert(agent);
    }

    /// How much was watched until `second`.
    pub fn watched(&self, second: i64) -> Watched {
        Watched { agents: self.agents.count, seconds: self.since.map_or(0, |since| second - since) }
    }
}

/// Counts different hashes to a few percent (HyperLogLog), in integers only: the same on every machine.
#[derive(Debug, Clone)]
struct Sketch {
    registers: [u8; AGENT_REGISTERS],
    /// How many that are: everybody asks, and it seldom changes.
    count: u64,
}

impl Pack for Sketch {
    fn pack(&self, out: &mut Vec<u8>) {
        self.registers.pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        let mut sketch = Self { registers: Pack::unpack(input)?, count: 0 };
        sketch.count = sketch.counted();
        Ok(sketch)
    }
}

impl Default for Sketch {
    fn default() -> Self {
        Self { registers: [0; AGENT_REGISTERS], count: 0 }
    }
}

impl Sketch {
    fn insert(&mut self, hash: u64) {
        let (register, rest) = (hash as usize % AGENT_REGISTERS, hash / AGENT_REGISTERS as u64);
        // The rest is never longer than 56 bits, so the rank fits.
        let rank = rest.trailing_zeros().min(55) as u8 + 1;
        if let Some(register) = self.registers.get_mut(register).filter(|register| **register < rank) {
            *register = rank;
            self.count = self.counted();
        }
    }

    /// While registers are free, how many insertions usually fill as many as are filled; then the harmonic mean.
    fn counted(&self) -> u64 {
        const M: u64 = AGENT_REGISTERS as u64;
        let free: u64 = self.registers.iter().map(|register| u64::from(*register == 0)).sum();
        if free * 8 > M {
            let thousands: u64 = (free + 1..=M).map(|left| 1_000_000 * M / left).sum();
            return (thousands + 500_000) / 1_000_000;
        }
        let harmonic: u64 = self.registers.iter().map(|register| (1u64 << 40) >> *register).sum();
        // The constant of HyperLogLog for 256 registers is 0.7182.
        ((u128::from(M * M) << 40) * 7_182 / 10_000 / u128::from(harmonic.max(1))) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn agents_are_counted_to_a_few_percent() {
        for agents in [0u64, 1, 3, 40, 200, 1_000, 20_000] {
            let mut sketch = Sketch::default();
            for number in 0..agents {
                let hash = fixtures::key().hash(&["network", &number.to_string()]);
                sketch.insert(hash);
                sketch.insert(hash);
            }
            let error = sketch.count.abs_diff(agents);
            assert!(error * 100 <= agents * 18, "{agents}: {}", sketch.count);
        }
    }
}
