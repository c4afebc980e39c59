//! The SQL that people type: what DataFusion's own dialect reads, with operators that bind as they do in PostgreSQL.
//!
//! sqlparser's permissive dialect lets `=`, IN, LIKE and IS bind tighter than `->>`, so `record->>'a' = 'b'` would compare
//! `'a'` with `'b'`. The order here is that of table 4.2 in PostgreSQL's manual (section 4.1.6), but for one thing: `->`,
//! `->>`, `#>` and `#>>` bind tighter than `||`, where PostgreSQL would only refuse the types.

use std::any::TypeId;

use datafusion::sql::sqlparser::ast::{Array, BinaryOperator, Expr};
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect, Precedence};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::Token;

use super::idioms::called;
use crate::limits::{JSON_KEYS_MAX, JSON_OPERAND_BYTES_MAX};

/// How tightly subscripts bind.
const BRACKET: u8 = 130;
/// How tightly COLLATE binds.
const COLLATE: u8 = 120;
/// How tightly the operators bind that look into JSON.
const ARROW: u8 = 72;
/// How tightly other operators of more than one character bind.
const OTHER: u8 = 70;

/// The dialect of every statement.
#[derive(Debug)]
pub(super) struct Analysts;

/// Methods without arguments that answer as the permissive dialect does.
macro_rules! as_generic {
    ($($name:ident)*) => { $(fn $name(&self) -> bool { GenericDialect.$name() })* };
}

impl Dialect for Analysts {
    // The parser asks by type for some of what the permissive dialect may.
    fn dialect(&self) -> TypeId {
        TypeId::of::<GenericDialect>()
    }

    fn is_delimited_identifier_start(&self, character: char) -> bool {
        GenericDialect.is_delimited_identifier_start(character)
    }

    // `#` and `@` begin operators, not names.
    fn is_identifier_start(&self, character: char) -> bool {
        character.is_alphabetic() || character == '_'
    }

    fn is_identifier_part(&self, character: char) -> bool {
        character.is_alphabetic() || character.is_ascii_digit() || matches!(character, '$' | '_')
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        match &parser.peek_token_ref().token {
            Token::Word(word) if word.keyword == Keyword::COLLATE => Some(Ok(COLLATE)),
            Token::LBracket => Some(Ok(BRACKET)),
            Token::Arrow | Token::LongArrow | Token::HashArrow | Token::HashLongArrow => Some(Ok(ARROW)),
            Token::Placeholder(mark) if mark == "?" => Some(Ok(OTHER)),
            Token::StringConcat
            | Token::Sharp
            | Token::ShiftLeft
            | Token::ShiftRight
            | Token::CaretAt
            | Token::Tilde
            | Token::TildeAsterisk
            | Token::ExclamationMarkTilde
            | Token::ExclamationMarkTildeAsterisk
            | Token::DoubleTilde
            | Token::DoubleTildeAsterisk
            | Token::ExclamationMarkDoubleTilde
            | Token::ExclamationMarkDoubleTildeAsterisk => Some(Ok(OTHER)),
            _ => None,
        }
    }

    // A question mark behind an operand is PostgreSQL's: `record ? 'key'`, `?|` and `?&` with a list of keys.
    fn parse_infix(&self, parser: &mut Parser, expr: &Expr, _: u8) -> Option<Result<Expr, ParserError>> {
        match &parser.peek_token_ref().token {
            Token::Placeholder(mark) if mark == "?" => Some(has_keys(parser, expr)),
            _ => None,
        }
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        match precedence {
            Precedence::Period => 200,
            Precedence::DoubleColon => 140,
            Precedence::AtTz => 110,
            Precedence::Caret => 100,
            Precedence::MulDivModOp => 90,
            Precedence::PlusMinus => 80,
            Precedence::Xor => 75,
            Precedence::Ampersand | Precedence::Pipe | Precedence::Colon | Precedence::PgOther => OTHER,
            Precedence::Between | Precedence::Like => 60,
            Precedence::Eq => 50,
            Precedence::Is => 40,
            Precedence::UnaryNot => 30,
            Precedence::And => 20,
            Precedence::Or => 10,
        }
    }

    as_generic! {
        supports_unicode_string_literal supports_partition_by_after_order_by supports_array_join_syntax
        supports_group_by_expr supports_group_by_with_modifier supports_left_associative_joins_without_parens
        supports_connect_by supports_match_recognize supports_pipe_operator supports_window_function_null_treatment_arg
        supports_dictionary_syntax supports_window_clause_named_window_reference supports_select_wildcard_except
        support_map_literal_syntax allow_extract_custom allow_extract_single_quotes supports_extract_comma_syntax
        supports_parens_around_table_factor supports_values_as_table_factor supports_explain_with_utility_options
        supports_limit_comma supports_from_first_select supports_projection_trailing_commas supports_try_convert
        supports_bitwise_shift_operators supports_named_fn_args_with_assignment_operator supports_struct_literal
        supports_nested_comments supports_multiline_comment_hints supports_string_escape_constant
        supports_array_typedef_with_brackets supports_filter_during_aggregation supports_select_wildcard_exclude
        supports_interval_options supports_select_wildcard_replace supports_select_wildcard_ilike
        supports_select_wildcard_rename supports_limit_by supports_comma_separated_trim supports_cte_without_as
        supports_select_item_multi_column_alias
    }
}

/// What stands behind the question mark, and the conditions that it makes.
fn has_keys(parser: &mut Parser, json: &Expr) -> Result<Expr, ParserError> {
    parser.next_token();
    let combine = if parser.consume_token(&Token::Pipe) {
        Some(BinaryOperator::Or)
    } else if parser.consume_token(&Token::Ampersand) {
        Some(BinaryOperator::And)
    } else {
        None
    };
    let keys = parser.parse_subexpr(OTHER)?;
    let Some(combine) = combine else { return Ok(has_key(json, &keys)) };
    let refusal = || ParserError::ParserError("?| and ?& take a list, as in ARRAY['a', 'b']".to_owned());
    let Expr::Array(Array { elem, .. }) = keys else { return Err(refusal()) };
    // The operand is written out for each key, so neither may be large.
    if elem.len() > JSON_KEYS_MAX || json.to_string().len() > JSON_OPERAND_BYTES_MAX {
        let what = format!("?| and ?& take {JSON_KEYS_MAX} keys and an operand of {JSON_OPERAND_BYTES_MAX} bytes");
        return Err(ParserError::ParserError(what));
    }
    let mut conditions = elem.iter().map(|key| has_key(json, key));
    let first = conditions.next().ok_or_else(refusal)?;
    let all = conditions.fold(first, |left, right| {
        let (left, right) = (Box::new(left), Box::new(right));
        Expr::BinaryOp { left, op: combine.clone(), right }
    });
    Ok(Expr::Nested(Box::new(all)))
}

fn has_key(json: &Expr, key: &Expr) -> Expr {
    called("json_has_key", vec![json.clone(), key.clone()])
}
