//! The spool: what was read and is not yet recorded by the server, in files of its own, with the positions of the sources beside it.
//!
//! A parcel is durable, then its sender is answered, then it is delivered, then its segment is deleted. Each collector counts its records
//! from 0; the number is the offset under which the server records each once. What a crash cut off at the end was answered to nobody and
//! is cut; damage before it is named, and the rest stays readable.

mod frame;
mod open;
mod read;
mod state;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use futures::future::BoxFuture;
use ingest::pipeline::{Parcel, Positions, Spool as SpoolContract, Stored};
use ledger::AppendError;
use sha2::{Digest, Sha256};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use uuid::Uuid;

use crate::durable::DurableError;
use crate::limits;
pub use open::Damage;
pub use read::Bundle;
use state::State;
use writer::{Job, Writer};

/// What writes, until it is stopped: where jobs go, and its thread.
type Writing = Option<(mpsc::Sender<Job>, JoinHandle<()>)>;

/// The spool. Clones share it; [`Spool::stop`] ends it.
#[derive(Clone)]
pub struct Spool {
    shared: Arc<Shared>,
    writer: Arc<Mutex<Writing>>,
}

/// What the writer and the readers share.
struct Shared {
    directory: PathBuf,
    bytes_max: u64,
    identity: Identity,
    state: Mutex<State>,
    /// Counts commits.
    appended: watch::Sender<u64>,
    /// Told when there is more room.
    freed: Notify,
    /// Held while it is written how far everything is recorded.
    recording: Mutex<()>,
    damages: Vec<Damage>,
    /// Locked as long as the spool is open.
    _lock: File,
}

/// What makes a spool this one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    /// Named to the server as who counts the records.
    id: [u8; 16],
    /// For hashes of files, and for checksums that nobody can write into a record.
    key: [u8; 32],
}

impl Identity {
    /// What a segment's checksums are made under.
    fn seed(&self, number: u64) -> u64 {
        let head = self.key.first_chunk().copied().unwrap_or_default();
        u64::from_be_bytes(head) ^ number
    }
}

/// Room that was taken for a parcel, until it is dropped.
struct Reservation {
    shared: Arc<Shared>,
    bytes: u64,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shared.lock().reserved -= self.bytes;
        self.shared.freed.notify_waiters();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn segment_bytes(&self) -> u64 {
        (self.bytes_max / 8).min(limits::SEGMENT_BYTES_MAX)
    }

    fn segment(&self, number: u64) -> PathBuf {
        self.directory.join("segments").join(format!("{number:020}.spool"))
    }
}

impl Spool {
    /// Opens the spool in this directory, or makes one. It reads all of it.
    pub fn open(directory: &Path, bytes_max: u64) -> Result<Self, DurableError> {
        let (shared, last) = open::open(directory, bytes_max)?;
        let shared = Arc::new(shared);
        let (sender, jobs) = mpsc::channel(limits::PARCELS_MAX);
        let writer = Writer::new(Arc::clone(&shared), last);
        let thread = std::thread::Builder::new().name("spool".to_owned()).spawn(move || writer.run(jobs));
        let thread = thread.map_err(DurableError::io("write", directory))?;
        Ok(Self { shared, writer: Arc::new(Mutex::new(Some((sender, thread)))) })
    }

    /// Ends the writer; what was queued is durable then.
    pub fn stop(&self) {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((sender, thread)) = writer {
            drop(sender);
            // A panic in it was printed; there is nothing left to end.
            let _ = thread.join();
        }
    }

    /// Whether nobody else has it open in this process, for tests that open it again.
    #[cfg(test)]
    pub(crate) fn is_alone(&self) -> bool {
        Arc::strong_count(&self.shared) == 1
    }

    /// Where it lies.
    pub fn directory(&self) -> &Path {
        &self.shared.directory
    }

    /// The key for hashes of files.
    pub fn key(&self) -> [u8; 32] {
        self.shared.identity.key
    }

    /// What could not be read when it was opened.
    pub fn damages(&self) -> &[Damage] {
        &self.shared.damages
    }

    /// Under which name a collector's records are counted at the server.
    pub fn producer(&self, collector: &str) -> Uuid {
        let hash = Sha256::new().chain_update(self.shared.identity.id).chain_update(collector).finalize();
        let half: [u8; 16] = hash.first_chunk().copied().unwrap_or_default();
        uuid::Builder::from_custom_bytes(half).into_uuid()
    }

