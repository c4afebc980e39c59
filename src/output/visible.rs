//! Makes characters visible that a terminal would obey or hide.

use std::fmt::Write;

/// Replaces every control character, line breaks included, by its escape.
///
/// Also those that change the direction of text or have no width: with them a command looks like another one.
pub fn visible(text: &str) -> String {
    escape(text, |_| false)
}

/// As [`visible`], but keeps line breaks and tabs: for text that we lay out ourselves.
pub fn visible_lines(text: &str) -> String {
    escape(text, |character| matches!(character, '\n' | '\t'))
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' if !keep(character) => out.push_str("\\n"),
            '\t' if !keep(character) => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            _ if keep(character) || !is_hidden(character) => out.push(character),
            // Writing to a string does not fail.
            _ if u32::from(character) < 0x100 => {
                let _ = write!(out, "\\x{:02x}", u32::from(character));
            }
            _ => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(character));
            }
        }
    }
    out
}

/// C0 and C1 controls, bidirectional controls, characters without width, and tags.
fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_are_shown() {
        let check = |text: &str, expected: &str| assert_eq!(visible(text), expected);
        check("plain ünïcode 漢字", "plain ünïcode 漢字");
        check("\u{1b}[2J\u{1b}]0;title\u{7}", "\\x1b[2J\\x1b]0;title\\x07");
        check("a\nb\tc\rd", "a\\nb\\tc\\rd");
        check("\u{9b}31m", "\\x9b31m");
        check("admin\u{202e}txt.exe\u{200b}", "admin\\u{202e}txt.exe\\u{200b}");
        assert_eq!(visible_lines("a\n\tb\u{1b}"), "a\n\tb\\x1b");
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left(text: String) {
            prop_assert!(!visible(&text).chars().any(is_hidden));
        }
    }
}
