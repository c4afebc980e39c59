//! Corpora of our own, and what the detectors find in them: stories of attacks and days of ordinary work, written as data, told
//! by the records of real sources, taken in as a server takes them in, and judged by the rules that a server has.
//!
//! ```text
//! stories/*.toml ─┐
//!                 ├─► acts of agents ─► records of sources ─► ingest and a ledger ─► the rules ─► tables
//! work/*.toml ────┘
//!
//! programs/*.toml ─┐
//!                  ├─► a session each of an agent of its own ─► the same way
//! hijacked/*.toml ─┘
//! ```
//!
//! Who writes a rule writes no story, program or session, and who writes one of these does not look at what rules match: else the figures say nothing.
//! Nothing here is part of the program that users run.

// Tests fail by panicking, so unwrapping there is the assertion.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod arguments;
pub mod corpus;
pub mod day;
pub mod fault;
pub mod fleet;
pub mod hijacked;
pub mod house;
pub mod judge;
pub mod notation;
#[path = "../../detect/rules/src/numbers.rs"]
mod numbers;
pub mod people;
pub mod programs;
pub mod records;
pub mod report;
pub mod scenes;
pub mod techniques;
#[path = "../../detect/rules/examples/history/unsynced.rs"]
mod unsynced;
pub mod values;
