//! Where everybody asks about hard budgets: a request is made durable, then the fold that reads it back says what was
//! decided.
//!
//! Everything here blocks: it reads the disk and waits for an fsync. Callers in a runtime put it on a thread for that.
//! Requests that wait at the same time share one fsync: no lock is held while it lasts.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::change::Change;
use crate::fold::{Balance, BudgetAnswer, Budgets, Projection};
use crate::kind::budget_request::{Asked, Owner, Request, Set};
use crate::limits;
use ledger::Group;
use ledger::Reader;
use ledger::{AppendError, LedgerError, Seq, Timestamp};
use ledger::{Appender, Rejected};

/// Where requests are recorded, and the fold over what was: the `operations` ledger, or a model of it.
pub trait Log {
    /// Appends requests in this order, all or none, and returns when they are durable: the position of the first.
    fn append(&self, asked: &[Asked]) -> Result<Seq, BudgetError>;

    /// Shows the fold over everything that is durable now.
    fn fold<T>(&self, look: impl FnOnce(&mut Budgets) -> T) -> Result<T, BudgetError>;
}

/// Asks a log, and answers.
#[derive(Debug)]
pub struct BudgetService<L = LedgerLog> {
    log: L,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The decision. It is durable, and the same whenever the same is asked again.
    pub answer: BudgetAnswer,
    /// Where the request stands in `operations`; absent if it was decided before.
    pub seq: Option<Seq>,
    /// How the budgets of the reservation stand now.
    pub balances: Vec<(String, Balance)>,
}

/// Why there is no decision. After the errors of the ledger it is not known whether there is one: the same request may be
/// sent again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BudgetError {
    /// The request breaks a bound.
    #[error("{0}")]
    Invalid(&'static str),
    /// There are so many budgets already that this one was not set.
    #[error("budget {name:?} was not set, because there are {max} already; remove some", max = limits::BUDGETS_MAX)]
    TooManyBudgets {
        /// The first that was not.
        name: String,
    },
    /// There is no such budget, or none that may be changed in this way.
    #[error("there is no budget {name:?}")]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The configuration says more than a person may change.
    #[error("budget {name:?} stands in the configuration: its cap can be changed here, and all else there")]
    Configured {
        /// Its name.
        name: String,
    },
    /// A budget of others.
    #[error("who is bound to an organisation or a team sets budgets of it alone: name it in the budget")]
    Tenant,
    /// Nothing can be recorded here.
    #[error("the ledger is open for reading only")]
    ReadOnly,
    /// So many others were decided meanwhile that the decision is not at hand.
    #[error("the decision is recorded, but so many followed that it is not at hand; send the same request again")]
    Overtaken,
    /// The ledger did not take the entry.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The ledger could not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl<L: Log> BudgetService<L> {
    /// The service over any log.
    pub fn over(log: L) -> Self {
        Self { log }
    }

    /// Asks at `now`, and returns what was decided once that is durable.
    ///
    /// What was decided before is answered from the ledger as it is, so a request that is sent again adds nothing to it.
    pub fn ask(&self, asked: &Asked, now: Timestamp) -> Result<Decided, BudgetError> {
        asked.check().map_err(BudgetError::Invalid)?;
        let known = self.log.fold(|budgets| {
            budgets.known(asked, now).map(|answer| Decided { answer, seq: None, balances: balances(budgets, asked) })
        })?;
        if let Some(decided) = known {
            return Ok(decided);
        }
        let seq = self.log.append(std::slice::from_ref(asked))?;
        self.log.fold(|budgets| {
            let answer = budgets.answer(seq).cloned().ok_or(BudgetError::Overtaken)?;
            Ok(Decided { answer, seq: Some(seq), balances: balances(budgets, asked) })
        })?
    }

    /// Shows all budgets as they stand now.
    pub fn read<T>(&self, look: impl FnOnce(&Budgets) -> T) -> Result<T, BudgetError> {
        self.log.fold(|budgets| look(budgets))
    }

    /// Takes a configuration over in the name of `actor`: sets the budgets of which it says something new, and closes those that are not
    /// in it any more. What people set stays, unless the configuration says something new of that budget. Returns how many entries
    /// that took.
    pub fn configure(&self, wanted: &BTreeMap<String, Set>, actor: &str) -> Result<usize, BudgetError> {
        let changes = self.log.fold(|budgets| {
            let set = wanted.iter().filter(|(name, set)| budgets.configured(name) != Some(*set));
            let set = set.map(|(name, set)| (name.clone(), set.clone())).collect::<Vec<_>>();
            let closed =
                budgets.all_configured().filter(|(name, set)| set.cap_micros.is_some() && !wanted.contains_key(*name));
            let closed = closed.map(|(name, set)| (name.to_owned(), Set { cap_micros: None, ..set.clone() }));
            closed.collect::<Vec<_>>().into_iter().chain(set).collect::<Vec<_>>()
        })?;
        let asked = |(subject, set)| Asked { owner: Owner::named(actor), subject, request: Request::Set(set) };
        let changes: Vec<Asked> = changes.into_iter().map(asked).collect();
        if let Some(problem) = changes.iter().find_map(|asked| asked.check().err()) {
            return Err(BudgetError::Invalid(problem));
        }
        for group in changes.chunks(limits::BUDGETS_PER_GROUP_MAX) {
            self.log.append(group)?;
        }
        let differs = |budgets: &mut Budgets| wanted.iter().find(|(name, set)| budgets.configured(name) != Some(*set));
        match self.log.fold(|budgets| differs(budgets).map(|(name, _)| name.clone()))? {
            Some(name) => Err(BudgetError::TooManyBudgets { name }),
            None => Ok(changes.len()),
        }
    }

    /// Changes one budget in a person's name. Returns where that is recorded; `None` if it stands so already.
    ///
    /// Of a budget that the configuration names, a person changes the cap alone, until the configuration says something new of it.
    pub fn change(&self, name: &str, change: Change, owner: &Owner) -> Result<Option<Seq>, BudgetError> {
        let wanted = self.log.fold(|budgets| {
            let wanted = change.set(name, budgets, owner)?;
            Ok::<_, BudgetError>((budgets.terms(name) != Some(&wanted)).then_some(wanted))
        })??;
        let Some(wanted) = wanted else { return Ok(None) };
        let asked = Asked { owner: owner.clone(), subject: name.to_owned(), request: Request::Set(wanted) };
        asked.check().map_err(BudgetError::Invalid)?;
        let seq = self.log.append(std::slice::from_ref(&asked))?;
        // Somebody else may have changed it since: what counts is whether it was taken.
        match self.log.fold(|budgets| budgets.answer(seq).cloned())? {
            Some(BudgetAnswer::Refused(_)) => Err(BudgetError::TooManyBudgets { name: name.to_owned() }),
            Some(_) => Ok(Some(seq)),
            None => Err(BudgetError::Overtaken),
        }
    }
}

