//! One hard budget: its cap and what is taken from it. No reservation is known here by name.

use crate::budget::Set;
use crate::calendar::{Period, Window};

/// How a budget stands in its day or month. Amounts are micro-USD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The hard cap.
    pub cap_micros: u64,
    /// Spent within reservations.
    pub committed_micros: u64,
    /// Kept for calls that are not done.
    pub reserved_micros: u64,
    /// Spent without a reservation: beyond one, after one was over, or never announced and seen in the events only.
    pub unreserved_micros: u64,
    /// The day or month.
    pub window: Window,
}

impl Standing {
    /// What can still be reserved.
    pub fn available_micros(&self) -> u64 {
        let taken = self.committed_micros + self.reserved_micros;
        self.cap_micros.saturating_sub(taken.saturating_add(self.unreserved_micros))
    }
}

#[derive(Debug)]
pub(super) struct Account {
    /// No cap means that it is closed.
    cap: Option<u64>,
    period: Period,
    offset_minutes: i16,
    window: Window,
    committed: u64,
    reserved: u64,
    /// Number of open reservations.
    open: u32,
    /// Committed beyond reservations.
    beyond: u64,
    /// What the events of the window add up to.
    observed: u64,
}

impl Account {
    pub(super) fn new(set: &Set, second: i64) -> Self {
        Self {
            cap: set.cap_micros,
            period: set.period,
            offset_minutes: set.offset_minutes,
            window: set.period.window(second, set.offset_minutes),
            committed: 0,
            reserved: 0,
            open: 0,
            beyond: 0,
            observed: 0,
        }
    }

    /// Another cap counts at once; another calendar starts its own window.
    pub(super) fn set(&mut self, set: &Set, second: i64) {
        self.cap = set.cap_micros;
        if (self.period, self.offset_minutes) != (set.period, set.offset_minutes) {
            let (reserved, open) = (self.reserved, self.open);
            *self = Self { reserved, open, ..Self::new(set, second) };
        }
    }

    /// Starts the window in which `second` lies. What is reserved stays reserved: it will be spent in the new one.
    ///
    /// Returns the second of the next refill.
    pub(super) fn turn(&mut self, second: i64) -> i64 {
        if second >= self.window.end {
            self.window = self.period.window(second, self.offset_minutes);
            (self.committed, self.beyond, self.observed) = (0, 0, 0);
        }
        self.window.end
    }

    pub(super) fn is_closed(&self) -> bool {
        self.cap.is_none()
    }

    pub(super) fn open(&self) -> u32 {
        self.open
    }

    pub(super) fn standing(&self) -> Standing {
        Standing {
            cap_micros: self.cap.unwrap_or(0),
            committed_micros: self.committed,
            reserved_micros: self.reserved,
            // Observed spend holds what was committed beyond reservations, if the events have come; whichever is more is true.
            unreserved_micros: self.beyond.max(self.observed.saturating_sub(self.committed)),
            window: self.window,
        }
    }

    pub(super) fn reserve(&mut self, micros: u64) {
        self.reserved += micros;
        self.open += 1;
    }

    pub(super) fn give_back(&mut self, micros: u64) {
        self.reserved = self.reserved.saturating_sub(micros);
        self.open = self.open.saturating_sub(1);
    }

    pub(super) fn commit(&mut self, reserved: u64, micros: u64) {
        self.give_back(reserved);
        let within = micros.min(reserved);
        self.committed = self.committed.saturating_add(within);
        self.beyond = self.beyond.saturating_add(micros - within);
    }

    pub(super) fn commit_late(&mut self, micros: u64) {
        self.beyond = self.beyond.saturating_add(micros);
    }

    /// Takes the sum of the events of a window; one that is over says nothing about this one.
    pub(super) fn observe(&mut self, window: i64, micros: u64) {
        if window == self.window.start {
            self.observed = self.observed.max(micros);
        }
    }
}
