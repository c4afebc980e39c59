//! Checks what no root covers and queries believe all the same (FORMAT.md section 9.1): the rows of a segment are encoded once more as
//! section 8.1 says, and every byte must come out as it is on the disk.
//!
//! It is only needed for files whose SHA-256 the ledger itself did not record.

use std::io::{self, Write};
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _};
use arrow::compute::concat_batches;
use arrow::datatypes::{Int64Type, Schema};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::schema::types::ColumnPath;
use proof::Digest;
use sha2::{Digest as _, Sha256};

use super::columns::{ColumnsFile, FORMAT, FORMAT_KEY, ROW_GROUPS_KEY, guarded};
use crate::error::VerifyError;
use crate::files::Files;
use crate::limits::ROW_GROUP_ROWS_MAX;
use crate::manifest::{File, FileKind, Segment};
use crate::table::{Part, Stored, Table};

/// Rows of a page.
const PAGE_ROWS: usize = 8_192;
/// Bytes of a page, before compression.
const PAGE_BYTES: usize = 1_040_384;
/// How often a bloom filter may say "perhaps" where it should say "no".
const BLOOM_FALSE_POSITIVES: f64 = 0.05;
/// Distinct values that a bloom filter is laid out for.
const BLOOM_VALUES: u64 = 16_384;
/// What this version's files name as their writer.
const CREATED_BY: &str = concat!("tachograph ", env!("CARGO_PKG_VERSION"));

/// Encodes the columns of a segment again and compares: the name of each file in which something is wrong, and what, or why it cannot
/// be told. The rows themselves are somebody else's to check.
pub(crate) fn check_encoding(
    files: &dyn Files,
    table: &Table,
    segment: &Segment,
) -> Vec<(String, Result<String, VerifyError>)> {
    let mut found = Vec::new();
    for (kind, part) in [(FileKind::Facts, Part::Facts), (FileKind::Content, Part::Content)] {
        let Some(file) = segment.file(kind) else { continue };
        let outcome = check_file(files, table, file, part).transpose();
        found.extend(outcome.map(|outcome| (file.name.clone(), outcome)));
    }
    found
}

/// What is wrong with one file, if anything is.
fn check_file(files: &dyn Files, table: &Table, entry: &File, part: Part) -> Result<Option<String>, VerifyError> {
    let file = ColumnsFile::open(files, &entry.name, table, part)?;
    let path = files.path(&entry.name);
    // Rows that nobody vouches for are encoded: a panic of the library is their fault. An error of reading them stays what it is.
    let mut outcome = None;
    guarded(&path, || {
        outcome = Some(encode(&file, table, part)?);
        Ok::<(), ParquetError>(())
    })?;
    match outcome.unwrap_or_else(|| Ok(Err("it cannot be encoded again".to_owned())))? {
        Err(what) => Ok(Some(what)),
        Ok((size, sha256)) if (size, sha256) == (entry.size, entry.sha256) => Ok(None),
        Ok(_) if file.created_by() != CREATED_BY => {
            Err(VerifyError::OtherEncoder { path, found: file.created_by().to_owned() })
        }
        Ok(_) => Ok(Some("its statistics, page index, bloom filters or footer are not those of its rows".to_owned())),
    }
}

/// Size and hash of the file as its rows lead to it, or in words what keeps them from being in such a file.
type Encoded = Result<Result<(u64, Digest), String>, VerifyError>;

