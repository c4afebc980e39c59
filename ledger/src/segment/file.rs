//! One Parquet file of a segment: its footer is checked once, then it decodes whole row groups.
//!
//! Nothing in the file is believed: whatever the library makes of damaged bytes, a panic included, is an error that names
//! the file and the row group.

use std::io::{self, Cursor};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use arrow::array::{BooleanArray, StringViewArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchReader as _};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder, RowFilter,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, Length};

use crate::blobs::{BlobError, Blobs};
use crate::column::{Part, Table};
use crate::columnar;
use crate::error::LedgerError;
use crate::limits::ROW_GROUP_ENTRIES_MAX;
use crate::segment::layout::{FORMAT, FORMAT_KEY, ROW_GROUPS_KEY};

/// Rows that are decoded at once: what they decode to stays in the caches nearer to the processor.
const BATCH_ROWS: usize = 512;

/// The positions that one row group covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowGroupRange {
    /// First position.
    pub first_seq: u64,
    /// Position after the last.
    pub end_seq: u64,
}

impl RowGroupRange {
    /// Number of positions.
    pub fn len(self) -> usize {
        (self.end_seq - self.first_seq) as usize
    }

    /// Whether it covers a position.
    pub fn contains(self, seq: u64) -> bool {
        (self.first_seq..self.end_seq).contains(&seq)
    }
}

/// An open Parquet file of a segment.
#[derive(Debug)]
pub struct SegmentFile<'a> {
    blobs: &'a dyn Blobs,
    name: String,
    size: u64,
    metadata: ArrowReaderMetadata,
    ranges: Vec<RowGroupRange>,
}

impl<'a> SegmentFile<'a> {
    /// Reads the footer of the file `name` that holds `part`, and checks that its columns are those of the table.
    pub fn open(blobs: &'a dyn Blobs, name: &str, table: &'static Table, part: Part) -> Result<Self, LedgerError> {
        let size = blobs.size(name)?;
        let path = blobs.path(name);
        let whole = BlobChunks { blobs, name, size };
        let metadata = guarded(&path, || ArrowReaderMetadata::load(&whole, ArrowReaderOptions::new()))?;
        let corrupt = |what: String| LedgerError::corrupt(&path, "footer", what);
        let format = footer_value(metadata.metadata(), FORMAT_KEY).and_then(|text| text.parse().ok());
        match format {
            None => return Err(LedgerError::Foreign { path, expected: "segment file" }),
            Some(found) if found > FORMAT => {
                return Err(LedgerError::NewerFormat { path, found, supported: FORMAT });
            }
            Some(_) => {}
        }
        check_schema(metadata.schema(), table, part).map_err(corrupt)?;
        let ranges = ranges(metadata.metadata()).map_err(corrupt)?;
        Ok(Self { blobs, name: name.to_owned(), size, metadata, ranges })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The positions that each row group covers, in order.
    pub fn ranges(&self) -> &[RowGroupRange] {
        &self.ranges
    }

    /// The columns as the file has them.
    pub(super) fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// Who the file says wrote it.
    pub(super) fn created_by(&self) -> &str {
        self.metadata.metadata().file_metadata().created_by().unwrap_or_default()
    }

    /// Decodes a row group: its rows in the order of the file.
    pub fn decode(&self, row_group: usize) -> Result<RecordBatch, LedgerError> {
        let batches = self.open_row_group(row_group, ROW_GROUP_ENTRIES_MAX, None)?;
        let (schema, place) = (batches.reader.schema(), batches.place.clone());
        let mut batches = batches.collect::<Result<Vec<_>, _>>()?;
        match batches.pop() {
            Some(only) if batches.is_empty() => Ok(only),
            last => {
                batches.extend(last);
                guarded(&place, || Ok(concat_batches(&schema, &batches)?))
            }
        }
    }

    /// Decodes those rows of a row group whose kind is one of these, in the order of the file. Of the others only the kind is read.
    pub(super) fn batches_of_kinds(
        &self,
        row_group: usize,
        kinds: &'static [&'static str],
    ) -> Result<RowGroupBatches, LedgerError> {
        let column = ProjectionMask::columns(self.metadata.parquet_schema(), ["kind"]);
        let is_wanted = move |batch: RecordBatch| {
            let values =
                batch.column_by_name("kind").and_then(|column| column.as_any().downcast_ref::<StringViewArray>());
            let values = values.ok_or_else(|| ArrowError::SchemaError("there is no column of kinds".to_owned()))?;
            let wanted = values.iter().map(|kind| Some(kind.is_some_and(|kind| kinds.contains(&kind))));
            Ok(wanted.collect::<BooleanArray>())
        };
        let filter = RowFilter::new(vec![Box::new(ArrowPredicateFn::new(column, is_wanted))]);
        self.open_row_group(row_group, BATCH_ROWS, Some(filter))
    }

