//! The order of rows inside a row group: by (kind, session, seq), for operations by (kind, subject, seq).

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, StringViewArray, UInt32Array};
use arrow::compute::take;
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;

use crate::position::LedgerName;
use crate::segment::layout::sort_columns;

/// The rows of a batch in ascending order of seq, as indices in sorted order. Nulls come first.
pub(super) fn sorted(ledger: LedgerName, batch: &RecordBatch) -> Vec<u32> {
    let [kinds, entities] = sort_columns(ledger).map(|name| ranks(batch, name));
    // Kind, entity and row in one number each, so that sorting compares numbers only.
    let mut keys: Vec<(u64, u32)> = (0..batch.num_rows() as u32).map(|row| (0, row)).collect();
    for (at, (key, _)) in keys.iter_mut().enumerate() {
        let rank = |ranks: &[u32]| ranks.get(at).copied().map_or(0, u64::from);
        *key = rank(&kinds) << 32 | rank(&entities);
    }
    keys.sort_unstable();
    keys.into_iter().map(|(_, row)| row).collect()
}

/// The place of each row's value among the distinct values in order, from 1; 0 for a null. Empty if all are null.
fn ranks(batch: &RecordBatch, name: &str) -> Vec<u32> {
    let Some(texts) = batch.column_by_name(name).and_then(|array| array.as_any().downcast_ref::<StringViewArray>())
    else {
        return Vec::new();
    };
    if texts.null_count() == texts.len() {
        return Vec::new();
    }
    let mut numbers: HashMap<&str, u32> = HashMap::new();
    let mut distinct: Vec<&str> = Vec::new();
    let mut ranks: Vec<u32> = texts
        .iter()
        .map(|text| {
            text.map_or(0, |text| {
                *numbers.entry(text).or_insert_with(|| {
                    distinct.push(text);
                    distinct.len() as u32
                })
            })
        })
        .collect();
    let mut order: Vec<u32> = (1..=distinct.len() as u32).collect();
    order.sort_unstable_by_key(|number| distinct[*number as usize - 1]);
    let mut places = vec![0; distinct.len() + 1];
    for (place, number) in order.into_iter().enumerate() {
        places[number as usize] = place as u32 + 1;
    }
    for rank in &mut ranks {
        *rank = places[*rank as usize];
    }
    ranks
}

/// The rows of a batch in the order of `rows`. Columns without values are not touched.
pub(super) fn reorder(batch: &RecordBatch, rows: Vec<u32>) -> Result<RecordBatch, ArrowError> {
    let rows = UInt32Array::from(rows);
    let column = |array: &ArrayRef| {
        if array.null_count() == array.len() { Ok(Arc::clone(array)) } else { take(array, &rows, None) }
    };
    let columns = batch.columns().iter().map(column).collect::<Result<_, _>>()?;
    RecordBatch::try_new(batch.schema(), columns)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Entry;
    use crate::columnar::ColumnsBuilder;
    use crate::events::{TABLE, column};
    use crate::fixtures::parts;
    use arrow::array::AsArray as _;
    use arrow::datatypes::Int64Type;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rows_are_sorted_by_kind_session_and_seq(rows in prop::collection::vec((prop::option::of("[ab]{1,2}"), prop::option::of("[ab]{1,2}")), 0..40)) {
            let mut builder = ColumnsBuilder::new(&TABLE, |_| true);
            for (seq, (kind, session)) in rows.iter().enumerate() {
                let mut entry = Entry::new();
                entry.set_text_if(column::KIND, kind.as_deref());
                entry.set_text_if(column::SESSION, session.as_deref());
                let (flags, facts, _) = parts(&TABLE, &mut [entry]).remove(0);
                builder.push(0, seq as u64, 0, 0, flags, &facts, None).expect("canonical");
            }
            let batch = builder.finish().expect("sound");
            let order = sorted(LedgerName::Events, &batch);
            let mut want: Vec<u32> = (0..rows.len() as u32).collect();
            want.sort_by_key(|row| (rows[*row as usize].clone(), *row));
            prop_assert_eq!(&order, &want);
            let ordered = reorder(&batch, order).expect("indices of the batch");
            let seqs: Vec<u32> = ordered["seq"].as_primitive::<Int64Type>().values().iter().map(|seq| *seq as u32).collect();
            prop_assert_eq!(seqs, want);
        }
    }
}
