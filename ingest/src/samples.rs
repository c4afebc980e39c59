//! The last few lines that a collector skipped or could not read, per reason, for the health page: few, short, redacted.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use crate::limits;

/// A line that was skipped or not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// When it arrived, in microseconds since 1970 UTC.
    pub received: i64,
    /// Its beginning after redaction; bytes that are not UTF-8 are replaced.
    pub line: String,
}

/// How often a reason was met, with its latest samples.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reason {
    /// How often.
    pub count: u64,
    /// Samples, oldest first.
    pub samples: VecDeque<Sample>,
}

/// The samples of one collector.
#[derive(Debug, Default)]
pub struct Samples {
    reasons: Mutex<BTreeMap<String, Reason>>,
}

/// Under this name stand all reasons above the bound on their number.
const OTHER: &str = "other";

impl Samples {
    /// Counts a reason, and keeps the line if it is one of the first or its turn has come; only then `redact` is called.
    pub fn note(&self, reason: &str, received: i64, line: &[u8], redact: impl FnOnce(&str) -> String) {
        let mut reasons = self.reasons.lock().unwrap_or_else(PoisonError::into_inner);
        let known = reasons.contains_key(reason);
        let name = if known || reasons.len() + 1 < limits::SAMPLE_REASONS_MAX { reason } else { OTHER };
        if !reasons.contains_key(name) {
            reasons.insert(name.to_owned(), Reason::default());
        }
        let Some(held) = reasons.get_mut(name) else { return };
        held.count += 1;
        if held.count > limits::SAMPLES_PER_REASON as u64 && !held.count.is_multiple_of(limits::SAMPLE_EVERY) {
            return;
        }
        if held.samples.len() >= limits::SAMPLES_PER_REASON {
            held.samples.pop_front();
        }
        // A rule may need what lies just behind the cut to recognise a secret, so the line is redacted before it is cut.
        let text = redact(&String::from_utf8_lossy(&line[..line.len().min(8 * limits::SAMPLE_BYTES_MAX)]));
        let mut end = text.len().min(limits::SAMPLE_BYTES_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        held.samples.push_back(Sample { received, line: text[..end].to_owned() });
    }

    /// All reasons with their samples.
    pub fn list(&self) -> BTreeMap<String, Reason> {
        self.reasons.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_few_short_and_redacted() {
        let samples = Samples::default();
        for at in 0..2_000i64 {
            samples.note("debug", at, "é".repeat(2_000).as_bytes(), |text| format!("x{text}"));
        }
        for at in 0..100 {
            samples.note(&format!("reason {at}"), 0, b"line", str::to_owned);
        }
        let reasons = samples.list();
        assert_eq!(reasons.len(), limits::SAMPLE_REASONS_MAX);
        assert_eq!(reasons["debug"].count, 2_000);
        let received: Vec<i64> = reasons["debug"].samples.iter().map(|sample| sample.received).collect();
        assert_eq!(received, [2, 999, 1_999]);
        assert!(
            reasons["debug"]
                .samples
                .iter()
                .all(|sample| sample.line.len() <= limits::SAMPLE_BYTES_MAX && sample.line.starts_with('x'))
        );
        assert_eq!(reasons["other"].count + 30, 100);
    }
}