/// How the budgets stand that a request is about.
fn balances(budgets: &Budgets, asked: &Asked) -> Vec<(String, Balance)> {
    let names = budgets.drawn_on(asked).iter();
    names.filter_map(|name| Some((name.clone(), budgets.balance(name)?))).collect()
}

/// The `operations` ledger as the log.
pub struct LedgerLog {
    reader: Reader,
    /// `None` where nothing can be recorded.
    appender: Option<Appender>,
    /// Read when it is first asked for.
    projection: Mutex<Option<Projection<Budgets>>>,
}

impl BudgetService<LedgerLog> {
    /// The service over `operations`. Without an appender it only answers.
    pub fn new(reader: Reader, appender: Option<Appender>) -> Self {
        Self::over(LedgerLog { reader, appender, projection: Mutex::new(None) })
    }
}

impl LedgerLog {
    fn lock(&self) -> MutexGuard<'_, Option<Projection<Budgets>>> {
        // A fold that a panic left behind half a row is read anew.
        self.projection.lock().unwrap_or_else(|poisoned: PoisonError<_>| {
            let mut inner = poisoned.into_inner();
            *inner = None;
            self.projection.clear_poison();
            inner
        })
    }
}

impl Log for LedgerLog {
    fn append(&self, asked: &[Asked]) -> Result<Seq, BudgetError> {
        let appender = self.appender.as_ref().ok_or(BudgetError::ReadOnly)?;
        let mut group = Group::new(&ledger::operations::TABLE);
        for asked in asked {
            group.push(&asked.entry()?)?;
        }
        let pending = appender.try_append(group).map_err(|Rejected { error, .. }| error)?;
        Ok(pending.wait()?.first.seq)
    }

    fn fold<T>(&self, look: impl FnOnce(&mut Budgets) -> T) -> Result<T, BudgetError> {
        let mut guard = self.lock();
        // Time is taken first: whatever was recorded before it is read below, so no entry can come with an earlier one.
        let until = self.reader.durable()?.recorded_until;
        let mut projection = match guard.take() {
            Some(mut projection) => {
                projection.catch_up()?;
                projection
            }
            None => Projection::open(self.reader.clone(), Budgets::new())?,
        };
        projection.get_mut().advance(until);
        let shown = look(projection.get_mut());
        *guard = Some(projection);
        Ok(shown)
    }
}
