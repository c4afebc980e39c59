//! The canonical text of a filter.

use std::fmt::{self, Write as _};

use super::pattern::{Pattern, Piece};
use super::{Comparison, Place, Term, Test, Unit};

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.negated {
            f.write_str("-")?;
        }
        match &self.test {
            // A text that is quoted as soon as it has a sign is never read as a name.
            Test::Text(pattern) => {
                write_pattern(f, pattern, |char| !char.is_alphanumeric() && !matches!(char, '_' | '.' | '/'))
            }
            Test::Is(place, any) => {
                write!(f, "{}:", place.name())?;
                for (at, pattern) in any.iter().enumerate() {
                    if at > 0 {
                        f.write_str(",")?;
                    }
                    if pattern.is_empty() {
                        f.write_str("\"\"")?;
                    }
                    write_pattern(f, pattern, |_| false)?;
                }
                Ok(())
            }
            Test::Compare(place, Comparison::Equal, number) => {
                write!(f, "{}:{}", place.name(), number_text(place, *number))
            }
            Test::Compare(place, comparison, number) => {
                write!(f, "{}{}{}", place.name(), comparison.as_str(), number_text(place, *number))
            }
            Test::Since(moment) => write!(f, "since:{}", moment.write()),
            Test::Until(moment) => write!(f, "until:{}", moment.write()),
        }
    }
}

fn number_text(place: &Place, number: i64) -> String {
    let unit = if let Place::Word(word) = place { word.unit } else { Unit::Count };
    unit.write(number)
}

fn write_pattern(f: &mut fmt::Formatter<'_>, pattern: &Pattern, needs_quotes: impl Fn(char) -> bool) -> fmt::Result {
    for piece in pattern.pieces() {
        match piece {
            Piece::Any => f.write_str("*")?,
            Piece::Text(text) => {
                let special =
                    |char: char| char.is_whitespace() || matches!(char, '"' | ',' | '*') || needs_quotes(char);
                if text.contains(special) {
                    write_quoted(f, text)?;
                } else {
                    f.write_str(text)?;
                }
            }
        }
    }
    Ok(())
}

fn write_quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for char in text.chars() {
        if matches!(char, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(char)?;
    }
    f.write_char('"')
}
