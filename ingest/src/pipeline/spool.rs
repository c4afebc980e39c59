//! Where what is read goes when another machine records it: the contract of a spool, and of the positions beside its records.
//!
//! A spool holds records as they came, before redaction: it is the source's bytes on its own machine, and no ledger.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use ledger::{AppendError, Ledger};
use tokio::sync::oneshot;

/// The durable positions of sources.
pub trait Positions: Send + Sync {
    /// The newest durable position of one source.
    fn input(&self, key: &[u8]) -> Option<Vec<u8>>;

    /// All of them.
    fn inputs(&self) -> BTreeMap<Vec<u8>, Vec<u8>>;
}

impl Positions for Ledger {
    fn input(&self, key: &[u8]) -> Option<Vec<u8>> {
        Self::input(self, key)
    }

    fn inputs(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        Self::inputs(self)
    }
}

/// What becomes durable in a spool at once or not at all: records of one collector, and the positions of the sources after them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parcel {
    /// The collector.
    pub collector: String,
    /// Frames of [`crate::relay`], in order.
    pub frames: Vec<u8>,
    /// How many numbers they take in the collector's sequence.
    pub numbers: u64,
    /// Keys and positions; the last value for a key counts.
    pub positions: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// The answer to a parcel: it is durable, or it is not in the spool.
pub type Stored = oneshot::Receiver<Result<(), AppendError>>;

/// Takes parcels and keeps them until another machine has recorded them.
///
/// An answer without an error MUST come only after the parcel is durable. Parcels MUST be kept in the order in which they were
/// queued. A spool that has no room MUST wait until it has, or until `patience` resolves, and then answer [`AppendError::Full`].
pub trait Spool: Positions {
    /// Queues a parcel.
    fn queue<'a>(&'a self, parcel: Parcel, patience: BoxFuture<'a, ()>) -> BoxFuture<'a, Result<Stored, AppendError>>;
}
