//! Who asked what, and who read content: the kinds `query` and `content.read`.

use serde::{Deserialize, Serialize};

use super::field::{Field, Shape};
use super::{Family, Info, Kind};

/// The kind of SQL that somebody typed: the entry of its beginning.
pub const QUERY: Kind<Begun> = Kind::of(
    Info::new(
        "query",
        Family::Others,
        "a person",
        "revision 1, before the SQL is read: `token`, `via` (the door), the SQL is the content; revision 2, when it ended: `token`, \
         `outcome`, `rows`, `elapsed_ms`. One without a second was running when the process ended",
    )
    .internal()
    .shown_as(&[
        Field::column("query", "subject", "Id of the query."),
        Field::column("actor", "actor", "Who asked."),
        Field::record("token", &["token"], Shape::Text, "The token that was shown."),
        Field::record("via", &["via"], Shape::Text, "The door, such as http; null in the entry of the end."),
        Field::record("outcome", &["outcome"], Shape::Text, "complete, cancelled or the code of an error; null at first."),
        Field::record("rows", &["rows"], Shape::Integer, "Rows of the result."),
        Field::record("elapsed_ms", &["elapsed_ms"], Shape::Integer, "How long it took, in milliseconds."),
    ]),
);
/// The same kind: the entry of its end.
pub const QUERY_ENDED: Kind<Ended> = Kind::of(QUERY.info);
/// The kind of a read of content columns.
pub const CONTENT_READ: Kind<ContentRead> = Kind::of(Info::new(
    "content.read",
    Family::Others,
    "a person",
    "`token`, `columns` that were read; without SQL also `via` (the door), and `from` is the first position",
));

/// The record of a query that begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// Id of the token that was shown.
    pub token: String,
    /// The door through which it came.
    pub via: String,
}

/// The record of a query that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// Id of the token that was shown.
    pub token: String,
    /// `complete`, `cancelled`, or the code of an error.
    pub outcome: String,
    /// Rows of the result.
    pub rows: u64,
    /// How long it took, in milliseconds.
    pub elapsed_ms: u64,
}

/// The record of a `content.read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContentRead {
    /// Id of the token that was shown.
    pub token: String,
    /// The content columns.
    pub columns: Vec<String>,
    /// The door through which they were read, if it was not SQL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
}
