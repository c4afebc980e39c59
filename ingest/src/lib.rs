//! Intake: transports (how bytes arrive), dialects (what they mean), redaction, and the pipeline that joins them.
//!
//! ```text
//! transport ─► dialect ─► enrichment ─► finish (redact, cut, fingerprint, price) ─► dedup ─► ledger
//! ```

// Tests fail by panicking, so unwrapping there is the assertion.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod bounded;
mod bounds;
mod clock;
pub mod collectors;
pub mod config;
pub mod cut;
pub mod dedup;
pub mod dialect;
pub mod encoding;
pub mod enrich;
pub mod event;
pub mod fingerprint;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod frame;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
pub mod gather;
mod hashed;
mod health;
pub mod lenient;
pub mod limits;
pub mod metrics;
mod namespace;
pub mod pipeline;
pub mod price;
pub mod redact;
pub mod refusals;
pub mod relay;
pub mod samples;
pub mod seldom;
pub mod timestamp;
pub mod transport;
pub mod unwrap;
pub mod url;
mod uuid;