fn encode(file: &ColumnsFile<'_>, table: &Table, part: Part) -> Result<Encoded, ParquetError> {
    // The reader adds the footer's keys to the schema; the writer knew none.
    let schema = Arc::new(Schema::new(file.schema().fields().clone()));
    // Who the file says wrote it is part of its bytes; nobody else believes that text.
    let properties = properties(table, &schema, part, file.created_by().to_owned());
    let mut writer = ArrowWriter::try_new(Hashed::default(), Arc::clone(&schema), Some(properties))?;
    for number in 0..file.ranges.len() {
        let decoded = file.decode(number, ROW_GROUP_ROWS_MAX).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        let rows = match decoded {
            Ok(batches) => concat_batches(&schema, &batches)?,
            Err(error) => return Ok(Err(error)),
        };
        if part == Part::Facts && !is_sorted(table, &rows) {
            return Ok(Ok(Err(format!("the rows of row group {number} are not in the order that it claims"))));
        }
        writer.write(&rows)?;
        writer.flush()?;
    }
    let ranges: Vec<(u64, u64)> = file.ranges.iter().map(|range| (range.start, range.end)).collect();
    let ranges = serde_json::to_string(&ranges).unwrap_or_default();
    writer.append_key_value_metadata(KeyValue::new(FORMAT_KEY.to_owned(), FORMAT.to_string()));
    writer.append_key_value_metadata(KeyValue::new(ROW_GROUPS_KEY.to_owned(), ranges));
    let Hashed { hasher, size } = writer.into_inner()?;
    Ok(Ok(Ok((size, Digest(hasher.finalize().into())))))
}

/// Whether rows ascend by the two columns that the table names and their position; nulls come first.
fn is_sorted(table: &Table, rows: &RecordBatch) -> bool {
    let text = |name| rows.column_by_name(name).and_then(|column| column.as_string_view_opt());
    let ([Some(first), Some(second)], Some(seqs)) = (
        table.sorted_by().map(text),
        rows.column_by_name("seq").and_then(|column| column.as_primitive_opt::<Int64Type>()),
    ) else {
        return false;
    };
    let key = |row: usize| {
        let [first, second] = [first, second].map(|texts| texts.is_valid(row).then(|| texts.value(row)));
        (first, second, seqs.value(row))
    };
    (1..rows.num_rows()).all(|row| key(row - 1) < key(row))
}

/// The writer's settings for a file with these columns.
fn properties(table: &Table, schema: &Schema, part: Part, created_by: String) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(created_by)
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
        .set_max_row_group_row_count(None)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_data_page_size_limit(PAGE_BYTES)
        .set_statistics_enabled(EnabledStatistics::Page);
    if part == Part::Facts {
        let [first, second] = table.sorted_by();
        let sorted = [first, second, "seq"].into_iter().filter_map(|name| schema.index_of(name).ok());
        let sorted = sorted.map(|at| SortingColumn { column_idx: at as i32, descending: false, nulls_first: true });
        builder = builder.set_sorting_columns(Some(sorted.collect()));
    }
    for field in schema.fields() {
        let stored = match (table.by_name(field.name()), field.name().as_str()) {
            (Some(column), _) => column.stored,
            (None, "seq" | "recorded") => Stored::Ascending,
            (None, _) => Stored::Repeated,
        };
        builder = column(builder, ColumnPath::from(field.name().as_str()), stored);
    }
    builder.build()
}

/// The settings of one column.
fn column(builder: WriterPropertiesBuilder, path: ColumnPath, stored: Stored) -> WriterPropertiesBuilder {
    match stored {
        Stored::Repeated => builder,
        Stored::Sought => builder
            .set_column_bloom_filter_enabled(path.clone(), true)
            .set_column_bloom_filter_fpp(path.clone(), BLOOM_FALSE_POSITIVES)
            .set_column_bloom_filter_max_ndv(path, BLOOM_VALUES),
        Stored::Ascending => builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED),
        Stored::Unique => builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_statistics_enabled(path, EnabledStatistics::None),
        Stored::Long => builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_statistics_enabled(path.clone(), EnabledStatistics::None)
            .set_column_encoding(path, Encoding::DELTA_LENGTH_BYTE_ARRAY),
    }
}

/// Hashes what is written and keeps none of it.
#[derive(Default)]
struct Hashed {
    hasher: Sha256,
    size: u64,
}

impl Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
