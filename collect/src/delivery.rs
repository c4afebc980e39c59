//! Delivery: each collector's records in order to the server, each recorded once. Collectors do not wait for each other.

mod lane;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::client::Client;
use crate::config::Server;
use crate::durable::DurableError;
use crate::metrics::Metrics;
use crate::spool::Spool;
use crate::trust::{Guard, Standing};
use lane::Lane;

/// What all lanes share.
pub(crate) struct Around {
    pub spool: Spool,
    pub client: Arc<Client>,
    pub guard: Guard,
    pub metrics: Metrics,
    /// Counts what changes about lanes.
    pub changes: watch::Sender<u64>,
}

/// Delivers what is in a spool.
pub struct Delivery {
    around: Arc<Around>,
    lanes: Vec<Lane>,
    watch: Watch,
}

/// How one collector's delivery stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneStatus {
    /// The collector.
    pub collector: String,
    /// Why nothing is delivered now, and whether a person is needed; `None` if all is well.
    pub trouble: Option<(bool, String)>,
    /// The number of the record that is delivered next.
    pub next: u64,
    /// The number after the last record in the spool.
    pub end: u64,
}

/// Tells how delivery stands. Clones tell the same.
#[derive(Clone)]
pub struct Watch {
    server: watch::Receiver<Standing>,
    changed: watch::Receiver<u64>,
    lanes: Arc<Vec<Arc<Mutex<LaneStatus>>>>,
    spool: Spool,
}

impl Delivery {
    /// Of the spool's records, and of those of these collectors, each with its dialect, to this server.
    pub fn new(
        server: &Server,
        client: Client,
        spool: Spool,
        dialects: &BTreeMap<String, String>,
        metrics: Metrics,
    ) -> Result<Self, DurableError> {
        let client = Arc::new(client);
        let guard = Guard::new(Arc::clone(&client), spool.directory(), server.key.clone(), metrics.clone());
        let names: BTreeSet<String> = spool.collectors().into_iter().chain(dialects.keys().cloned()).collect();
        let seen = guard.watch();
        let (changes, changed) = watch::channel(0);
        let around = Arc::new(Around { spool: spool.clone(), client, guard, metrics, changes });
        let lane = |name: String| Lane::open(&around, name.clone(), dialects.get(&name).cloned());
        let lanes: Vec<Lane> = names.into_iter().map(lane).collect::<Result<_, _>>()?;
        let statuses = lanes.iter().map(Lane::status).collect();
        let watch = Watch { server: seen, changed, lanes: Arc::new(statuses), spool };
        Ok(Self { around, lanes, watch })
    }

    /// Tells how it stands, as long as anybody wants to know.
    pub fn watch(&self) -> Watch {
        self.watch.clone()
    }

    /// Delivers until `stop`. What was not delivered stays in the spool.
    pub async fn run(self, stop: CancellationToken) {
        let tasks = TaskTracker::new();
        let (around, ended) = (Arc::clone(&self.around), stop.clone());
        tasks.spawn(async move { around.guard.run(ended).await });
        for lane in self.lanes {
            tasks.spawn(lane.run(stop.clone()));
        }
        tasks.close();
        tasks.wait().await;
    }
}

impl Watch {
    /// How the server stands.
    pub fn server(&self) -> Standing {
        self.server.borrow().clone()
    }

    /// Waits until something about a collector's delivery is another than when this was asked last. Says whether it can change at all.
    pub async fn changed(&mut self) -> bool {
        self.changed.changed().await.is_ok()
    }

    /// How each collector's delivery stands.
    pub fn lanes(&self) -> Vec<LaneStatus> {
        let status = |lane: &Arc<Mutex<LaneStatus>>| {
            let mut status = lane.lock().unwrap_or_else(PoisonError::into_inner).clone();
            (status.next, status.end) = self.spool.numbers(&status.collector);
            status
        };
        self.lanes.iter().map(status).collect()
    }
}
