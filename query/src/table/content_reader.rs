//! Looks content up by `seq` in the content files of a snapshot's segments.
//!
//! For each row group that can hold one of the rows, the positions are read first, then only the pages of the content
//! columns that hold those rows.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array, new_null_array};
use datafusion::arrow::compute::{cast, concat, take};
use datafusion::arrow::datatypes::{FieldRef, Int64Type};
use datafusion::common::internal_datafusion_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, RowSelection, RowSelector};
use datafusion::parquet::arrow::async_reader::{AsyncFileReader, ParquetRecordBatchStreamBuilder};
use datafusion::parquet::file::metadata::PageIndexPolicy;
use datafusion::parquet::file::statistics::Statistics;
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder};
use futures::TryStreamExt;
use ledger::Segment;

use super::files::ReaderFactory;
use super::layout::SEQ;
use crate::limits;

/// Where a row's content stands: the number of a read part and the row in it.
type PartRow = (u32, u32);

/// The positions in one row group of one content file: `seq` to row.
type Positions = Arc<HashMap<i64, u32>>;

/// Reads content for one partition of a plan.
pub(crate) struct ContentReader {
    segments: Arc<[Arc<Segment>]>,
    fields: Vec<FieldRef>,
    readers: ReaderFactory,
    partition: usize,
    metrics: ExecutionPlanMetricsSet,
    rows_read: Count,
    row_groups_read: Count,
    /// Positions of the row groups that were read last.
    recent: VecDeque<((u64, usize), Positions)>,
}

impl ContentReader {
    pub(crate) fn new(
        segments: &Arc<[Arc<Segment>]>,
        fields: &[FieldRef],
        readers: &ReaderFactory,
        partition: usize,
        metrics: ExecutionPlanMetricsSet,
    ) -> Self {
        let rows_read = MetricBuilder::new(&metrics).counter("content_rows_read", partition);
        let row_groups_read = MetricBuilder::new(&metrics).counter("content_row_groups_read", partition);
        Self {
            segments: Arc::clone(segments),
            fields: fields.to_vec(),
            readers: readers.clone(),
            partition,
            metrics,
            rows_read,
            row_groups_read,
            recent: VecDeque::new(),
        }
    }

    /// The content columns for these rows, in this order; null where a row has no content.
    pub(crate) async fn read(&mut self, seqs: &[i64]) -> Result<Vec<ArrayRef>> {
        let mut by_segment: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (row, &seq) in seqs.iter().enumerate() {
            let at = self.segments.partition_point(|segment| segment.end_seq as i64 <= seq);
            if self.segments.get(at).is_some_and(|segment| segment.first_seq as i64 <= seq && segment.content.is_some())
            {
                by_segment.entry(at).or_default().push(row);
            }
        }
        let mut parts: Vec<RecordBatch> = Vec::new();
        let mut places: Vec<Option<PartRow>> = vec![None; seqs.len()];
        for (at, rows) in by_segment {
            self.read_segment(at, &rows, seqs, &mut parts, &mut places).await?;
        }
        self.assemble(&parts, &places)
    }

    async fn read_segment(
        &mut self,
        at: usize,
        rows: &[usize],
        seqs: &[i64],
        parts: &mut Vec<RecordBatch>,
        places: &mut [Option<PartRow>],
    ) -> Result<()> {
        let segment = Arc::clone(&self.segments[at]);
        let Some(content) = &segment.content else { return Ok(()) };
        let (readers, partition, metrics) = (self.readers.clone(), self.partition, self.metrics.clone());
        let open = || -> Result<Box<dyn AsyncFileReader>> {
            let file = readers.file(content)?;
            Ok(readers.factory().create_reader(partition, file, Some(limits::METADATA_READ_BYTES), &metrics)?)
        };
        let mut reader = open()?;
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let metadata = ArrowReaderMetadata::load_async(&mut reader, options).await?;
        for row_group in 0..metadata.metadata().num_row_groups() {
            let range = seq_range(&metadata, row_group);
            if !rows.iter().any(|&row| range.contains(&seqs[row])) {
                continue;
            }
            let positions = self.positions(&segment, row_group, open()?, &metadata).await?;
            let mut wanted: Vec<(u32, usize)> =
                rows.iter().filter_map(|&row| positions.get(&seqs[row]).map(|&place| (place, row))).collect();
            if wanted.is_empty() {
                continue;
            }
            wanted.sort_unstable();
            let selection = select(wanted.iter().map(|(place, _)| *place as usize));
            let names: Vec<&str> = self.fields.iter().map(|field| field.name().as_str()).collect();
            let part = read_rows(open()?, &metadata, row_group, &names, Some(selection)).await?;
            for (number, (_, row)) in wanted.iter().enumerate() {
                places[*row] = Some((parts.len() as u32, number as u32));
            }
            self.rows_read.add(wanted.len());
            self.row_groups_read.add(1);
            parts.push(part);
        }
        Ok(())
    }

