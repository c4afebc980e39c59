//! One Parquet file of a segment: its footer is checked once, then row groups are decoded, and rows become parts again.
//!
//! Nothing in the file is believed: whatever the library makes of damaged bytes, a panic included, is an error that names the file and
//! the row group.

use std::io::{self, Cursor};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray as _, BinaryViewArray, ListArray, StringArray, StringViewArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit, TimestampMicrosecondType, UInt64Type};
use arrow::record_batch::RecordBatch;
use bytes::Bytes;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{ChunkReader, Length};

use crate::error::VerifyError;
use crate::files::Files;
use crate::limits::ROW_GROUP_ROWS_MAX;
use crate::part::{put, put_list, put_number, put_short};
use crate::table::{Kind, Part, Table};

/// The newest format that this version reads.
pub(super) const FORMAT: u32 = 1;
/// The footer's key of the format.
pub(super) const FORMAT_KEY: &str = "tachograph.format";
/// The footer's key of the positions that row groups cover.
pub(super) const ROW_GROUPS_KEY: &str = "tachograph.row_groups";

/// An open Parquet file of a segment.
pub(super) struct ColumnsFile<'a> {
    files: &'a dyn Files,
    pub(super) name: &'a str,
    size: u64,
    metadata: ArrowReaderMetadata,
    /// The positions that each row group covers, in order.
    pub(super) ranges: Vec<Range<u64>>,
}

impl<'a> ColumnsFile<'a> {
    /// Reads the footer of the file that holds `part`, and checks that its columns are those of the table.
    pub(super) fn open(files: &'a dyn Files, name: &'a str, table: &Table, part: Part) -> Result<Self, VerifyError> {
        let path = files.path(name);
        let size = files.size(name).map_err(VerifyError::io("look at", &path))?;
        let whole = Whole { files, name, size };
        let metadata = guarded(&path, || ArrowReaderMetadata::load(&whole, ArrowReaderOptions::new()))?;
        let format = footer_value(metadata.metadata(), FORMAT_KEY).and_then(|text| text.parse().ok());
        match format {
            None => return Err(VerifyError::Foreign { path, expected: "segment file" }),
            Some(found) if found > FORMAT => {
                return Err(VerifyError::NewerFormat { path, found, supported: FORMAT });
            }
            Some(_) => {}
        }
        let corrupt = |what: String| VerifyError::corrupt(&path, "footer", what);
        check_schema(metadata.schema(), table, part).map_err(corrupt)?;
        let ranges = ranges(metadata.metadata()).map_err(corrupt)?;
        Ok(Self { files, name, size, metadata, ranges })
    }

    /// The columns as the file has them.
    pub(super) fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// Who the file says wrote it.
    pub(super) fn created_by(&self) -> &str {
        self.metadata.metadata().file_metadata().created_by().unwrap_or_default()
    }

    /// Bytes that a row group takes in the file.
    pub(super) fn stored_bytes(&self, row_group: usize) -> u64 {
        let group = self.metadata.metadata().row_groups().get(row_group);
        group.map_or(0, |group| group.compressed_size().max(0).cast_unsigned())
    }

    /// Starts to decode a row group, `rows` rows at a time in the order of the file.
    pub(super) fn decode(&self, row_group: usize, rows: usize) -> Result<Batches, VerifyError> {
        let path = PathBuf::from(format!("{} row group {row_group}", self.files.path(self.name).display()));
        let Some(Range { start, end }) = self.place_of(row_group) else {
            let place = format!("row group {row_group}");
            return Err(VerifyError::corrupt(self.files.path(self.name), place, "it does not lie inside the file"));
        };
        let bytes =
            self.files.read(self.name, start..end).map_err(VerifyError::io("read", self.files.path(self.name)))?;
        let reader = guarded(&path, || {
            ParquetRecordBatchReaderBuilder::new_with_metadata(
                Piece { start, bytes, size: self.size },
                self.metadata.clone(),
            )
            .with_row_groups(vec![row_group])
            .with_batch_size(rows)
            .build()
        })?;
        Ok(Batches { path, reader })
    }

    /// Where the bytes of a row group lie.
    fn place_of(&self, row_group: usize) -> Option<Range<u64>> {
        let place = || {
            let group = self.metadata.metadata().row_groups().get(row_group)?;
            let mut place: Option<Range<u64>> = None;
            for column in group.columns() {
                let (start, length) = column.byte_range();
                let end = start.checked_add(length)?;
                let before = place.unwrap_or(start..end);
                place = Some(before.start.min(start)..before.end.max(end));
            }
            place.filter(|place| place.start <= place.end && place.end <= self.size)
        };
        // The library panics on offsets that make no sense.
        catch_unwind(AssertUnwindSafe(place)).ok().flatten()
    }
}

