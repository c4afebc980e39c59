//! A data directory that this process has open for writing: both ledgers under one lock, each with its threads.

mod trust;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;

use crate::appender::Appender;
use crate::blobs::LocalBlobs;
use crate::checkpoint::{self, CheckpointCell};
use crate::clock::{SystemClock, TimeSource};
use crate::column::Table;
use crate::disk::{Disk, LocalDisk};
use crate::error::LedgerError;
use crate::identity::{self, Identity, shard_directory};
use crate::limits;
use crate::lock::{LastWriter, Lock};
use crate::position::LedgerName;
use crate::queue::Queue;
use crate::reader::Reader;
use crate::recover::recover;
use crate::replay::{Depth, Replay};
use crate::sealer::Sealer;
use crate::segments::Segments;
use crate::seq::Seq;
use crate::tail::Tail;
use crate::timestamp::Timestamp;
use crate::view::View;
use crate::writer::{ShardContext, Start, Writer};
use trust::Trust;

/// How a store is opened. The defaults are the bounds of `limits`.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes that intake leaves free on the disk; the `operations` ledger goes on down to a quarter of them.
    pub reserve_bytes: u64,
    /// A WAL file is sealed when it holds this many events,
    pub segment_entries_max: u64,
    /// or this many bytes,
    pub segment_wal_bytes_max: u64,
    /// or when its first event is this old.
    pub segment_age_max: Duration,
    /// An idle ledger closes an empty batch this often.
    pub heartbeat: Duration,
    /// What the system refused is tried again after this time.
    pub retry_interval: Duration,
    /// The disk that is written to; tests put one that fails here.
    pub disk: Arc<dyn Disk>,
    /// The time of recording; who writes a history of another time puts its own here.
    pub clock: Arc<dyn TimeSource>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            reserve_bytes: limits::RESERVE_BYTES,
            segment_entries_max: limits::SEGMENT_ENTRIES_MAX,
            segment_wal_bytes_max: limits::SEGMENT_WAL_BYTES_MAX,
            segment_age_max: limits::SEGMENT_AGE_MAX,
            heartbeat: limits::HEARTBEAT,
            retry_interval: limits::DISK_RETRY_INTERVAL,
            disk: Arc::new(LocalDisk),
            clock: Arc::new(SystemClock),
        }
    }
}

impl Options {
    /// The bytes that a ledger leaves free.
    pub(crate) fn reserve(&self, ledger: LedgerName) -> u64 {
        match ledger {
            LedgerName::Events => self.reserve_bytes,
            LedgerName::Operations => self.reserve_bytes / 4,
        }
    }
}

/// What is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Durable {
    /// The position after the last durable row.
    pub next_seq: Seq,
    /// Everything recorded before this moment is durable; heartbeats move it.
    pub recorded_until: Timestamp,
    /// Number of closed batches: the size of the newest checkpoint.
    pub batches: u64,
}

/// A data directory that this process has open for writing.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    identity: Identity,
    fingerprint_key: [u8; 32],
    events: Ledger,
    operations: Ledger,
    threads: Vec<JoinHandle<()>>,
    lock: Lock,
}

/// One ledger of an open store; clones share it.
#[derive(Debug, Clone)]
pub struct Ledger {
    directory: PathBuf,
    queue: Arc<Queue>,
    view: Arc<View>,
}

/// Numbers about a ledger for metrics and health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerStatus {
    /// What is durable.
    pub durable: Durable,
    /// Bytes that wait for the writer.
    pub queued_bytes: usize,
    /// Full WAL files that wait for the sealer.
    pub unsealed_files: usize,
    /// Sealed segments.
    pub segments: usize,
    /// Position after the last sealed entry.
    pub sealed_seq: Seq,
    /// Whether intake is refused because the disk is full.
    pub no_space: bool,
    /// Why the writer stopped after a failed write, if it did.
    pub poisoned: Option<String>,
    /// Why full WAL files are no longer sealed, if they are not: intake will be refused.
    pub seal_failure: Option<String>,
}

impl Store {
    /// Makes a new data directory with keys and empty ledgers; `log` is the log's name for ever, such as
    /// `acme.example/agents`.
    pub fn init(directory: &Path, log: &str) -> Result<Identity, LedgerError> {
        identity::init(directory, log)
    }

