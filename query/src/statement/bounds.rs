//! How large a statement may be, told from its tokens: before anything walks over it that calls itself.
//!
//! A parser builds `1 + 1 + 1` in a loop, without going deeper, and leaves a tree as deep as the chain is long. Whoever
//! walks over that tree needs stack for every link, down to the code that frees it. Each link takes an operator, a keyword
//! or a bracket, so counting those between two commas, brackets included, bounds the depth from above.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::dialect::Analysts;
use crate::error::QueryError;
use crate::limits;

/// Refuses SQL that has too many tokens, or whose tree could be too deep.
pub(super) fn check(sql: &str) -> Result<(), QueryError> {
    // What cannot be cut into tokens cannot be parsed either, and the parser says why.
    let Ok(tokens) = Tokenizer::new(&Analysts, sql).tokenize() else { return Ok(()) };
    let mut depth = Depth::default();
    let mut count = 0_usize;
    for token in tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))) {
        count += 1;
        depth.add(token);
    }
    if count > limits::SQL_TOKENS_MAX {
        let what = format!("it has {count} words and signs, the limit is {}", limits::SQL_TOKENS_MAX);
        return Err(QueryError::TooComplex(what));
    }
    let longest = depth.finish();
    if longest > limits::SQL_CHAIN_MAX {
        let what = format!(
            "it chains {longest} operators, the limit is {}; a list of values fits into IN (…)",
            limits::SQL_CHAIN_MAX
        );
        return Err(QueryError::TooComplex(what));
    }
    Ok(())
}

/// The part of a statement between two brackets, between CASE and END, or all of it.
#[derive(Default)]
struct Level {
    /// Whether CASE opened it.
    is_case: bool,
    /// Links since the last comma or clause.
    links: usize,
    /// The deepest bracket since then.
    inside: usize,
    /// The deepest of what came before.
    before: usize,
    /// Links that go on over commas and clauses: joins and set operations.
    spine: usize,
}

impl Level {
    fn separate(&mut self) {
        self.before = self.before.max(self.links + self.inside);
        self.links = 0;
        self.inside = 0;
    }

    fn depth(&self) -> usize {
        self.before.max(self.links + self.inside) + self.spine
    }
}

/// Finds the deepest tree that a sequence of tokens can stand for.
#[derive(Default)]
struct Depth {
    here: Level,
    around: Vec<Level>,
    /// Whether the token before could end an expression. A keyword after an operator may be a column's name.
    after_operand: bool,
}

impl Depth {
    fn add(&mut self, token: &Token) {
        let mut is_operand = false;
        match token {
            Token::LParen | Token::LBracket | Token::LBrace => self.open(false),
            Token::RParen | Token::RBracket | Token::RBrace => {
                while self.here.is_case && !self.around.is_empty() {
                    self.close();
                }
                self.close();
                is_operand = true;
            }
            Token::Comma | Token::SemiColon => self.here.separate(),
            Token::Word(word) if word.quote_style.is_none() && word.keyword != Keyword::NoKeyword => {
                is_operand = word.keyword == Keyword::END && self.here.is_case;
                self.keyword(word.keyword);
            }
            Token::Period | Token::EOF => {}
            Token::Word(_)
            | Token::Number(_, _)
            | Token::SingleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::NationalStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::HexStringLiteral(_) => is_operand = true,
            _ => self.here.links += 1,
        }
        self.after_operand = is_operand;
    }

    fn keyword(&mut self, keyword: Keyword) {
        match keyword {
            Keyword::CASE => self.open(true),
            Keyword::END if self.here.is_case => self.close(),
            Keyword::UNION | Keyword::INTERSECT | Keyword::EXCEPT | Keyword::JOIN => {
                self.here.spine += match keyword {
                    Keyword::INTERSECT | Keyword::EXCEPT => limits::SQL_EXCEPT_WEIGHT,
                    _ => limits::SQL_SPINE_WEIGHT,
                };
                if self.after_operand {
                    self.here.separate();
                }
            }
            Keyword::WHEN | Keyword::THEN | Keyword::ELSE | Keyword::WHERE | Keyword::HAVING if self.after_operand => {
                self.here.separate();
            }
            _ => self.here.links += 1,
        }
    }

    fn open(&mut self, is_case: bool) {
        let level = Level { is_case, ..Level::default() };
        self.around.push(std::mem::replace(&mut self.here, level));
    }

    /// A bracket that closes nothing is the parser's to complain of.
    fn close(&mut self) {
        if let Some(outside) = self.around.pop() {
            let inner = std::mem::replace(&mut self.here, outside);
            self.here.inside = self.here.inside.max(inner.depth() + 1);
        }
    }

    fn finish(mut self) -> usize {
        while !self.around.is_empty() {
            self.close();
        }
        self.here.depth()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deepest(sql: &str) -> usize {
        let mut depth = Depth::default();
        Tokenizer::new(&Analysts, sql).tokenize().unwrap().iter().for_each(|token| {
            if !matches!(token, Token::Whitespace(_)) {
                depth.add(token);
            }
        });
        depth.finish()
    }

    /// Each repeats a link between a beginning and an end; the number of links must come out, a few more at most.
    #[test]
    fn every_kind_of_chain_counts() {
        for (begin, link, end) in [
            ("SELECT 1", "+1", ""),
            ("SELECT true", " OR true", ""),
            ("SELECT true", " AND a = 1", ""),
            ("SELECT 'a'", "||'b'", ""),
            ("SELECT 1", "::int", ""),
            ("SELECT ", "NOT ", "true"),
            ("SELECT ", "- ", "1"),
            ("SELECT a", " IS NULL", ""),
            ("SELECT a", " COLLATE x", ""),
            ("SELECT a", " AT TIME ZONE 'UTC'", ""),
            ("SELECT a", "->'b'", ""),
            ("SELECT 1", " UNION ALL SELECT 1", ""),
            ("SELECT 1 FROM t", " JOIN t ON true", ""),
            ("SELECT 1 FROM t", " CROSS JOIN t", ""),
            ("SELECT ", "abs(", "1"),
            ("SELECT ", "[", "1"),
            ("SELECT ", "CASE WHEN true THEN ", "1"),
            ("SELECT ", "CASE WHEN ", "1"),
            // Keywords that stand for columns end nothing.
            ("SELECT 1", "+ where", ""),
            ("SELECT CASE WHEN 1", "+ when", ""),
            ("SELECT (1", "+ end", ""),
            ("SELECT ", "(SELECT ", "1"),
            ("", "SELECT * FROM (", "SELECT 1"),
        ] {
            let at = |links: usize| deepest(&format!("{begin}{}{end}", link.repeat(links)));
            let (few, many) = (at(100), at(1_100));
            assert!(many >= few + 1_000 && few >= 100, "{link}: {few}, {many}");
            assert!(few <= 100 * limits::SQL_SPINE_WEIGHT + 200, "{link}: {few}");
        }
    }

    #[test]
    fn lists_are_flat() {
        for sql in [
            format!("SELECT 1 FROM t WHERE a IN ({})", vec!["'x'"; 5_000].join(",")),
            format!("SELECT {}", vec!["a + 1"; 1_000].join(", ")),
            format!("SELECT CASE {} END", "WHEN a = 1 THEN 2 ".repeat(1_000)),
            format!("VALUES {}", vec!["(1)"; 1_000].join(", ")),
        ] {
            assert!(deepest(&sql) < 10, "{}", &sql[..40]);
        }
    }
}
