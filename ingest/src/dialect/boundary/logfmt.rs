//! Reads the text form of Go's `slog`: `key=value` pairs, values quoted as `strconv.Quote` does where they need it.

use std::borrow::Cow;

use crate::event::Span;

/// One attribute of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The key as it is written.
    pub key: &'a str,
    /// The value as it is written, quotes included.
    pub written: &'a str,
    /// Where the value stands in the line.
    pub span: Span,
}

/// The pairs of a line in order. Words without `=` are passed over; `None`, once, is a quoted value that does not end.
pub fn pairs(line: &str) -> impl Iterator<Item = Option<Pair<'_>>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            at += line[at..].len() - line[at..].trim_start().len();
            let rest = &line[at..];
            let end = rest.find(['=', ' ', '\t'])?;
            let key = &rest[..end];
            at += end + 1;
            if !rest[end..].starts_with('=') {
                continue;
            }
            let Some(len) = value_len(&line[at..]) else {
                at = line.len();
                return Some(None);
            };
            let span = Span { start: at, end: at + len };
            at += len;
            return Some(Some(Pair { key, written: &line[span.start..span.end], span }));
        }
    })
}

/// The length of the value that begins here; `None` if its quotes do not end.
fn value_len(rest: &str) -> Option<usize> {
    if !rest.starts_with('"') {
        return Some(rest.find([' ', '\t', '\n', '\r']).unwrap_or(rest.len()));
    }
    let bytes = rest.as_bytes();
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The text that a value means. Bytes that are not UTF-8, which Go writes as `\xNN`, become the replacement character.
pub fn unquote(written: &str) -> Cow<'_, str> {
    let Some(inside) = written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return Cow::Borrowed(written);
    };
    if !inside.contains('\\') {
        return Cow::Borrowed(inside);
    }
    let mut text = String::with_capacity(inside.len());
    let mut chars = inside.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            text.push(char);
            continue;
        }
        let digits = match chars.next() {
            Some('a') => text.push_then('\x07'),
            Some('b') => text.push_then('\x08'),
            Some('f') => text.push_then('\x0c'),
            Some('n') => text.push_then('\n'),
            Some('r') => text.push_then('\r'),
            Some('t') => text.push_then('\t'),
            Some('v') => text.push_then('\x0b'),
            Some('x') => 2,
            Some('u') => 4,
            Some('U') => 8,
            Some(other) => text.push_then(other),
            None => 0,
        };
        if digits > 0 {
            let hex: String = chars.by_ref().take(digits).collect();
            let code = u32::from_str_radix(&hex, 16).ok().filter(|code| digits > 2 || *code < 0x80);
            text.push(code.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
    }
    Cow::Owned(text)
}

trait PushThen {
    /// Adds a character; gives back that no digits follow it.
    fn push_then(&mut self, char: char) -> usize;
}

impl PushThen for String {
    fn push_then(&mut self, char: char) -> usize {
        self.push(char);
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(line: &str, expected: &[(&str, &str)]) {
        let found: Vec<_> =
            pairs(line).map(|pair| pair.map(|pair| (pair.key, unquote(pair.written).into_owned()))).collect();
        let expected: Vec<_> = expected.iter().map(|(key, value)| Some((*key, (*value).to_owned()))).collect();
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn pairs_are_read() {
        check("a=1 b=two  c=", &[("a", "1"), ("b", "two"), ("c", "")]);
        check(
            r#"msg="a b=c" url="https://x/?q=\"1\"\\" z=9"#,
            &[("msg", "a b=c"), ("url", "https://x/?q=\"1\"\\"), ("z", "9")],
        );
        check(r#"e="\a\t\x41\xff\u00e9\U0001F600""#, &[("e", "\x07\tA\u{FFFD}é\u{1F600}")]);
        check("word a=1 other", &[("a", "1")]);
        check("", &[]);
        assert_eq!(pairs(r#"a=1 b="x\""#).last(), Some(None));
        assert_eq!(pairs(r#"b="x\"#).last(), Some(None));
    }

    proptest! {
        #[test]
        fn any_line_is_taken(line in "[a= \"\\\\xuU0é]{0,40}") {
            for pair in pairs(&line).flatten() {
                prop_assert_eq!(&line[pair.span.start..pair.span.end], pair.written);
                let _ = unquote(pair.written);
            }
        }
    }
}
