//! A token bucket: how many messages may follow one another at once, and how fast it fills again.

use std::time::Duration;

use tokio::time::Instant;

/// The bucket of one receiver.
#[derive(Debug)]
pub struct TokenBucket {
    burst: u32,
    interval: Duration,
    /// When the bucket is full again.
    full_at: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub fn new(burst: u32, interval: Duration) -> Self {
        Self { burst: burst.max(1), interval, full_at: Instant::now() }
    }

    /// When the next message may go.
    pub fn ready_at(&self) -> Instant {
        let spare = self.interval.saturating_mul(self.burst - 1);
        self.full_at.checked_sub(spare).unwrap_or(self.full_at)
    }

    /// Takes so many tokens for what went.
    pub fn take(&mut self, tokens: usize) {
        let refilled_in = self.interval.saturating_mul(u32::try_from(tokens).unwrap_or(u32::MAX));
        self.full_at = self.full_at.max(Instant::now()) + refilled_in;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_its_pace() {
        let mut token_bucket = TokenBucket::new(3, Duration::from_secs(2));
        let start = Instant::now();
        let mut sent = Vec::new();
        for _ in 0..5 {
            tokio::time::sleep_until(token_bucket.ready_at()).await;
            sent.push(start.elapsed().as_secs());
            token_bucket.take(1);
        }
        assert_eq!(sent, [0, 0, 0, 2, 4]);
        tokio::time::sleep(Duration::from_mins(1)).await;
        assert!(token_bucket.ready_at() <= Instant::now());
        // Many at once are waited for afterwards.
        token_bucket.take(4);
        assert_eq!(token_bucket.ready_at() - Instant::now(), Duration::from_secs(4));
    }
}
