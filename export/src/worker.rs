//! A worker: one sink in one ledger. It reads, batches, records the intent, sends, and records the receipt. A receiver of
//! everything has one intent and one receipt for many batches while nothing fails.
//!
//! Where it stands is a fold over `operations`; what it holds in memory can be lost at any moment. What to do next is
//! decided by [`plan::Plan`], which does no I/O; the loop here carries it out.

pub mod ahead;
pub mod plan;
mod replay;
mod rest;
mod send;
mod start;
pub mod state_store;
pub mod token_bucket;

use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ledger::consumer::{ConsumerStatus, Halt, Recorder, Source};
use ledger::{AppendError, Consumer, LedgerError, Rows};
use operations::standing::{Teller, Telling};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::config::SinkConfig;
use crate::delivery;
use crate::delivery::suppressor::Suppressor;
use crate::judgement::Ack;
use crate::limits::{PARK, RECEIPT_EVERY, RETRY_MAX, RETRY_MIN, STATUS_EVERY, WINDOW_ENTRIES_MAX};
use crate::message::MessageKind;
use crate::metrics::SinkMetrics;
use crate::selection::Selection;
use crate::sender::Sender;
use crate::sink::AnySink;
use crate::status::{SinkStatus, now};
use ahead::Ahead;
use plan::{Batch, Pace, Plan};
use send::{Attempt, Settled};
pub use start::Backfill;
use state_store::{StateEntry, StateStore};
use token_bucket::TokenBucket;

/// How long a worker waits for what, and how much goes together. Tests shorten it.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Bound of the first wait after a failure.
    pub retry_min: Duration,
    /// Bound of every wait after a failure.
    pub retry_max: Duration,
    /// The wait of a parked sink.
    pub park: Duration,
    /// The least time between two receipts while nothing fails.
    pub receipt_every: Duration,
    /// Entries of the ledger under one intent, at most.
    pub window_entries: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            retry_min: RETRY_MIN,
            retry_max: RETRY_MAX,
            park: PARK,
            receipt_every: RECEIPT_EVERY,
            window_entries: WINDOW_ENTRIES_MAX,
        }
    }
}

/// Why a worker stopped.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Receipts cannot be recorded.
    #[error("receipts cannot be recorded: {0}")]
    Append(#[from] AppendError),
}

/// What became of a piece of work: a stop may end it, or a failure.
type Result<T, E = Halt<WorkerError>> = std::result::Result<T, E>;

/// What tells a worker to end.
#[derive(Debug, Clone, Default)]
pub struct Stops {
    /// At once: what is on its way is cut off, and goes again.
    pub stop: CancellationToken,
    /// When what is on its way has arrived, or was not taken.
    pub pause: CancellationToken,
}

/// One sink in one ledger.
pub struct SinkWorker<F, S> {
    pub config: SinkConfig,
    /// Which rows it gets, and how they become records.
    pub selection: Selection,
    /// What reads its ledger,
    pub consumer: Consumer<F>,
    /// and records how far it is.
    pub recorder: Recorder<S>,
    /// What carries its messages.
    pub sender: Arc<dyn Sender>,
    /// What was sent before its turn.
    pub ahead: Ahead,
    /// What tells it to end when what is on its way has arrived.
    pub pause: CancellationToken,
    /// What it sends if it is no more than a range, and at which pace.
    pub backfill: Option<Backfill>,
    pub timing: Timing,
    pub metrics: SinkMetrics,
    pub status: Arc<Mutex<SinkStatus>>,
    /// What the log was told of the status.
    pub teller: Mutex<Teller>,
    pub suppressor: Arc<dyn Suppressor>,
    pub token_bucket: TokenBucket,
    /// Somebody asked that dead letters are sent once more.
    pub wake: Arc<Notify>,
    /// Whether to look for them; true at the start, since the request may be older than the process.
    pub replay_due: bool,
    /// When the next receipt is due, if something was taken: at once if the last one is old.
    pub receipt_due: Instant,
}

impl<F: Source, S: StateStore> SinkWorker<F, S> {
    /// Exports until it is stopped or something fails for good. What was acknowledged by then is recorded before it returns,
    /// so another worker of the same sink may follow at once. Dropping the future at any moment loses nothing either, but what
    /// it had queued may become durable later: only a new process may follow then.
    pub async fn run(mut self) -> Result<(), WorkerError> {
        let mut plan = match self.start().await {
            Ok(plan) => plan,
            Err(halt) => return halt.end(),
        };
        let mut entries = Vec::new();
        let halt = loop {
            if let Err(halt) = self.turn(&mut plan, &mut entries).await {
                break halt;
            }
        };
        // What was taken needs no repeating because of a stop, or because nothing more can be read.
        if !matches!(halt, Halt::Failed(WorkerError::Append(_))) {
            self.record(&mut plan, &mut entries).await.or_else(Halt::end)?;
        }
        halt.end()
    }

