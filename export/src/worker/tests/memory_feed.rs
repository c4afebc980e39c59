//! The simulated ledger as a worker reads it.

use ledger::consumer::End;
use ledger::{Durable, LedgerError, LedgerName, Rows, Seq};

use super::*;

/// The ledger of a world, read in blocks of so many rows.
pub(super) struct MemoryFeed {
    world: Shared,
    at: u64,
    block: usize,
    closed: u64,
}

impl MemoryFeed {
    pub(super) fn new(world: &Shared, block: usize) -> Self {
        Self { world: world.clone(), at: 0, block, closed: 0 }
    }

    fn take(&mut self) -> Option<Rows> {
        let world = self.world.lock().unwrap();
        let entries = world.entries.get(self.at as usize..).unwrap_or_default();
        if entries.is_empty() && self.closed >= world.closed() {
            return None;
        }
        let entries = &entries[..entries.len().min(self.block)];
        let mut rows = fixtures::block_in(world.ledger.unwrap(), Seq::new(self.at), entries, |seq| world.batch_of(seq));
        self.at = rows.next_seq.get();
        if self.at >= world.entries.len() as u64 {
            rows.batches_until = rows.batches_until.max(world.closed());
        }
        self.closed = self.closed.max(rows.batches_until);
        Some(rows)
    }
}

impl Source for MemoryFeed {
    fn ledger(&self) -> LedgerName {
        self.world.lock().unwrap().ledger.unwrap()
    }

    fn cursor(&self) -> Seq {
        Seq::new(self.at)
    }

    fn seek(&mut self, from: Seq) {
        (self.at, self.closed) = (from.get(), 0);
    }

    fn durable(&self) -> Result<Durable, LedgerError> {
        let world = self.world.lock().unwrap();
        Ok(Durable { next_seq: Seq::new(world.entries.len() as u64), batches: world.closed(), ..Durable::default() })
    }

    fn look(&mut self) -> Result<Durable, LedgerError> {
        self.durable()
    }

    fn next_until(&mut self, _: &Durable) -> Result<Option<Rows>, LedgerError> {
        Ok(self.take())
    }

    fn nothing(&self) -> Rows {
        Rows::new(self.ledger(), 0, Seq::new(self.at))
    }

    async fn changed(&mut self) -> Result<(), LedgerError> {
        sleep(Duration::from_millis(100)).await;
        Ok(())
    }

    fn end(&self) -> Option<End> {
        let world = self.world.clone();
        Some(End::new(move || Seq::new(world.lock().unwrap().entries.len() as u64)))
    }
}
