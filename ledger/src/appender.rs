//! Appending: the contract of a receipt, and the handle that sources hold.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::entry::Group;
use crate::error::AppendError;
use crate::position::Position;
use crate::queue::Queue;
use crate::timestamp::Timestamp;

/// Appends groups to one ledger. Clones share the queue.
///
/// # Contract
///
/// * A receipt MUST resolve only after the commit that contains the group is durable (fdatasync returned).
/// * After a receipt the group's entries MUST be in every later checkpoint of the shard.
/// * Groups from one task that awaits each receipt, or that queues them in order, MUST be recorded in that order; the
///   entries and inputs of a group become durable together or not at all.
/// * A group MUST NOT be recorded twice, and a group that was handed back or refused with `Full`, `NoSpace`,
///   `InvalidGroup` or `Stopped` MUST NOT be recorded at all. After `Poisoned` a caller cannot know: the next start will
///   tell, by the source positions that are durable.
#[derive(Debug, Clone)]
pub struct Appender {
    queue: Arc<Queue>,
}

/// What a resolved append promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Position of the group's first entry; for a group without entries that of the next one.
    pub first: Position,
    /// Number of entries.
    pub count: u32,
    /// When they were recorded.
    pub recorded: Timestamp,
}

/// A group that was not taken, handed back with the reason.
#[derive(Debug)]
pub struct Rejected {
    /// The group, unchanged.
    pub group: Group,
    /// Why.
    pub error: AppendError,
}

/// A receipt to come. Dropping it does not cancel the append.
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Result<Receipt, AppendError>>);

impl Future for Pending {
    type Output = Result<Receipt, AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|received| received.unwrap_or(Err(AppendError::Stopped)))
    }
}

impl Pending {
    /// Waits on a thread that is not part of a runtime.
    pub fn wait(self) -> Result<Receipt, AppendError> {
        self.0.blocking_recv().unwrap_or(Err(AppendError::Stopped))
    }
}

impl Appender {
    pub(crate) fn new(queue: Arc<Queue>) -> Self {
        Self { queue }
    }

    /// Queues a group, or hands it back at once with `Full`, `NoSpace`, `Poisoned`, `InvalidGroup` or `Stopped`. A later `NoSpace` or
    /// `Poisoned` comes through the [`Pending`].
    pub fn try_append(&self, group: Group) -> Result<Pending, Rejected> {
        self.queue.push(group).map(Pending).map_err(|(group, error)| Rejected { group, error })
    }

    /// The same for a sealer, which is never answered `Full`.
    pub(crate) fn append_of_sealer(&self, group: Group) -> Result<Pending, Rejected> {
        self.queue.push_of_sealer(group).map(Pending).map_err(|(group, error)| Rejected { group, error })
    }

    /// Queues a group, waiting while the queue is full until `patience` resolves: then it hands the group back with
    /// `Full`. One try is made in any case.
    ///
    /// Cancelling the future drops the group.
    pub async fn queue(&self, mut group: Group, patience: impl Future<Output = ()>) -> Result<Pending, Rejected> {
        let mut patience = pin!(patience);
        loop {
            let mut space = pin!(self.queue.space());
            // Registering before the try means that space made in between is not missed.
            space.as_mut().enable();
            let rejected = match self.try_append(group) {
                Err(rejected) if matches!(rejected.error, AppendError::Full { .. }) => rejected,
                queued => return queued,
            };
            tokio::select! {
                biased;
                () = space => group = rejected.group,
                () = &mut patience => return Err(rejected),
            }
        }
    }

    /// Queues a group, waiting while the queue is full, and waits for the receipt. Never answers `Full`.
    ///
    /// Cancelling the future before it is queued drops the group; after that it is recorded all the same.
    pub async fn append(&self, group: Group) -> Result<Receipt, AppendError> {
        self.queue(group, std::future::pending()).await.map_err(|rejected| rejected.error)?.await
    }

    /// Bytes that wait for the writer.
    pub fn queued_bytes(&self) -> usize {
        self.queue.bytes()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::entry::Entry;
    use crate::limits::UNSEALED_FILES_MAX;
    use crate::operations::{TABLE, column};

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_space_gets_it_or_hears_why_not() {
        let check = async |happens: fn(&Queue), expected: fn(&Result<Pending, Rejected>) -> bool| {
            let queue = Arc::new(Queue::new());
            (0..UNSEALED_FILES_MAX).for_each(|_| queue.add_unsealed());
            let mut entry = Entry::new();
            entry.set_text(column::KIND, "note");
            let mut group = Group::new(&TABLE);
            group.push(&entry).unwrap();
            let appender = Appender::new(Arc::clone(&queue));
            let queued = appender.queue(group, tokio::time::sleep(Duration::from_secs(1)));
            let (queued, ()) = tokio::join!(queued, async { happens(&queue) });
            assert!(expected(&queued), "{queued:?}");
        };
        check(|_| {}, |queued| matches!(queued, Err(Rejected { error: AppendError::Full { .. }, .. }))).await;
        check(Queue::remove_unsealed, Result::is_ok).await;
        check(
            |queue| queue.set_sealing_needs_space(Some(7)),
            |queued| matches!(queued, Err(Rejected { error: AppendError::NoSpace { reserve_bytes: 7 }, .. })),
        )
        .await;
        check(Queue::stop, |queued| matches!(queued, Err(Rejected { error: AppendError::Stopped, .. }))).await;
    }
}
