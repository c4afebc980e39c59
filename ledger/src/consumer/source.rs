//! What a consumer reads: a ledger that is followed, or a model of one.

use std::future::Future;

use super::monitor::End;
use crate::error::LedgerError;
use crate::follower::Follower;
use crate::position::LedgerName;
use crate::rows::Rows;
use crate::seq::Seq;
use crate::store::Durable;

/// The rows of a ledger in order, from a cursor that nobody else moves.
pub trait Source: Send {
    /// The ledger.
    fn ledger(&self) -> LedgerName;

    /// The position of the next row.
    fn cursor(&self) -> Seq;

    /// Goes to a position, as one that has read nothing.
    fn seek(&mut self, cursor: Seq);

    /// What is durable now.
    fn durable(&self) -> Result<Durable, LedgerError>;

    /// The same. [`Source::changed`] waits for more than this.
    fn look(&mut self) -> Result<Durable, LedgerError>;

    /// The next block of what was durable when somebody looked; `None` if all of it was returned. It is empty if only recorded
    /// time moved or a batch of the ledger was closed.
    fn next_until(&mut self, durable: &Durable) -> Result<Option<Rows>, LedgerError>;

    /// A block without rows, from where it stands.
    fn nothing(&self) -> Rows;

    /// Waits until something became durable since [`Source::look`].
    fn changed(&mut self) -> impl Future<Output = Result<(), LedgerError>> + Send;

    /// Tells for ever where the ledger ends; `None` for one that another process may be writing.
    fn end(&self) -> Option<End>;
}

impl Source for Follower {
    fn ledger(&self) -> LedgerName {
        Self::ledger(self)
    }

    fn cursor(&self) -> Seq {
        Self::cursor(self)
    }

    fn seek(&mut self, cursor: Seq) {
        Self::seek(self, cursor);
    }

    fn durable(&self) -> Result<Durable, LedgerError> {
        Self::durable(self)
    }

    fn look(&mut self) -> Result<Durable, LedgerError> {
        Self::look(self)
    }

    fn next_until(&mut self, durable: &Durable) -> Result<Option<Rows>, LedgerError> {
        Self::next_until(self, durable)
    }

    fn nothing(&self) -> Rows {
        Self::nothing(self)
    }

    async fn changed(&mut self) -> Result<(), LedgerError> {
        Self::changed(self).await
    }

    fn end(&self) -> Option<End> {
        End::of(self.reader())
    }
}
