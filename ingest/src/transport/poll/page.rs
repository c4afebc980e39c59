//! One page of a list as the interface sent it: its rows in their own bytes, and where the next page begins.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::cursor::Place;
use super::endpoint::{Paging, text_at};
use crate::timestamp::Stated;

/// A page that was read.
#[derive(Debug)]
pub struct Page<'a> {
    /// The text of all of it.
    pub text: &'a str,
    /// Its rows, each as text and as it is read.
    pub rows: Vec<(&'a str, Value)>,
    /// What else it says.
    rest: Value,
}

impl<'a> Page<'a> {
    /// Reads a page whose list is this member; without a name the page is the list, or the only row.
    pub fn read(body: &'a [u8], list: &str) -> Result<Self, String> {
        let text = std::str::from_utf8(body).map_err(|_| "it is not UTF-8".to_owned())?;
        let why = |error: serde_json::Error| {
            format!("it is no JSON as expected (line {}, column {})", error.line(), error.column())
        };
        if list.is_empty() && text.trim_ascii_start().starts_with('[') {
            return Ok(Self { text, rows: rows_of(text)?, rest: Value::Null });
        }
        if list.is_empty() {
            let row: Value = serde_json::from_str(text).map_err(why)?;
            if !row.is_object() {
                return Err("it is neither a list nor an object".to_owned());
            }
            return Ok(Self { text, rows: vec![(text, row)], rest: Value::Null });
        }
        let mut members: BTreeMap<String, &RawValue> = serde_json::from_str(text).map_err(why)?;
        let rows = match members.remove(list).map(RawValue::get) {
            // What is empty is left out, or null, where the other side is written in Go.
            Some("null") => Vec::new(),
            Some(rows) => rows_of(rows)?,
            None if members.is_empty() || members.contains_key("pagination") => Vec::new(),
            None => return Err(format!("it has no `{list}`")),
        };
        let short = members.iter().filter(|(_, value)| value.get().len() <= REST_BYTES_MAX);
        let rest = short.filter_map(|(name, value)| Some((name.clone(), serde_json::from_str(value.get()).ok()?)));
        Ok(Self { text, rows, rest: Value::Object(rest.collect()) })
    }

    /// Where the page after this one begins; `None` if this is the last one.
    pub fn next(&self, paging: Paging, id: &[&str], at: &Place, limit: u64) -> Option<Place> {
        let rows = self.rows.len() as u64;
        if let Paging::Token(pointer) = paging {
            return text_at(&self.rest, &[pointer]).map(Place::Token);
        }
        if paging == Paging::Once || rows == 0 {
            return None;
        }
        let before = match at {
            Place::Offset(offset) => *offset,
            Place::Number(page) => page.saturating_sub(1).saturating_mul(limit),
            Place::First | Place::After(_) | Place::Token(_) => 0,
        };
        let total = ["/count", "/total"].iter().find_map(|pointer| self.rest.pointer(pointer)?.as_u64());
        let is_more = !matches!(at, Place::After(_)) && total.is_some_and(|total| total > before + rows);
        if rows < limit && !is_more {
            return None;
        }
        Some(match paging {
            // A few rows are read twice: rows that vanish meanwhile would hide others.
            Paging::Offset => Place::Offset(before + rows - rows / 10),
            Paging::Number => Place::Number(before / limit.max(1) + 2),
            _ => Place::After(text_at(&self.rows.last()?.1, id)?),
        })
    }
}

/// A longer member is no word about the page.
const REST_BYTES_MAX: usize = 8 << 10;

fn rows_of(list: &str) -> Result<Vec<(&str, Value)>, String> {
    let rows: Vec<&RawValue> = serde_json::from_str(list).map_err(|_| "its rows are no list".to_owned())?;
    let read = |row: &&'_ RawValue| serde_json::from_str(row.get()).map_err(|_| "a row is no JSON".to_owned());
    rows.iter().map(|row| Ok((row.get(), read(row)?))).collect()
}

