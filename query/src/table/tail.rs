//! The hot tail as a plan: blocks of durable rows that no segment holds yet.
//!
//! A block's filter columns are read first; the others, which may lie in the WAL, only if a row matches.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray, RecordBatch, RecordBatchOptions};
use datafusion::arrow::compute::{filter_record_batch, prep_null_mask_filter};
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, internal_err};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::utils::{collect_columns, reassign_expr_columns};
use datafusion::physical_expr::{EquivalenceProperties, conjunction};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::filter_pushdown::{
    ChildPushdownResult, FilterPushdownPhase, FilterPushdownPropagation, PushedDown,
};
use datafusion::physical_plan::metrics::{BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet};
use datafusion::physical_plan::statistics::StatisticsArgs;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    ColumnarValue, DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties,
};
use futures::{StreamExt, TryStreamExt, stream};
use ledger::TailBlock;

/// Reads blocks of the hot tail.
#[derive(Clone)]
pub(crate) struct TailExec {
    partitions: Vec<Vec<Arc<TailBlock>>>,
    /// The columns as indices into the ledger's own schema, in the order of `schema`.
    columns: Vec<usize>,
    schema: SchemaRef,
    predicate: Option<Arc<dyn PhysicalExpr>>,
    limit: Option<usize>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl TailExec {
    /// Reads `columns` of `blocks`, newest first, in at most `partitions` partitions.
    pub(crate) fn new(blocks: &[Arc<TailBlock>], columns: Vec<usize>, schema: SchemaRef, partitions: usize) -> Self {
        let count = partitions.clamp(1, blocks.len().max(1));
        let mut groups = vec![Vec::new(); count];
        for (number, block) in blocks.iter().rev().enumerate() {
            groups[number % count].push(Arc::clone(block));
        }
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            Partitioning::UnknownPartitioning(count),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            partitions: groups,
            columns,
            schema,
            predicate: None,
            limit: None,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// Returns matching rows only.
    pub(crate) fn with_predicate(mut self, predicate: Option<Arc<dyn PhysicalExpr>>) -> Self {
        self.predicate = predicate;
        self
    }

    /// Returns at most this many rows of each partition: the engine leaves out its own limit above a scan that takes one.
    pub(crate) fn with_limit(mut self, limit: Option<usize>) -> Self {
        self.limit = limit;
        self
    }

    fn rows(&self, partition: Option<usize>) -> usize {
        let all = || self.partitions.iter().flatten().map(|block| block.len()).sum();
        partition.map_or_else(all, |number| self.partitions[number].iter().map(|block| block.len()).sum())
    }
}

/// What it takes to read one block.
struct Loader {
    columns: Vec<usize>,
    schema: SchemaRef,
    filter: Option<Filter>,
    rows_scanned: Count,
}

/// The predicate over the columns that it reads.
struct Filter {
    predicate: Arc<dyn PhysicalExpr>,
    /// Its columns as indices into the ledger's own schema.
    columns: Vec<usize>,
}

impl Loader {
    fn new(exec: &TailExec, rows_scanned: Count) -> Result<Self> {
        let filter = exec.predicate.as_ref().map(|predicate| {
            let mut at: Vec<usize> =
                collect_columns(predicate).iter().map(datafusion::physical_expr::expressions::Column::index).collect();
            at.sort_unstable();
            let fields: Vec<_> = at.iter().map(|&index| exec.schema.fields()[index].clone()).collect();
            let predicate = reassign_expr_columns(Arc::clone(predicate), &Schema::new(fields))?;
            Ok::<_, DataFusionError>(Filter {
                predicate,
                columns: at.iter().map(|&index| exec.columns[index]).collect(),
            })
        });
        Ok(Self {
            columns: exec.columns.clone(),
            schema: Arc::clone(&exec.schema),
            filter: filter.transpose()?,
            rows_scanned,
        })
    }

    fn load(&self, block: &TailBlock) -> Result<Option<RecordBatch>> {
        let read = |columns: &[usize]| block.batch(columns).map_err(|error| DataFusionError::External(Box::new(error)));
        self.rows_scanned.add(block.len());
        let mask = match &self.filter {
            Some(filter) => Some(matches(&filter.predicate, &read(&filter.columns)?)?),
            None => None,
        };
        if mask.as_ref().is_some_and(|mask| mask.true_count() == 0) {
            return Ok(None);
        }
        let batch = read(&self.columns)?;
        let options = RecordBatchOptions::new().with_row_count(Some(block.len()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), batch.columns().to_vec(), &options)?;
        Ok(Some(match mask {
            Some(mask) => filter_record_batch(&batch, &mask)?,
            None => batch,
        }))
    }
}

fn matches(predicate: &Arc<dyn PhysicalExpr>, batch: &RecordBatch) -> Result<BooleanArray> {
    match predicate.evaluate(batch)? {
        ColumnarValue::Array(array) => {
            let mask = array.as_boolean();
            Ok(if mask.nulls().is_some() { prep_null_mask_filter(mask) } else { mask.clone() })
        }
        ColumnarValue::Scalar(value) => {
            let yes = value == datafusion::common::ScalarValue::Boolean(Some(true));
            Ok(BooleanArray::from(vec![yes; batch.num_rows()]))
        }
    }
}

impl ExecutionPlan for TailExec {
    fn name(&self) -> &'static str {
        "TailExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        datafusion::physical_plan::apply_expression_roots(self.predicate.iter(), f)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { internal_err!("TailExec has no children") }
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let baseline = BaselineMetrics::new(&self.metrics, partition);
        let rows_scanned = MetricBuilder::new(&self.metrics).counter("rows_scanned", partition);
        let loader = Arc::new(Loader::new(self, rows_scanned)?);
        let blocks = self.partitions[partition].clone();
        let limit = self.limit.unwrap_or(usize::MAX);
        let batches = stream::iter(blocks)
            .then(move |block| {
                let loader = Arc::clone(&loader);
                async move {
                    // Reading a block may read the WAL.
                    let loaded = tokio::task::spawn_blocking(move || loader.load(&block)).await;
                    loaded.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?
                }
            })
            .try_filter_map(|batch| async move { Ok(batch) })
            .scan(limit, move |left, batch: Result<RecordBatch>| {
                let is_over = *left == 0;
                let batch = batch.map(|batch| batch.slice(0, batch.num_rows().min(*left)));
                if let Ok(batch) = &batch {
                    *left -= batch.num_rows();
                    baseline.record_output(batch.num_rows());
                }
                async move { if is_over { None } else { Some(batch) } }
            });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn statistics_from_inputs(&self, _: &[Arc<Statistics>], args: &StatisticsArgs) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema);
        let rows = self.rows(args.partition());
        statistics.num_rows = if self.predicate.is_some() { Precision::Inexact(rows) } else { Precision::Exact(rows) };
        Ok(Arc::new(statistics))
    }

