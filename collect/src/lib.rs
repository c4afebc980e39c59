//! Collecting on a machine at the edge: what the transports of `ingest` read is kept in a spool on disk, and delivered to a server that
//! decodes and records it. Nothing is decoded here.
//!
//! ```text
//! transport ─► spool (fsync, then the sender is answered) ─► delivery ─► POST /v1/events/{collector} of the server
//!                                                              ▲
//!                               the newest checkpoint that was seen: is it still the server's?
//! ```

// Tests fail by panicking, so unwrapping there is the assertion.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod aside;
mod client;
mod config;
mod delivery;
mod durable;
mod limits;
mod metrics;
mod senders;
pub mod spool;
mod trust;

pub use client::Client;
pub use config::{Config, ConfigError, Sender, Server, SpoolSettings};
pub use delivery::{Delivery, LaneStatus, Watch};
pub use durable::DurableError;
pub use metrics::Metrics;
pub use senders::{Senders, SendersError};
pub use trust::Standing;
