//! Where words, quotes and brackets of a shell end. Nothing is evaluated here, and every function is linear.

/// The end of the word that begins at `start`: before the next blank or operator that is neither quoted nor inside of brackets.
pub fn word_end(text: &str, start: usize) -> usize {
    scan(text, start, Vec::new(), true)
}

/// The place of the closing `closer` of what begins at `start`, after its opening; the end of the text if nothing closes it.
pub fn closing(text: &str, start: usize, closer: u8) -> usize {
    scan(text, start, vec![closer], false)
}

/// The end of a word that is no program: `!(a)` is a pattern then.
pub fn operand_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let is_pattern = matches!(bytes.get(start), Some(b'!' | b'@' | b'+' | b'?')) && bytes.get(start + 1) == Some(&b'(');
    if is_pattern {
        word_end(text, (closing(text, start + 2, b')') + 1).min(text.len()))
    } else {
        word_end(text, start)
    }
}

/// Documents of one text that are looked for: each looks through all that follows.
const DOCUMENTS_MAX: usize = 32;

/// The bytes of a document without and with the line that ends it; `None` if no line does.
pub fn document_len(rest: &str, name: &str) -> Option<(usize, usize)> {
    let mut len = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_matches(['\t', '\r', '\n']) == name {
            return Some((len, len + line.trim_end_matches('\n').len()));
        }
        len += line.len();
    }
    None
}

/// The name of the document that `<<` begins, whether values are put into it, and the end of its name.
pub fn document_name(text: &str, start: usize) -> (String, bool, usize) {
    let after = text[start..].strip_prefix('-').unwrap_or(&text[start..]).trim_start_matches([' ', '\t']);
    let raw = &after[..word_end(after, 0)];
    let name = raw.chars().filter(|char| !matches!(char, '\'' | '"' | '\\')).collect();
    (name, !raw.contains(['\'', '"', '\\']), text.len() - after.len() + raw.len())
}

/// Goes on until the stack of open quotes and brackets is as it is wanted: empty before a separator, or empty at all.
fn scan(text: &str, start: usize, mut open: Vec<u8>, is_word: bool) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut documents, mut tries) = (start, Vec::new(), 0);
    while let Some(byte) = bytes.get(at).copied() {
        let next = bytes.get(at + 1).copied();
        match (open.last().copied(), byte) {
            (Some(b'\''), _) if byte != b'\'' => {}
            (_, b'\\') => at += 1,
            (Some(ANSI), _) if byte != b'\'' => {}
            (Some(ANSI), _) => drop(open.pop()),
            // In a line inside of the word, comments and documents may hold quotes that are none.
            (Some(b')'), b'#') if at > 0 && matches!(bytes[at - 1], b' ' | b'\t' | b'\n' | b';') => {
                at += text[at..].find('\n').unwrap_or(text.len() - at).saturating_sub(1);
            }
            (Some(b')'), b'<') if text[at..].starts_with("<<") && tries < DOCUMENTS_MAX => {
                let signs = text[at..].bytes().take_while(|byte| *byte == b'<').count();
                tries += 1;
                if signs == 2 {
                    let (name, _, end) = document_name(text, at + 2);
                    documents.push(name);
                    at = end.max(at + 2);
                } else {
                    at += signs;
                }
                continue;
            }
            (Some(b')'), b'\n') => {
                for name in documents.drain(..) {
                    at += document_len(&text[at + 1..], &name).map_or(0, |(_, len)| len + 1);
                    at = at.min(text.len() - 1);
                }
            }
            (Some(closer), _) if byte == closer => {
                open.pop();
                if open.is_empty() && !is_word {
                    return at;
                }
            }
            (_, b'`') => open.push(b'`'),
            (_, b'$') if next == Some(b'(') || next == Some(b'{') => {
                open.push(if next == Some(b'(') { b')' } else { b'}' });
                at += 1;
            }
            // In double quotes nothing else begins; in backticks quotes are left to whoever reads what stands in them.
            (Some(b'"' | b'`'), _) => {}
            (_, b'$') if next == Some(b'\'') => {
                open.push(ANSI);
                at += 1;
            }
            (_, b'\'' | b'"') => open.push(byte),
            (Some(b')'), b'(') => open.push(b')'),
            (None, _) if is_separator(byte) => return at,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// Stands for `$'` on the stack, whose text has escapes: no byte of a shell.
const ANSI: u8 = 0xff;

/// Whether a byte ends a word.
pub fn is_separator(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b';' | b'|' | b'&' | b'(' | b')' | b'<' | b'>')
}

/// The words that braces in a word stand for: `{a,b}c` is `ac` and `bc`. Quotes are respected and stay as they are.
pub fn braces(raw: &str, limit: usize) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![raw.to_owned()];
    while let Some(word) = open.pop() {
        match alternatives(&word).filter(|parts| found.len() + open.len() + parts.len() <= limit) {
            // The first stands on top, so that the order stays.
            Some(parts) => open.extend(parts.into_iter().rev()),
            None => found.push(word),
        }
    }
    found
}

