//! Lines of keys and values, which CEF and LEEF have in common: what of a text may stand in them, and how a line stays below what
//! receivers take. What a format escapes stands in its own file.

use std::borrow::Cow;

use serde_json::Value;

use crate::delivery::text::is_hidden;
use crate::limits::LINE_BYTES_MAX;
use crate::streams::fields::Field;

/// The vendor and the product in the header of a line.
pub const MAKER: &str = "Tachograph|tachograph";

/// How short values become at least before a line is cut no further, in bytes.
const SHORTEST: usize = 32;
/// How long they are after the first cut.
const FIRST_CUT: usize = 1_024;

/// Whether line breaks stay, because the format can say them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaks {
    /// They stay, as `\n`.
    Kept,
    /// They become blanks.
    Blank,
}

/// The keys and values of a line, in the order in which they are said.
#[derive(Debug)]
pub struct Pairs {
    breaks: Breaks,
    pairs: Vec<Pair>,
}

#[derive(Debug)]
struct Pair {
    key: Cow<'static, str>,
    value: String,
    /// Whether it stays whole when the line is too long.
    whole: bool,
}

impl Pairs {
    /// No pairs.
    pub fn new(breaks: Breaks) -> Self {
        Self { breaks, pairs: Vec::new() }
    }

    /// A text of an attacker, cut to so many characters; nothing if nothing of it can be seen.
    pub fn text(&mut self, key: impl Into<Cow<'static, str>>, text: Option<&str>, chars_max: usize) {
        self.push(key.into(), text.unwrap_or_default(), chars_max, false);
    }

    /// The same with a label, which stands under a key of its own.
    pub fn labelled(&mut self, key: &str, label: &str, text: Option<&str>, chars_max: usize) {
        if self.push(key.to_owned().into(), text.unwrap_or_default(), chars_max, false) {
            self.fact(format!("{key}Label"), label);
        }
    }

    /// The same for what a reader must have whole. It MUST be short.
    pub fn fact(&mut self, key: impl Into<Cow<'static, str>>, text: &str) {
        self.push(key.into(), text, 255, true);
    }

    /// A number.
    pub fn number(&mut self, key: impl Into<Cow<'static, str>>, number: Option<i64>) {
        if let Some(number) = number {
            self.fact(key, &number.to_string());
        }
    }

    fn push(&mut self, key: Cow<'static, str>, text: &str, chars_max: usize, whole: bool) -> bool {
        let value = visible(text, self.breaks, chars_max);
        let is_something = !value.is_empty();
        if is_something {
            self.pairs.push(Pair { key, value, whole });
        }
        is_something
    }

    /// The line: a head, and the pairs with this between them, each value as `write` says it. If the line is longer than receivers
    /// take, the long values are cut, all to the same length, until it is not.
    pub fn line(&self, head: &str, between: &str, write: impl Fn(&str, &str) -> String) -> String {
        let mut longest = usize::MAX;
        loop {
            let said = self.cut(longest).map(|(key, value)| format!("{key}={}", write(key, &value)));
            let line = format!("{head}{}", said.collect::<Vec<_>>().join(between));
            if line.len() <= LINE_BYTES_MAX || longest <= SHORTEST {
                return line;
            }
            longest = if longest == usize::MAX { FIRST_CUT } else { longest / 2 };
        }
    }

    /// The keys with what is meant, no value longer than this.
    pub fn cut(&self, longest: usize) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        self.pairs.iter().map(move |pair| (&*pair.key, pair.cut(longest)))
    }
}

impl Pair {
    fn cut(&self, longest: usize) -> Cow<'_, str> {
        if self.whole || self.value.len() <= longest {
            return Cow::Borrowed(&self.value);
        }
        let end = self.value.floor_char_boundary(longest.saturating_sub('…'.len_utf8()));
        Cow::Owned(format!("{}…", self.value[..end].trim_end()))
    }
}

/// What of a text can be seen, on one line or with its line breaks, without blanks at its ends. What is cut ends in `…`.
pub fn visible(text: &str, breaks: Breaks, chars_max: usize) -> String {
    let seen = text.chars().filter(|c| !is_hidden(*c)).map(|c| match c {
        '\n' if breaks == Breaks::Kept => c,
        _ if c.is_whitespace() => ' ',
        _ => c,
    });
    let seen: String = seen.collect();
    let seen = seen.trim();
    if seen.char_indices().nth(chars_max).is_none() {
        return seen.to_owned();
    }
    let end = seen.char_indices().nth(chars_max.saturating_sub(1)).map_or(0, |(end, _)| end);
    format!("{}…", seen[..end].trim_end())
}

/// A field of a header: a plain word. The formats' readers disagree about what may be escaped there, so nothing needs to be.
pub fn word(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' };
    let word: String = text.chars().take(63).map(plain).collect();
    if word.is_empty() { "unknown".to_owned() } else { word }
}

/// A column as text: a list by commas, an object as JSON.
pub fn text(field: Field<'_>) -> Cow<'_, str> {
    match field {
        Field::Text(text) => Cow::Borrowed(text),
        Field::Integer(number) => Cow::Owned(number.to_string()),
        Field::Json(value) => json_text(value),
    }
}

fn json_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Array(items) => Cow::Owned(items.iter().map(json_text).collect::<Vec<_>>().join(",")),
        Value::Null => Cow::Borrowed(""),
        other => Cow::Owned(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_cannot_be_seen_is_left_out_and_what_is_cut_says_so() {
        let check = |text: &str, breaks, expected: &str| assert_eq!(visible(text, breaks, 5), expected, "{text:?}");
        check("  a\tb\u{202e}\0 ", Breaks::Blank, "a b");
        check("a\r\nb", Breaks::Blank, "a  b");
        check("a\nb", Breaks::Kept, "a\nb");
        check("äöüßé", Breaks::Blank, "äöüßé");
        check("äöüßéx", Breaks::Blank, "äöüß…");
        check("abc   d", Breaks::Blank, "abc…");
        check("\n\u{200b} ", Breaks::Kept, "");
        assert_eq!(word("a|b=c\n"), "a_b_c_");
        assert_eq!(word(""), "unknown");
    }

    proptest! {
        #[test]
        fn a_line_is_short_and_keeps_its_facts(
            values in prop::collection::vec(("(?s).{0,8}", 0..400_usize).prop_map(|(text, times)| text.repeat(times)), 0..60),
            fact in "[a-z0-9/]{1,60}",
        ) {
            let mut pairs = Pairs::new(Breaks::Blank);
            pairs.fact("fact", &fact);
            for value in &values {
                pairs.text("key", Some(value), 4_000);
            }
            let line = pairs.line("head ", "\t", |_, value| value.replace('\\', "\\\\"));
            prop_assert!(line.len() <= LINE_BYTES_MAX, "{}", line.len());
            let fact = format!("head fact={fact}");
            prop_assert!(line.starts_with(&fact));
        }
    }
}