    /// Collectors that have ever had a record here.
    pub fn collectors(&self) -> Vec<String> {
        self.shared.lock().lanes.keys().cloned().collect()
    }

    /// Bytes of its segments, and the bound of them.
    pub fn size(&self) -> (u64, u64) {
        (self.shared.lock().bytes(), self.shared.bytes_max)
    }

    /// The number of the record that is delivered next, and the number after the last record that is durable.
    pub fn numbers(&self, collector: &str) -> (u64, u64) {
        self.shared.lock().lanes.get(collector).map_or((0, 0), |lane| (lane.acknowledged, lane.next))
    }

    /// The mark of the token under which the newest record was acknowledged.
    pub fn mark(&self, collector: &str) -> Option<String> {
        self.shared.lock().lanes.get(collector).and_then(|lane| lane.mark.clone())
    }

    /// Changes whenever more is durable.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.shared.appended.subscribe()
    }

    /// Why nothing more is taken, if a sync failed.
    pub fn poisoned(&self) -> Option<String> {
        self.shared.lock().poisoned.clone()
    }

    /// The server has recorded the records of a collector before this number, under a token with this mark. It is durable on return,
    /// and segments of which everything was recorded are deleted. It blocks.
    pub fn acknowledge(&self, collector: &str, to: u64, mark: &str) -> Result<(), DurableError> {
        let _recording = self.shared.recording.lock().unwrap_or_else(PoisonError::into_inner);
        let (stored, freed) = {
            let mut state = self.shared.lock();
            let lane = state.lanes.entry(collector.to_owned()).or_default();
            lane.acknowledged = lane.acknowledged.max(to.min(lane.next));
            lane.mark = Some(mark.to_owned());
            (state.acknowledgements(), state.take_delivered())
        };
        // A segment goes after it is durable that nobody needs it.
        open::write_acknowledged(&self.shared.directory, &stored)?;
        for number in &freed {
            let path = self.shared.segment(*number);
            std::fs::remove_file(&path).map_err(DurableError::io("delete", &path))?;
        }
        if !freed.is_empty() {
            self.shared.freed.notify_waiters();
        }
        Ok(())
    }

    /// What leads to the writer, until it is stopped.
    fn sender(&self) -> Option<mpsc::Sender<Job>> {
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.as_ref().map(|(sender, _)| sender.clone())
    }

    /// Takes room for so many bytes and new positions, waiting until there is some or nobody has patience any more.
    async fn reserve(&self, parcel: &Parcel, patience: &mut BoxFuture<'_, ()>) -> Result<Reservation, AppendError> {
        let positions: usize = parcel.positions.iter().map(|(key, value)| key.len() + value.len() + 8).sum();
        let bytes = parcel.frames.len() + positions + parcel.collector.len() + 64;
        if bytes > limits::FRAME_BYTES_MAX {
            return Err(AppendError::InvalidGroup("it is larger than a frame of the spool"));
        }
        let bytes = bytes as u64;
        loop {
            let freed = self.shared.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            {
                let mut state = self.shared.lock();
                if let Some(reason) = state.poisoned.clone() {
                    return Err(AppendError::Poisoned { reason });
                }
                state.check(parcel)?;
                if state.bytes() + state.reserved + bytes <= self.shared.bytes_max {
                    state.reserved += bytes;
                    return Ok(Reservation { shared: Arc::clone(&self.shared), bytes });
                }
            }
            tokio::select! {
                biased;
                () = freed => {}
                () = &mut *patience => return Err(AppendError::Full { retry_after: limits::RETRY_AFTER }),
            }
        }
    }
}

impl Positions for Spool {
    fn input(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.shared.lock().positions.get(key).cloned()
    }

    fn inputs(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        self.shared.lock().positions.clone()
    }
}

impl SpoolContract for Spool {
    fn queue<'a>(
        &'a self,
        parcel: Parcel,
        mut patience: BoxFuture<'a, ()>,
    ) -> BoxFuture<'a, Result<Stored, AppendError>> {
        Box::pin(async move {
            let reservation = self.reserve(&parcel, &mut patience).await?;
            let sender = self.sender().ok_or(AppendError::Stopped)?;
            let (answer, stored) = oneshot::channel();
            let job = Job { parcel, answer, _room: reservation };
            tokio::select! {
                biased;
                sent = sender.send(job) => sent.map_err(|_| AppendError::Stopped)?,
                () = &mut patience => return Err(AppendError::Full { retry_after: limits::RETRY_AFTER }),
            }
            Ok(stored)
        })
    }
}