    fn supports_limit_pushdown(&self) -> bool {
        false
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn ExecutionPlan>> {
        Some(Arc::new(self.clone().with_limit(limit)))
    }

    fn handle_child_pushdown_result(
        &self,
        _: FilterPushdownPhase,
        pushed: ChildPushdownResult,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn ExecutionPlan>>> {
        let filters: Vec<_> = pushed.parent_filters.into_iter().map(|filter| filter.filter).collect();
        if filters.is_empty() {
            return Ok(FilterPushdownPropagation::with_parent_pushdown_result(Vec::new()));
        }
        let answers = vec![PushedDown::Yes; filters.len()];
        let predicate = conjunction(self.predicate.clone().into_iter().chain(filters));
        let node: Arc<dyn ExecutionPlan> = Arc::new(self.clone().with_predicate(Some(predicate)));
        Ok(FilterPushdownPropagation::with_parent_pushdown_result(answers).with_updated_node(node))
    }
}

impl DisplayAs for TailExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let blocks: usize = self.partitions.iter().map(Vec::len).sum();
        write!(f, "TailExec: blocks={blocks}, rows={}", self.rows(None))?;
        if let Some(predicate) = &self.predicate {
            write!(f, ", predicate={predicate}")?;
        }
        if let Some(limit) = self.limit {
            write!(f, ", limit={limit}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for TailExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TailExec").field("rows", &self.rows(None)).finish_non_exhaustive()
    }
}
