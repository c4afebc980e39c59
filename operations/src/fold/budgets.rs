//! The fold of hard budgets: every request is answered by its position, so a restart gives the same answers.
//!
//! What was committed within reservations and what is reserved never exceed the cap together, under any interleaving,
//! because requests are decided one by one in the order of the ledger. Money that was spent without a reservation cannot
//! be stopped here: it is counted apart, shown as such, and leaves less to reserve. Recorded time alone lets a
//! reservation expire and refills a budget.

mod account;
mod answer;
mod reservations;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use account::Account;
pub use account::Balance;
pub use answer::{BudgetAnswer, Refusal};
use reservations::{End, Key, Open, Over, Reservations};

use crate::fold::Fold;
use crate::kind::budget_request::{Asked, Matched, Observed, Owner, Request, Reserve, Set};
use crate::limits::{BUDGET_ANSWERS_MAX, BUDGETS_MAX, RESERVATIONS_MAX, RESERVATIONS_PER_BUDGET_MAX};
use crate::money::Money;
use ledger::{Row, Seq, Timestamp};

/// All hard budgets with their reservations.
#[derive(Debug, Default)]
pub struct Budgets {
    accounts: BTreeMap<String, Account>,
    /// No budget is refilled before this second.
    next_turn: i64,
    reservations: Reservations,
    answers: VecDeque<(Seq, BudgetAnswer)>,
}

/// A reservation that keeps money now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenReservation<'a> {
    /// Its id.
    pub id: &'a str,
    /// Whose it is.
    pub owner: &'a Owner,
    /// What it draws on, and how much.
    pub terms: &'a Reserve,
    /// When it is given back by itself.
    pub expires: Timestamp,
}

impl Budgets {
    /// No budget.
    pub fn new() -> Self {
        Self::default()
    }

    /// The answer to the request that was recorded with this sequence number, as long as it is kept.
    pub fn answer(&self, seq: Seq) -> Option<&BudgetAnswer> {
        let at = self.answers.binary_search_by_key(&seq, |(seq, _)| *seq).ok()?;
        self.answers.get(at).map(|(_, answer)| answer)
    }

    /// How each budget stands, in order of name, as of the newest row.
    pub fn balances(&self) -> impl Iterator<Item = (&str, Balance)> {
        self.accounts.iter().map(|(name, account)| (name.as_str(), account.balance()))
    }

    /// How one budget stands.
    pub fn balance(&self, budget: &str) -> Option<Balance> {
        self.accounts.get(budget).map(Account::balance)
    }

    /// How each budget was set, in order of name; those without a cap are closed.
    pub fn all_terms(&self) -> impl Iterator<Item = (&str, &Set)> {
        self.accounts.iter().map(|(name, account)| (name.as_str(), account.terms()))
    }

    /// How one budget was set.
    pub fn terms(&self, budget: &str) -> Option<&Set> {
        self.accounts.get(budget).map(Account::terms)
    }

    /// Who set a budget so.
    pub fn set_by(&self, budget: &str) -> Option<&str> {
        self.accounts.get(budget).map(Account::set_by)
    }

    /// What the configuration said last of each budget that it knows or knew, in order of name; those without a cap are closed.
    pub fn all_configured(&self) -> impl Iterator<Item = (&str, &Set)> {
        self.accounts.iter().filter_map(|(name, account)| Some((name.as_str(), account.configured()?)))
    }

    /// What the configuration said last of one budget, if it is its business.
    pub fn configured(&self, budget: &str) -> Option<&Set> {
        self.accounts.get(budget).and_then(Account::configured)
    }

    /// When a budget was opened: events count from then on.
    pub fn since(&self, budget: &str) -> Option<Timestamp> {
        self.accounts.get(budget).map(Account::since)
    }

    /// What the events of a budget added up to when that was last recorded.
    pub fn observed(&self, budget: &str) -> Option<Observed> {
        self.accounts.get(budget).and_then(Account::observed)
    }

