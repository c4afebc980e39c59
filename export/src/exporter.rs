//! All sinks together: one task for each worker, so that a receiver that is down holds up nobody else.

mod idle;

use std::sync::{Arc, Mutex, PoisonError};

use ledger::consumer::Monitor;
use ledger::{AppendError, Appender, Consumer, Follower, Group, Ledger, LedgerError, LedgerName, Reader};
use operations::kind::Envelope;
use operations::kind::export::{RETRY, Retry};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ConfigError, SinkConfig};
use crate::delivery::suppressor::{SuppressNothing, Suppressor};
use crate::metrics::Metrics;
use crate::status::SinkStatus;
use crate::worker::state_store::{LIMIT, LedgerStateStore};
use crate::worker::token_bucket::TokenBucket;
use crate::worker::{SinkWorker, Timing};
use idle::IdleWorker;

/// Why export cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A setting is not usable.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The ledger cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A connection cannot be prepared.
    #[error("sink {sink}: {message}")]
    Connection {
        /// The sink.
        sink: String,
        /// What is wrong.
        message: String,
    },
}

/// Runs every sink.
pub struct Exporter {
    /// The workers, each with what tells of it once it has ended.
    workers: Vec<(SinkWorker<Follower, LedgerStateStore>, IdleWorker)>,
    /// The workers of sinks that are paused.
    idle: Vec<IdleWorker>,
    operations: Reader,
    status: Status,
    metrics: Metrics,
    monitors: Vec<Monitor>,
    retries: Retries,
    /// What tells the workers to stop.
    stop: CancellationToken,
}

/// Asks that what a sink refused is sent to it once more. Clones ask the same sinks.
#[derive(Clone)]
pub struct Retries {
    appender: Appender,
    workers: Arc<Vec<(String, Arc<Notify>)>>,
}

/// Why dead letters cannot be sent once more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RetryError {
    /// There is no such sink, or it is paused.
    #[error("no sink {0} is running")]
    NoSink(String),
    /// The retry request cannot be recorded.
    #[error("the retry request cannot be recorded: {0}")]
    Append(#[from] AppendError),
}

impl Retries {
    /// Records the retry request of `actor` and wakes the sink. Dead letters that are refused again are dead again.
    pub async fn retry(&self, sink: &str, actor: &str) -> Result<(), RetryError> {
        if !self.workers.iter().any(|(name, _)| name == sink) {
            return Err(RetryError::NoSink(sink.to_owned()));
        }
        let entry = RETRY.entry(&Envelope { subject: sink, actor, ..Envelope::default() }, &Retry {})?;
        let mut group = Group::new(&ledger::operations::TABLE);
        group.push(&entry)?;
        self.appender.append(group).await?;
        self.workers.iter().filter(|(name, _)| name == sink).for_each(|(_, wake)| wake.notify_one());
        Ok(())
    }
}

/// The status of every worker. Clones share it.
#[derive(Clone, Default)]
pub struct Status(Arc<Vec<Arc<Mutex<SinkStatus>>>>);

impl Status {
    /// Where every sink stands now.
    pub fn get(&self) -> Vec<SinkStatus> {
        self.0.iter().map(|worker| worker.lock().unwrap_or_else(PoisonError::into_inner).clone()).collect()
    }
}

