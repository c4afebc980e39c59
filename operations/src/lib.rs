//! What people and machines did about events: alerts and their triage, budgets, tokens, receipts of exports.
//!
//! Each of these is a projection over the `operations` ledger, and some have a service that appends to it. This package knows
//! the ledger and nothing else: no HTTP, no SQL, no agent tool, no receiver.

// A test that meets what it does not expect should stop there and say so.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod access;
pub mod budget;
pub mod calendar;
pub mod field_names;
pub mod filter;
pub mod fold;
pub mod inventory;
pub mod kind;
pub mod limits;
pub mod money;
pub mod outside;
pub mod schedule;
pub mod secret;
pub mod standing;
pub mod teller;
pub mod triage;
pub mod witness;

pub use field_names::field_names;
pub use kind::alert;
pub use money::Money;
