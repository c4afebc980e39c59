//! Blocks to columns: rows of several blocks, in any order, as Arrow arrays. Each value that repeats is looked at once.

use std::sync::Arc;

use arrow::array::builder::make_view;
use arrow::array::{
    Array, ArrayRef, GenericByteViewArray, Int32Array, Int64Array, ListBuilder, PrimitiveArray, StringBuilder,
    TimestampMicrosecondArray, UInt32Array, new_null_array,
};
use arrow::buffer::{Buffer, NullBuffer, ScalarBuffer};
use arrow::compute::take;
use arrow::datatypes::{
    ArrowPrimitiveType, BinaryViewType, ByteViewType, Field, Int64Type, SchemaRef, StringViewType,
    TimestampMicrosecondType, UInt64Type,
};
use arrow::error::ArrowError;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use proof::part;

use super::{NotCanonical, TIME_ZONE, data_type};
use crate::block::{Coded, Pages, Values};
use crate::column::{Column, Kind};
use crate::rows::RowPlace;
use crate::tail::TailBlock;

/// A block that rows are taken from, with room for its decompressed pages.
pub(crate) struct Piece<'a> {
    pub(crate) rows: &'a TailBlock,
    pub(crate) pages: &'a Pages,
}

/// The columns of a schema, which is a part of [`super::schema`], for rows of these pieces in this order: the number of the piece and the
/// row of it.
pub(crate) fn gather(
    schema: &SchemaRef,
    pieces: &[Piece<'_>],
    order: &[(u32, u32)],
) -> Result<RecordBatch, NotCanonical> {
    let mut gathering = Gathering::new(pieces, order);
    let columns = schema.fields().iter().map(|field| gathering.column(field)).collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(order.len()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options).map_err(refused)
}

/// Rows of some pieces in an order, of which one column after the other is made: all at once take more memory than what they are made of.
pub(crate) struct Gathering<'a> {
    pieces: &'a [Piece<'a>],
    order: &'a [(u32, u32)],
    places: Places<'a>,
}

impl<'a> Gathering<'a> {
    pub(crate) fn new(pieces: &'a [Piece<'a>], order: &'a [(u32, u32)]) -> Self {
        Self { pieces, order, places: Places { pieces, order, found: None } }
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// The column of a field, which is one of [`super::schema`].
    pub(crate) fn column(&mut self, field: &Field) -> Result<ArrayRef, NotCanonical> {
        let (places, table) = (&mut self.places, self.pieces.first().map(|piece| piece.rows.block().table()));
        let column = table.and_then(|table| table.by_name(field.name()));
        Ok(match (field.name().as_str(), column) {
            ("shard", _) => places.column::<Int32Array, _>(|shard, _| shard.cast_signed()),
            ("seq", _) => places.column::<Int64Array, _>(|_, place| place.seq.cast_signed()),
            ("batch", _) => places.column::<Int64Array, _>(|_, place| place.batch.cast_signed()),
            ("recorded", _) => {
                let times: TimestampMicrosecondArray = places.all(|_, place| place.recorded).into();
                Arc::new(times.with_timezone(TIME_ZONE))
            }
            ("flags", _) => places.column::<Int32Array, _>(|_, place| place.flags.cast_signed()),
            (_, Some(column)) => array(column, self.pieces, self.order).map_err(refused)?,
            (_, None) => new_null_array(field.data_type(), self.order.len()),
        })
    }
}

fn refused(error: ArrowError) -> NotCanonical {
    NotCanonical::Arrow(error.to_string())
}

/// What the ledger knows of rows beside their columns.
struct Places<'a> {
    pieces: &'a [Piece<'a>],
    order: &'a [(u32, u32)],
    /// Shard and place of each row, once a column asked for them.
    found: Option<Vec<(u32, RowPlace)>>,
}

impl Places<'_> {
    fn all<T>(&mut self, of: impl Fn(u32, RowPlace) -> T) -> Vec<T> {
        let (pieces, order) = (self.pieces, self.order);
        let place = |(piece, row): &(u32, u32)| {
            let rows = pieces.get(*piece as usize)?.rows;
            Some((rows.shard(), rows.place(*row as usize)))
        };
        let found = self.found.get_or_insert_with(|| order.iter().filter_map(place).collect());
        found.iter().map(|(shard, place)| of(*shard, *place)).collect()
    }

    fn column<A: From<Vec<T>> + Array + 'static, T>(&mut self, of: impl Fn(u32, RowPlace) -> T) -> ArrayRef {
        Arc::new(A::from(self.all(of)))
    }
}

