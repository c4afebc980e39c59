//! One event on its way from a record to the ledger.

mod draft;
pub mod finish;

pub use draft::{Action, ContentSpan, Draft, Drafts, FreeText, Span, VOID};
