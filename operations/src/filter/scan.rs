//! Cuts a text into terms: where one ends, what is a name, a sign, a value; quotes. What they mean is in `parse.rs`.

use super::Comparison;
use super::error::FilterError;
use super::pattern::{ANY, Pattern};

/// What stands between a name and its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// `:`, or `=`.
    Is,
    /// One that compares.
    Compare(Comparison),
}

/// One term, cut.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scanned<'a> {
    /// The byte at which it begins,
    pub(super) at: usize,
    /// and as it was written.
    pub(super) written: &'a str,
    pub(super) negated: bool,
    /// The name before the sign; none for free text.
    pub(super) name: Option<(&'a str, Sign)>,
    /// The values; one of free text.
    pub(super) values: Vec<Pattern>,
    /// Whether free text stood in quotes, wholly or in part.
    pub(super) quoted: bool,
}

/// Cuts the next term off; `None` at the end.
pub(super) fn next<'a>(text: &'a str, at: &mut usize) -> Result<Option<Scanned<'a>>, FilterError> {
    let rest = text.get(*at..).unwrap_or_default();
    let start = *at + (rest.len() - rest.trim_start().len());
    let rest = text.get(start..).unwrap_or_default();
    if rest.is_empty() {
        return Ok(None);
    }
    let negated = rest.starts_with('-');
    let body = rest.strip_prefix('-').unwrap_or(rest);
    let name = name(body);
    let skipped = name.map_or(0, |(_, _, len)| len);
    let values_at = start + usize::from(negated) + skipped;
    let wrong = |end: usize, what: &str| FilterError::new(start, text.get(start..end).unwrap_or(rest), what);
    let mut values = Values { parts: vec![String::new()], quoted: false, splits: name.is_some() };
    let len = values
        .read(text.get(values_at..).unwrap_or_default())
        .ok_or_else(|| wrong(text.len(), "a quote is not closed"))?;
    let end = values_at + len;
    *at = end;
    if negated && skipped == 0 && len == 0 {
        return Err(wrong(end, "there is nothing to leave out behind the minus sign"));
    }
    Ok(Some(Scanned {
        at: start,
        written: text.get(start..end).unwrap_or_default(),
        negated,
        name: name.map(|(name, sign, _)| (name, sign)),
        quoted: values.quoted,
        values: values.parts.into_iter().map(Pattern::of).collect(),
    }))
}

/// The name and the sign with which a term begins, and how long both are.
fn name(body: &str) -> Option<(&str, Sign, usize)> {
    let is_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | '-');
    let end = body.find(|char| !is_name(char))?;
    let (name, rest) = body.split_at(end);
    if !name.starts_with(|char: char| char.is_ascii_alphabetic()) {
        return None;
    }
    if rest.starts_with(':') {
        return Some((name, Sign::Is, end + 1));
    }
    let comparison = Comparison::ALL.into_iter().find(|comparison| rest.starts_with(comparison.as_str()))?;
    let sign = if comparison == Comparison::Equal { Sign::Is } else { Sign::Compare(comparison) };
    Some((name, sign, end + comparison.as_str().len()))
}

/// The values of a term while they are read.
struct Values {
    parts: Vec<String>,
    quoted: bool,
    /// Whether a comma begins another one.
    splits: bool,
}

impl Values {
    /// Reads up to the next blank outside of quotes and says how far that is; `None` if a quote is not closed.
    fn read(&mut self, text: &str) -> Option<usize> {
        let mut chars = text.char_indices();
        while let Some((at, char)) = chars.next() {
            match char {
                char if char.is_whitespace() => return Some(at),
                '"' => self.quote(&mut chars)?,
                ',' if self.splits => self.parts.push(String::new()),
                '*' => self.push(ANY),
                char => self.push(char),
            }
        }
        Some(text.len())
    }

    fn quote(&mut self, chars: &mut std::str::CharIndices<'_>) -> Option<()> {
        self.quoted = true;
        loop {
            match chars.next()?.1 {
                '"' => return Some(()),
                '\\' => {
                    // Only a quote and itself need it; before everything else it is itself.
                    let mut ahead = chars.clone();
                    match ahead.next()?.1 {
                        escaped @ ('"' | '\\') => {
                            self.push(escaped);
                            *chars = ahead;
                        }
                        _ => self.push('\\'),
                    }
                }
                char => self.push(char),
            }
        }
    }

    fn push(&mut self, char: char) {
        let Some(last) = self.parts.last_mut() else { return };
        // Several in a row are one.
        if char != ANY || !last.ends_with(ANY) {
            last.push(char);
        }
    }
}
