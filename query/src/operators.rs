//! What PostgreSQL's operators on JSON and on text mean here, where JSON is a text.
//!
//! `->` gives JSON, `->>` text, `#>` and `#>>` follow a path, `@>` and `<@` compare what is contained. Where PostgreSQL
//! refuses the types of an operand and the engine would silently find nothing, this refuses too.

mod contains;
mod join;
mod texts;

use std::sync::Arc;

use datafusion::common::{DFSchema, Result, ScalarValue, plan_err};
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF, lit, not, when};
use datafusion::sql::sqlparser::ast::BinaryOperator;
use datafusion_functions_json::udfs::{json_as_text_udf, json_get_json_udf};

use crate::limits::{JSON_PATH_NUMBERS_MAX, JSON_STEPS_MAX};
pub(crate) use contains::has_key as json_has_key;
pub(crate) use texts::json_texts;

/// The functions behind `->` and `#>`,
const GET_JSON: &str = "json_get_json";
/// and behind `->>` and `#>>`.
const AS_TEXT: &str = "json_as_text";

/// Plans the operators.
#[derive(Debug)]
pub(crate) struct Operators;

impl ExprPlanner for Operators {
    fn plan_binary_op(&self, expr: RawBinaryExpr, schema: &DFSchema) -> Result<PlannerResult<RawBinaryExpr>> {
        use BinaryOperator as Op;
        let RawBinaryExpr { op, left, right } = expr;
        let title = || format!("{} {op} {}", written(&left), written(&right));
        let title = if has_title(&op) { title() } else { String::new() };
        let (left, right) = (bare(left), bare(right));
        let planned = match op {
            Op::Arrow => step(&json_get_json_udf(), left, right)?,
            Op::LongArrow => step(&json_as_text_udf(), left, right)?,
            Op::HashArrow => path(&json_get_json_udf(), left, right, schema)?,
            Op::HashLongArrow => path(&json_as_text_udf(), left, right, schema)?,
            Op::AtArrow if !is_list(&left, schema)? => contains::function().call(vec![left, right]),
            Op::ArrowAt if !is_list(&left, schema)? => contains::function().call(vec![right, left]),
            Op::StringConcat if !is_list(&left, schema)? && !is_list(&right, schema)? => join::joined(left, right),
            Op::Eq | Op::NotEq | Op::Lt | Op::LtEq | Op::Gt | Op::GtEq => {
                comparable(&op, &left, &right, schema)?;
                comparable(&op, &right, &left, schema)?;
                if let Some(planned) = same(&op, &left, &right).or_else(|| same(&op, &right, &left)) {
                    return Ok(PlannerResult::Planned(planned));
                }
                return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }));
            }
            _ => return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right })),
        };
        // Else the result's column would be called after the function.
        Ok(PlannerResult::Planned(planned.alias(title)))
    }
}

const fn has_title(op: &BinaryOperator) -> bool {
    use BinaryOperator as Op;
    matches!(
        op,
        Op::Arrow | Op::LongArrow | Op::HashArrow | Op::HashLongArrow | Op::AtArrow | Op::ArrowAt | Op::StringConcat
    )
}

/// An operand without the title that it would have as a column: the type of a title within a title within a title is found
/// out in a time that doubles with each.
fn bare(expr: Expr) -> Expr {
    match expr {
        Expr::Alias(alias) => bare(*alias.expr),
        other => other,
    }
}

/// One step into JSON; steps that are spelled out become one path.
fn step(function: &Arc<ScalarUDF>, json: Expr, key: Expr) -> Result<Expr> {
    let is_literal = |expr: &Expr| matches!(expr, Expr::Literal(_, _));
    match json {
        Expr::ScalarFunction(inner)
            if inner.name() == GET_JSON && is_literal(&key) && inner.args[1..].iter().all(is_literal) =>
        {
            let mut arguments = inner.args;
            arguments.push(key);
            Ok(function.call(arguments))
        }
        json if depth(&json) >= JSON_STEPS_MAX => {
            plan_err!("-> and #> follow each other more than {JSON_STEPS_MAX} times")
        }
        json => Ok(function.call(vec![json, key])),
    }
}

/// How many steps were taken already that could not be joined.
fn depth(json: &Expr) -> usize {
    match json {
        Expr::ScalarFunction(call) if call.name() == GET_JSON => call.args.first().map_or(0, depth) + 1,
        _ => 0,
    }
}

fn is_list(expr: &Expr, schema: &DFSchema) -> Result<bool> {
    Ok(expr.get_type(schema)?.is_list())
}

/// An operand as it was typed, for the title of a column.
fn written(expr: &Expr) -> String {
    match expr {
        Expr::Column(column) => column.name.clone(),
        Expr::Alias(alias) => alias.name.clone(),
        Expr::Literal(value, _) => match text(value) {
            Some(text) => format!("'{text}'"),
            None => value.to_string(),
        },
        other => other.to_string(),
    }
}

fn text(value: &ScalarValue) -> Option<&str> {
    value.try_as_str().flatten()
}