    /// The reservations that keep money now, in order of id.
    pub fn open(&self) -> impl Iterator<Item = OpenReservation<'_>> {
        self.reservations.all_open().map(|(key, open)| OpenReservation {
            id: &key.id,
            owner: &key.owner,
            terms: &open.terms,
            expires: open.expires,
        })
    }

    /// Whose reservation an id is, among those that draw on this budget; its owner is the first if several used it.
    pub fn owner_of<'a>(&'a self, id: &'a str, budget: &str) -> Option<&'a Owner> {
        let mut found = self.reservations.of_id(id);
        found.find(|(_, terms)| terms.budgets.iter().any(|name| name == budget)).map(|(owner, _)| owner)
    }

    /// The budgets that a request about a reservation draws on.
    pub fn drawn_on<'a>(&'a self, asked: &'a Asked) -> &'a [String] {
        if let Request::Reserve(terms) = &asked.request {
            return &terms.budgets;
        }
        let key = key(asked);
        let open = self.reservations.open(&key).map(|open| &open.terms);
        let terms = open.or_else(|| self.reservations.over(&key).map(|over| &over.terms));
        terms.map_or(&[], |terms| &terms.budgets)
    }

    /// The answer to a request that was decided before, or that changes nothing; `None` if it has to be recorded and decided
    /// by its position. `now` is the time of whoever asks: what may have expired by then is for the ledger to decide.
    pub fn known(&self, asked: &Asked, now: Timestamp) -> Option<BudgetAnswer> {
        let key = key(asked);
        match &asked.request {
            Request::Reserve(terms) => match self.repeated(&key, terms) {
                Some(BudgetAnswer::Granted { expires }) if expires <= now => None,
                None => self.missing(&asked.owner, terms).map(BudgetAnswer::Refused),
                known => known,
            },
            Request::Commit(_) => match self.reservations.over(&key).map(|over| &over.end) {
                Some(End::Committed { answer, .. }) => Some(answer.clone()),
                None if self.reservations.open(&key).is_none() => Some(BudgetAnswer::Refused(Refusal::Unknown)),
                _ => None,
            },
            Request::Release if self.reservations.open(&key).is_none() => Some(self.released(&key)),
            _ => None,
        }
    }

    /// Decides a request that was recorded at `recorded`, which never decreases.
    pub fn decide(&mut self, recorded: Timestamp, asked: Asked) -> BudgetAnswer {
        self.advance(recorded);
        let key = key(&asked);
        let Asked { owner, subject, request } = asked;
        match request {
            Request::Set(set) => self.set(recorded, &subject, &set, &owner.name),
            Request::Reserve(terms) => self.reserve(recorded, key, &owner, terms),
            Request::Commit(commit) => self.commit(key, commit.micros),
            Request::Release => self.release(key),
            Request::Observed(observed) => match self.accounts.get_mut(&subject) {
                Some(account) => {
                    account.observe(observed);
                    BudgetAnswer::Noted
                }
                None => BudgetAnswer::Refused(Refusal::NoBudget(subject)),
            },
            Request::Matched(matched) => {
                self.match_events(matched);
                BudgetAnswer::Noted
            }
        }
    }

    /// Decides the request at a position, and keeps the answer for whoever asked.
    pub fn take(&mut self, seq: Seq, recorded: Timestamp, asked: Asked) -> &BudgetAnswer {
        let answer = self.decide(recorded, asked);
        if self.answers.len() >= BUDGET_ANSWERS_MAX {
            self.answers.pop_front();
        }
        self.answers.push_back((seq, answer));
        &self.answers[self.answers.len() - 1].1
    }

    /// Recorded time has come this far: what expired is given back, and budgets of a new day or month are refilled, in the
    /// order of time. So it does not matter in how many steps time comes, and what a reservation spent without having it
    /// counts in the day in which it expired.
    pub fn advance(&mut self, recorded: Timestamp) {
        while let Some((expires, key)) = self.reservations.expired(recorded) {
            self.turn(expires);
            self.end((*key).clone(), End::Expired);
        }
        self.turn(recorded);
    }

    fn turn(&mut self, recorded: Timestamp) {
        let second = recorded.unix_seconds();
        if second >= self.next_turn {
            self.next_turn = i64::MAX;
            for account in self.accounts.values_mut() {
                self.next_turn = self.next_turn.min(account.turn(second));
            }
            self.accounts.retain(|_, account| !account.is_gone());
        }
    }

    fn set(&mut self, recorded: Timestamp, name: &str, set: &Set, by: &str) -> BudgetAnswer {
        if !self.accounts.contains_key(name) && self.accounts.len() >= BUDGETS_MAX {
            return BudgetAnswer::Refused(Refusal::TooMany);
        }
        let second = recorded.unix_seconds();
        let account = self.accounts.entry(name.to_owned()).or_insert_with(|| Account::new(set, by, recorded));
        account.set(set, by, recorded);
        self.next_turn = self.next_turn.min(account.turn(second));
        self.forget_gone(name);
        BudgetAnswer::Noted
    }

    /// The answer to a reservation whose id was used before.
    fn repeated(&self, key: &Key, terms: &Reserve) -> Option<BudgetAnswer> {
        if let Some(open) = self.reservations.open(key) {
            // The same request again, whose answer was lost: it is the same reservation.
            let same = open.terms == *terms;
            return Some(if same {
                BudgetAnswer::Granted { expires: open.expires }
            } else {
                BudgetAnswer::Refused(Refusal::Conflict)
            });
        }
        self.reservations.over(key).map(|over| match &over.end {
            _ if over.terms != *terms => BudgetAnswer::Refused(Refusal::Conflict),
            End::Refused(refusal) => BudgetAnswer::Refused(refusal.clone()),
            _ => BudgetAnswer::Refused(Refusal::Over),
        })
    }

    /// A budget that is not there for this owner.
    fn missing(&self, owner: &Owner, terms: &Reserve) -> Option<Refusal> {
        let missing = terms.budgets.iter().find(|name| {
            let account = self.accounts.get(*name).filter(|account| !account.is_closed());
            !account.is_some_and(|account| account.terms().scope.admits(owner))
        });
        missing.map(|name| Refusal::NoBudget(name.clone()))
    }

    fn reserve(&mut self, recorded: Timestamp, key: Key, owner: &Owner, terms: Reserve) -> BudgetAnswer {
        if let Some(answer) = self.repeated(&key, &terms) {
            return answer;
        }
        if let Err(refusal) = self.check_room(owner, &terms) {
            // A refusal by a cap is as final as a grant: whoever tries again later does so under another id.
            if matches!(refusal, Refusal::Exhausted { .. }) {
                let end = End::Refused(refusal.clone());
                self.reservations.remember(key, Over { terms, end, within: Money::ZERO, seen: Money::ZERO });
            }
            return BudgetAnswer::Refused(refusal);
        }
        for name in &terms.budgets {
            if let Some(account) = self.accounts.get_mut(name) {
                account.reserve(terms.micros);
            }
        }
        let expires = recorded.saturating_add(Duration::from_secs(terms.ttl_seconds.into()));
        self.reservations.begin(key, Open { terms, expires, seen: Money::ZERO });
        BudgetAnswer::Granted { expires }
    }

    /// Whether every budget has room: all of them grant, or none is changed.
    fn check_room(&self, owner: &Owner, terms: &Reserve) -> Result<(), Refusal> {
        if let Some(refusal) = self.missing(owner, terms) {
            return Err(refusal);
        }
        for name in &terms.budgets {
            let Some(account) = self.accounts.get(name) else { continue };
            let balance = account.balance();
            let available = balance.available();
            if terms.micros > available {
                let resets = balance.window.end;
                return Err(Refusal::Exhausted { budget: name.clone(), available, resets });
            }
            if account.open() >= RESERVATIONS_PER_BUDGET_MAX {
                return Err(Refusal::TooMany);
            }
        }
        if self.reservations.open_count() >= RESERVATIONS_MAX { Err(Refusal::TooMany) } else { Ok(()) }
    }

    fn commit(&mut self, key: Key, cost: Money) -> BudgetAnswer {
        if let Some(open) = self.reservations.open(&key) {
            let reserved = cost.min(open.terms.micros);
            let answer = BudgetAnswer::Committed { reserved, unreserved: cost.saturating_sub(reserved) };
            self.end(key, End::Committed { cost, answer: answer.clone() });
            return answer;
        }
        let Some(over) = self.reservations.over_mut(&key) else { return BudgetAnswer::Refused(Refusal::Unknown) };
        if let End::Committed { answer, .. } = &over.end {
            // The same commit again: it counts once.
            return answer.clone();
        }
        let before = over.beyond();
        let answer = BudgetAnswer::Committed { reserved: Money::ZERO, unreserved: cost };
        over.end = End::Committed { cost, answer: answer.clone() };
        let (more, budgets) = (over.beyond().saturating_sub(before), over.terms.budgets.clone());
        self.spend_beyond(&budgets, more);
        answer
    }

    fn release(&mut self, key: Key) -> BudgetAnswer {
        if self.reservations.open(&key).is_some() {
            self.end(key, End::Released);
            return BudgetAnswer::Released;
        }
        self.released(&key)
    }

    /// The answer to a release of what is not open.
    fn released(&self, key: &Key) -> BudgetAnswer {
        match self.reservations.over(key).map(|over| &over.end) {
            Some(End::Released) => BudgetAnswer::Released,
            Some(_) => BudgetAnswer::Refused(Refusal::Over),
            None => BudgetAnswer::Refused(Refusal::Unknown),
        }
    }

    /// Ends an open reservation on all its budgets, and remembers how.
    fn end(&mut self, key: Key, end: End) {
        let Some(Open { terms, seen, .. }) = self.reservations.take(&key) else { return };
        let within = if let End::Committed { cost, .. } = &end { terms.micros.min(*cost) } else { Money::ZERO };
        let over = Over { terms, end, within, seen };
        for name in &over.terms.budgets {
            if let Some(account) = self.accounts.get_mut(name) {
                account.end(over.terms.micros, within);
                account.spend_beyond(over.beyond());
            }
            self.forget_gone(name);
        }
        self.reservations.remember(key, over);
    }

    /// Books what was seen of calls for which money was kept. While a reservation is open it holds the money; afterwards
    /// what was seen beyond it is spent without one.
    fn match_events(&mut self, matched: Matched) {
        for seen in matched.seen {
            let key = Key { id: seen.id, owner: seen.owner };
            if let Some(open) = self.reservations.open_mut(&key) {
                open.seen = open.seen.saturating_add(seen.micros);
            } else if let Some(over) = self.reservations.over_mut(&key) {
                let before = over.beyond();
                over.seen = over.seen.saturating_add(seen.micros);
                let (more, budgets) = (over.beyond().saturating_sub(before), over.terms.budgets.clone());
                self.spend_beyond(&budgets, more);
            }
        }
    }

    fn spend_beyond(&mut self, budgets: &[String], amount: Money) {
        for name in budgets {
            if let Some(account) = self.accounts.get_mut(name) {
                account.spend_beyond(amount);
            }
        }
    }

    fn forget_gone(&mut self, name: &str) {
        if self.accounts.get(name).is_some_and(Account::is_gone) {
            self.accounts.remove(name);
        }
    }
}

fn key(asked: &Asked) -> Key {
    Key { id: asked.subject.clone(), owner: asked.owner.clone() }
}

impl Fold for Budgets {
    const KINDS: Option<&'static [&'static str]> = Some(&Asked::KINDS);

    fn apply(&mut self, row: &Row<'_>) {
        if let Some(asked) = Asked::from_row(row) {
            self.take(row.position.seq, row.recorded, asked);
        }
    }
}

#[cfg(test)]
mod tests;
