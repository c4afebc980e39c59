//! What detection and other consumers wrote about themselves: the kinds `cursor`, `rules` and `outage`. The types of their
//! records belong to whoever writes them.

use super::{Family, Info};

/// How far a consumer has come.
pub const CURSOR: Info = Info::new(
    "cursor",
    Family::Others,
    "`detect`, `budgets`",
    "everything before `to` is done, and what followed from it stands in or before the same commit; the rest is the state of the \
     consumer `subject`. The newest counts",
)
.internal();
/// Which rules applied.
pub const RULES: Info = Info::new(
    "rules",
    Family::Others,
    "`detect`",
    "from `from` on the rules `revision` applied: parameters and user rules, whole",
);
/// A time without recording.
pub const OUTAGE: Info = Info::new(
    "outage",
    Family::Others,
    "`detect`",
    "nothing was recorded from second `from` to second `to`, so silence in between means nothing; `next_seq`: the next row then",
);
