//! Titles and reasons of user rules: texts with columns and counts in braces.

use detect_core::event::EventRow;
use detect_core::text::{duration, nearest};
use serde::{Deserialize, Serialize};

use super::value::{RuleColumn, dollars};
use crate::limits::TEMPLATE_BYTES_MAX;

/// A text with placeholders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Slot>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Slot {
    Column(RuleColumn),
    Piece(Piece),
}

/// A part of a text of which the columns are filled in; the rest changes while the episode goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Piece {
    /// Words.
    Text(String),
    /// Number of events.
    Count,
    /// From the first event to the last.
    Span,
    /// The number that the operator reached,
    Observed,
    /// as money.
    Dollars,
}

/// Placeholders that are no columns.
const OWN: [&str; 3] = ["count", "span", "observed"];

impl Template {
    /// Reads a text. `money` says that the operator's number is micro-dollars.
    pub fn new(source: &str, money: bool) -> Result<Self, String> {
        if source.trim().is_empty() {
            return Err("it is empty".to_owned());
        }
        if source.len() > TEMPLATE_BYTES_MAX {
            return Err(format!("it has {} bytes, at most {TEMPLATE_BYTES_MAX}", source.len()));
        }
        let (mut slots, mut text, mut rest) = (Vec::new(), String::new(), source);
        while let Some(at) = rest.find(['{', '}']) {
            text.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                text.push_str(brace);
                rest = after;
                continue;
            }
            let end = rest.find('}').filter(|_| brace == "{");
            let end = end.ok_or("a brace without its partner; write {{ or }} for one that is meant as it stands")?;
            if !text.is_empty() {
                slots.push(Slot::Piece(Piece::Text(std::mem::take(&mut text))));
            }
            slots.push(Slot::new(&rest[..end], money)?);
            rest = &rest[end + 1..];
        }
        text.push_str(rest);
        if !text.is_empty() {
            slots.push(Slot::Piece(Piece::Text(text)));
        }
        Ok(Self(slots))
    }

    /// Fills in what the event says; `?` stands for what it does not say.
    pub fn fill(&self, event: &EventRow<'_>) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        for slot in &self.0 {
            let piece = match slot {
                Slot::Piece(piece) => piece.clone(),
                Slot::Column(column) => Piece::Text(column.say(event).unwrap_or_else(|| "?".to_owned())),
            };
            match (pieces.last_mut(), piece) {
                (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(&text),
                (_, piece) => pieces.push(piece),
            }
        }
        pieces
    }
}

impl Slot {
    fn new(name: &str, money: bool) -> Result<Self, String> {
        Ok(match name {
            "count" => Self::Piece(Piece::Count),
            "span" => Self::Piece(Piece::Span),
            "observed" if money => Self::Piece(Piece::Dollars),
            "observed" => Self::Piece(Piece::Observed),
            name => {
                let column = RuleColumn::new(name).map_err(|message| match nearest(name, OWN.into_iter()) {
                    Some(near) if !message.contains("did you mean") => format!("{message}; did you mean `{near}`?"),
                    _ => message,
                })?;
                if column.is_content() {
                    return Err(format!(
                        "`{name}` is made from content, which not everybody who reads alerts may read; leave it out"
                    ));
                }
                Self::Column(column)
            }
        })
    }
}

/// The words of a text now.
pub fn say(pieces: &[Piece], count: u64, micros: i64, observed: i64) -> String {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(words) => text.push_str(words),
            Piece::Count => text.push_str(&count.to_string()),
            Piece::Span => text.push_str(&duration(micros)),
            Piece::Observed => text.push_str(&observed.to_string()),
            Piece::Dollars => text.push_str(&dollars(observed)),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::fixtures;

    #[test]
    fn columns_are_filled_in_and_bounded() {
        let events = [json!({"second": 0, "user": "x".repeat(900), "host": "a.example", "cost_micros": 2_500_000})];
        let rows = fixtures::rows(&events);
        let row = rows.get(0).unwrap();
        let event = EventRow::new(&row, false, fixtures::key());
        let check = |source: &str, money: bool, expected: &str| {
            let pieces = Template::new(source, money).unwrap().fill(&event);
            assert_eq!(say(&pieces, 3, 120_000_000, 7_000_000), expected);
        };
        check(
            "{host} {{x}}: {count} in {span}, {observed}, {cost_micros}, {port}",
            false,
            "a.example {x}: 3 in 2 min, 7000000, $2.50, ?",
        );
        check("{observed}", true, "$7.00");
        check("{user}", false, &format!("{}…", "x".repeat(256)));
        let refused = |source: &str, says: &str| {
            let error = Template::new(source, false).unwrap_err();
            assert!(error.contains(says), "{error}");
        };
        refused("{hots}", "did you mean `host`?");
        refused("{cuont}", "did you mean `count`?");
        refused("{command}", "made from content");
        refused("{host", "without its partner");
        refused("host}", "without its partner");
        refused(" ", "empty");
    }

    proptest! {
        #[test]
        fn no_text_makes_a_template_panic(source in "[{}a-z\u{e4} ]{0,20}") {
            let _ = Template::new(&source, true);
        }
    }
}
