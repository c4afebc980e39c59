//! Blocks to columns: rows of several blocks, in any order, as Arrow arrays. Each value that repeats is looked at once; long ones are
//! gathered in `long.rs`.

use std::sync::Arc;

use arrow::array::builder::make_view;
use arrow::array::{
    Array, ArrayRef, GenericByteViewArray, Int32Array, Int64Array, ListBuilder, PrimitiveArray, StringBuilder,
    TimestampMicrosecondArray, UInt32Array, new_null_array,
};
use arrow::buffer::{Buffer, ScalarBuffer};
use arrow::compute::take;
use arrow::datatypes::{
    ArrowPrimitiveType, BinaryViewType, ByteViewType, Field, Int64Type, SchemaRef, StringViewType,
    TimestampMicrosecondType, UInt64Type,
};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::long::LongColumn;
use super::{NotCanonical, TIME_ZONE, data_type};
use crate::block::{Coded, Values};
use crate::column::{Column, Kind, Storage};
use crate::limits::PAGE_ROWS_MAX;
use crate::part;
use crate::rows::RowPlace;
use crate::tail::TailBlock;

/// The columns of a schema, which is a part of [`super::schema`], for rows of these blocks in this order: the number of the block and the
/// row of it.
pub(crate) fn gather(
    schema: &SchemaRef,
    blocks: &[&TailBlock],
    order: &[(u32, u32)],
) -> Result<RecordBatch, NotCanonical> {
    let mut gathering = Gathering::new(blocks, order);
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        columns.extend(gathering.arrays(field, usize::MAX).collect::<Result<Vec<_>, _>>()?);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(order.len()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|error| NotCanonical::Arrow(error.to_string()))
}

/// Rows of some blocks in an order, of which one column after the other is made: all at once take more memory than what they are made of.
pub(crate) struct Gathering<'a> {
    blocks: &'a [&'a TailBlock],
    order: &'a [(u32, u32)],
    places: Places<'a>,
}

impl<'a> Gathering<'a> {
    pub(crate) fn new(blocks: &'a [&'a TailBlock], order: &'a [(u32, u32)]) -> Self {
        Self { blocks, order, places: Places { blocks, order, found: None } }
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// The column of a field, which is one of [`super::schema`]: one array, or several that follow each other if its values are long and
    /// have more than `long_bytes` together, each made when it is asked for. The library's writer looks for the end of a page in so many
    /// rows at a time as a page may have, so arrays that end elsewhere would change where it cuts them.
    pub(crate) fn arrays(
        &mut self,
        field: &Field,
        long_bytes: usize,
    ) -> impl Iterator<Item = Result<ArrayRef, NotCanonical>> + use<'a> {
        let (mut whole, mut long, rows) = (None, None, self.len());
        let table = self.blocks.first().map(|block| block.block().table());
        match table.and_then(|table| table.by_name(field.name())) {
            None => whole = Some(Ok(self.position_column(field))),
            Some(column) => {
                let values = |block: &&'a TailBlock| block.block().column(column.id).map(|held| &held.values);
                let held: Vec<Option<&'a Values>> = self.blocks.iter().map(values).collect();
                if column.storage == Storage::Long && held.iter().any(Option::is_some) {
                    long = Some(LongColumn::new(column.kind, held, self.order));
                } else {
                    whole = Some(array(column, &held, self.order));
                }
            }
        }
        let pieces = long.into_iter().flat_map(move |long| {
            let arrays = long.plain_bytes().div_ceil(long_bytes).max(1);
            let rows_max = rows.div_ceil(arrays).max(1).next_multiple_of(PAGE_ROWS_MAX);
            (0..rows).step_by(rows_max).map(move |first| long.array(first..rows.min(first + rows_max)))
        });
        whole.into_iter().chain(pieces).map(|array| array.map_err(|error| NotCanonical::Arrow(error.to_string())))
    }

    fn position_column(&mut self, field: &Field) -> ArrayRef {
        let places = &mut self.places;
        match field.name().as_str() {
            "shard" => places.column::<Int32Array, _>(|shard, _| shard.cast_signed()),
            "seq" => places.column::<Int64Array, _>(|_, place| place.seq.cast_signed()),
            "batch" => places.column::<Int64Array, _>(|_, place| place.batch.cast_signed()),
            "recorded" => {
                let times: TimestampMicrosecondArray = places.all(|_, place| place.recorded).into();
                Arc::new(times.with_timezone(TIME_ZONE))
            }
            "flags" => places.column::<Int32Array, _>(|_, place| place.flags.cast_signed()),
            _ => new_null_array(field.data_type(), self.order.len()),
        }
    }
}