    /// Whether it tells people of alerts.
    fn is_delivery(&self) -> bool {
        matches!(self.config.sink, AnySink::Delivery(_))
    }

    /// How its batches follow one another.
    fn pace(&self) -> Pace {
        match &self.config.sink {
            AnySink::Delivery(_) => Pace::Single,
            AnySink::Stream(sink) => sink
                .filling()
                .map_or(Pace::Windows { in_flight: self.config.in_flight() }, |filling| Pace::Filled(filling.bytes)),
        }
    }

    /// How long what waits may wait for more of its kind.
    fn linger(&self, plan: &Plan) -> Duration {
        match &self.config.sink {
            AnySink::Delivery(sink) => {
                sink.digest_wait().map_or(Duration::ZERO, |wait| delivery::linger(plan.pending(), wait))
            }
            AnySink::Stream(sink) => sink.filling().map_or(Duration::ZERO, |filling| plan.unfilled(filling, now())),
        }
    }

    /// Whether it is to end now, since nothing is on its way any more.
    fn is_over(&self) -> bool {
        self.pause.is_cancelled() && self.ahead.len() == 0
    }

    /// One batch, or one wait.
    async fn turn(&mut self, plan: &mut Plan, entries: &mut Vec<StateEntry>) -> Result<()> {
        if self.is_over() {
            return Err(Halt::Stopped);
        }
        if !self.pause.is_cancelled() {
            self.replay(plan, entries).await?;
        }
        self.gather(plan, entries).await?;
        entries.extend(plan.leave());
        if plan.is_finished() {
            entries.extend(plan.finish());
            self.flush(plan, entries).await?;
            self.update_status(plan, |_| {});
            return Err(Halt::Stopped);
        }
        if plan.wants_window() {
            plan.enter(self.consumer.durable()?, self.timing.window_entries);
        }
        if self.is_delivery() {
            // What the receiver was told is read from the ledger, so it must stand there.
            self.flush(plan, entries).await?;
            self.ask(plan).await;
        }
        let batch = match &self.config.sink {
            AnySink::Delivery(sink) => {
                let outbox = self.recorder.journal_mut().outbox()?;
                plan.propose(|records| sink.render(records, outbox))
            }
            AnySink::Stream(sink) => {
                let ahead = &self.ahead;
                plan.propose(|records| ahead.rendered(records).unwrap_or_else(|| sink.render(records)))
            }
        };
        let Some(batch) = batch else {
            entries.extend(plan.skip());
            self.flush(plan, entries).await?;
            debug_assert!(plan.wants_more(), "what fills a batch is sent");
            return self.read(plan, entries).await;
        };
        if !batch.messages.is_empty() {
            entries.extend(plan.intend(&batch));
            self.flush(plan, entries).await?;
        }
        self.send_ahead(plan, &batch);
        let attempts = self.deliver_all(plan, &batch, entries).await?;
        entries.extend(self.settle(plan, &batch, attempts)?);
        if plan.is_growing() && Instant::now() >= self.receipt_due {
            self.close(plan, entries);
        }
        Ok(())
    }

    /// Sends the batches that certainly follow this one, as many as may be on their way at once.
    fn send_ahead(&mut self, plan: &mut Plan, batch: &Batch) {
        let AnySink::Stream(sink) = &self.config.sink else { return };
        if self.pause.is_cancelled() {
            return;
        }
        let at_once = self.config.in_flight();
        // The batch itself is on its way, too, perhaps as the first of these.
        let first = plan.export_seq() + batch.count() as u64;
        while self.ahead.len() + 1 < at_once {
            let from = self.ahead.export_seq_next().map_or(first, |next| next.max(first));
            let Some((offered, message)) = plan.following(from, |records| sink.render(records)) else { return };
            self.ahead.send(&self.sender, from, offered, message);
        }
    }

    /// The receipt for what was taken, and the time of the next one. It is recorded with what follows, which is soon.
    fn close(&mut self, plan: &mut Plan, entries: &mut Vec<StateEntry>) {
        entries.extend(plan.close());
        self.receipt_due = Instant::now() + self.timing.receipt_every;
    }

