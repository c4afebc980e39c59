//! The writer thread of one ledger: the only code that assigns positions and appends to the log.
//!
//! One turn: take what waits, encode it, write it, and while the disk syncs it compute the leaves and the columns of the
//! hot tail; then make it visible and resolve the receipts. A batch is closed by the commit after the one that filled
//! it, so that its tree is computed while its last events are synced.

mod commit;
mod rotate;
mod sync;

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use proof::note::Signer;

use crate::batch::{Chain, OpenBatch};
use crate::checkpoint::CheckpointCell;
use crate::clock::Clock;
use crate::column::Table;
use crate::disk::Disk;
use crate::error::LedgerError;
use crate::limits;
use crate::queue::{Queue, Queued, Work};
use crate::seal::SealBatch;
use crate::sealer::FullFile;
use crate::store::Options;
use crate::view::View;
use crate::wal::file::WalFile;
use sync::Syncer;

/// What the writer needs to know of its ledger and never changes.
#[derive(Debug)]
pub(crate) struct ShardContext {
    pub(crate) table: &'static Table,
    pub(crate) shard: u32,
    pub(crate) origin: String,
    pub(crate) directory: std::path::PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) signer: Arc<Signer>,
    pub(crate) own_checkpoint: Arc<CheckpointCell>,
    pub(crate) peer_checkpoint: Arc<CheckpointCell>,
    pub(crate) options: Options,
    /// Whether the directory may be a copy whose files stem from different moments.
    pub(crate) may_be_torn: bool,
}

/// Where the WAL stands: what recovery found and the writer goes on from.
#[derive(Debug)]
pub(crate) struct WalState {
    pub(crate) file: Arc<WalFile>,
    /// Offset behind the last whole commit.
    pub(crate) offset: u64,
    /// Number of the next commit.
    pub(crate) commit: u64,
    /// Position of the next event.
    pub(crate) next_seq: u64,
    /// Events in this file.
    pub(crate) entries: u64,
}

pub(crate) struct Writer {
    context: Arc<ShardContext>,
    queue: Arc<Queue>,
    view: Arc<View>,
    sealer: Sender<FullFile>,
    syncer: Syncer,
    clock: Clock,
    wal: WalState,
    chain: Chain,
    batch: Option<OpenBatch>,
    /// Batches of this file that are closed, as the sealer will need them.
    closed: Vec<SealBatch>,
    /// When the open batch took its first commit.
    batch_since: Instant,
    /// When the WAL file took its first event.
    file_since: Instant,
    /// When the last batch was closed.
    closed_at: Instant,
    /// How long after that a heartbeat comes.
    idle_max: Duration,
    /// Random number of this process, in every header that it closes.
    process: [u8; 16],
    epoch: u64,
    buffer: Vec<u8>,
    allocated: u64,
    space_checked: Option<Instant>,
    /// Bytes of a refused write may lie behind the last whole commit.
    torn: bool,
    refused: Refused,
}

/// What the disk refused and is to be tried again, and when.
#[derive(Debug, Default)]
struct Refused {
    /// A commit was not written.
    write: Option<Instant>,
    /// The next WAL file was not begun: the old one grows on.
    rotation: Option<Instant>,
    /// A checkpoint was not written: the one before stays the newest.
    checkpoint: Option<Instant>,
}

/// What recovery hands to the writer.
pub(crate) struct Start {
    pub(crate) wal: WalState,
    pub(crate) chain: Chain,
    pub(crate) batch: Option<OpenBatch>,
    pub(crate) closed: Vec<SealBatch>,
    pub(crate) recorded: i64,
    pub(crate) epoch: u64,
}

impl Writer {
    /// Makes the writer, closes the batch that the last process left open, and signs the newest checkpoint.
    pub(crate) fn new(
        context: Arc<ShardContext>,
        queue: Arc<Queue>,
        view: Arc<View>,
        sealer: Sender<FullFile>,
        start: Start,
    ) -> Result<Self, LedgerError> {
        let now = Instant::now();
        let mut writer = Self {
            syncer: Syncer::start(context.table.ledger)?,
            clock: Clock::new(Arc::clone(&context.options.clock), start.recorded),
            wal: start.wal,
            chain: start.chain,
            batch: start.batch,
            closed: start.closed,
            batch_since: now,
            file_since: now,
            closed_at: now,
            idle_max: limits::HEARTBEAT_FIRST,
            process: crate::identity::random()?,
            epoch: start.epoch,
            buffer: Vec::new(),
            allocated: 0,
            space_checked: None,
            // What a start cannot cut off lies there until the file is full.
            torn: true,
            refused: Refused::default(),
            context,
            queue,
            view,
            sealer,
        };
        writer.allocated = writer.wal.offset;
        if writer.batch.is_some() {
            writer.close_batch()?;
        }
        if writer.chain.next_batch > 0 {
            writer.sign();
        }
        Ok(writer)
    }

