//! Reads a block of rows (FORMAT.md section 7.1) and writes the parts of its rows from their values.
//!
//! Nothing of it is believed: every value is checked to be one of its column's kind before a part is written.

use crate::limits::{BLOCK_BYTES_MAX, BLOCK_ROWS_MAX};
use crate::part::{check_value, put, take_length};
use crate::table::{Column, Kind, Part, Stored, Table};

/// Why bytes are no block.
pub(crate) type Wrong = &'static str;

/// The rows of a block.
#[derive(Debug)]
pub(crate) struct Block<'a> {
    rows: usize,
    /// In ascending order of id, each once.
    columns: Vec<Values<'a>>,
}

/// The values of one column.
#[derive(Debug)]
struct Values<'a> {
    column: &'a Column,
    /// The bytes that values are ranges of.
    bytes: Vec<u8>,
    /// Where the distinct values of the column lie, or those of each row in turn.
    ranges: Vec<(u32, u32)>,
    numbers: Numbers,
}

/// Which value each row has.
#[derive(Debug)]
enum Numbers {
    /// All have the first one.
    First,
    /// Row i has value i.
    InOrder,
    /// For each row the number of its value from 1, or 0 for none. Rows that are missing at the end have none.
    Listed(Vec<u32>),
}

/// What is left to read, and how many bytes it may still decompress to.
struct Input<'a> {
    bytes: &'a [u8],
    budget: usize,
}

const CUT_OFF: Wrong = "it ends too early";

impl<'a> Input<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Wrong> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(CUT_OFF)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Wrong> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn length(&mut self) -> Result<usize, Wrong> {
        let (length, rest) = take_length(self.bytes).ok_or("a length that is none")?;
        self.bytes = rest;
        Ok(length)
    }

    /// A section: a byte that says whether it is compressed, its length before compression, its own length if it is, its bytes.
    fn section(&mut self, out: &mut Vec<u8>) -> Result<usize, Wrong> {
        let is_compressed = match self.byte()? {
            0 => false,
            1 => true,
            _ => return Err("a section that is compressed in an unknown way"),
        };
        let length = self.length()?;
        self.budget = self.budget.checked_sub(length).ok_or("sections of more bytes than any block has")?;
        if is_compressed {
            let compressed = self.length()?;
            let compressed = self.take(compressed)?;
            let bytes = zstd::bulk::decompress(compressed, length).map_err(|_| "bytes that cannot be decompressed")?;
            if bytes.len() != length {
                return Err("a section of another length than it says");
            }
            out.extend_from_slice(&bytes);
        } else {
            out.extend_from_slice(self.take(length)?);
        }
        Ok(length)
    }
}

/// The number of rows that the bytes of a block start with.
pub(crate) fn rows_of(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk::<4>().map(|rows| u32::from_be_bytes(*rows))
}

impl<'a> Block<'a> {
    /// Reads a block.
    pub(crate) fn read(table: &'a Table, bytes: &[u8]) -> Result<Self, Wrong> {
        let mut input = Input { bytes, budget: BLOCK_BYTES_MAX };
        let rows = rows_of(input.take(4)?).unwrap_or(0) as usize;
        if rows == 0 || rows > BLOCK_ROWS_MAX {
            return Err("a block of no rows, or of too many");
        }
        let mut block = Self { rows, columns: Vec::new() };
        let mut section = Vec::new();
        input.section(&mut section)?;
        let mut coded = Input { bytes: &section, budget: 0 };
        while !coded.bytes.is_empty() {
            let column = listed(table, coded.byte()?)?;
            if column.stored == Stored::Long {
                return Err("a long column among those that are coded");
            }
            block.add(read_coded(column, rows, &mut coded)?)?;
        }
        while !input.bytes.is_empty() {
            let column = listed(table, input.byte()?)?;
            if column.stored != Stored::Long {
                return Err("a column in pages that is not long");
            }
            block.add(read_long(column, rows, &mut input)?)?;
        }
        block.columns.sort_by_key(|values| values.column.id);
        block.check()?;
        Ok(block)
    }

    fn add(&mut self, values: Values<'a>) -> Result<(), Wrong> {
        if self.columns.iter().any(|other| other.column.id == values.column.id) {
            return Err("a column that stands there twice");
        }
        self.columns.push(values);
        Ok(())
    }

