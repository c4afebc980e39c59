//! Builds a block row by row, from entries or from the canonical bytes of parts.

use std::hash::{BuildHasher as _, RandomState};

use super::page::Page;
use super::{Block, Coded, Held, Pages, Values};
use crate::column::{Column, Storage, Table};
use crate::columnar::{NotCanonical, check_value};
use crate::entry::Entry;
use crate::limits::BLOCK_PAGE_ROWS_MAX;
use crate::part;

/// The most rows of a block: the numbers of its values fit 16 bits.
pub const BLOCK_ROWS_MAX: usize = u16::MAX as usize;

/// Distinct values from which on a column that hardly repeats is no longer searched for repetitions.
const SEARCHED_VALUES: usize = 64;

/// A block that takes rows.
#[derive(Debug, Clone)]
pub struct BlockBuilder {
    block: Block,
    /// What finds the values of each column of the block again.
    lookups: Vec<Lookup>,
    hasher: ahash::RandomState,
}

/// A hasher of values with a key of its own: senders must not be able to choose values that collide.
pub(crate) fn value_hasher() -> ahash::RandomState {
    let seeds = RandomState::new();
    let seed = |number: u64| seeds.hash_one(number);
    ahash::RandomState::with_seeds(seed(0), seed(1), seed(2), seed(3))
}

/// Finds a value of one column again.
#[derive(Debug, Clone, Default)]
struct Lookup {
    /// Numbers of values by their hash, with linear probing; 0 for none. Its length is a power of two.
    slots: Vec<u16>,
    /// The number that was used last.
    last: u16,
    /// Values that were searched for.
    searched: usize,
}

impl BlockBuilder {
    /// A builder of a block without rows.
    pub fn new(table: &'static Table) -> Self {
        Self { block: Block::new(table), lookups: Vec::new(), hasher: value_hasher() }
    }

    /// The rows so far.
    pub fn block(&self) -> &Block {
        &self.block
    }

    /// Whether it takes no more rows.
    pub(crate) fn is_full(&self) -> bool {
        self.block.rows >= BLOCK_ROWS_MAX
    }

    /// Adds a row of an entry's columns. Columns that the table does not list are left out.
    pub(crate) fn push_entry(&mut self, entry: &Entry) {
        for (id, value) in entry.columns() {
            self.set_by_id(id, value);
        }
        self.end_row();
    }

    /// Adds a row of the canonical bytes of its parts. On an error nothing was added.
    pub(crate) fn push_parts(&mut self, facts: &[u8], content: Option<&[u8]>) -> Result<(), NotCanonical> {
        crate::columnar::check(self.block.table, facts, content)?;
        for (id, value) in part::columns(facts).chain(part::columns(content.unwrap_or(&[]))).flatten() {
            self.set_by_id(id, value);
        }
        self.end_row();
        Ok(())
    }

    /// Adds a row of another block of the same table.
    pub(crate) fn push_row(&mut self, from: &Block, row: usize, pages: &Pages) {
        for held in &from.columns {
            if let Some(value) = held.value(row, pages) {
                self.set(held.column, value);
            }
        }
        self.end_row();
    }

    /// Takes no more rows: every column has a number or a page for every row, and pages are compressed.
    pub(crate) fn finish(self) -> Block {
        let mut block = self.close();
        for held in &mut block.columns {
            match &mut held.values {
                // It is kept until it is sealed: what was reserved for more is given back.
                Values::Coded(coded) => {
                    coded.codes.shrink_to_fit();
                    coded.bytes.shrink_to_fit();
                    coded.ends.shrink_to_fit();
                }
                Values::Long(pages) => pages.iter_mut().for_each(Page::close),
            }
        }
        block
    }

    /// The same for rows that are read soon and not kept: pages stay as they are.
    pub(crate) fn close(mut self) -> Block {
        for held in &mut self.block.columns {
            match &mut held.values {
                Values::Coded(coded) => coded.codes.resize(self.block.rows, 0),
                Values::Long(pages) => pad(pages, self.block.rows, &mut self.block.pages),
            }
        }
        self.block
    }

    fn set_by_id(&mut self, id: u8, value: &[u8]) {
        if let Some(column) = self.block.table.by_id(id) {
            self.set(column, value);
        }
    }

