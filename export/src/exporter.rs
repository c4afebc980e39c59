//! All sinks together: one task for each worker, so that a receiver that is down holds up nobody else; and whoever orders something of them.

pub mod control;
mod idle;
mod lane;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use ledger::consumer::Monitor;
use ledger::{AppendError, Entry, Group, Ledger, LedgerError, LedgerName};
use operations::fold::{Projection, SinkOrders};
use operations::kind::Envelope;
use operations::kind::export::{RETRY, Retry};
use operations::kind::sink_order::{PAUSE, Pause, RESUME, Resume};
use operations::limits::REASON_BYTES_MAX;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ConfigError};
use crate::delivery::suppressor::{SuppressNothing, Suppressor};
use crate::metrics::Metrics;
use crate::status::SinkStatus;
use crate::worker::Timing;
use control::{ControlError, Controls, Order, SinkOrder};
use lane::Lane;

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

/// What every sink is made from, whatever the configuration.
pub struct Plant {
    events: Ledger,
    operations: Ledger,
    /// The installation's key, for hashed columns.
    key: [u8; 32],
    metrics: Metrics,
}

impl Plant {
    fn source(&self, ledger: LedgerName) -> &Ledger {
        match ledger {
            LedgerName::Events => &self.events,
            LedgerName::Operations => &self.operations,
        }
    }

    /// The sinks of a configuration, prepared.
    fn lanes(&self, config: &Config) -> Result<Vec<Lane>, ExportError> {
        config.check()?;
        let (routes, grouping) = (Arc::new(config.routes.clone()), Arc::new(config.grouping.clone()));
        let mut lanes = Vec::new();
        for sink in &config.sinks {
            let sink = sink.clone().routed(&routes).grouped(&grouping);
            for ledger in sink.spec.class.ledgers() {
                lanes.push(Lane::new(self, sink.clone(), *ledger)?);
            }
        }
        Ok(lanes)
    }
}

/// How workers go about it.
#[derive(Clone)]
pub struct Manner {
    timing: Timing,
    suppressor: Arc<dyn Suppressor>,
}

/// What is shown of all sinks. Clones share it.
#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Vec<(Arc<Mutex<SinkStatus>>, Monitor)>>>);

impl Shown {
    fn show(&self, lanes: &[Lane]) {
        let shown = lanes.iter().map(|lane| (lane.shown().status.clone(), lane.shown().monitor.clone())).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = shown;
    }

    fn monitors(&self) -> Vec<Monitor> {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.iter().map(|(_, monitor)| monitor.clone()).collect()
    }
}

/// The status of every worker. Clones share it.
#[derive(Clone, Default)]
pub struct Status(Shown);

impl Status {
    /// Where every sink stands now.
    pub fn get(&self) -> Vec<SinkStatus> {
        let shown = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.iter().map(|(status, _)| status.lock().unwrap_or_else(PoisonError::into_inner).clone()).collect()
    }
}

/// Runs every sink.
pub struct Exporter {
    plant: Arc<Plant>,
    manner: Manner,
    lanes: Vec<Lane>,
    shown: Shown,
    controls: Controls,
    orders: mpsc::Receiver<Order>,
}

impl Exporter {
    /// Prepares the sinks of a configuration. `key` is the installation's key, for hashed columns. Nothing is read or sent
    /// before [`Exporter::run`].
    pub fn new(config: &Config, events: &Ledger, operations: &Ledger, key: [u8; 32]) -> Result<Self, ExportError> {
        let (events, operations, metrics) = (events.clone(), operations.clone(), Metrics::default());
        let plant = Arc::new(Plant { events, operations, key, metrics });
        let (lanes, shown) = (plant.lanes(config)?, Shown::default());
        shown.show(&lanes);
        let (controls, orders) = Controls::new(&plant, &shown);
        let manner = Manner { timing: Timing::default(), suppressor: Arc::new(SuppressNothing) };
        Ok(Self { plant, manner, lanes, shown, controls, orders })
    }

    /// Who is asked, before anybody is told of an alert, whether something hides it. Without it nothing is hidden.
    pub fn set_suppressor(&mut self, suppressor: &Arc<dyn Suppressor>) {
        self.manner.suppressor = suppressor.clone();
    }

    /// Shortens the waits, for tests with a real network: receivers that fail on purpose, again and again, are else waited for
    /// longer each time.
    pub fn set_timing(&mut self, timing: Timing) {
        self.manner.timing = timing;
    }

    /// The way to order something of sinks, which stays usable while they run.
    pub fn controls(&self) -> Controls {
        self.controls.clone()
    }

    /// The metrics, which stay readable while the sinks run.
    pub fn metrics(&self) -> Metrics {
        self.plant.metrics.clone()
    }

    /// The status, which stays readable while the sinks run.
    pub fn status(&self) -> Status {
        Status(self.shown.clone())
    }

