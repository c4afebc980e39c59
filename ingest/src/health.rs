//! How a collector is: what keeps it from working and since when, and whether its dialect understands what comes.
//!
//! It is told in the log when it changes, and to whoever asks for [`crate::collectors::Status`]. The words are those of
//! [`operations::standing`].

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger::Timestamp;
use operations::standing::{Standing, State, Teller, Telling};

use crate::limits;

/// What is wrong, in words of ours.
pub(crate) type Trouble = (State, String);

/// The health of one collector.
#[derive(Debug)]
pub(crate) struct Health {
    collector: String,
    held: Mutex<Held>,
    /// Of the latest records, how many there were and how many were not understood. Both are halved now and then.
    recent: AtomicU32,
    recent_unparsed: AtomicU32,
    misunderstood: AtomicBool,
    last_record: AtomicI64,
    /// Since when its source waits for the ledger; 0 if it does not.
    waits_since: AtomicI64,
}

/// A source that waits for the ledger, until it is dropped.
pub(crate) struct Waiting<'a>(&'a AtomicI64);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.store(0, Relaxed);
    }
}

#[derive(Debug)]
struct Held {
    /// What keeps the collector from working.
    trouble: Option<Trouble>,
    /// Why a record was not understood last.
    last_reason: String,
    /// All of it in one.
    standing: Standing,
    teller: Teller,
}

impl Health {
    /// Of a collector that is well, from now on.
    pub fn new(collector: &str, now: i64) -> Self {
        let (standing, teller) = (Standing::ok(Timestamp::from_unix_micros(now)), Teller::default());
        Self {
            collector: collector.to_owned(),
            held: Mutex::new(Held { trouble: None, last_reason: String::new(), standing, teller }),
            recent: AtomicU32::new(0),
            recent_unparsed: AtomicU32::new(0),
            misunderstood: AtomicBool::new(false),
            last_record: AtomicI64::new(0),
            waits_since: AtomicI64::new(0),
        }
    }

    /// Its source waits for the ledger from now on.
    pub fn wait(&self, now: i64) -> Waiting<'_> {
        self.waits_since.store(now, Relaxed);
        Waiting(&self.waits_since)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what keeps the collector from working, or that nothing does.
    pub fn set(&self, now: i64, trouble: Option<Trouble>) {
        let mut held = self.held();
        held.trouble = trouble;
        self.judge(now, &mut held);
    }

    /// Puts what is known together, and tells the log of what is new.
    fn judge(&self, now: i64, held: &mut Held) {
        let misunderstood = self.misunderstood.load(Relaxed).then(|| {
            let (unparsed, of) = (self.recent_unparsed.load(Relaxed), self.recent.load(Relaxed));
            let reason = &held.last_reason;
            format!(
                "{unparsed} of the latest {of} records were not understood ({reason}); is the dialect the right one?"
            )
        });
        let waits_since = self.waits_since.load(Relaxed);
        let waits = waits_since > 0 && now.saturating_sub(waits_since) >= limits::LEDGER_WAIT_TOLD.as_micros() as i64;
        let waits = waits.then(|| (State::Refused, "the ledger has not taken what was read yet".to_owned()));
        let (state, reason) = match (held.trouble.clone().or(waits), misunderstood) {
            (None, None) => (State::Ok, None),
            (None, Some(message)) => (State::NotUnderstood, Some(message)),
            (Some((state, message)), None) => (state, Some(message)),
            (Some((state, message)), Some(other)) => (state, Some(format!("{message}; {other}"))),
        };
        let now = Timestamp::from_unix_micros(now);
        held.standing.change(now, state, reason);
        let (collector, reason) = (&self.collector, held.standing.reason.as_deref().unwrap_or_default());
        match held.teller.tell(now, &held.standing) {
            Some(Telling::Began) => {
                tracing::warn!(collector, state = state.as_str(), reason, "the collector has a problem");
            }
            Some(Telling::Ended) => tracing::info!(collector, "the collector works again"),
            None => {}
        }
    }

