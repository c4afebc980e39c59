//! Which columns a ledger's table has in SQL, and where each comes from.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use ledger::{LedgerName, Part, Table};

/// The computed column that prints where a row stands.
pub(crate) const POSITION: &str = "position";
/// The column of sequence numbers, which both files of a segment have.
pub(crate) const SEQ: &str = "seq";
/// The column of the shard.
pub(crate) const SHARD: &str = "shard";
/// The column of the recorded time.
pub(crate) const RECORDED: &str = "recorded";
/// The column of the event time.
pub(crate) const TIME: &str = "time";

/// Where a column comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Computed from `shard` and `seq`.
    Position,
    /// The facts file; the index is the column's in [`Layout::facts`].
    Facts(usize),
    /// The content file.
    Content,
}

/// The columns of one ledger's table for one principal: without the permission there are no content columns.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    ledger: LedgerName,
    schema: SchemaRef,
    facts: SchemaRef,
    origins: Arc<[Origin]>,
    /// For each column its index in the ledger's own schema; `position` has none.
    stored: Arc<[Option<usize>]>,
}

impl Layout {
    /// The table of `ledger` whose stored columns are `stored`, with or without those made from content.
    pub(crate) fn new(ledger: LedgerName, stored: &Schema, content: bool) -> Self {
        let table = Table::of(ledger);
        let mut fields = vec![Arc::new(Field::new(POSITION, DataType::Utf8View, true))];
        let (mut facts, mut origins, mut indices) = (Vec::new(), vec![Origin::Position], vec![None]);
        for (index, field) in stored.fields().iter().enumerate() {
            let origin = if table.by_name(field.name()).is_some_and(|column| column.part == Part::Content) {
                Origin::Content
            } else {
                facts.push(Arc::clone(field));
                Origin::Facts(facts.len() - 1)
            };
            if content || origin != Origin::Content {
                fields.push(Arc::clone(field));
                origins.push(origin);
                indices.push(Some(index));
            }
        }
        Self {
            ledger,
            schema: Arc::new(Schema::new(fields)),
            facts: Arc::new(Schema::new(facts)),
            origins: origins.into(),
            stored: indices.into(),
        }
    }

    pub(crate) fn ledger(&self) -> LedgerName {
        self.ledger
    }

    /// The table's name in SQL.
    pub(crate) fn name(&self) -> &'static str {
        self.ledger.as_str()
    }

    /// The table's columns in SQL.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The columns of the facts files.
    pub(crate) fn facts(&self) -> &SchemaRef {
        &self.facts
    }

    /// Where column number `index` comes from.
    pub(crate) fn origin(&self, index: usize) -> Origin {
        self.origins[index]
    }

    /// The index of column number `index` in the ledger's own schema.
    pub(crate) fn stored(&self, index: usize) -> Option<usize> {
        self.stored[index]
    }

    /// The number of the column with this name.
    pub(crate) fn index_of(&self, name: &str) -> Option<usize> {
        self.schema.index_of(name).ok()
    }
}
