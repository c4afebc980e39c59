//! Keys that records name and nobody has explained: for whoever can ask the control plane about them.

use std::collections::{HashSet, VecDeque};

use crate::limits;
use crate::uuid::is_uuid;

/// Keys with their owners, each given out once.
#[derive(Debug, Default)]
pub(super) struct WantedKeys {
    waiting: VecDeque<(String, String)>,
    /// Those that were ever wanted.
    known: HashSet<String>,
}

impl WantedKeys {
    /// A record named a key of this person. What has no form of an id is asked for nowhere.
    pub fn want(&mut self, user: &str, key: &str) {
        let is_id =
            key.len() <= KEY_BYTES_MAX && !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_id || !is_uuid(user) || self.waiting.len() >= limits::WANTED_KEYS_MAX || self.known.contains(key) {
            return;
        }
        // Who is forgotten is asked about once more.
        if self.known.len() >= limits::WANTED_KEYS_KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(key.to_owned());
        self.waiting.push_back((user.to_owned(), key.to_owned()));
    }

    /// Takes some of them, the first first.
    pub fn take(&mut self, max: usize) -> Vec<(String, String)> {
        let max = max.min(self.waiting.len());
        self.waiting.drain(..max).collect()
    }

    /// Gives some back that could not be asked for.
    pub fn give_back(&mut self, keys: Vec<(String, String)>) {
        for key in keys {
            self.waiting.push_front(key);
        }
        self.waiting.truncate(limits::WANTED_KEYS_MAX);
    }
}

/// Coder's have ten characters.
const KEY_BYTES_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_given_out_once_and_only_if_it_is_one() {
        let user = "6c405053-27e3-484a-9ad7-bcb64e7bfde6";
        let mut wanted = WantedKeys::default();
        for key in ["k1", "k1", "a/../b", "", "k2", &"x".repeat(65)] {
            wanted.want(user, key);
        }
        wanted.want("..", "k3");
        let pair = |key: &str| (user.to_owned(), key.to_owned());
        assert_eq!(wanted.take(1), [pair("k1")]);
        assert_eq!(wanted.take(9), [pair("k2")]);
        wanted.want(user, "k1");
        assert_eq!(wanted.take(9), []);
        wanted.give_back(vec![pair("k2")]);
        assert_eq!(wanted.take(9), [pair("k2")]);
        (0..2 * limits::WANTED_KEYS_MAX).for_each(|at| wanted.want(user, &format!("n{at}")));
        assert_eq!(wanted.take(usize::MAX).len(), limits::WANTED_KEYS_MAX);
    }
}
