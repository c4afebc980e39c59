//! The order of rows inside a row group: by (kind, session, seq), for operations by (kind, subject, seq).

use std::collections::HashMap;

use arrow::array::{Array, AsArray as _, StringViewArray};
use arrow::datatypes::Int64Type;
use arrow::record_batch::RecordBatch;

use crate::block::{Values, value_hasher};
use crate::column::Table;
use crate::position::LedgerName;
use crate::segment::layout::sort_columns;
use crate::tail::TailBlock;

/// Puts rows of blocks, which stand in ascending order of seq, into the order of a row group. Nulls come first.
pub(super) fn of_rows(ledger: LedgerName, blocks: &[&TailBlock], rows: &[(u32, u32)]) -> Vec<(u32, u32)> {
    let table = Table::of(ledger);
    let [kinds, entities] = sort_columns(ledger).map(|name| table.by_name(name).map(|column| ranks(blocks, column.id)));
    let rank = |ranks: &Option<Vec<Vec<u32>>>, (block, row): (u32, u32), id: Option<u8>| {
        let of_block = ranks.as_ref().and_then(|ranks| ranks.get(block as usize));
        let code = blocks.get(block as usize).zip(id).map_or(0, |(block, id)| code(block, id, row));
        of_block.and_then(|ranks| ranks.get(usize::from(code))).copied().unwrap_or(0)
    };
    let [kind, entity] = sort_columns(ledger).map(|name| table.by_name(name).map(|column| column.id));
    // Kind, entity and row in one number each, so that sorting compares numbers only.
    let key = |row| u64::from(rank(&kinds, row, kind)) << 32 | u64::from(rank(&entities, row, entity));
    let mut keys: Vec<(u64, u32)> = (0_u32..).zip(rows).map(|(at, row)| (key(*row), at)).collect();
    keys.sort_unstable();
    keys.into_iter().map(|(_, at)| rows[at as usize]).collect()
}

fn code(block: &TailBlock, id: u8, row: u32) -> u16 {
    match block.block().column(id).map(|held| &held.values) {
        Some(Values::Coded(coded)) => coded.code(row as usize),
        Some(Values::Long(_)) | None => 0,
    }
}

/// For each block the places of its values among the distinct values of all blocks in order, from 1, by their numbers; 0 for a null.
fn ranks(blocks: &[&TailBlock], id: u8) -> Vec<Vec<u32>> {
    fn values(block: &TailBlock, id: u8) -> Vec<&[u8]> {
        match block.block().column(id).map(|held| &held.values) {
            Some(Values::Coded(coded)) => (1..=coded.distinct() as u16).filter_map(|code| coded.value(code)).collect(),
            Some(Values::Long(_)) | None => Vec::new(),
        }
    }
    // Most values stand in many blocks: each is hashed once for a block that has it, and compared as one.
    let mut numbers: HashMap<&[u8], usize, ahash::RandomState> = HashMap::with_hasher(value_hasher());
    let mut number = |value| {
        let next = numbers.len();
        *numbers.entry(value).or_insert(next)
    };
    let of_blocks: Vec<Vec<usize>> =
        blocks.iter().map(|block| values(block, id).into_iter().map(&mut number).collect()).collect();
    let mut places = vec![0; numbers.len()];
    let mut distinct: Vec<(&[u8], usize)> = numbers.into_iter().collect();
    distinct.sort_unstable();
    for (place, (_, number)) in (1..).zip(distinct) {
        places[number] = place;
    }
    let ranks = |numbers: &Vec<usize>| std::iter::once(0).chain(numbers.iter().map(|number| places[*number])).collect();
    of_blocks.iter().map(ranks).collect()
}

fn value(array: Option<&StringViewArray>, row: usize) -> Option<&str> {
    array.filter(|array| array.is_valid(row)).map(|array| array.value(row))
}

/// Whether the rows of a batch stand in the order of a row group.
pub(super) fn is_sorted(ledger: LedgerName, batch: &RecordBatch) -> bool {
    let text = |name: &str| batch.column_by_name(name).and_then(|array| array.as_string_view_opt());
    let seqs = batch.column_by_name("seq").and_then(|seqs| seqs.as_primitive_opt::<Int64Type>());
    let ([kinds, entities], Some(seqs)) = (sort_columns(ledger).map(text), seqs) else { return false };
    let key = |row| (value(kinds, row), value(entities, row), seqs.value(row));
    (1..batch.num_rows()).all(|row| key(row - 1) < key(row))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Entry;
    use crate::events::{TABLE, column};
    use crate::fixtures::tail_block;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_are_sorted_by_kind_session_and_seq(rows in prop::collection::vec((prop::option::of("[ab]{1,2}"), prop::option::of("[ab]{1,2}")), 1..40), cut in 0_usize..40) {
            let entries: Vec<Entry> = rows.iter().map(|(kind, session)| {
                let mut entry = Entry::new();
                entry.set_text_if(column::KIND, kind.as_deref());
                entry.set_text_if(column::SESSION, session.as_deref());
                entry
            }).collect();
            let cut = cut.min(rows.len() - 1);
            let blocks: Vec<_> = [(0, &entries[..cut]), (cut, &entries[cut..])].into_iter()
                .filter(|(_, entries)| !entries.is_empty())
                .map(|(first, entries)| tail_block(&TABLE, (first as u64, 0, 0), entries)).collect();
            let gathered: Vec<&TailBlock> = blocks.iter().map(AsRef::as_ref).collect();
            let all: Vec<(u32, u32)> = (0..).zip(&blocks).flat_map(|(number, block)| (0..block.len() as u32).map(move |row| (number, row))).collect();
            let order = of_rows(LedgerName::Events, &gathered, &all);
            let seqs: Vec<usize> = order.iter().map(|(block, row)| blocks[*block as usize].first_seq() as usize + *row as usize).collect();
            let mut want: Vec<usize> = (0..rows.len()).collect();
            want.sort_by_key(|row| (rows[*row].clone(), *row));
            prop_assert_eq!(seqs, want);
            let batch = crate::columnar::gather(&crate::columnar::schema(&TABLE), &gathered, &order).expect("sound");
            prop_assert!(is_sorted(LedgerName::Events, &batch));
            let backwards: Vec<_> = order.iter().rev().copied().collect();
            let batch = crate::columnar::gather(&crate::columnar::schema(&TABLE), &gathered, &backwards).expect("sound");
            prop_assert_eq!(is_sorted(LedgerName::Events, &batch), rows.len() == 1);
        }
    }
}