    /// Where each row of a row group stands in it.
    async fn positions(
        &mut self,
        segment: &Segment,
        row_group: usize,
        reader: Box<dyn AsyncFileReader>,
        metadata: &ArrowReaderMetadata,
    ) -> Result<Positions> {
        let key = (segment.first_seq, row_group);
        if let Some((_, positions)) = self.recent.iter().find(|(other, _)| *other == key) {
            return Ok(Arc::clone(positions));
        }
        let batch = read_rows(reader, metadata, row_group, &[SEQ], None).await?;
        let column =
            batch.column_by_name(SEQ).ok_or_else(|| internal_datafusion_err!("a content file has no column seq"))?;
        let seqs = column
            .as_primitive_opt::<Int64Type>()
            .ok_or_else(|| internal_datafusion_err!("seq is {}", column.data_type()))?;
        let positions: Positions =
            Arc::new(seqs.values().iter().enumerate().map(|(at, &seq)| (seq, at as u32)).collect());
        if self.recent.len() == limits::CONTENT_ROW_GROUPS_CACHED_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back((key, Arc::clone(&positions)));
        Ok(positions)
    }

    /// Puts the read parts into the order of the rows.
    fn assemble(&self, parts: &[RecordBatch], places: &[Option<PartRow>]) -> Result<Vec<ArrayRef>> {
        let mut starts = Vec::with_capacity(parts.len());
        let mut total = 0_u32;
        for part in parts {
            starts.push(total);
            total += part.num_rows() as u32;
        }
        let indices: UInt32Array =
            places.iter().map(|place| place.map(|(part, row)| starts[part as usize] + row)).collect();
        let columns = self.fields.iter().map(|field| {
            let mut pieces = Vec::with_capacity(parts.len());
            for part in parts {
                pieces.push(match part.column_by_name(field.name()) {
                    Some(column) => cast(column, field.data_type())?,
                    // An older segment does not know a column that was added later.
                    None => new_null_array(field.data_type(), part.num_rows()),
                });
            }
            if pieces.is_empty() {
                return Ok(new_null_array(field.data_type(), places.len()));
            }
            let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
            Ok(take(&concat(&pieces)?, &indices, None)?)
        });
        columns.collect()
    }
}

/// The range of `seq` in a row group; everything if the file does not say.
fn seq_range(metadata: &ArrowReaderMetadata, row_group: usize) -> std::ops::RangeInclusive<i64> {
    let group = metadata.metadata().row_group(row_group);
    let column = group.columns().iter().find(|column| column.column_path().string() == SEQ);
    match column.and_then(|column| column.statistics()) {
        Some(Statistics::Int64(values)) => match (values.min_opt(), values.max_opt()) {
            (Some(min), Some(max)) => *min..=*max,
            _ => i64::MIN..=i64::MAX,
        },
        _ => i64::MIN..=i64::MAX,
    }
}

/// Rows in ascending order as a selection.
fn select(rows: impl Iterator<Item = usize>) -> RowSelection {
    let (mut selectors, mut next) = (Vec::<RowSelector>::new(), 0);
    for row in rows {
        if row > next {
            selectors.push(RowSelector::skip(row - next));
        }
        match selectors.last_mut() {
            Some(last) if !last.skip => last.row_count += 1,
            _ => selectors.push(RowSelector::select(1)),
        }
        next = row + 1;
    }
    selectors.into()
}

/// Reads columns of one row group, all of its rows or a selection, as one batch.
async fn read_rows(
    reader: Box<dyn AsyncFileReader>,
    metadata: &ArrowReaderMetadata,
    row_group: usize,
    columns: &[&str],
    selection: Option<RowSelection>,
) -> Result<RecordBatch> {
    let builder = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, metadata.clone());
    let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    let rows = metadata.metadata().row_group(row_group).num_rows() as usize;
    let mut builder = builder.with_row_groups(vec![row_group]).with_projection(mask).with_batch_size(rows.max(1));
    if let Some(selection) = selection {
        builder = builder.with_row_selection(selection);
    }
    let stream = builder.build()?;
    let schema = Arc::clone(stream.schema());
    let batches: Vec<RecordBatch> = stream.try_collect().await.map_err(DataFusionError::from)?;
    Ok(datafusion::arrow::compute::concat_batches(&schema, &batches)?)
}
