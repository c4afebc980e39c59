//! The append-only, hash-chained ledger: the event, the store, the reader, the follower and the consumer.
//!
//! This package knows no HTTP, no Kafka, no SQL and no agent tool. Two ledgers run on its code, `events` (what agents
//! did) and `operations` (what Tachograph and its people did); they differ only in their column tables.
//!
//! ```text
//! Entry ─► Group ─► Appender ─► writer thread ─► WAL ─► sealer thread ─► segments + manifest
//!                                    │                                        │
//!                                    └─► Reader, Follower, Consumer ◄─────────┘
//! ```

// A test that meets what it does not expect should stop there and say so.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod appender;
pub mod backup;
mod batch;
pub mod blobs;
mod block;
mod checkpoint;
mod clock;
pub mod column;
mod columnar;
pub mod consumer;
pub mod disk;
mod entry;
mod error;
pub mod events;
#[cfg(test)]
mod fixtures;
mod follower;
mod foreign;
mod gap;
pub mod identity;
pub mod limits;
mod lock;
mod log_tree;
mod manifest;
mod notary;
pub mod operations;
mod part;
mod position;
mod proving;
mod queue;
mod reader;
mod recover;
mod regular;
mod replay;
mod rows;
mod seal;
mod sealer;
mod segment;
mod segments;
mod seq;
mod store;
mod tail;
mod timestamp;
#[cfg(test)]
mod verification;
mod view;
mod wal;
mod writer;

pub use appender::{Appender, Pending, Receipt, Rejected};
pub use clock::{SystemClock, TimeSource};
pub use column::{Column, Kind, Part, Table};
pub use columnar::schema as arrow_schema;
pub use consumer::Consumer;
pub use entry::{Entry, Group};
pub use error::{AppendError, LedgerError};
pub use follower::Follower;
pub use log_tree::LogTree;
pub use position::{LedgerName, Position};
pub use proof::Digest;
pub use proof::inputs::Input;
pub use proof::leaf::FLAG_CONTENT;
pub use proving::{InclusionProof, OpenedPart, Provable};
pub use reader::{ReadLimit, Reader, Snapshot};
pub use rows::{Row, Rows};
pub use segments::Segment;
pub use seq::Seq;
pub use store::{Durable, Ledger, LedgerStatus, Options, Store};
pub use tail::TailBlock;
pub use timestamp::Timestamp;
