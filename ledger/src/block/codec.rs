//! The bytes of a block in the WAL (FORMAT.md section 7.1). What is read is checked whole: a block that was read has only values of the
//! kinds of its columns.

use std::cell::RefCell;
use std::io;
use std::thread::LocalKey;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::compress_bound;

use super::builder::{BLOCK_ROWS_MAX, check_values};
use super::page::{Body, Page};
use super::{Block, Coded, Held, NotABlock, Pages, Values};
use crate::column::{Kind, Storage, Table};
#[cfg(test)]
use crate::fixtures::mistakes::{self, bit};
use crate::limits::{BLOCK_BYTES_MAX, BLOCK_PAGE_BYTES_MAX, ENTRY_BYTES_MAX};
use crate::part::{read_length, write_length};

/// Bytes of a block before its sections: the number of rows.
pub(crate) const BLOCK_HEADER_LEN: usize = 4;
/// The level of zstd: higher ones cost more than they save.
const LEVEL: i32 = 1;
/// What is shorter is not compressed: it would save little, and setting up the compressor costs more than compressing it.
const COMPRESSED_LEN_MIN: usize = 4 << 10;
/// Bytes that a thread keeps as room for what is compressed: enough for a page.
const ROOM_BYTES_KEPT: usize = 2 * BLOCK_PAGE_BYTES_MAX;
/// How the numbers of a column's values stand in a block.
const ALL_FIRST: u8 = 0;
const IN_ORDER: u8 = 1;
const LISTED: u8 = 2;
/// Which rows of a page have a value.
const ALL: u8 = 0;
const SOME: u8 = 1;

