//! When which open episode is due, and whose they are: the order in which episodes end, and who gives way when there are too many.

use std::collections::{BTreeMap, BTreeSet};

/// One second for each open episode, by name. It may be earlier than the episode's own deadline, never later.
#[derive(Debug, Default)]
pub(super) struct Queue {
    by_time: BTreeSet<(i64, String)>,
    by_sender: BTreeSet<(u32, i64, String)>,
    /// How many each sender has,
    counts: BTreeMap<u32, u32>,
    /// and the same by number.
    sizes: BTreeSet<(u32, u32)>,
}

impl Queue {
    /// Adds an episode.
    pub fn insert(&mut self, sender: u32, second: i64, name: &str) {
        let count = self.counts.entry(sender).or_default();
        self.sizes.remove(&(*count, sender));
        *count += 1;
        self.sizes.insert((*count, sender));
        self.by_time.insert((second, name.to_owned()));
        self.by_sender.insert((sender, second, name.to_owned()));
    }

    /// Takes an episode out.
    pub fn remove(&mut self, sender: u32, second: i64, name: &str) {
        let entry = (second, name.to_owned());
        if !self.by_time.remove(&entry) {
            return;
        }
        self.by_sender.remove(&(sender, second, entry.1));
        let Some(count) = self.counts.get_mut(&sender) else { return };
        self.sizes.remove(&(*count, sender));
        *count -= 1;
        if *count == 0 {
            self.counts.remove(&sender);
        } else {
            self.sizes.insert((*count, sender));
        }
    }

    /// The episode that is due first, if it is due by `second`.
    pub fn due(&self, second: i64) -> Option<&str> {
        self.by_time.first().filter(|(due, _)| *due <= second).map(|(_, name)| name.as_str())
    }

    /// The episode that gives way to a new one of `sender`: the one queued first among those of whoever has the most, which is
    /// the sender itself if nobody has more; among all, if nobody has two.
    pub fn quietest(&self, sender: u32) -> Option<(i64, &str)> {
        let (most, largest) = self.sizes.last().copied()?;
        if most < 2 {
            return self.by_time.first().map(|(second, name)| (*second, name.as_str()));
        }
        let own = self.counts.get(&sender).is_some_and(|count| *count >= most);
        let loser = if own { sender } else { largest };
        let first = self.by_sender.range((loser, i64::MIN, String::new())..).next()?;
        Some((first.1, first.2.as_str()))
    }
}
