//! The fold of hard budgets: every request is answered by its position, so a restart gives the same answers.
//!
//! What was committed within reservations and what is reserved never exceed the cap together, under any interleaving,
//! because requests are decided one by one in the order of the ledger. Money that was spent without a reservation cannot
//! be stopped here: it is counted apart, shown as such, and leaves less to reserve. Recorded time alone lets a
//! reservation expire and refills a budget.

mod account;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use account::Account;
pub use account::Standing;

use crate::budget::{Request, Reserve, Set};
use crate::fold::Fold;
use crate::limits::{
    BUDGET_ANSWERS_MAX, BUDGETS_MAX, RESERVATIONS_MAX, RESERVATIONS_OVER_MAX, RESERVATIONS_PER_BUDGET_MAX,
};
use crate::rows::Row;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The budget or the observation was noted.
    Noted,
    /// The money is kept until then: microseconds since 1970 UTC.
    Granted {
        /// When it is given back by itself.
        expires: i64,
    },
    /// The cost was booked.
    Committed {
        /// The part that was reserved, in micro-USD.
        reserved: u64,
        /// The part that was not: it cost more than was reserved, or the reservation was over.
        unreserved: u64,
    },
    /// The money was given back.
    Released,
    /// Nothing was changed.
    Refused(Refusal),
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such budget.
    #[error("there is no budget {0:?}")]
    NoBudget(String),
    /// The cap would not hold.
    #[error("budget {budget:?} has {available_micros} micro-USD left to reserve")]
    Exhausted {
        /// The first budget without room.
        budget: String,
        /// What can still be reserved.
        available_micros: u64,
    },
    /// Too many open reservations or budgets.
    #[error("too many reservations or budgets are open")]
    TooMany,
    /// The same id was used for another reservation.
    #[error("this id belongs to another reservation")]
    Conflict,
    /// The reservation is over: committed, released or expired.
    #[error("this reservation is over")]
    Over,
    /// No such reservation, or one that was over so long ago that it is forgotten.
    #[error("no such reservation is known")]
    Unknown,
}

/// All hard budgets with their reservations.
#[derive(Debug, Default)]
pub struct Budgets {
    accounts: BTreeMap<String, Account>,
    /// No budget is refilled before this second.
    next_turn: i64,
    open: BTreeMap<String, Reservation>,
    /// Expiry and id of each open reservation.
    expiries: BTreeSet<(i64, String)>,
    over: BTreeMap<String, Outcome>,
    over_order: VecDeque<String>,
    answers: VecDeque<(u64, Answer)>,
}

#[derive(Debug)]
struct Reservation {
    terms: Reserve,
    expires: i64,
}

/// How a reservation ended.
#[derive(Debug)]
enum Outcome {
    Committed(Answer),
    /// Given back, by request or by time: a commit that comes later is booked as unreserved.
    GivenBack {
        budgets: Vec<String>,
        released: bool,
    },
}

impl Budgets {
    /// No budget.
    pub fn new() -> Self {
        Self::default()
    }

    /// The answer to the request that was recorded with this sequence number, as long as it is kept.
    pub fn answer(&self, seq: u64) -> Option<&Answer> {
        let at = self.answers.binary_search_by_key(&seq, |(seq, _)| *seq).ok()?;
        self.answers.get(at).map(|(_, answer)| answer)
    }

    /// How each budget stands, in order of name, as of the newest row.
    pub fn standings(&self) -> impl Iterator<Item = (&str, Standing)> {
        self.accounts.iter().map(|(name, account)| (name.as_str(), account.standing()))
    }

    /// How one budget stands.
    pub fn standing(&self, budget: &str) -> Option<Standing> {
        self.accounts.get(budget).map(Account::standing)
    }

    /// Decides a request that was recorded at `recorded`: microseconds since 1970 UTC, never decreasing.
    pub fn decide(&mut self, recorded: i64, subject: &str, request: Request) -> Answer {
        self.advance(recorded);
        match request {
            Request::Set(set) => self.set(recorded, subject, &set),
            Request::Reserve(terms) => self.reserve(recorded, subject, terms),
            Request::Commit(commit) => self.commit(subject, commit.micros),
            Request::Release => self.release(subject),
            Request::Observed(observed) => match self.accounts.get_mut(subject) {
                Some(account) => {
                    account.observe(observed.window, observed.micros);
                    Answer::Noted
                }
                None => Answer::Refused(Refusal::NoBudget(subject.to_owned())),
            },
        }
    }

    /// Recorded time has come this far: what expired is given back, and budgets of a new day or month are refilled.
    pub fn advance(&mut self, recorded: i64) {
        while self.expiries.first().is_some_and(|(expires, _)| *expires <= recorded) {
            let Some((_, id)) = self.expiries.pop_first() else { break };
            self.give_back(&id, false);
        }
        let second = recorded.div_euclid(1_000_000);
        if second >= self.next_turn {
            self.next_turn = i64::MAX;
            for account in self.accounts.values_mut() {
                self.next_turn = self.next_turn.min(account.turn(second));
            }
        }
    }