thread_local! {
    /// A compressor's tables are set up once for each thread: that costs more than a small page. So is room for what it makes.
    static COMPRESSOR: RefCell<Option<(Compressor<'static>, Vec<u8>)>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// Compresses bytes, if that makes them smaller.
pub(super) fn compress(bytes: &[u8]) -> Option<Box<[u8]>> {
    if bytes.len() < COMPRESSED_LEN_MIN {
        return None;
    }
    let make = || Ok((Compressor::new(LEVEL)?, Vec::new()));
    let smaller = with(&COMPRESSOR, make, |(compressor, room)| {
        room.clear();
        room.reserve(compress_bound(bytes.len()));
        compressor.compress_to_buffer(bytes, room)?;
        let smaller = (room.len() < bytes.len()).then(|| room.as_slice().into());
        room.shrink_to(ROOM_BYTES_KEPT);
        Ok(smaller)
    });
    smaller.ok().flatten()
}

/// The bytes of which `stored` were made, which are `raw_len`.
pub(super) fn decompress(compressed: bool, stored: &[u8], raw_len: usize) -> Result<Vec<u8>, NotABlock> {
    let bytes = if compressed {
        with(&DECOMPRESSOR, Decompressor::new, |decompressor| decompressor.decompress(stored, raw_len))
            .map_err(|_| NotABlock("bytes that cannot be decompressed"))?
    } else {
        stored.to_vec()
    };
    if bytes.len() == raw_len { Ok(bytes) } else { Err(NotABlock("a section of another length than it says")) }
}

/// Works with what a thread keeps, which is made when it is first needed and thrown away after an error.
fn with<C, T>(
    kept: &'static LocalKey<RefCell<Option<C>>>,
    make: impl FnOnce() -> io::Result<C>,
    work: impl FnOnce(&mut C) -> io::Result<T>,
) -> io::Result<T> {
    let mut context = match kept.take() {
        Some(context) => context,
        None => make()?,
    };
    let done = work(&mut context)?;
    kept.set(Some(context));
    Ok(done)
}

/// The number of rows of a block's bytes.
pub(crate) fn rows_of(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk::<BLOCK_HEADER_LEN>().map(|rows| u32::from_be_bytes(*rows))
}

impl Block {
    /// Appends the bytes of a block that takes no more rows.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.rows as u32).to_be_bytes());
        let mut coded = Vec::new();
        for held in &self.columns {
            if let Values::Coded(values) = &held.values {
                coded.push(held.column.id);
                encode_coded(values, held.column.kind, self.rows, &mut coded);
            }
        }
        let compressed = compress(&coded);
        write_section(out, compressed.is_some(), coded.len(), compressed.as_deref().unwrap_or(&coded));
        for held in &self.columns {
            let Values::Long(pages) = &held.values else { continue };
            out.push(held.column.id);
            write_length(out, pages.len() as u32);
            for page in pages {
                encode_page(page, out);
            }
        }
    }

    /// Reads the bytes of a block, and hands out its pages too, which were decompressed to be checked.
    pub(crate) fn decode(table: &'static Table, bytes: &[u8]) -> Result<(Self, Pages), NotABlock> {
        let mut input = Input { bytes, raw_left: BLOCK_BYTES_MAX };
        let mut block = Self::new(table);
        block.rows = input.number()? as usize;
        if block.rows == 0 || block.rows > BLOCK_ROWS_MAX {
            return Err(NotABlock("a block of too many rows, or of none"));
        }
        let section = input.section()?;
        let mut coded = Input { bytes: &section, raw_left: 0 };
        while !coded.bytes.is_empty() {
            let column = block.listed(coded.byte()?)?;
            let values = decode_coded(&mut coded, column.kind, block.rows)?;
            block.columns.push(Held { column, values: Values::Coded(values) });
        }
        while !input.bytes.is_empty() {
            let column = block.listed(input.byte()?)?;
            let mut list: Vec<Page> = Vec::new();
            for _ in 0..input.length()? {
                let first_row = list.last().map_or(0, Page::end_row);
                list.push(decode_page(&mut input, block.pages, first_row, block.rows)?);
                block.pages += 1;
            }
            block.columns.push(Held { column, values: Values::Long(list) });
        }
        block.columns.sort_by_key(|held| held.column.id);
        if block.columns.windows(2).any(|pair| pair[0].column.id == pair[1].column.id) {
            return Err(NotABlock("a column that stands there twice"));
        }
        block.index(0);
        let pages = block.pages();
        block.check(&pages)?;
        Ok((block, pages))
    }

    /// A column by its id, of which nothing was read yet.
    fn listed(&self, id: u8) -> Result<&'static crate::Column, NotABlock> {
        let column = self.table.by_id(id).ok_or(NotABlock("a column that the table does not list"))?;
        if self.columns.len() > self.table.columns.len() {
            return Err(NotABlock("more columns than the table lists"));
        }
        Ok(column)
    }

    /// Checks every value, and counts their bytes.
    fn check(&mut self, pages: &Pages) -> Result<(), NotABlock> {
        for held in &self.columns {
            let is_long = matches!(held.values, Values::Long(_));
            if is_long != (held.column.storage == Storage::Long) {
                return Err(NotABlock("a column that is stored as none of its kind"));
            }
            if let Values::Long(list) = &held.values {
                list.iter().try_for_each(|page| page.check(pages))?;
            }
            check_values(held, pages).map_err(NotABlock)?;
        }
        for row in 0..self.rows {
            let bytes = self.row_bytes(row);
            if bytes > ENTRY_BYTES_MAX {
                return Err(NotABlock("a row that is too large"));
            }
            self.value_bytes += bytes;
            // Values that repeat stand there once: what a few bytes stand for has a bound too.
            if self.value_bytes > BLOCK_BYTES_MAX {
                return Err(NotABlock("rows of more bytes than any block has"));
            }
        }
        Ok(())
    }
}

fn write_section(out: &mut Vec<u8>, compressed: bool, raw_len: usize, bytes: &[u8]) {
    out.push(u8::from(compressed));
    write_length(out, raw_len as u32);
    if compressed {
        write_length(out, bytes.len() as u32);
    }
    out.extend_from_slice(bytes);
}

fn encode_coded(values: &Coded, kind: Kind, rows: usize, out: &mut Vec<u8>) {
    write_length(out, values.distinct() as u32);
    if !has_fixed_len(kind) {
        let mut start = 0;
        for end in &values.ends {
            write_length(out, end - start);
            start = *end;
        }
    }
    out.extend_from_slice(&values.bytes);
    let code = |row| usize::from(values.code(row));
    #[cfg(test)]
    let code = |row| code(mistakes::row(row, rows));
    if (0..rows).all(|row| code(row) == 1) {
        out.push(ALL_FIRST);
    } else if values.distinct() == rows && (0..rows).all(|row| code(row) == row + 1) {
        out.push(IN_ORDER);
    } else {
        out.push(LISTED);
        // Low bytes apart from high ones: most high bytes are zero.
        out.extend((0..rows).map(|row| code(row) as u8));
        out.extend((0..rows).map(|row| (code(row) >> 8) as u8));
    }
}