    /// Works until the queue is stopped or a sync fails.
    pub(crate) fn run(mut self) {
        loop {
            let outcome = match self.queue.take(self.deadline(), limits::COMMIT_BYTES_MAX, self.batch_room()) {
                Work::Groups(groups) => self.turn(groups),
                Work::Deadline => self.tick(),
                Work::Stop => {
                    if let Err(error) = self.close_open_batch() {
                        tracing::error!(ledger = %self.context.table.ledger, %error, "the last batch could not be closed");
                        return;
                    }
                    if self.refused.checkpoint.is_some() {
                        self.sign();
                    }
                    if self.batch.is_none() && self.signed_through() == self.chain.next_batch {
                        self.queue.finish();
                    }
                    return;
                }
            };
            if let Err(error) = outcome {
                let reason = error.to_string();
                tracing::error!(ledger = %self.context.table.ledger, %error, "the ledger's writer stops");
                self.queue.poison(&reason);
                self.view.poison(&reason);
                return;
            }
        }
    }

    /// Commits groups and does what is due behind them.
    fn turn(&mut self, groups: Vec<Queued>) -> Result<(), LedgerError> {
        self.commit_groups(groups)?;
        if self.close_is_due() && !self.queue.has_groups() || self.rotation_is_due() {
            self.close_open_batch()?;
        }
        self.finish_turn()
    }

    /// Does what time makes due.
    fn tick(&mut self) -> Result<(), LedgerError> {
        if self.close_is_due() || self.rotation_is_due() {
            self.close_open_batch()?;
        } else if self.batch.is_none() && self.closed_at.elapsed() >= self.idle_max.min(self.context.options.heartbeat)
        {
            self.heartbeat()?;
        }
        self.finish_turn()
    }

    fn finish_turn(&mut self) -> Result<(), LedgerError> {
        if self.rotation_is_due() && self.batch.is_none() {
            self.rotate()?;
        }
        if self.refused.checkpoint.is_some_and(|again| again <= Instant::now()) {
            self.sign();
        }
        Ok(())
    }

    fn deadline(&self) -> Instant {
        let idle = self.closed_at + self.idle_max.min(self.context.options.heartbeat);
        let rotation = (self.wal.entries > 0).then(|| self.file_since + self.context.options.segment_age_max);
        let rotation = self.refused.rotation.or(rotation);
        let due = match &self.batch {
            Some(_) => self.batch_since + limits::BATCH_AGE_MAX,
            None => rotation.map_or(idle, |rotation| rotation.min(idle)),
        };
        // A disk that refuses is not asked all the time.
        let due = self.refused.write.map_or(due, |again| due.max(again));
        self.refused.checkpoint.map_or(due, |again| due.min(again))
    }

    fn batch_room(&self) -> usize {
        let count = self.batch.as_ref().map_or(0, OpenBatch::count);
        // A full batch is closed by the commit that brings the next groups, which then start a new one.
        match limits::BATCH_ENTRIES_MAX.saturating_sub(count) {
            0 => limits::BATCH_ENTRIES_MAX,
            room => room,
        }
    }

    fn close_is_due(&self) -> bool {
        self.batch.as_ref().is_some_and(|batch| {
            batch.count() >= limits::BATCH_ENTRIES_MAX || self.batch_since.elapsed() >= limits::BATCH_AGE_MAX
        })
    }

    fn rotation_is_due(&self) -> bool {
        if self.refused.rotation.is_some_and(|again| again > Instant::now()) {
            return false;
        }
        let options = &self.context.options;
        self.wal.entries >= options.segment_entries_max
            || self.wal.offset >= options.segment_wal_bytes_max
            || self.wal.entries > 0 && self.file_since.elapsed() >= options.segment_age_max
    }

    /// The size of the newest checkpoint that was signed.
    fn signed_through(&self) -> u64 {
        self.context.own_checkpoint.get().map_or(0, |(size, _)| size)
    }

    fn close_open_batch(&mut self) -> Result<(), LedgerError> {
        if self.batch.is_some() { self.close_batch() } else { Ok(()) }
    }
}

/// How long a refusal for lack of space is believed before the disk is asked again.
const SPACE_CHECK_INTERVAL: Duration = Duration::from_millis(100);
