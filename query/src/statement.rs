//! What may be asked: one SQL statement that only reads, parsed and checked before anything is planned.

mod bounds;
mod dialect;
mod idioms;
mod patterns;
mod templates;
mod unnest;
mod weights;

use std::collections::HashMap;
use std::ops::ControlFlow;

use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Query, Select, Statement as Sql, Visit, Visitor, visit_relations,
};
use datafusion::sql::sqlparser::parser::ParserError;

use crate::error::QueryError;
use crate::limits;

/// Refuses a text that is too long even to be recorded.
pub(crate) fn check_size(sql: &str) -> Result<(), QueryError> {
    if sql.len() <= limits::SQL_BYTES_MAX {
        return Ok(());
    }
    let what = format!("its text has {} bytes, the limit is {}", sql.len(), limits::SQL_BYTES_MAX);
    Err(QueryError::TooComplex(what))
}

/// Parses SQL and refuses what is not a single reading statement.
pub(crate) fn parse(sql: &str) -> Result<Statement, QueryError> {
    check_size(sql)?;
    bounds::check(sql)?;
    let command = idioms::psql(sql);
    let sql = command.as_deref().unwrap_or(sql);
    let mut parser = DFParserBuilder::new(sql)
        .with_dialect(&dialect::Analysts)
        .with_recursion_limit(limits::SQL_DEPTH_MAX)
        .build()
        .map_err(QueryError::from_engine)?;
    let mut statements = parser.parse_statements().map_err(|error| match error.find_root() {
        DataFusionError::SQL(parser, _) if **parser == ParserError::RecursionLimitExceeded => {
            QueryError::TooComplex(format!("it nests deeper than {} levels", limits::SQL_DEPTH_MAX))
        }
        _ => QueryError::from_engine(error),
    })?;
    let mut statement =
        statements.pop_front().ok_or_else(|| QueryError::Sql("there is no SQL statement in the request".to_owned()))?;
    if !statements.is_empty() {
        return Err(QueryError::Sql(
            "there is more than one SQL statement in the request; send one at a time".to_owned(),
        ));
    }
    check(&statement)?;
    check_grouping_sets(&statement)?;
    idioms::rewrite(&mut statement)?;
    if tables(&statement) > limits::SQL_TABLES_MAX {
        let what =
            format!("it reads more than {} tables once its WITH clauses are written out", limits::SQL_TABLES_MAX);
        return Err(QueryError::TooComplex(what));
    }
    Ok(statement)
}

fn check(statement: &Statement) -> Result<(), QueryError> {
    let allowed = match statement {
        Statement::Statement(sql) => match sql.as_ref() {
            Sql::Query(_)
            | Sql::ExplainTable { .. }
            | Sql::ShowTables { .. }
            | Sql::ShowColumns { .. }
            | Sql::ShowFunctions { .. } => true,
            Sql::Explain { statement, .. } => matches!(statement.as_ref(), Sql::Query(_)),
            _ => false,
        },
        Statement::Explain(explain) => return check(&explain.statement),
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => false,
    };
    if allowed { Ok(()) } else { Err(refused(&statement.to_string())) }
}

fn refused(text: &str) -> QueryError {
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    QueryError::ReadOnly { statement: words.join(" ") }
}

/// How many tables the statement reads once every `WITH` name is replaced by what it stands for: planning does that, and
/// takes as long. Names are taken as if they were known everywhere, so the number may be too high, never too low.
fn tables(statement: &Statement) -> u64 {
    match statement {
        Statement::Explain(explain) => tables(&explain.statement),
        Statement::Statement(sql) => {
            let all = relations(sql.as_ref());
            if all.len() as u64 > limits::SQL_TABLES_NAMED_MAX {
                return u64::MAX;
            }
            let mut known = WithClauses::default();
            let _: ControlFlow<()> = sql.visit(&mut known);
            all.iter().fold(0, |sum, name| sum.saturating_add(known.weight(name)))
        }
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => 0,
    }
}

/// Refuses a GROUP BY whose grouping sets are too many. The engine writes all of them out before it counts them.
fn check_grouping_sets(statement: &Statement) -> Result<(), QueryError> {
    match statement {
        Statement::Explain(explain) => check_grouping_sets(&explain.statement),
        Statement::Statement(sql) => match sql.visit(&mut GroupingSets) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(QueryError::TooComplex(format!(
                "its GROUP BY comes to more than {} grouping sets",
                limits::SQL_GROUPING_SETS_MAX
            ))),
        },
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => Ok(()),
    }
}

/// Stops at a SELECT with too many grouping sets.
struct GroupingSets;

impl Visitor for GroupingSets {
    type Break = ();

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        let sets = match &select.group_by {
            GroupByExpr::Expressions(exprs, modifiers) if modifiers.is_empty() => grouping_sets(exprs),
            // `WITH CUBE` and its like.
            GroupByExpr::Expressions(exprs, _) => power_of_two(exprs.len()).saturating_mul(grouping_sets(exprs)),
            GroupByExpr::All(_) => 1,
        };
        if sets > limits::SQL_GROUPING_SETS_MAX { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// How many grouping sets come of these: they multiply.
fn grouping_sets(exprs: &[Expr]) -> u64 {
    exprs.iter().fold(1, |product, expr| {
        product.saturating_mul(match expr {
            Expr::GroupingSets(sets) => sets.iter().fold(0, |sum, set| sum.saturating_add(grouping_sets(set))),
            Expr::Cube(sets) => power_of_two(sets.len()),
            Expr::Rollup(sets) => sets.len() as u64 + 1,
            _ => 1,
        })
    })
}

fn power_of_two(exponent: usize) -> u64 {
    u32::try_from(exponent).ok().and_then(|exponent| 1_u64.checked_shl(exponent)).unwrap_or(u64::MAX)
}

/// The names of the tables that a piece of SQL reads, as often as it reads them.
fn relations(sql: &impl Visit) -> Vec<String> {
    let mut names = Vec::new();
    let _: ControlFlow<()> = visit_relations(sql, |name| {
        names.push(name.to_string().to_lowercase());
        ControlFlow::Continue(())
    });
    names
}

/// What each `WITH` name reads, and how many tables that comes to.
#[derive(Default)]
struct WithClauses {
    reads: HashMap<String, Vec<String>>,
    weights: HashMap<String, u64>,
}

impl Visitor for WithClauses {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let name = cte.alias.name.to_string().to_lowercase();
            self.reads.entry(name).or_default().extend(relations(&cte.query));
        }
        ControlFlow::Continue(())
    }
}