fn decode_coded(input: &mut Input<'_>, kind: Kind, rows: usize) -> Result<Coded, NotABlock> {
    let distinct = input.length()? as usize;
    if distinct > rows {
        return Err(NotABlock("a column of more values than rows"));
    }
    let (mut ends, mut end) = (Vec::with_capacity(distinct), 0_usize);
    for _ in 0..distinct {
        end = end.saturating_add(if has_fixed_len(kind) { 8 } else { input.length()? as usize });
        if end > input.bytes.len() {
            return Err(NotABlock("a column that ends inside of a value"));
        }
        ends.push(end as u32);
    }
    let bytes = input.take(end)?.to_vec();
    let codes = match input.byte()? {
        ALL_FIRST => vec![1; rows],
        IN_ORDER => (1..=rows as u16).collect(),
        LISTED => {
            let (low, high) = (input.take(rows)?, input.take(rows)?);
            low.iter().zip(high).map(|(low, high)| u16::from_be_bytes([*high, *low])).collect()
        }
        _ => return Err(NotABlock("numbers of values in an unknown form")),
    };
    #[cfg(test)]
    let codes: Vec<u16> = (0..rows).map(|row| codes[mistakes::row(row, rows)]).collect();
    if codes.iter().any(|code: &u16| usize::from(*code) > distinct) {
        return Err(NotABlock("a row whose value its column does not have"));
    }
    Ok(Coded { codes, bytes, ends })
}

fn has_fixed_len(kind: Kind) -> bool {
    match kind {
        Kind::Integer | Kind::Time | Kind::Fingerprint => true,
        Kind::Text | Kind::Bytes | Kind::TextList => false,
    }
}

/// Which bit of its byte says whether a page has a row.
#[cfg(not(test))]
fn bit(row: usize) -> usize {
    row % 8
}

fn encode_page(page: &Page, out: &mut Vec<u8>) {
    let Body::Stored { compressed, bytes } = &page.body else { return };
    write_length(out, page.present.len() as u32);
    if page.present.iter().all(|present| *present) {
        out.push(ALL);
    } else {
        out.push(SOME);
        let bits =
            |rows: &[bool]| rows.iter().enumerate().fold(0, |bits, (at, present)| bits | u8::from(*present) << bit(at));
        out.extend(page.present.chunks(8).map(bits));
    }
    write_section(out, *compressed, page.raw_len, bytes);
}

fn decode_page(input: &mut Input<'_>, number: usize, first_row: usize, rows: usize) -> Result<Page, NotABlock> {
    let count = input.length()? as usize;
    if count == 0 || count > rows - first_row {
        return Err(NotABlock("a page of too many rows, or of none"));
    }
    let present = match input.byte()? {
        ALL => vec![true; count],
        SOME => {
            let bits = input.take(count.div_ceil(8))?;
            (0..count).map(|row| bits[row / 8] >> bit(row) & 1 == 1).collect()
        }
        _ => return Err(NotABlock("a page that says in an unknown form which rows it has")),
    };
    let (compressed, raw_len, bytes) = input.stored()?;
    Ok(Page { number, first_row, present, raw_len, body: Body::Stored { compressed, bytes: bytes.into() } })
}

/// What is left to read.
struct Input<'a> {
    bytes: &'a [u8],
    /// Bytes that what is left may decompress to.
    raw_left: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], NotABlock> {
        let (taken, rest) = self.bytes.split_at_checked(len).ok_or(NotABlock("it ends too early"))?;
        self.bytes = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, NotABlock> {
        self.take(1).map(|taken| taken[0])
    }

    fn number(&mut self) -> Result<u32, NotABlock> {
        let number = rows_of(self.bytes).ok_or(NotABlock("it ends too early"))?;
        self.take(BLOCK_HEADER_LEN)?;
        Ok(number)
    }

    fn length(&mut self) -> Result<u32, NotABlock> {
        let (value, len) = read_length(self.bytes).ok_or(NotABlock("a length that is none"))?;
        self.take(len)?;
        Ok(value)
    }

    /// A section as it is stored: whether it is compressed, its length before, and its bytes.
    fn stored(&mut self) -> Result<(bool, usize, &'a [u8]), NotABlock> {
        let compressed = match self.byte()? {
            0 => false,
            1 => true,
            _ => return Err(NotABlock("a section that is compressed in an unknown way")),
        };
        let raw_len = self.length()? as usize;
        self.raw_left = self.raw_left.checked_sub(raw_len).ok_or(NotABlock("it holds more than any block"))?;
        let len = if compressed { self.length()? as usize } else { raw_len };
        Ok((compressed, raw_len, self.take(len)?))
    }

    fn section(&mut self) -> Result<Vec<u8>, NotABlock> {
        let (compressed, raw_len, bytes) = self.stored()?;
        decompress(compressed, bytes, raw_len)
    }
}
