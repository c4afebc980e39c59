//! What a torn copy lost: batches that were signed once and that a server which started on the copy does not have.
//!
//! The log then goes on from what the copy has, in contradiction to what the other ledger, or a checkpoint that was kept
//! elsewhere, says of the lost part. So the loss is recorded in `operations` before anything else: as an entry for people,
//! and as an input, by which it is found without reading the ledger.

use proof::Digest;

use crate::appender::Appender;
use crate::column::Table;
use crate::entry::{Entry, Group};
use crate::error::AppendError;
use crate::operations::column;
use crate::position::LedgerName;
use crate::replay::Statement;

/// The kind of the entries.
const KIND: &str = "ledger.torn";

/// A part of a log that was signed and is not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    /// Batches that the copy had.
    pub(crate) kept: u64,
    /// Batches that were known to be signed,
    pub(crate) signed: u64,
    /// and the root of the log at that size.
    pub(crate) root: Digest,
    /// Batches of the other ledger at that time: what those say of the lost part is no contradiction.
    pub(crate) peer_batches: u64,
}

impl Gap {
    /// The key of the input that holds the newest gap of a ledger.
    pub(crate) fn key(ledger: LedgerName, shard: u32) -> String {
        format!("torn:{ledger}/{shard}")
    }

    /// The value of that input: kept u64, signed u64, root, batches of the other ledger u64.
    fn encode(&self) -> Vec<u8> {
        [&self.kept.to_be_bytes()[..], &self.signed.to_be_bytes(), &self.root.0, &self.peer_batches.to_be_bytes()]
            .concat()
    }

    /// Reads the value of the input.
    pub(crate) fn decode(value: &[u8]) -> Option<Self> {
        let value: &[u8; 56] = value.try_into().ok()?;
        let number = |at: usize| value[at..at + 8].try_into().ok().map(u64::from_be_bytes);
        let root = Digest(value[16..48].try_into().ok()?);
        Some(Self { kept: number(0)?, signed: number(8)?, root, peer_batches: number(48)? })
    }

    /// Whether a statement of the other ledger is about the lost part.
    pub(crate) fn explains(&self, statement: &Statement) -> bool {
        statement.size > self.kept && statement.batch < self.peer_batches
    }

    /// Records the gap of a ledger, durably.
    pub(crate) fn record(&self, ledger: LedgerName, shard: u32, operations: &Appender) -> Result<(), AppendError> {
        let mut entry = Entry::new();
        entry.set_text(column::KIND, KIND);
        entry.set_text(column::SUBJECT, &format!("{ledger}/{shard}"));
        entry.set_text(column::ACTOR, "serve");
        let record = serde_json::json!({
            "kept_batches": self.kept,
            "signed_batches": self.signed,
            "signed_root": self.root.to_string(),
        });
        entry.set_text(column::RECORD, &record.to_string());
        let mut group = Group::new(Table::of(LedgerName::Operations));
        group.push(&entry)?;
        group.input(Self::key(ledger, shard), self.encode());
        operations.append_of_sealer(group).map_err(|rejected| rejected.error)?.wait().map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn gaps_round_trip(kept: u64, signed: u64, peer_batches: u64, root: [u8; 32], cut in 0_usize..56) {
            let gap = Gap { kept, signed, root: Digest(root), peer_batches };
            prop_assert_eq!(Gap::decode(&gap.encode()), Some(gap));
            prop_assert_eq!(Gap::decode(&gap.encode()[..cut]), None);
        }
    }

    #[test]
    fn only_what_was_said_before_about_the_lost_part_is_explained() {
        let gap = Gap { kept: 5, signed: 9, root: Digest::ZERO, peer_batches: 20 };
        let said = |batch, size| gap.explains(&Statement { batch, size, root: Digest::ZERO });
        assert!(said(19, 6) && said(0, 9));
        assert!(!said(19, 5) && !said(20, 6));
    }
}