/// What the ledger knows of rows beside their columns.
struct Places<'a> {
    blocks: &'a [&'a TailBlock],
    order: &'a [(u32, u32)],
    /// Shard and place of each row, once a column asked for them.
    found: Option<Vec<(u32, RowPlace)>>,
}

impl Places<'_> {
    fn all<T>(&mut self, of: impl Fn(u32, RowPlace) -> T) -> Vec<T> {
        let (blocks, order) = (self.blocks, self.order);
        let place = |(block, row): &(u32, u32)| {
            let block = blocks.get(*block as usize)?;
            Some((block.shard(), block.place(*row as usize)))
        };
        let found = self.found.get_or_insert_with(|| order.iter().filter_map(place).collect());
        found.iter().map(|(shard, place)| of(*shard, *place)).collect()
    }

    fn column<A: From<Vec<T>> + Array + 'static, T>(&mut self, of: impl Fn(u32, RowPlace) -> T) -> ArrayRef {
        Arc::new(A::from(self.all(of)))
    }
}

/// One column of values that are not long.
fn array(column: &Column, held: &[Option<&Values>], order: &[(u32, u32)]) -> Result<ArrayRef, ArrowError> {
    if held.iter().all(Option::is_none) {
        return Ok(new_null_array(&data_type(column.kind), order.len()));
    }
    match column.kind {
        Kind::Integer => Ok(Arc::new(numbers::<Int64Type>(held, order, i64::from_be_bytes))),
        Kind::Time => {
            let times = numbers::<TimestampMicrosecondType>(held, order, i64::from_be_bytes);
            Ok(Arc::new(times.with_timezone(TIME_ZONE)))
        }
        Kind::Fingerprint => Ok(Arc::new(numbers::<UInt64Type>(held, order, u64::from_be_bytes))),
        Kind::Text => coded_views::<StringViewType>(held, order),
        Kind::Bytes => coded_views::<BinaryViewType>(held, order),
        Kind::TextList => Ok(lists(held, order)),
    }
}

fn numbers<T: ArrowPrimitiveType>(
    held: &[Option<&Values>],
    order: &[(u32, u32)],
    read: impl Fn([u8; 8]) -> T::Native,
) -> PrimitiveArray<T> {
    let value = |(block, row): &(u32, u32)| {
        let Some(Values::Coded(coded)) = held.get(*block as usize).copied().flatten() else { return None };
        coded.value(coded.code(*row as usize)).and_then(|value| value.try_into().ok()).map(&read)
    };
    order.iter().map(value).collect()
}

fn lists(held: &[Option<&Values>], order: &[(u32, u32)]) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for (block, row) in order {
        let values = coded(held.get(*block as usize).copied().flatten());
        let value = values.and_then(|coded| coded.value(coded.code(*row as usize)));
        for element in part::list_elements(value.unwrap_or_default()).flatten() {
            builder.values().append_value(std::str::from_utf8(element).unwrap_or_default());
        }
        builder.append(value.is_some());
    }
    Arc::new(builder.finish())
}

/// A view of each distinct value is made and checked once, and then taken for each row that has it.
fn coded_views<T: ByteViewType>(held: &[Option<&Values>], order: &[(u32, u32)]) -> Result<ArrayRef, ArrowError> {
    let (mut views, mut buffers, mut first) = (Vec::new(), Vec::new(), Vec::with_capacity(held.len()));
    for values in held {
        first.push(views.len() as u32);
        let Some(coded) = coded(*values) else { continue };
        let (buffer, mut start) = (buffers.len() as u32, 0);
        for end in &coded.ends {
            views.push(make_view(coded.bytes.get(start as usize..*end as usize).unwrap_or_default(), buffer, start));
            start = *end;
        }
        buffers.push(Buffer::from_slice_ref(&coded.bytes));
    }
    let distinct = GenericByteViewArray::<T>::try_new(ScalarBuffer::from(views), buffers, None)?;
    let number = |(block, row): &(u32, u32)| {
        let code = coded(held.get(*block as usize).copied().flatten())?.code(*row as usize);
        Some(first.get(*block as usize)? + u32::from(code.checked_sub(1)?))
    };
    take(&distinct, &order.iter().map(number).collect::<UInt32Array>(), None)
}

fn coded(values: Option<&Values>) -> Option<&Coded> {
    match values {
        Some(Values::Coded(coded)) => Some(coded),
        Some(Values::Long(_)) | None => None,
    }
}
