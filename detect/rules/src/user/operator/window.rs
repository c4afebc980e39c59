//! A sum over the last seconds in a bounded number of buckets. It never counts what is older than the window; of a window
//! longer than its buckets it may leave out the oldest part of one bucket.

use std::collections::VecDeque;

use detect_core::packed;

use super::memory_budget::list_bytes;

/// The sums of the latest buckets.
#[derive(Debug, Default)]
pub struct Window {
    buckets: VecDeque<(i64, i64)>,
}

packed!(Window { buckets });

impl Window {
    /// The bytes that it takes at most.
    pub fn bytes(buckets: u32) -> u64 {
        list_bytes(u64::from(buckets) + 1, 16)
    }

    /// Adds an amount at a second, and gives the sum of the window that ends there. `seconds` is the length of the window,
    /// `buckets` their number; both are the same at each call. Time does not go back: what is older counts as now.
    pub fn add(&mut self, second: i64, amount: i64, seconds: u32, buckets: u32) -> i64 {
        let width = i64::from(seconds.div_ceil(buckets.max(1)).max(1));
        let kept = i64::from(seconds) / width;
        let newest = self.buckets.back().map_or(i64::MIN, |(bucket, _)| *bucket);
        let bucket = second.div_euclid(width).max(newest);
        match self.buckets.back_mut() {
            Some((last, sum)) if *last == bucket => *sum = sum.saturating_add(amount),
            _ => self.buckets.push_back((bucket, amount)),
        }
        while self.buckets.front().is_some_and(|(first, _)| *first <= bucket.saturating_sub(kept)) {
            self.buckets.pop_front();
        }
        self.buckets.iter().fold(0_i64, |sum, (_, amount)| sum.saturating_add(*amount))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_forgets_and_time_does_not_go_back() {
        let mut window = Window::default();
        let sums = [(0, 1), (59, 2), (60, 3), (61, 4), (30, 5), (200, 6)];
        assert_eq!(sums.map(|(second, amount)| window.add(second, amount, 60, 60)), [1, 3, 5, 9, 14, 6]);
        let mut day = Window::default();
        (0..10_000).for_each(|second| _ = day.add(second * 60, i64::MAX, 86_400, 24));
        assert!(day.buckets.len() <= 24 && day.add(600_000, 1, 86_400, 24) == i64::MAX);
    }
}