    /// How it stands now.
    pub fn standing(&self, now: i64) -> Standing {
        let mut held = self.held();
        // Numbers and time have gone on.
        self.judge(now, &mut held);
        held.standing.clone()
    }

    /// When the last record arrived, in microseconds since 1970 UTC.
    pub fn last_record(&self) -> Option<i64> {
        Some(self.last_record.load(Relaxed)).filter(|time| *time > 0)
    }

    /// Counts a record that arrived, with the reason if it was not understood.
    pub fn note(&self, now: i64, unparsed: Option<&str>) {
        self.last_record.store(now, Relaxed);
        let recent = self.recent.fetch_add(1, Relaxed) + 1;
        if let Some(reason) = unparsed {
            self.recent_unparsed.fetch_add(1, Relaxed);
            reason.clone_into(&mut self.held().last_reason);
        } else if !self.misunderstood.load(Relaxed) && recent < limits::RECENT_RECORDS {
            return;
        }
        let bad = self.recent_unparsed.load(Relaxed);
        let is_bad = bad >= limits::UNPARSED_TOLD && bad * 2 > recent;
        if self.misunderstood.swap(is_bad, Relaxed) != is_bad {
            self.judge(now, &mut self.held());
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

    #[test]
    fn a_fault_lasts_from_its_beginning_to_its_end() {
        let health = Health::new("c", 1);
        let check = |now, trouble: Option<(State, &str)>, want: (State, i64, Option<&str>)| {
            health.set(now, trouble.map(|(state, message)| (state, message.to_owned())));
            let Standing { state, since, reason } = health.standing(now);
            assert_eq!((state, since.unix_micros(), reason.as_deref()), want);
        };
        check(2, None, (State::Ok, 1, None));
        check(3, Some((State::Unreadable, "a")), (State::Unreadable, 3, Some("a")));
        check(4, Some((State::Unreadable, "b")), (State::Unreadable, 3, Some("b")));
        check(5, Some((State::Missing, "b")), (State::Missing, 5, Some("b")));
        check(6, None, (State::Ok, 6, None));
    }

    #[test]
    fn who_waits_for_the_ledger_for_long_says_so() {
        let health = Health::new("c", 1);
        let state = |second: i64| health.standing(second * 1_000_000).state;
        let waiting = health.wait(1_000_000);
        assert_eq!((state(10), state(11), state(90)), (State::Ok, State::Refused, State::Refused));
        assert_eq!(health.standing(90_000_000).since, Timestamp::from_unix_seconds(11));
        drop(waiting);
        assert_eq!(state(91), State::Ok);
    }

    #[test]
    fn a_wrong_dialect_is_told_and_forgotten() {
        let health = Health::new("c", 1);
        let note = |reason| health.note(7, reason);
        let state = || health.standing(9).state;
        note(Some("not JSON"));
        note(Some("not JSON"));
        assert_eq!(state(), State::Ok);
        (2..19).for_each(|_| note(Some("not JSON")));
        let standing = health.standing(9);
        assert_eq!(
            (standing.state, standing.since.unix_micros(), health.last_record()),
            (State::NotUnderstood, 7, Some(7))
        );
        let reason = standing.reason.unwrap();
        assert!(reason.starts_with("19 of the latest 19 records were not understood (not JSON)"), "{reason}");
        // What keeps it from working goes first; neither is forgotten.
        health.set(10, Some((State::Missing, "a: no file".to_owned())));
        let standing = health.standing(10);
        assert!(standing.state == State::Missing && standing.reason.unwrap().contains("a: no file; 19 of"));
        health.set(11, None);
        (0..20).for_each(|_| note(None));
        assert_eq!(state(), State::Ok);
        // A few among many are no sign of a wrong dialect.
        (0..1_000).for_each(|at| note((at % 4 == 0).then_some("not JSON")));
        assert_eq!(state(), State::Ok);
    }
}
