//! Detectors and the runner that feeds them.
//!
//! A detector is a pure state machine over recorded events: no clock, no I/O, no randomness, no async, so the same events
//! give the same findings. The runner follows `events`, commits alerts together with its cursor to `operations`, and after
//! a crash replays from a snapshot what it had not committed.
//!
//! To add a detector: one file that implements [`Detector`] and declares its [`Spec`], and one line in `registry.rs`.

// Tests stop at the first surprise; a typed error would only hide where it happened.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod agent;
mod approval;
mod aspects;
pub mod backtest;
mod bookkeeper;
mod clock;
mod collector;
mod command;
mod condition;
mod config;
mod deed;
mod detector;
mod egress;
mod engine;
mod episode;
mod event;
mod failure;
mod file;
mod index;
mod integrity;
pub mod limits;
mod loops;
mod metrics;
mod pack;
mod policy;
mod recent;
mod registry;
mod rule_set;
mod runner;
mod sample;
mod scope;
mod second;
mod secret;
mod shared;
mod spend;
mod state;
mod table;
mod text;
mod timers;
pub mod user;

#[cfg(test)]
mod fixtures;

pub use bookkeeper::{Bookkeeper, BookkeeperError, BookkeeperMetrics};
pub use config::{Config, ConfigError};
pub use detector::{Detector, Findings, RestoreError};
pub use engine::{Engine, Key};
pub use event::{EventRow, Sighting};
pub use metrics::Metrics;
pub use registry::{DETECTORS, Example, Expected, Rules, Spec};
pub use rule_set::RuleSet;
pub use runner::{Runner, RunnerError, RunnerOptions};
pub use secret::egress::{Canary, check_canaries};
pub use spend::anomaly;
pub use text::nearest;
