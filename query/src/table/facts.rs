//! The scan of the facts files: DataFusion's own Parquet reader with every kind of pruning on.

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::common::config::TableParquetOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result;
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};
use ledger::Segment;

use super::files::ReaderFactory;
use super::layout::Layout;
use super::shape::Shape;
use super::statistics;
use crate::limits;

/// Scans the facts of `segments`, which are in the order in which they are to be read.
///
/// `position` is the only filter that is handed over here: the engine pushes the others down by itself, as it does the
/// bounds of a `LIMIT` with an order, and they prune files, row groups (by statistics and bloom filters) and pages.
pub(crate) fn scan(
    state: &dyn Session,
    layout: &Layout,
    segments: &[Arc<Segment>],
    shape: &Shape,
    position: Option<Arc<dyn PhysicalExpr>>,
    limit: Option<usize>,
    readers: &ReaderFactory,
) -> Result<Arc<dyn ExecutionPlan>> {
    let mut options = TableParquetOptions::default();
    options.global.enable_page_index = true;
    options.global.pruning = true;
    options.global.bloom_filter_on_read = true;
    options.global.metadata_size_hint = Some(limits::METADATA_READ_BYTES);
    options.global.pushdown_filters = shape.filter_in_scan;
    options.global.reorder_filters = shape.filter_in_scan;
    let source = ParquetSource::new(Arc::clone(layout.facts()))
        .with_table_parquet_options(options)
        .with_parquet_file_reader_factory(readers.factory());
    let source = match position {
        Some(predicate) => source.with_predicate(to_facts(&predicate, layout)?),
        None => source,
    };

    let each: Vec<_> = segments.iter().map(|segment| statistics::segment(segment, layout.facts())).collect();
    let total = statistics::all(&each, layout.facts());
    let partitions = state.config().target_partitions().clamp(1, segments.len().max(1));
    let mut groups: Vec<Vec<PartitionedFile>> = vec![Vec::new(); partitions];
    for (number, (segment, statistics)) in segments.iter().zip(each).enumerate() {
        groups[number % partitions].push(readers.file(&segment.facts)?.with_statistics(Arc::new(statistics)));
    }
    let config = FileScanConfigBuilder::new(ReaderFactory::store()?, Arc::new(source))
        .with_file_groups(groups.into_iter().map(FileGroup::new).collect())
        .with_statistics(total)
        .with_projection_indices(Some(shape.facts_indices(layout)))?
        .with_limit(limit)
        .build();
    Ok(DataSourceExec::from_data_source(config))
}

/// The expression over the columns of the facts files instead of those of a side.
fn to_facts(predicate: &Arc<dyn PhysicalExpr>, layout: &Layout) -> Result<Arc<dyn PhysicalExpr>> {
    datafusion::physical_expr::utils::reassign_expr_columns(Arc::clone(predicate), layout.facts())
}
