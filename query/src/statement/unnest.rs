//! `FROM alerts a, unnest(a.evidence) AS e(position)`: lists of a table beside its rows, which the engine cannot plan.
//!
//! The list's values are put into a table of their own, which is joined where a row's list holds them. A value that a list
//! holds twice comes once.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, FunctionArg, FunctionArgExpr, Ident, Join, JoinConstraint, JoinOperator, Select, SelectItem,
    SetExpr, Statement, TableAlias, TableFactor, TableWithJoins,
};
use datafusion::sql::sqlparser::parser::Parser;

use super::dialect::Analysts;
use super::idioms::called;

/// A list of a table that stands in a FROM.
struct Listed {
    /// Which of the items of the FROM has the table.
    item: usize,
    /// The values, one row each.
    values: TableFactor,
    /// Where a row's list holds a value.
    holds: Expr,
}

/// Rewrites the lists in the FROM of a SELECT.
pub(super) fn rewrite(select: &mut Select) {
    for at in 0..select.from.len() {
        for number in 0..select.from[at].joins.len() {
            let Some(found) = listed(&select.from[at].joins[number].relation, &select.from, at) else { continue };
            let join = &mut select.from[at].joins[number];
            if found.item != at || !constrain(&mut join.join_operator, &found.holds) {
                continue;
            }
            join.relation = found.values;
        }
    }
    let mut at = 1;
    while at < select.from.len() {
        let found = listed(&select.from[at].relation, &select.from, at).filter(|found| found.item < at);
        let Some(found) = found else {
            at += 1;
            continue;
        };
        let TableWithJoins { joins, .. } = select.from.remove(at);
        let join_operator = JoinOperator::Inner(JoinConstraint::On(found.holds));
        let first = Join { relation: found.values, global: false, join_operator };
        select.from[found.item].joins.extend(std::iter::once(first).chain(joins));
    }
}

/// Adds to a join that a row's list holds the value. `false` if the join is of a kind for which that would be something else.
fn constrain(join: &mut JoinOperator, holds: &Expr) -> bool {
    if let JoinOperator::CrossJoin(JoinConstraint::None) = join {
        *join = JoinOperator::Inner(JoinConstraint::On(holds.clone()));
        return true;
    }
    let (JoinOperator::Join(constraint)
    | JoinOperator::Inner(constraint)
    | JoinOperator::Left(constraint)
    | JoinOperator::LeftOuter(constraint)) = join
    else {
        return false;
    };
    let JoinConstraint::On(on) = constraint else { return false };
    let nested = |expr: &Expr| Box::new(Expr::Nested(Box::new(expr.clone())));
    let both = Expr::BinaryOp { left: nested(holds), op: BinaryOperator::And, right: nested(on) };
    *constraint = JoinConstraint::On(both);
    true
}

/// Takes `unnest(table.column)` apart; the table stands in the same FROM.
fn listed(factor: &TableFactor, from: &[TableWithJoins], at: usize) -> Option<Listed> {
    let (column, alias) = match factor {
        TableFactor::UNNEST { alias, array_exprs, with_offset: false, with_ordinality: false, .. } => {
            (array_exprs.as_slice().first().filter(|_| array_exprs.len() == 1)?.clone(), alias)
        }
        TableFactor::Function { name, args, alias, with_ordinality: false, .. }
            if name.to_string().eq_ignore_ascii_case("unnest") =>
        {
            match args.as_slice() {
                [FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))] => (expr.clone(), alias),
                _ => return None,
            }
        }
        _ => return None,
    };
    let (table, name) = match &column {
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [table, name] => (Some(table), name.clone()),
            _ => return None,
        },
        Expr::Identifier(name) => (None, name.clone()),
        _ => return None,
    };
    let (item, source) = source(from, at, table)?;
    let alias_name = alias.as_ref().map_or_else(|| Ident::new("unnest"), |alias| alias.name.clone());
    let value = match alias.as_ref().map(|alias| alias.columns.as_slice()) {
        Some([only]) => only.name.clone(),
        Some([]) | None => alias_name.clone(),
        Some(_) => return None,
    };
    let holds = Expr::AnyOp {
        left: Box::new(Expr::CompoundIdentifier(vec![alias_name.clone(), value.clone()])),
        compare_op: BinaryOperator::Eq,
        right: Box::new(column),
        is_some: false,
    };
    let alias = TableAlias { explicit: true, name: alias_name, columns: Vec::new(), at: None };
    let values = values(source, name, value, alias)?;
    Some(Listed { item, values, holds })
}

/// `(SELECT DISTINCT unnest(list) AS value FROM table) AS alias`
fn values(table: TableFactor, list: Ident, value: Ident, alias: TableAlias) -> Option<TableFactor> {
    let statement = Parser::parse_sql(&Analysts, "SELECT DISTINCT list FROM place").ok()?.pop()?;
    let Statement::Query(mut subquery) = statement else { return None };
    let SetExpr::Select(select) = subquery.body.as_mut() else { return None };
    let expr = called("unnest", vec![Expr::Identifier(list)]);
    select.projection = vec![SelectItem::ExprWithAlias { expr, alias: value }];
    select.from = vec![TableWithJoins { relation: table, joins: Vec::new() }];
    Some(TableFactor::Derived { lateral: false, subquery, alias: Some(alias), sample: None })
}

/// The table of a list: the one of that name, or the only one; and in which item it stands. A subquery is none, since
/// its text would double with each that stands in another.
fn source(from: &[TableWithJoins], at: usize, name: Option<&Ident>) -> Option<(usize, TableFactor)> {
    let tables = from.iter().take(at + 1).enumerate().flat_map(|(item, table)| {
        let joined = table.joins.iter().map(|join| &join.relation);
        std::iter::once(&table.relation).chain(joined).map(move |factor| (item, factor))
    });
    let is_asked = |factor: &TableFactor| match (factor, name) {
        (TableFactor::Table { .. }, None) => true,
        (TableFactor::Table { alias: Some(alias), .. }, Some(name)) => alias.name.value == name.value,
        (TableFactor::Table { name: table, .. }, Some(name)) => {
            table.0.last().and_then(|part| part.as_ident()).is_some_and(|part| part.value == name.value)
        }
        _ => false,
    };
    let mut found = tables.filter(|(_, factor)| is_asked(factor));
    let first = found.next()?;
    if name.is_none() && found.next().is_some() {
        return None;
    }
    Some((first.0, first.1.clone()))
}
