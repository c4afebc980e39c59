//! The service for hard budgets: a request is made durable, then the projection that reads it back says what was decided.

mod desk;

pub use desk::{Decided, Desk, DeskError, LedgerLog, Log};
