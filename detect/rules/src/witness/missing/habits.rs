//! What sessions of one team usually have: how many lately had each witness, and how many did not.

use detect_core::packed;
use detect_core::witness::Witness;

/// So many sessions with a witness show what is usual,
const SESSIONS: u8 = 5;
/// if they are so many times as many as those without.
const FACTOR: u8 = 9;

/// Sessions with and without each witness.
#[derive(Debug, Default)]
pub struct Habits {
    with: [u8; Witness::EXPECTED.len()],
    without: [u8; Witness::EXPECTED.len()],
}

packed!(Habits { with, without });

impl Habits {
    /// Notes a session.
    pub fn note(&mut self, witness: Witness, has: bool) {
        let at = witness as usize;
        let (Some(with), Some(without)) = (self.with.get_mut(at), self.without.get_mut(at)) else { return };
        *if has { &mut *with } else { &mut *without } += 1;
        // Old sessions count less than new ones.
        if (*with).max(*without) == u8::MAX {
            (*with, *without) = (*with / 2, *without / 2);
        }
    }

    /// How many sessions had it.
    pub fn with(&self, witness: Witness) -> u64 {
        self.with.get(witness as usize).copied().unwrap_or(0).into()
    }

    /// Whether nearly all had it.
    pub fn is_usual(&self, witness: Witness) -> bool {
        let without = self.without.get(witness as usize).copied().unwrap_or(0);
        let with = self.with(witness);
        with >= u64::from(SESSIONS) && with >= u64::from(FACTOR) * u64::from(without)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nearly_all_have_is_usual() {
        let mut habits = Habits::default();
        let usual = |habits: &Habits| [Witness::Hooks, Witness::Gateway].map(|witness| habits.is_usual(witness));
        (0..4).for_each(|_| habits.note(Witness::Hooks, true));
        assert_eq!(usual(&habits), [false, false]);
        habits.note(Witness::Hooks, true);
        assert_eq!((usual(&habits), habits.with(Witness::Hooks)), ([true, false], 5));
        habits.note(Witness::Hooks, false);
        assert_eq!(usual(&habits), [false, false], "one of six has none");
        (0..4).for_each(|_| habits.note(Witness::Hooks, true));
        assert_eq!(usual(&habits), [true, false]);
        (0..1_000).for_each(|_| habits.note(Witness::Hooks, true));
        assert_eq!(usual(&habits), [true, false], "the counters never overflow");
    }
}
