//! Export: the loop that carries events and alerts to SIEMs and to people, and the sinks that it carries them to.
//!
//! The ledger is the queue. A sink is a cursor in it: everything before the newest `export.receipt` of the sink is done,
//! and what was about to be sent stands in an `export.intent`, so that a process that was killed sends the same bytes
//! again. Every sink that acknowledges gets every record at least once; each record carries its position and the sink's
//! own gapless `export_seq`, so that duplicates and losses can be counted where the records arrive.
//!
//! A sink is a `Delivery` (people, who are told of alerts) or a `Stream` (a SIEM, which gets every record), and has a connection
//! that carries its messages. To add one: one file that implements `Sink` and one of the two, and one line in `sinks.rs`. The contract stands in `sink.rs`.

// Tests stop at the first surprise; a typed error would only hide where it happened.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod backfill;
mod capabilities;
mod config;
mod connections;
mod delivery;
mod exporter;
mod hash;
mod heartbeat;
mod judgement;
pub mod limits;
mod message;
mod metrics;
pub mod receipts;
mod record;
mod render;
mod schemas;
mod selection;
mod sender;
mod sink;
mod sinks;
mod status;
mod streams;
mod test_send;
pub mod tls;
mod worker;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod packs;

pub use config::{Common, Config, ConfigError, SinkConfig};
pub use delivery::route::{Considered, Explanation, Route, Routes};
pub use delivery::suppressor::{Candidate, Decision, Suppressor, TriageSuppressor};
pub use exporter::control::{Begun, ControlError, Controls, Prepared};
pub use exporter::{ExportError, Exporter, Status};
pub use heartbeat::{Heartbeat, HeartbeatConfig, ailment_of_sinks};
pub use metrics::Metrics;
pub use operations::secret::{Secret, SecretError, SecretText};
pub use record::{Body, Group, Grouping, Record, TriageAction, TriageActionKind};
pub use render::Rendering;
pub use schemas::{SCHEMAS, SchemaSpec};
pub use sink::{SinkSpec, Start};
pub use sinks::{ACKNOWLEDGE_ACTION, SINKS, SignatureError, verify_signature};
pub use status::{SinkStatus, status, unread_status};
pub use streams::renderer::{FieldPolicy, Policy};
pub use test_send::{TestReport, test};
pub use worker::Timing;