    /// Takes the lock, recovers both ledgers and starts their threads. Corruption stops it and names the place.
    #[expect(clippy::needless_pass_by_value, reason = "a store keeps its options, and callers have no use for them")]
    pub fn open(directory: &Path, options: Options) -> Result<Self, LedgerError> {
        let identity = Identity::read(directory)?;
        let directory = &identity::resolve(directory)?;
        // Taking the lock overwrites what the last process left there.
        let may_be_torn = LastWriter::of(directory).may_be_torn();
        let lock = Lock::take(directory)?;
        let cells = [Arc::new(CheckpointCell::default()), Arc::new(CheckpointCell::default())];
        let signer = Arc::new(identity::signer(directory, &identity)?);
        let context = |ledger: LedgerName, own: usize| ShardContext {
            table: Table::of(ledger),
            shard: 0,
            origin: identity.origin(ledger, 0),
            directory: shard_directory(directory, ledger, 0),
            disk: Arc::clone(&options.disk),
            signer: Arc::clone(&signer),
            own_checkpoint: Arc::clone(&cells[own]),
            peer_checkpoint: Arc::clone(&cells[1 - own]),
            options: options.clone(),
            may_be_torn,
        };
        let events = Opening::recover(context(LedgerName::Events, 0))?;
        let operations = Opening::recover(context(LedgerName::Operations, 1))?;
        let trust = Trust::of(&events, &operations)?;
        let mut threads = Vec::new();
        let (operations, seals) = operations.start(None, &mut threads)?;
        if let Err(error) = trust.settle(&operations, &seals, &cells[1]) {
            operations.queue.stop();
            join(threads);
            return Err(error);
        }
        let (events, _) = events.start(Some(seals), &mut threads)?;
        let fingerprint_key = identity::fingerprint_key(directory)?;
        Ok(Self { directory: directory.to_owned(), identity, fingerprint_key, events, operations, threads, lock })
    }

    /// One of the ledgers.
    pub fn ledger(&self, name: LedgerName) -> &Ledger {
        match name {
            LedgerName::Events => &self.events,
            LedgerName::Operations => &self.operations,
        }
    }

    /// The `events` ledger.
    pub fn events(&self) -> &Ledger {
        &self.events
    }

    /// The `operations` ledger.
    pub fn operations(&self) -> &Ledger {
        &self.operations
    }

    /// The data directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What the directory is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The key of the installation's fingerprints. It never leaves the host.
    pub fn fingerprint_key(&self) -> [u8; 32] {
        self.fingerprint_key
    }

    /// Stops: what was queued is committed, the open batches are closed and the last checkpoints signed. `events` stops
    /// first, so that what its end does to `operations` is still recorded.
    pub fn stop(mut self) {
        self.stop_threads();
    }

    fn stop_threads(&mut self) {
        // Threads stand in the order: operations' writer and sealer, events' writer and sealer.
        self.events.queue.stop();
        let events = self.threads.split_off(self.threads.len() / 2);
        join(events);
        self.operations.queue.stop();
        join(std::mem::take(&mut self.threads));
        let whole = [&self.events, &self.operations].into_iter().all(|ledger| {
            // A checkpoint that a loss of power takes back again would contradict what the lock file is to say.
            ledger.queue.finished() && checkpoint::sync(&ledger.directory).is_ok()
        });
        if whole {
            self.lock.stopped();
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if !self.threads.is_empty() {
            self.stop_threads();
        }
    }
}

fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        if thread.join().is_err() {
            tracing::error!("a ledger thread panicked");
        }
    }
}

impl Ledger {
    /// Its name.
    pub fn name(&self) -> LedgerName {
        self.view.table.ledger
    }

    /// Its shard.
    pub fn shard(&self) -> u32 {
        self.view.shard
    }

    /// A handle to append with.
    pub fn appender(&self) -> Appender {
        Appender::new(Arc::clone(&self.queue))
    }

    /// A reader that sees every durable row at once.
    pub fn reader(&self) -> Reader {
        Reader::of_view(self.directory.clone(), Arc::clone(&self.view))
    }

    /// The newest source position for each input key (see [`crate::Group::input`]), for sources to resume from.
    pub fn inputs(&self) -> BTreeMap<Vec<u8>, Vec<u8>> {
        self.view.lock().positions.clone()
    }

