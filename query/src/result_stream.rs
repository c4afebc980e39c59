//! The result of a query while it comes: batches, how it ended, and what it cost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::physical_plan::ExecutionPlan;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::audit::AuditTrail;
use crate::engine::AccessCheck;
use crate::error::{Limit, QueryError};
use crate::guard::Cancel;
use crate::limits;
use crate::profile::{self, Profile};

/// What the engine's task sends.
pub(crate) enum ResultPiece {
    Batch(RecordBatch),
    Complete,
    Failed(QueryError),
}

/// What a query cost so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Statistics {
    /// Rows of the result.
    pub rows: u64,
    /// Rows that the scans returned after pruning and filtering.
    pub scanned_rows: u64,
    /// Bytes that were read from segment files.
    pub scanned_bytes: u64,
    /// Time since the query arrived.
    pub elapsed_ms: u64,
}

/// What a result keeps about its query.
pub(crate) struct Watched {
    /// Its record.
    pub(crate) trail: AuditTrail,
    /// When it arrived.
    pub(crate) started: Instant,
    /// Whether who asked may still have it.
    pub(crate) access: AccessCheck,
}

/// A result. Dropping it cancels the query.
pub struct ResultStream {
    schema: SchemaRef,
    plan: Arc<dyn ExecutionPlan>,
    receiver: mpsc::Receiver<ResultPiece>,
    /// Aborted when dropped.
    task: JoinSet<()>,
    cancel: Cancel,
    watched: Watched,
    /// The time that the query may take.
    time: Duration,
    rows: u64,
    ended: Option<Duration>,
}

impl ResultStream {
    pub(crate) fn new(
        plan: Arc<dyn ExecutionPlan>,
        receiver: mpsc::Receiver<ResultPiece>,
        (task, cancel): (JoinSet<()>, Cancel),
        watched: Watched,
        time: Duration,
    ) -> Self {
        Self { schema: plan.schema(), plan, receiver, task, cancel, watched, time, rows: 0, ended: None }
    }

    /// Id of the query, as recorded.
    pub fn id(&self) -> &str {
        self.watched.trail.id()
    }

    /// The columns of the result.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next batch; `None` after the last one. After an error the result is not whole and nothing more comes.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, QueryError>> {
        if self.ended.is_some() {
            return None;
        }
        let item = match self.receive().await {
            Ok(ResultPiece::Batch(batch)) => {
                self.rows += batch.num_rows() as u64;
                return Some(Ok(batch));
            }
            Ok(ResultPiece::Complete) => None,
            Ok(ResultPiece::Failed(error)) | Err(error) => Some(Err(error)),
        };
        self.ended = Some(self.watched.started.elapsed());
        self.cancel.cancel();
        self.task.abort_all();
        match &item {
            Some(Err(error)) => {
                tracing::warn!(query = %self.id(), error = error as &dyn std::error::Error, "query failed");
                self.watched.trail.end(error.code(), self.rows);
            }
            _ => self.watched.trail.end("complete", self.rows),
        }
        item
    }

    /// What the task sends next, while there is time for it and who asked may have it.
    async fn receive(&mut self) -> Result<ResultPiece, QueryError> {
        loop {
            if !self.watched.access.holds() {
                return Err(QueryError::Revoked);
            }
            // The clock runs here, not on the engine's threads: those may be deep in work that does not look at one.
            let left = self.time.saturating_sub(self.watched.started.elapsed());
            match tokio::time::timeout(left.min(limits::STANDING_CHECK), self.receiver.recv()).await {
                Ok(Some(outcome)) => return Ok(outcome),
                // The task ends without a word only when it panicked.
                Ok(None) => {
                    return Err(match self.task.join_next().await {
                        Some(Err(panic)) => QueryError::internal(panic),
                        _ => QueryError::internal("the query's task vanished"),
                    });
                }
                Err(_) if left <= limits::STANDING_CHECK => {
                    return Err(QueryError::Limit(Limit::Time(self.time.as_millis() as u64)));
                }
                Err(_) => {}
            }
        }
    }

    /// What the query cost so far.
    pub fn statistics(&self) -> Statistics {
        let scanned = profile::scanned(&self.plan);
        Statistics {
            rows: self.rows,
            scanned_rows: scanned.rows,
            scanned_bytes: scanned.bytes,
            elapsed_ms: self.ended.unwrap_or_else(|| self.watched.started.elapsed()).as_millis() as u64,
        }
    }

    /// The plan with its metrics so far.
    pub fn profile(&self) -> Profile {
        Profile::new(&self.plan, self.statistics())
    }
}

impl Drop for ResultStream {
    fn drop(&mut self) {
        self.cancel.cancel();
        self.watched.trail.end("cancelled", self.rows);
    }
}
