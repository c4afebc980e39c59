//! The view as a table: a plan that reads all rows about builds of one snapshot, and then tells the pieces, workspace by workspace.
//!
//! What is asked of `day` and `started` leaves pieces out before they are made. Builds before that are read all the same: they say how a
//! workspace stood.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, SchemaRef, UInt64Type};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{ScalarValue, exec_err, internal_err};
use datafusion::datasource::TableType;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, LogicalPlan, Operator, TableProviderFilterPushDown};
use datafusion::physical_expr::{Distribution, EquivalenceProperties};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
};
use futures::{StreamExt, stream};
use ledger::{Seq, Timestamp};

use super::history::{Change, History, Told, Transition, What};
use super::pieces::{Piece, Pieces};
use super::rates::{RateTable, Subject};
use super::stretch::{Stretch, stretches};
use super::{ComputeRow, Names};
use crate::limits;
use crate::table::projected_batch;
use crate::views::{Cell, Value, View, ViewColumn};

/// What is read: builds that succeeded, what the control plane lists of workspaces, and when somebody came to one. What agents and their
/// workspaces claim is not among it.
pub(crate) const INPUT: &str = "SELECT kind, seq, CAST(coalesce(time, recorded) AS BIGINT) AS at, workspace, workspace_name, action, target, \
     template, org, team, \"user\" FROM events \
     WHERE kind IN ('workspace.build', 'inventory', 'connection') AND workspace IS NOT NULL \
     AND coalesce(trust, 'control_plane') IN ('gateway', 'control_plane') \
     AND (kind = 'workspace.build' AND outcome = 'success' AND action IN ('start', 'create', 'stop', 'delete') \
     OR kind = 'inventory' AND action = 'workspace' OR kind = 'connection' AND action = 'connected')";

/// The view for one query.
pub(crate) struct ComputeTable {
    view: &'static View,
    input: LogicalPlan,
    rates: Arc<RateTable>,
    schema: SchemaRef,
}

impl ComputeTable {
    /// The view over the plan of [`INPUT`], at these rates.
    pub(crate) fn new(view: &'static View, input: LogicalPlan, rates: Arc<RateTable>) -> Self {
        Self { view, input, rates, schema: crate::table::projected_schema(view.columns) }
    }
}

#[async_trait]
impl TableProvider for ComputeTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        // Pieces that do not match are left out where that is easy, so the engine filters again.
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let every: Vec<usize> = (0..self.schema.fields().len()).collect();
        let wanted: &[usize] = projection.map_or(&every, Vec::as_slice);
        // The moment that `now()` is in the whole query.
        let Some(now) = state.execution_props().query_execution_start_time else {
            return exec_err!("it is not known when the query began");
        };
        let input = state.create_physical_plan(&self.input).await?;
        let work = Arc::new(Work {
            columns: wanted.iter().filter_map(|index| self.view.columns.get(*index)).collect(),
            schema: Arc::new(self.schema.project(wanted)?),
            rates: Arc::clone(&self.rates),
            now: Timestamp::from_unix_micros(now.timestamp_micros()),
            asked: Asked::of(filters),
        });
        let plan = ComputeExec::new(Arc::new(CoalescePartitionsExec::new(input)), work);
        Ok(Arc::new(CooperativeExec::new(Arc::new(plan))))
    }
}

impl fmt::Debug for ComputeTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComputeTable").finish_non_exhaustive()
    }
}

/// Between which moments the columns `day` and `started` are asked for; both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    day: (i64, i64),
    started: (i64, i64),
}

