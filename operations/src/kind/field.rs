//! What a view of SQL shows of an entry: a name, where the value stands, and of what form it is. How SQL reads it is the
//! engine's business.

/// One column of a view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name in SQL.
    pub name: &'static str,
    /// Where the value stands.
    pub location: Location,
    /// Of what form it is.
    pub shape: Shape,
    /// One sentence.
    pub doc: &'static str,
}

/// Where a value stands in an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Location {
    /// In this column of `operations`.
    Column(&'static str),
    /// In the record, below these members.
    Record(&'static [&'static str]),
}

/// Of what form a value in a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// A whole number, which is this if it is absent.
    IntegerOr(i64),
    /// Whether something holds; it does not if it is absent.
    Flag,
    /// Any JSON, as text.
    Json,
}

impl Field {
    pub(super) const fn column(name: &'static str, column: &'static str, doc: &'static str) -> Self {
        Self { name, location: Location::Column(column), shape: Shape::Text, doc }
    }

    pub(super) const fn record(
        name: &'static str,
        path: &'static [&'static str],
        shape: Shape,
        doc: &'static str,
    ) -> Self {
        Self { name, location: Location::Record(path), shape, doc }
    }
}
