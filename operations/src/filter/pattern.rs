//! Texts with `*` in them. What stood in quotes is itself, also a `*`.

use wildmatch::WildMatchPattern;

/// Stands for any characters. No text of a filter has it: control characters are refused.
pub(super) const ANY: char = '\u{1}';
/// Stands for one character, which the grammar does not have.
const ONE: char = '\u{2}';

/// A text in which some places stand for any characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern(String);

/// A part of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Itself.
    Text(&'a str),
    /// Any characters, or none.
    Any,
}

impl Pattern {
    /// The pattern that is only this text. Control characters that have a meaning here become blanks.
    pub fn literal(text: &str) -> Self {
        Self(text.replace([ANY, ONE], " "))
    }

    /// Of a text in which [`ANY`] stands for any characters.
    pub(super) fn of(text: String) -> Self {
        Self(text)
    }

    /// The text, if it is only itself.
    pub fn as_literal(&self) -> Option<&str> {
        (!self.0.contains(ANY)).then_some(self.0.as_str())
    }

    /// Whether it is the empty text, which stands for "has no value".
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it stands for any value.
    pub fn is_any(&self) -> bool {
        !self.0.is_empty() && self.0.chars().all(|char| char == ANY)
    }

    /// The same in small letters.
    pub(super) fn to_lower(&self) -> Self {
        Self(self.0.to_lowercase())
    }

    /// Its parts in order.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        self.0.split_inclusive(ANY).flat_map(|part| {
            let text = part.strip_suffix(ANY);
            let any = text.map(|_| Piece::Any);
            let text = Some(text.unwrap_or(part)).filter(|text| !text.is_empty()).map(Piece::Text);
            text.into_iter().chain(any)
        })
    }

    /// Whether the whole of a text fits.
    pub fn matches(&self, text: &str) -> bool {
        match self.as_literal() {
            Some(literal) => literal == text,
            None if self.is_any() => !text.is_empty(),
            None => WildMatchPattern::<ANY, ONE>::new(&self.0).matches(text),
        }
    }

    /// Whether a part of a text in small letters fits.
    pub(super) fn is_within(&self, lower: &str) -> bool {
        match self.as_literal() {
            Some(literal) => lower.contains(literal),
            None => WildMatchPattern::<ANY, ONE>::new(&format!("{ANY}{}{ANY}", self.0)).matches(lower),
        }
    }
}