impl Exporter {
    /// Prepares the sinks of a configuration. `key` is the installation's key, for hashed columns. Nothing is read or sent
    /// before [`Exporter::run`].
    pub fn new(config: &Config, events: &Ledger, operations: &Ledger, key: [u8; 32]) -> Result<Self, ExportError> {
        config.check()?;
        let (metrics, mut monitors, stop) = (Metrics::default(), Vec::new(), CancellationToken::new());
        let (mut workers, mut idle, mut status, mut wakes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (routes, grouping) = (Arc::new(config.routes.clone()), Arc::new(config.grouping.clone()));
        for sink in &config.sinks {
            let sink = &sink.clone().routed(&routes).grouped(&grouping);
            for ledger in sink.spec.class.ledgers() {
                let name = &sink.common.name;
                let shared = Arc::new(Mutex::new(SinkStatus::new(sink, *ledger)));
                status.push(shared.clone());
                let source = if *ledger == LedgerName::Events { events } else { operations };
                let (reader, shard, metrics) = (source.reader(), source.shard(), metrics.of(name, *ledger));
                let monitor = Monitor::new(format!("sink/{name}/{ledger}"));
                monitors.push(monitor.clone());
                let rest = IdleWorker { reader, monitor, shard, status: shared.clone(), metrics };
                if sink.common.paused {
                    idle.push(rest);
                } else {
                    let worker = worker(sink, source, operations, key, &rest, stop.clone())?;
                    wakes.push((name.clone(), worker.wake.clone()));
                    workers.push((worker, rest));
                }
            }
        }
        let retries = Retries { appender: operations.appender(), workers: Arc::new(wakes) };
        let operations = operations.reader();
        let status = Status(Arc::new(status));
        Ok(Self { workers, idle, operations, status, metrics, monitors, retries, stop })
    }

    /// Who is asked, before anybody is told of an alert, whether something hides it. Without it nothing is hidden.
    pub fn set_suppressor(&mut self, suppressor: &Arc<dyn Suppressor>) {
        self.workers.iter_mut().for_each(|(worker, _)| worker.suppressor = suppressor.clone());
    }

    /// The way to send dead letters once more, which stays usable while the sinks run.
    pub fn retries(&self) -> Retries {
        self.retries.clone()
    }

    /// Shortens the waits, for tests with a real network: receivers that fail on purpose, again and again, are else waited for
    /// longer each time.
    pub fn set_timing(&mut self, timing: Timing) {
        self.workers.iter_mut().for_each(|(worker, _)| worker.timing = timing);
    }

    /// The metrics, which stay readable while the sinks run.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// How each worker stands as a consumer of its ledger, for health.
    pub fn monitors(&self) -> Vec<Monitor> {
        self.monitors.clone()
    }

    /// The status, which stays readable while the sinks run.
    pub fn status(&self) -> Status {
        self.status.clone()
    }

    /// Exports until `stop` is cancelled. What was acknowledged by then is on record when this returns, so another exporter may
    /// follow at once. A worker that fails ends alone, says so in its status and in the log.
    pub async fn run(self, stop: CancellationToken) {
        let mut tasks = JoinSet::new();
        for rest in self.idle {
            tasks.spawn(rest.run_paused(self.operations.clone(), stop.clone()));
        }
        for (worker, rest) in self.workers {
            let stop = stop.clone();
            tasks.spawn(async move {
                if let Err(error) = worker.run().await {
                    rest.run_stopped(error, stop).await;
                }
            });
        }
        // Without workers the sinks are paused or absent; the caller waits for `stop` as with any other stage.
        stop.cancelled().await;
        self.stop.cancel();
        while tasks.join_next().await.is_some() {}
    }
}

fn worker(
    sink: &SinkConfig,
    source: &Ledger,
    operations: &Ledger,
    key: [u8; 32],
    shown: &IdleWorker,
    stop: CancellationToken,
) -> Result<SinkWorker<Follower, LedgerStateStore>, ExportError> {
    let name = sink.common.name.clone();
    let failed = |message| ExportError::Connection { sink: name.clone(), message };
    let content = sink.needs_content(source.name());
    let origin = source.reader().origin()?;
    let selection = sink.selection(key, &origin);
    let reader = selection.reader(source.reader());
    let consumer = Consumer::of(reader.clone(), content, LIMIT, shown.monitor.clone(), stop);
    let state_store = LedgerStateStore {
        sink: name.clone(),
        ledger: source.name(),
        shard: source.shard(),
        exported_reader: reader,
        content,
        operations: operations.reader(),
        appender: operations.appender(),
        outbox: None,
    };
    Ok(SinkWorker {
        selection,
        recorder: consumer.recorder(state_store),
        consumer,
        sender: sink.sink.sender(&sink.reach(&origin)).map_err(failed)?.into(),
        ahead: crate::worker::ahead::Ahead::default(),
        timing: Timing::default(),
        metrics: shown.metrics.clone(),
        status: Arc::clone(&shown.status),
        teller: Mutex::default(),
        suppressor: Arc::new(SuppressNothing),
        token_bucket: TokenBucket::new(sink.limits().burst, sink.limits().interval),
        wake: Arc::new(Notify::new()),
        replay_due: true,
        receipt_due: tokio::time::Instant::now(),
        config: sink.clone(),
    })
}

#[cfg(test)]
mod delivery;
#[cfg(test)]
mod tests;
