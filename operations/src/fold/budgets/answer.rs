//! What is answered to a request about a hard budget, with the words by which programs know it.

use crate::money::Money;
use ledger::Timestamp;

/// What became of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BudgetAnswer {
    /// The budget or the observation was noted.
    Noted,
    /// The money is kept until then.
    Granted {
        /// When it is given back by itself.
        expires: Timestamp,
    },
    /// The cost was booked.
    Committed {
        /// The part that was reserved.
        reserved: Money,
        /// The part that was not: it cost more than was reserved, or the reservation was over.
        unreserved: Money,
    },
    /// The money was given back.
    Released,
    /// Nothing was changed.
    Refused(Refusal),
}

impl BudgetAnswer {
    /// The word in records and answers.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Noted => "noted",
            Self::Granted { .. } => "granted",
            Self::Committed { .. } => "committed",
            Self::Released => "released",
            Self::Refused(_) => "refused",
        }
    }
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such budget, or one that the owner may not use.
    #[error("there is no budget {0:?} that this token may use")]
    NoBudget(String),
    /// The cap would not hold.
    #[error("budget {budget:?} has {micros} micro-USD left to reserve", micros = available.as_micros())]
    Exhausted {
        /// The first budget without room.
        budget: String,
        /// What can still be reserved.
        available: Money,
        /// When it is refilled: seconds since 1970 UTC.
        resets: i64,
    },
    /// Too many open reservations or budgets.
    #[error("too many reservations or budgets are open; commit or release some")]
    TooMany,
    /// The same id was used for another reservation.
    #[error("this id belongs to a reservation with other terms; use another id")]
    Conflict,
    /// The reservation is over: committed, released or expired.
    #[error("this reservation is over; reserve again under another id")]
    Over,
    /// No such reservation, or one that was over so long ago that it is forgotten.
    #[error("no such reservation of this token's owner is known")]
    Unknown,
}

impl Refusal {
    /// A stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoBudget(_) => "unknown_budget",
            Self::Exhausted { .. } => "budget_exhausted",
            Self::TooMany => "too_many_reservations",
            Self::Conflict => "reservation_conflict",
            Self::Over => "reservation_over",
            Self::Unknown => "unknown_reservation",
        }
    }

    /// The budget that it is about.
    pub fn budget(&self) -> Option<&str> {
        match self {
            Self::NoBudget(budget) | Self::Exhausted { budget, .. } => Some(budget),
            _ => None,
        }
    }

    /// What that budget had left.
    pub const fn available(&self) -> Option<Money> {
        if let Self::Exhausted { available, .. } = self { Some(*available) } else { None }
    }
}
