//! What makes two events the same one (the key), and what makes them say the same (the body): both from facts of the row.
//!
//! The body is not the record's bytes: a source that sends an event again wraps it anew, with another time of logging and
//! another request id, and that contradicts nothing. It is the columns that say what happened. Who did it may be joined,
//! and joins know more later, so those columns stay out; so do prices.

use std::sync::LazyLock;

use ledger::column::Comparison;
use ledger::events::{TABLE, column};

use crate::dedup::{Body, Key, Keyring};
use crate::event::ReadColumns;
use crate::namespace::{self, Sender};

/// The ids of the columns that say what happened, in ascending order. Another column among them makes conflicts of what was
/// recorded before it and comes again.
static BODY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let compared = TABLE.columns.iter().filter(|column| column.comparison == Comparison::Compared);
    compared.map(|column| column.id).collect()
});

/// The key: the source's counter where it has one, else its natural id; `None` for an event that has neither.
pub(super) fn key(keyring: &Keyring, sender: Sender<'_>, columns: &impl ReadColumns) -> Option<Key> {
    let source = columns.text(column::SOURCE).unwrap_or_default();
    let space = sender.space(columns);
    if let (Some(stream), Some(number)) = (columns.text(column::STREAM), columns.integer(column::STREAM_SEQ))
        && let Ok(number) = u64::try_from(number)
    {
        return Some(keyring.counter(&space, source, stream, number));
    }
    columns.text(column::SOURCE_ID).map(|id| keyring.id(&space, source, id))
}

/// The key of what a record adds to an earlier one with the same natural id.
pub(super) fn addition(keyring: &Keyring, sender: Sender<'_>, columns: &impl ReadColumns, id: &str) -> Key {
    keyring.id(&sender.space(columns), columns.text(column::SOURCE).unwrap_or_default(), id)
}

/// What the event says.
pub(super) fn body(keyring: &Keyring, columns: &impl ReadColumns) -> Body {
    if namespace::is_told_in_parts(columns) {
        return Body::UNKNOWN;
    }
    let said = BODY.iter().filter_map(|&id| columns.value(id).map(|value| (id, value)));
    // A time that is the time of receipt differs each time.
    let is_receipt =
        |(id, value): &(u8, &[u8])| *id == column::TIME.id() && Some(*value) == columns.value(column::OBSERVED.id());
    keyring.body(said.filter(|said| !is_receipt(said)))
}
