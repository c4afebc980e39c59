//! Entries for the tests of this package: any entry that a table allows, and the parts of a group's entries.

pub(crate) mod faulty;
pub(crate) mod mistakes;
pub(crate) mod recorder;
pub(crate) mod verifier;

use proptest::prelude::*;

use std::sync::Arc;

use crate::batch::Secrets;
use crate::column::{Column, Kind, Part, Table, handle};
use crate::entry::{EncodedGroup, Entry, Group};
use crate::tail::TailBlock;
use crate::timestamp::Timestamp;
use crate::wal::frame::Open;
use crate::{AppendError, Rejected, Row, Rows, Store};

/// One encoded entry: the leaf's flags, the facts part and the content part.
pub(crate) type Parts = (u32, Vec<u8>, Option<Vec<u8>>);

/// A value of any kind.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Number(i64),
    Bytes(Vec<u8>),
    List(Vec<String>),
}

/// Any entry of a table: each column is absent more often than not.
pub(crate) fn any_entry(table: &'static Table) -> impl Strategy<Value = Entry> {
    let columns: Vec<_> = table.columns.iter().map(|column| prop::option::weighted(0.3, any_value(column))).collect();
    columns.prop_map(move |values| {
        let mut entry = Entry::new();
        for (column, value) in table.columns.iter().zip(values) {
            if let Some(value) = value {
                set(&mut entry, column, value);
            }
        }
        entry
    })
}

fn any_value(column: &Column) -> BoxedStrategy<Value> {
    match column.kind {
        Kind::Text => "\\PC{0,20}".prop_map(Value::Text).boxed(),
        Kind::Integer | Kind::Time | Kind::Fingerprint => any::<i64>().prop_map(Value::Number).boxed(),
        Kind::Bytes => prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes).boxed(),
        Kind::TextList => prop::collection::vec("\\PC{0,9}", 0..4).prop_map(Value::List).boxed(),
    }
}

/// Sets a column whatever its kind.
pub(crate) fn set(entry: &mut Entry, column: &Column, value: Value) {
    match (column.kind, value) {
        (Kind::Text, Value::Text(text)) => entry.set_text(handle::Text(column.id), &text),
        (Kind::Integer, Value::Number(number)) => entry.set_integer(handle::Integer(column.id), number),
        (Kind::Time, Value::Number(number)) => {
            entry.set_time(handle::Time(column.id), Timestamp::from_unix_micros(number));
        }
        (Kind::Fingerprint, Value::Number(number)) => {
            entry.set_fingerprint(handle::Fingerprint(column.id), number.cast_unsigned());
        }
        (Kind::Bytes, Value::Bytes(bytes)) => entry.set_bytes(handle::Bytes(column.id), &bytes),
        (Kind::TextList, Value::List(list)) => {
            entry.set_list(handle::TextList(column.id), list.iter().map(String::as_str));
        }
        (kind, value) => panic!("{value:?} is not of kind {kind:?}"),
    }
}

/// Appends a group to `events`, again for as long as the ledger is full, and waits until it is durable.
pub(crate) fn append_patiently(store: &Store, group: Group) {
    let appender = store.events().appender();
    let mut queued = appender.try_append(group);
    while let Err(Rejected { group, error: AppendError::Full { .. } }) = queued {
        std::thread::yield_now();
        queued = appender.try_append(group);
    }
    queued.expect("room").wait().expect("durable");
}

/// The parts of entries as a leaf commits to them.
pub(crate) fn parts(table: &'static Table, entries: &[Entry]) -> Vec<Parts> {
    let mut rows = Rows::new(table.ledger, 0, crate::Seq::FIRST);
    for entry in entries {
        rows.push_entry(0, Timestamp::EPOCH, entry);
    }
    let parts = |row: Row<'_>| {
        let content = row.part(Part::Content);
        (row.flags, row.part(Part::Facts), Some(content).filter(|content| !content.is_empty()))
    };
    rows.iter().map(parts).collect()
}

/// Entries as the hot tail holds them: the first position, the batch, and the time of recording.
pub(crate) fn tail_block(
    table: &'static Table,
    (first_seq, batch, recorded): (u64, u64, i64),
    entries: &[Entry],
) -> Arc<TailBlock> {
    let group = encoded(table, entries);
    let secrets = Secrets { facts: [1; 32], content: [2; 32] };
    let open = Open { batch, first_seq, secrets, writer: [3; 16], epoch: 1 };
    let block = group.block.expect("entries");
    Arc::new(TailBlock::new((0, 0), block, (first_seq, recorded), &Arc::new(open), Some(group.checks)))
}

/// A group of entries as the writer gets it.
pub(crate) fn encoded(table: &'static Table, entries: &[Entry]) -> EncodedGroup {
    let mut group = Group::new(table);
    for entry in entries {
        group.push(entry).expect("small entries");
    }
    group.encode()
}