    /// The newest durable position of one source.
    pub fn input(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.view.lock().positions.get(key).cloned()
    }

    /// Numbers for metrics and health.
    pub fn status(&self) -> LedgerStatus {
        // The lock is taken and released here: the fields below take it again.
        let sealed = Arc::clone(&self.view.lock().segments);
        LedgerStatus {
            segments: sealed.list().len(),
            sealed_seq: Seq::new(sealed.end_seq()),
            durable: self.view.durable(),
            queued_bytes: self.queue.bytes(),
            unsealed_files: self.queue.unsealed(),
            no_space: self.view.no_space() || self.queue.needs_space(),
            poisoned: self.queue.poisoned(),
            seal_failure: self.view.seal_failure(),
        }
    }
}

/// A ledger that is recovered and not yet started.
struct Opening {
    context: Arc<ShardContext>,
    segments: Segments,
    sealed: crate::segments::Start,
    replay: Replay,
    tail: Tail,
    recovered: crate::recover::Recovered,
}

impl Opening {
    fn recover(context: ShardContext) -> Result<Self, LedgerError> {
        if let Err(error) = LocalBlobs::new(&context.directory).delete_unfinished() {
            tracing::warn!(ledger = %context.table.ledger, %error, "what an interrupted write left behind cannot be deleted");
        }
        let (segments, sealed) =
            Segments::open(&context.directory, context.table.ledger, context.shard, &context.origin)?;
        let mut replay =
            Replay::new(Depth::Proofs, context.table, context.shard, sealed.chain.clone(), sealed.positions.clone())
                .keep_closed();
        let mut tail = Tail::new();
        let recovered = recover(&context, sealed.first_wal, &mut replay, &mut tail)?;
        let unsealed = replay.next_seq.saturating_sub(segments.end_seq());
        tracing::info!(ledger = %context.table.ledger, entries = replay.next_seq, unsealed, "recovered");
        Ok(Self { context: Arc::new(context), segments, sealed, replay, tail, recovered })
    }

    /// Starts the threads. `seals` is where the manifest of each seal is recorded: the `operations` ledger's appender.
    fn start(
        self,
        seals: Option<Appender>,
        threads: &mut Vec<JoinHandle<()>>,
    ) -> Result<(Ledger, Appender), LedgerError> {
        let Self { context, segments, sealed, replay, tail, recovered } = self;
        let recorded_until = Timestamp::from_unix_micros(replay.recorded);
        let durable = Durable { next_seq: Seq::new(replay.next_seq), recorded_until, batches: replay.chain.next_batch };
        let view = View::new(context.table, context.shard, Arc::new(segments), tail, replay.positions.clone(), durable);
        let (view, queue) = (Arc::new(view), Arc::new(Queue::new()));
        let appender = Appender::new(Arc::clone(&queue));
        let seals = seals.unwrap_or_else(|| appender.clone());
        // How many may wait is bounded by the queue, which counts them; the writer must never wait for a sealer, because a
        // sealer waits for the writer.
        let (sender, files) = channel();
        for file in recovered.unsealed {
            queue.add_unsealed();
            // The receiver is below.
            let _ = sender.send(file);
        }
        let start = Start {
            wal: recovered.wal,
            chain: replay.chain,
            batch: replay.batch,
            closed: recovered.closed,
            recorded: replay.recorded,
            epoch: replay.epoch.max(sealed.epoch) + 1,
        };
        let sealer = Sealer::new(Arc::clone(&context), Arc::clone(&view), Arc::clone(&queue), seals, sealed);
        let writer = Writer::new(Arc::clone(&context), Arc::clone(&queue), Arc::clone(&view), sender, start)?;
        threads.push(spawn(&context, "writer", move || writer.run())?);
        threads.push(spawn(&context, "sealer", move || sealer.run(files))?);
        let directory = context.directory.clone();
        Ok((Ledger { directory, queue, view }, appender))
    }
}

fn spawn(
    context: &ShardContext,
    what: &str,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, LedgerError> {
    let name = format!("{}-{what}", context.table.ledger);
    std::thread::Builder::new().name(name).spawn(work).map_err(LedgerError::io("start", &context.directory))
}

#[cfg(test)]
mod tests;
