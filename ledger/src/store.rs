//! Placeholder of the store's interface while its parts are written.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use tokio::sync::{oneshot, watch};

use crate::entry::Group;
use crate::error::{AppendError, LedgerError};
use crate::position::{LedgerName, Position};
use crate::rows::Rows;
use crate::column::Table;

/// How a store is opened.
#[derive(Debug, Clone, Default)]
pub struct Options {}

/// A data directory that this process has open for writing: both ledgers under one lock.
pub struct Store {}

impl Store {
    /// Makes a new data directory with keys and empty ledgers; `log_name` is fixed for ever, such as `acme.example/agents`.
    pub fn init(_dir: &Path, _log_name: &str) -> Result<(), LedgerError> { unimplemented!() }
    /// Takes the lock, recovers, and starts the writer and sealer threads of both ledgers.
    pub fn open(_dir: &Path, _options: Options) -> Result<Self, LedgerError> { unimplemented!() }
    /// One of the ledgers.
    pub fn ledger(&self, _name: LedgerName) -> &Ledger { unimplemented!() }
    /// The `events` ledger.
    pub fn events(&self) -> &Ledger { self.ledger(LedgerName::Events) }
    /// The `operations` ledger.
    pub fn operations(&self) -> &Ledger { self.ledger(LedgerName::Operations) }
    /// The 32-byte key of the installation's fingerprints (action_fp, content_hash, deduplication). Never leaves the host.
    pub fn fingerprint_key(&self) -> [u8; 32] { unimplemented!() }
    /// Stops both writers: closes the open batches, signs the last checkpoints.
    pub fn stop(self) {}
}

/// One ledger of an open store; clones share it.
#[derive(Clone)]
pub struct Ledger {}

impl Ledger {
    /// Its name.
    pub fn name(&self) -> LedgerName { unimplemented!() }
    /// Its shard.
    pub fn shard(&self) -> u32 { 0 }
    /// A handle to append with.
    pub fn appender(&self) -> Appender { unimplemented!() }
    /// A reader that sees every durable row at once.
    pub fn reader(&self) -> Reader { unimplemented!() }
    /// The newest durable source position for each input key (`Group::input`), for sources to resume from.
    pub fn inputs(&self) -> BTreeMap<Vec<u8>, Vec<u8>> { unimplemented!() }
}

/// What is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Durable {
    /// The position after the last durable row.
    pub next_seq: u64,
    /// Everything recorded before this moment is durable: microseconds since 1970 UTC; heartbeats move it.
    pub recorded_until: i64,
    /// Number of closed batches: the size of the newest checkpoint.
    pub batches: u64,
}

/// Appends groups. Clones share the queue.
#[derive(Clone)]
pub struct Appender {}

/// What a resolved append promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Position of the group's first entry.
    pub first: Position,
    /// Number of entries.
    pub count: u32,
    /// When they were recorded: microseconds since 1970 UTC.
    pub recorded: i64,
}

/// A group that was not taken, handed back with the reason.
#[derive(Debug)]
pub struct Rejected {
    /// The group, unchanged.
    pub group: Group,
    /// Why.
    pub error: AppendError,
}

/// A receipt to come. Dropping it does not cancel the append.
pub struct Pending(oneshot::Receiver<Result<Receipt, AppendError>>);

impl Future for Pending {
    type Output = Result<Receipt, AppendError>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map(|r| r.unwrap_or(Err(AppendError::Stopped)))
    }
}

impl Pending {
    /// Waits on a thread without a runtime.
    pub fn wait(self) -> Result<Receipt, AppendError> { self.0.blocking_recv().unwrap_or(Err(AppendError::Stopped)) }
}

impl Appender {
    /// Queues a group, or hands it back at once: `Full`, `NoSpace`, `Poisoned`, `InvalidGroup`, `Stopped`.
    #[allow(clippy::result_large_err)]
    pub fn try_append(&self, _group: Group) -> Result<Pending, Rejected> { unimplemented!() }
    /// Queues a group, waiting while the queue is full, and waits for the receipt. Never answers `Full`.
    pub async fn append(&self, _group: Group) -> Result<Receipt, AppendError> { unimplemented!() }
}

/// How much one read returns at most; at least one row is returned if there is one.
#[derive(Debug, Clone, Copy)]
pub struct ReadLimit {
    /// Rows.
    pub rows: usize,
    /// Bytes of parts.
    pub bytes: usize,
}

