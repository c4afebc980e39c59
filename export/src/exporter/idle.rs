//! A worker that does not run, because its sink is paused or because it ended: somebody has to say how far it falls behind.

use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ledger::consumer::Monitor;
use ledger::{Reader, Seq, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::limits::STATUS_EVERY;
use crate::metrics::SinkMetrics;
use crate::status::{SinkStatus, now};

/// One sink in one ledger that stands still.
#[derive(Clone)]
pub struct IdleWorker {
    /// The ledger that it would export.
    pub reader: Reader,
    /// What shows how far it is.
    pub monitor: Monitor,
    /// The shard of it.
    pub shard: u32,
    /// Its receipts come after this.
    pub since: Seq,
    /// Where it stands.
    pub status: Arc<Mutex<SinkStatus>>,
    /// Its numbers.
    pub metrics: SinkMetrics,
}

impl IdleWorker {
    /// Of a paused sink: reads where it stands, and shows how the lag grows, until `stop`.
    pub async fn run_paused(self, operations: Reader, stop: CancellationToken) {
        self.pause();
        let (mut own, shard, since) = (self.status().clone(), self.shard, self.since);
        // It reads backwards until it finds a receipt, which may take long.
        let stood = tokio::task::spawn_blocking(move || own.stand(&operations, shard, since).map(|()| own)).await;
        match stood {
            Ok(Ok(mut own)) => {
                let (sink, ledger) = (&own.sink, own.ledger.as_str());
                tracing::info!(sink, r#type = own.kind, ledger, position = own.next_seq.get(), "the sink is paused");
                let mut status = self.status();
                // An order may have come meanwhile.
                own.pause.clone_from(&status.pause);
                *status = own;
            }
            Ok(Err(error)) => {
                let status = self.status();
                tracing::error!(sink = status.sink, %error, "where the paused sink stands cannot be read");
            }
            // A panic was logged by the runtime; its lag counts from the beginning.
            Err(_) => {}
        }
        self.stand();
        self.run(stop).await;
    }

    /// Of a worker that ended because of an error: says so, and shows how the lag grows, until `stop`.
    pub async fn run_stopped(self, error: &(impl Display + ?Sized), stop: CancellationToken) {
        {
            let mut status = self.status();
            tracing::error!(sink = status.sink, ledger = status.ledger.as_str(), %error, "export stopped");
            status.stopped = Some(error.to_string());
            status.judge(now());
        }
        self.run(stop).await;
    }

    /// Says that it stands still from now on.
    fn pause(&self) {
        let mut status = self.status();
        status.paused = true;
        (status.blocked_since, status.next_attempt) = (None, None);
        status.judge(now());
    }

    /// Whether it is a backfill of which everything has a receipt.
    pub fn is_done(&self) -> bool {
        let status = self.status();
        status.backfill.as_ref().is_some_and(|backfill| status.next_seq >= backfill.to)
    }

    /// Where it stands.
    pub fn status(&self) -> MutexGuard<'_, SinkStatus> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows from where on it would read.
    fn stand(&self) {
        self.monitor.stands(&self.reader, self.status().next_seq);
    }

    /// Shows how the lag grows, until `stop`.
    async fn run(self, stop: CancellationToken) {
        let mut behind_since = None;
        loop {
            self.look(now(), &mut behind_since);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(STATUS_EVERY) => {}
            }
        }
    }

    /// Looks once. `behind_since` is the moment from which it is behind, as far as it was seen.
    fn look(&self, now: Timestamp, behind_since: &mut Option<Timestamp>) {
        let mut status = self.status();
        status.lag = match &status.backfill {
            Some(backfill) => backfill.to.distance_from(status.next_seq),
            None => self.monitor.status().lag,
        };
        let since = match status.lag {
            0 => now,
            _ => behind_since.unwrap_or(now.saturating_sub(Duration::from_secs(status.lag_seconds))),
        };
        *behind_since = (status.lag > 0).then_some(since);
        status.lag_seconds = now.since(since).as_secs();
        self.metrics.lag_seconds.set(status.lag_seconds as i64);
    }
}

#[cfg(test)]
mod tests {
    use ledger::{Entry, Group, LedgerName, Options, Store};

    use super::*;
    use crate::fixtures;
    use crate::metrics::Metrics;

    #[test]
    fn who_stands_still_falls_behind_visibly() {
        let directory = tempfile::tempdir().unwrap();
        Store::init(directory.path(), "acme.example/agents").unwrap();
        let store = Store::open(directory.path(), Options::default()).unwrap();
        let append = || {
            let mut group = Group::new(&ledger::operations::TABLE);
            let mut entry = Entry::new();
            entry.set_text(ledger::operations::column::KIND, "note");
            group.push(&entry).unwrap();
            store.operations().appender().try_append(group).map_err(|rejected| rejected.error).unwrap().wait().unwrap();
        };
        let status = Arc::new(Mutex::new(SinkStatus::new(&fixtures::sink("soc"), LedgerName::Operations)));
        let metrics = Metrics::default().of("soc", LedgerName::Operations);
        let (reader, monitor) = (store.operations().reader(), Monitor::new("sink/soc/operations"));
        let idle = IdleWorker { reader, monitor, shard: 0, since: Seq::FIRST, status: status.clone(), metrics };
        idle.stand();
        let (mut since, begin) = (None, now());
        let mut check = |second: u64, lag: u64, lag_seconds: u64| {
            idle.look(begin.saturating_add(Duration::from_secs(second)), &mut since);
            let status = status.lock().unwrap();
            assert_eq!((status.lag, status.lag_seconds), (lag, lag_seconds), "after {second} s");
            assert_eq!(idle.metrics.lag_seconds.get(), lag_seconds as i64);
        };
        check(0, 0, 0);
        append();
        check(5, 1, 0);
        append();
        check(65, 2, 60);
        store.stop();
    }
}
