//! The engine: admits a query, records it, plans it over one snapshot, and runs it within its limits.
//!
//! Queries run on threads of their own, so that a heavy one slows intake only by what the operating system gives it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;
use ledger::{Appender, LedgerName, Position, Reader};
use operations::access::Principal;
use operations::triage::{Policy, TriageService};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;

use crate::audit::{self, AuditTrail};
use crate::compute::Rates;
use crate::error::{Limit, QueryError};
use crate::fleet::FleetService;
use crate::limits;
use crate::profile::Profile;
use crate::result_stream::{ResultPiece, ResultStream, Watched};
use crate::session::{self, Planned, Sessions};
use crate::statement;
use crate::table::Projections;

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
    /// Whether who asks may still have the answer; asked again and again while it comes.
    pub access: AccessCheck,
}

/// Whether who asked may still have the answer: a token can be revoked while its query runs.
#[derive(Clone, Default)]
pub struct AccessCheck(Option<Arc<dyn Fn() -> bool + Send + Sync>>);

impl AccessCheck {
    /// Holds as long as `still` says so.
    pub fn while_true(still: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(still)))
    }

    /// Whether it holds now.
    pub fn holds(&self) -> bool {
        self.0.as_ref().is_none_or(|still| still())
    }
}

impl std::fmt::Debug for AccessCheck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccessCheck")
    }
}

