//! What a request to a model took, and how it becomes the disjoint counters of an event.

use ledger::events::column;

use crate::event::Draft;

/// Tokens of one request, as far as the source counts them. What is no number is [`crate::bounds::NO_NUMBER`] and voids itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Input.
    pub input: Option<i64>,
    /// Output, reasoning included.
    pub output: Option<i64>,
    /// Input read from the provider's cache.
    pub cache_read: Option<i64>,
    /// Input written to the provider's cache.
    pub cache_write: Option<i64>,
    /// The part of the output that was reasoning.
    pub reasoning: Option<i64>,
}

impl Usage {
    /// Takes what was cached out of the input of a source that counts it there, too.
    #[must_use]
    pub fn without_cached(self) -> Self {
        let cached = self.cached();
        Self { input: self.input.map(|input| input.saturating_sub(cached)), ..self }
    }

    /// The same of a source of which it is not known whether it does: an input that is less than what was cached cannot hold it.
    #[must_use]
    pub fn without_cached_if_held(self) -> Self {
        if self.input.is_some_and(|input| input < self.cached()) { self } else { self.without_cached() }
    }

    fn cached(self) -> i64 {
        self.cache_read.unwrap_or(0).saturating_add(self.cache_write.unwrap_or(0))
    }

    /// Whether nothing is counted.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// Sets the counters, which are disjoint by now.
    pub fn set(self, draft: &mut Draft) {
        let counters = [
            (column::TOKENS_IN, self.input),
            (column::TOKENS_OUT, self.output),
            (column::TOKENS_CACHE_READ, self.cache_read),
            (column::TOKENS_CACHE_WRITE, self.cache_write),
            (column::TOKENS_REASONING, self.reasoning),
        ];
        for (column, count) in counters {
            if let Some(count) = count {
                draft.columns.set_integer(column, count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bounds::NO_NUMBER;

    #[test]
    fn what_was_cached_is_counted_once() {
        let usage = |input, cache_read, cache_write| Usage {
            input: Some(input),
            cache_read: Some(cache_read),
            cache_write,
            ..Usage::default()
        };
        assert_eq!(usage(3_500, 2_000, Some(300)).without_cached().input, Some(1_200));
        assert_eq!(usage(3_500, 2_000, None).without_cached_if_held().input, Some(1_500));
        assert_eq!(usage(12, 18_211, Some(2_043)).without_cached_if_held().input, Some(12));
        assert_eq!(Usage { cache_read: Some(7), ..Usage::default() }.without_cached().input, None);
        assert!(usage(NO_NUMBER, 1, None).without_cached_if_held().input < Some(0));
        assert!(usage(10, NO_NUMBER, None).without_cached().input > Some(1 << 40));
        assert!(Usage::default().is_empty() && !usage(0, 0, None).is_empty());
    }
}
