//! Texts with wildcards: what Sigma writes as `*\foo?` as pieces, and the pattern of `matches` that finds the same.
//!
//! Case does not count in Sigma unless a rule says so, `*` and `?` stand for line breaks as well, and a pattern is about the whole
//! value unless it begins or ends with `*`.

use std::fmt::Write as _;

use rsigma_parser::{SigmaString, SpecialChar, StringPart};

use crate::expression::{Expression, Find};
use crate::limits::ALTERNATIVES_BYTES_MAX;

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Literal(String),
    /// `*`
    Any,
    /// `?`
    One,
    /// What may stand before an option, with the modifier `windash`.
    Dash,
}

/// A text with wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(pub Vec<Piece>);

/// Where a pattern is held to: both ends of the value, one, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub start: bool,
    pub end: bool,
}

/// What stands for the wildcards, and for the ends of the value.
#[derive(Debug, Clone, Copy)]
pub struct Dialect<'a> {
    pub any: &'a str,
    pub one: &'a str,
    /// Before a pattern that begins where the value does, and before one that may begin anywhere.
    pub start: [&'a str; 2],
    /// After a pattern that ends where the value does, and after one that may go on.
    pub end: [&'a str; 2],
}

/// The whole column is the value.
pub const WHOLE: Dialect<'static> = Dialect { any: ".*", one: ".", start: ["^", ""], end: ["$", ""] };

/// The characters that `windash` takes for each other.
const DASHES: &str = "[-/\u{2013}\u{2014}\u{2015}]";

impl Dialect<'_> {
    /// Whether what is held so is held as in a whole column.
    fn says_the_same(&self, held: Held) -> bool {
        let at = |held: bool| usize::from(!held);
        self.start[at(held.start)] == WHOLE.start[at(held.start)] && self.end[at(held.end)] == WHOLE.end[at(held.end)]
    }
}

impl Pattern {
    /// The text as it stands, without wildcards.
    pub fn plain(text: &str) -> Self {
        Self(if text.is_empty() { Vec::new() } else { vec![Piece::Literal(text.to_owned())] })
    }

    /// What a rule writes.
    pub fn of(value: &SigmaString) -> Self {
        let mut pattern = Self(Vec::new());
        for part in &value.parts {
            pattern.push(match part {
                StringPart::Plain(text) => Piece::Literal(text.clone()),
                StringPart::Special(SpecialChar::WildcardMulti) => Piece::Any,
                StringPart::Special(SpecialChar::WildcardSingle) => Piece::One,
            });
        }
        pattern
    }

    fn push(&mut self, piece: Piece) {
        match (self.0.last_mut(), piece) {
            (Some(Piece::Literal(text)), Piece::Literal(more)) => text.push_str(&more),
            (Some(Piece::Any), Piece::Any) => {}
            (_, piece) => self.0.push(piece),
        }
    }

    /// The same, with anything before it, after it, or both.
    pub fn open(self, start: bool, end: bool) -> Self {
        let mut open = Self(Vec::new());
        let before = start.then_some(Piece::Any);
        let after = end.then_some(Piece::Any);
        before.into_iter().chain(self.0).chain(after).for_each(|piece| open.push(piece));
        open
    }

    /// The same with every dash or slash that introduces an option taken for any other.
    pub fn any_dash(self) -> Self {
        let mut pattern = Self(Vec::new());
        for piece in self.0 {
            let Piece::Literal(text) = piece else {
                pattern.push(piece);
                continue;
            };
            let is_word = |char: Option<char>| char.is_some_and(|char| char.is_alphanumeric() || char == '_');
            let chars: Vec<char> = text.chars().collect();
            for (at, char) in chars.iter().enumerate() {
                let before = at.checked_sub(1).and_then(|before| chars.get(before)).copied();
                let is_option = matches!(char, '-' | '/') && !is_word(before) && is_word(chars.get(at + 1).copied());
                pattern.push(if is_option { Piece::Dash } else { Piece::Literal(char.to_string()) });
            }
        }
        pattern
    }