    /// Checks each value once, and how many bytes all rows have.
    fn check(&self) -> Result<(), Wrong> {
        let mut bytes = 0_usize;
        for values in &self.columns {
            for (start, end) in &values.ranges {
                check_value(values.column.kind, &values.bytes[*start as usize..*end as usize])?;
            }
            // A few bytes may stand for many: what all rows have together is bounded too.
            bytes = bytes.saturating_add((0..self.rows).filter_map(|row| values.of(row)).map(<[u8]>::len).sum());
        }
        if bytes > BLOCK_BYTES_MAX { Err("rows of more bytes than any block has") } else { Ok(()) }
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Writes the parts of a row in place of what `facts` and `content` held; a part without columns is empty.
    pub(crate) fn write_parts(&self, row: usize, facts: &mut Vec<u8>, content: &mut Vec<u8>) {
        facts.clear();
        content.clear();
        for values in &self.columns {
            let Some(value) = values.of(row) else { continue };
            let part = match values.column.part {
                Part::Facts => &mut *facts,
                Part::Content => &mut *content,
            };
            put(part, values.column.id, value);
        }
    }
}

impl Values<'_> {
    /// The value of a row, if it has one.
    #[inline]
    fn of(&self, row: usize) -> Option<&[u8]> {
        let at = match &self.numbers {
            Numbers::First => 0,
            Numbers::InOrder => row,
            Numbers::Listed(numbers) => (*numbers.get(row)? as usize).checked_sub(1)?,
        };
        let (start, end) = *self.ranges.get(at)?;
        self.bytes.get(start as usize..end as usize)
    }
}

fn listed(table: &Table, id: u8) -> Result<&Column, Wrong> {
    table.by_id(id).ok_or("a column that the table does not list")
}

/// Distinct values, and for each row which one it has.
fn read_coded<'a>(column: &'a Column, rows: usize, input: &mut Input<'_>) -> Result<Values<'a>, Wrong> {
    let distinct = input.length()?;
    if distinct > rows {
        return Err("a column of more values than rows");
    }
    let is_number = matches!(column.kind, Kind::Integer | Kind::Time | Kind::Fingerprint);
    let (mut ranges, mut end) = (Vec::with_capacity(distinct), 0_usize);
    for _ in 0..distinct {
        let start = end;
        end = start.saturating_add(if is_number { 8 } else { input.length()? });
        if end > input.bytes.len() {
            return Err("a column that ends inside of a value");
        }
        ranges.push((start as u32, end as u32));
    }
    let bytes = input.take(end)?.to_vec();
    let numbers = match input.byte()? {
        0 if distinct > 0 => Numbers::First,
        1 if distinct == rows => Numbers::InOrder,
        2 => {
            let (low, high) = (input.take(rows)?, input.take(rows)?);
            let numbers = low.iter().zip(high).map(|(low, high)| u32::from(*low) + 256 * u32::from(*high));
            Numbers::Listed(numbers.collect())
        }
        0 | 1 => return Err("a column of fewer values than its rows have"),
        _ => return Err("numbers of values in an unknown form"),
    };
    if let Numbers::Listed(numbers) = &numbers
        && numbers.iter().any(|number| *number as usize > distinct)
    {
        return Err("a row whose value its column does not have");
    }
    Ok(Values { column, bytes, ranges, numbers })
}

