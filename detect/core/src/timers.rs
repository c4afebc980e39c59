//! Seconds in which something is due, at most one for each key. They belong to a [`crate::table::Table`]: whoever forgets a
//! key there forgets its timer here, so there are no more timers than states.
//!
//! Most timers are set again and again to later seconds and never fire. So a timer that is set later, or cleared, stays where
//! it was queued and is looked at again when its old second comes.

use std::collections::BTreeSet;

use crate::detector_state::DetectorState;
use crate::index::{Index, Keyed};
use crate::pack::{Pack, RestoreError};
use crate::second::Second;

/// Timers by keyed hash.
#[derive(Debug, Default)]
pub struct Timers {
    queue: BTreeSet<(Second, Halves)>,
    /// In no order that matters.
    known: Vec<Timer>,
    index: Index,
}

/// One timer.
#[derive(Debug, Clone, Copy)]
struct Timer {
    key: Halves,
    /// The second under which it is queued: never later than that in which it is due.
    queued: Second,
    /// The second in which it is due; [`Second::LAST`] once it was cleared.
    due: Second,
}

/// A key in two halves, the upper first, so that no room is left empty beside a second.
type Halves = [u32; 2];

fn halves(key: u64) -> Halves {
    [(key >> 32) as u32, key as u32]
}

fn whole([upper, lower]: Halves) -> u64 {
    u64::from(upper) << 32 | u64::from(lower)
}

impl Keyed for Timer {
    fn key(&self) -> u64 {
        whole(self.key)
    }
}

impl Timers {
    /// Sets the timer of a key, in place of the one that it had.
    pub fn set(&mut self, key: u64, second: i64) {
        let second = Second::new(second);
        match self.get_mut(key) {
            Some(timer) if timer.queued <= second => timer.due = second,
            _ => {
                self.forget(key);
                self.add(Timer { key: halves(key), queued: second, due: second });
            }
        }
    }

    /// Takes the timer of a key away for now.
    pub fn clear(&mut self, key: u64) {
        if let Some(timer) = self.get_mut(key) {
            timer.due = Second::LAST;
        }
    }

    /// Takes the timer of a key away together with the memory that it takes.
    pub fn forget(&mut self, key: u64) {
        if let Some(timer) = self.remove(key) {
            self.queue.remove(&(timer.queued, timer.key));
        }
    }

    fn get_mut(&mut self, key: u64) -> Option<&mut Timer> {
        let at = self.index.get(key, &self.known)?;
        self.known.get_mut(at as usize)
    }

    /// Adds the timer of a key that has none.
    fn add(&mut self, timer: Timer) {
        self.known.push(timer);
        self.index.insert(self.known.len() as u32 - 1, &self.known);
        self.queue.insert((timer.queued, timer.key));
    }

    /// Takes a timer out of the list, where the last one takes its place.
    fn remove(&mut self, key: u64) -> Option<Timer> {
        let at = self.index.get(key, &self.known)?;
        let last = self.known.len() as u32 - 1;
        self.index.remove(at, &self.known);
        if at != last {
            self.index.remove(last, &self.known);
        }
        let removed = self.known.swap_remove(at as usize);
        if at != last {
            self.index.insert(at, &self.known);
        }
        Some(removed)
    }

    /// Takes the next key out that is due at `second`.
    pub fn due(&mut self, second: i64) -> Option<u64> {
        let now = Second::new(second);
        while let Some((queued, key)) = self.queue.first().copied().filter(|(queued, _)| *queued <= now) {
            self.queue.remove(&(queued, key));
            let key = whole(key);
            match self.get_mut(key) {
                Some(timer) if timer.due == Second::LAST => {}
                Some(timer) if timer.due > now => {
                    timer.queued = timer.due;
                    let queued = (timer.due, timer.key);
                    self.queue.insert(queued);
                    continue;
                }
                _ => {
                    self.remove(key);
                    return Some(key);
                }
            }
            self.remove(key);
        }
        None
    }

    /// Sets every timer to the same second: the silence before it meant nothing.
    pub fn restart(&mut self, second: i64) {
        let second = Second::new(second);
        let before = std::mem::take(self);
        for timer in before.known.into_iter().filter(|timer| timer.due != Second::LAST) {
            self.add(Timer { queued: second, due: second, ..timer });
        }
    }
}

impl DetectorState for Timers {
    fn snapshot(&self, out: &mut Vec<u8>) -> Result<(), RestoreError> {
        let due = |key: u64| {
            let timer = self.index.get(key, &self.known).and_then(|at| self.known.get(at as usize));
            timer.map_or(Second::LAST, |timer| timer.due)
        };
        let queue = self.queue.iter().map(|(queued, key)| (*queued, whole(*key)));
        queue.map(|(queued, key)| ((queued, key), due(key))).collect::<Vec<_>>().pack(out);
        Ok(())
    }

    fn restore(&mut self, input: &mut &[u8]) -> Result<(), RestoreError> {
        *self = Self::default();
        for ((queued, key), due) in Vec::<((Second, u64), Second)>::unpack(input)? {
            self.forget(key);
            self.add(Timer { key: halves(key), queued, due });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_key_has_one_timer() {
        let mut timers = Timers::default();
        timers.set(1, 10);
        timers.set(2, 5);
        timers.set(1, 3);
        timers.set(3, 4);
        timers.clear(3);
        let mut bytes = Vec::new();
        timers.snapshot(&mut bytes).unwrap();
        let mut loaded = Timers::default();
        loaded.restore(&mut bytes.as_slice()).unwrap();
        for timers in [&mut timers, &mut loaded] {
            assert_eq!(
                [timers.due(2), timers.due(4), timers.due(4), timers.due(5), timers.due(99)],
                [None, Some(1), None, Some(2), None]
            );
        }
        timers.set(4, 1);
        timers.restart(50);
        assert_eq!([timers.due(49), timers.due(50)], [None, Some(4)]);
    }

    proptest! {
        #[test]
        fn they_fire_as_if_each_were_moved_at_once(
            steps in proptest::collection::vec((0u8..5, 0u64..6, 1i64..20), 0..80), cut in 0usize..80,
        ) {
            let (mut timers, mut expected, mut second) = (Timers::default(), BTreeMap::new(), 0);
            for (at, (step, key, after)) in steps.into_iter().enumerate() {
                match step {
                    0..2 => {
                        timers.set(key, second + after);
                        expected.insert(key, second + after);
                    }
                    2 => {
                        timers.clear(key);
                        expected.remove(&key);
                    }
                    3 => {
                        timers.forget(key);
                        expected.remove(&key);
                    }
                    _ => second += after,
                }
                if at == cut {
                    let mut bytes = Vec::new();
                    timers.snapshot(&mut bytes).unwrap();
                    timers.restore(&mut bytes.as_slice()).unwrap();
                }
                let mut due: Vec<u64> = std::iter::from_fn(|| timers.due(second)).collect();
                due.sort_unstable();
                let wanted: Vec<u64> = expected.iter().filter(|(_, due)| **due <= second).map(|(key, _)| *key).collect();
                expected.retain(|_, due| *due > second);
                prop_assert_eq!(due, wanted);
                prop_assert!(timers.queue.len() == timers.known.len() && timers.queue.len() <= 6);
            }
        }
    }
}