    /// Records everything, the receipt for what was taken included.
    async fn record(&mut self, plan: &mut Plan, entries: &mut Vec<StateEntry>) -> Result<()> {
        if plan.is_growing() {
            self.close(plan, entries);
        }
        self.flush(plan, entries).await
    }

    /// Asks whether something hides the alerts that are next. Who answers reads a ledger, and may wait for somebody who writes.
    async fn ask(&self, plan: &mut Plan) {
        let asked = plan.doubtful();
        if asked.is_empty() {
            return;
        }
        let suppressor = Arc::clone(&self.suppressor);
        match tokio::task::spawn_blocking(move || suppressor.decide(&asked, now())).await {
            Ok(decisions) => plan.hide(decisions),
            // A notice too many is better than one too few.
            Err(error) => tracing::error!(%error, "it is unknown what hides alerts; they are told"),
        }
    }

    /// Sends the messages of a batch in their order. Each is on record before the next one goes, so that a restart repeats
    /// at most the one whose fate is not certain, and nothing overtakes anything.
    pub async fn deliver_all(
        &mut self,
        plan: &mut Plan,
        batch: &Batch,
        entries: &mut Vec<StateEntry>,
    ) -> Result<Vec<Attempt>> {
        let mut had = Vec::new();
        if self.is_delivery() {
            had.extend(self.recorder.journal_mut().outbox()?.half_sent().iter().map(|sent| sent.key.clone()));
        }
        let (mut attempts, mut doubtful) = (Vec::new(), plan.may_be_sent(batch));
        for (number, message) in batch.messages.iter().enumerate() {
            if message.kind != MessageKind::Batch && had.contains(&message.key) {
                let settled = Settled::Acked(Ack::new("on record already"));
                attempts.push(Attempt { settled, attempts: 0 });
                continue;
            }
            self.wait_for_token(plan, message.records.len()).await?;
            let attempt = self.deliver(plan, batch, message, std::mem::take(&mut doubtful)).await?;
            entries.extend(plan.sent_entry(batch, message, &attempt));
            attempts.push(attempt);
            if number + 1 < batch.messages.len() {
                self.flush(plan, entries).await?;
            }
        }
        Ok(attempts)
    }

    /// Reads until there is enough for a batch, or as much as there is once the sink may be sent to again.
    async fn gather(&mut self, plan: &mut Plan, entries: &mut Vec<StateEntry>) -> Result<()> {
        let free_at = self.token_bucket.ready_at();
        let mut deadline = free_at;
        let mut lingered = false;
        let stop = self.consumer.stop().clone();
        loop {
            while plan.wants_more() {
                match self.consumer.try_next_batch()? {
                    Some(batch) => self.absorb(plan, &batch.rows),
                    None => break,
                }
            }
            if plan.is_resuming() && plan.wants_more() {
                // The rest of the range that was intended is durable; it only has to be read.
                self.read(plan, entries).await?;
                continue;
            }
            let linger = self.linger(plan);
            if !lingered && !linger.is_zero() {
                (lingered, deadline) = (true, deadline.max(Instant::now() + linger));
            } else if linger.is_zero() {
                deadline = free_at;
            }
            if plan.pending().is_empty() || plan.is_resuming() || Instant::now() >= deadline {
                return Ok(());
            }
            // A receipt must not wait for the next batch.
            self.flush(plan, entries).await?;
            tokio::select! {
                biased;
                () = stop.cancelled() => return Err(Halt::Stopped),
                () = self.pause.cancelled(), if self.ahead.len() == 0 => return Err(Halt::Stopped),
                () = tokio::time::sleep_until(self.receipt_due), if plan.is_growing() => self.close(plan, entries),
                () = tokio::time::sleep_until(deadline) => {}
                () = tokio::time::sleep(STATUS_EVERY) => self.update_status(plan, |_| {}),
                () = self.wake.notified() => self.replay_due = true,
                batch = self.consumer.next_batch::<WorkerError>(), if plan.wants_more() => {
                    self.absorb(plan, &batch?.rows);
                }
            }
        }
    }

    async fn read(&mut self, plan: &mut Plan, entries: &mut Vec<StateEntry>) -> Result<()> {
        let is_parked = self.status.lock().unwrap_or_else(PoisonError::into_inner).parked;
        let batch = tokio::select! {
            biased;
            () = self.pause.cancelled(), if self.ahead.len() == 0 => return Err(Halt::Stopped),
            () = tokio::time::sleep_until(self.receipt_due), if plan.is_growing() => {
                self.close(plan, entries);
                return Ok(());
            }
            () = self.wake.notified() => {
                self.replay_due = true;
                return Ok(());
            }
            batch = self.consumer.next_batch::<WorkerError>() => batch?,
            () = tokio::time::sleep(self.timing.park), if is_parked => {
                self.look_for_secrets(plan);
                return Ok(());
            }
        };
        self.absorb(plan, &batch.rows);
        self.update_status(plan, |_| {});
        Ok(())
    }

