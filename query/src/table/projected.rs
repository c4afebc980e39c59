//! What the projections know, over alerts and over agents, as a table. Only the columns that are asked for are made.
//!
//! The projection of the API answers. Where that of alerts has forgotten alerts because there are so many, all of them are read again from
//! the ledger by the same code, within a bound of memory; above it the query fails, since a result that is not whole must not
//! look whole.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::exec_err;
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;
use ledger::Timestamp;
use operations::triage::{Triage, TriageService};

use super::ContentUse;
use crate::fleet::{AgentRow, FleetService};
use crate::limits;
use crate::views::{AlertRow, Cell, Form, SilenceRow, Source, Value, View, ViewColumn};

/// What the views are projections of.
#[derive(Clone)]
pub(crate) struct Projections {
    /// What alerts amount to.
    pub(crate) triage: Arc<TriageService>,
    /// What agents do now.
    pub(crate) fleet: Arc<FleetService>,
}

/// A view whose rows come from a projection.
pub(crate) struct ProjectedTable {
    view: &'static View,
    /// Those of its columns that the principal may read.
    columns: Vec<&'static ViewColumn>,
    projections: Projections,
    content_use: ContentUse,
    schema: SchemaRef,
    /// What the columns that were made take of the query's memory.
    held: Mutex<Vec<MemoryReservation>>,
}

impl ProjectedTable {
    /// The view for one principal: without the permission it has no columns that are made from content.
    pub(crate) fn new(
        view: &'static View,
        projections: Projections,
        may_read_content: bool,
        content_use: ContentUse,
    ) -> Self {
        let columns = view.columns.iter().filter(|column| may_read_content || !column.content);
        let columns: Vec<&ViewColumn> = columns.filter(|column| form(column).is_some()).collect();
        let schema = projected_schema(columns.iter().copied());
        Self { view, columns, projections, content_use, schema, held: Mutex::new(Vec::new()) }
    }

    /// The rows as they are at `now`, at most so many, with these columns.
    fn read(
        &self,
        wanted: &[usize],
        schema: &SchemaRef,
        now: Timestamp,
        limit: Option<usize>,
    ) -> Result<Vec<RecordBatch>> {
        let columns: Vec<&ViewColumn> = wanted.iter().filter_map(|index| self.columns.get(*index).copied()).collect();
        let rows_max = limit.unwrap_or(usize::MAX);
        if self.view.source == Source::Agents {
            let read = self.projections.fleet.everybody(now);
            let mut rows = read.map_err(|error| DataFusionError::External(Box::new(error)))?;
            rows.truncate(rows_max);
            return batches(&columns, schema, &rows.iter().collect::<Vec<_>>(), |column, row| agent(column, row));
        }
        let batches = |triage: &Triage| {
            if self.view.source == Source::Silences {
                let rows = triage.silences().map(|standing| SilenceRow { standing, now });
                batches(&columns, schema, &rows.take(rows_max).collect::<Vec<_>>(), silence)
            } else {
                let rows = triage.iter().map(|triaged| AlertRow { triaged, triage, now });
                batches(&columns, schema, &rows.take(rows_max).collect::<Vec<_>>(), alert)
            }
        };
        let read = self.projections.triage.read_all(limits::ALERTS_READ_BYTES, batches);
        let Some(batches) = read.map_err(|error| DataFusionError::External(Box::new(error)))? else {
            return exec_err!("all alerts on record take more than {} MiB of memory", limits::ALERTS_READ_BYTES >> 20);
        };
        batches
    }
}

/// Of what form a column is, if it comes from the projection.
fn form(column: &ViewColumn) -> Option<Form> {
    match column.value {
        Value::Alert(form, _) | Value::Silence(form, _) | Value::Agent(form, _) | Value::Compute(form, _) => Some(form),
        Value::Same | Value::Sql(_) | Value::Field(_) => None,
    }
}

fn alert<'a>(column: &ViewColumn, row: &AlertRow<'a>) -> Option<Cell<'a>> {
    if let Value::Alert(_, value) = column.value { Some(value(row)) } else { None }
}

fn silence<'a>(column: &ViewColumn, row: &SilenceRow<'a>) -> Option<Cell<'a>> {
    if let Value::Silence(_, value) = column.value { Some(value(row)) } else { None }
}

fn agent<'a>(column: &ViewColumn, row: &'a AgentRow) -> Option<Cell<'a>> {
    if let Value::Agent(_, value) = column.value { Some(value(row)) } else { None }
}

/// The columns that come from a projection, as a table has them.
pub(crate) fn projected_schema<'a>(columns: impl IntoIterator<Item = &'a ViewColumn>) -> SchemaRef {
    let nullable = true;
    let fields =
        columns.into_iter().filter_map(|column| Some(Field::new(column.name, form(column)?.data_type(), nullable)));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Columns of rows, in batches.
fn batches<'a, R>(
    columns: &[&ViewColumn],
    schema: &SchemaRef,
    rows: &[R],
    value: impl Fn(&ViewColumn, &R) -> Option<Cell<'a>>,
) -> Result<Vec<RecordBatch>> {
    rows.chunks(limits::BATCH_ROWS).map(|rows| projected_batch(columns, schema, rows, &value)).collect()
}

/// Columns of rows, in one batch.
pub(crate) fn projected_batch<'a, R>(
    columns: &[&ViewColumn],
    schema: &SchemaRef,
    rows: &[R],
    value: impl Fn(&ViewColumn, &R) -> Option<Cell<'a>>,
) -> Result<RecordBatch> {
    let array =
        |column: &&ViewColumn| form(column).map(|form| form.column(rows.iter().filter_map(|row| value(column, row))));
    let arrays: Vec<ArrayRef> = columns.iter().filter_map(array).collect();
    // Without a column the number of rows is all that is asked for.
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    Ok(RecordBatch::try_new_with_options(Arc::clone(schema), arrays, &options)?)
}

#[async_trait]
impl TableProvider for ProjectedTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    /// Runs on a thread that may block, as all planning does.
    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let every: Vec<usize> = (0..self.schema.fields().len()).collect();
        let wanted: &[usize] = projection.map_or(&every, Vec::as_slice);
        let schema = Arc::new(self.schema.project(wanted)?);
        for column in wanted.iter().filter_map(|index| self.columns.get(*index)).filter(|column| column.content) {
            self.content_use.add(self.view.name, column.name);
        }
        // The moment that `now()` is in the whole query.
        let Some(now) = state.execution_props().query_execution_start_time else {
            return exec_err!("it is not known when the query began");
        };
        let batches = self.read(wanted, &schema, Timestamp::from_unix_micros(now.timestamp_micros()), limit)?;
        let bytes = batches.iter().map(RecordBatch::get_array_memory_size).sum();
        let reservation = MemoryConsumer::new(self.view.name).register(&state.runtime_env().memory_pool);
        reservation.try_grow(bytes)?;
        self.held.lock().unwrap_or_else(PoisonError::into_inner).push(reservation);
        Ok(MemorySourceConfig::try_new_exec(&[batches], schema, None)?)
    }
}

impl fmt::Debug for ProjectedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProjectedTable").field("name", &self.view.name).finish_non_exhaustive()
    }
}