    /// Gives the row that is being added a value of a column of the table.
    pub(crate) fn set(&mut self, column: &'static Column, value: &[u8]) {
        let place = self.block.places.get(usize::from(column.id)).copied().unwrap_or(0);
        let at = usize::from(place).checked_sub(1).unwrap_or_else(|| self.add_column(column));
        let Block { rows, columns, pages, value_bytes, .. } = &mut self.block;
        let (Some(held), Some(lookup)) = (columns.get_mut(at), self.lookups.get_mut(at)) else { return };
        *value_bytes += value.len();
        match &mut held.values {
            Values::Coded(coded) => {
                let repeats = matches!(held.column.storage, Storage::Repeated | Storage::Sought);
                let code = lookup.code(coded, value, repeats, &self.hasher);
                if coded.codes.len() < *rows {
                    coded.codes.resize(*rows, 0);
                }
                coded.codes.push(code);
            }
            Values::Long(list) => {
                pad(list, *rows, pages);
                open_page(list, *rows, pages).push(Some(value));
            }
        }
    }

    /// Adds the row that has what was set since the one before.
    pub(crate) fn end_row(&mut self) {
        self.block.rows += 1;
    }

    /// Makes room for a column that no row had so far.
    fn add_column(&mut self, column: &'static Column) -> usize {
        let at = self.block.columns.partition_point(|held| held.column.id < column.id);
        self.block.columns.insert(at, Held::new(column));
        self.lookups.insert(at, Lookup::default());
        self.block.index(at);
        at
    }
}

/// The page that takes row number `row`, which follows all that the pages have.
fn open_page<'a>(list: &'a mut Vec<Page>, row: usize, pages: &mut usize) -> &'a mut Page {
    if list.last().is_none_or(Page::is_full) {
        list.push(Page::open(*pages, row));
        *pages += 1;
    }
    let last = list.len() - 1;
    &mut list[last]
}

/// Adds nulls up to row number `rows`.
fn pad(list: &mut Vec<Page>, rows: usize, pages: &mut usize) {
    let mut row = list.last().map_or(0, Page::end_row);
    while row < rows {
        let page = open_page(list, row, pages);
        // A page that is not full has room for a row.
        let room = (rows - row).min(BLOCK_PAGE_ROWS_MAX.saturating_sub(page.present.len()).max(1));
        (0..room).for_each(|_| page.push(None));
        row += room;
    }
}

impl Lookup {
    /// The number of a value, which is stored if it is new.
    fn code(&mut self, coded: &mut Coded, value: &[u8], repeats: bool, hasher: &ahash::RandomState) -> u16 {
        if coded.value(self.last) == Some(value) {
            return self.last;
        }
        let is_unique = coded.distinct() >= SEARCHED_VALUES && coded.distinct() * 4 > self.searched * 3;
        self.last = if !repeats || is_unique {
            store(coded, value)
        } else {
            self.searched += 1;
            self.find(coded, value, hasher)
        };
        self.last
    }

    fn find(&mut self, coded: &mut Coded, value: &[u8], hasher: &ahash::RandomState) -> u16 {
        if coded.distinct() * 2 >= self.slots.len() {
            self.grow(coded, hasher);
        }
        let mask = self.slots.len() - 1;
        let mut at = hasher.hash_one(value) as usize & mask;
        loop {
            match self.slots[at] {
                0 => break,
                code if coded.value(code) == Some(value) => return code,
                _ => at = (at + 1) & mask,
            }
        }
        let code = store(coded, value);
        self.slots[at] = code;
        code
    }

    fn grow(&mut self, coded: &Coded, hasher: &ahash::RandomState) {
        let len = (coded.distinct() * 4).next_power_of_two().max(16);
        self.slots = vec![0; len];
        for code in 1..=coded.distinct() as u16 {
            let mut at = hasher.hash_one(coded.value(code).unwrap_or_default()) as usize & (len - 1);
            while self.slots[at] != 0 {
                at = (at + 1) & (len - 1);
            }
            self.slots[at] = code;
        }
    }
}

fn store(coded: &mut Coded, value: &[u8]) -> u16 {
    coded.bytes.extend_from_slice(value);
    coded.ends.push(coded.bytes.len() as u32);
    coded.ends.len() as u16
}

/// Says what is wrong with a block whose values came from somewhere else.
pub(super) fn check_values(held: &Held, pages: &Pages) -> Result<(), &'static str> {
    match &held.values {
        Values::Coded(coded) => (1..=coded.distinct() as u16).try_for_each(|code| {
            check_value(held.column.kind, coded.value(code).ok_or("a value outside of its column")?)
        }),
        Values::Long(list) => {
            let rows = list.iter().flat_map(|page| page.first_row..page.end_row());
            rows.filter_map(|row| held.value(row, pages)).try_for_each(|value| check_value(held.column.kind, value))
        }
    }
}
