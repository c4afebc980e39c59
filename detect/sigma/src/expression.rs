//! What a rule asks of an event, as a tree, and how a condition writes it.
//!
//! In Sigma a field that an event lacks answers "no", and `not` makes "yes" of that. In a condition what is asked of null has no
//! answer, and `!` leaves it so. Below a `!` everything is therefore asked together with `!= null`.

use std::fmt::Write as _;

/// What is asked of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// Always, or never.
    Bool(bool),
    /// The event says the column.
    Says(&'static str),
    /// The column is this text, to the letter.
    Equals(&'static str, String),
    /// The text stands in the column, to the letter.
    Find(Find, &'static str, String),
    /// The pattern is found in the column.
    Matches(&'static str, String),
    /// The column is a number that compares so.
    Number(&'static str, Comparison, i64),
    Not(Box<Expression>),
    All(Vec<Expression>),
    Any(Vec<Expression>),
}

/// Where a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Find {
    Start,
    End,
    Anywhere,
}

/// How a number compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    Less,
    AtMost,
    More,
    AtLeast,
}

impl Expression {
    /// All of them; nested ones are joined, and what is always so is left out.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut joined = Vec::new();
        for part in parts {
            match part {
                Self::Bool(true) => {}
                Self::Bool(false) => return Self::Bool(false),
                Self::All(inner) => joined.extend(inner),
                other => joined.push(other),
            }
        }
        joined.dedup();
        match joined.len() {
            0 => Self::Bool(true),
            1 => joined.remove(0),
            _ => Self::All(joined),
        }
    }

    /// Any of them, likewise.
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut joined = Vec::new();
        for part in parts {
            match part {
                Self::Bool(false) => {}
                Self::Bool(true) => return Self::Bool(true),
                Self::Any(inner) => joined.extend(inner),
                other => joined.push(other),
            }
        }
        joined.dedup();
        match joined.len() {
            0 => Self::Bool(false),
            1 => joined.remove(0),
            _ => Self::Any(joined),
        }
    }

    /// The opposite.
    pub fn not(part: Self) -> Self {
        match part {
            Self::Bool(value) => Self::Bool(!value),
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }

    /// The condition that asks it.
    pub fn condition(&self) -> String {
        let mut text = String::new();
        self.write(&mut text, false, false);
        text
    }

    /// `negated` below a `!`; `in_brackets` where `||` needs them.
    fn write(&self, text: &mut String, negated: bool, in_brackets: bool) {
        match self {
            Self::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
            Self::Says(column) => _ = write!(text, "{column} != null"),
            Self::Equals(column, value) => _ = write!(text, "{column} == {}", quoted(value)),
            Self::Number(column, Comparison::Equal, number) => _ = write!(text, "{column} == {number}"),
            Self::Find(_, column, _) | Self::Matches(column, _) | Self::Number(column, ..) if negated => {
                _ = write!(text, "({column} != null && ");
                self.write_call(text);
                text.push(')');
            }
            Self::Find(..) | Self::Matches(..) | Self::Number(..) => self.write_call(text),
            Self::Not(inner) => match inner.as_ref() {
                Self::Says(column) => _ = write!(text, "{column} == null"),
                // These bring brackets of their own.
                Self::Find(..) | Self::Matches(..) => {
                    text.push('!');
                    inner.write(text, true, false);
                }
                inner => {
                    text.push_str("!(");
                    inner.write(text, true, false);
                    text.push(')');
                }
            },
            Self::All(parts) => write_joined(parts, " && ", text, negated, true),
            Self::Any(parts) if in_brackets => {
                text.push('(');
                write_joined(parts, " || ", text, negated, false);
                text.push(')');
            }
            Self::Any(parts) => write_joined(parts, " || ", text, negated, false),
        }
    }

    fn write_call(&self, text: &mut String) {
        match self {
            Self::Find(find, column, value) => {
                let function = match find {
                    Find::Start => "startsWith",
                    Find::End => "endsWith",
                    Find::Anywhere => "contains",
                };
                _ = write!(text, "{column}.{function}({})", quoted(value));
            }
            // Patterns hold no quote and no control character: see `pattern::literal`.
            Self::Matches(column, pattern) => _ = write!(text, "{column}.matches(r'{pattern}')"),
            Self::Number(column, comparison, number) => {
                let sign = match comparison {
                    Comparison::Equal => "==",
                    Comparison::Less => "<",
                    Comparison::AtMost => "<=",
                    Comparison::More => ">",
                    Comparison::AtLeast => ">=",
                };
                _ = write!(text, "{column} {sign} {number}");
            }
            _ => {}
        }
    }
}

fn write_joined(parts: &[Expression], sign: &str, text: &mut String, negated: bool, in_brackets: bool) {
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            text.push_str(sign);
        }
        part.write(text, negated, in_brackets);
    }
}

/// A text as a condition writes it.
fn quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for char in value.chars() {
        match char {
            '\\' | '"' => _ = write!(text, "\\{char}"),
            char if char.is_control() => _ = write!(text, "\\u{:04x}", u32::from(char)),
            char => text.push(char),
        }
    }
    text + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_ask_what_the_tree_asks() {
        let starts = || Expression::Find(Find::Start, "path", "/a".to_owned());
        let is_post = || Expression::Equals("method", "POST".to_owned());
        let check = |expression: Expression, condition: &str| assert_eq!(expression.condition(), condition);
        check(Expression::all([is_post(), starts()]), r#"method == "POST" && path.startsWith("/a")"#);
        check(
            Expression::all([Expression::any([is_post(), starts()]), Expression::Says("host")]),
            r#"(method == "POST" || path.startsWith("/a")) && host != null"#,
        );
        check(Expression::not(starts()), r#"!(path != null && path.startsWith("/a"))"#);
        check(Expression::not(Expression::Says("host")), "host == null");
        check(Expression::not(Expression::not(starts())), r#"path.startsWith("/a")"#);
        check(Expression::all([Expression::Bool(true), is_post()]), r#"method == "POST""#);
        check(Expression::any([Expression::Bool(true), is_post()]), "true");
        check(Expression::Equals("user", "a\"\\\n\u{7f}".to_owned()), r#"user == "a\"\\\u000a\u007f""#);
        check(Expression::not(Expression::Number("port", Comparison::Less, 5)), "!((port != null && port < 5))");
        check(Expression::not(Expression::Number("port", Comparison::Equal, 5)), "!(port == 5)");
    }
}
