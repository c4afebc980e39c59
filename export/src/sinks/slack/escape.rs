//! Attacker-written text in Slack: nothing in it may become a mention, a link, a code fence or an invisible character.

use crate::delivery::text::is_hidden;

/// The text without control, bidirectional and zero-width characters, with `&`, `<` and `>` as entities and back-ticks
/// replaced, cut to `limit` characters of output. An entity is never cut in half.
pub fn escape(text: &str, limit: usize) -> String {
    let mut escaped = String::new();
    let mut length = 0;
    for c in text.chars().filter(|c| !is_hidden(*c)) {
        let mut buffer = [0; 4];
        let piece = match c {
            '&' => "&amp;",
            '<' => "&lt;",
            '>' => "&gt;",
            '`' => "'",
            c if c.is_whitespace() || c.is_control() => " ",
            c => c.encode_utf8(&mut buffer),
        };
        let chars = piece.chars().count();
        if length + chars >= limit {
            escaped.push('…');
            break;
        }
        length += chars;
        escaped.push_str(piece);
    }
    escaped
}

/// The text as code, in which Slack interprets nothing else.
pub fn code(text: &str, limit: usize) -> String {
    let inner = escape(text, limit.saturating_sub(2));
    // An empty code span would show its back-ticks.
    if inner.trim().is_empty() { "–".to_owned() } else { format!("`{}`", inner.trim()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_interpreted() {
        let cases = [
            ("<!channel> & <@U1>", "&lt;!channel&gt; &amp; &lt;@U1&gt;"),
            ("a`b", "a'b"),
            ("ab\u{202e}moc\u{200b}", "abmoc"),
            ("two\nlines\u{7}\u{2028}x", "two lines x"),
        ];
        for (text, expected) in cases {
            assert_eq!(escape(text, 100), expected);
        }
        assert_eq!(escape("aaaa<", 6), "aaaa…");
        assert_eq!(code("\u{200b}", 10), "–");
        assert_eq!(code("a`b", 10), "`a'b`");
    }
}
