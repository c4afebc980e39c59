//! One hard budget: its cap and what is taken from it. No reservation is known here by name.

use serde::{Deserialize, Serialize};

use crate::calendar::Window;
use crate::kind::budget_request::{Observed, Origin, Set};
use crate::money::Money;
use ledger::Timestamp;

/// How a budget stands in its day or month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Balance {
    /// The hard cap.
    pub cap_micros: Money,
    /// Spent within reservations.
    pub committed_micros: Money,
    /// Kept for calls that are not done.
    pub reserved_micros: Money,
    /// Spent without a reservation: beyond one, after one was over, or never announced and seen in the events only.
    pub unreserved_micros: Money,
    /// What the events of the day or month cost, whether it was reserved or not.
    pub observed_micros: Money,
    /// Number of open reservations.
    pub open: u32,
    /// The day or month.
    #[serde(flatten)]
    pub window: Window,
}

impl Balance {
    /// What can still be reserved.
    pub fn available(&self) -> Money {
        let taken = self.committed_micros.saturating_add(self.reserved_micros);
        self.cap_micros.saturating_sub(taken.saturating_add(self.unreserved_micros))
    }
}

#[derive(Debug)]
pub(super) struct Account {
    /// No cap means that it is closed.
    set: Set,
    /// Who set it so.
    set_by: String,
    /// What the configuration said of it last, which a person may have changed since.
    configured: Option<Set>,
    /// When it was opened.
    since: Timestamp,
    window: Window,
    committed: Money,
    reserved: Money,
    open: u32,
    /// Spent by known calls outside of their reservations.
    beyond: Money,
    /// What its events add up to, in this window or one before.
    observed: Option<Observed>,
}

impl Account {
    pub(super) fn new(set: &Set, by: &str, recorded: Timestamp) -> Self {
        Self {
            set: set.clone(),
            set_by: by.to_owned(),
            configured: (set.origin == Origin::Configuration).then(|| set.clone()),
            since: recorded,
            window: set.period.window(recorded.unix_seconds(), set.offset_minutes),
            committed: Money::ZERO,
            reserved: Money::ZERO,
            open: 0,
            beyond: Money::ZERO,
            observed: None,
        }
    }

    /// Another cap or scope counts at once; another calendar starts its own window.
    pub(super) fn set(&mut self, set: &Set, by: &str, recorded: Timestamp) {
        let fresh = Self::new(set, by, recorded);
        let configured = fresh.configured.clone().or_else(|| self.configured.take());
        if (self.set.period, self.set.offset_minutes) == (set.period, set.offset_minutes) {
            (self.set, self.set_by) = (fresh.set, fresh.set_by);
            self.configured = configured;
        } else {
            let Self { since, reserved, open, .. } = *self;
            *self = Self { configured, since, reserved, open, ..fresh };
        }
    }

    pub(super) fn set_by(&self) -> &str {
        &self.set_by
    }

    pub(super) fn configured(&self) -> Option<&Set> {
        self.configured.as_ref()
    }

    pub(super) fn terms(&self) -> &Set {
        &self.set
    }

    pub(super) fn since(&self) -> Timestamp {
        self.since
    }

    /// Starts the window in which `second` lies. What is reserved stays reserved: it will be spent in the new one.
    ///
    /// Returns the second of the next refill.
    pub(super) fn turn(&mut self, second: i64) -> i64 {
        if second >= self.window.end {
            self.window = self.set.period.window(second, self.set.offset_minutes);
            (self.committed, self.beyond) = (Money::ZERO, Money::ZERO);
        }
        self.window.end
    }

    pub(super) fn is_closed(&self) -> bool {
        self.set.cap_micros.is_none()
    }

    /// Whether nothing of it is left to know: it was closed, and its last reservation and its window are over.
    pub(super) fn is_gone(&self) -> bool {
        self.is_closed() && self.open == 0 && self.committed.is_zero() && self.beyond.is_zero()
    }

    pub(super) fn open(&self) -> u32 {
        self.open
    }

    pub(super) fn observed(&self) -> Option<Observed> {
        self.observed
    }

    pub(super) fn balance(&self) -> Balance {
        // What was seen in another window says nothing about this one.
        let observed = self.observed.filter(|observed| observed.window == self.window.start);
        let (seen, unreserved) =
            observed.map(|observed| (observed.micros, observed.unreserved_micros)).unwrap_or_default();
        Balance {
            cap_micros: self.set.cap_micros.unwrap_or_default(),
            committed_micros: self.committed,
            reserved_micros: self.reserved,
            unreserved_micros: self.beyond.saturating_add(unreserved),
            observed_micros: seen,
            open: self.open,
            window: self.window,
        }
    }

    pub(super) fn reserve(&mut self, amount: Money) {
        self.reserved = self.reserved.saturating_add(amount);
        self.open += 1;
    }

    /// A reservation is over: what of it was spent is committed, the rest can be reserved again.
    pub(super) fn end(&mut self, reserved: Money, spent: Money) {
        self.reserved = self.reserved.saturating_sub(reserved);
        self.open = self.open.saturating_sub(1);
        self.committed = self.committed.saturating_add(spent.min(reserved));
    }

    /// A known call spent what was not reserved for it.
    pub(super) fn spend_beyond(&mut self, amount: Money) {
        self.beyond = self.beyond.saturating_add(amount);
    }

    /// Takes the sums over the events of a window.
    pub(super) fn observe(&mut self, observed: Observed) {
        self.observed = Some(observed);
    }
}
