//! The service for hard budgets: a request is made durable, then the projection that reads it back says what was decided.

mod change;
mod service;

pub use change::Change;
pub use service::{BudgetError, BudgetService, Decided, LedgerLog, Log};
