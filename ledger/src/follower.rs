//! A follower: a consumer that reads a ledger in order from its own cursor and waits for what is not there yet.

use std::time::Duration;

use tokio::sync::watch;

use crate::error::LedgerError;
use crate::position::LedgerName;
use crate::reader::{ReadLimit, Reader};
use crate::rows::Rows;
use crate::seq::Seq;
use crate::store::Durable;
use crate::timestamp::Timestamp;

/// How often a ledger that another process writes is looked at.
pub const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Follows a ledger in order. Whoever follows does so as a [`crate::Consumer`].
#[derive(Debug)]
pub struct Follower {
    reader: Reader,
    watch: Option<watch::Receiver<Durable>>,
    cursor: Seq,
    recorded_until: Timestamp,
    batches_until: u64,
    content: bool,
    limit: ReadLimit,
}

impl Follower {
    /// Follows `reader` from position `from` on. `content` says whether content parts are read.
    pub fn new(reader: Reader, from: Seq, content: bool, limit: ReadLimit) -> Self {
        let watch = reader.watch();
        Self { reader, watch, cursor: from, recorded_until: Timestamp::MIN, batches_until: 0, content, limit }
    }

    /// The next block. Waits until there are rows, or until a heartbeat or the end of a batch moved `recorded_until` or
    /// `batches_until` (then the block is empty).
    ///
    /// Cancelling the future loses nothing. After the writer failed, rows that are durable are still returned, then
    /// `Append(Poisoned)`.
    pub async fn next(&mut self) -> Result<Rows, LedgerError> {
        loop {
            let durable = self.look()?;
            if let Some(rows) = self.next_until(&durable)? {
                return Ok(rows);
            }
            self.changed().await?;
        }
    }

    /// The next block of what was durable when somebody looked, as [`Follower::next`] returns it; `None` if all of it was
    /// returned.
    pub fn next_until(&mut self, durable: &Durable) -> Result<Option<Rows>, LedgerError> {
        let left = durable.next_seq.distance_from(self.cursor);
        let mut rows = if left > 0 {
            let rows_max = usize::try_from(left).unwrap_or(usize::MAX).min(self.limit.rows);
            // Reading takes some milliseconds at most and holds no lock; it is not worth a thread of its own.
            self.reader.read(self.cursor, self.content, ReadLimit { rows: rows_max, ..self.limit })?
        } else if durable.recorded_until > self.recorded_until || durable.batches > self.batches_until {
            self.reader.empty(self.cursor)
        } else {
            return Ok(None);
        };
        self.cursor = rows.next_seq;
        if rows.next_seq >= durable.next_seq {
            rows.recorded_until = rows.recorded_until.max(durable.recorded_until);
            rows.batches_until = rows.batches_until.max(durable.batches);
        }
        self.recorded_until = self.recorded_until.max(rows.recorded_until);
        self.batches_until = self.batches_until.max(rows.batches_until);
        Ok(Some(rows))
    }

    /// Goes to a position, as one that has read nothing.
    pub fn seek(&mut self, cursor: Seq) {
        (self.cursor, self.recorded_until, self.batches_until) = (cursor, Timestamp::MIN, 0);
    }

    /// The ledger that it follows.
    pub fn ledger(&self) -> LedgerName {
        self.reader.table().ledger
    }

    /// The position of the next row.
    pub fn cursor(&self) -> Seq {
        self.cursor
    }

    /// What it reads with.
    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// A block without rows, from where it stands.
    pub(crate) fn nothing(&self) -> Rows {
        self.reader.empty(self.cursor)
    }

    /// What is durable now.
    pub fn durable(&self) -> Result<Durable, LedgerError> {
        self.reader.durable()
    }

    /// The same. [`Follower::changed`] waits for more than this.
    pub fn look(&mut self) -> Result<Durable, LedgerError> {
        match &mut self.watch {
            Some(watch) => Ok(*watch.borrow_and_update()),
            None => self.reader.durable(),
        }
    }

    /// Waits until something became durable since [`Follower::look`].
    pub async fn changed(&mut self) -> Result<(), LedgerError> {
        if let Some(reason) = self.reader.poisoned() {
            return Err(crate::error::AppendError::Poisoned { reason }.into());
        }
        if let Some(watch) = &mut self.watch {
            return watch.changed().await.map_err(|_| crate::error::AppendError::Stopped.into());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
        Ok(())
    }
}
