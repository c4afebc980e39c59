//! What runs the detectors: the runner over a ledger with its snapshots and its journal, backtests over what is stored, what
//! became of the alerts of rules, the reconciler of hard budgets, and the files of configuration and user rules. No rule stands here.

// Tests stop at the first surprise; a typed error would only hide where it happened.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod backtest;
pub mod budget_reconciler;
mod config;
mod detection;
pub mod limits;
mod metrics;
pub mod rule_report;
mod runner;
pub mod user_rules;

pub use config::Config;
pub use metrics::Metrics;
pub use runner::{Runner, RunnerError, RunnerOptions};