/// Opening braces of one word that are tried: each looks for its end.
const BRACES_TRIED_MAX: usize = 16;

/// The words of the first pair of braces with a comma in it.
fn alternatives(word: &str) -> Option<Vec<String>> {
    let bytes = word.as_bytes();
    let (mut at, mut tries) = (0, 0);
    while let Some(byte) = bytes.get(at).filter(|_| tries < BRACES_TRIED_MAX) {
        match byte {
            b'\\' => at += 1,
            b'\'' | b'"' | b'`' => at = closing(word, at + 1, *byte),
            b'$' if matches!(bytes.get(at + 1), Some(b'{')) => at = closing(word, at + 2, b'}'),
            b'$' if matches!(bytes.get(at + 1), Some(b'(')) => at = closing(word, at + 2, b')'),
            b'{' => {
                tries += 1;
                if let Some((end, parts)) = parts(word, at + 1) {
                    let (before, after) = (&word[..at], &word[end + 1..]);
                    return Some(parts.iter().map(|part| format!("{before}{part}{after}")).collect());
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// What stands between the braces that open before `start`, split at its commas, and where they close.
fn parts(word: &str, start: usize) -> Option<(usize, Vec<&str>)> {
    let bytes = word.as_bytes();
    let (mut at, mut depth, mut begin, mut parts) = (start, 0_usize, start, Vec::new());
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\'' | b'"' | b'`' => at = closing(word, at + 1, *byte),
            b'{' => depth += 1,
            b'}' if depth > 0 => depth -= 1,
            b',' if depth == 0 => {
                parts.push(&word[begin..at]);
                begin = at + 1;
            }
            b'}' => {
                parts.push(&word[begin..at]);
                return (parts.len() > 1).then_some((at, parts));
            }
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_end_where_a_shell_ends_them() {
        for (text, word) in [
            ("a b", "a"),
            ("'a b'c d", "'a b'c"),
            (r#""a \" b" c"#, r#""a \" b""#),
            ("$(echo ')' ; ls)x y", "$(echo ')' ; ls)x"),
            ("`a b`;c", "`a b`"),
            ("${x:-a b} c", "${x:-a b}"),
            (r"$'a\' b' c", r"$'a\' b'"),
            (r"a\ b c", r"a\ b"),
            ("$((1<<2))>x", "$((1<<2))"),
            ("ü\\é x", "ü\\é"),
            ("'open", "'open"),
            ("\"$(cat <<'E'\ndon't)\nE\n)\" x", "\"$(cat <<'E'\ndon't)\nE\n)\""),
            ("$(a # don't\n) x", "$(a # don't\n)"),
            ("$((1<<2)) x", "$((1<<2))"),
        ] {
            assert_eq!(&text[..word_end(text, 0)], word, "{text}");
        }
    }

    #[test]
    fn braces_are_lists_of_words() {
        for (raw, words) in [
            ("{a,b}c", &["ac", "bc"][..]),
            ("x{1,{2,3}}", &["x1", "x2", "x3"]),
            ("'{a,b}'", &["'{a,b}'"]),
            ("{}", &["{}"]),
            ("{a}", &["{a}"]),
            ("${a,b}", &["${a,b}"]),
            ("{a,b", &["{a,b"]),
        ] {
            assert_eq!(braces(raw, 9), words, "{raw}");
        }
        assert!(braces(&"{a,b}".repeat(40), 64).len() <= 64);
    }
}
