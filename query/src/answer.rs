//! The result of a query while it comes: batches, how it ended, and what it cost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::physical_plan::ExecutionPlan;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::error::{Limit, QueryError};
use crate::guard::Cancel;
use crate::profile::{self, Profile};

/// What the engine's task sends.
pub(crate) enum Outcome {
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

/// A result. Dropping it cancels the query.
pub struct Answer {
    id: String,
    schema: SchemaRef,
    plan: Arc<dyn ExecutionPlan>,
    receiver: mpsc::Receiver<Outcome>,
    /// Aborted when dropped.
    task: JoinSet<()>,
    cancel: Cancel,
    started: Instant,
    /// The time that the query may take.
    time: Duration,
    rows: u64,
    ended: Option<Duration>,
}

impl Answer {
    pub(crate) fn new(
        id: String,
        schema: SchemaRef,
        plan: Arc<dyn ExecutionPlan>,
        receiver: mpsc::Receiver<Outcome>,
        (task, cancel): (JoinSet<()>, Cancel),
        (started, time): (Instant, Duration),
    ) -> Self {
        Self { id, schema, plan, receiver, task, cancel, started, time, rows: 0, ended: None }
    }

    /// Id of the query, as recorded.
    pub fn id(&self) -> &str {
        &self.id
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
        // The clock runs here, not on the engine's threads: those may be deep in work that does not look at one.
        let left = self.time.saturating_sub(self.started.elapsed());
        let item = match tokio::time::timeout(left, self.receiver.recv()).await {
            Err(_) => Some(Err(QueryError::Limit(Limit::Time(self.time.as_millis() as u64)))),
            Ok(Some(Outcome::Batch(batch))) => {
                self.rows += batch.num_rows() as u64;
                return Some(Ok(batch));
            }
            Ok(Some(Outcome::Complete)) => None,
            Ok(Some(Outcome::Failed(error))) => Some(Err(error)),
            // The task ends without a word only when it panicked.
            Ok(None) => match self.task.join_next().await {
                Some(Err(panic)) => Some(Err(QueryError::internal(panic))),
                _ => Some(Err(QueryError::internal("the query's task vanished"))),
            },
        };
        self.ended = Some(self.started.elapsed());
        self.cancel.cancel();
        self.task.abort_all();
        if let Some(Err(error)) = &item {
            tracing::warn!(query = %self.id, error = error as &dyn std::error::Error, "query failed");
        }
        item
    }

    /// What the query cost so far.
    pub fn statistics(&self) -> Statistics {
        let scanned = profile::scanned(&self.plan);
        Statistics {
            rows: self.rows,
            scanned_rows: scanned.rows,
            scanned_bytes: scanned.bytes,
            elapsed_ms: self.ended.unwrap_or_else(|| self.started.elapsed()).as_millis() as u64,
        }
    }

    /// The plan with its metrics so far.
    pub fn profile(&self) -> Profile {
        Profile::new(&self.plan, self.statistics())
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
