//! Bodies that are held whole until all of them is there, within a bound on what all requests of a collector hold at one time.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::problem::Problem;
use crate::limits;

/// Room for bodies of one collector. Clones share it.
#[derive(Clone)]
pub(in crate::transport) struct Room {
    /// In KiB.
    left: Arc<Semaphore>,
    body_bytes_max: usize,
}

/// Room that is taken, until it is dropped.
pub(in crate::transport) type Taken = OwnedSemaphorePermit;

/// A body that is held as far as it came, and the room that it takes.
#[derive(Default)]
pub(in crate::transport) struct Held {
    bytes: Vec<u8>,
    taken: Option<Taken>,
}

impl Held {
    /// The whole body, and its room.
    pub fn into_parts(self) -> (Bytes, Option<Taken>) {
        (self.bytes.into(), self.taken)
    }
}

impl Room {
    /// For bodies of so many bytes together, each of at most so many.
    pub fn new(bytes: usize, body_bytes_max: usize) -> Self {
        Self { left: Arc::new(Semaphore::new(bytes >> 10)), body_bytes_max }
    }

    /// Takes room for so many bytes, if there is any.
    pub fn take(&self, bytes: usize) -> Result<Taken, Problem> {
        let taken = Arc::clone(&self.left).try_acquire_many_owned(bytes.div_ceil(1 << 10) as u32);
        taken.map_err(|_| Problem::busy(limits::RETRY_AFTER))
    }

    /// Holds more of a body, if there is room for it.
    pub fn extend(&self, held: &mut Held, chunk: &[u8]) -> Result<(), Problem> {
        if held.bytes.len() + chunk.len() > self.body_bytes_max {
            return Err(Problem::larger_than(self.body_bytes_max as u64));
        }
        let taken = held.bytes.len().next_multiple_of(1 << 10);
        let more = self.take((held.bytes.len() + chunk.len()).saturating_sub(taken))?;
        match &mut held.taken {
            Some(taken) => taken.merge(more),
            none => *none = Some(more),
        }
        held.bytes.extend_from_slice(chunk);
        Ok(())
    }

    /// The KiB that are left.
    #[cfg(test)]
    pub fn left(&self) -> usize {
        self.left.available_permits()
    }
}
