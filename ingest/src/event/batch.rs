//! Events that are appended together, with the positions of the sources that they were read from.

use std::collections::BTreeMap;

use ledger::events::TABLE;
use ledger::{AppendError, Appender, Group, Ledger, Pending};

use super::Redacted;

/// What becomes durable in one commit or not at all. It takes redacted events and nothing else.
#[derive(Debug)]
pub struct Batch {
    group: Group,
    inputs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Records that go elsewhere, with these positions.
    passed: usize,
}

impl Default for Batch {
    fn default() -> Self {
        Self { group: Group::new(&TABLE), inputs: BTreeMap::new(), passed: 0 }
    }
}

impl Batch {
    /// Adds an event after those that are there.
    pub fn push(&mut self, event: &mut Redacted) -> Result<(), AppendError> {
        self.group.push(event.entry())
    }

    /// Sets the position of a source after the records in this batch; the last value for a key counts.
    pub fn input(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.inputs.insert(key.into(), value.into());
    }

    /// A record goes elsewhere together with the positions of this batch.
    pub(crate) fn pass(&mut self) {
        self.passed += 1;
    }

    /// Number of events, and of records that go elsewhere.
    pub fn events(&self) -> usize {
        self.group.entries() + self.passed
    }

    /// Size in bytes, roughly as the ledger stores it.
    pub fn size(&self) -> usize {
        self.group.size()
    }

    /// Whether there is neither an event nor a position.
    pub fn is_empty(&self) -> bool {
        self.events() == 0 && self.inputs.is_empty()
    }

    /// The positions alone, of a batch whose records go elsewhere.
    pub(crate) fn into_inputs(self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        self.inputs
    }
}

/// What appends batches, and nothing else: this package's only way into a ledger.
#[derive(Debug)]
pub struct BatchAppender(Appender);

impl BatchAppender {
    /// Appends to this ledger.
    pub fn new(ledger: &Ledger) -> Self {
        Self(ledger.appender())
    }

    /// Queues a batch, waiting while the queue is full until `patience` resolves, as [`Appender::queue`] does.
    pub async fn queue(&self, batch: Batch, patience: impl Future<Output = ()>) -> Result<Pending, AppendError> {
        let Batch { mut group, inputs, .. } = batch;
        for (key, value) in inputs {
            group.input(key, value);
        }
        self.0.queue(group, patience).await.map_err(|rejected| rejected.error)
    }
}
