//! Seconds in which something is due, at most one for each key. They belong to a [`crate::table::Table`]: whoever forgets a
//! key there forgets its timer here, so there are no more timers than states.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasherDefault;

use crate::detector::RestoreError;
use crate::pack::Pack;
use crate::recent::Passthrough;

/// Timers by keyed hash.
#[derive(Debug, Default)]
pub struct Timers {
    by_second: BTreeSet<(i64, u64)>,
    by_key: HashMap<u64, i64, BuildHasherDefault<Passthrough>>,
}

impl Timers {
    /// Sets the timer of a key, in place of the one that it had.
    pub fn set(&mut self, key: u64, second: i64) {
        self.clear(key);
        self.by_key.insert(key, second);
        self.by_second.insert((second, key));
    }

    /// Takes the timer of a key away.
    pub fn clear(&mut self, key: u64) {
        if let Some(second) = self.by_key.remove(&key) {
            self.by_second.remove(&(second, key));
        }
    }

    /// Takes the next key out that is due at `second`.
    pub fn due(&mut self, second: i64) -> Option<u64> {
        let key = self.by_second.first().filter(|(due, _)| *due <= second)?.1;
        self.clear(key);
        Some(key)
    }

    /// Sets every timer to the same second: the silence before it meant nothing.
    pub fn restart(&mut self, second: i64) {
        let keys: BTreeSet<u64> = self.by_second.iter().map(|(_, key)| *key).collect();
        for key in keys {
            self.set(key, second);
        }
    }

    /// Appends the state.
    pub fn snapshot(&self, out: &mut Vec<u8>) {
        self.by_second.iter().copied().collect::<Vec<_>>().pack(out);
    }

    /// Takes a state that `snapshot` wrote.
    pub fn restore(&mut self, input: &mut &[u8]) -> Result<(), RestoreError> {
        *self = Self::default();
        for (second, key) in Vec::<(i64, u64)>::unpack(input)? {
            self.set(key, second);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
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
        timers.snapshot(&mut bytes);
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
}
