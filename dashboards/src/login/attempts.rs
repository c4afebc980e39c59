//! Logins that went to a provider and did not come back yet: each is taken once, by the browser that began it, within some minutes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger::Timestamp;
use sha2::{Digest, Sha256};

use crate::limits::{ATTEMPT_AGE_MAX, ATTEMPTS_MAX};
use crate::provider::Keys;

/// All of them. Of too many the oldest is forgotten: whoever fills the table makes others begin again and keeps nobody out for minutes.
#[derive(Default)]
pub struct Attempts(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// By the hash of the state.
    attempts: HashMap<[u8; 32], Attempt>,
    /// The same hashes, the oldest first; also of those that were taken since.
    order: VecDeque<[u8; 32]>,
}

struct Attempt {
    /// The hash of what the browser's cookie holds.
    browser: [u8; 32],
    keys: Keys,
    next: String,
    until: Timestamp,
}

impl Attempts {
    /// Remembers a login that begins now.
    pub fn begin(&self, state: &str, browser: &str, keys: Keys, next: &str, now: Timestamp) {
        let mut inner = self.inner();
        while inner.order.front().is_some_and(|oldest| {
            inner.order.len() >= ATTEMPTS_MAX || inner.attempts.get(oldest).is_none_or(|attempt| attempt.until <= now)
        }) {
            if let Some(oldest) = inner.order.pop_front() {
                inner.attempts.remove(&oldest);
            }
        }
        let until = now.saturating_add(ATTEMPT_AGE_MAX);
        let key = hash(state);
        inner.order.push_back(key);
        inner.attempts.insert(key, Attempt { browser: hash(browser), keys, next: next.to_owned(), until });
    }

    /// What was kept for this state, and where to go then: once, and only for the browser that began.
    pub fn take(&self, state: &str, browser: &str, now: Timestamp) -> Option<(Keys, String)> {
        let Attempt { browser: begun, keys, next, until } = self.inner().attempts.remove(&hash(state))?;
        (begun == hash(browser) && now < until).then_some((keys, next))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is looked up and compared: the time that takes tells something of the hash of a guess, never of a secret.
fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_micros(1_800_000_000_000_000).saturating_add(std::time::Duration::from_secs(seconds))
    }

    fn keys(nonce: &str) -> Keys {
        Keys { issuer: "https://login.acme.example".to_owned(), nonce: nonce.to_owned(), verifier: String::new() }
    }

    #[test]
    fn an_attempt_is_taken_once_by_its_browser_in_time() {
        let attempts = Attempts::default();
        let begin = || attempts.begin("state", "browser", keys("n"), "/alerts", at(0));
        let take = |state: &str, browser: &str, seconds| {
            attempts.take(state, browser, at(seconds)).map(|(keys, next)| (keys.nonce, next))
        };
        begin();
        assert_eq!(take("other", "browser", 1), None);
        assert_eq!(take("state", "browser", 1), Some(("n".to_owned(), "/alerts".to_owned())));
        assert_eq!(take("state", "browser", 1), None, "once");
        begin();
        assert_eq!(take("state", "another", 1), None);
        assert_eq!(take("state", "browser", 1), None, "whoever guesses has one guess");
        begin();
        assert_eq!(take("state", "", 1), None);
        begin();
        assert_eq!(take("state", "browser", ATTEMPT_AGE_MAX.as_secs()), None);
    }

    #[test]
    fn of_too_many_the_oldest_is_forgotten() {
        let attempts = Attempts::default();
        for number in 0..2 * ATTEMPTS_MAX {
            attempts.begin(&number.to_string(), "b", keys(""), "/", at(0));
        }
        let sizes = || {
            let inner = attempts.inner();
            (inner.attempts.len(), inner.order.len())
        };
        assert_eq!(sizes(), (ATTEMPTS_MAX, ATTEMPTS_MAX));
        assert!(attempts.take(&(ATTEMPTS_MAX - 1).to_string(), "b", at(1)).is_none());
        assert!(attempts.take(&ATTEMPTS_MAX.to_string(), "b", at(1)).is_some());
        attempts.begin("last", "b", keys(""), "/", at(ATTEMPT_AGE_MAX.as_secs()));
        assert_eq!(sizes(), (1, 1), "what ran out goes");
    }

    proptest! {
        /// Against a list that keeps everything: whatever is begun and taken in whatever order, the answers are the same.
        #[test]
        fn any_order_of_steps_gives_each_attempt_once(
            steps in proptest::collection::vec((any::<bool>(), 0..6_u8, 0..3_u8, 0..200_u64), 0..60),
        ) {
            let attempts = Attempts::default();
            let mut model: HashMap<u8, (u8, u64)> = HashMap::new();
            let mut now = 0;
            for (begins, state, browser, pause) in steps {
                now += pause;
                let text = |number: u8| number.to_string();
                if begins && !model.contains_key(&state) {
                    attempts.begin(&text(state), &text(browser), keys(&text(state)), "/", at(now));
                    model.insert(state, (browser, now));
                } else if !begins {
                    let expected = model.remove(&state).is_some_and(|(begun, since)| {
                        begun == browser && now - since < ATTEMPT_AGE_MAX.as_secs()
                    });
                    let taken = attempts.take(&text(state), &text(browser), at(now));
                    prop_assert_eq!(taken.map(|(keys, _)| keys.nonce), expected.then(|| text(state)));
                }
            }
        }
    }
}