    fn set(&mut self, recorded: i64, name: &str, set: &Set) -> Answer {
        if !self.accounts.contains_key(name) && self.accounts.len() >= BUDGETS_MAX {
            return Answer::Refused(Refusal::TooMany);
        }
        let second = recorded.div_euclid(1_000_000);
        let account = self.accounts.entry(name.to_owned()).or_insert_with(|| Account::new(set, second));
        account.set(set, second);
        self.next_turn = self.next_turn.min(account.turn(second));
        self.forget_closed(name);
        Answer::Noted
    }

    fn reserve(&mut self, recorded: i64, id: &str, terms: Reserve) -> Answer {
        if let Some(known) = self.open.get(id) {
            // The same request again, whose answer was lost: it is the same reservation.
            let same = known.terms == terms;
            return if same { Answer::Granted { expires: known.expires } } else { Answer::Refused(Refusal::Conflict) };
        }
        if self.over.contains_key(id) {
            return Answer::Refused(Refusal::Over);
        }
        if let Err(refusal) = self.check_room(&terms) {
            return Answer::Refused(refusal);
        }
        for name in &terms.budgets {
            if let Some(account) = self.accounts.get_mut(name) {
                account.reserve(terms.micros);
            }
        }
        let expires = recorded.saturating_add(i64::from(terms.ttl_seconds) * 1_000_000);
        self.expiries.insert((expires, id.to_owned()));
        self.open.insert(id.to_owned(), Reservation { terms, expires });
        Answer::Granted { expires }
    }

    /// Whether every budget has room: all of them grant, or none is changed.
    fn check_room(&self, terms: &Reserve) -> Result<(), Refusal> {
        for name in &terms.budgets {
            let account = self.accounts.get(name).filter(|account| !account.is_closed());
            let Some(account) = account else { return Err(Refusal::NoBudget(name.clone())) };
            if account.open() >= RESERVATIONS_PER_BUDGET_MAX {
                return Err(Refusal::TooMany);
            }
            let available_micros = account.standing().available_micros();
            if terms.micros > available_micros {
                return Err(Refusal::Exhausted { budget: name.clone(), available_micros });
            }
        }
        if self.open.len() >= RESERVATIONS_MAX { Err(Refusal::TooMany) } else { Ok(()) }
    }

    fn commit(&mut self, id: &str, micros: u64) -> Answer {
        if let Some(Reservation { terms, expires }) = self.open.remove(id) {
            self.expiries.remove(&(expires, id.to_owned()));
            for name in &terms.budgets {
                if let Some(account) = self.accounts.get_mut(name) {
                    account.commit(terms.micros, micros);
                }
                self.forget_closed(name);
            }
            let reserved = micros.min(terms.micros);
            let answer = Answer::Committed { reserved, unreserved: micros - reserved };
            self.remember(id, Outcome::Committed(answer.clone()));
            return answer;
        }
        let Some(outcome) = self.over.get_mut(id) else { return Answer::Refused(Refusal::Unknown) };
        let answer = Answer::Committed { reserved: 0, unreserved: micros };
        match std::mem::replace(outcome, Outcome::Committed(answer.clone())) {
            Outcome::Committed(first) => {
                // The same commit again: it counts once.
                *outcome = Outcome::Committed(first.clone());
                first
            }
            Outcome::GivenBack { budgets, .. } => {
                for name in &budgets {
                    if let Some(account) = self.accounts.get_mut(name) {
                        account.commit_late(micros);
                    }
                }
                answer
            }
        }
    }

    fn release(&mut self, id: &str) -> Answer {
        if let Some(reservation) = self.open.get(id) {
            self.expiries.remove(&(reservation.expires, id.to_owned()));
            self.give_back(id, true);
            return Answer::Released;
        }
        match self.over.get(id) {
            Some(Outcome::GivenBack { released: true, .. }) => Answer::Released,
            Some(_) => Answer::Refused(Refusal::Over),
            None => Answer::Refused(Refusal::Unknown),
        }
    }

    fn give_back(&mut self, id: &str, released: bool) {
        let Some(Reservation { terms, .. }) = self.open.remove(id) else { return };
        for name in &terms.budgets {
            if let Some(account) = self.accounts.get_mut(name) {
                account.give_back(terms.micros);
            }
            self.forget_closed(name);
        }
        self.remember(id, Outcome::GivenBack { budgets: terms.budgets, released });
    }

    fn forget_closed(&mut self, name: &str) {
        if self.accounts.get(name).is_some_and(|account| account.is_closed() && account.open() == 0) {
            self.accounts.remove(name);
        }
    }

    fn remember(&mut self, id: &str, outcome: Outcome) {
        self.over.insert(id.to_owned(), outcome);
        self.over_order.push_back(id.to_owned());
        if self.over_order.len() > RESERVATIONS_OVER_MAX
            && let Some(oldest) = self.over_order.pop_front()
        {
            self.over.remove(&oldest);
        }
    }
}

impl Fold for Budgets {
    fn apply(&mut self, row: &Row<'_>) {
        let Some((subject, request)) = Request::from_row(row) else { return };
        let answer = self.decide(row.recorded, subject, request);
        self.answers.push_back((row.position.seq, answer));
        if self.answers.len() > BUDGET_ANSWERS_MAX {
            self.answers.pop_front();
        }
    }
}

#[cfg(test)]
mod tests;
