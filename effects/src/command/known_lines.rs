//! Command lines that were read lately, kept as they were read: a call, its approval and its result carry the same one.
//!
//! What is kept follows from the text alone, so that nothing found depends on it, and it is no state that a snapshot holds.

use std::sync::Arc;

use super::Line;
use crate::limits::{KNOWN_LINE_BYTES_MAX, KNOWN_LINES};

/// The latest lines, each at the place that its hash says.
pub struct KnownLines {
    places: Vec<Option<Known>>,
}

struct Known {
    text: Box<str>,
    line: Arc<Line>,
}

impl Default for KnownLines {
    /// No line was read.
    fn default() -> Self {
        Self { places: std::iter::repeat_with(|| None).take(KNOWN_LINES).collect() }
    }
}

impl KnownLines {
    /// Reads a line, unless it is known. `hash` is one of its text that senders cannot make collide.
    pub fn read(&mut self, hash: u64, text: &str) -> Arc<Line> {
        let place = self.places.get_mut(hash as usize % KNOWN_LINES);
        if let Some(Some(known)) = &place
            && *known.text == *text
        {
            return Arc::clone(&known.line);
        }
        let line = Arc::new(Line::read(text));
        // A long line is rarely seen again, and what it says may be much longer than the line.
        if let Some(place) = place
            && text.len() + line.bytes() <= KNOWN_LINE_BYTES_MAX
        {
            *place = Some(Known { text: text.into(), line: Arc::clone(&line) });
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_once_and_a_long_one_is_not_kept() {
        let mut lines = KnownLines::default();
        let first = lines.read(7, "cargo test && git push");
        assert_eq!(*first, Line::read("cargo test && git push"));
        assert!(Arc::ptr_eq(&first, &lines.read(7, "cargo test && git push")));
        let long = format!("echo {}", "x".repeat(KNOWN_LINE_BYTES_MAX));
        assert!(!Arc::ptr_eq(&lines.read(8, &long), &lines.read(8, &long)));
        // More lines than places: each is what it says.
        for number in 0..2 * KNOWN_LINES as u64 {
            let text = format!("make target-{number}");
            assert_eq!(lines.read(number, &text).commands[0].words, ["make", &format!("target-{number}")]);
        }
        let kept = lines.places.iter().flatten();
        assert!(kept.map(|known| known.text.len() + known.line.bytes()).all(|bytes| bytes <= KNOWN_LINE_BYTES_MAX));
    }
}
