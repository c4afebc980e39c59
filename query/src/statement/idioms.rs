//! What analysts type as they would in PostgreSQL, put into the words of the engine, or refused where it has none.
//!
//! Nothing here may change what a statement means that the engine understands already.

use std::ops::ControlFlow;

use datafusion::arrow::array::timezone::Tz;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, CharacterLength, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, Ident, LimitClause, ObjectName, ObjectNamePart, Query, Select,
    TableFactor, Value, VisitMut, VisitorMut,
};

use super::{patterns, templates, unnest};
use crate::error::QueryError;
use crate::limits::CHAINED_CALLS_MAX;

/// Names of PostgreSQL's functions, and of those of the engine that do the same for the same arguments.
const RENAMED: [(&str, &str); 8] = [
    ("every", "bool_and"),
    ("variance", "var_samp"),
    ("json_extract_path_text", "json_as_text"),
    ("jsonb_extract_path_text", "json_as_text"),
    ("json_extract_path", "json_get_json"),
    ("jsonb_extract_path", "json_get_json"),
    ("json_array_length", "json_length"),
    ("jsonb_array_length", "json_length"),
];

/// Functions that give a row for each value, and those of the engine that give them as a list.
const SETS: [(&str, &str); 4] = [
    ("json_object_keys", "json_object_keys"),
    ("jsonb_object_keys", "json_object_keys"),
    ("json_array_elements_text", "json_texts"),
    ("jsonb_array_elements_text", "json_texts"),
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

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<QueryError> {
        unnest::rewrite(select);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, table: &mut TableFactor) -> ControlFlow<QueryError> {
        match table {
            TableFactor::Table { sample: Some(_), .. } | TableFactor::Derived { sample: Some(_), .. } => {
                let refusal = "TABLESAMPLE is not known; narrow by time, or keep rows by WHERE random() < 0.1";
                ControlFlow::Break(QueryError::Sql(refusal.to_owned()))
            }
            _ => ControlFlow::Continue(()),
        }
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
            if let Some(instead) = call(function)? {
                *expr = instead;
            }
        }
        Expr::SimilarTo { .. }
        | Expr::RLike { .. }
        | Expr::Like { .. }
        | Expr::ILike { .. }
        | Expr::Substring { .. } => {
            patterns::rewrite(expr)?;
        }
        // The engine would take the bits of both; whoever asks for that is served by no other database of this family.
        Expr::BinaryOp { left, op: BinaryOperator::BitwiseXor, right } => {
            nests_little(left)?;
            let number = |expr: &mut Expr| cast(taken(expr), DataType::DoublePrecision);
            *expr = called("power", vec![number(left), number(right)]);
        }
        Expr::AtTimeZone { time_zone, .. } => known_zone(time_zone)?,
        // JSON is text here, and a text is cast to it only to be looked into.
        Expr::Cast { expr: inner, data_type: DataType::JSON | DataType::JSONB, .. } => {
            *expr = Expr::Nested(Box::new(taken(inner)));
        }
        Expr::Cast { expr: inner, data_type, .. } => {
            // A text of a length is cut to it, which the engine does not do.
            if let Some(length) = length(data_type) {
                nests_little(inner)?;
                let whole = cast(taken(inner), DataType::Text);
                *expr = called("left", vec![whole, Expr::value(Value::Number(length.to_string(), false))]);
            }
        }
        _ => {}
    }
    Ok(())
}

/// What a call is in the engine's words, if it is not the same call with another name or pattern.
fn call(function: &mut Function) -> Result<Option<Expr>, QueryError> {
    let known = |names: &[(&str, &'static str)], function: &Function| {
        names.iter().find(|(name, _)| is_named(function, name)).map(|(_, name)| *name)
    };
    if let Some(name) = known(&RENAMED, function) {
        function.name = ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]);
    } else if let Some(name) = known(&SETS, function) {
        let values = positional(function).map(|values| called("unnest", vec![called(name, values)]));
        return Ok(values);
    } else if is_named(function, "date_trunc") {
        zone_of_date_trunc(function);
    } else if is_named(function, "to_char") {
        template_of(function, true)?;
    } else if is_named(function, "to_date") || is_named(function, "to_timestamp") {
        template_of(function, false)?;
    } else if is_named(function, "date") {
        return Ok(positional(function)
            .filter(|values| values.len() == 1)
            .and_then(|mut values| values.pop().map(|value| cast(value, DataType::Date))));
    } else if is_named(function, "mod")
        && let Some(values) = positional(function)
        && let Ok([left, right]) = <[Expr; 2]>::try_from(values)
    {
        let nested = |expr| Box::new(Expr::Nested(Box::new(expr)));
        let op = BinaryOperator::Modulo;
        return Ok(Some(Expr::Nested(Box::new(Expr::BinaryOp { left: nested(left), op, right: nested(right) }))));
    }
    Ok(None)
}

