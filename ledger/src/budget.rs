//! Requests about hard budgets: the records of the operations kinds `budget.set`, `budget.reserve`, `budget.commit`,
//! `budget.release` and `budget.observed`.
//!
//! A request is appended first and decided by its position: [`crate::fold::Budgets`] gives the answer. So the order of
//! decisions is the order of the ledger, and an answer is durable before it is given. Nothing here decides.

use serde::{Deserialize, Serialize};

use crate::calendar::Period;
use crate::entry::Entry;
use crate::limits;
use crate::operations::column;
use crate::rows::Row;

/// The operations kind that opens, changes or closes a budget; the subject is the budget.
pub const SET_KIND: &str = "budget.set";
/// The operations kind of a reservation before the money is spent; the subject is the reservation.
pub const RESERVE_KIND: &str = "budget.reserve";
/// The operations kind that says what a reserved call really cost; the subject is the reservation.
pub const COMMIT_KIND: &str = "budget.commit";
/// The operations kind that gives a reservation back unused; the subject is the reservation.
pub const RELEASE_KIND: &str = "budget.release";
/// The operations kind that says what the events of a budget add up to; the subject is the budget.
pub const OBSERVED_KIND: &str = "budget.observed";

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Open, change or close a budget.
    Set(Set),
    /// Keep money for a call.
    Reserve(Reserve),
    /// The call is done.
    Commit(Commit),
    /// The call did not happen.
    Release,
    /// What was seen in the events.
    Observed(Observed),
}

/// The record of a `budget.set`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    /// The hard cap in micro-USD. Without one the budget is closed, and goes when its last reservation has gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_micros: Option<u64>,
    /// When it is refilled.
    pub period: Period,
    /// How many minutes before midnight UTC that is.
    #[serde(default)]
    pub offset_minutes: i16,
}

/// The record of a `budget.reserve`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reserve {
    /// The budgets that the call draws on, all of them or none.
    pub budgets: Vec<String>,
    /// The most that it may cost, in micro-USD.
    pub micros: u64,
    /// After how many seconds it is given back if nobody says what became of it.
    pub ttl_seconds: u32,
}

/// The record of a `budget.commit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// What the call cost, in micro-USD.
    pub micros: u64,
}

/// The record of a `budget.observed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// The first second of the day or month that was added up.
    pub window: i64,
    /// What its events cost, in micro-USD.
    pub micros: u64,
}

impl Request {
    /// The operations kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Set(_) => SET_KIND,
            Self::Reserve(_) => RESERVE_KIND,
            Self::Commit(_) => COMMIT_KIND,
            Self::Release => RELEASE_KIND,
            Self::Observed(_) => OBSERVED_KIND,
        }
    }

    /// The entry to append. `subject` is the reservation or the budget, `actor` the principal that asks.
    pub fn entry(&self, subject: &str, actor: &str) -> Result<Entry, serde_json::Error> {
        let record = match self {
            Self::Set(set) => serde_json::to_string(set)?,
            Self::Reserve(reserve) => serde_json::to_string(reserve)?,
            Self::Commit(commit) => serde_json::to_string(commit)?,
            Self::Release => "{}".to_owned(),
            Self::Observed(observed) => serde_json::to_string(observed)?,
        };
        let mut entry = Entry::new();
        entry.set_text(column::KIND, self.kind());
        entry.set_text(column::SUBJECT, subject);
        entry.set_text(column::ACTOR, actor);
        entry.set_text(column::RECORD, &record);
        Ok(entry)
    }

    /// The subject and the request in a row of `operations`; `None` for rows of other kinds, and for records that are no
    /// requests or break a bound.
    pub fn from_row<'a>(row: &Row<'a>) -> Option<(&'a str, Self)> {
        let record = row.text(column::RECORD)?;
        let request = match row.text(column::KIND)? {
            SET_KIND => Self::Set(serde_json::from_str(record).ok()?),
            RESERVE_KIND => Self::Reserve(serde_json::from_str(record).ok()?),
            COMMIT_KIND => Self::Commit(serde_json::from_str(record).ok()?),
            RELEASE_KIND => Self::Release,
            OBSERVED_KIND => Self::Observed(serde_json::from_str(record).ok()?),
            _ => return None,
        };
        let subject = row.text(column::SUBJECT)?;
        request.check(subject).ok().map(|()| (subject, request))
    }

    /// Checks the bounds: whoever takes a request from outside asks before it appends.
    pub fn check(&self, subject: &str) -> Result<(), &'static str> {
        if subject.is_empty() || subject.len() > limits::BUDGET_NAME_BYTES_MAX {
            return Err("the id of a reservation or budget has 1 to 128 bytes");
        }
        let micros = match self {
            Self::Set(set) => set.cap_micros.unwrap_or(0),
            Self::Reserve(reserve) => reserve.micros,
            Self::Commit(commit) => commit.micros,
            Self::Observed(observed) => observed.micros,
            Self::Release => 0,
        };
        if micros > limits::BUDGET_MICROS_MAX {
            return Err("an amount is at most one billion dollars");
        }
        match self {
            Self::Set(set) if set.offset_minutes.unsigned_abs() > 14 * 60 => {
                Err("offset_minutes is at most 14 hours either way")
            }
            Self::Reserve(reserve) => reserve.check(),
            _ => Ok(()),
        }
    }
}

impl Reserve {
    fn check(&self) -> Result<(), &'static str> {
        if self.budgets.is_empty() || self.budgets.len() > limits::BUDGETS_PER_RESERVATION_MAX {
            return Err("a reservation draws on 1 to 8 budgets");
        }
        if self.budgets.iter().any(|name| name.is_empty() || name.len() > limits::BUDGET_NAME_BYTES_MAX) {
            return Err("the name of a budget has 1 to 128 bytes");
        }
        if self.budgets.iter().enumerate().any(|(at, name)| self.budgets[..at].contains(name)) {
            return Err("a reservation names each budget once");
        }
        if self.ttl_seconds == 0 || self.ttl_seconds > limits::RESERVATION_TTL_SECONDS_MAX {
            return Err("ttl_seconds is 1 to 86400");
        }
        Ok(())
    }
}
