//! A rule of the optimizer for the view `spend`: hours of which several feeds tell are looked for only where the query looks for rows, and
//! not at all where it asks for nothing that depends on them. Without it a query about a day would read all days.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, JoinType, Result, ScalarValue};
use datafusion::logical_expr::expr::{BinaryExpr, InList};
use datafusion::logical_expr::utils::{conjunction, split_conjunction};
use datafusion::logical_expr::{Expr, Join, LogicalPlan, LogicalPlanBuilder, Operator, TableScan, lit};
use datafusion::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use crate::views::tellers::OVERLAP;

const MICROS_PER_HOUR: i64 = 3_600_000_000;

/// The rule. It holds of [`crate::views::tellers::FROM_SPEND`], which groups by session and hour, and joins each group by both.
#[derive(Debug)]
pub(crate) struct OverlapBounds;

impl OptimizerRule for OverlapBounds {
    fn name(&self) -> &'static str {
        "overlap_bounds"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::TopDown)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        match &plan {
            LogicalPlan::Join(join) if is_overlap(join) => bounded(plan),
            LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) => without_overlap(plan),
            _ => Ok(Transformed::no(plan)),
        }
    }
}

/// Whether a join is that of the view.
fn is_overlap(join: &Join) -> bool {
    let mut side = &join.left;
    loop {
        match side.as_ref() {
            LogicalPlan::SubqueryAlias(alias) if alias.alias.table() == OVERLAP => {
                return join.join_type == JoinType::Right;
            }
            LogicalPlan::Projection(inner) => side = &inner.input,
            LogicalPlan::Filter(inner) => side = &inner.input,
            _ => return false,
        }
    }
}

/// Leaves the join out if nothing of its smaller side is asked for: each row has at most one group, so none is lost or doubled.
fn without_overlap(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let inputs = plan.inputs();
    let [LogicalPlan::Join(join)] = inputs.as_slice() else { return Ok(Transformed::no(plan)) };
    let is_asked = |column: &Column| join.left.schema().has_column(column);
    if !is_overlap(join) || plan.expressions().iter().any(|expr| expr.column_refs().into_iter().any(is_asked)) {
        return Ok(Transformed::no(plan));
    }
    let rows = Arc::clone(&join.right);
    plan.with_new_exprs(plan.expressions(), vec![Arc::unwrap_or_clone(rows)]).map(Transformed::yes)
}

/// Asks of the groups what is asked of the rows.
fn bounded(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Join(mut join) = plan else { return Ok(Transformed::no(plan)) };
    let asked: Vec<Expr> = conditions(&join.right)?.iter().flat_map(of_groups).collect();
    let known = conditions(&join.left)?;
    let left = Arc::unwrap_or_clone(Arc::clone(&join.left)).transform_up(|node| match node {
        LogicalPlan::TableScan(scan) => filtered(scan, &asked, &known),
        other => Ok(Transformed::no(other)),
    })?;
    join.left = Arc::new(left.data);
    Ok(Transformed::new_transformed(LogicalPlan::Join(join), left.transformed))
}

/// The rows of a table for which all of it holds that is not known to hold.
fn filtered(scan: TableScan, asked: &[Expr], known: &[Expr]) -> Result<Transformed<LogicalPlan>> {
    let of_table = |expr: &Expr| {
        let named = expr.clone().transform(|expr| {
            Ok(match expr {
                Expr::Column(column) => {
                    Transformed::yes(Expr::Column(Column::new(Some(scan.table_name.clone()), column.name)))
                }
                other => Transformed::no(other),
            })
        });
        named.map(|named| named.data)
    };
    let asked = asked.iter().map(of_table).collect::<Result<Vec<_>>>()?;
    let new = conjunction(asked.into_iter().filter(|expr| !known.contains(expr)));
    let plan = LogicalPlan::TableScan(scan);
    match new {
        Some(new) => LogicalPlanBuilder::from(plan).filter(new)?.build().map(Transformed::yes),
        None => Ok(Transformed::no(plan)),
    }
}

/// All that holds of the rows below a plan.
fn conditions(plan: &LogicalPlan) -> Result<Vec<Expr>> {
    let mut found = Vec::new();
    plan.apply(|node| {
        match node {
            LogicalPlan::Filter(filter) => found.extend(split_conjunction(&filter.predicate).into_iter().cloned()),
            LogicalPlan::TableScan(scan) => {
                found.extend(scan.filters.iter().flat_map(|filter| split_conjunction(filter)).cloned());
            }
            LogicalPlan::Projection(_) | LogicalPlan::SubqueryAlias(_) | LogicalPlan::Aggregate(_) => {}
            // What holds below others may not hold above them.
            _ => return Ok(TreeNodeRecursion::Jump),
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// What a condition on rows means for the rows of their groups, which are whole hours of one session: nothing, if it is about something else.
fn of_groups(condition: &Expr) -> Vec<Expr> {
    let column = |expr: &Expr, name: &str| matches!(expr, Expr::Column(column) if column.name == name);
    match condition {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right })
            if column(left, "session") && matches!(right.as_ref(), Expr::Literal(..)) =>
        {
            vec![condition.clone()]
        }
        Expr::InList(InList { expr, list, negated: false })
            if column(expr, "session") && list.iter().all(|value| matches!(value, Expr::Literal(..))) =>
        {
            vec![condition.clone()]
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if column(left, "time") => {
            let Expr::Literal(ScalarValue::TimestampMicrosecond(Some(moment), zone), _) = right.as_ref() else {
                return Vec::new();
            };
            let hour = moment - moment.rem_euclid(MICROS_PER_HOUR);
            let bound = |moment: i64| lit(ScalarValue::TimestampMicrosecond(Some(moment), zone.clone()));
            let from = || left.as_ref().clone().gt_eq(bound(hour));
            let until = || left.as_ref().clone().lt(bound(hour.saturating_add(MICROS_PER_HOUR)));
            match op {
                Operator::Gt | Operator::GtEq => vec![from()],
                Operator::Lt | Operator::LtEq => vec![until()],
                Operator::Eq => vec![from(), until()],
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}
