//! The patterns that rules write themselves: brought into a form that a condition takes, and the ends that they are held to.

use std::fmt::Write as _;

/// A pattern without the anchors at its ends.
#[derive(Debug, PartialEq, Eq)]
pub struct Anchored {
    pub start: bool,
    pub end: bool,
    pub inner: String,
}

/// The pattern without quotes and control characters: it means the same.
pub fn printable(pattern: &str) -> String {
    let mut text = String::new();
    let mut chars = pattern.chars();
    while let Some(char) = chars.next() {
        let (escaped, char) = match char {
            '\\' => (true, chars.next()),
            char => (false, Some(char)),
        };
        match char {
            // An escaped quote is a quote, and an escaped line break is one.
            Some(char) if char == '\'' || char.is_control() => _ = write!(text, "\\x{{{:x}}}", u32::from(char)),
            Some(char) if escaped => _ = write!(text, "\\{char}"),
            Some(char) => text.push(char),
            None => text.push('\\'),
        }
    }
    text
}

/// Takes the anchors at the ends of a pattern off. `None` if it is held elsewhere, or in one alternative only.
pub fn anchored(pattern: &str) -> Option<Anchored> {
    let (mut escaped, mut class, mut depth) = (false, false, 0_usize);
    let (mut anchors, mut has_alternatives) = (Vec::new(), false);
    for (at, char) in pattern.char_indices() {
        if std::mem::take(&mut escaped) {
            if !class && matches!(char, 'A' | 'z' | 'Z') {
                return None;
            }
            continue;
        }
        match char {
            '\\' => escaped = true,
            '[' => class = true,
            ']' => class = false,
            _ if class => {}
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => has_alternatives = true,
            '^' | '$' => anchors.push(at),
            _ => {}
        }
    }
    let last = pattern.len().saturating_sub(1);
    let start = anchors.first() == Some(&0) && pattern.starts_with('^');
    let end = anchors.last() == Some(&last) && pattern.ends_with('$');
    let known = usize::from(start) + usize::from(end);
    if anchors.len() != known || (known > 0 && has_alternatives) {
        return None;
    }
    let inner = pattern.get(usize::from(start)..pattern.len() - usize::from(end))?;
    Some(Anchored { start, end, inner: inner.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_are_taken_off_where_they_hold_the_whole_pattern() {
        let check = |pattern: &str, expected: Option<(bool, bool, &str)>| {
            let expected = expected.map(|(start, end, inner)| Anchored { start, end, inner: inner.to_owned() });
            assert_eq!(anchored(pattern), expected, "{pattern}");
        };
        check("a.*b", Some((false, false, "a.*b")));
        check("^a(b|c)$", Some((true, true, "a(b|c)")));
        check("a[^$]b", Some((false, false, "a[^$]b")));
        check(r"a\$", Some((false, false, r"a\$")));
        check("^a|b", None);
        check("a|b", Some((false, false, "a|b")));
        check("(^a)b", None);
        check(r"\Aab", None);
        check("", Some((false, false, "")));
    }

    #[test]
    fn quotes_and_control_characters_are_written_as_numbers() {
        let check = |pattern: &str, expected: &str| assert_eq!(printable(pattern), expected);
        check("it's", r"it\x{27}s");
        check(r"it\'s \\'", r"it\x{27}s \\\x{27}");
        check("a\nb\\d", r"a\x{a}b\d");
        check("a\\", "a\\");
    }
}
