//! When to ask again: how long to wait after an answer, after a failure, and when the other side says it. It has no clock, and its
//! chance follows from a seed.

use std::time::Duration;

use crate::limits;

/// How often one list failed in a row, and the chance by which many clients do not ask at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    state: u64,
    failures: u32,
}

impl Pace {
    /// Begins with a seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed, failures: 0 }
    }

    /// It was answered.
    pub fn succeed(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after one more failure: twice as long as after the one before, up to a bound, and less by chance; at least
    /// `least`. What the other side told is kept to, within a bound.
    pub fn fail(&mut self, told: Option<Duration>, least: Duration) -> Duration {
        let doubled = limits::POLL_BACKOFF_MIN.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        let chance = self.chance();
        match told {
            // All that were told the same come a little after each other.
            Some(told) => told.min(limits::POLL_RETRY_AFTER_MAX) + limits::POLL_BACKOFF_MIN.mul_f64(chance),
            None => doubled.min(limits::POLL_BACKOFF_MAX).mul_f64(0.5 + chance / 2.0).max(least),
        }
    }

    /// A number from zero to one (SplitMix64).
    fn chance(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_waits_longer_after_each_failure_and_no_longer_than_the_bound() {
        let (mut pace, mut other) = (Pace::new(1), Pace::new(2));
        let waits: Vec<Duration> = (0..40).map(|_| pace.fail(None, Duration::ZERO)).collect();
        let others: Vec<Duration> = (0..40).map(|_| other.fail(None, Duration::ZERO)).collect();
        assert_ne!(waits, others, "clients spread");
        for (at, wait) in waits.iter().enumerate() {
            let most = limits::POLL_BACKOFF_MIN.saturating_mul(1 << at.min(16)).min(limits::POLL_BACKOFF_MAX);
            assert!(*wait <= most && *wait >= most / 2, "{at}: {wait:?}");
        }
        pace.succeed();
        assert!(pace.fail(None, Duration::ZERO) <= limits::POLL_BACKOFF_MIN);
        assert!(pace.fail(None, Duration::from_mins(1)) >= Duration::from_mins(1));
    }

    #[test]
    fn what_the_other_side_tells_is_kept_to_within_a_bound() {
        let mut pace = Pace::new(3);
        for (told, least, most) in [(7, 7, 8), (0, 0, 1), (u64::MAX / 4, 3_600, 3_601)] {
            let wait = pace.fail(Some(Duration::from_secs(told)), Duration::ZERO);
            assert!(wait >= Duration::from_secs(least) && wait <= Duration::from_secs(most), "{told}: {wait:?}");
        }
    }
}
