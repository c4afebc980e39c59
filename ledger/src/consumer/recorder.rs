//! How a consumer records what followed from a batch: one group with the cursor, and the waits for space.

use std::future::Future;

use tokio_util::sync::CancellationToken;

use super::monitor::Monitor;
use crate::appender::{Appender, Receipt};
use crate::entry::Group;
use crate::error::AppendError;
use crate::limits::DISK_RETRY_INTERVAL;

/// Where a consumer records: a ledger, or a model of one.
pub trait Journal: Send + Sync {
    /// Queues a group or refuses it at once, as [`Appender::try_append`].
    fn try_append(
        &self,
        group: Group,
    ) -> Result<impl Future<Output = Result<Receipt, AppendError>> + Send, AppendError>;
}

impl Journal for Appender {
    fn try_append(
        &self,
        group: Group,
    ) -> Result<impl Future<Output = Result<Receipt, AppendError>> + Send, AppendError> {
        Self::try_append(self, group).map_err(|rejected| rejected.error)
    }
}

/// Records for one consumer.
#[derive(Debug)]
pub struct Recorder<J = Appender> {
    journal: J,
    stop: CancellationToken,
    monitor: Monitor,
}

impl<J: Journal> Recorder<J> {
    pub(super) fn new(journal: J, stop: CancellationToken, monitor: Monitor) -> Self {
        Self { journal, stop, monitor }
    }

    /// Whether the consumer was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Records a group, in which an entry says that everything before `cursor` is done, and returns when it is durable.
    ///
    /// Waits while the queue is full or the disk refuses. `Stopped`: it was told to stop while it waited, and nothing of the
    /// group is recorded. A group that the queue took is waited for, whatever happens.
    pub async fn record(&self, group: Group, cursor: u64) -> Result<Receipt, AppendError> {
        loop {
            // The disk refuses a group after the queue took it, so it is needed once more.
            let recorded = match self.journal.try_append(group.clone()) {
                Ok(pending) => pending.await,
                Err(error) => Err(error),
            };
            let (error, wait) = match recorded {
                Ok(receipt) => {
                    self.monitor.recorded(cursor);
                    return Ok(receipt);
                }
                Err(error @ AppendError::Full { retry_after }) => (error, retry_after),
                Err(error) if error.is_of_disk() => (error, DISK_RETRY_INTERVAL),
                Err(error) => return Err(error),
            };
            if self.monitor.waits(error.to_string()) {
                tracing::warn!(consumer = self.monitor.name(), %error, "a consumer waits until what it has to say is taken");
            }
            // A stop is heard here and nowhere else, so it is always known what is recorded.
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(AppendError::Stopped),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}
