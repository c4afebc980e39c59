//! The append-only, hash-chained ledger: the event, the store, the reader and the follower.
//!
//! This package knows no HTTP, no Kafka, no SQL and no agent tool. Two ledgers run on its code, `events` (what agents
//! did) and `operations` (what Tachograph and its people did); they differ only in their column tables.
//!
//! ```text
//! Entry ─► Group ─► Appender ─► writer thread ─► WAL ─► sealer thread ─► segments + manifest
//!                                    │                                        │
//!                                    └────► Reader, Follower ◄────────────────┘
//! ```

pub mod access;
pub mod column;
pub mod entry;
pub mod error;
pub mod events;
pub mod limits;
pub mod operations;
pub mod position;
pub mod rows;
pub mod store;

pub use column::{Column, Kind, Part, Table};
pub use entry::{Entry, Group};
pub use error::{AppendError, LedgerError};
pub use position::{LedgerName, Position};
pub use proof::inputs::Input;
pub use rows::{Row, Rows};
pub use store::{Appender, Durable, Follower, Ledger, Options, Pending, ReadLimit, Reader, Receipt, Rejected, Segment, Snapshot, Store, TailBlock, arrow_schema};
