//! The independent verifier: rebuilds every commitment of a ledger from the bytes on disk and says what does not agree, and where.
//!
//! It is written from `ledger/FORMAT.md` and shares with the writer nothing but `proof`: it has its own decoder of the log, of blocks and
//! of segments, and its own encoder of parts, so that a mistake of the writer's cannot pass both. Even the columns are those of the page
//! ([`table`]). It needs no dialect, no price table and no running process, and it changes nothing.

// A test that meets what it does not expect should stop there and say so.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod chain;
mod directory;
mod error;
mod files;
mod identity;
mod limits;
mod log;
mod manifest;
mod name;
mod part;
mod peers;
mod recorded;
mod replay;
mod report;
mod segments;
mod strangers;
mod table;
mod wal;

pub use chain::Chain;
pub use directory::{verify, verify_against};
pub use error::VerifyError;
pub use files::{Files, LocalFiles};
pub use limits::{COMMIT_BYTES_MAX, FAULTS_MAX, UNSIGNED_BATCHES_MAX};
pub use name::LedgerName;
pub use report::{Fault, Report, Unproven, Verdict};
pub use segments::{Progress, Scope, Sealed, verify_segments};
