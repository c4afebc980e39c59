//! Pages of long values: some rows of one column, compressed in one piece.
//!
//! The bytes of a page are `*( length u32, little-endian ‖ value )` over the rows that have a value: what Parquet calls PLAIN.

use std::cell::Cell;
use std::ops::{Deref, Range};
use std::sync::OnceLock;

use arrow::buffer::Buffer;

use super::NotABlock;
use crate::limits::{BLOCK_PAGE_BYTES_MAX, BLOCK_PAGE_ROWS_MAX};

/// Bytes that are reserved for the values of a page at first, at most: most pages have dozens of rows of one kind.
const FIRST_BYTES: usize = 64 << 10;
/// Stands for a null.
const NULL: u32 = u32::MAX;
/// Bytes before a value.
const LENGTH: usize = 4;

thread_local! {
    /// The bytes of the page that was closed last: growing them anew for each page costs as much as filling them.
    static KEPT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Keeps the memory of a page that was closed for the next one of this thread.
fn keep(mut bytes: Vec<u8>) {
    bytes.clear();
    bytes.shrink_to(2 * BLOCK_PAGE_BYTES_MAX);
    KEPT.set(bytes);
}

/// One page.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    /// Its number among all pages of the block.
    pub(super) number: usize,
    /// Its first row.
    pub(super) first_row: usize,
    /// Which of its rows have a value.
    pub(super) present: Vec<bool>,
    /// Bytes before compression.
    pub(super) raw_len: usize,
    pub(super) body: Body,
}

#[derive(Debug, Clone)]
pub(super) enum Body {
    /// Rows are still added.
    Open(Plain<Vec<u8>>),
    /// The bytes as they are stored.
    Stored { compressed: bool, bytes: Box<[u8]> },
}

/// The values of a page, and where they are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plain<B> {
    pub(crate) bytes: B,
    /// For each row where its length stands, or that it is null.
    starts: Vec<u32>,
}

/// Pages of one block that were decompressed for one reader. They are kept as long as the reader keeps them.
#[derive(Debug, Clone, Default)]
pub struct Pages(Box<[OnceLock<Plain<Buffer>>]>);

impl Pages {
    pub(super) fn of(count: usize) -> Self {
        Self((0..count).map(|_| OnceLock::new()).collect())
    }
}

impl<B: Deref<Target = [u8]>> Plain<B> {
    /// Where the value of a row of the page lies.
    pub(crate) fn range(&self, row: usize) -> Option<Range<usize>> {
        let start = self.starts.get(row).copied().filter(|start| *start != NULL)? as usize;
        let len = self.bytes.get(start..start + LENGTH)?;
        let from = start + LENGTH;
        Some(from..from + u32::from_le_bytes(len.try_into().ok()?) as usize)
    }

    fn value(&self, row: usize) -> Option<&[u8]> {
        self.bytes.get(self.range(row)?)
    }
}

impl Page {
    /// A page that takes rows from `first_row` on.
    pub(super) fn open(number: usize, first_row: usize) -> Self {
        Self { number, first_row, present: Vec::new(), raw_len: 0, body: Body::Open(Plain::default()) }
    }

    /// The page that covers a row, if any does.
    #[inline]
    pub(crate) fn of_row(pages: &[Self], row: usize) -> Option<&Self> {
        pages.get(pages.partition_point(|page| page.first_row <= row).checked_sub(1)?)
    }

    /// Whether it should take no more.
    pub(super) fn is_full(&self) -> bool {
        self.present.len() >= BLOCK_PAGE_ROWS_MAX || self.raw_len >= BLOCK_PAGE_BYTES_MAX
    }

    /// Bytes of its values with their lengths, before compression.
    pub(crate) fn plain_bytes(&self) -> usize {
        self.raw_len
    }

    pub(crate) fn end_row(&self) -> usize {
        self.first_row + self.present.len()
    }

    /// Adds a row.
    pub(super) fn push(&mut self, value: Option<&[u8]>) {
        let Body::Open(plain) = &mut self.body else { return };
        self.present.push(value.is_some());
        plain.starts.push(value.map_or(NULL, |_| plain.bytes.len() as u32));
        if let Some(value) = value {
            if plain.bytes.is_empty() {
                plain.bytes = KEPT.take();
                plain.bytes.reserve((value.len() * 64).min(FIRST_BYTES));
            }
            plain.bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
            plain.bytes.extend_from_slice(value);
            self.raw_len = plain.bytes.len();
        }
    }

    #[inline]
    pub(crate) fn has(&self, row: usize) -> bool {
        self.present.get(row - self.first_row).copied().unwrap_or(false)
    }

    pub(super) fn mean_value_bytes(&self) -> usize {
        let values = self.present.iter().filter(|present| **present).count();
        self.raw_len.saturating_sub(values * LENGTH) / values.max(1)
    }

    #[inline]
    pub(super) fn value<'a>(&'a self, row: usize, pages: &'a Pages) -> Option<&'a [u8]> {
        let row = row.checked_sub(self.first_row)?;
        match &self.body {
            Body::Open(plain) => plain.value(row),
            Body::Stored { .. } if !*self.present.get(row)? => None,
            Body::Stored { .. } => self.plain(pages)?.value(row),
        }
    }

    /// The values of a page that takes no more rows.
    fn plain<'a>(&self, pages: &'a Pages) -> Option<&'a Plain<Buffer>> {
        let place = pages.0.get(self.number)?;
        // What was closed or decoded here was whole then.
        Some(place.get_or_init(|| self.decompress().unwrap_or_default()))
    }

    /// Decompresses a page that was read, and says what is wrong with it.
    pub(super) fn check(&self, pages: &Pages) -> Result<(), NotABlock> {
        let plain = self.decompress()?;
        if let Some(place) = pages.0.get(self.number) {
            place.get_or_init(|| plain);
        }
        Ok(())
    }

    /// The row of the page that a row of the block is.
    pub(crate) fn row_of(&self, row: usize) -> usize {
        row - self.first_row
    }

    /// Takes no more rows. Pages that get smaller by it are compressed.
    pub(super) fn close(&mut self) {
        let Body::Open(plain) = &mut self.body else { return };
        let bytes = std::mem::take(&mut plain.bytes);
        let smaller = super::codec::compress(&bytes);
        let compressed = smaller.is_some();
        self.body = Body::Stored { compressed, bytes: smaller.unwrap_or_else(|| bytes.as_slice().into()) };
        keep(bytes);
    }

    /// The values from the stored bytes, or what is wrong with these.
    pub(crate) fn decompress(&self) -> Result<Plain<Buffer>, NotABlock> {
        let bytes = match &self.body {
            Body::Open(plain) => plain.bytes.clone(),
            Body::Stored { compressed, bytes } => super::codec::decompress(*compressed, bytes, self.raw_len)?,
        };
        let (mut starts, mut at) = (Vec::with_capacity(self.present.len()), 0_usize);
        for present in &self.present {
            if !present {
                starts.push(NULL);
                continue;
            }
            let len = bytes.get(at..at + LENGTH).and_then(|len| len.try_into().ok()).map(u32::from_le_bytes);
            let len = len.ok_or(NotABlock("a page ends before its last value"))? as usize;
            starts.push(at as u32);
            at = at.saturating_add(LENGTH).saturating_add(len);
            if at > bytes.len() {
                return Err(NotABlock("a page ends inside of a value"));
            }
        }
        if at != bytes.len() {
            return Err(NotABlock("bytes follow the last value of a page"));
        }
        Ok(Plain { bytes: Buffer::from_vec(bytes), starts })
    }
}