impl WithClauses {
    fn weight(&mut self, name: &str) -> u64 {
        if let Some(weight) = self.weights.get(name) {
            return *weight;
        }
        // A recursive clause reads itself; it counts once.
        self.weights.insert(name.to_owned(), 1);
        let reads = self.reads.remove(name).unwrap_or_default();
        let weight = reads.iter().fold(1_u64, |sum, read| sum.saturating_add(self.weight(read)));
        self.weights.insert(name.to_owned(), weight);
        weight
    }
}

/// Refuses a plan that grew too large, which is counted before anything else walks over it, or that would write.
pub(crate) fn check_plan(plan: &LogicalPlan) -> Result<(), QueryError> {
    let mut nodes = 0_usize;
    let counted = plan.apply_with_subqueries(|_| {
        nodes += 1;
        Ok(if nodes > limits::PLAN_NODES_MAX { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    counted.map_err(QueryError::from_engine)?;
    if nodes > limits::PLAN_NODES_MAX {
        return Err(QueryError::TooComplex(format!("its plan has more than {} steps", limits::PLAN_NODES_MAX)));
    }
    if weights::largest(plan).map_err(QueryError::from_engine)? > limits::PLAN_EXPRESSION_STEPS_MAX {
        return Err(QueryError::TooComplex(format!(
            "an expression has more than {} steps once the columns of its subqueries are written out",
            limits::PLAN_EXPRESSION_STEPS_MAX
        )));
    }
    let read_only = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    read_only.verify_plan(plan).map_err(|_| refused(&plan.display().to_string()))
}

/// Whether the plan only explains itself, without running.
pub(crate) fn runs_nothing(plan: &LogicalPlan) -> bool {
    matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::DescribeTable(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, expected: &str) {
        let outcome = match parse(sql) {
            Ok(statement) => statement.to_string(),
            Err(error) => error.code().to_owned(),
        };
        assert_eq!(outcome, expected, "{sql}");
    }

    #[test]
    fn only_reading_statements_pass() {
        check(
            "select user, e.user from events e where user = 'ada'",
            "SELECT \"user\", e.user FROM events e WHERE \"user\" = 'ada'",
        );
        check("SHOW TABLES", "SHOW TABLES");
        check("EXPLAIN SELECT 1", "EXPLAIN SELECT 1");
        for sql in [
            "DROP TABLE events",
            "CREATE TABLE t AS SELECT 1",
            "CREATE VIEW v AS SELECT 1",
            "CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '/etc/passwd'",
            "COPY (SELECT 1) TO 'out.parquet'",
            "INSERT INTO events VALUES (1)",
            "UPDATE events SET host = 'x'",
            "DELETE FROM events",
            "SET datafusion.execution.target_partitions = 1000",
            "RESET datafusion.execution.target_partitions",
            "EXPLAIN COPY (SELECT 1) TO 'out.parquet'",
            "EXPLAIN ANALYZE INSERT INTO events VALUES (1)",
            "PREPARE p AS SELECT 1",
            "BEGIN",
            "TRUNCATE TABLE events",
        ] {
            check(sql, "read_only");
        }
    }

    #[test]
    fn size_and_number_are_bounded() {
        check("", "sql");
        check("SELECT 1; SELECT 2", "sql");
        check("SELEC 1", "sql");
        for (by, expected) in [
            ("CUBE (a,b,c,d,e,f,g,h)", true),
            ("CUBE (a,b,c,d,e,f,g,h,i)", false),
            ("CUBE (a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p)", false),
            ("ROLLUP (a,b,c), CUBE (d,e), f", true),
            ("CUBE (a,b,c,d), CUBE (e,f,g,h,i)", false),
            ("CUBE (a,b,c,d,e,f), GROUPING SETS ((g), (h), (i), (j), (k))", false),
            ("GROUPING SETS ((a), (b), ())", true),
        ] {
            let outcome = parse(&format!("SELECT 1 FROM (SELECT count(*) FROM t GROUP BY {by})"));
            assert_eq!(outcome.map_err(|error| error.code()).err(), (!expected).then_some("too_complex"), "{by}");
        }
        check(&format!("SELECT '{}'", "x".repeat(limits::SQL_BYTES_MAX)), "too_complex");
        check(&format!("SELECT {}1{}", "(".repeat(200), ")".repeat(200)), "too_complex");
        let twice: Vec<String> = (0..24).map(|n| format!("b{} AS (SELECT 1 FROM b{n} x, b{n} y)", n + 1)).collect();
        check(&format!("WITH b0 AS (SELECT 1), {} SELECT 1 FROM b24", twice.join(", ")), "too_complex");
        check(
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r) SELECT 1 FROM r, r AS s",
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n FROM r) SELECT 1 FROM r, r AS s",
        );
        check(&format!("{}SELECT 1{}", "SELECT * FROM (".repeat(200), ")".repeat(200)), "too_complex");
    }
}
