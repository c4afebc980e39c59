//! One event on its way from a record into the ledger, each step a type of its own:
//!
//! ```text
//! Record ── dialect ──► Draft ── Finisher ──► Redacted ──► Batch ──► ledger
//! ```
//!
//! A draft's columns cannot be appended: only [`finish::Finisher`] takes them out, and what it gives back is [`Redacted`]; a
//! [`Batch`] takes nothing else, and [`BatchAppender`] nothing but batches. So the compiler holds that nothing is appended that was not redacted, as long as the
//! ledger's own appender, groups and entries are named here only (`tests/tidy/redaction.rs`). What an event means is for
//! dialects, whether it came before is for the pipeline.

mod batch;
mod columns;
mod draft;
mod effect_columns;
mod fields;
pub mod finish;
mod record;
mod redacted;
mod text_columns;
mod trouble;

pub use batch::{Batch, BatchAppender};
pub use columns::{Columns, ReadColumns};
pub use draft::{Action, Draft, Drafts, VOID};
pub use fields::{ContentField, FieldError, FreeText};
pub use record::Record;
pub use redacted::Redacted;

#[cfg(test)]
mod tests;
