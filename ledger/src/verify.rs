//! Verification: rebuilds every commitment of a ledger from the bytes on disk and says what does not agree, and where.
//!
//! It needs no dialect, no price table and no running process, and it changes nothing. What is checked is in one place
//! with what is written: the sealer's read-back asks the same questions.

mod directory;
mod log;
mod manifests;
mod peers;
pub mod report;
mod segments;
mod strangers;
mod wal;

pub use directory::{verify, verify_against};
pub use report::{Fault, Report, Unproven, Verdict};
pub use segments::{Progress, Scope, Sealed, verify_segments};

#[cfg(test)]
mod tests;
