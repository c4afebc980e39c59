//! SQL over both ledgers: the engine.
//!
//! ```text
//! SQL ─► statement ─► session (tables, views) ─► engine ─► result stream ─► output ─► bytes
//!                          │
//!                        table: segments and hot tail of one snapshot
//! ```
//!
//! `fleet` folds the rows of `events` into what every agent does now. Queries only read. This package knows no HTTP, no collector, no detector and no sink.

// Tests stop at the first surprise; a typed error would only hide where it happened.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod attribution;
mod audit;
mod checked_sum;
pub mod compute;
mod engine;
mod error;
pub mod filter;
#[cfg(test)]
mod fixtures;
pub mod fleet;
mod growth;
mod guard;
mod inventory;
pub mod limits;
mod operators;
pub mod output;
mod overlap;
mod profile;
mod read;
pub mod reference;
mod result_stream;
mod session;
pub mod sessions;
mod statement;
mod table;
mod tellers;
pub mod views;

pub use engine::{AccessCheck, Engine, Limits, Options, Purpose, Request};
pub use error::{Limit, QueryError};
pub use profile::{Profile, Pruning};
pub use read::Asker;
pub use result_stream::{ResultStream, Statistics};
