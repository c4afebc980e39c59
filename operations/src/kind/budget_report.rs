//! What is written about decisions after they were made, so that SQL and a SIEM see them without deciding anything: the
//! records of the kinds `budget.decision` and `budget.standing`. No request reads them back.

use serde::{Deserialize, Serialize};

use super::budget_request::Owner;
use super::{Envelope, Family, Info, Kind};
use crate::fold::{Balance, BudgetAnswer};
use crate::money::Money;
use ledger::{AppendError, Entry, Seq, Timestamp};

/// The operations kind that says how a request was decided; the subject is the reservation.
pub const DECISION_KIND: &str = "budget.decision";
/// The operations kind that says how a budget stands; the subject is the budget.
pub const STANDING_KIND: &str = "budget.standing";

/// The kind of decisions.
pub const DECIDED: Kind<Decision> = Kind::of(Info::new(
    DECISION_KIND,
    Family::Budgets,
    "`budgets`",
    "what was decided about the request at `seq`; follows from the others",
));
/// The kind of balances.
pub const BALANCE: Kind<Balance> =
    Kind::of(Info::new(STANDING_KIND, Family::Budgets, "`budgets`", "how a budget stood; follows from the others"));

/// Something to write down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// How a request about a reservation was decided.
    Decision {
        /// The reservation.
        id: String,
        /// What was decided.
        decision: Decision,
    },
    /// How a budget stands.
    Balance {
        /// The budget.
        budget: String,
        /// What it says then.
        balance: Balance,
    },
}

/// The record of a `budget.decision`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Sequence number of the request in `operations`.
    pub seq: Seq,
    /// `reserve`, `commit` or `release`.
    pub request: String,
    /// Who asked.
    pub owner: Owner,
    /// `granted`, `committed`, `released` or `refused`.
    pub decision: String,
    /// Why it was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    /// The budget whose cap would not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<String>,
    /// What that budget had left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_micros: Option<Money>,
    /// When a granted reservation is given back by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// The part of the cost that was reserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserved_micros: Option<Money>,
    /// The part of the cost that was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreserved_micros: Option<Money>,
}

impl Decision {
    /// What was decided about the request at `seq`; `request` is the last word of its kind.
    pub fn new(seq: Seq, request: &str, owner: &Owner, answer: &BudgetAnswer) -> Self {
        let mut decision = Self {
            seq,
            request: request.to_owned(),
            owner: owner.clone(),
            decision: answer.as_str().to_owned(),
            refusal: None,
            budget: None,
            available_micros: None,
            expires: None,
            reserved_micros: None,
            unreserved_micros: None,
        };
        match answer {
            BudgetAnswer::Noted | BudgetAnswer::Released => {}
            BudgetAnswer::Granted { expires } => decision.expires = Some(*expires),
            BudgetAnswer::Committed { reserved, unreserved } => {
                decision.reserved_micros = Some(*reserved);
                decision.unreserved_micros = Some(*unreserved);
            }
            BudgetAnswer::Refused(refusal) => {
                decision.refusal = Some(refusal.code().to_owned());
                decision.budget = refusal.budget().map(str::to_owned);
                decision.available_micros = refusal.available();
            }
        }
        decision
    }
}

impl Report {
    /// The entry to append; `actor` is the part of Tachograph that writes it.
    pub fn entry(&self, actor: &str) -> Result<Entry, AppendError> {
        let envelope = |subject| Envelope { subject, actor, ..Envelope::default() };
        match self {
            Self::Decision { id, decision } => DECIDED.entry(&envelope(id), decision),
            Self::Balance { budget, balance } => BALANCE.entry(&envelope(budget), balance),
        }
    }
}