/// The JSON operator behind an operand.
fn function_name(expr: &Expr) -> Option<&str> {
    match expr {
        Expr::Alias(alias) => function_name(&alias.expr),
        Expr::ScalarFunction(call) => Some(call.name()),
        _ => None,
    }
}

/// Refuses a comparison that can never hold, or that would compare the digits of numbers.
fn comparable(op: &BinaryOperator, this: &Expr, other: &Expr, schema: &DFSchema) -> Result<()> {
    match function_name(this) {
        Some(GET_JSON) => {
            if let Expr::Literal(value, _) = other
                && let Some(text) = text(value)
                && serde_json::from_str::<serde::de::IgnoredAny>(text).is_err()
            {
                return plan_err!("-> and #> give JSON, which '{text}' is not: ->> and #>> give text");
            }
        }
        Some(AS_TEXT)
            if !matches!(op, BinaryOperator::Eq | BinaryOperator::NotEq) && other.get_type(schema)?.is_numeric() =>
        {
            return plan_err!(
                "->> and #>> give text, which is not compared with a number: cast it, as in (record->>'n')::bigint"
            );
        }
        _ => {}
    }
    Ok(())
}

/// Objects and lists that are compared as such: their text differs in blanks and in the order of members.
fn same(op: &BinaryOperator, this: &Expr, other: &Expr) -> Option<Expr> {
    let Expr::Literal(value, _) = other else { return None };
    let is_structure = text(value)?.trim_start().starts_with(['{', '[']);
    if function_name(this) != Some(GET_JSON) || !is_structure {
        return None;
    }
    let same = contains::equality().call(vec![this.clone(), other.clone()]);
    match op {
        BinaryOperator::Eq => Some(same),
        BinaryOperator::NotEq => Some(not(same)),
        _ => None,
    }
}

/// A look-up along a path: `'{a,0,b}'` as in PostgreSQL, or a list.
fn path(function: &Arc<ScalarUDF>, json: Expr, path: Expr, schema: &DFSchema) -> Result<Expr> {
    let Expr::Literal(value, _) = &path else {
        if path.get_type(schema)?.is_list() {
            return step(function, json, path);
        }
        return plan_err!("the path of #> and #>> must be spelled out, as in record #>> '{{a,b}}'");
    };
    let Some(keys) = text(value).and_then(keys) else {
        return plan_err!("the path of #> and #>> is written as in record #>> '{{a,b}}'");
    };
    let numbers = keys.iter().filter(|key| key.parse::<i64>().is_ok()).count();
    if numbers > JSON_PATH_NUMBERS_MAX {
        return plan_err!("the path of #> and #>> has more than {JSON_PATH_NUMBERS_MAX} numbers");
    }
    // The first way that finds something: there is one at most, since a value is a list or has fields.
    let ways = keys.iter().fold(vec![vec![json]], |ways, key| {
        let mut steps = vec![lit(key.as_str())];
        steps.extend(key.parse::<i64>().ok().map(lit));
        let longer = |way: &Vec<Expr>, step: &Expr| way.iter().chain([step]).cloned().collect::<Vec<_>>();
        ways.iter().flat_map(|way| steps.iter().map(move |step| longer(way, step))).collect()
    });
    let mut calls = ways.into_iter().map(|way| function.call(way)).rev();
    let Some(last) = calls.next() else { return plan_err!("the path is empty") };
    calls.try_fold(last, |rest, call| when(call.clone().is_not_null(), call).otherwise(rest))
}

/// The elements of `{a,"b c",0}`; `None` if it is none.
fn keys(text: &str) -> Option<Vec<String>> {
    let inside = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut keys = Vec::new();
    if inside.trim().is_empty() {
        return Some(keys);
    }
    let mut characters = inside.chars().peekable();
    loop {
        let mut key = String::new();
        let mut is_quoted = false;
        while let Some(character) = characters.next_if(|character| *character != ',') {
            match character {
                '"' if key.trim().is_empty() && !is_quoted => {
                    key.clear();
                    is_quoted = true;
                    loop {
                        match characters.next()? {
                            '"' => break,
                            '\\' => key.push(characters.next()?),
                            other => key.push(other),
                        }
                    }
                }
                ' ' if is_quoted => {}
                '{' | '}' | '"' => return None,
                _ if is_quoted => return None,
                '\\' => key.push(characters.next()?),
                other => key.push(other),
            }
        }
        keys.push(if is_quoted { key } else { key.trim().to_owned() });
        if characters.next().is_none() {
            return keys.iter().all(|key| !key.is_empty()).then_some(keys);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_as_text_arrays() {
        let check = |text: &str, expected: Option<&[&str]>| {
            let found = keys(text);
            let found: Option<Vec<&str>> = found.as_ref().map(|keys| keys.iter().map(String::as_str).collect());
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check("{a}", Some(&["a"]));
        check("{a,b,0}", Some(&["a", "b", "0"]));
        check("{ a , \"b, c\" }", Some(&["a", "b, c"]));
        check("{\"a\\\"b\"}", Some(&["a\"b"]));
        check("{}", Some(&[]));
        check("a,b", None);
        check("{a", None);
        check("{{a},{b}}", None);
        check("{a,,b}", None);
    }
}
