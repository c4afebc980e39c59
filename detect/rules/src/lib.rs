//! The rules: one folder for each family of built-in ones, and the users' own.
//!
//! Everything here is pure, as all of `detect-core`: no clock, no files, no network, no randomness, no async. To add a rule:
//! one file in the folder of its family, and one line in `registry.rs`.

// Tests stop at the first surprise; a typed error would only hide where it happened.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod agent;
mod approval;
mod collector;
mod command;
mod condition;
pub mod coverage;
mod credential;
mod deed;
mod egress;
mod file;
mod injection;
mod integrity;
pub mod limits;
mod loops;
mod mcp;
mod policy;
pub mod registry;
mod resource;
mod review;
pub mod rule_set;
pub mod rule_test;
mod sandbox;
mod secret;
mod spend;
mod state;
pub mod techniques;
pub mod user;
mod witness;

#[cfg(test)]
mod fixtures;

pub use secret::egress::{Canary, check_canaries};
pub use spend::anomaly;