    /// The text, if there are no wildcards in it.
    pub fn as_plain(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Whether every value that there is fits.
    pub fn is_anything(&self) -> bool {
        self.0 == [Piece::Any]
    }

    /// Whether a literal holds one of these characters.
    pub fn holds(&self, chars: &[char]) -> bool {
        self.0.iter().any(|piece| matches!(piece, Piece::Literal(text) if text.contains(chars)))
    }

    /// Where it is held, and what stands between.
    pub fn parts(&self) -> (Held, &[Piece]) {
        let mut pieces = self.0.as_slice();
        let mut held = Held { start: true, end: true };
        if let [Piece::Any, rest @ ..] = pieces {
            (held.start, pieces) = (false, rest);
        }
        if let [rest @ .., Piece::Any] = pieces {
            (held.end, pieces) = (false, rest);
        }
        (held, pieces)
    }

    /// The pattern of `matches` that finds it.
    pub fn regex(&self, dialect: Dialect<'_>) -> String {
        let (held, pieces) = self.parts();
        let mut regex = String::from(dialect.start[usize::from(!held.start)]);
        for piece in pieces {
            match piece {
                Piece::Literal(text) => regex.push_str(&literal(text)),
                Piece::Any => regex.push_str(dialect.any),
                Piece::One => regex.push_str(dialect.one),
                Piece::Dash => regex.push_str(DASHES),
            }
        }
        regex + dialect.end[usize::from(!held.end)]
    }

    /// The call that asks for it without a pattern, where that says the same: nothing but letters, and their case counts or they have none.
    fn find(&self, column: &'static str, cased: bool) -> Option<Expression> {
        let (held, pieces) = self.parts();
        let text = match pieces {
            [] => String::new(),
            [Piece::Literal(text)] => text.clone(),
            _ => return None,
        };
        let has_case = |char: char| char.to_lowercase().ne([char]) || char.to_uppercase().ne([char]);
        if !cased && text.chars().any(has_case) {
            return None;
        }
        Some(match held {
            Held { start: true, end: true } => Expression::Equals(column, text),
            Held { start: true, end: false } => Expression::Find(Find::Start, column, text),
            Held { start: false, end: true } => Expression::Find(Find::End, column, text),
            Held { start: false, end: false } => Expression::Find(Find::Anywhere, column, text),
        })
    }
}

/// The flags before a pattern.
pub fn flags(cased: bool) -> &'static str {
    if cased { "(?s)" } else { "(?is)" }
}

/// Whether a column is one of these patterns. An empty text is what an event does not say, as intake records it.
pub fn any_of(column: &'static str, patterns: &[Pattern], cased: bool, dialect: Dialect<'_>) -> Expression {
    let (mut parts, mut regexes) = (Vec::new(), Vec::new());
    for pattern in patterns {
        match pattern.find(column, cased) {
            _ if pattern.is_anything() => parts.push(Expression::Says(column)),
            _ if pattern.0.is_empty() => parts.push(Expression::not(Expression::Says(column))),
            Some(found) if dialect.says_the_same(pattern.parts().0) => parts.push(found),
            _ => regexes.push(pattern.regex(dialect)),
        }
    }
    let matches = alternatives(&regexes).into_iter().map(|regex| {
        // Flags and a group, so that what follows holds for every alternative.
        Expression::Matches(column, format!("{}{regex}", flags(cased)))
    });
    parts.extend(matches);
    Expression::any(parts)
}

/// Patterns side by side, in as few as stay short.
pub fn alternatives(regexes: &[String]) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    for regex in regexes {
        match joined.last_mut() {
            Some(last) if last.len() + regex.len() < ALTERNATIVES_BYTES_MAX => _ = write!(last, "|{regex}"),
            _ => joined.push(regex.clone()),
        }
    }
    joined
}

/// A text in a pattern. It holds no quote and no control character, so that it may stand between quotes as it is.
pub fn literal(text: &str) -> String {
    let mut regex = String::new();
    for char in text.chars() {
        if char.is_control() || char == '\'' {
            _ = write!(regex, "\\x{{{:x}}}", u32::from(char));
        } else {
            let mut buffer = [0; 4];
            regex.push_str(&regex::escape(char.encode_utf8(&mut buffer)));
        }
    }
    regex
}
