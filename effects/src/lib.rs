//! What commands, scripts and calls of tools do: the one analysis that intake and all rules use.
//!
//! Everything here is pure and goes by the text alone: no event, no ledger, no clock, no files. Whether something is worth telling
//! is for rules to say; here stands what it does.

// Tests stop at the first surprise; a typed error would only hide where it happened.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod call;
pub mod command;
pub mod effect;
pub mod file;
pub mod host;
pub mod known;
pub mod limits;
pub mod text;
pub mod written;
