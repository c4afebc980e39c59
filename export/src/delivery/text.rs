//! Attacker-written text on its way to any receiver: bounded, and without characters that hide or reorder others. What a
//! receiver's own format makes of the rest is escaped where that format is written.

/// A text on one line, without control, bidirectional and zero-width characters, cut to `limit` characters.
pub fn line(text: &str, limit: usize) -> Cut {
    let mut kept = String::new();
    for (count, c) in text.chars().filter(|c| !is_hidden(*c)).enumerate() {
        if count == limit {
            // The last character makes room for the sign that something is missing.
            kept.pop();
            kept.push('…');
            return Cut { text: kept, truncated: true };
        }
        kept.push(if c.is_whitespace() { ' ' } else { c });
    }
    Cut { text: kept, truncated: false }
}

/// A name of ours as one word of letters, digits, `-` and `_`, for receivers that take nothing else in a label or an address. A name that
/// is too long is told by its hash.
pub fn word(name: &str, limit: usize) -> String {
    if name.len() > limit {
        return crate::hash::sha256(name.as_bytes());
    }
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// A text and whether something of it is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// What is left.
    pub text: String,
    /// Whether it was longer.
    pub truncated: bool,
}

/// Characters that show nothing, or change how others are shown. White space is none of them.
pub fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || (c.is_control() && !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_says_that_it_was_cut() {
        assert_eq!(line("a\r\nb\u{202e}c\u{200b}\u{7}", 9), Cut { text: "a  bc".into(), truncated: false });
        assert_eq!(line("äöü", 3), Cut { text: "äöü".into(), truncated: false });
        assert_eq!(line("äöüß", 3), Cut { text: "äö…".into(), truncated: true });
    }
}
