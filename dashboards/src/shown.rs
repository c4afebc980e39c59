//! How recorded text is shown: escaped, with every character that does not show itself drawn as a box, cut to a bound, and hosts
//! in a form that nothing turns into a link.
//!
//! Everything that an event brought was written by whoever steers an agent, which may be an attacker. No page builds markup of it in
//! another way than this.

use std::fmt::{self, Display, Formatter};

use askama::filters::HtmlSafe;
use query::output::is_invisible;

use crate::limits;

/// Recorded text as HTML: it is safe inside an element and inside a quoted attribute.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    text: &'a str,
    characters_max: usize,
    /// Line ends and tabs stand as they are.
    is_block: bool,
}

/// One line of recorded text, as much as a list shows.
pub fn line(text: &str) -> Shown<'_> {
    Shown { text, characters_max: limits::PREVIEW_CHARACTERS_MAX, is_block: false }
}

/// Recorded text of several lines, as much as a page shows at all.
pub fn block(text: &str) -> Shown<'_> {
    Shown { text, characters_max: limits::TEXT_CHARACTERS_MAX, is_block: true }
}

impl HtmlSafe for Shown<'_> {}

impl Display for Shown<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut rest = self.text;
        let mut left = self.characters_max;
        while let Some(character) = rest.chars().next() {
            if left == 0 {
                return write!(f, "<span class=\"cut\">… {} more characters</span>", rest.chars().count());
            }
            let is_line = self.is_block && matches!(character, '\n' | '\t');
            if is_line || !is_hidden(character) {
                rest = &rest[character.len_utf8()..];
                left -= 1;
                escape(character, f)?;
                continue;
            }
            let run = rest.chars().take_while(|other| *other == character).count();
            rest = &rest[run * character.len_utf8()..];
            left -= 1;
            boxed(character, run, f)?;
        }
        Ok(())
    }
}

/// Whether a character does not show itself, or changes how others are shown.
fn is_hidden(character: char) -> bool {
    character.is_control() || is_invisible(character)
}

fn escape(character: char, f: &mut Formatter<'_>) -> fmt::Result {
    match character {
        '&' => f.write_str("&amp;"),
        '<' => f.write_str("&lt;"),
        '>' => f.write_str("&gt;"),
        '"' => f.write_str("&quot;"),
        '\'' => f.write_str("&#39;"),
        other => fmt::Write::write_char(f, other),
    }
}

/// A box in place of characters that cannot be seen: what they are, and how many.
fn boxed(character: char, run: usize, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_str("<span class=\"cp\">")?;
    match name(character) {
        Some(name) => f.write_str(name)?,
        // Tag characters spell ASCII that nobody sees.
        None => {
            match u32::from(character).checked_sub(0xE_0000).and_then(char::from_u32).filter(char::is_ascii_graphic) {
                Some(spelled) => {
                    f.write_str("TAG ")?;
                    escape(spelled, f)?;
                }
                None => write!(f, "U+{:04X}", u32::from(character))?,
            }
        }
    }
    if run > 1 {
        write!(f, " ×{run}")?;
    }
    f.write_str("</span>")
}

/// The short names that people know.
const fn name(character: char) -> Option<&'static str> {
    Some(match character {
        '\n' => "LF",
        '\r' => "CR",
        '\t' => "TAB",
        '\0' => "NUL",
        '\u{7}' => "BEL",
        '\u{8}' => "BS",
        '\u{1b}' => "ESC",
        '\u{7f}' => "DEL",
        '\u{ad}' => "SHY",
        '\u{200b}' => "ZWSP",
        '\u{200c}' => "ZWNJ",
        '\u{200d}' => "ZWJ",
        '\u{200e}' => "LRM",
        '\u{200f}' => "RLM",
        '\u{202a}' => "LRE",
        '\u{202b}' => "RLE",
        '\u{202c}' => "PDF",
        '\u{202d}' => "LRO",
        '\u{202e}' => "RLO",
        '\u{2066}' => "LRI",
        '\u{2067}' => "RLI",
        '\u{2068}' => "FSI",
        '\u{2069}' => "PDI",
        '\u{feff}' => "BOM",
        _ => return None,
    })
}

