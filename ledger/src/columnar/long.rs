//! Columns of long values out of the compressed pages of blocks. Rows come in another order than they have in the blocks, so each page is
//! decompressed once for an array, and what the array wants of it is copied: a few pages' worth of values is in memory, and never a page
//! for each block.

use std::sync::Arc;

use arrow::array::builder::make_view;
use arrow::array::{ArrayRef, BinaryViewArray, StringViewArray};
use arrow::buffer::{Buffer, NullBuffer};
use arrow::error::ArrowError;

use crate::block::{Page, Values};
use crate::column::Kind;

/// The values of one column for rows in an order.
pub(super) struct LongColumn<'a> {
    kind: Kind,
    /// The values of each block, if it has the column.
    held: Vec<Option<&'a Values>>,
    /// The number of the block and the row of it.
    order: &'a [(u32, u32)],
    has_nulls: bool,
}

impl<'a> LongColumn<'a> {
    pub(super) fn new(kind: Kind, held: Vec<Option<&'a Values>>, order: &'a [(u32, u32)]) -> Self {
        let mut column = Self { kind, held, order, has_nulls: false };
        column.has_nulls = order.iter().any(|row| column.page(*row).is_none_or(|(_, page)| !page.has(row.1 as usize)));
        column
    }

    /// Bytes of all pages before compression.
    pub(super) fn plain_bytes(&self) -> usize {
        self.held.iter().copied().flat_map(pages).map(Page::plain_bytes).sum()
    }

    /// The array of the rows that stand in this range of the order.
    pub(super) fn array(&self, rows: std::ops::Range<usize>) -> Result<ArrayRef, ArrowError> {
        let order = self.order.get(rows).unwrap_or_default();
        // Page by page, whatever the order.
        let mut places: Vec<(u32, u32, usize)> =
            order.iter().enumerate().map(|(at, (block, row))| (*block, *row, at)).collect();
        places.sort_unstable();
        let (mut views, mut present) = (vec![0_u128; order.len()], vec![false; order.len()]);
        // Growing step by step would hold the values twice now and then.
        let mut bytes = Vec::with_capacity(self.plain_bytes() / self.order.len().max(1) * order.len());
        let mut left = places.as_slice();
        while let Some((block, row, _)) = left.first() {
            let Some((end, page)) = self.page((*block, *row)) else {
                left = &left[1..];
                continue;
            };
            let (of_page, rest) =
                left.split_at(left.partition_point(|(other, row, _)| other == block && (*row as usize) < end));
            left = rest;
            let plain = page.decompress().map_err(|error| ArrowError::ExternalError(Box::new(error)))?;
            for (_, row, at) in of_page {
                let value = plain.range(page.row_of(*row as usize)).and_then(|range| plain.bytes.get(range));
                let Some(value) = value else { continue };
                views[*at] = make_view(value, 0, bytes.len() as u32);
                present[*at] = true;
                bytes.extend_from_slice(value);
            }
        }
        // Where the library cuts pages follows from whether there is a buffer of nulls, and what is decoded has none for a column without nulls.
        let nulls = self.has_nulls.then(|| NullBuffer::from(present));
        let buffers = vec![Buffer::from_vec(bytes)];
        Ok(match self.kind {
            Kind::Text => Arc::new(StringViewArray::try_new(views.into(), buffers, nulls)?),
            Kind::Bytes | Kind::Integer | Kind::Time | Kind::Fingerprint | Kind::TextList => {
                Arc::new(BinaryViewArray::try_new(views.into(), buffers, nulls)?)
            }
        })
    }

    /// The page that covers a row, and the row after its last.
    fn page(&self, (block, row): (u32, u32)) -> Option<(usize, &'a Page)> {
        let page = Page::of_row(pages(self.held.get(block as usize).copied().flatten()), row as usize)?;
        Some((page.end_row(), page))
    }
}

fn pages(values: Option<&Values>) -> &[Page] {
    match values {
        Some(Values::Long(pages)) => pages,
        Some(Values::Coded(_)) | None => &[],
    }
}
