//! What analysts type as they would in PostgreSQL, put into the words of the engine, or refused where it has none.
//!
//! Nothing here may change what a statement means that the engine understands already.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, DataType, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, LimitClause,
    ObjectName, ObjectNamePart, Query, Value, VisitMut, VisitorMut,
};

use super::templates;
use crate::error::QueryError;

/// Names of PostgreSQL's JSON functions, and of those of the engine that do the same for the same arguments.
const RENAMED: [(&str, &str); 6] = [
    ("json_extract_path_text", "json_as_text"),
    ("jsonb_extract_path_text", "json_as_text"),
    ("json_extract_path", "json_get_json"),
    ("jsonb_extract_path", "json_get_json"),
    ("json_array_length", "json_length"),
    ("jsonb_array_length", "json_length"),
];

/// What psql's commands ask, as a statement.
pub(super) fn psql(sql: &str) -> Option<String> {
    let command = sql.trim().trim_end_matches(';').trim_end().strip_prefix('\\')?;
    let mut words = command.split_whitespace();
    let known = match (words.next()?.trim_end_matches('+'), words.next()) {
        ("d" | "dt" | "dv", None) => Some("SHOW TABLES".to_owned()),
        ("d" | "dt" | "dv", Some(name)) => {
            Some(format!("DESCRIBE \"{}\"", name.trim_matches('"').replace('"', "\"\"")))
        }
        _ => None,
    };
    known.filter(|_| words.next().is_none())
}

/// Rewrites every expression of a statement.
pub(super) fn rewrite(statement: &mut Statement) -> Result<(), QueryError> {
    match statement {
        Statement::Explain(explain) => rewrite(&mut explain.statement),
        Statement::Statement(sql) => match sql.visit(&mut Idioms) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(error) => Err(error),
        },
        Statement::CreateExternalTable(_) | Statement::CopyTo(_) | Statement::Reset(_) => Ok(()),
    }
}

struct Idioms;

impl VisitorMut for Idioms {
    type Break = QueryError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<QueryError> {
        fetch_first(query);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<QueryError> {
        match expression(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }
}

/// `FETCH FIRST 10 ROWS ONLY` is what the standard calls `LIMIT 10`.
fn fetch_first(query: &mut Query) {
    let Some(fetch) = &query.fetch else { return };
    if fetch.with_ties || fetch.percent {
        return;
    }
    let rows = fetch.quantity.clone().unwrap_or_else(|| Expr::value(Value::Number("1".to_owned(), false)));
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => *limit = Some(rows),
        clause @ None => {
            *clause = Some(LimitClause::LimitOffset { limit: Some(rows), offset: None, limit_by: Vec::new() });
        }
        Some(_) => return,
    }
    query.fetch = None;
}

fn expression(expr: &mut Expr) -> Result<(), QueryError> {
    match expr {
        // `user` is a function without arguments in standard SQL and a column here: nobody should have to quote it.
        Expr::Function(function) if matches!(function.args, FunctionArguments::None) && is_named(function, "user") => {
            *expr = Expr::Identifier(Ident::with_quote('"', "user"));
        }
        Expr::Function(function) => {
            if let Some((_, name)) = RENAMED.iter().find(|(name, _)| is_named(function, name)) {
                function.name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(*name))]);
            } else if is_named(function, "date_trunc") {
                zone_of_date_trunc(function);
            } else if is_named(function, "to_char") {
                template_of_to_char(function)?;
            }
        }
        Expr::SimilarTo { .. } => similar_to(expr)?,
        // JSON is text here, and a text is cast to it only to be looked into.
        Expr::Cast { expr: inner, data_type: DataType::JSON | DataType::JSONB, .. } => {
            let inner = std::mem::replace(inner.as_mut(), Expr::value(Value::Null));
            *expr = Expr::Nested(Box::new(inner));
        }
        _ => {}
    }
    Ok(())
}

fn is_named(function: &Function, name: &str) -> bool {
    matches!(function.name.0.as_slice(), [ObjectNamePart::Identifier(ident)] if ident.value.eq_ignore_ascii_case(name))
}

/// The arguments without names of a function.
fn arguments(function: &mut Function) -> Option<&mut Vec<FunctionArg>> {
    match &mut function.args {
        FunctionArguments::List(list) if list.clauses.is_empty() => Some(&mut list.args),
        _ => None,
    }
}

fn value(argument: &mut FunctionArg) -> Option<&mut Expr> {
    match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
        _ => None,
    }
}

/// The text that an expression spells out.
fn literal(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// `date_trunc('day', t, 'Europe/Berlin')` truncates in that zone, which the engine does for times of the zone.
fn zone_of_date_trunc(function: &mut Function) {
    let Some(arguments) = arguments(function).filter(|arguments| arguments.len() == 3) else { return };
    if !arguments.iter_mut().all(|argument| value(argument).is_some()) {
        return;
    }
    if let Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(time_zone))) = arguments.pop()
        && let Some(timestamp) = value(&mut arguments[1])
    {
        let inner = std::mem::replace(timestamp, Expr::value(Value::Null));
        let inner = Box::new(Expr::Nested(Box::new(inner)));
        *timestamp = Expr::AtTimeZone { timestamp: inner, time_zone: Box::new(time_zone) };
    }
}

/// `to_char(t, 'YYYY-MM-DD')`: the engine's patterns are those of `strftime`, and it would print others as they stand.
fn template_of_to_char(function: &mut Function) -> Result<(), QueryError> {
    let Some(argument) = arguments(function).and_then(|arguments| arguments.get_mut(1)).and_then(value) else {
        return Ok(());
    };
    let Some(template) = literal(argument) else {
        return Err(QueryError::Sql("the pattern of to_char must be spelled out, such as 'YYYY-MM-DD'".to_owned()));
    };
    if !template.contains('%') {
        let pattern = templates::strftime(template).map_err(QueryError::Sql)?;
        *argument = Expr::value(Value::SingleQuotedString(pattern));
    }
    Ok(())
}

/// `SIMILAR TO` matches the whole text against the standard's own patterns; the engine would search for a regular one.
fn similar_to(expr: &mut Expr) -> Result<(), QueryError> {
    let Expr::SimilarTo { negated, expr: left, pattern, escape_char } = expr else { return Ok(()) };
    let Some(text) = literal(pattern) else {
        return Err(QueryError::Sql("the pattern of SIMILAR TO must be spelled out; ~ takes any".to_owned()));
    };
    let escape = match escape_char.as_ref().map(|escape| &escape.value) {
        None => Some('\\'),
        Some(Value::SingleQuotedString(escape)) => {
            let mut characters = escape.chars();
            let first = characters.next();
            if characters.next().is_some() {
                return Err(QueryError::Sql("ESCAPE takes one character".to_owned()));
            }
            first
        }
        Some(_) => return Err(QueryError::Sql("ESCAPE takes a text".to_owned())),
    };
    let regular = templates::regular(text, escape).map_err(QueryError::Sql)?;
    let op = if *negated { BinaryOperator::PGRegexNotMatch } else { BinaryOperator::PGRegexMatch };
    let left = std::mem::replace(left.as_mut(), Expr::value(Value::Null));
    *expr = Expr::Nested(Box::new(Expr::BinaryOp {
        left: Box::new(Expr::Nested(Box::new(left))),
        op,
        right: Box::new(Expr::value(Value::SingleQuotedString(regular))),
    }));
    Ok(())
}
