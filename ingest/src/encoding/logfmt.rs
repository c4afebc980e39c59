//! Records that are lines of `key=value` pairs, values quoted as Go's `strconv.Quote` does where they need it: the text form of
//! Go's `slog`.

use std::borrow::Cow;

use super::{FieldPath, Located, RecordEncoding, Span, Unreadable};

/// A line of pairs, or of plain text, in which no field is found.
#[derive(Debug)]
pub struct Logfmt;

impl RecordEncoding for Logfmt {
    fn locate(&self, text: &str, paths: &[&FieldPath]) -> Result<Vec<Located>, Unreadable> {
        let names: Vec<Vec<Cow<str>>> = paths.iter().map(|path| path.steps().collect()).collect();
        let mut found = Vec::new();
        for pair in pairs(text) {
            let pair = pair.ok_or(Unreadable)?;
            let span = Span::of(text.as_bytes(), pair.written.as_bytes()).ok_or(Unreadable)?;
            let is_named = |steps: &[Cow<str>]| matches!(steps, [name] if *name == pair.key);
            let numbers = (0..names.len()).filter(|number| is_named(&names[*number]));
            // Go's quotes are not those of JSON, and most values have none.
            found.extend(numbers.map(|path| Located { path, span, is_json: false }));
        }
        Ok(found)
    }
}

/// One attribute of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The key as it is written.
    pub key: &'a str,
    /// The value as it is written, quotes included.
    pub written: &'a str,
}

impl<'a> Pair<'a> {
    /// The value without quotes and escapes.
    pub fn value(self) -> Cow<'a, str> {
        unquote(self.written)
    }
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
            let written = &line[at..at + len];
            at += len;
            return Some(Some(Pair { key, written }));
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
fn unquote(written: &str) -> Cow<'_, str> {
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

    #[test]
    fn fields_are_found_by_their_key() {
        let check = |line: &str, path: &'static str, expected: Result<&[&str], Unreadable>| {
            let found = Logfmt.locate(line, &[&FieldPath::from("/x"), &FieldPath::from(path)]);
            let found = found.map(|found| {
                assert!(found.iter().all(|found| found.path == 1 && !found.is_json));
                found.iter().map(|found| &line[found.span.start..found.span.end]).collect()
            });
            assert_eq!(found, expected.map(<[&str]>::to_vec), "{path} of {line}");
        };
        check(r#"a=1 b="two \"2\"" a="#, "/b", Ok(&[r#""two \"2\"""#]));
        check("a=1 b=2 a=", "/a", Ok(&["1", ""]));
        check("a=1", "/a/b", Ok(&[]));
        check("a=1", "", Ok(&[]));
        check("plain text", "/plain", Ok(&[]));
        check(r#"a=1 b="x"#, "/a", Err(Unreadable));
    }

    proptest! {
        #[test]
        fn any_line_is_taken(line in "[a= \"\\\\xuU0é]{0,40}") {
            for pair in pairs(&line).flatten() {
                let span = Span::of(line.as_bytes(), pair.written.as_bytes()).unwrap();
                prop_assert_eq!(&line[span.start..span.end], pair.written);
                let _ = unquote(pair.written);
            }
            let _ = Logfmt.locate(&line, &[&FieldPath::from("/a")]);
        }
    }
}