/// Reads a ledger, from within the process that writes it or from another one, without a lock.
#[derive(Clone)]
pub struct Reader {}

impl Reader {
    /// Opens a ledger of a data directory for reading only.
    pub fn open(_dir: &Path, _name: LedgerName) -> Result<Self, LedgerError> { unimplemented!() }
    /// Its table.
    pub fn table(&self) -> &'static Table { unimplemented!() }
    /// What is durable now. For another process's ledger it looks at the disk again.
    pub fn durable(&self) -> Result<Durable, LedgerError> { unimplemented!() }
    /// Changes whenever something becomes durable; only for a reader from [`Ledger::reader`], else `None`.
    pub fn watch(&self) -> Option<watch::Receiver<Durable>> { unimplemented!() }
    /// Reads rows from `from` on in order. `content` says whether content parts are read.
    pub fn read(&self, _from: u64, _content: bool, _limit: ReadLimit) -> Result<Rows, LedgerError> { unimplemented!() }
    /// The first position that was recorded at or after this moment (microseconds since 1970 UTC).
    pub fn seq_at(&self, _recorded: i64) -> Result<u64, LedgerError> { unimplemented!() }
    /// One consistent view for a query: sealed segments and the rows that they do not hold, each row in exactly one.
    pub fn snapshot(&self) -> Result<Snapshot, LedgerError> { unimplemented!() }
    /// The newest signed checkpoint, as a C2SP signed note; `None` before the first batch is closed.
    pub fn checkpoint(&self) -> Result<Option<String>, LedgerError> { unimplemented!() }
}

/// The Arrow schema of a table: `shard` Int32, `seq` Int64, `batch` Int64, `recorded` Timestamp(µs, UTC), `flags` Int32, then
/// every column of the table in order of id: Text Utf8View, Integer Int64, Time Timestamp(µs, UTC), Fingerprint UInt64,
/// Bytes BinaryView, TextList List(Utf8). The position columns are never null, all others nullable.
pub fn arrow_schema(_table: &'static Table) -> SchemaRef { unimplemented!() }

/// One consistent view of a ledger.
pub struct Snapshot {
    /// Sealed segments in order of position.
    pub segments: Vec<Arc<Segment>>,
    /// Durable rows after the last segment, in order.
    pub tail: Vec<Arc<TailBlock>>,
    /// The position after the last row of the view.
    pub next_seq: u64,
}

/// A sealed segment: Parquet files over the rows `first_seq..end_seq`. The facts file has the position columns and the
/// facts columns; the content file has `seq` and the content columns, with one row per event that has content, in the same
/// row-group ranges. Inside a row group rows are sorted by (kind, session, seq).
#[derive(Debug)]
pub struct Segment {
    /// First position.
    pub first_seq: u64,
    /// Position after the last.
    pub end_seq: u64,
    /// Smallest and largest `recorded`, in microseconds since 1970 UTC.
    pub recorded: (i64, i64),
    /// Smallest and largest event time, if any event has one.
    pub time: Option<(i64, i64)>,
    /// The facts file and its size in bytes.
    pub facts: (std::path::PathBuf, u64),
    /// The content file and its size, if any event has content.
    pub content: Option<(std::path::PathBuf, u64)>,
}

/// A block of rows of the hot tail.
pub struct TailBlock {}

impl TailBlock {
    /// First position.
    pub fn first_seq(&self) -> u64 { unimplemented!() }
    /// Number of rows.
    pub fn len(&self) -> usize { unimplemented!() }
    /// Whether there are none.
    pub fn is_empty(&self) -> bool { self.len() == 0 }
    /// The columns of [`arrow_schema`] with these indices; large ones are read from the WAL.
    pub fn batch(&self, _projection: &[usize]) -> Result<RecordBatch, LedgerError> { unimplemented!() }
}

/// Follows a ledger in order. The consumer keeps its cursor; [`Follower::lag`] is for its metric.
pub struct Follower {}

impl Follower {
    /// Follows `reader` from position `from` on.
    pub fn new(_reader: Reader, _from: u64, _content: bool, _limit: ReadLimit) -> Self { unimplemented!() }
    /// The next block. Waits until there are rows, or until a heartbeat moved `recorded_until` (then the block is empty).
    pub async fn next(&mut self) -> Result<Rows, LedgerError> { unimplemented!() }
    /// The position of the next row.
    pub fn cursor(&self) -> u64 { unimplemented!() }
    /// Durable rows that were not yet returned.
    pub fn lag(&self) -> u64 { unimplemented!() }
}
