//! How a collector is: what keeps it from working and since when, and whether its dialect understands what comes.
//!
//! It is told in the log when it changes, in metrics, and to whoever asks for [`crate::collectors::Status`].

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use crate::limits;
use crate::metrics::CollectorMetrics;

/// What is wrong with a collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The path, or every file of the pattern, is not there.
    Missing,
    /// A file or its directory may not be read, or is none.
    Unreadable,
    /// Something was left out or is waiting that its configuration should decide about.
    PassedOver,
    /// The ledger does not take what was read.
    Refused,
    /// The dialect does not understand most of what comes.
    NotUnderstood,
}

impl Fault {
    /// Every fault, for metrics.
    pub const ALL: [Self; 5] = [Self::Missing, Self::Unreadable, Self::PassedOver, Self::Refused, Self::NotUnderstood];

    /// The word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Unreadable => "unreadable",
            Self::PassedOver => "passed_over",
            Self::Refused => "refused",
            Self::NotUnderstood => "not_understood",
        }
    }
}

/// A fault with what to know about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// What kind it is.
    pub fault: Fault,
    /// What is wrong and, where that is known, what to do. It names paths and holds no text of a record.
    pub message: String,
    /// Since when, in microseconds since 1970 UTC.
    pub since: i64,
}

/// The health of one collector.
#[derive(Debug, Default)]
pub(crate) struct Health {
    trouble: Mutex<Option<Trouble>>,
    /// Of the latest records, how many there were and how many were not understood. Both are halved now and then.
    recent: AtomicU32,
    recent_unparsed: AtomicU32,
    last_reason: Mutex<String>,
    misunderstood: AtomicBool,
    misunderstood_since: AtomicI64,
    last_record: AtomicI64,
}

impl Health {
    /// Sets what keeps the collector from working, or that nothing does; logs the change.
    pub fn set(&self, collector: &str, metrics: &CollectorMetrics, now: i64, trouble: Option<(Fault, String)>) {
        let mut held = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let same =
            |(held, (fault, message)): (&Trouble, &(Fault, String))| held.fault == *fault && held.message == *message;
        match (&*held, &trouble) {
            (None, None) => return,
            (Some(before), Some(after)) if same((before, after)) => return,
            _ => {}
        }
        if let Some(before) = &*held {
            metrics.fault(before.fault).set(0);
        }
        if let Some((fault, message)) = &trouble {
            tracing::warn!(collector, fault = fault.as_str(), problem = message, "the collector has a problem");
            metrics.fault(*fault).set(1);
        } else {
            tracing::info!(collector, "the collector works again");
        }
        // The same fault in other words, such as another number of files, began when it began.
        let since = held.as_ref().filter(|held| trouble.as_ref().is_some_and(|(fault, _)| held.fault == *fault));
        let since = since.map_or(now, |held| held.since);
        *held = trouble.map(|(fault, message)| Trouble { fault, message, since });
    }

    /// What is wrong, everything.
    pub fn troubles(&self) -> Vec<Trouble> {
        let mut troubles: Vec<Trouble> =
            self.trouble.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
        if self.misunderstood.load(Relaxed) {
            let (unparsed, of) = (self.recent_unparsed.load(Relaxed), self.recent.load(Relaxed));
            let reason = self.last_reason.lock().unwrap_or_else(PoisonError::into_inner);
            let message = format!(
                "{unparsed} of the latest {of} records were not understood ({reason}); is the dialect the right one?"
            );
            let since = self.misunderstood_since.load(Relaxed);
            troubles.push(Trouble { fault: Fault::NotUnderstood, message, since });
        }
        troubles
    }

    /// When the last record arrived, in microseconds since 1970 UTC.
    pub fn last_record(&self) -> Option<i64> {
        Some(self.last_record.load(Relaxed)).filter(|time| *time > 0)
    }

    /// Counts a record that arrived, with the reason if it was not understood.
    pub fn note(&self, collector: &str, metrics: &CollectorMetrics, now: i64, unparsed: Option<&str>) {
        self.last_record.store(now, Relaxed);
        let recent = self.recent.fetch_add(1, Relaxed) + 1;
        if let Some(reason) = unparsed {
            self.recent_unparsed.fetch_add(1, Relaxed);
            reason.clone_into(&mut self.last_reason.lock().unwrap_or_else(PoisonError::into_inner));
        } else if !self.misunderstood.load(Relaxed) && recent < limits::RECENT_RECORDS {
            return;
        }
        let bad = self.recent_unparsed.load(Relaxed);
        let is_bad = bad >= limits::UNPARSED_TOLD && bad * 2 > recent;
        if self.misunderstood.swap(is_bad, Relaxed) != is_bad {
            metrics.fault(Fault::NotUnderstood).set(i64::from(is_bad));
            if is_bad {
                self.misunderstood_since.store(now, Relaxed);
                let reason = unparsed.unwrap_or_default();
                tracing::warn!(collector, reason, "most records are not understood; is the dialect the right one?");
            } else {
                tracing::info!(collector, "records are understood again");
            }
        }
        // Races lose a few counts of an estimate.
        if recent >= limits::RECENT_RECORDS {
            self.recent.store(recent / 2, Relaxed);
            self.recent_unparsed.store(bad / 2, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn a_fault_lasts_from_its_beginning_to_its_end() {
        let (health, metrics) = (Health::default(), Metrics::default().collector("c"));
        health.set("c", &metrics, 1, None);
        assert_eq!(health.troubles(), []);
        health.set("c", &metrics, 2, Some((Fault::Unreadable, "a".to_owned())));
        health.set("c", &metrics, 3, Some((Fault::Unreadable, "b".to_owned())));
        let trouble = Trouble { fault: Fault::Unreadable, message: "b".to_owned(), since: 2 };
        assert_eq!((health.troubles(), metrics.fault(Fault::Unreadable).get()), (vec![trouble], 1));
        health.set("c", &metrics, 4, Some((Fault::Missing, "b".to_owned())));
        assert_eq!((health.troubles()[0].since, metrics.fault(Fault::Unreadable).get()), (4, 0));
        health.set("c", &metrics, 5, None);
        assert_eq!((health.troubles().len(), metrics.fault(Fault::Missing).get()), (0, 0));
    }

    #[test]
    fn a_wrong_dialect_is_told_and_forgotten() {
        let (health, metrics) = (Health::default(), Metrics::default().collector("c"));
        let note = |reason| health.note("c", &metrics, 7, reason);
        note(Some("not JSON"));
        note(Some("not JSON"));
        assert_eq!(health.troubles(), []);
        (2..19).for_each(|_| note(Some("not JSON")));
        let troubles = health.troubles();
        assert_eq!((troubles[0].fault, troubles[0].since, health.last_record()), (Fault::NotUnderstood, 7, Some(7)));
        assert!(troubles[0].message.starts_with("19 of the latest 19 records were not understood (not JSON)"));
        (0..20).for_each(|_| note(None));
        assert_eq!(health.troubles(), []);
        // A few among many are no sign of a wrong dialect.
        (0..1_000).for_each(|at| note((at % 4 == 0).then_some("not JSON")));
        assert_eq!(health.troubles(), []);
    }
}
