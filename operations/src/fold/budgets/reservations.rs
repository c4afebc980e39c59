//! The reservations of all budgets: which are open, until when, and how those ended that are over. No money is counted
//! here.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::{BudgetAnswer, Refusal};
use crate::kind::budget_request::{Owner, Reserve};
use crate::limits::RESERVATIONS_OVER_MAX;
use crate::money::Money;
use ledger::Timestamp;

/// Whose reservation it is, by its id first, so that all of one id lie together.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) id: String,
    pub(super) owner: Owner,
}

/// A reservation that keeps money.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) terms: Reserve,
    pub(super) expires: Timestamp,
    /// What its events cost so far.
    pub(super) seen: Money,
}

/// A reservation that keeps money no more, or never did.
#[derive(Debug)]
pub(super) struct Over {
    pub(super) terms: Reserve,
    pub(super) end: End,
    /// The part of its cost that was reserved.
    pub(super) within: Money,
    /// What its events cost so far.
    pub(super) seen: Money,
}

/// How a reservation ended.
#[derive(Debug)]
pub(super) enum End {
    /// The call cost this much, and this was answered first.
    Committed { cost: Money, answer: BudgetAnswer },
    /// It was given back by its owner.
    Released,
    /// It was given back by time.
    Expired,
    /// It was never granted.
    Refused(Refusal),
}

impl Over {
    /// What the call spent outside of its reservation: what it was said to cost, or what was seen of it if that is more.
    pub(super) fn beyond(&self) -> Money {
        let said = if let End::Committed { cost, .. } = &self.end { *cost } else { Money::ZERO };
        said.max(self.seen).saturating_sub(self.within)
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Reservations {
    open: BTreeMap<Arc<Key>, Open>,
    expiries: BTreeSet<(Timestamp, Arc<Key>)>,
    over: BTreeMap<Arc<Key>, Over>,
    over_order: VecDeque<Arc<Key>>,
}

impl Reservations {
    pub(super) fn open_count(&self) -> usize {
        self.open.len()
    }

    pub(super) fn open(&self, key: &Key) -> Option<&Open> {
        self.open.get(key)
    }

    pub(super) fn open_mut(&mut self, key: &Key) -> Option<&mut Open> {
        self.open.get_mut(key)
    }

    pub(super) fn over(&self, key: &Key) -> Option<&Over> {
        self.over.get(key)
    }

    pub(super) fn over_mut(&mut self, key: &Key) -> Option<&mut Over> {
        self.over.get_mut(key)
    }

    pub(super) fn all_open(&self) -> impl Iterator<Item = (&Key, &Open)> {
        self.open.iter().map(|(key, open)| (&**key, open))
    }

    /// The terms of every reservation of this id, open ones first.
    pub(super) fn of_id<'a>(&'a self, id: &'a str) -> impl Iterator<Item = (&'a Owner, &'a Reserve)> {
        let first = Key { id: id.to_owned(), owner: Owner::default() };
        let open = self.open.range(first.clone()..).map(|(key, open)| (key, &open.terms));
        let over = self.over.range(first..).map(|(key, over)| (key, &over.terms));
        let same = move |(key, _): &(&'a Arc<Key>, &'a Reserve)| key.id == id;
        open.take_while(same).chain(over.take_while(same)).map(|(key, terms)| (&key.owner, terms))
    }

    pub(super) fn begin(&mut self, key: Key, open: Open) {
        let key = Arc::new(key);
        self.expiries.insert((open.expires, Arc::clone(&key)));
        self.open.insert(key, open);
    }

    /// Takes an open one out, to be ended.
    pub(super) fn take(&mut self, key: &Key) -> Option<Open> {
        let (key, open) = self.open.remove_entry(key)?;
        self.expiries.remove(&(open.expires, key));
        Some(open)
    }

    /// The first that expires up to this moment, and when that is.
    pub(super) fn expired(&self, recorded: Timestamp) -> Option<(Timestamp, Arc<Key>)> {
        self.expiries.first().filter(|(expires, _)| *expires <= recorded).cloned()
    }

    /// Remembers how one ended, so that a request may be sent again; forgets the oldest of too many.
    pub(super) fn remember(&mut self, key: Key, over: Over) {
        let key = Arc::new(key);
        if self.over.insert(Arc::clone(&key), over).is_none() {
            self.over_order.push_back(key);
        }
        if self.over_order.len() > RESERVATIONS_OVER_MAX
            && let Some(oldest) = self.over_order.pop_front()
        {
            self.over.remove(&oldest);
        }
    }

    #[cfg(test)]
    pub(super) fn sizes(&self) -> [usize; 4] {
        [self.open.len(), self.expiries.len(), self.over.len(), self.over_order.len()]
    }
}
