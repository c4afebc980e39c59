//! Leaves whole segments out by the ranges that the manifest states, before any file is opened.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, Int64Array, TimestampMicrosecondArray, UInt64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, ScalarValue};
use datafusion::error::Result;
use datafusion::logical_expr::Expr;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::PhysicalExpr;
use ledger::Segment;

use super::layout::{Layout, RECORDED, SEQ, TIME};

/// The segments that can hold a matching row, newest first: analysts ask for the latest rows, and a scan that stops early
/// or tightens its bounds then never opens the older files.
pub(crate) fn segments(
    all: &[Arc<Segment>],
    filter: Option<&Arc<dyn PhysicalExpr>>,
    layout: &Layout,
) -> Result<Vec<Arc<Segment>>> {
    let keep = match filter {
        Some(filter) => {
            let builder = PruningPredicateBuilder::new().with_file_schema(Arc::clone(layout.schema()));
            builder.try_build(Arc::clone(filter))?.prune(&Ranges { segments: all, layout })?
        }
        None => vec![true; all.len()],
    };
    Ok(all.iter().zip(keep).rev().filter(|(_, keep)| *keep).map(|(segment, _)| Arc::clone(segment)).collect())
}

/// Takes the table's name off every column of an expression.
pub(crate) fn unqualified(expr: Expr) -> Result<Expr> {
    let stripped = expr.transform(|node| {
        Ok(match node {
            Expr::Column(column) if column.relation.is_some() => {
                Transformed::yes(Expr::Column(Column::from_name(column.name)))
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(stripped.data)
}

struct Ranges<'a> {
    segments: &'a [Arc<Segment>],
    layout: &'a Layout,
}

impl Ranges<'_> {
    fn bounds(&self, column: &str, pick: fn((i64, i64)) -> i64) -> Option<ArrayRef> {
        let values = self.segments.iter().map(|segment| {
            let range = match column {
                SEQ => Some((segment.first_seq as i64, segment.end_seq as i64 - 1)),
                RECORDED => Some(segment.recorded),
                TIME => segment.time,
                _ => None,
            };
            range.map(pick)
        });
        match self.layout.schema().field_with_name(column).ok()?.data_type() {
            DataType::Int64 if column == SEQ => Some(Arc::new(values.collect::<Int64Array>())),
            DataType::Timestamp(_, zone) if column == RECORDED || column == TIME => {
                Some(Arc::new(values.collect::<TimestampMicrosecondArray>().with_timezone_opt(zone.clone())))
            }
            _ => None,
        }
    }
}

impl PruningStatistics for Ranges<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column.name(), |(min, _)| min)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column.name(), |(_, max)| max)
    }

    fn num_containers(&self) -> usize {
        self.segments.len()
    }

    fn null_counts(&self, _: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(
            self.segments.iter().map(|segment| Some(segment.end_seq - segment.first_seq)).collect::<UInt64Array>(),
        ))
    }

    fn contained(&self, _: &Column, _: &std::collections::HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
