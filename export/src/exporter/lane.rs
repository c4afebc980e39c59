//! One sink in one ledger, or one backfill of it: what is shown of it always, and its worker while it runs.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ledger::consumer::Monitor;
use ledger::{Consumer, Follower, LedgerName, Seq};
use operations::fold::{OpenBackfill, Paused};
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use super::idle::IdleWorker;
use super::{ExportError, Manner, Plant};
use crate::backfill;
use crate::config::SinkConfig;
use crate::selection::Selection;
use crate::sender::Sender;
use crate::status::{SinkStatus, now};
use crate::worker::ahead::Ahead;
use crate::worker::state_store::{LIMIT, LedgerStateStore};
use crate::worker::token_bucket::TokenBucket;
use crate::worker::{Backfill, SinkWorker, Stops};

/// One sink in one ledger, or one backfill of it.
pub struct Lane {
    /// The sink,
    sink: SinkConfig,
    /// and the same under the name that it has here.
    config: SinkConfig,
    backfill: Option<OpenBackfill>,
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
    /// Prepares what carries what is new. Nothing is read or sent.
    pub fn new(plant: &Plant, sink: SinkConfig, ledger: LedgerName) -> Result<Self, ExportError> {
        let (config, status) = (sink.clone(), SinkStatus::new(&sink, ledger));
        Self::prepared(plant, sink, config, ledger, status, None)
    }

    /// Prepares a backfill of a sink.
    pub fn of_backfill(plant: &Plant, sink: SinkConfig, open: &OpenBackfill) -> Result<Self, ExportError> {
        let config = backfill::configuration(&sink, open.record.number);
        let (status, ledger) = (SinkStatus::of_backfill(&sink, open), open.from.ledger);
        Self::prepared(plant, sink, config, ledger, status, Some(open.clone()))
    }

    fn prepared(
        plant: &Plant,
        sink: SinkConfig,
        config: SinkConfig,
        ledger: LedgerName,
        status: SinkStatus,
        backfill: Option<OpenBackfill>,
    ) -> Result<Self, ExportError> {
        let (name, source) = (&config.common.name, plant.source(ledger));
        let shown = IdleWorker {
            reader: source.reader(),
            monitor: Monitor::new(format!("sink/{name}/{ledger}")),
            shard: source.shard(),
            since: backfill.as_ref().map_or(Seq::FIRST, |open| open.ordered),
            status: Arc::new(Mutex::new(status)),
            metrics: plant.metrics.of(name, ledger),
        };
        let origin = source.reader().origin()?;
        let failed = |message| ExportError::Connection { sink: name.clone(), message };
        let sender = (!config.common.paused)
            .then(|| config.sink.sender(&config.reach(&origin)).map(Arc::from).map_err(failed))
            .transpose()?;
        Ok(Self { sink, config, backfill, ledger, origin, sender, shown, running: None })
    }

    /// The sink's name.
    pub fn sink(&self) -> &str {
        &self.sink.common.name
    }

    /// The sink.
    pub fn configuration(&self) -> &SinkConfig {
        &self.sink
    }

    /// The name that it has here: the sink's, or that of the backfill.
    pub fn name(&self) -> &str {
        &self.config.common.name
    }

    /// The backfill that it is.
    pub fn backfill(&self) -> Option<&OpenBackfill> {
        self.backfill.as_ref()
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
        let is_same = self.ledger == new.ledger && self.backfill == new.backfill && self.config.is_same(&new.config);
        is_same && self.status().stopped.is_none()
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
        let was_said_by = self.backfill.as_ref().and_then(|open| open.record.rendering.clone());
        if was_said_by.is_some_and(|rendering| self.selection(plant).rendering() != Some(rendering.as_str())) {
            return self.fail(&OTHER_SETTINGS);
        }
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
                let (stops, done) = (stops.clone(), manner.done.clone());
                tokio::spawn(async move {
                    match worker.run().await {
                        Err(error) => rest.run_stopped(&error, stops.stop).await,
                        Ok(()) if rest.is_done() => {
                            let name = rest.status().sink.clone();
                            // Whoever is not told any more tells the next start.
                            let _ = done.send(name);
                        }
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

    /// How its records are said.
    fn selection(&self, plant: &Plant) -> Selection {
        match &self.backfill {
            Some(open) => backfill::selection(&self.sink, &open.record, plant.key, &self.origin),
            None => self.sink.selection(plant.key, &self.origin),
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
        let selection = self.selection(plant);
        let reader = selection.reader(source.reader());
        let consumer = Consumer::of(reader.clone(), content, LIMIT, self.shown.monitor.clone(), stops.stop.clone());
        let state_store = LedgerStateStore {
            sink: self.name().to_owned(),
            since: self.shown.since,
            ledger: self.ledger,
            shard: source.shard(),
            exported_reader: reader,
            content,
            operations: plant.operations.reader(),
            appender: plant.operations.appender(),
            outbox: None,
        };
        SinkWorker {
            selection,
            recorder: consumer.recorder(state_store),
            consumer,
            sender,
            ahead: Ahead::default(),
            pause: stops.pause,
            backfill: self.backfill.as_ref().map(range_of),
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

/// Why a range is not sent again.
const OTHER_SETTINGS: &str = "what selects and says its records is set otherwise by now, so they cannot be sent again as they were; set it back, or \
                              cancel the backfill";

/// What a worker sends of a backfill.
fn range_of(OpenBackfill { from, to, record, .. }: &OpenBackfill) -> Backfill {
    let interval = Duration::from_secs(1) / record.records_per_second.max(1);
    Backfill {
        from: from.seq,
        to: to.seq,
        export_seq: record.export_seq,
        previous: record.previous.clone(),
        record_bucket: TokenBucket::new(1, interval),
    }
}