    /// Takes rows. Those that wait are a part of the lag, also while more are read.
    fn absorb(&self, plan: &mut Plan, rows: &Rows) {
        plan.absorb(rows, &self.selection);
        self.consumer.monitor().holds(plan.pending().len() as u64);
    }

    /// Records intents, receipts and rejections in one group. The lag grows meanwhile.
    async fn flush(&self, plan: &Plan, entries: &mut Vec<StateEntry>) -> Result<()> {
        if !entries.is_empty() {
            let recorded = self.recorder.record(entries);
            self.shown_during(plan, recorded).await?;
            self.flushed(plan, entries);
        }
        Ok(())
    }

    /// Records them if there is space now.
    async fn try_flush(&self, plan: &Plan, entries: &mut Vec<StateEntry>) -> Result<()> {
        let recorded = self.recorder.try_record(entries);
        if self.shown_during(plan, recorded).await?.is_some() {
            self.flushed(plan, entries);
        }
        Ok(())
    }

    fn flushed(&self, plan: &Plan, entries: &mut Vec<StateEntry>) {
        entries.clear();
        if self.status.lock().unwrap_or_else(PoisonError::into_inner).receipts_wait.is_some() {
            self.update_status(plan, |_| {});
        }
    }

    /// Waits for something; the lag that is shown grows meanwhile.
    async fn shown_during<O>(&self, plan: &Plan, work: impl Future<Output = O>) -> O {
        let mut work = pin!(work);
        loop {
            tokio::select! {
                biased;
                output = &mut work => return output,
                () = tokio::time::sleep(STATUS_EVERY) => self.update_status(plan, |_| {}),
            }
        }
    }

    /// Writes the status down after `change`.
    fn update_status(&self, plan: &Plan, change: impl FnOnce(&mut SinkStatus)) {
        let monitor = self.consumer.monitor();
        monitor.holds(plan.pending().len() as u64);
        let ConsumerStatus { lag, condition, .. } = monitor.status();
        // What a backfill sends is as old as somebody wanted.
        let oldest = plan.pending().front().filter(|_| plan.left().is_none()).map(|record| record.recorded);
        let lag_seconds = oldest.map_or(0, |recorded| now().since(recorded).as_secs());
        self.metrics.lag_seconds.set(lag_seconds as i64);
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        (status.next_seq, status.export_seq) = (plan.next_seq(), plan.export_seq());
        (status.lag, status.lag_seconds) = (plan.left().unwrap_or(lag), lag_seconds);
        status.receipts_wait = condition.waits_for().map(|reason| format!("receipts cannot be recorded: {reason}"));
        change(&mut status);
        let now = now();
        status.judge(now);
        let SinkStatus { sink, ledger, standing, .. } = &*status;
        let ledger = ledger.as_str();
        let (state, reason) = (standing.state.as_str(), standing.reason.as_deref().unwrap_or_default());
        match self.teller.lock().unwrap_or_else(PoisonError::into_inner).tell(now, standing) {
            Some(Telling::Began) => tracing::warn!(sink, ledger, state, reason, "the sink has a problem"),
            Some(Telling::Ended) => tracing::info!(sink, ledger, "the sink works again"),
            None => {}
        }
    }

    fn settle(&mut self, plan: &mut Plan, batch: &Batch, attempts: Vec<Attempt>) -> Result<Vec<StateEntry>> {
        let checkpoint = self.recorder.journal().checkpoint()?;
        let before = plan.totals();
        let settled = plan.settle(batch, attempts, checkpoint);
        let (sent, rejected) = (plan.totals().sent - before.sent, plan.totals().rejected - before.rejected);
        // Those that the sink did not name cannot be sent once more.
        let dead = settled.iter().filter(|entry| matches!(entry, StateEntry::Rejected(_))).count() as u64;
        self.metrics.sent.inc_by(sent);
        self.metrics.rejected.inc_by(rejected);
        self.update_status(plan, |status| {
            status.sent += sent;
            status.rejected += rejected;
            status.dead += dead;
        });
        Ok(settled)
    }
}

#[cfg(test)]
mod tests;
