//! Export: the loop that carries events and alerts to SIEMs and to people, and the sinks that it carries them to.
//!
//! The ledger is the queue. A sink is a cursor in it: everything before the newest `export.receipt` of the sink is done,
//! and what was about to be sent stands in an `export.intent`, so that a process that was killed sends the same bytes
//! again. Every sink that acknowledges gets every record at least once; each record carries its position and the sink's
//! own gapless `export_seq`, so that duplicates and losses can be counted where the records arrive.
//!
//! To add a sink: one file that implements [`Sink`], and one line in `sink.rs`.

// Tests stop at the first surprise; a typed error would only hide where it happened.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod config;
mod confirm;
mod exporter;
mod fields;
mod gate;
mod http;
mod lane;
pub mod limits;
mod metrics;
mod outcome;
mod record;
mod route;
mod secret;
mod sink;
mod status;
mod test_send;
pub mod tls;

#[cfg(test)]
mod fixtures;

pub use config::{Common, Config, ConfigError, SinkConfig, Start};
pub use exporter::{ExportError, Exporter, Retries, RetryError, Status};
pub use fields::{FieldPolicy, Policy};
pub use gate::{Asked, DeskGate, Gate, Verdict};
pub use http::{Answer, Failure, Request};
pub use metrics::Metrics;
pub use outcome::Outcome;
pub use record::{Body, Deed, Group, Grouping, Record, Step};
pub use route::{Considered, Explanation, Route, Routes};
pub use secret::{Secret, SecretError, SecretText};
pub use sink::{
    ACKNOWLEDGE_ACTION, BatchLimits, Message, Reconciled, Rendered, SINKS, Setting, SignatureError, Sink, SinkSpec,
    verify_signature,
};
pub use status::{LaneStatus, new_lanes, status};
pub use test_send::{TestReport, test};
