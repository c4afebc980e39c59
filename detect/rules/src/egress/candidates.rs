//! The few destinations of an agent that are worth watching: bounded, and decoys do not push out what has a history.

use detect_core::fixed_list::FixedList;
use detect_core::pack::{Pack, RestoreError};

use crate::limits::CANDIDATE_IDLE_SECONDS;

/// What is counted for one destination of one agent.
pub trait Candidate: Default + Pack {
    /// Half of the hash of the destination: among a few that is enough.
    fn name(&self) -> u32;

    /// The second of its latest use.
    fn last(&self) -> i64;

    /// How much history it has: of those still in use the one with the least gives way.
    fn weight(&self) -> u32;

    /// The same at this second, where it fades.
    fn weight_at(&self, _second: i64) -> u32 {
        self.weight()
    }
}

/// At most `N` candidates of one agent.
#[derive(Debug)]
pub struct Candidates<C, const N: usize>(FixedList<C, N>);

impl<C: Candidate, const N: usize> Default for Candidates<C, N> {
    fn default() -> Self {
        Self(FixedList::default())
    }
}

impl<C: Candidate, const N: usize> Candidates<C, N> {
    /// The candidate of a destination. If there is none, `new` makes one, for which another one may have to go.
    pub fn of(&mut self, name: u32, second: i64, new: impl FnOnce() -> C) -> Option<&mut C> {
        self.admit(name, second, u32::MAX, new)
    }

    /// The same, where the newcomer brings what is known of it: it takes the place of one only that weighs less, or nothing.
    pub fn admit(&mut self, name: u32, second: i64, weight: u32, new: impl FnOnce() -> C) -> Option<&mut C> {
        if let Some(at) = self.place(name) {
            return self.0.as_mut_slice().get_mut(at);
        }
        if self.len() < N {
            return self.0.push(new());
        }
        let at = self.weakest(second)?;
        let weakest = self.0.as_mut_slice().get_mut(at)?;
        let held = if is_in_use(weakest, second) { weakest.weight_at(second) } else { 0 };
        if held > 0 && held >= weight {
            return None;
        }
        *weakest = new();
        Some(weakest)
    }

    fn place(&self, name: u32) -> Option<usize> {
        self.0.as_slice().iter().position(|candidate| candidate.name() == name)
    }

    /// Whether there is a candidate of a destination.
    pub fn has(&self, name: u32) -> bool {
        self.place(name).is_some()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.as_slice().len()
    }

    /// The candidate of a destination, if there is one.
    pub fn get_mut(&mut self, name: u32) -> Option<&mut C> {
        let at = self.place(name)?;
        self.0.as_mut_slice().get_mut(at)
    }

    /// What has long been idle goes first, then what has the least history, then what was used first.
    fn weakest(&self, second: i64) -> Option<usize> {
        let rank = |candidate: &C| (is_in_use(candidate, second), candidate.weight_at(second), candidate.last());
        let ranked = self.0.as_slice().iter().enumerate().min_by_key(|(_, candidate)| rank(candidate));
        ranked.map(|(at, _)| at)
    }
}

fn is_in_use<C: Candidate>(candidate: &C, second: i64) -> bool {
    second - candidate.last() < CANDIDATE_IDLE_SECONDS
}

impl<C: Candidate, const N: usize> Pack for Candidates<C, N> {
    fn pack(&self, out: &mut Vec<u8>) {
        self.0.pack(out);
    }

    fn unpack(input: &mut &[u8]) -> Result<Self, RestoreError> {
        FixedList::unpack(input).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use detect_core::packed;

    use super::*;

    #[derive(Debug, Default, Clone, PartialEq)]
    struct Plain {
        name: u32,
        last: i64,
        weight: u32,
    }
    packed!(Plain { name, last, weight });

    impl Candidate for Plain {
        fn name(&self) -> u32 {
            self.name
        }

        fn last(&self) -> i64 {
            self.last
        }

        fn weight(&self) -> u32 {
            self.weight
        }
    }

    fn touch(candidates: &mut Candidates<Plain, 3>, name: u32, second: i64) {
        let candidate = candidates.of(name, second, || Plain { name, ..Plain::default() }).unwrap();
        candidate.last = second;
        candidate.weight += 1;
    }

    #[test]
    fn decoys_push_out_decoys_only_and_what_is_idle_goes_first() {
        let mut candidates = Candidates::<Plain, 3>::default();
        touch(&mut candidates, 1, 0);
        touch(&mut candidates, 1, 10);
        for decoy in 2..1_000 {
            touch(&mut candidates, decoy, 20);
        }
        assert_eq!(candidates.get_mut(1).unwrap().weight, 2);
        assert!(candidates.len() == 3 && candidates.get_mut(999).is_some() && candidates.get_mut(500).is_none());
        touch(&mut candidates, 2_000, 10 + CANDIDATE_IDLE_SECONDS);
        assert!(candidates.get_mut(1).is_none(), "idle for too long");

        assert_eq!(candidates.admit(3_000, 30, 1, Plain::default), None, "nobody weighs less");
        assert!(candidates.admit(3_000, 30, 2, || Plain { name: 3_000, ..Plain::default() }).is_some());

        let mut bytes = Vec::new();
        candidates.pack(&mut bytes);
        let loaded = Candidates::<Plain, 3>::unpack(&mut bytes.as_slice()).unwrap();
        assert_eq!(loaded.0.as_slice(), candidates.0.as_slice());
    }
}