impl Asked {
    fn of(filters: &[Expr]) -> Self {
        let mut asked = Self { day: (i64::MIN, i64::MAX), started: (i64::MIN, i64::MAX) };
        for filter in filters.iter().flat_map(split_conjunction) {
            let Expr::BinaryExpr(binary) = filter else { continue };
            let (name, operator, micros) = match (binary.left.as_ref(), binary.right.as_ref()) {
                (Expr::Column(column), Expr::Literal(ScalarValue::TimestampMicrosecond(Some(micros), _), _)) => {
                    (column.name(), binary.op, *micros)
                }
                (Expr::Literal(ScalarValue::TimestampMicrosecond(Some(micros), _), _), Expr::Column(column)) => {
                    let Some(operator) = binary.op.swap() else { continue };
                    (column.name(), operator, *micros)
                }
                _ => continue,
            };
            let (from, until) = match name {
                "day" => (&mut asked.day.0, &mut asked.day.1),
                "started" => (&mut asked.started.0, &mut asked.started.1),
                _ => continue,
            };
            if matches!(operator, Operator::Eq | Operator::Gt | Operator::GtEq) {
                *from = micros.max(*from);
            }
            if matches!(operator, Operator::Eq | Operator::Lt | Operator::LtEq) {
                *until = micros.min(*until);
            }
        }
        asked
    }

    fn wants(&self, piece: &Piece) -> bool {
        let within = |(from, until): (i64, i64), moment: Timestamp| (from..=until).contains(&moment.unix_micros());
        within(self.day, piece.day) && within(self.started, piece.started)
    }
}

/// What is to be made of the rows.
struct Work {
    columns: Vec<&'static ViewColumn>,
    schema: SchemaRef,
    rates: Arc<RateTable>,
    now: Timestamp,
    asked: Asked,
}

/// Makes pieces of rows about builds.
struct ComputeExec {
    input: Arc<dyn ExecutionPlan>,
    work: Arc<Work>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl ComputeExec {
    fn new(input: Arc<dyn ExecutionPlan>, work: Arc<Work>) -> Self {
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&work.schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Final,
            Boundedness::Bounded,
        );
        Self { input, work, properties: Arc::new(properties), metrics: ExecutionPlanMetricsSet::new() }
    }
}

impl ExecutionPlan for ComputeExec {
    fn name(&self) -> &'static str {
        "ComputeExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn required_input_distribution(&self) -> Vec<Distribution> {
        vec![Distribution::SinglePartition]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(input), None) = (children.pop(), children.pop()) else {
            return internal_err!("ComputeExec has one child");
        };
        Ok(Arc::new(Self::new(input, Arc::clone(&self.work))))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let telling = Telling {
            input: Some(self.input.execute(partition, Arc::clone(&context))?),
            work: Arc::clone(&self.work),
            history: History::default(),
            memory: MemoryConsumer::new("compute").register(context.memory_pool()),
            changes: Vec::new(),
            next_change: 0,
            stretches: Vec::new().into_iter(),
            timeline: Arc::default(),
            pieces: None,
            baseline: BaselineMetrics::new(&self.metrics, partition),
        };
        let batches = stream::try_unfold(telling, |mut telling| async move {
            Ok(telling.next().await?.map(|batch| (batch, telling)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.work.schema), batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

impl DisplayAs for ComputeExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.work.columns.iter().map(|column| column.name).collect();
        write!(f, "ComputeExec: columns=[{}]", names.join(", "))
    }
}

impl fmt::Debug for ComputeExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComputeExec").field("input", &self.input).finish_non_exhaustive()
    }
}

/// First reads everything, then tells the pieces.
struct Telling {
    /// Until everything was read.
    input: Option<SendableRecordBatchStream>,
    work: Arc<Work>,
    history: History,
    memory: MemoryReservation,
    changes: Vec<Change>,
    next_change: usize,
    /// Those of the workspace that is told, which are still to be cut, and its prices.
    stretches: std::vec::IntoIter<Stretch>,
    timeline: Arc<super::rates::Timeline>,
    pieces: Option<Pieces>,
    baseline: BaselineMetrics,
}

