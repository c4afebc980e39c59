//! What a scan has to read, and whether filters are worth evaluating row by row inside it.

use datafusion::arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{Expr, Operator};

use super::layout::{Layout, Origin, SEQ, SHARD};

/// Columns with so many different values that an equality on them leaves few rows.
const SELECTIVE: [&str; 13] = [
    "seq",
    "position",
    "session",
    "run",
    "workspace",
    "agent",
    "user",
    "interception",
    "tool_call",
    "source_id",
    "stream",
    "action_fp",
    "subject",
];
/// A scan that returns this many columns besides those in its filters is wide.
const WIDE_COLUMNS: usize = 8;
/// A column that is wide by itself.
const WIDE_COLUMN: &str = "record";

/// The columns that a scan reads, as indices into the table.
#[derive(Debug)]
pub(crate) struct Shape {
    /// Facts columns, `shard` and `seq` included where something is made from them.
    pub(crate) facts: Vec<usize>,
    /// Content columns.
    pub(crate) content: Vec<usize>,
    /// Whether filters are evaluated inside the scan, column by column, before the others are decoded.
    ///
    /// That pays where few rows of wide ones remain, and costs a fifth to a half where an aggregate reads most rows. It
    /// holds for the bounds of an `ORDER BY … LIMIT` too, which come while the query runs.
    pub(crate) filter_in_scan: bool,
}

impl Shape {
    pub(crate) fn new(layout: &Layout, wanted: &[usize], filters: &[Expr]) -> Self {
        let (mut facts, mut content, mut position) = (Vec::new(), Vec::new(), false);
        for &index in wanted {
            match layout.origin(index) {
                Origin::Position => position = true,
                Origin::Facts(_) => facts.push(index),
                Origin::Content => content.push(index),
            }
        }
        let mut add = |name: &str| {
            if let Some(index) = layout.index_of(name).filter(|index| !facts.contains(index)) {
                facts.push(index);
            }
        };
        if position {
            add(SHARD);
        }
        if position || !content.is_empty() {
            add(SEQ);
        }
        let filter_in_scan =
            !content.is_empty() || is_wide(layout, &facts, filters) || filters.iter().any(is_selective);
        Self { facts, content, filter_in_scan }
    }

    /// The schema that both sides return.
    pub(crate) fn side_schema(&self, layout: &Layout) -> SchemaRef {
        let fields: Vec<FieldRef> = self.indices().map(|index| layout.schema().fields()[index].clone()).collect();
        Schema::new(fields).into()
    }

    /// The columns of a side as indices into the ledger's own schema.
    pub(crate) fn stored_indices(&self, layout: &Layout) -> Vec<usize> {
        self.indices().filter_map(|index| layout.stored(index)).collect()
    }

    /// The facts columns as indices into the facts files' schema.
    pub(crate) fn facts_indices(&self, layout: &Layout) -> Vec<usize> {
        let origins = self.facts.iter().map(|&index| layout.origin(index));
        origins.filter_map(|origin| if let Origin::Facts(index) = origin { Some(index) } else { None }).collect()
    }

    /// The content columns.
    pub(crate) fn content_fields(&self, layout: &Layout) -> Vec<FieldRef> {
        self.content.iter().map(|&index| layout.schema().fields()[index].clone()).collect()
    }

    /// The names of the content columns.
    pub(crate) fn content_names<'a>(&'a self, layout: &'a Layout) -> impl Iterator<Item = &'a str> {
        self.content.iter().map(|&index| layout.schema().field(index).name().as_str())
    }

    fn indices(&self) -> impl Iterator<Item = usize> + '_ {
        self.facts.iter().chain(&self.content).copied()
    }
}

fn is_wide(layout: &Layout, facts: &[usize], filters: &[Expr]) -> bool {
    let filtered: Vec<_> = filters.iter().flat_map(Expr::column_refs).map(|column| column.name.clone()).collect();
    let names = facts.iter().map(|&index| layout.schema().field(index).name());
    let rest: Vec<_> = names.filter(|name| !filtered.contains(name)).collect();
    rest.len() >= WIDE_COLUMNS || rest.iter().any(|name| *name == WIDE_COLUMN)
}

/// Whether a conjunct asks for single values of a column with many.
fn is_selective(filter: &Expr) -> bool {
    let selective = |expr: &Expr| matches!(expr, Expr::Column(column) if SELECTIVE.contains(&column.name.as_str()));
    split_conjunction(filter).into_iter().any(|conjunct| match conjunct {
        Expr::BinaryExpr(binary) => binary.op == Operator::Eq && (selective(&binary.left) || selective(&binary.right)),
        Expr::InList(list) => !list.negated && selective(&list.expr),
        _ => false,
    })
}