/// How an engine is set up.
#[derive(Clone, Default)]
pub struct Options {
    /// Where queries and content reads are recorded; `None` only where one reads a directory of one's own.
    pub audit: Option<Appender>,
    /// What alerts amount to, as the API tells it. `None` makes one of its own, in which nothing is hidden by a configuration.
    pub triage: Option<Arc<TriageService>>,
    /// What agents do now, as the API tells it. `None` makes one that reads the ledger when somebody asks.
    pub fleet: Option<Arc<FleetService>>,
    /// What workspaces cost; another table takes effect with the next query.
    pub rates: Rates,
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
    fleet: Arc<FleetService>,
    rates: Rates,
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
        let queries_max = options.queries_max.unwrap_or(limits::QUERIES_MAX).max(1);
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .max_blocking_threads(threads * 4 + queries_max)
            .thread_name("query")
            .thread_stack_size(limits::STACK_BYTES)
            .enable_time()
            .build()
            .map_err(QueryError::internal)?;
        let own = || Arc::new(TriageService::new(operations.clone(), None, Policy::default()));
        let triage = options.triage.unwrap_or_else(own);
        let own = || Arc::new(FleetService::new(events.clone(), operations.clone(), Arc::clone(&triage)));
        let fleet = options.fleet.unwrap_or_else(own);
        let projections = Projections { triage, fleet: Arc::clone(&fleet) };
        let sessions = Sessions::new(threads, events.data_directory(), projections, options.rates.clone())?;
        Ok(Self(Arc::new(Inner {
            events,
            operations,
            sessions,
            fleet,
            rates: options.rates,
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
        self.0.reader(name)
    }

    /// What every agent does now, as the view `agents` shows it.
    pub fn fleet(&self) -> &Arc<FleetService> {
        &self.0.fleet
    }

    /// What workspaces cost, as the view `compute` shows it.
    pub fn rates(&self) -> &Rates {
        &self.0.rates
    }

    /// Queries that run now, for a metric.
    pub fn running(&self) -> usize {
        self.0.queries_max - self.0.admission.available_permits()
    }

    /// Records that somebody reads these content columns without SQL, from a position on, where such reads are recorded; `via`
    /// says through which door. Returns when that is durable.
    pub async fn record_read(
        &self,
        principal: &Principal,
        via: &str,
        from: Position,
        columns: &[String],
    ) -> Result<(), QueryError> {
        match &self.0.audit {
            Some(appender) if !columns.is_empty() => audit::record_read(appender, principal, via, from, columns).await,
            _ => Ok(()),
        }
    }

    /// Runs a query. It stops when the result is dropped, or when the request's access ends.
    pub async fn run(&self, request: Request) -> Result<ResultStream, QueryError> {
        let started = Instant::now();
        let bounds = request.limits.clamped();
        // What is refused for these reasons costs nothing and leaves nothing behind.
        session::may_ask(&request.principal)?;
        statement::check_size(&request.sql)?;
        let permit = self.admit()?;
        let runtime = self.runtime()?;
        let mut trail = AuditTrail::begin(self.0.audit.clone(), runtime.clone(), &request).await?;
        let planned = match self.plan(&request, bounds.time, permit).await {
            Ok((planned, permit)) => trail.reads(&planned.content).await.map(|()| (planned, permit)),
            Err(error) => Err(error),
        };
        match planned {
            Ok((planned, permit)) => {
                Ok(start(runtime, planned, bounds, permit, Watched { trail, started, access: request.access }))
            }
            Err(error) => {
                trail.end(error.code(), 0);
                Err(error)
            }
        }
    }

    /// Runs a query, throws its rows away and tells what it did: the plan with its metrics.
    pub async fn profile(&self, request: Request) -> Result<Profile, QueryError> {
        let mut result = self.run(request).await?;
        while let Some(batch) = result.next().await {
            batch?;
        }
        Ok(result.profile())
    }

    fn admit(&self) -> Result<OwnedSemaphorePermit, QueryError> {
        let busy = QueryError::Busy { running: self.0.queries_max, retry_after: limits::RETRY_AFTER };
        Arc::clone(&self.0.admission).try_acquire_owned().map_err(|_| busy)
    }

    /// Parses and plans on a thread whose stack is large enough for any statement that is not refused. Planning cannot be
    /// stopped: who waited too long for it goes away, and its place among the running queries stays taken until it ends.
    async fn plan(
        &self,
        request: &Request,
        time: Duration,
        permit: OwnedSemaphorePermit,
    ) -> Result<(Planned, OwnedSemaphorePermit), QueryError> {
        let (inner, runtime) = (Arc::clone(&self.0), self.runtime()?.clone());
        let (sql, principal) = (request.sql.clone(), Arc::clone(&request.principal));
        let work = self.runtime()?.spawn_blocking(move || {
            let statement = statement::parse(&sql)?;
            let planning = inner.sessions.plan(statement, &principal, |name| inner.reader(name).snapshot());
            Ok((runtime.block_on(planning)?, permit))
        });
        match tokio::time::timeout(time, work).await {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => Err(QueryError::internal(panic)),
            Err(_) => Err(QueryError::Limit(Limit::Time(time.as_millis() as u64))),
        }
    }

    fn runtime(&self) -> Result<&Handle, QueryError> {
        self.0.runtime.as_ref().map(Runtime::handle).ok_or_else(|| QueryError::internal("the engine is stopping"))
    }
}

impl Inner {
    fn reader(&self, name: LedgerName) -> &Reader {
        match name {
            LedgerName::Events => &self.events,
            LedgerName::Operations => &self.operations,
        }
    }
}

/// Starts a planned query; its place among the running ones is given back when it ends.
fn start(
    runtime: &Handle,
    planned: Planned,
    bounds: Limits,
    permit: OwnedSemaphorePermit,
    watched: Watched,
) -> ResultStream {
    let (sender, receiver) = mpsc::channel(limits::RESULT_BATCHES_QUEUED_MAX);
    let plan = Arc::clone(&planned.plan);
    let cancel = planned.cancel.clone();
    let mut task = JoinSet::new();
    let work = async move {
        let end = match produce(planned, bounds, &sender).await {
            Ok(()) => ResultPiece::Complete,
            Err(error) => ResultPiece::Failed(error),
        };
        drop(permit);
        // The receiver may be gone, and then nobody wants to know.
        drop(sender.send(end).await);
    };
    task.spawn_on(work, runtime);
    ResultStream::new(plan, receiver, (task, cancel), watched, bounds.time)
}

/// Sends the result's batches until it ends, breaks a bound, or nobody receives any more.
async fn produce(planned: Planned, bounds: Limits, sender: &mpsc::Sender<ResultPiece>) -> Result<(), QueryError> {
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
        if batch.num_rows() > 0 && sender.send(ResultPiece::Batch(batch)).await.is_err() {
            return Ok(());
        }
    }
    Ok(())
}

#[cfg(test)]
mod analyst_tests;
#[cfg(test)]
mod bounds_tests;
#[cfg(test)]
mod inventory_tests;
#[cfg(test)]
mod pruning_tests;
#[cfg(test)]
mod spend_tests;
#[cfg(test)]
mod tests;
