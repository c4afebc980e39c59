//! Keeps the fold up to date while a server runs, and writes its state down now and then.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use ledger::consumer::{Batch, Halt, Monitor, Process};
use ledger::{AppendError, Consumer, LedgerError, Reader, SystemClock, TimeSource, Timestamp};
use tokio_util::sync::CancellationToken;

use super::fold::Fleet;
use super::service::{FleetService, LIMIT};
use super::snapshot::{SnapshotFile, encode};
use crate::limits::{FLEET_LINGER, FLEET_SNAPSHOT_EVENTS, FLEET_SNAPSHOT_EVERY};

/// Why the fleet is no longer followed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FleetError {
    /// Events could not be read.
    #[error("the fleet is not followed any more: {0}")]
    Ledger(#[from] LedgerError),
    /// The writer stopped.
    #[error("the fleet is not followed any more: {0}")]
    Append(#[from] AppendError),
    /// The directory of the snapshot is not usable.
    #[error("the fleet is not followed, because snapshots cannot be written to {}: {source}", directory.display())]
    Snapshots {
        /// The directory.
        directory: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// Follows `events` for the fold.
pub struct FleetFollower {
    events: Reader,
    service: Arc<FleetService>,
    directory: PathBuf,
    monitor: Monitor,
}

impl FleetFollower {
    /// Feeds `service` with `events`, and keeps its state in `directory`, which is made if need be. Nothing is read before
    /// [`FleetFollower::run`].
    pub fn new(events: Reader, service: Arc<FleetService>, directory: PathBuf) -> Self {
        Self { events, service, directory, monitor: Monitor::new("fleet") }
    }

    /// How it stands, for health.
    pub fn monitor(&self) -> Monitor {
        self.monitor.clone()
    }

    /// Follows until `stop` is cancelled or something fails. It begins at the newest snapshot, or a day back.
    pub async fn run(self, stop: CancellationToken) -> Result<(), FleetError> {
        let Self { events, service, directory, monitor } = self;
        let file = SnapshotFile::open(&directory).map_err(|source| FleetError::Snapshots { directory, source })?;
        // Content is read because commands, files and prompts are content.
        let mut consumer = Consumer::of(events, true, LIMIT, monitor, stop).lingering(FLEET_LINGER);
        let durable = consumer.durable()?;
        let (fleet, next) = match file.read().filter(|(_, next)| *next <= durable.next_seq) {
            Some(read) => read,
            None => (Fleet::default(), service.first_seq(SystemClock.now())?),
        };
        consumer.seek(next);
        service.follow(fleet, next);
        let mut following = Following { service, file, events: 0, written: None };
        let ended = consumer.run(&mut following).await;
        following.service.unfollow();
        if following.events > 0 {
            following.write();
        }
        ended
    }
}

/// A follower that has begun.
struct Following {
    service: Arc<FleetService>,
    file: SnapshotFile,
    /// Rows since the last snapshot.
    events: u64,
    /// When that was written, in recorded time.
    written: Option<Timestamp>,
}

impl Process for Following {
    type Error = FleetError;

    async fn process(&mut self, Batch { rows, .. }: &Batch) -> Result<(), Halt<FleetError>> {
        self.service.apply(rows);
        self.events += rows.len() as u64;
        let written = *self.written.get_or_insert(rows.recorded_until);
        let is_due = self.events > 0 && rows.recorded_until.since(written) >= FLEET_SNAPSHOT_EVERY;
        if is_due || self.events >= FLEET_SNAPSHOT_EVENTS {
            self.write();
            self.written = Some(rows.recorded_until);
        }
        Ok(())
    }
}

impl Following {
    /// Writes the state down. Without it the next start takes longer, so a failure is only told.
    fn write(&mut self) {
        self.events = 0;
        let bytes = self.service.with_fold(encode);
        let written = bytes.map_err(io::Error::from).and_then(|bytes| self.file.write(&bytes));
        if let Err(error) = written {
            tracing::warn!(%error, "the state of the fleet cannot be written; the next start reads more of the ledger");
        }
    }
}
