//! Proof of arrival: what the receipts of a sink say, held against the ledger that it exports and against a copy that the receiver gives back.
//!
//! Nothing is believed that can be made again: the records are said anew from the ledger by the configuration, and their tree must have the root
//! of the receipt. Only reading happens here; a server may be exporting meanwhile.

pub mod ask;
pub mod check;
pub mod compare;
pub mod copy;
pub mod csv;
mod walk;

pub(crate) use walk::each_row;

use std::collections::BTreeMap;

use ledger::{LedgerError, LedgerName, Reader, Timestamp};
use serde::Serialize;

use crate::config::SinkConfig;
use crate::schemas::SchemaSpec;

/// What receipts are checked with.
pub struct Evidence<'a> {
    /// The sink as it is configured now.
    pub sink: &'a SinkConfig,
    /// The ledger of events,
    pub events: &'a Reader,
    /// and that of operations, which holds the receipts.
    pub operations: &'a Reader,
    /// The installation's key, for hashed columns.
    pub key: [u8; 32],
    /// Receipts that were recorded later are not looked at: what they stand for may have come after a copy was taken.
    pub until: Timestamp,
}

impl Evidence<'_> {
    /// The schema that the records are said in.
    fn schema(&self) -> Result<&'static SchemaSpec, ReceiptsError> {
        self.sink.schema().ok_or_else(|| ReceiptsError::NoStream(self.sink.common.name.clone()))
    }

    pub(crate) fn reader(&self, ledger: LedgerName) -> &Reader {
        match ledger {
            LedgerName::Events => self.events,
            LedgerName::Operations => self.operations,
        }
    }
}

/// Why receipts cannot be checked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptsError {
    /// A ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What is asked about was never sent.
    #[error("it was never sent")]
    NotSent,
    /// The sink tells people of alerts.
    #[error("{0} tells people of alerts: it has no copy of every record that could be compared")]
    NoStream(String),
    /// The copy cannot be read.
    #[error("the copy cannot be read: {0}")]
    Copy(#[from] std::io::Error),
    /// No column of a CSV file holds the records.
    #[error("no column of the copy is known to hold the records; it has {0}")]
    NoColumn(String),
    /// The destination cannot be asked for what it has.
    #[error("a sink of type {kind} cannot be asked for what it has; these can: {}", ask::KINDS.join(", "))]
    NotAskable {
        /// The type of the sink.
        kind: &'static str,
    },
    /// What is needed to ask is not set.
    #[error("a sink of type {kind} is asked elsewhere than it sends to: set read = {{ {settings} }}")]
    Unset {
        /// The type of the sink.
        kind: &'static str,
        /// What must be set, with an example.
        settings: &'static str,
    },
    /// The destination did not give back everything that it has.
    #[error("the destination did not give back what it has: {0}")]
    Unanswered(String),
    /// The copy is larger than what is held in memory.
    #[error("the copy has more than {0} records; give it in parts, by time")]
    TooLarge(usize),
}

/// One stream of a sink as its receipts tell it: those of one ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct StreamReport {
    /// How many receipts there are.
    pub receipts: u64,
    /// The first entry that they stand for: the first of the ledger, or of a backfill that of its range.
    pub from: u64,
    /// The position after the last one.
    pub to: u64,
    /// Entries that the sink acknowledged,
    pub sent: u64,
    /// that its filter left out,
    pub excluded: u64,
    /// and that it refused, with those that it took later.
    pub rejected: u64,
    /// How many of them it refused without saying which: their batches have no root.
    pub unnamed: u64,
    /// How many of those it took later.
    pub replayed: u64,
    /// Bytes that were sent, before compression.
    pub bytes: u64,
    /// Receipts whose records were said again, with the root that they state.
    pub reproduced: u64,
    /// Receipts that were made by another filter, field policy, schema or version: of them only the numbers are checked.
    pub by_other_settings: u64,
}

/// Some records, of which the first are named.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// How many.
    pub total: u64,
    /// The first of them: `events/0 export_seq 7 (events/0/12)`.
    pub named: Vec<String>,
}

impl Listed {
    fn add(&mut self, name: impl FnOnce() -> String) {
        self.total += 1;
        if self.named.len() < crate::limits::PROBLEMS_MAX {
            self.named.push(name());
        }
    }
}

/// What is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The position or the range in the ledger.
    pub at: String,
    /// What is wrong there.
    pub what: String,
}

/// What the receipts of a sink say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReceiptsReport {
    /// Each stream by its name, such as `events/0`.
    pub streams: BTreeMap<String, StreamReport>,
    /// What is wrong; at most [`crate::limits::PROBLEMS_MAX`] of them are named.
    pub problems: Vec<Problem>,
    /// How many there are.
    pub problems_total: u64,
}

impl ReceiptsReport {
    fn problem(&mut self, at: &str, what: impl Into<String>) {
        self.problems_total += 1;
        if self.problems.len() < crate::limits::PROBLEMS_MAX {
            self.problems.push(Problem { at: at.to_owned(), what: what.into() });
        }
    }

    /// Whether everything is as the receipts say.
    pub fn is_sound(&self) -> bool {
        self.problems_total == 0
    }
}

#[cfg(test)]
mod tests;
