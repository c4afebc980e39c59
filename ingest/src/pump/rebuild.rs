//! Rebuilds what the pump remembers from the last rows of the ledger, so that a restart forgets no more than the bounds do.

use ledger::events::column;
use ledger::{LedgerError, ReadLimit, Reader, Row};

use super::intake::CONFLICT;
use super::key;
use crate::dedup::{Body, Dedup, Keyring};
use crate::enrich::Enrichment;
use crate::finish::UNPARSED;
use crate::limits;

/// Reads the last rows, as many as there are keys to remember.
pub(super) fn rebuild(
    reader: &Reader,
    keyring: &Keyring,
    dedup: &mut Dedup,
    enrichment: &mut Enrichment,
) -> Result<(), LedgerError> {
    let end = reader.durable()?.next_seq;
    let mut next = end.saturating_sub(limits::DEDUP_KEYS_MAX as u64);
    let limit = ReadLimit { rows: limits::REBUILD_ROWS, bytes: limits::REBUILD_BYTES };
    while next < end {
        let rows = reader.read(next, false, limit)?;
        if rows.next_seq <= next {
            break;
        }
        let mut rows_in_order = rows.iter().peekable();
        while let Some(row) = rows_in_order.next() {
            let many = is_further(&row) || rows_in_order.peek().is_some_and(is_further);
            restore(keyring, dedup, &row, many);
            enrichment.restore(&row);
        }
        next = rows.next_seq;
    }
    Ok(())
}

/// An event without a record is a further event of the record before it. (The last row of a block may be taken for the
/// only event of its record; then its repetition may be recorded as a conflict, and nothing is lost.)
fn is_further(row: &Row<'_>) -> bool {
    let holds_record = [column::RECORD.id(), column::CONTENT_HASH.id()].iter().any(|&id| row.value(id).is_some());
    !holds_record && row.text(column::KIND) != Some(UNPARSED)
}

fn restore(keyring: &Keyring, dedup: &mut Dedup, row: &Row<'_>, many: bool) {
    let Some(token) = row.text(column::TOKEN) else { return };
    let Some(key) = key::key(keyring, token, row) else { return };
    let body = if many { Body::UNKNOWN } else { key::body(keyring, row) };
    // Earlier versions replaced the kind.
    let conflict = row.list(column::MARKS).any(|mark| mark == CONFLICT) || row.text(column::KIND) == Some(CONFLICT);
    dedup.restore(key, body, row.position.seq, conflict);
}
