//! One sink in one ledger: what is shown of it always, and its worker while it runs.

use std::sync::{Arc, Mutex, MutexGuard};

use ledger::consumer::Monitor;
use ledger::{Consumer, Follower, LedgerName};
use operations::fold::Paused;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use super::idle::IdleWorker;
use super::{ExportError, Manner, Plant};
use crate::config::SinkConfig;
use crate::sender::Sender;
use crate::status::{SinkStatus, now};
use crate::worker::ahead::Ahead;
use crate::worker::state_store::{LIMIT, LedgerStateStore};
use crate::worker::token_bucket::TokenBucket;
use crate::worker::{SinkWorker, Stops};

/// One sink in one ledger.
pub struct Lane {
    config: SinkConfig,
    ledger: LedgerName,
    /// The origin of the ledger's log.
    origin: String,
    /// What carries its messages; `None` for a sink that its configuration pauses.
    sender: Option<Arc<dyn Sender>>,
    /// What tells of it.
    shown: IdleWorker,
    running: Option<Running>,
}

/// A worker, or what stands in for it.
struct Running {
    stops: Stops,
    wake: Arc<Notify>,
    task: AbortOnDropHandle<()>,
}

impl Lane {
    /// Prepares it. Nothing is read or sent.
    pub fn new(plant: &Plant, config: SinkConfig, ledger: LedgerName) -> Result<Self, ExportError> {
        let name = &config.common.name;
        let source = plant.source(ledger);
        let shown = IdleWorker {
            reader: source.reader(),
            monitor: Monitor::new(format!("sink/{name}/{ledger}")),
            shard: source.shard(),
            status: Arc::new(Mutex::new(SinkStatus::new(&config, ledger))),
            metrics: plant.metrics.of(name, ledger),
        };
        let origin = source.reader().origin()?;
        let failed = |message| ExportError::Connection { sink: name.clone(), message };
        let sender = (!config.common.paused)
            .then(|| config.sink.sender(&config.reach(&origin)).map(Arc::from).map_err(failed))
            .transpose()?;
        Ok(Self { config, ledger, origin, sender, shown, running: None })
    }

    /// The sink's name.
    pub fn sink(&self) -> &str {
        &self.config.common.name
    }

    /// What is shown of it.
    pub fn shown(&self) -> &IdleWorker {
        &self.shown
    }

    /// The ledger that it exports.
    pub fn ledger(&self) -> LedgerName {
        self.ledger
    }

    fn status(&self) -> MutexGuard<'_, SinkStatus> {
        self.shown.status()
    }

    /// Whether it may go on in the place of `new`, since nothing about it is different. One that ended because of an error may not: whoever
    /// reads the configuration again wants it tried again.
    pub fn is_same(&self, new: &Self) -> bool {
        self.ledger == new.ledger && self.config.is_same(&new.config) && self.status().stopped.is_none()
    }

    /// Whether its configuration pauses it.
    pub fn is_paused_by_configuration(&self) -> bool {
        self.config.common.paused
    }

    /// Whether it was started and has not ended since.
    pub fn has_started(&self) -> bool {
        self.running.is_some()
    }

    /// Starts it, paused if somebody ordered that. What ran before has ended.
    pub fn start(&mut self, plant: &Plant, manner: &Manner, paused: Option<&Paused>) {
        let (stops, wake) = (Stops::default(), Arc::<Notify>::default());
        let (rest, operations) = (self.shown.clone(), plant.operations.reader());
        self.status().pause = paused.cloned();
        let task = match self.sender.clone().filter(|_| paused.is_none()) {
            None => tokio::spawn(rest.run_paused(operations, stops.stop.clone())),
            Some(sender) => {
                {
                    let mut status = self.status();
                    (status.paused, status.stopped, status.started) = (false, None, Some(now()));
                    status.judge(now());
                }
                let worker = self.worker(plant, manner, sender, stops.clone(), wake.clone());
                let stops = stops.clone();
                tokio::spawn(async move {
                    match worker.run().await {
                        Err(error) => rest.run_stopped(&error, stops.stop).await,
                        Ok(()) if stops.pause.is_cancelled() => rest.run_paused(operations, stops.stop).await,
                        Ok(()) => {}
                    }
                })
            }
        };
        self.running = Some(Running { stops, wake, task: AbortOnDropHandle::new(task) });
    }

    /// Does not run, because what it needs to know cannot be read.
    pub fn fail(&mut self, error: &impl std::fmt::Display) {
        let (rest, stops, error) = (self.shown.clone(), Stops::default(), error.to_string());
        let stop = stops.stop.clone();
        let task = tokio::spawn(async move { rest.run_stopped(&error, stop).await });
        self.running = Some(Running { stops, wake: Arc::default(), task: AbortOnDropHandle::new(task) });
    }

    /// Lets what is on its way arrive, and then stands still.
    pub fn pause(&self, paused: &Paused) {
        self.status().pause = Some(paused.clone());
        if let Some(running) = &self.running {
            running.stops.pause.cancel();
        }
    }

    /// Goes on from its cursor.
    pub async fn resume(&mut self, plant: &Plant, manner: &Manner) {
        self.end().await;
        self.start(plant, manner, None);
    }

    /// Has it look for dead letters that somebody wants sent once more. `false` if it stands still.
    pub fn wake(&self) -> bool {
        let runs = self.sender.is_some() && self.status().pause.is_none();
        match &self.running {
            Some(running) if runs => {
                running.wake.notify_one();
                true
            }
            _ => false,
        }
    }

    /// Tells it to end at once. What it was told of a message before that is on record.
    pub fn stop(&self) {
        if let Some(running) = &self.running {
            running.stops.stop.cancel();
        }
    }

    /// Ends it, and waits until it has.
    pub async fn end(&mut self) {
        self.stop();
        if let Some(running) = self.running.take() {
            // A panic in it was logged by the runtime.
            let _ = running.task.await;
        }
    }

    fn worker(
        &self,
        plant: &Plant,
        manner: &Manner,
        sender: Arc<dyn Sender>,
        stops: Stops,
        wake: Arc<Notify>,
    ) -> SinkWorker<Follower, LedgerStateStore> {
        let (sink, source) = (&self.config, plant.source(self.ledger));
        let content = sink.needs_content(self.ledger);
        let consumer = Consumer::of(source.reader(), content, LIMIT, self.shown.monitor.clone(), stops.stop.clone());
        let state_store = LedgerStateStore {
            sink: self.sink().to_owned(),
            ledger: self.ledger,
            shard: source.shard(),
            exported_reader: source.reader(),
            content,
            operations: plant.operations.reader(),
            appender: plant.operations.appender(),
            outbox: None,
        };
        SinkWorker {
            selection: sink.selection(plant.key, &self.origin),
            recorder: consumer.recorder(state_store),
            consumer,
            sender,
            ahead: Ahead::default(),
            pause: stops.pause,
            timing: manner.timing,
            metrics: self.shown.metrics.clone(),
            status: Arc::clone(&self.shown.status),
            teller: Mutex::default(),
            suppressor: manner.suppressor.clone(),
            token_bucket: TokenBucket::new(sink.limits().burst, sink.limits().interval),
            wake,
            replay_due: true,
            receipt_due: tokio::time::Instant::now(),
            config: sink.clone(),
        }
    }
}
