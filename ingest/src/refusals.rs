//! Requests that are refused: counted by collector, reason and status, and told in the log, the same one once a minute.
//!
//! A sender that is refused records nothing, so nothing else would show it. Labels are names from the configuration and words of
//! our own: nobody makes series or lines by asking for names that do not exist.

use std::sync::Arc;
use std::time::Instant;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

use crate::limits;
use crate::seldom::Seldom;

/// A request that is refused.
#[derive(Debug, Clone, Copy)]
pub struct Refusal<'a> {
    /// The collector that it names, if the configuration has it.
    pub collector: Option<&'a str>,
    /// A word of ours.
    pub reason: &'static str,
    /// The status of the answer.
    pub status: u16,
    /// What the sender reads.
    pub detail: &'a str,
}

/// What is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct Labels {
    collector: Arc<str>,
    reason: &'static str,
    status: u16,
}

/// Counts requests that are refused, and tells of them. Clones count together.
#[derive(Debug, Clone)]
pub struct Refusals {
    pub(crate) counts: Family<Labels, Counter>,
    told: Seldom<Labels>,
}

impl Default for Refusals {
    fn default() -> Self {
        Self { counts: Family::default(), told: Seldom::new(limits::REFUSAL_TOLD_EVERY) }
    }
}

impl Refusals {
    /// Counts a request that is refused, and tells of it unless the same was told a short time ago.
    pub fn note(&self, refusal: Refusal<'_>) {
        if let Some(requests) = self.count(&refusal, Instant::now()) {
            let Refusal { collector, reason, status, detail } = refusal;
            let collector = collector.unwrap_or_default();
            tracing::warn!(collector, reason, status, requests, detail, "requests that bring events are refused");
        }
    }

    /// How many requests for a collector were refused.
    pub fn of(&self, collector: &str) -> u64 {
        let own = self.told.keys().into_iter().filter(|labels| &*labels.collector == collector);
        own.map(|labels| self.counts.get_or_create(&labels).get()).sum()
    }

    /// Counts it. If it is to be told: how many there were since it was told last, this one included.
    fn count(&self, refusal: &Refusal<'_>, now: Instant) -> Option<u64> {
        let collector = Arc::from(refusal.collector.unwrap_or_default());
        let labels = Labels { collector, reason: refusal.reason, status: refusal.status };
        self.counts.get_or_create(&labels).inc();
        self.told.count(labels, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_refusal_is_told_once_a_minute_with_those_between() {
        let (refusals, start) = (Refusals::default(), Instant::now());
        let refusal = |collector, reason| Refusal { collector, reason, status: 403, detail: "" };
        let at = |seconds| start + std::time::Duration::from_secs(seconds);
        for (collector, reason, seconds, told) in [
            (Some("coderd"), "role", 0, Some(1)),
            (Some("coderd"), "role", 1, None),
            (Some("coderd"), "role", 59, None),
            (Some("coderd"), "dialect", 59, Some(1)),
            (None, "role", 59, Some(1)),
            (Some("coderd"), "role", 60, Some(3)),
            (Some("coderd"), "role", 61, None),
            (Some("coderd"), "role", 3_600, Some(2)),
        ] {
            assert_eq!(
                refusals.count(&refusal(collector, reason), at(seconds)),
                told,
                "{collector:?} {reason} {seconds}"
            );
        }
        let counted = |collector: &str, reason| {
            refusals.counts.get_or_create(&Labels { collector: collector.into(), reason, status: 403 }).get()
        };
        assert_eq!((refusals.of("coderd"), refusals.of("other")), (7, 0));
        assert_eq!((counted("coderd", "role"), counted("coderd", "dialect"), counted("", "role")), (6, 1, 1));
    }
}
