//! Views of the entries of one kind: their columns are what the list of kinds says that a view shows.

use ledger::LedgerName;
use operations::kind::field::Field;
use operations::kind::{delivery, export, query};

use super::{Source, Value, View, ViewColumn, same};

/// Columns that stand before those of the kind.
const BEFORE: [ViewColumn; 3] = [same("position"), same("seq"), same("recorded")];

/// The columns of a view that shows these fields; there are `N` with those before them.
const fn columns<const N: usize>(fields: &'static [Field]) -> [ViewColumn; N] {
    let mut columns = [BEFORE[0]; N];
    let mut at = 1;
    while at < N {
        columns[at] = if at < BEFORE.len() {
            BEFORE[at]
        } else {
            let field = fields[at - BEFORE.len()];
            ViewColumn { name: field.name, value: Value::Field(field), doc: field.doc, content: false }
        };
        at += 1;
    }
    columns
}

pub(super) const RECEIPTS: View = View {
    name: "receipts",
    ledger: LedgerName::Operations,
    doc: "Receipts of exports: which range of a ledger a sink acknowledged.",
    columns: &columns::<{ BEFORE.len() + export::RECEIPT.info.fields.len() }>(export::RECEIPT.info.fields),
    source: Source::Entries(export::RECEIPT_KIND),
    example: "SELECT sink, max(\"end\") AS done, sum(\"count\") AS sent, sum(excluded) AS excluded FROM receipts GROUP BY sink",
};

pub(super) const DELIVERIES: View = View {
    name: "deliveries",
    ledger: LedgerName::Operations,
    doc: "Messages about alerts that a receiver took, one row each.",
    columns: &columns::<{ BEFORE.len() + delivery::SENT.info.fields.len() }>(delivery::SENT.info.fields),
    source: Source::Entries(delivery::SENT_KIND),
    example: "SELECT receiver, count(*) AS messages, max(recorded) AS latest FROM deliveries GROUP BY receiver ORDER BY messages DESC",
};

pub(super) const QUERIES: View = View {
    name: "queries",
    ledger: LedgerName::Operations,
    doc: "SQL that people typed: one row when it was asked and one when it ended. The text is the content of the first in operations.",
    columns: &columns::<{ BEFORE.len() + query::QUERY.info.fields.len() }>(query::QUERY.info.fields),
    source: Source::Entries(query::QUERY.info.word),
    example: "SELECT actor, outcome, count(*) AS queries, max(elapsed_ms) AS elapsed_ms_max FROM queries WHERE outcome IS NOT NULL GROUP BY actor, outcome",
};