    /// Decodes a row group some rows at a time, in the order of the file.
    pub(super) fn batches(&self, row_group: usize) -> Result<RowGroupBatches, LedgerError> {
        self.open_row_group(row_group, BATCH_ROWS, None)
    }

    fn open_row_group(
        &self,
        row_group: usize,
        rows_max: usize,
        filter: Option<RowFilter>,
    ) -> Result<RowGroupBatches, LedgerError> {
        let place = PathBuf::from(format!("{} row group {row_group}", self.blobs.path(&self.name).display()));
        let (start, bytes) = self.row_group_bytes(row_group)?;
        let open = || {
            let chunks = RowGroupChunks { start, bytes, size: self.size };
            let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(chunks, self.metadata.clone())
                .with_row_groups(vec![row_group])
                .with_batch_size(rows_max);
            if let Some(filter) = filter {
                builder = builder.with_row_filter(filter);
            }
            builder.build()
        };
        Ok(RowGroupBatches { reader: guarded(&place, open)?, place, is_over: false })
    }

    /// The bytes of a row group in one read, and their offset.
    fn row_group_bytes(&self, row_group: usize) -> Result<(u64, Bytes), LedgerError> {
        let range = || {
            let group = self.metadata.metadata().row_groups().get(row_group)?;
            let mut bounds: Option<(u64, u64)> = None;
            for column in group.columns() {
                let (start, len) = column.byte_range();
                let end = start.checked_add(len)?;
                let (first, last) = bounds.unwrap_or((start, end));
                bounds = Some((first.min(start), last.max(end)));
            }
            bounds.filter(|(start, end)| start <= end && *end <= self.size)
        };
        let range = catch_unwind(AssertUnwindSafe(range)).ok().flatten();
        let Some((start, end)) = range else {
            let place = format!("row group {row_group}");
            return Err(LedgerError::corrupt(self.blobs.path(&self.name), place, "it does not lie inside the file"));
        };
        Ok((start, self.blobs.get_range(&self.name, start..end)?))
    }
}

/// The rows of one row group, some at a time. Nothing follows an error.
pub(super) struct RowGroupBatches {
    reader: ParquetRecordBatchReader,
    place: PathBuf,
    is_over: bool,
}

impl Iterator for RowGroupBatches {
    type Item = Result<RecordBatch, LedgerError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = guarded(&self.place, || Ok(self.reader.next().transpose()?)).transpose();
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}

/// Runs the library on bytes that may be damaged. An error of the disk stays one.
pub(super) fn guarded<T>(path: &Path, decode: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, LedgerError> {
    let columnar = |message| LedgerError::Columnar { path: path.into(), message };
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(Err(ParquetError::External(error))) => match error.downcast::<BlobError>() {
            Ok(error) => Err((*error).into()),
            Err(error) => Err(columnar(error.to_string())),
        },
        Ok(outcome) => outcome.map_err(|error| columnar(error.to_string())),
        Err(_) => Err(columnar("the bytes make no sense to the decoder".to_owned())),
    }
}

fn footer_value<'a>(metadata: &'a ParquetMetaData, key: &str) -> Option<&'a str> {
    let values = metadata.file_metadata().key_value_metadata()?;
    values.iter().find(|value| value.key == key)?.value.as_deref()
}

