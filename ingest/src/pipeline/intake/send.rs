//! From a full group to its receipt: waits for room, sends, settles what is remembered of the group, counts.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use ledger::{AppendError, Pending, Seq};
use tokio::time::sleep;

use super::{Filling, Intake, Patience, PositionWriter, Tally};
use crate::dedup::{Locator, Memory, Ticket};
use crate::event::Batch;
use crate::pipeline::{End, Parcel, PipelineError, Stored};

/// What tells when a group is durable.
enum Awaited {
    Ledger(Pending),
    Spool(Stored),
}

impl Future for Awaited {
    type Output = Result<Option<Seq>, AppendError>;

    /// The row of the group's first event, where it has rows here.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Ledger(pending) => Pin::new(pending).poll(context).map_ok(|receipt| Some(receipt.first.seq)),
            Self::Spool(stored) => {
                Pin::new(stored).poll(context).map(|stored| stored.unwrap_or(Err(AppendError::Stopped)).map(|()| None))
            }
        }
    }
}

/// A group on its way.
pub(super) struct Sent {
    pending: Awaited,
    pub ticket: Ticket,
    places: Vec<(Locator, u32)>,
    rows: u64,
    memories: Option<Vec<Memory>>,
    tally: Tally,
    position: u64,
    since: Instant,
}

impl<P: PositionWriter> Intake<P> {
    /// Appends what was taken and waits until it is durable.
    pub async fn finish(&mut self) -> Result<(), PipelineError> {
        self.append().await?;
        self.receive().await
    }

    /// Whether no group is on its way.
    pub(super) fn is_idle(&mut self) -> Result<bool, PipelineError> {
        let Some(sent) = &mut self.sent else { return Ok(true) };
        match Pin::new(&mut sent.pending).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => Ok(false),
            Poll::Ready(result) => self.settle(result).map(|()| true),
        }
    }

    /// Sends the group that was filled, after the one before it is durable. Call [`Intake::finish`] soon after it.
    pub async fn append(&mut self) -> Result<(), PipelineError> {
        self.receive().await?;
        self.progress.write(self.position, &mut self.filling.batch);
        if self.filling.batch.is_empty() {
            let tally = std::mem::take(&mut self.filling.tally);
            self.credit(tally, self.position);
            return Ok(());
        }
        let ticket = self.pipeline.dedup().open();
        let next = Filling::new(ticket);
        let Filling { batch, ticket, places, memories, tally } = std::mem::replace(&mut self.filling, next);
        let (since, rows) = (Instant::now(), batch.events() as u64);
        let passing = self.passing.as_mut();
        let parcel = passing.map(|passing| passing.take(self.channel.name(), BTreeMap::new()));
        match self.queue(batch, parcel, since).await {
            Ok(pending) => {
                let position = self.position;
                self.sent = Some(Sent { pending, ticket, places, rows, memories, tally, position, since });
                Ok(())
            }
            Err(error) => {
                self.pipeline.dedup().settle(ticket, None, &places);
                Err(error)
            }
        }
    }

    /// Queues a batch, or the parcel where another machine records, waiting for room as long as the source may.
    async fn queue(&self, batch: Batch, parcel: Option<Parcel>, since: Instant) -> Result<Awaited, PipelineError> {
        let _waiting = self.patience.is_long().then(|| self.channel.wait());
        let source = &self.patience;
        let patience = async move {
            match source {
                Patience::For(patience) => sleep(patience.saturating_sub(since.elapsed())).await,
                Patience::Until(stop) => stop.cancelled().await,
            }
        };
        let queued = match (&self.pipeline.end, parcel) {
            (End::Ledger(recording), _) => recording.appender.queue(batch, patience).await.map(Awaited::Ledger),
            (End::Spool(spool), parcel) => {
                let parcel = Parcel { positions: batch.into_inputs(), ..parcel.unwrap_or_default() };
                spool.queue(parcel, Box::pin(patience)).await.map(Awaited::Spool)
            }
        };
        queued.map_err(|error| match (error, &self.patience) {
            (AppendError::Full { retry_after }, Patience::For(_)) => PipelineError::Busy { retry_after },
            (AppendError::Full { .. }, Patience::Until(_)) => PipelineError::Stopping,
            (error, _) => error.into(),
        })
    }

    /// Waits for the receipt of the group that is on its way.
    async fn receive(&mut self) -> Result<(), PipelineError> {
        let Self { sent: Some(sent), channel, patience, .. } = self else { return Ok(()) };
        let waiting = patience.is_long().then(|| channel.wait());
        let result = Pin::new(&mut sent.pending).await;
        drop(waiting);
        self.settle(result)
    }

    fn settle(&mut self, result: Result<Option<Seq>, AppendError>) -> Result<(), PipelineError> {
        let Some(sent) = self.sent.take() else { return Ok(()) };
        let first = result.as_ref().ok().copied().flatten();
        self.pipeline.dedup().settle(sent.ticket, first, &sent.places);
        result?;
        if let Some((first, recording)) = first.zip(self.pipeline.recording()) {
            recording.handed.hand(first, sent.rows, sent.memories);
        }
        self.channel.metrics.append.observe(sent.since.elapsed().as_secs_f64());
        self.credit(sent.tally, sent.position);
        self.pipeline.show_memory();
        Ok(())
    }

    /// Counts records that are durable, or need not be.
    fn credit(&mut self, tally: Tally, position: u64) {
        let metrics = &self.channel.metrics;
        metrics.events.inc_by(tally.events);
        metrics.conflicts.inc_by(tally.conflicts);
        metrics.duplicates.inc_by(tally.duplicates);
        self.durable.add(tally);
        self.durable_position = position;
    }
}

impl<P> Drop for Intake<P> {
    fn drop(&mut self) {
        // Whoever waits for these groups must not wait for ever. What is forgotten here may be recorded twice.
        let mut dedup = self.pipeline.dedup();
        dedup.settle(self.filling.ticket, None, &self.filling.places);
        if let Some(sent) = &self.sent {
            dedup.settle(sent.ticket, None, &sent.places);
        }
    }
}