impl Telling {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        if let Some(mut input) = self.input.take() {
            while let Some(batch) = input.next().await.transpose()? {
                add(&mut self.history, &batch)?;
                self.memory.try_resize(self.history.bytes())?;
            }
            self.changes = self.history.take_changes();
        }
        let mut rows = Vec::new();
        for _ in 0..limits::COMPUTE_PIECES_AT_ONCE {
            let Some(row) = self.piece() else { break };
            if self.work.asked.wants(&row.0) {
                rows.push(row);
            }
            if rows.len() == limits::BATCH_ROWS {
                break;
            }
        }
        if rows.is_empty() && self.pieces.is_none() {
            return Ok(None);
        }
        let told: Vec<ComputeRow<'_>> =
            rows.iter().map(|row| ComputeRow::of(row, &self.history, &self.work.rates)).collect();
        let batch = projected_batch(&self.work.columns, &self.work.schema, &told, cell)?;
        self.baseline.record_output(batch.num_rows());
        Ok(Some(batch))
    }

    /// The next piece of all, with its stretch.
    fn piece(&mut self) -> Option<(Piece, Stretch)> {
        loop {
            if let Some(pieces) = &mut self.pieces
                && let Some(piece) = pieces.next()
            {
                return Some((piece, *pieces.stretch()));
            }
            let now = self.work.now;
            self.pieces = self.stretches.next().map(|stretch| Pieces::of(stretch, Arc::clone(&self.timeline), now));
            if self.pieces.is_none() && !self.next_workspace() {
                return None;
            }
        }
    }

    /// Goes on to the stretches of the next workspace, if there is one.
    fn next_workspace(&mut self) -> bool {
        let own = own(&self.changes, self.next_change);
        let changes = self.changes.get(own.clone()).unwrap_or_default();
        let Some(workspace) = changes.first().map(|change| change.workspace) else { return false };
        self.stretches = stretches(changes, self.history.seen(workspace), self.work.now).into_iter();
        self.next_change = own.end;
        let Names { workspace, name, template, org, .. } = self.history.names(workspace);
        self.timeline = Arc::new(self.work.rates.timeline(Subject { template, workspace, workspace_name: name, org }));
        true
    }
}

/// Where the builds of the workspace stand whose first one stands at `from`.
fn own(changes: &[Change], from: usize) -> Range<usize> {
    let rest = changes.get(from..).unwrap_or_default();
    let many = rest.first().map_or(0, |first| rest.partition_point(|change| change.workspace == first.workspace));
    from..from + many
}

fn cell<'a>(column: &ViewColumn, row: &ComputeRow<'a>) -> Option<Cell<'a>> {
    if let Value::Compute(_, value) = column.value { Some(value(row)) } else { None }
}

/// Adds the rows of a batch of the plan of [`INPUT`].
fn add(history: &mut History, batch: &RecordBatch) -> Result<()> {
    let column = |name: &str, form: &DataType| -> Result<ArrayRef> {
        let index = batch.schema_ref().index_of(name)?;
        Ok(cast(batch.column(index), form)?)
    };
    let texts =
        |name: &str| -> Result<StringViewArray> { Ok(column(name, &DataType::Utf8View)?.as_string_view().clone()) };
    let [kind, workspace, name, action, target] =
        [texts("kind")?, texts("workspace")?, texts("workspace_name")?, texts("action")?, texts("target")?];
    let [template, org, team, user] = [texts("template")?, texts("org")?, texts("team")?, texts("user")?];
    let (seq, at) = (column("seq", &DataType::UInt64)?, column("at", &DataType::Int64)?);
    let (seq, at) = (seq.as_primitive::<UInt64Type>(), at.as_primitive::<Int64Type>());
    for row in 0..batch.num_rows() {
        let what = match get(&kind, row) {
            Some("inventory") => What::Workspace,
            Some("connection") => What::Connection,
            _ => {
                let Some(transition) = get(&action, row).and_then(Transition::of) else { continue };
                // The kind stands in front of the id.
                let build = get(&target, row).and_then(|target| Some(target.split_once('/')?.1));
                What::Build(transition, build.filter(|id| !id.is_empty()))
            }
        };
        history.add(&Told {
            what,
            seq: Seq::new(seq.value(row)),
            at: Timestamp::from_unix_micros(at.value(row)),
            workspace: get(&workspace, row).unwrap_or_default(),
            workspace_name: get(&name, row),
            template: get(&template, row),
            org: get(&org, row),
            team: get(&team, row),
            user: get(&user, row),
        });
    }
    Ok(())
}

fn get(texts: &StringViewArray, row: usize) -> Option<&str> {
    (row < texts.len() && texts.is_valid(row)).then(|| texts.value(row))
}
