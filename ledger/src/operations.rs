//! The columns of the `operations` ledger: what Tachograph and its people did. Later work only adds kinds.
//!
//! One entry is one step in the life of one subject: an alert's revision, a receipt of an export, a token's creation.

use crate::column::columns;
use crate::position::LedgerName;

columns! {
    LedgerName::Operations;
    1 KIND "kind" Text Facts Repeated Own Ignored "What happened: alert, cursor, export.receipt, token, manifest, ….";
    2 SUBJECT "subject" Text Facts Sought Own Ignored "What it happened to: the id of the alert, sink, token, ….";
    3 REVISION "revision" Integer Facts Repeated Own Ignored "Number of the step in the subject's life, from 1.";
    4 ACTOR "actor" Text Facts Repeated Own Ignored "The principal that did it: a person's name, local, or the part of Tachograph.";
    5 FROM "from" Text Facts Repeated Own Ignored "First position that the entry is about, or the state before.";
    6 TO "to" Text Facts Repeated Own Ignored "Position after the last that the entry is about, or the state after.";
    7 RECORD "record" Text Facts Long Own Ignored "The entry's fields as JSON; each kind has its own.";
    100 CONTENT "content" Text Content Long Own Ignored "Text that may be erased, such as a note or a query.";
}
