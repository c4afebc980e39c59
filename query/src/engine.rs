//! The engine: admits a query, plans it over one snapshot, records it, and runs it within its limits.
//!
//! Queries run on threads of their own, so that a heavy one slows intake only by what the operating system gives it.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use ledger::access::Principal;
use ledger::{Appender, LedgerName, Reader, Snapshot};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::answer::{Answer, Outcome};
use crate::audit;
use crate::error::{Limit, QueryError};
use crate::limits;
use crate::profile::Profile;
use crate::session::{Planned, Sessions};
use crate::statement;

/// Why a query is asked: what a person typed is recorded, what a page asks again and again is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Somebody typed it; the word says through which door, such as `http`.
    AdHoc(&'static str),
    /// A page refreshes itself. Reading content is recorded even then.
    Page,
}

/// How much a query may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time, the sending of the result included.
    pub time: Duration,
    /// Rows of the result.
    pub rows: u64,
    /// Bytes of the result, as columns in memory.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            time: limits::QUERY_TIME_DEFAULT,
            rows: limits::RESULT_ROWS_DEFAULT,
            bytes: limits::RESULT_BYTES_DEFAULT,
        }
    }
}

impl Limits {
    /// Lowers each to what a request can ask for at most.
    #[must_use]
    pub fn clamped(self) -> Self {
        Self {
            time: self.time.min(limits::QUERY_TIME_MAX),
            rows: self.rows.min(limits::RESULT_ROWS_MAX),
            bytes: self.bytes.min(limits::RESULT_BYTES_MAX),
        }
    }
}

/// A query to run.
#[derive(Debug, Clone)]
pub struct Request {
    /// One SQL statement.
    pub sql: String,
    /// Who asks.
    pub principal: Arc<Principal>,
    /// Why.
    pub purpose: Purpose,
    /// How much it may take; what is above the server's bounds is lowered to them.
    pub limits: Limits,
}

/// How an engine is set up.
#[derive(Clone, Default)]
pub struct Options {
    /// Where queries and content reads are recorded; `None` only where one reads a directory of one's own.
    pub audit: Option<Appender>,
    /// Threads, and parts of a plan; `None` means one per core.
    pub threads: Option<usize>,
    /// Queries at the same time; `None` means [`limits::QUERIES_MAX`].
    pub queries_max: Option<usize>,
}

