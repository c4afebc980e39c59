//! Where the runner reads events.

use std::future::Future;

use ledger::{Durable, Follower, LedgerError, ReadLimit, Reader, Rows};

use crate::limits::{READ_BYTES, READ_ROWS};

/// The events in order, and what is durable of them.
pub trait Source: Send {
    /// Goes to a position.
    fn seek(&mut self, from: u64);

    /// The next block; waits for rows or a heartbeat.
    fn next(&mut self) -> impl Future<Output = Result<Rows, LedgerError>> + Send;

    /// What is durable now.
    fn durable(&self) -> Result<Durable, LedgerError>;

    /// Durable rows that were not yet read.
    fn lag(&self) -> u64;
}

/// The `events` ledger.
pub struct LedgerSource {
    reader: Reader,
    follower: Follower,
}

const LIMIT: ReadLimit = ReadLimit { rows: READ_ROWS, bytes: READ_BYTES };

impl LedgerSource {
    /// Reads from the start until it is told to seek. Content parts are read because `command` and `file` lie there.
    pub fn new(reader: Reader) -> Self {
        Self { follower: Follower::new(reader.clone(), 0, true, LIMIT), reader }
    }
}

impl Source for LedgerSource {
    fn seek(&mut self, from: u64) {
        self.follower = Follower::new(self.reader.clone(), from, true, LIMIT);
    }

    async fn next(&mut self) -> Result<Rows, LedgerError> {
        self.follower.next().await
    }

    fn durable(&self) -> Result<Durable, LedgerError> {
        self.reader.durable()
    }

    fn lag(&self) -> u64 {
        self.follower.lag()
    }
}
