//! Verification: rebuilds every commitment of a ledger from the bytes on disk and says what does not agree, and where.
//!
//! It needs no dialect, no price table and no running process, and it changes nothing. What is checked is in one place
//! with what is written: the sealer's read-back asks the same questions.

mod directory;
pub mod report;
mod segments;

pub use directory::verify;
pub use report::{Fault, Report, Verdict};
pub use segments::{Progress, Scope, Sealed, verify_segments};

#[cfg(test)]
mod tests;
