//! From a full group to its receipt: waits for room, sends, settles what is remembered of the group, counts.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use ledger::{AppendError, Pending, Receipt};
use tokio::time::sleep;

use super::{Filling, Intake, Patience, PositionWriter, Tally};
use crate::dedup::{Locator, Memory, Ticket};
use crate::event::Batch;
use crate::pipeline::PipelineError;

/// A group on its way.
pub(super) struct Sent {
    pending: Pending,
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
        match self.queue(batch, since).await {
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

    /// Queues a batch, waiting for room as long as the source may.
    async fn queue(&self, batch: Batch, since: Instant) -> Result<Pending, PipelineError> {
        let _waiting = self.patience.is_long().then(|| self.channel.wait());
        let patience = async {
            match &self.patience {
                Patience::For(patience) => sleep(patience.saturating_sub(since.elapsed())).await,
                Patience::Until(stop) => stop.cancelled().await,
            }
        };
        let queued = self.pipeline.appender.queue(batch, patience).await;
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

    fn settle(&mut self, result: Result<Receipt, AppendError>) -> Result<(), PipelineError> {
        let Some(sent) = self.sent.take() else { return Ok(()) };
        let first = result.as_ref().ok().map(|receipt| receipt.first.seq);
        self.pipeline.dedup().settle(sent.ticket, first, &sent.places);
        result?;
        if let Some(first) = first {
            self.pipeline.handed.hand(first, sent.rows, sent.memories);
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