/// Refuses a chain of operators that became calls within calls: the time to plan them grows with the cube of their number.
fn nests_little(mut expr: &Expr) -> Result<(), QueryError> {
    let mut calls = 0;
    loop {
        expr = match expr {
            Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => inner,
            Expr::Function(Function { args: FunctionArguments::List(list), .. }) => match list.args.first() {
                Some(FunctionArg::Unnamed(FunctionArgExpr::Expr(inner))) => {
                    calls += 1;
                    inner
                }
                _ => return Ok(()),
            },
            _ => return Ok(()),
        };
        if calls > CHAINED_CALLS_MAX {
            let what =
                format!("^ and casts to a text of a length follow each other more than {CHAINED_CALLS_MAX} times");
            return Err(QueryError::TooComplex(what));
        }
    }
}

/// An expression, of which nothing is left where it stood.
pub(super) fn taken(expr: &mut Expr) -> Expr {
    std::mem::replace(expr, Expr::value(Value::Null))
}

/// A call of one of the engine's functions.
pub(super) fn called(name: &str, arguments: Vec<Expr>) -> Expr {
    let args = arguments.into_iter().map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))).collect();
    Expr::Function(Function {
        name: ObjectName(vec![ObjectNamePart::Identifier(Ident::new(name))]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

fn cast(expr: Expr, data_type: DataType) -> Expr {
    let expr = Box::new(Expr::Nested(Box::new(expr)));
    Expr::Cast { kind: CastKind::Cast, expr, data_type, array: false, format: None }
}

/// The most characters that a type holds, if it says so.
fn length(data_type: &DataType) -> Option<u64> {
    match data_type {
        DataType::Character(length)
        | DataType::Char(length)
        | DataType::CharacterVarying(length)
        | DataType::CharVarying(length)
        | DataType::Varchar(length)
        | DataType::Nvarchar(length) => match length {
            Some(CharacterLength::IntegerLength { length, .. }) => Some(*length),
            _ => None,
        },
        _ => None,
    }
}

/// The arguments of a call that has nothing else.
fn positional(function: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &function.args else { return None };
    let is_plain = list.clauses.is_empty() && list.duplicate_treatment.is_none() && function.over.is_none();
    let value = |argument: &FunctionArg| match argument {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    if is_plain { list.args.iter().map(value).collect() } else { None }
}

/// Refuses a zone that nobody knows, which would only be found when a row is written.
fn known_zone(zone: &Expr) -> Result<(), QueryError> {
    match literal(zone) {
        Some(name) if name.parse::<Tz>().is_err() => Err(QueryError::Sql(format!(
            "the time zone '{name}' is not known; name a place, as in 'Europe/Berlin', or an offset, as in '+02:00'"
        ))),
        _ => Ok(()),
    }
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
pub(super) fn literal(expr: &Expr) -> Option<&str> {
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

/// `to_char(t, 'YYYY-MM-DD')`: the engine's patterns are those of `strftime`, and it would print others as they stand. Those
/// that read a time may stand in a column.
fn template_of(function: &mut Function, must_be_literal: bool) -> Result<(), QueryError> {
    let Some(argument) = arguments(function).and_then(|arguments| arguments.get_mut(1)).and_then(value) else {
        return Ok(());
    };
    let Some(template) = literal(argument) else {
        if !must_be_literal {
            return Ok(());
        }
        return Err(QueryError::Sql("the pattern of to_char must be spelled out, such as 'YYYY-MM-DD'".to_owned()));
    };
    if !template.contains('%') {
        let pattern = templates::strftime(template).map_err(QueryError::Sql)?;
        *argument = Expr::value(Value::SingleQuotedString(pattern));
    }
    Ok(())
}