/// When a row happened, in microseconds since 1970 UTC. A day is its beginning.
pub fn time_of(row: &Value, pointers: &[&str]) -> Option<i64> {
    let text = text_at(row, pointers)?;
    let is_day = text.len() == 10 && text.as_bytes()[4] == b'-';
    let text = if is_day { format!("{text}T00:00:00Z") } else { text };
    // LiteLLM writes times without a zone, in UTC, and some versions with a blank.
    let stated = Stated::of(&text);
    match stated {
        Stated::Unreadable => Stated::of(&format!("{}Z", text.replacen(' ', "T", 1))).micros(),
        stated => stated.micros(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_bytes_and_what_is_no_page_is_told() {
        let page = |text: &'static str, list: &str| {
            Page::read(text.as_bytes(), list).map(|page| page.rows.iter().map(|(text, _)| *text).collect::<Vec<_>>())
        };
        assert_eq!(page(r#"{"count":2,"rows":[{"a": 1.50},{ }]}"#, "rows").unwrap(), [r#"{"a": 1.50}"#, "{ }"]);
        assert_eq!(page(r#" [{"a":1}]"#, "").unwrap(), [r#"{"a":1}"#]);
        assert_eq!(page(r#"{"a":1}"#, "").unwrap(), [r#"{"a":1}"#]);
        for (text, list) in [(r#"{"rows":null}"#, "rows"), ("{}", "rows"), ("[]", ""), (r#"{"pagination":{}}"#, "rows")]
        {
            assert_eq!(page(text, list).unwrap(), Vec::<&str>::new(), "{text}");
        }
        for (text, list) in [
            ("", "rows"),
            (r#"{"rows":[{"a":1"#, "rows"),
            (r#"{"rows":{}}"#, "rows"),
            (r#"{"message":"x"}"#, "rows"),
            ("<html>", "rows"),
            ("1", ""),
            ("[[[", ""),
        ] {
            assert!(page(text, list).is_err(), "{text}");
        }
        assert!(Page::read(b"\xff", "").is_err());
    }

    #[test]
    fn the_next_page_begins_where_the_paging_says() {
        let check = |text: &str, paging, at: Place, limit, expected: Option<Place>| {
            let page = Page::read(text.as_bytes(), "rows").unwrap();
            assert_eq!(page.next(paging, &["/id"], &at, limit), expected, "{text} {paging:?} {at:?}");
        };
        let two = r#"{"rows":[{"id":"a"},{"id":"b"}]}"#;
        check(two, Paging::Offset, Place::First, 2, Some(Place::Offset(2)));
        check(two, Paging::Offset, Place::Offset(7), 2, Some(Place::Offset(9)));
        check(two, Paging::Offset, Place::First, 3, None);
        check(r#"{"rows":[{"id":"a"}],"count":5}"#, Paging::Offset, Place::Offset(3), 9, Some(Place::Offset(4)));
        check(r#"{"rows":[{"id":"a"}],"count":4}"#, Paging::Offset, Place::Offset(3), 9, None);
        check(two, Paging::Number, Place::First, 2, Some(Place::Number(2)));
        check(two, Paging::Number, Place::Number(2), 2, Some(Place::Number(3)));
        check(two, Paging::After, Place::First, 2, Some(Place::After("b".to_owned())));
        check(two, Paging::After, Place::After("a".to_owned()), 3, None);
        check(two, Paging::Once, Place::First, 1, None);
        check(r#"{"rows":[],"count":5}"#, Paging::Offset, Place::First, 2, None);
        let token = r#"{"rows":[],"pagination":{"nextToken":"t"}}"#;
        check(token, Paging::Token("/pagination/nextToken"), Place::First, 2, Some(Place::Token("t".to_owned())));
        check(two, Paging::Token("/pagination/nextToken"), Place::First, 2, None);
    }

    #[test]
    fn times_are_read_in_every_form_that_the_interfaces_write() {
        let at = |text: &str| time_of(&serde_json::json!({"t": text}), &["/none", "/t"]);
        let moment = Some(1_789_378_200_000_000);
        for text in ["2026-09-14T09:30:00Z", "2026-09-14T09:30:00", "2026-09-14 09:30:00", "1789378200"] {
            assert_eq!(at(text), moment, "{text}");
        }
        assert_eq!(at("2026-09-14"), Some(1_789_344_000_000_000));
        assert_eq!((at("soon"), at("")), (None, None));
    }
}
