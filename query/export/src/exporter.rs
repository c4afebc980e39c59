//! All sinks together: one task for each lane, so that a receiver that is down holds up nobody else.

use std::sync::{Arc, Mutex, PoisonError};

use ledger::{AppendError, Ledger, LedgerError, LedgerName};
use prometheus_client::registry::Registry;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ConfigError, SinkConfig};
use crate::fields::Renderer;
use crate::http::Http;
use crate::lane::book::{LedgerBook, LedgerFeed};
use crate::lane::{Lane, LaneError, Timing};
use crate::metrics::Metrics;
use crate::status::LaneStatus;

/// Why export cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A setting is not usable.
    #[error(transparent)]
    Config(#[from] ConfigError),
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
    lanes: Vec<Lane<LedgerFeed, LedgerBook, Http>>,
    status: Status,
    metrics: Metrics,
}

/// The status of every lane. Clones share it.
#[derive(Clone, Default)]
pub struct Status(Arc<Vec<Arc<Mutex<LaneStatus>>>>);

impl Status {
    /// Where every sink stands now.
    pub fn get(&self) -> Vec<LaneStatus> {
        self.0.iter().map(|lane| lane.lock().unwrap_or_else(PoisonError::into_inner).clone()).collect()
    }
}

impl Exporter {
    /// Prepares the sinks of a configuration. `key` is the installation's key, for hashed columns. Nothing is read or sent
    /// before [`Exporter::run`].
    pub fn new(config: &Config, events: &Ledger, operations: &Ledger, key: [u8; 32]) -> Result<Self, ExportError> {
        config.check()?;
        let metrics = Metrics::default();
        let (mut lanes, mut status) = (Vec::new(), Vec::new());
        for sink in &config.sinks {
            for ledger in sink.spec.ledgers {
                let name = &sink.common.name;
                let shared = Arc::new(Mutex::new(LaneStatus::new(name, sink.spec.kind, *ledger, sink.common.paused)));
                status.push(shared.clone());
                if !sink.common.paused {
                    let source = if *ledger == LedgerName::Events { events } else { operations };
                    lanes.push(lane(sink, source, operations, key, &metrics, shared)?);
                }
            }
        }
        Ok(Self { lanes, status: Status(Arc::new(status)), metrics })
    }

    /// Shortens the waits, for tests with a real network.
    #[cfg(test)]
    pub(crate) fn set_timing(&mut self, timing: Timing) {
        self.lanes.iter_mut().for_each(|lane| lane.timing = timing);
    }

    /// Names the metrics in a registry.
    pub fn register(&self, registry: &mut Registry) {
        self.metrics.register(registry);
    }

    /// The status, which stays readable while the sinks run.
    pub fn status(&self) -> Status {
        self.status.clone()
    }

    /// Exports until `stop` is cancelled. What was acknowledged by then is on record when this returns, so another exporter may
    /// follow at once. A lane that fails ends alone, says so in its status and in the log.
    pub async fn run(self, stop: CancellationToken) {
        let mut tasks = JoinSet::new();
        for mut lane in self.lanes {
            let status = lane.status.clone();
            lane.stop = stop.clone();
            tasks.spawn(async move {
                if let Err(error) = lane.run().await
                    && !is_stop(&error)
                {
                    let mut status = status.lock().unwrap_or_else(PoisonError::into_inner);
                    tracing::error!(sink = status.sink, ledger = status.ledger, %error, "export stopped");
                    status.stopped = Some(error.to_string());
                }
            });
        }
        while tasks.join_next().await.is_some() {}
        // Without lanes the sinks are paused or absent; the caller waits for `stop` as with any other stage.
        stop.cancelled().await;
    }
}

/// Whether the store was stopped before the lane: everything that was acknowledged is on record or will be sent again.
fn is_stop(error: &LaneError) -> bool {
    matches!(
        error,
        LaneError::Stopped
            | LaneError::Append(AppendError::Stopped)
            | LaneError::Ledger(LedgerError::Append(AppendError::Stopped))
    )
}

fn lane(
    sink: &SinkConfig,
    source: &Ledger,
    operations: &Ledger,
    key: [u8; 32],
    metrics: &Metrics,
    status: Arc<Mutex<LaneStatus>>,
) -> Result<Lane<LedgerFeed, LedgerBook, Http>, ExportError> {
    let name = sink.common.name.clone();
    let failed = |message| ExportError::Connection { sink: name.clone(), message };
    Ok(Lane {
        renderer: Renderer::new(sink.common.fields.clone(), key),
        feed: LedgerFeed::new(source.reader(), sink.needs_content(source.name())),
        book: LedgerBook {
            sink: name.clone(),
            ledger: source.name(),
            shard: source.shard(),
            exported_reader: source.reader(),
            operations: operations.reader(),
            appender: operations.appender(),
        },
        transport: Http::new(&sink.http()).map_err(failed)?,
        timing: Timing::default(),
        metrics: metrics.of(&name, source.name()),
        status,
        stop: CancellationToken::new(),
        config: sink.clone(),
    })
}

#[cfg(test)]
mod tests;
