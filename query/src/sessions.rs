//! What pages ask about sessions: the list, one session as lanes, its records in order. It knows SQL and our columns; how an answer is
//! written is for `api`.
//!
//! Records of a session stand in order of event time and position. A row without an event time stands where it was recorded.

mod fold;
mod index;
mod list;
mod overview;
mod record;
mod records;

pub use fold::{Folded, Gap, Link, fold, links};
pub use index::{Index, index};
pub use list::{Cursor, Listed, Totals, list};
pub use overview::{Bucket, Header, Overview, overview};
pub use record::{LANES, Record, lane, summary, told_by};
pub use records::{Elsewhere, Found, Place, Range, elsewhere, found, neighbours, records, records_at};

/// The moment of a record in microseconds since 1970 UTC.
const AT: &str = "CAST(coalesce(time, recorded) AS BIGINT)";
