//! The recorded time: the system's clock, kept from going back.

use std::time::{SystemTime, UNIX_EPOCH};

/// Gives `recorded` times in microseconds since 1970 UTC that never decrease, over restarts too.
#[derive(Debug)]
pub(crate) struct Clock {
    last: i64,
}

impl Clock {
    /// Goes on from the newest recorded time of the ledger.
    pub(crate) fn new(last: i64) -> Self {
        Self { last }
    }

    /// The time that was given last.
    pub(crate) fn last(&self) -> i64 {
        self.last
    }

    /// The time now, or the last one if the system's clock went back.
    pub(crate) fn now(&mut self) -> i64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64);
        self.last = self.last.max(now);
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_went_back_stands_still() {
        let future = 9_000_000_000_000_000;
        assert_eq!(Clock::new(future).now(), future);
        assert!(Clock::new(0).now() > 1_700_000_000_000_000);
    }
}