/// One column of rows.
fn array(column: &Column, pieces: &[Piece<'_>], order: &[(u32, u32)]) -> Result<ArrayRef, ArrowError> {
    let held: Vec<Option<&Values>> =
        pieces.iter().map(|piece| piece.rows.block().column(column.id).map(|held| &held.values)).collect();
    if held.iter().all(Option::is_none) {
        return Ok(new_null_array(&data_type(column.kind), order.len()));
    }
    match column.kind {
        Kind::Integer => Ok(Arc::new(numbers::<Int64Type>(&held, order, i64::from_be_bytes))),
        Kind::Time => {
            let times = numbers::<TimestampMicrosecondType>(&held, order, i64::from_be_bytes);
            Ok(Arc::new(times.with_timezone(TIME_ZONE)))
        }
        Kind::Fingerprint => Ok(Arc::new(numbers::<UInt64Type>(&held, order, u64::from_be_bytes))),
        Kind::Text => views::<StringViewType>(pieces, &held, order),
        Kind::Bytes => views::<BinaryViewType>(pieces, &held, order),
        Kind::TextList => Ok(lists(column, pieces, order)),
    }
}

fn numbers<T: ArrowPrimitiveType>(
    held: &[Option<&Values>],
    order: &[(u32, u32)],
    read: impl Fn([u8; 8]) -> T::Native,
) -> PrimitiveArray<T> {
    let value = |(piece, row): &(u32, u32)| {
        let Some(Values::Coded(coded)) = held.get(*piece as usize).copied().flatten() else { return None };
        coded.value(coded.code(*row as usize)).and_then(|value| value.try_into().ok()).map(&read)
    };
    order.iter().map(value).collect()
}

fn lists(column: &Column, pieces: &[Piece<'_>], order: &[(u32, u32)]) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for (piece, row) in order {
        let value = pieces
            .get(*piece as usize)
            .and_then(|piece| piece.rows.block().value(column.id, *row as usize, piece.pages));
        for element in part::list_elements(value.unwrap_or_default()).flatten() {
            builder.values().append_value(std::str::from_utf8(element).unwrap_or_default());
        }
        builder.append(value.is_some());
    }
    Arc::new(builder.finish())
}

fn views<T: ByteViewType>(
    pieces: &[Piece<'_>],
    held: &[Option<&Values>],
    order: &[(u32, u32)],
) -> Result<ArrayRef, ArrowError> {
    let is_long = held.iter().flatten().any(|values| matches!(values, Values::Long(_)));
    if is_long { long_views::<T>(pieces, held, order) } else { coded_views::<T>(held, order) }
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
    let number = |(piece, row): &(u32, u32)| {
        let code = coded(held.get(*piece as usize).copied().flatten())?.code(*row as usize);
        Some(first.get(*piece as usize)? + u32::from(code.checked_sub(1)?))
    };
    take(&distinct, &order.iter().map(number).collect::<UInt32Array>(), None)
}

fn coded(values: Option<&Values>) -> Option<&Coded> {
    match values {
        Some(Values::Coded(coded)) => Some(coded),
        Some(Values::Long(_)) | None => None,
    }
}

/// Views into the decompressed pages, which are not copied.
fn long_views<T: ByteViewType>(
    pieces: &[Piece<'_>],
    held: &[Option<&Values>],
    order: &[(u32, u32)],
) -> Result<ArrayRef, ArrowError> {
    let (mut buffers, mut first) = (Vec::new(), Vec::with_capacity(held.len()));
    for (piece, values) in pieces.iter().zip(held) {
        first.push(buffers.len());
        if let Some(Values::Long(pages)) = values {
            let bytes =
                pages.iter().map(|page| page.plain(piece.pages).map(|plain| plain.bytes.clone()).unwrap_or_default());
            buffers.extend(bytes);
        }
    }
    let view = |(piece, row): &(u32, u32)| {
        let (at, row) = (*piece as usize, *row as usize);
        let Some(Values::Long(pages)) = held.get(at).copied().flatten() else { return None };
        let number = pages.partition_point(|page| page.first_row() <= row).checked_sub(1)?;
        let page = pages.get(number)?;
        let plain = page.plain(pieces.get(at)?.pages)?;
        let range = plain.range(page.row_of(row))?;
        let value = plain.bytes.as_slice().get(range.clone())?;
        Some(make_view(value, (first.get(at)? + number) as u32, range.start as u32))
    };
    let views: Vec<Option<u128>> = order.iter().map(view).collect();
    let nulls: NullBuffer = views.iter().map(Option::is_some).collect();
    // Where the library cuts pages follows from whether there is a buffer of nulls, and what is decoded has none for a column without nulls.
    let nulls = Some(nulls).filter(|nulls| nulls.null_count() > 0);
    let views: Vec<u128> = views.into_iter().map(Option::unwrap_or_default).collect();
    Ok(Arc::new(GenericByteViewArray::<T>::try_new(views.into(), buffers, nulls)?))
}