/// The ranges that the footer states, if they fit the row groups and follow each other.
fn ranges(metadata: &ParquetMetaData) -> Result<Vec<RowGroupRange>, String> {
    let text = footer_value(metadata, ROW_GROUPS_KEY).ok_or("it does not say which positions it holds")?;
    let pairs: Vec<(u64, u64)> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if pairs.len() != metadata.num_row_groups() {
        return Err(format!("it has {} row groups and names {}", metadata.num_row_groups(), pairs.len()));
    }
    let mut at = 0;
    let mut ranges = Vec::with_capacity(pairs.len());
    for (number, ((first_seq, end_seq), group)) in pairs.into_iter().zip(metadata.row_groups()).enumerate() {
        let fits = first_seq >= at && end_seq > first_seq && end_seq - first_seq <= ROW_GROUP_ENTRIES_MAX as u64;
        if !fits || group.num_rows() < 1 || group.num_rows().cast_unsigned() > end_seq - first_seq {
            let rows = group.num_rows();
            return Err(format!("row group {number} cannot hold {rows} rows at the positions {first_seq}..{end_seq}"));
        }
        at = end_seq;
        ranges.push(RowGroupRange { first_seq, end_seq });
    }
    Ok(ranges)
}

/// Whether the columns are the position columns of the part and columns of the table in it, each with its type.
fn check_schema(schema: &Schema, table: &'static Table, part: Part) -> Result<(), String> {
    let positions = position_columns(part);
    let same = |found: &Field, want: &Field| found.name() == want.name() && found.data_type() == want.data_type();
    let mut found = schema.fields().iter();
    for want in &positions {
        if !found.next().is_some_and(|field| same(field, want)) {
            return Err(format!("column {} is missing or has another type", want.name()));
        }
    }
    let mut last = 0;
    for field in found {
        let column = table.by_name(field.name()).filter(|column| column.part == part && column.id > last);
        let Some(column) = column else { return Err(format!("column {:?} does not belong there", field.name())) };
        if !same(field, &columnar::field(column)) {
            return Err(format!("column {} has type {}", column.name, field.data_type()));
        }
        last = column.id;
    }
    Ok(())
}

/// The columns that stand before those of the table.
fn position_columns(part: Part) -> Vec<Field> {
    let all = columnar::position_fields().into_iter();
    match part {
        Part::Facts => all.collect(),
        Part::Content => all.filter(|field| field.name() == "seq").collect(),
    }
}

/// A file as the library reads footers from it.
struct BlobChunks<'a> {
    blobs: &'a dyn Blobs,
    name: &'a str,
    size: u64,
}

impl Length for BlobChunks<'_> {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for BlobChunks<'_> {
    type T = Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        self.get_bytes(start, self.size.saturating_sub(start) as usize).map(Cursor::new)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let end = start.saturating_add(length as u64);
        self.blobs.get_range(self.name, start..end).map_err(|error| ParquetError::External(Box::new(error)))
    }
}

/// The bytes of one row group under the offsets that they have in the file.
struct RowGroupChunks {
    start: u64,
    bytes: Bytes,
    size: u64,
}

impl RowGroupChunks {
    fn slice(&self, start: u64, length: Option<usize>) -> Result<Bytes, ParquetError> {
        let from = start.checked_sub(self.start).map(|from| from as usize).filter(|from| *from <= self.bytes.len());
        let to = from.and_then(|from| length.map_or(Some(self.bytes.len()), |length| from.checked_add(length)));
        match from.zip(to).filter(|(_, to)| *to <= self.bytes.len()) {
            Some((from, to)) => Ok(self.bytes.slice(from..to)),
            None => Err(ParquetError::External(Box::new(io::Error::from(io::ErrorKind::UnexpectedEof)))),
        }
    }
}

impl Length for RowGroupChunks {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for RowGroupChunks {
    type T = Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        self.slice(start, None).map(Cursor::new)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.slice(start, Some(length))
    }
}