    /// Exports until `stop` is cancelled. What was acknowledged by then is on record when this returns, so another exporter may
    /// follow at once. A worker that fails ends alone, says so in its status and in the log.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut ordered = match self.recall().await {
            Ok(ordered) => Some(ordered),
            Err(error) => {
                // Nobody knows which of them are paused, and a message too many cannot be taken back.
                self.lanes.iter_mut().for_each(|lane| lane.fail(&error));
                None
            }
        };
        self.start(ordered.as_ref().map(Projection::get));
        loop {
            // Without workers the sinks are paused or absent; it waits for `stop` as any other stage.
            let order = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                order = self.orders.recv() => order,
            };
            match (order, &mut ordered) {
                (Some(Order::Replace { prepared, done }), ordered) => {
                    self.replace(prepared.lanes, ordered.as_ref().map(Projection::get)).await;
                    // Who does not wait any more need not know.
                    let _ = done.send(());
                }
                (Some(Order::Sink { sink, actor, order, done }), Some(ordered)) => {
                    let obeyed = self.obey(&sink, &actor, order, ordered).await;
                    let _ = done.send(obeyed);
                }
                // Dropping `done` says that nobody obeys.
                (Some(Order::Sink { .. }) | None, _) => {}
            }
        }
        self.lanes.iter().for_each(Lane::stop);
        for lane in &mut self.lanes {
            lane.end().await;
        }
    }

    /// What was ordered by now, which may be long ago.
    async fn recall(&self) -> Result<Projection<SinkOrders>, LedgerError> {
        let reader = self.plant.operations.reader();
        let read = tokio::task::spawn_blocking(move || SinkOrders::read(reader)).await;
        // A panic in it was logged by the runtime.
        read.unwrap_or_else(|_| SinkOrders::read(self.plant.operations.reader()))
    }

    /// Starts those that do not run.
    fn start(&mut self, ordered: Option<&SinkOrders>) {
        let Some(ordered) = ordered else { return };
        for lane in self.lanes.iter_mut().filter(|lane| !lane.has_started()) {
            let paused = ordered.paused(lane.sink()).cloned();
            lane.start(&self.plant, &self.manner, paused.as_ref());
        }
    }

    /// Puts sinks in the place of others. Those that are the same run on.
    async fn replace(&mut self, new: Vec<Lane>, ordered: Option<&SinkOrders>) {
        let mut old = std::mem::take(&mut self.lanes);
        for lane in new {
            let same = old.iter().position(|running| running.is_same(&lane));
            self.lanes.push(same.map_or(lane, |at| old.swap_remove(at)));
        }
        old.iter().for_each(Lane::stop);
        for lane in &mut old {
            lane.end().await;
        }
        let kept: BTreeSet<_> = self.lanes.iter().map(|lane| (lane.sink(), lane.ledger())).collect();
        for gone in old.iter().filter(|gone| !kept.contains(&(gone.sink(), gone.ledger()))) {
            self.plant.metrics.forget(gone.sink(), gone.ledger());
        }
        self.shown.show(&self.lanes);
        self.start(ordered);
    }

    async fn obey(
        &mut self,
        sink: &str,
        actor: &str,
        order: SinkOrder,
        ordered: &mut Projection<SinkOrders>,
    ) -> Result<(), ControlError> {
        let mut of_sink = self.lanes.iter().filter(|lane| lane.sink() == sink);
        let Some(first) = of_sink.next() else { return Err(ControlError::NoSink(sink.to_owned())) };
        let by_configuration = first.is_paused_by_configuration();
        let is_paused = ordered.get().paused(sink).is_some();
        let envelope = Envelope { subject: sink, actor, ..Envelope::default() };
        match order {
            SinkOrder::Retry => {
                if is_paused || by_configuration {
                    return Err(ControlError::Paused(sink.to_owned()));
                }
                self.record(RETRY.entry(&envelope, &Retry {})?).await?;
                self.of(sink).for_each(|lane| _ = lane.wake());
            }
            SinkOrder::Pause { reason } => {
                if reason.as_ref().is_some_and(|reason| reason.len() > REASON_BYTES_MAX) {
                    return Err(ControlError::LongReason);
                }
                if is_paused {
                    return Ok(());
                }
                if !ordered.get().has_room() {
                    return Err(ControlError::TooMany);
                }
                self.record(PAUSE.entry(&envelope, &Pause { reason })?).await?;
                ordered.catch_up()?;
                if let Some(paused) = ordered.get().paused(sink) {
                    tracing::info!(sink, actor, "the sink is to stand still");
                    self.of(sink).for_each(|lane| lane.pause(paused));
                }
            }
            SinkOrder::Resume => {
                if is_paused {
                    self.record(RESUME.entry(&envelope, &Resume {})?).await?;
                    ordered.catch_up()?;
                    tracing::info!(sink, actor, "the sink goes on");
                    let Self { lanes, plant, manner, .. } = self;
                    for lane in lanes.iter_mut().filter(|lane| lane.sink() == sink) {
                        lane.resume(plant, manner).await;
                    }
                }
                if by_configuration {
                    return Err(ControlError::PausedByConfiguration(sink.to_owned()));
                }
            }
        }
        Ok(())
    }

    fn of(&self, sink: &str) -> impl Iterator<Item = &Lane> {
        self.lanes.iter().filter(move |lane| lane.sink() == sink)
    }

    async fn record(&self, entry: Entry) -> Result<(), AppendError> {
        let mut group = Group::new(&ledger::operations::TABLE);
        group.push(&entry)?;
        self.plant.operations.appender().append(group).await.map(|_| ())
    }
}

#[cfg(test)]
mod delivery;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod tests;
