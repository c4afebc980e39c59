//! Joins content columns to rows of facts, as a plan.
//!
//! The rows of a segment's two files stand in the same order, and every row of content has one of facts. So this is no
//! general join: rows of facts are gathered, their content is looked up by `seq`, and rows without content get nulls.
//! Filters on facts were applied before, so content is only read for rows that match.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{FieldRef, Int64Type, Schema, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, CardinalityEffect, EmissionType};
use datafusion::physical_plan::filter_pushdown::{FilterDescription, FilterPushdownPhase};
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet, MetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PhysicalExpr, PlanProperties,
};
use futures::{StreamExt, stream};
use ledger::Segment;

use super::content_reader::ContentReader;
use super::files::ReaderFactory;
use super::layout::SEQ;
use crate::limits;

/// Adds content columns to the rows of its input.
pub(crate) struct ContentExec {
    input: Arc<dyn ExecutionPlan>,
    seq: usize,
    segments: Arc<[Arc<Segment>]>,
    fields: Vec<FieldRef>,
    schema: SchemaRef,
    readers: ReaderFactory,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl ContentExec {
    /// Adds `fields` to `input`, which has the column `seq`, from the content files of `segments`.
    pub(crate) fn new(
        input: Arc<dyn ExecutionPlan>,
        segments: &[Arc<Segment>],
        fields: Vec<FieldRef>,
        readers: ReaderFactory,
    ) -> Result<Self> {
        let mut segments = segments.to_vec();
        segments.sort_unstable_by_key(|segment| segment.first_seq);
        Self::over(input, segments.into(), fields, readers)
    }

    fn over(
        input: Arc<dyn ExecutionPlan>,
        segments: Arc<[Arc<Segment>]>,
        fields: Vec<FieldRef>,
        readers: ReaderFactory,
    ) -> Result<Self> {
        let facts = input.schema();
        let seq = facts.index_of(SEQ)?;
        let schema: SchemaRef = Schema::new(facts.fields().iter().chain(&fields).cloned().collect::<Vec<_>>()).into();
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::clone(&schema)),
            input.output_partitioning().clone(),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let metrics = ExecutionPlanMetricsSet::new();
        Ok(Self { input, seq, segments, fields, schema, readers, properties: Arc::new(properties), metrics })
    }
}

/// Rows of facts that wait for their content.
struct Gathering {
    input: SendableRecordBatchStream,
    reader: ContentReader,
    schema: SchemaRef,
    seq: usize,
    /// How many rows are gathered next: few at first, so that the first rows come soon.
    rows_next: usize,
    memory: MemoryReservation,
    baseline: BaselineMetrics,
}

impl Gathering {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let (mut batches, mut rows, mut bytes) = (Vec::new(), 0, 0);
        while rows < self.rows_next && bytes < limits::CONTENT_FACTS_BYTES_MAX {
            let Some(batch) = self.input.next().await.transpose()? else { break };
            if batch.num_rows() > 0 {
                rows += batch.num_rows();
                bytes += batch.get_array_memory_size();
                self.memory.try_resize(bytes)?;
                batches.push(batch);
            }
        }
        if batches.is_empty() {
            return Ok(None);
        }
        self.rows_next = (self.rows_next * 2).min(limits::CONTENT_ROWS_MAX);
        let facts = concat_batches(&self.input.schema(), &batches)?;
        let seqs = facts.column(self.seq).as_primitive::<Int64Type>();
        let mut columns = facts.columns().to_vec();
        columns.extend(self.reader.read(seqs.values()).await?);
        let joined = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        self.baseline.record_output(joined.num_rows());
        Ok(Some(joined))
    }
}

impl ExecutionPlan for ContentExec {
    fn name(&self) -> &'static str {
        "ContentExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        let (Some(input), None) = (children.pop(), children.pop()) else {
            return internal_err!("ContentExec has one child");
        };
        Ok(Arc::new(Self::over(input, Arc::clone(&self.segments), self.fields.clone(), self.readers.clone())?))
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        // Rows of one row group belong together: handed around, each partition would read its content again.
        vec![false]
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let memory = MemoryConsumer::new("ContentExec").register(context.memory_pool());
        let gathering = Gathering {
            input: self.input.execute(partition, context)?,
            reader: ContentReader::new(&self.segments, &self.fields, &self.readers, partition, self.metrics.clone()),
            schema: Arc::clone(&self.schema),
            seq: self.seq,
            rows_next: 1,
            memory,
            baseline: BaselineMetrics::new(&self.metrics, partition),
        };
        let batches = stream::try_unfold(gathering, |mut gathering| async move {
            Ok(gathering.next().await?.map(|batch| (batch, gathering)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }

    fn supports_limit_pushdown(&self) -> bool {
        true
    }

    fn cardinality_effect(&self) -> CardinalityEffect {
        CardinalityEffect::Equal
    }

    fn gather_filters_for_pushdown(
        &self,
        _: FilterPushdownPhase,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> Result<FilterDescription> {
        // What reads facts only goes on to the scan; what reads content stays above.
        FilterDescription::from_children(filters, &self.children())
    }
}

impl DisplayAs for ContentExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.fields.iter().map(|field| field.name().as_str()).collect();
        write!(f, "ContentExec: columns=[{}]", names.join(", "))
    }
}

impl fmt::Debug for ContentExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentExec").field("input", &self.input).finish_non_exhaustive()
    }
}
