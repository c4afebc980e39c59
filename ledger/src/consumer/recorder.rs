//! How a consumer records what followed from a batch: one group with the cursor, and the wait for space.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::monitor::Monitor;
use crate::appender::{Appender, Receipt};
use crate::entry::Group;
use crate::error::AppendError;
use crate::limits::DISK_RETRY_INTERVAL;

/// Where a consumer records: a ledger, or a model of one.
pub trait Journal: Send + Sync {
    /// What it says at once.
    type Record: ?Sized + Sync;
    /// What it is told of it.
    type Recorded: Send;

    /// Records all of it or nothing: refuses at once what there is no space for, and returns when it is durable.
    fn record(&self, record: &Self::Record) -> impl Future<Output = Result<Self::Recorded, AppendError>> + Send;
}

impl Journal for Appender {
    type Record = Group;
    type Recorded = Receipt;

    async fn record(&self, group: &Group) -> Result<Receipt, AppendError> {
        // The disk may refuse a group after the queue took it, so it is needed once more.
        self.try_append(group.clone()).map_err(|rejected| rejected.error)?.await
    }
}

/// Records for one consumer.
#[derive(Debug)]
pub struct Recorder<J = Appender> {
    journal: J,
    monitor: Monitor,
    stop: CancellationToken,
}

impl<J: Journal> Recorder<J> {
    /// Records what does not follow from rows of a ledger; a consumer [has its own](super::Consumer::recorder).
    pub fn new(journal: J, monitor: Monitor, stop: CancellationToken) -> Self {
        Self { journal, monitor, stop }
    }

    /// Where it records.
    pub fn journal(&self) -> &J {
        &self.journal
    }

    /// The same.
    pub fn journal_mut(&mut self) -> &mut J {
        &mut self.journal
    }

    /// Whether the consumer was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Records, and returns when it is durable.
    ///
    /// Waits while the queue is full or the disk refuses. `Stopped`: it was told to stop while it waited, and nothing of it is
    /// recorded. What the queue took is waited for, whatever happens.
    pub async fn record(&self, record: &J::Record) -> Result<J::Recorded, AppendError> {
        loop {
            let wait = match self.attempt(record).await? {
                Attempt::Recorded(recorded) => return Ok(recorded),
                Attempt::Refused(wait) => wait,
            };
            // A stop is heard here and nowhere else, so it is always known what is recorded.
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(AppendError::Stopped),
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// The same for whoever has something else to do meanwhile: `None` if there is no space now.
    pub async fn try_record(&self, record: &J::Record) -> Result<Option<J::Recorded>, AppendError> {
        match self.attempt(record).await? {
            Attempt::Recorded(recorded) => Ok(Some(recorded)),
            Attempt::Refused(_) => Ok(None),
        }
    }

    async fn attempt(&self, record: &J::Record) -> Result<Attempt<J::Recorded>, AppendError> {
        let (error, wait) = match self.journal.record(record).await {
            Ok(recorded) => {
                self.monitor.recorded();
                return Ok(Attempt::Recorded(recorded));
            }
            Err(error @ AppendError::Full { retry_after }) => (error, retry_after),
            Err(error) if error.is_of_disk() => (error, DISK_RETRY_INTERVAL),
            Err(error) => return Err(error),
        };
        if self.monitor.waits(error.to_string()) {
            let consumer = self.monitor.name();
            tracing::warn!(consumer, %error, "a consumer waits until what it has to say is taken");
        }
        Ok(Attempt::Refused(wait))
    }
}

/// What became of one try.
enum Attempt<R> {
    Recorded(R),
    /// There is no space; so long it is not worth while to try again.
    Refused(Duration),
}