/// Answers SQL over both ledgers. Clones share everything.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    events: Reader,
    operations: Reader,
    sessions: Sessions,
    audit: Option<Appender>,
    admission: Arc<Semaphore>,
    queries_max: usize,
    /// Always there; taken out only when the engine goes, because a runtime must not wait inside another one.
    runtime: Option<Runtime>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Engine {
    /// An engine over two open ledgers, within the process that writes them or beside it.
    pub fn new(events: Reader, operations: Reader, options: Options) -> Result<Self, QueryError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = options.threads.unwrap_or(cores).max(1);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .max_blocking_threads(threads * 4)
            .thread_name("query")
            .enable_time()
            .build()
            .map_err(QueryError::internal)?;
        let queries_max = options.queries_max.unwrap_or(limits::QUERIES_MAX).max(1);
        Ok(Self(Arc::new(Inner {
            events,
            operations,
            sessions: Sessions::new(threads)?,
            audit: options.audit,
            admission: Arc::new(Semaphore::new(queries_max)),
            queries_max,
            runtime: Some(runtime),
        })))
    }

    /// An engine over a data directory that another process may be writing. Nothing is recorded.
    pub fn open(dir: &Path, options: Options) -> Result<Self, QueryError> {
        Self::new(Reader::open(dir, LedgerName::Events)?, Reader::open(dir, LedgerName::Operations)?, options)
    }

    /// The reader of one ledger.
    pub fn reader(&self, name: LedgerName) -> &Reader {
        match name {
            LedgerName::Events => &self.0.events,
            LedgerName::Operations => &self.0.operations,
        }
    }

    /// Queries that run now, for a metric.
    pub fn running(&self) -> usize {
        self.0.queries_max - self.0.admission.available_permits()
    }

    /// Where queries and content reads are recorded.
    pub(crate) fn audit(&self) -> Option<&Appender> {
        self.0.audit.as_ref()
    }

    /// Runs a query. It stops when the answer is dropped.
    pub async fn run(&self, request: Request) -> Result<Answer, QueryError> {
        let started = Instant::now();
        let bounds = request.limits.clamped();
        let permit = self.admit()?;
        let statement = statement::parse(&request.sql)?;
        let inner = Arc::clone(&self.0);
        let principal = Arc::clone(&request.principal);
        let planned = self
            .within(bounds.time, async move {
                let snapshots = Arc::clone(&inner);
                let (events, operations) = tokio::task::spawn_blocking(move || snapshots.snapshots())
                    .await
                    .map_err(QueryError::internal)??;
                inner.sessions.plan(statement, &principal, events, operations).await
            })
            .await?;
        let id = audit::new_id()?;
        if let Some(appender) = &self.0.audit {
            audit::record(appender, &id, &request, &planned.content).await?;
        }
        self.start(id, planned, bounds, started, permit)
    }

    /// Runs a query, throws its rows away and tells what it did: the plan with its metrics.
    pub async fn profile(&self, request: Request) -> Result<Profile, QueryError> {
        let mut answer = self.run(request).await?;
        while let Some(batch) = answer.next().await {
            batch?;
        }
        Ok(answer.profile())
    }

    fn admit(&self) -> Result<OwnedSemaphorePermit, QueryError> {
        let busy = QueryError::Busy { running: self.0.queries_max, retry_after: limits::RETRY_AFTER };
        Arc::clone(&self.0.admission).try_acquire_owned().map_err(|_| busy)
    }

    /// Runs `work` on the engine's threads for at most `time`.
    async fn within<T: Send + 'static>(
        &self,
        time: Duration,
        work: impl Future<Output = Result<T, QueryError>> + Send + 'static,
    ) -> Result<T, QueryError> {
        let mut tasks = JoinSet::new();
        tasks.spawn_on(work, self.runtime()?);
        match tokio::time::timeout(time, tasks.join_next()).await {
            Ok(Some(Ok(result))) => result,
            Err(_) => Err(QueryError::Limit(Limit::Time(time.as_millis() as u64))),
            Ok(Some(Err(panic))) => Err(QueryError::internal(panic)),
            Ok(None) => Err(QueryError::internal("a task vanished")),
        }
    }

    fn start(
        &self,
        id: String,
        planned: Planned,
        bounds: Limits,
        started: Instant,
        permit: OwnedSemaphorePermit,
    ) -> Result<Answer, QueryError> {
        let (sender, receiver) = mpsc::channel(limits::RESULT_BATCHES_QUEUED_MAX);
        let plan = Arc::clone(&planned.plan);
        let schema = plan.schema();
        let cancel = planned.cancel.clone();
        let mut task = JoinSet::new();
        let work = async move {
            let end = match produce(planned, bounds, &sender).await {
                Ok(()) => Outcome::Complete,
                Err(error) => Outcome::Failed(error),
            };
            drop(permit);
            // The receiver may be gone, and then nobody wants to know.
            drop(sender.send(end).await);
        };
        task.spawn_on(work, self.runtime()?);
        Ok(Answer::new(id, schema, plan, receiver, (task, cancel), (started, bounds.time)))
    }

    fn runtime(&self) -> Result<&tokio::runtime::Handle, QueryError> {
        self.0.runtime.as_ref().map(Runtime::handle).ok_or_else(|| QueryError::internal("the engine is stopping"))
    }
}

impl Inner {
    fn snapshots(&self) -> Result<(Arc<Snapshot>, Arc<Snapshot>), QueryError> {
        Ok((Arc::new(self.events.snapshot()?), Arc::new(self.operations.snapshot()?)))
    }
}

/// Sends the result's batches until it ends, breaks a bound, or nobody receives any more.
async fn produce(planned: Planned, bounds: Limits, sender: &mpsc::Sender<Outcome>) -> Result<(), QueryError> {
    let plan: Arc<dyn ExecutionPlan> = planned.plan;
    let mut stream = execute_stream(plan, planned.state.task_ctx()).map_err(QueryError::from_engine)?;
    let (mut rows, mut bytes) = (0_u64, 0_u64);
    while let Some(batch) = stream.next().await {
        let batch = batch.map_err(QueryError::from_engine)?;
        rows += batch.num_rows() as u64;
        bytes += batch.get_array_memory_size() as u64;
        if rows > bounds.rows {
            return Err(QueryError::Limit(Limit::Rows(bounds.rows)));
        }
        if bytes > bounds.bytes {
            return Err(QueryError::Limit(Limit::Bytes(bounds.bytes)));
        }
        if batch.num_rows() > 0 && sender.send(Outcome::Batch(batch)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod pruning_tests;
#[cfg(test)]
mod tests;
