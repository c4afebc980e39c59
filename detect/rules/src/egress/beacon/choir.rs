//! Agents that call one rare place with one rhythm: several of them are worse than one, not more innocent.

use detect_core::packed;

use crate::limits::CHOIR_AGENTS_MAX;

/// Who calls one place regularly.
#[derive(Debug, Default)]
pub struct Choir {
    voices: Vec<Voice>,
}
packed!(Choir { voices });

/// One agent by half of its keyed hash, and its period in seconds.
#[derive(Debug, Clone, Copy)]
struct Voice {
    agent: u32,
    period: u32,
}
packed!(Voice { agent, period });

impl Choir {
    /// Notes the rhythm of an agent, and says how many have about that rhythm, this one included.
    pub fn note(&mut self, agent: u32, period: u32) -> u32 {
        if let Some(voice) = self.voices.iter_mut().find(|voice| voice.agent == agent) {
            voice.period = period;
        } else {
            // The oldest gives way.
            if self.voices.len() >= CHOIR_AGENTS_MAX {
                self.voices.remove(0);
            }
            self.voices.push(Voice { agent, period });
        }
        // Within a quarter: what is usual of jittered intervals is only known to about that.
        let is_near =
            |voice: &&Voice| u64::from(voice.period.abs_diff(period)) * 4 <= u64::from(period.max(voice.period));
        self.voices.iter().filter(is_near).count() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_one_rhythm_are_counted() {
        let mut choir = Choir::default();
        let said = [(1, 60), (2, 300), (3, 70), (1, 62), (2, 58)].map(|(agent, period)| choir.note(agent, period));
        assert_eq!(said, [1, 1, 2, 2, 3]);
        for agent in 10..100 {
            choir.note(agent, 60);
        }
        assert_eq!(choir.note(7, 60), CHOIR_AGENTS_MAX as u32);
    }
}
