//! How large the expressions of a plan become once each column is replaced by what it stands for.
//!
//! The optimiser moves conditions below the projections that compute their columns. `SELECT a + a AS a FROM (SELECT a + a
//! AS a FROM …)` doubles with each level, and so would a condition on it.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::{Expr, LogicalPlan};

/// The largest number of steps in one expression of the plan, written out.
pub(super) fn largest(plan: &LogicalPlan) -> Result<u64> {
    let mut largest = 0;
    weights(plan, &mut largest)?;
    Ok(largest)
}

/// The weights of the plan's columns.
fn weights(plan: &LogicalPlan, largest: &mut u64) -> Result<Vec<u64>> {
    let mut below = Vec::new();
    for input in plan.inputs() {
        below.push(weights(input, largest)?);
    }
    let columns = plan.schema().fields().len();
    let mut own = Vec::new();
    if let [input] = plan.inputs()[..] {
        for expr in plan.expressions() {
            let weight = weight(&expr, input.schema(), &below[0], largest)?;
            *largest = (*largest).max(weight);
            own.push(weight);
        }
    }
    Ok(match plan {
        // What aggregates and windows compute is not written out again; what they group by is.
        LogicalPlan::Projection(_) | LogicalPlan::Aggregate(_) if own.len() == columns => own,
        LogicalPlan::Union(_) => {
            (0..columns).map(|at| below.iter().filter_map(|input| input.get(at)).copied().max().unwrap_or(1)).collect()
        }
        _ => {
            let mut all = below.concat();
            let heaviest = all.iter().chain(&own).copied().max().unwrap_or(1);
            if all.len() > columns {
                all = vec![heaviest; columns];
            }
            all.resize(columns, 1);
            all
        }
    })
}

fn weight(expr: &Expr, schema: &DFSchema, columns: &[u64], largest: &mut u64) -> Result<u64> {
    let mut sum = 0_u64;
    expr.apply(|node| {
        let steps = match node {
            Expr::Column(column) => {
                schema.maybe_index_of_column(column).and_then(|at| columns.get(at).copied()).unwrap_or(1)
            }
            Expr::ScalarSubquery(subquery) => {
                weights(&subquery.subquery, largest)?;
                1
            }
            Expr::InSubquery(inside) => {
                weights(&inside.subquery.subquery, largest)?;
                1
            }
            Expr::Exists(inside) => {
                weights(&inside.subquery.subquery, largest)?;
                1
            }
            _ => 1,
        };
        sum = sum.saturating_add(steps);
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(sum)
}
