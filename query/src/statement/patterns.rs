//! Patterns that people type, put into the words of the engine: `SIMILAR TO`, `LIKE … ESCAPE`, `REGEXP` and `substring`.

use datafusion::sql::sqlparser::ast::{AccessExpr, BinaryOperator, Expr, Subscript, Value};

use super::idioms::{called, literal, taken};
use super::templates;
use crate::error::QueryError;

/// Rewrites an expression that matches a pattern.
pub(super) fn rewrite(expr: &mut Expr) -> Result<(), QueryError> {
    match expr {
        Expr::SimilarTo { .. } => similar_to(expr),
        Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. } => {
            let Some(escape) = escape_char else { return Ok(()) };
            let escape = escape_of(&escape.value)?;
            if escape != Some('\\') {
                let Some(text) = literal(pattern) else {
                    return Err(QueryError::Sql("a pattern with ESCAPE must be spelled out".to_owned()));
                };
                **pattern = Expr::value(Value::SingleQuotedString(with_backslashes(text, escape)));
            }
            *escape_char = None;
            Ok(())
        }
        Expr::RLike { negated, expr: left, pattern, .. } => {
            let op = if *negated { BinaryOperator::PGRegexNotMatch } else { BinaryOperator::PGRegexMatch };
            *expr = matched(taken(left), op, taken(pattern));
            Ok(())
        }
        // `substring(path FROM '[0-9]+')` is what a regular expression finds.
        Expr::Substring { expr: text, substring_from: Some(from), substring_for: None, .. }
            if literal(from).is_some() =>
        {
            let found = called("regexp_match", vec![taken(text), taken(from)]);
            let index = Expr::value(Value::Number("1".to_owned(), false));
            let access_chain = vec![AccessExpr::Subscript(Subscript::Index { index })];
            *expr = Expr::CompoundFieldAccess { root: Box::new(Expr::Nested(Box::new(found))), access_chain };
            Ok(())
        }
        _ => Ok(()),
    }
}

fn matched(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    let left = Box::new(Expr::Nested(Box::new(left)));
    Expr::Nested(Box::new(Expr::BinaryOp { left, op, right: Box::new(right) }))
}

/// The character of ESCAPE, none for an empty text.
fn escape_of(escape: &Value) -> Result<Option<char>, QueryError> {
    let Value::SingleQuotedString(text) = escape else {
        return Err(QueryError::Sql("ESCAPE takes a text".to_owned()));
    };
    let mut characters = text.chars();
    let first = characters.next();
    if characters.next().is_some() {
        return Err(QueryError::Sql("ESCAPE takes one character".to_owned()));
    }
    Ok(first)
}

/// A pattern of LIKE in which the backslash takes the part of another character.
fn with_backslashes(pattern: &str, escape: Option<char>) -> String {
    let mut written = String::with_capacity(pattern.len() + 8);
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        let literally = if Some(character) == escape { characters.next().unwrap_or(character) } else { character };
        if literally == '\\' || Some(character) == escape {
            written.push('\\');
        }
        written.push(literally);
    }
    written
}

/// `SIMILAR TO` matches the whole text against the standard's own patterns; the engine would search for a regular one.
fn similar_to(expr: &mut Expr) -> Result<(), QueryError> {
    let Expr::SimilarTo { negated, expr: left, pattern, escape_char } = expr else { return Ok(()) };
    let Some(text) = literal(pattern) else {
        return Err(QueryError::Sql("the pattern of SIMILAR TO must be spelled out; ~ takes any".to_owned()));
    };
    let escape = match escape_char {
        None => Some('\\'),
        Some(escape) => escape_of(&escape.value)?,
    };
    let regular = templates::regular(text, escape).map_err(QueryError::Sql)?;
    let op = if *negated { BinaryOperator::PGRegexNotMatch } else { BinaryOperator::PGRegexMatch };
    *expr = matched(taken(left), op, Expr::value(Value::SingleQuotedString(regular)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_escape_becomes_the_backslash() {
        let check = |pattern: &str, escape: Option<char>, want: &str| {
            assert_eq!(with_backslashes(pattern, escape), want, "{pattern}");
        };
        check("a!_%", Some('!'), "a\\_%");
        check("a!!b", Some('!'), "a\\!b");
        check("a\\_%", Some('!'), "a\\\\_%");
        check("a\\_%", None, "a\\\\_%");
        check("a!", Some('!'), "a\\!");
    }
}
