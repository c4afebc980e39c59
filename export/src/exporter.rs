//! All sinks together: one task for each worker, so that a receiver that is down holds up nobody else; and whoever orders something of them.

pub mod control;
mod idle;
mod lane;
mod obey;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use ledger::consumer::Monitor;
use ledger::{Ledger, LedgerError, LedgerName};
use operations::fold::{Projection, SinkOrders};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ConfigError};
use crate::delivery::suppressor::{SuppressNothing, Suppressor};
use crate::metrics::Metrics;
use crate::status::SinkStatus;
use crate::worker::Timing;
use control::{Controls, Order};
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
    /// Where a backfill says that it is done, by its name.
    done: mpsc::UnboundedSender<String>,
}

/// What is shown of all sinks. Clones share it.
#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Vec<ShownLane>>>);

/// The status of a lane, and what it reads with.
type ShownLane = (Arc<Mutex<SinkStatus>>, Option<Monitor>);

impl Shown {
    fn show(&self, lanes: &[Lane]) {
        // A backfill ends before its ledger does, so it would seem to fall behind.
        let monitor = |lane: &Lane| lane.backfill().is_none().then(|| lane.shown().monitor.clone());
        let shown = lanes.iter().map(|lane| (lane.shown().status.clone(), monitor(lane))).collect();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = shown;
    }

    fn monitors(&self) -> Vec<Monitor> {
        let shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shown.iter().filter_map(|(_, monitor)| monitor.clone()).collect()
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
    /// The names of backfills that are done.
    done: mpsc::UnboundedReceiver<String>,
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
        // There are no more messages in it than backfills.
        let (tells, done) = mpsc::unbounded_channel();
        let manner = Manner { timing: Timing::default(), suppressor: Arc::new(SuppressNothing), done: tells };
        Ok(Self { plant, manner, lanes, shown, controls, orders, done })
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
        self.replace(None, ordered.as_ref().map(Projection::get)).await;
        loop {
            // Without workers the sinks are paused or absent; it waits for `stop` as any other stage.
            let order = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(name) = self.done.recv() => {
                    self.finish(&name, ordered.as_mut()).await;
                    continue;
                }
                order = self.orders.recv() => order,
            };
            match (order, &mut ordered) {
                (Some(Order::Replace { prepared, done }), ordered) => {
                    self.replace(Some(prepared.lanes), ordered.as_ref().map(Projection::get)).await;
                    // Who does not wait any more need not know.
                    let _ = done.send(());
                }
                (Some(Order::Sink { sink, actor, order, done }), Some(ordered)) => {
                    let obeyed = self.obey(&sink, &actor, order, ordered).await;
                    let _ = done.send(obeyed);
                }
                (Some(Order::Backfill { sink, actor, ranged, done }), Some(ordered)) => {
                    let begun = self.begin(&sink, &actor, ranged, ordered).await;
                    let _ = done.send(begun);
                }
                (Some(Order::Configuration { sink, done }), _) => {
                    let _ = done.send(self.of(&sink).next().map(|lane| lane.configuration().clone()));
                }
                // Dropping `done` says that nobody obeys.
                (Some(Order::Sink { .. } | Order::Backfill { .. }) | None, _) => {}
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

    /// Puts sinks in the place of others, with the backfills of them that are not over. Those that are the same run on.
    async fn replace(&mut self, new: Option<Vec<Lane>>, ordered: Option<&SinkOrders>) {
        let mut old = std::mem::take(&mut self.lanes);
        let new = match new {
            Some(new) => new,
            None => std::mem::take(&mut old),
        };
        for lane in self.with_backfills(new, ordered) {
            let same = old.iter().position(|running| running.is_same(&lane));
            self.lanes.push(same.map_or(lane, |at| old.swap_remove(at)));
        }
        old.iter().for_each(Lane::stop);
        for lane in &mut old {
            lane.end().await;
        }
        let kept: BTreeSet<_> = self.lanes.iter().map(|lane| (lane.name(), lane.ledger())).collect();
        for gone in old.iter().filter(|gone| !kept.contains(&(gone.name(), gone.ledger()))) {
            self.plant.metrics.forget(gone.name(), gone.ledger());
        }
        self.shown.show(&self.lanes);
        self.start(ordered);
    }

    /// The sinks, each followed by its backfills that are not over.
    fn with_backfills(&self, lanes: Vec<Lane>, ordered: Option<&SinkOrders>) -> Vec<Lane> {
        let mut all = Vec::new();
        let mut lanes = lanes.into_iter().peekable();
        while let Some(lane) = lanes.next() {
            let sink = lane.configuration().clone();
            all.push(lane);
            if lanes.peek().is_some_and(|next| next.sink() == sink.common.name) {
                continue;
            }
            for open in ordered.into_iter().flat_map(|ordered| ordered.backfills(&sink.common.name)) {
                match Lane::of_backfill(&self.plant, sink.clone(), open) {
                    Ok(lane) => all.push(lane),
                    Err(error) => tracing::error!(%error, "a backfill cannot be prepared"),
                }
            }
        }
        all
    }
}

#[cfg(test)]
mod backfills;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod orders;
#[cfg(test)]
mod tests;