/// A host, URL or text with hosts so that nothing takes it for an address to go to: `hxxps://attacker-logger[.]com/collect`.
///
/// The last dot of each host is put into brackets; in a text, of whatever looks like one.
pub fn defanged(text: &str) -> String {
    let mut shown = String::with_capacity(text.len() + 8);
    let is_host = |character: char| character.is_alphanumeric() || matches!(character, '-' | '.' | '_');
    let mut rest = text;
    // What follows a single slash is a part of a path.
    let mut in_path = false;
    while !rest.is_empty() {
        let end = rest.find(|character| !is_host(character)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let scheme = after.starts_with("://");
        match word {
            "http" if scheme => shown.push_str("hxxp"),
            "https" if scheme => shown.push_str("hxxps"),
            word if in_path => shown.push_str(word),
            word => shown.push_str(&without_address(word)),
        }
        let mut others = after.chars();
        let sign = others.next();
        in_path = sign == Some('/') && !shown.ends_with(['/', ':']) && !others.as_str().starts_with('/');
        shown.extend(sign);
        rest = others.as_str();
    }
    shown
}

/// A word whose last dot is in brackets if it looks like a host: labels and a last one of letters, or an address of numbers.
fn without_address(word: &str) -> String {
    let trimmed = word.trim_end_matches('.');
    let Some((before, last)) = trimmed.rsplit_once('.') else { return word.to_owned() };
    let is_name = is_top_level(last) && !is_file_ending(last);
    let is_numbers = word.split('.').count() == 4 && word.split('.').all(|part| part.parse::<u8>().is_ok());
    if before.is_empty() || before.starts_with('.') || !(is_name || is_numbers || last.starts_with("xn--")) {
        return word.to_owned();
    }
    format!("{before}[.]{last}{}", &word[trimmed.len()..])
}

/// Whether hosts end so: a top-level domain that exists, or one that is reserved for examples and tests.
fn is_top_level(last: &str) -> bool {
    let known = |name: &str| psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.is_known());
    matches!(last, "example" | "test" | "invalid" | "local" | "internal") || known(&last.to_lowercase())
}

/// Endings of files that agents work with and that are no top-level domains somebody is lured to: paths stay readable.
fn is_file_ending(last: &str) -> bool {
    const ENDINGS: [&str; 27] = [
        "rs", "py", "sh", "env", "md", "json", "toml", "yaml", "yml", "lock", "txt", "csv", "tsx", "ts", "js", "jsx",
        "css", "html", "go", "java", "sql", "rb", "cpp", "log", "ini", "cfg", "xml",
    ];
    ENDINGS.contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What this file and `static/shown.js` both do; `tests/browser/shown.test.mjs` reads it too.
    #[derive(serde::Deserialize)]
    struct Cases {
        line: Vec<(String, String)>,
        block: Vec<(String, String)>,
        defanged: Vec<(String, String)>,
        /// First and last code points of ranges.
        hidden: Vec<(u32, u32)>,
    }

    fn cases() -> Cases {
        serde_json::from_str(include_str!("../web/shown.json")).unwrap()
    }

    fn check(cases: Vec<(String, String)>, show: impl Fn(&str) -> String) {
        assert!(!cases.is_empty());
        for (text, expected) in cases {
            assert_eq!(show(&text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_boxed_and_markup_is_text() {
        check(cases().line, |text| line(text).to_string());
        check(cases().block, |text| block(text).to_string());
        let long = "x".repeat(limits::PREVIEW_CHARACTERS_MAX + 5);
        assert!(line(&long).to_string().ends_with("<span class=\"cut\">… 5 more characters</span>"));
    }

    #[test]
    fn hosts_are_no_addresses_to_go_to() {
        check(cases().defanged, defanged);
    }

    #[test]
    fn the_hidden_characters_are_those_of_the_list() {
        let hidden = cases().hidden;
        for character in '\0'..=char::MAX {
            let code = u32::from(character);
            let is_listed = hidden.iter().any(|(first, last)| (*first..=*last).contains(&code));
            assert_eq!(is_hidden(character), is_listed, "U+{code:04X}");
        }
    }

    proptest! {
        #[test]
        fn no_text_becomes_markup_or_disappears(text in "\\PC{0,60}|[<>&\"'\\x00-\\x1f\u{200b}-\u{202e}a.]{0,40}") {
            let html = block(&text).to_string();
            let outside = html.replace("<span class=\"cp\">", "").replace("</span>", "");
            prop_assert!(!outside.contains(['<', '>', '"', '\'']), "{html}");
            prop_assert!(!html.chars().any(|character| is_hidden(character) && !matches!(character, '\n' | '\t')));
        }

        #[test]
        fn defanging_keeps_every_character(text in "\\PC{0,60}") {
            let back = defanged(&text).replace("[.]", ".").replace("hxxp", "http");
            prop_assert_eq!(back, text.replace("[.]", ".").replace("hxxp", "http"));
        }
    }
}