/// Pages of values, which cover the first rows one after the other.
fn read_long<'a>(column: &'a Column, rows: usize, input: &mut Input<'_>) -> Result<Values<'a>, Wrong> {
    let (mut bytes, mut ranges, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..input.length()? {
        let count = input.length()?;
        if count == 0 || count > rows - numbers.len() {
            return Err("a page of no rows, or of too many");
        }
        let present = match input.byte()? {
            0 => None,
            1 => Some(input.take(count.div_ceil(8))?),
            _ => return Err("a page that says in an unknown form which rows it has"),
        };
        let mut at = bytes.len();
        input.section(&mut bytes)?;
        for row in 0..count {
            if present.is_some_and(|bits| bits[row / 8] >> (row % 8) & 1 == 0) {
                numbers.push(0);
                continue;
            }
            let length =
                bytes.get(at..).and_then(<[u8]>::first_chunk::<4>).ok_or("a page that ends before its last value")?;
            let start = at + 4;
            at = start.saturating_add(u32::from_le_bytes(*length) as usize);
            if at > bytes.len() {
                return Err("a page that ends inside of a value");
            }
            ranges.push((start as u32, at as u32));
            numbers.push(ranges.len() as u32);
        }
        if at != bytes.len() {
            return Err("bytes that follow the last value of a page");
        }
    }
    Ok(Values { column, bytes, ranges, numbers: Numbers::Listed(numbers) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::LedgerName;
    use proptest::prelude::*;

    /// The facts and the content of a row.
    type Parts = (Vec<u8>, Vec<u8>);

    fn read(bytes: &[u8]) -> Result<Vec<Parts>, Wrong> {
        let block = Block::read(Table::of(LedgerName::Events), bytes)?;
        let parts = |row| {
            let (mut facts, mut content) = (vec![7], vec![7]);
            block.write_parts(row, &mut facts, &mut content);
            (facts, content)
        };
        Ok((0..block.rows()).map(parts).collect())
    }

    /// Three rows, written by hand from the page: a kind that all have, a status that one has, an own `source_id` each, a record of the
    /// first and the third row in two pages, and a command of the second.
    fn by_hand() -> Vec<u8> {
        let mut coded = vec![8, 1, 1, b'k', 0];
        coded.extend([&[28, 1][..], &403_i64.to_be_bytes(), &[2, 0, 1, 0, 0, 0, 0]].concat());
        coded.extend([12, 3, 1, 0, 2, b'a', b'b', b'c', 1]);
        coded.extend([100, 1, 2, b'l', b's', 2, 0, 1, 0, 0, 0, 0]);
        let compressed = zstd::bulk::compress(&coded, 1).expect("compressed");
        let mut block = vec![0, 0, 0, 3, 1, coded.len() as u8, compressed.len() as u8];
        block.extend(compressed);
        block.extend([60, 2]);
        block.extend([2, 1, 0b01, 0, 6, 2, 0, 0, 0, b'{', b'}']);
        block.extend([1, 0, 0, 4, 0, 0, 0, 0]);
        block
    }

    #[test]
    fn a_block_written_by_hand_is_read_as_the_page_says() {
        let rows = read(&by_hand()).expect("a block");
        assert_eq!(rows[0], ([&[8, 1, b'k', 12, 1, b'a', 60, 2, b'{', b'}'][..]].concat(), vec![]));
        let status = [&[28, 8][..], &403_i64.to_be_bytes()].concat();
        assert_eq!(rows[1], ([&[8, 1, b'k', 12, 0][..], &status].concat(), vec![100, 2, b'l', b's']));
        assert_eq!(rows[2], (vec![8, 1, b'k', 12, 2, b'b', b'c', 60, 0], vec![]));
    }

    #[test]
    fn what_is_no_block_is_refused_with_a_reason() {
        let check = |coded: &[u8], pages: &[u8], words: &str| {
            let block = [&[0, 0, 0, 2, 0, coded.len() as u8][..], coded, pages].concat();
            assert!(read(&block).expect_err(words).contains(words), "{words}: {:?}", read(&block));
        };
        assert!(read(&[]).is_err() && read(&[0, 0, 0, 0, 0, 0]).is_err() && read(&[0, 1, 0, 0, 0, 0]).is_err());
        check(&[99, 0], &[], "does not list");
        check(&[8, 1, 1, b'a', 0, 8, 1, 1, b'a', 0], &[], "twice");
        check(&[8, 3, 0, 0, 0, 0], &[], "more values than rows");
        check(&[8, 1, 9, b'a', 0], &[], "inside of a value");
        check(&[8, 1, 1, b'a', 1], &[], "fewer values");
        check(&[8, 0, 0], &[], "fewer values");
        check(&[8, 1, 1, b'a', 3], &[], "unknown form");
        check(&[8, 1, 1, b'a', 2, 1, 2, 0, 0], &[], "does not have");
        check(&[8, 1, 1, 0xff, 0], &[], "not UTF-8");
        check(&[58, 1, 3, 0, 0, 0, 0], &[], "inside of a length");
        check(&[60, 1, 1, b'a', 0], &[], "long column among");
        check(&[8, 0x80], &[], "a length that is none");
        check(&[], &[8, 0], "not long");
        check(&[], &[60, 1, 0, 0, 0, 0], "page of no rows");
        check(&[], &[60, 1, 3, 0, 0, 0], "page of no rows, or of too many");
        check(&[], &[60, 1, 1, 2, 0, 0], "which rows it has");
        check(&[], &[60, 1, 1, 0, 0, 3, 0, 0, 0], "before its last value");
        check(&[], &[60, 1, 1, 0, 0, 4, 1, 0, 0, 0], "inside of a value");
        check(&[], &[60, 1, 1, 0, 0, 5, 0, 0, 0, 0, 9], "follow the last value");
        check(&[], &[60, 1, 1, 0, 2, 0], "unknown way");
        check(&[], &[60, 1, 1, 0, 1, 9, 1, 9], "cannot be decompressed");
        check(&[], &[60, 1, 1, 0, 0, 0xff, 0xff, 0xff, 0x7f], "more bytes than any block has");
    }

    #[test]
    fn a_few_bytes_that_stand_for_too_many_are_refused() {
        let value = vec![b'a'; 1 << 20];
        let coded = [&[8, 1, 0x80, 0x80, 0x40][..], &value, &[0]].concat();
        let compressed = zstd::bulk::compress(&coded, 1).expect("compressed");
        let mut block = 100_u32.to_be_bytes().to_vec();
        block.push(1);
        for length in [coded.len(), compressed.len()] {
            let mut part = Vec::new();
            put(&mut part, 0, &vec![0; length]);
            block.extend(&part[1..part.len() - length]);
        }
        block.extend(compressed);
        assert_eq!(read(&block).expect_err("refused"), "rows of more bytes than any block has");
        block[..4].copy_from_slice(&20_u32.to_be_bytes());
        assert_eq!(read(&block).expect("a block").len(), 20);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_block_or_none(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }

        #[test]
        fn a_changed_block_is_read_or_refused_without_a_panic(at in 0_usize..200, flip in 1_u8..=255) {
            let mut bytes = by_hand();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            let _ = read(&bytes);
            let _ = read(&bytes[..at]);
        }
    }
}
