//! Text for machines on a terminal: every character spelled out that the terminal would obey, hide or turn around.

use std::fmt::Write as _;

use query::output::is_invisible;

/// Makes text visible while it comes in pieces that may cut a character in two.
pub struct Shown {
    spell: fn(char, &mut String),
    /// The beginning of a character whose end has not come.
    held: Vec<u8>,
}

impl Shown {
    /// JSON, which stays the same JSON.
    pub fn json() -> Self {
        Self { spell: spell_json, held: Vec::new() }
    }

    /// Any other text.
    pub fn text() -> Self {
        Self { spell: |character, out| out.extend(character.escape_default()), held: Vec::new() }
    }

    /// The next piece, as far as its characters are whole.
    pub fn add(&mut self, bytes: &[u8]) -> String {
        self.held.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.held) {
            // Without a length the rest is the beginning of a character.
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.held.len(),
        };
        let rest = self.held.split_off(whole);
        let text = self.spelled();
        self.held = rest;
        text
    }

    /// What is left at the end.
    pub fn end(mut self) -> String {
        self.spelled()
    }

    fn spelled(&mut self) -> String {
        let mut out = String::with_capacity(self.held.len());
        for character in String::from_utf8_lossy(&self.held).chars() {
            // Lines are the form of the output: what is in a value is quoted, and so are line breaks there.
            if is_invisible(character) && character != '\n' {
                (self.spell)(character, &mut out);
            } else {
                out.push(character);
            }
        }
        self.held.clear();
        out
    }
}

/// As an escape of JSON, in which such a character stands only inside of a text.
fn spell_json(character: char, out: &mut String) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        // Writing to a text cannot fail.
        let _ = write!(out, "\\u{unit:04x}");
    }
}

/// JSON that keeps its meaning and obeys nothing.
pub fn json(text: &str) -> String {
    let mut shown = Shown::json();
    let mut out = shown.add(text.as_bytes());
    out.push_str(&shown.end());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_spelled_out_whatever_the_pieces() {
        let check = |new: fn() -> Shown, text: &str, expected: &str| {
            for size in 1..=text.len() {
                let mut shown = new();
                let mut out: String = text.as_bytes().chunks(size).map(|piece| shown.add(piece)).collect();
                out.push_str(&shown.end());
                assert_eq!(out, expected, "in pieces of {size}");
            }
        };
        check(Shown::text, "a,\u{1b}[2Jü\u{9b}31m\u{202e}\nb\r\n", "a,\\u{1b}[2Jü\\u{9b}31m\\u{202e}\nb\\r\n");
        check(Shown::json, "{\"a\":\"\u{9b}ü\u{2066}\u{e0041}\"}\n", "{\"a\":\"\\u009bü\\u2066\\udb40\\udc41\"}\n");
        let shown: serde_json::Value = serde_json::from_str(&json("{\"a\":\"\u{9b}\u{e0041}\"}")).expect("JSON");
        assert_eq!(shown["a"], "\u{9b}\u{e0041}");
    }
}
