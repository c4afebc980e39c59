//! A block: rows in the form in which they are kept in memory and in the WAL. Each value that repeats stands there once, and long
//! texts stand in pages that are compressed once.
//!
//! A block is built where rows come in and shared by all that read them: followers, queries and the sealer. It knows no position, no batch
//! and no time of recording; nothing here is hashed, and what is hashed can be written from it ([`Block::write_part`]).

mod builder;
mod codec;
mod page;

use proof::leaf::FLAG_CONTENT;

pub use builder::BlockBuilder;
pub(crate) use builder::value_hasher;
pub(crate) use codec::{BLOCK_HEADER_LEN, rows_of};
pub use page::Pages;

use crate::column::{Column, Part, Storage, Table};
use crate::limits::COLUMN_ID_LIMIT;
pub(crate) use page::Page;

/// Why bytes of the WAL are no block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotABlock(pub(crate) &'static str);

/// Rows as columns. Columns that no row has cost nothing.
#[derive(Debug, Clone)]
pub struct Block {
    table: &'static Table,
    rows: usize,
    /// In ascending order of id.
    columns: Vec<Held>,
    /// The index of each id's column plus one; zero if no row has it.
    places: [u8; COLUMN_ID_LIMIT as usize],
    /// Which columns hold content: most blocks have none.
    contents: Vec<u8>,
    /// Pages of all columns.
    pages: usize,
    /// Bytes of all values before compression, those that repeat counted each time.
    value_bytes: usize,
}

/// One column of a block.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) column: &'static Column,
    pub(crate) values: Values,
}

/// The values of one column.
#[derive(Debug, Clone)]
pub(crate) enum Values {
    Coded(Coded),
    Long(Vec<Page>),
}

/// Distinct values, and for each row which one it has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Coded {
    /// For each row the number of its value, from 1; 0 for a null. Rows at the end that are missing are nulls.
    pub(crate) codes: Vec<u16>,
    /// The canonical bytes of the values, one after the other.
    pub(crate) bytes: Vec<u8>,
    /// Where each value ends.
    pub(crate) ends: Vec<u32>,
}

impl Coded {
    /// No values, and room for some rows: most blocks have dozens, and growing from nothing costs as much as filling.
    fn with_room() -> Self {
        Self { codes: Vec::with_capacity(64), bytes: Vec::with_capacity(256), ends: Vec::with_capacity(16) }
    }

    /// Number of distinct values; a value may stand there twice.
    pub(crate) fn distinct(&self) -> usize {
        self.ends.len()
    }

    /// The value with a number, from 1.
    #[inline]
    pub(crate) fn value(&self, code: u16) -> Option<&[u8]> {
        let at = usize::from(code).checked_sub(1)?;
        let start = at.checked_sub(1).map_or(Some(0), |before| self.ends.get(before).copied())?;
        self.bytes.get(start as usize..*self.ends.get(at)? as usize)
    }

    /// The number of a row's value, 0 for none.
    #[inline]
    pub(crate) fn code(&self, row: usize) -> u16 {
        self.codes.get(row).copied().unwrap_or(0)
    }
}

impl Block {
    /// A block without rows.
    pub(crate) fn new(table: &'static Table) -> Self {
        let places = [0; COLUMN_ID_LIMIT as usize];
        Self { table, rows: 0, columns: Vec::new(), places, contents: Vec::new(), pages: 0, value_bytes: 0 }
    }

    /// The table whose columns it holds.
    pub fn table(&self) -> &'static Table {
        self.table
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Bytes of all values before compression, those that repeat counted each time.
    pub fn value_bytes(&self) -> usize {
        self.value_bytes
    }

    /// Bytes of the pages of long values before compression.
    pub(crate) fn long_bytes(&self) -> usize {
        let pages = self.columns.iter().filter_map(|held| match &held.values {
            Values::Coded(_) => None,
            Values::Long(pages) => Some(pages),
        });
        pages.flatten().map(Page::plain_bytes).sum()
    }

    /// One column, if some row has it.
    #[inline]
    pub(crate) fn column(&self, id: u8) -> Option<&Held> {
        let place = self.places.get(usize::from(id)).copied()?;
        self.columns.get(usize::from(place).checked_sub(1)?)
    }

    /// Room for the pages that a reader of this block decompresses.
    pub fn pages(&self) -> Pages {
        Pages::of(self.pages)
    }

    /// The canonical bytes of a row's value, `None` if it is null. A page that is needed is decompressed into `pages`, which belongs to
    /// this block.
    #[inline]
    pub fn value<'a>(&'a self, id: u8, row: usize, pages: &'a Pages) -> Option<&'a [u8]> {
        self.column(id)?.value(row, pages)
    }

    /// Whether a row has content.
    pub(crate) fn has_content(&self, row: usize) -> bool {
        self.contents.iter().any(|at| self.columns.get(usize::from(*at)).is_some_and(|held| held.has(row)))
    }

    /// The leaf's flags of a row that was recorded as it stands here.
    pub(crate) fn flags(&self, row: usize) -> u32 {
        if self.has_content(row) { FLAG_CONTENT } else { 0 }
    }

    /// Appends the canonical bytes of a part of a row: what is hashed.
    pub(crate) fn write_part(&self, part: Part, row: usize, pages: &Pages, out: &mut Vec<u8>) {
        for held in &self.columns {
            if held.column.part == part
                && let Some(value) = held.value(row, pages)
            {
                crate::part::write_column(out, held.column.id, value);
            }
        }
    }

    /// Bytes of a row's values.
    pub(crate) fn row_bytes(&self, row: usize) -> usize {
        self.columns.iter().map(|held| held.len(row)).sum()
    }

    /// Brings up to date where columns stand, from the one at `from` on: those before it stand where they stood.
    fn index(&mut self, from: usize) {
        self.contents.retain(|at| usize::from(*at) < from);
        for (at, held) in self.columns.iter().enumerate().skip(from) {
            if held.column.part == Part::Content {
                self.contents.push(at as u8);
            }
            if let Some(place) = self.places.get_mut(usize::from(held.column.id)) {
                *place = at as u8 + 1;
            }
        }
    }
}

impl Held {
    fn new(column: &'static Column) -> Self {
        let values = match column.storage {
            Storage::Long => Values::Long(Vec::new()),
            Storage::Repeated | Storage::Sought | Storage::Ascending | Storage::Unique => {
                Values::Coded(Coded::with_room())
            }
        };
        Self { column, values }
    }

    #[inline]
    pub(crate) fn value<'a>(&'a self, row: usize, pages: &'a Pages) -> Option<&'a [u8]> {
        match &self.values {
            Values::Coded(coded) => coded.value(coded.code(row)),
            Values::Long(list) => Page::of_row(list, row)?.value(row, pages),
        }
    }

    #[inline]
    pub(crate) fn has(&self, row: usize) -> bool {
        match &self.values {
            Values::Coded(coded) => coded.code(row) > 0,
            Values::Long(list) => Page::of_row(list, row).is_some_and(|page| page.has(row)),
        }
    }

    /// Bytes of a row's value; of a long one what its page has on average.
    fn len(&self, row: usize) -> usize {
        match &self.values {
            Values::Coded(coded) => coded.value(coded.code(row)).map_or(0, <[u8]>::len),
            Values::Long(list) => {
                Page::of_row(list, row).filter(|page| page.has(row)).map_or(0, Page::mean_value_bytes)
            }
        }
    }
}

#[cfg(test)]
mod tests;