/// The rows of a row group, some at a time.
pub(super) struct Batches {
    path: PathBuf,
    reader: ParquetRecordBatchReader,
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, VerifyError>;

    fn next(&mut self) -> Option<Self::Item> {
        guarded(&self.path, || self.reader.next().transpose().map_err(ParquetError::from)).transpose()
    }
}

/// Runs the library on bytes that may be damaged. An error of the disk stays one.
pub(super) fn guarded<T>(path: &Path, decode: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, VerifyError> {
    let columnar = |message| VerifyError::Columnar { path: path.into(), message };
    match catch_unwind(AssertUnwindSafe(decode)) {
        Ok(Err(ParquetError::External(error))) => match error.downcast::<io::Error>() {
            Ok(error) => Err(VerifyError::io("read", path)(*error)),
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
fn ranges(metadata: &ParquetMetaData) -> Result<Vec<Range<u64>>, String> {
    let text = footer_value(metadata, ROW_GROUPS_KEY).ok_or("it does not say which positions it holds")?;
    let pairs: Vec<(u64, u64)> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if pairs.len() != metadata.num_row_groups() {
        return Err(format!("it has {} row groups and names {}", metadata.num_row_groups(), pairs.len()));
    }
    let mut before = 0;
    for (number, ((first, end), group)) in pairs.iter().zip(metadata.row_groups()).enumerate() {
        let positions = end.checked_sub(*first).filter(|positions| *positions <= ROW_GROUP_ROWS_MAX as u64);
        let rows = u64::try_from(group.num_rows()).unwrap_or(0);
        if *first < before || rows == 0 || positions.is_none_or(|positions| rows > positions) {
            return Err(format!("row group {number} cannot hold {rows} rows at the positions {first}..{end}"));
        }
        before = *end;
    }
    Ok(pairs.into_iter().map(|(first, end)| first..end).collect())
}

/// The type of a kind of values in Arrow.
fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Text => DataType::Utf8View,
        Kind::Integer => DataType::Int64,
        Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Kind::Fingerprint => DataType::UInt64,
        Kind::Bytes => DataType::BinaryView,
        Kind::TextList => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
    }
}

/// The columns that stand before those of the table.
fn positions(part: Part) -> Vec<(&'static str, DataType)> {
    let seq = ("seq", DataType::Int64);
    match part {
        Part::Content => vec![seq],
        Part::Facts => vec![
            ("shard", DataType::Int32),
            seq,
            ("batch", DataType::Int64),
            ("recorded", data_type(Kind::Time)),
            ("flags", DataType::Int32),
        ],
    }
}

/// Whether the columns are the position columns of the part and columns of the table in it, each with its type.
fn check_schema(schema: &Schema, table: &Table, part: Part) -> Result<(), String> {
    let mut fields = schema.fields().iter();
    for (name, data_type) in positions(part) {
        if !fields.next().is_some_and(|field| field.name() == name && *field.data_type() == data_type) {
            return Err(format!("column {name} is missing or has another type"));
        }
    }
    let mut before = 0;
    for field in fields {
        let column = table.by_name(field.name()).filter(|column| column.part == part && column.id > before);
        let Some(column) = column else { return Err(format!("column {:?} does not belong there", field.name())) };
        if *field.data_type() != data_type(column.kind) {
            return Err(format!("column {} has type {}", column.name, field.data_type()));
        }
        before = column.id;
    }
    Ok(())
}

/// Writes one part of the rows of a batch. Columns that no row has cost nothing.
pub(super) struct PartWriter<'a>(Vec<(u8, Values<'a>)>);

/// The values of one column, and which rows have none.
enum Values<'a> {
    Text(&'a StringViewArray),
    Bytes(&'a BinaryViewArray),
    Signed(&'a [i64], Option<&'a NullBuffer>),
    Unsigned(&'a [u64], Option<&'a NullBuffer>),
    Texts(&'a ListArray, &'a StringArray),
}

impl<'a> PartWriter<'a> {
    /// A writer of the columns of `part`; their types were checked with the footer. `Err` says in words what is wrong.
    pub(super) fn of(table: &Table, batch: &'a RecordBatch, part: Part) -> Result<Self, String> {
        let schema = batch.schema_ref();
        let mut columns = Vec::new();
        for (field, array) in schema.fields().iter().zip(batch.columns()) {
            let Some(column) = table.by_name(field.name()).filter(|column| column.part == part) else { continue };
            if array.null_count() == array.len() {
                continue;
            }
            let other = || format!("column {} has type {}", column.name, array.data_type());
            columns.push((column.id, Values::of(column.kind, array).ok_or_else(other)?));
        }
        columns.sort_by_key(|(id, _)| *id);
        let has_null =
            columns.iter().any(|(_, values)| matches!(values, Values::Texts(_, texts) if texts.null_count() > 0));
        if has_null { Err("a list holds no text where one belongs".to_owned()) } else { Ok(Self(columns)) }
    }

    /// Appends the part of a row; one without columns appends nothing.
    pub(super) fn write(&self, row: usize, part: &mut Vec<u8>) {
        let has = |nulls: Option<&NullBuffer>| nulls.is_none_or(|nulls| nulls.is_valid(row));
        for (id, values) in &self.0 {
            match values {
                Values::Text(array) if array.is_valid(row) => match short(array.views()[row]) {
                    Some((bytes, length)) => put_short(part, *id, bytes, length),
                    None => put(part, *id, array.value(row).as_bytes()),
                },
                Values::Bytes(array) if array.is_valid(row) => put(part, *id, array.value(row)),
                Values::Signed(numbers, nulls) if has(*nulls) => put_number(part, *id, numbers[row].to_be_bytes()),
                Values::Unsigned(numbers, nulls) if has(*nulls) => put_number(part, *id, numbers[row].to_be_bytes()),
                Values::Texts(lists, texts) if lists.is_valid(row) => {
                    let [start, end] = [row, row + 1].map(|at| lists.value_offsets()[at] as usize);
                    put_list(part, *id, (start..end).map(|at| texts.value(at).as_bytes()));
                }
                _ => {}
            }
        }
    }
}

/// The bytes of a text that lies in its view, which says its length first; `None` for a longer one.
#[inline]
fn short(view: u128) -> Option<([u8; 12], usize)> {
    let view = view.to_le_bytes();
    let (length, bytes) = view.split_first_chunk::<4>()?;
    let length = u32::from_le_bytes(*length) as usize;
    Some((bytes.try_into().ok()?, length)).filter(|_| length <= 12)
}

impl<'a> Values<'a> {
    fn of(kind: Kind, array: &'a dyn Array) -> Option<Self> {
        let nulls = array.nulls();
        Some(match kind {
            Kind::Text => Self::Text(array.as_string_view_opt()?),
            Kind::Bytes => Self::Bytes(array.as_binary_view_opt()?),
            Kind::Integer => Self::Signed(array.as_primitive_opt::<Int64Type>()?.values(), nulls),
            Kind::Time => Self::Signed(array.as_primitive_opt::<TimestampMicrosecondType>()?.values(), nulls),
            Kind::Fingerprint => Self::Unsigned(array.as_primitive_opt::<UInt64Type>()?.values(), nulls),
            Kind::TextList => {
                let lists = array.as_list_opt::<i32>()?;
                Self::Texts(lists, lists.values().as_string_opt::<i32>()?)
            }
        })
    }
}

/// A file as the library reads its footer.
struct Whole<'a> {
    files: &'a dyn Files,
    name: &'a str,
    size: u64,
}

impl Length for Whole<'_> {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Whole<'_> {
    type T = Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        self.get_bytes(start, self.size.saturating_sub(start) as usize).map(Cursor::new)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let read = self.files.read(self.name, start..start.saturating_add(length as u64));
        read.map_err(|error| ParquetError::External(Box::new(error)))
    }
}

/// The bytes of one row group under the offsets that they have in the file.
struct Piece {
    start: u64,
    bytes: Bytes,
    size: u64,
}

impl Piece {
    fn from(&self, start: u64, length: Option<usize>) -> Result<Bytes, ParquetError> {
        let rest = start.checked_sub(self.start).and_then(|from| self.bytes.get(from as usize..));
        let part = rest.and_then(|rest| rest.get(..length.unwrap_or(rest.len())));
        let cut = || ParquetError::External(Box::new(io::Error::from(io::ErrorKind::UnexpectedEof)));
        part.map(|part| self.bytes.slice_ref(part)).ok_or_else(cut)
    }
}

impl Length for Piece {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for Piece {
    type T = Cursor<Bytes>;

    fn get_read(&self, start: u64) -> Result<Self::T, ParquetError> {
        self.from(start, None).map(Cursor::new)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.from(start, Some(length))
    }
}
