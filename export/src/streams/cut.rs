//! Cuts records that are longer than a receiver takes, so that what it gets is whole JSON and says that it was cut. Receivers that cut by
//! themselves say nothing, and what they keep cannot be read.
//!
//! A record that was cut has `is_truncated` and `untruncated_size` (bytes), as OCSF calls them. The ledger has all of it.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::schemas::Said;

/// The longest value of a record that was cut, in bytes; then halves of it, down to the shortest that is tried.
const VALUE_BYTES: [usize; 8] = [8_192, 4_096, 2_048, 1_024, 512, 256, 128, 64];

/// A record in so many bytes, which are at least 256, as `measure` counts them: what a format makes of a text may be longer.
pub fn fit(said: &Said, bytes_max: usize, measure: impl Fn(&str) -> usize) -> Cow<'_, str> {
    let fits = |text: &str| measure(text) <= bytes_max;
    if fits(&said.text) {
        return Cow::Borrowed(&said.text);
    }
    if !said.is_json {
        return Cow::Owned(line(&said.text, fits));
    }
    let Ok(Value::Object(object)) = serde_json::from_str::<Value>(&said.text) else {
        return Cow::Owned("{}".to_owned());
    };
    let size = said.text.len();
    let shorter = VALUE_BYTES.iter().map(|limit| marked(shortened(&object, *limit), size));
    let found = shorter.map(|object| object.to_string()).find(|text| fits(text));
    Cow::Owned(found.unwrap_or_else(|| smallest(&object, size, fits)))
}

/// The same for a body in which the record is itself JSON or a line.
pub fn fit_plain(said: &Said, bytes_max: usize) -> Cow<'_, str> {
    fit(said, bytes_max, str::len)
}

/// The same for a body in which the record is a JSON string, with what the escapes take.
pub fn fit_string(said: &Said, bytes_max: usize) -> Cow<'_, str> {
    fit(said, bytes_max, escaped_len)
}

/// The same for a body in which a record that is JSON stands as itself, and a line as a JSON string.
pub fn fit_value(said: &Said, bytes_max: usize) -> Cow<'_, str> {
    if said.is_json { fit_plain(said, bytes_max) } else { fit_string(said, bytes_max) }
}

/// The same for a schema whose receiver takes no members but those of the schema: the mark stands in `member`, an object of texts by any name.
/// No member is left out, so a record with very many of them may stay too long; a schema has no such records.
pub fn fit_inside<'a>(said: &'a Said, bytes_max: usize, member: &str) -> Cow<'a, str> {
    if said.text.len() <= bytes_max {
        return Cow::Borrowed(&said.text);
    }
    let Ok(Value::Object(object)) = serde_json::from_str::<Value>(&said.text) else {
        return Cow::Owned("{}".to_owned());
    };
    let mut text = String::new();
    for limit in VALUE_BYTES {
        let mut shorter = shortened(&object, limit);
        if let Some(Value::Object(inside)) = shorter.get_mut(member) {
            inside.insert("is_truncated".to_owned(), "true".into());
            inside.insert("untruncated_size".to_owned(), said.text.len().to_string().into());
        }
        text = Value::Object(shorter).to_string();
        if text.len() <= bytes_max {
            break;
        }
    }
    Cow::Owned(text)
}

/// The bytes of a text as a JSON string.
fn escaped_len(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 8 | 12 => 2,
        0..=31 => 6,
        _ => 1,
    };
    text.bytes().map(escaped).sum::<usize>() + 2
}

/// A name or another short text in so many bytes; what is cut off is not counted.
pub fn short_text(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

fn marked(mut object: Map<String, Value>, size: usize) -> Value {
    object.insert("is_truncated".to_owned(), true.into());
    object.insert("untruncated_size".to_owned(), size.into());
    Value::Object(object)
}

/// The object with every text at most so long. Numbers stay what they are.
fn shortened(object: &Map<String, Value>, limit: usize) -> Map<String, Value> {
    object.iter().map(|(name, value)| (name.clone(), short(value, limit))).collect()
}

fn short(value: &Value, limit: usize) -> Value {
    match value {
        Value::String(text) if text.len() > limit => {
            let end = text.floor_char_boundary(limit);
            Value::String(format!("{}… [{} bytes cut]", &text[..end], text.len() - end))
        }
        Value::Array(values) => values.iter().map(|value| short(value, limit)).collect(),
        Value::Object(object) => Value::Object(shortened(object, limit)),
        other => other.clone(),
    }
}

/// The smallest members of an object, as many as fit: those by which records are counted are among them.
fn smallest(object: &Map<String, Value>, size: usize, fits: impl Fn(&str) -> bool) -> String {
    let mut members: Vec<(usize, &String, &Value)> =
        object.iter().map(|(name, value)| (name.len() + value.to_string().len(), name, value)).collect();
    members.sort_by(|one, other| (one.0, one.1).cmp(&(other.0, other.1)));
    let mut kept = Map::new();
    let mut text = marked(Map::new(), size).to_string();
    for (_, name, value) in members {
        kept.insert(name.clone(), value.clone());
        let longer = marked(kept.clone(), size).to_string();
        if !fits(&longer) {
            break;
        }
        text = longer;
    }
    text
}

/// A line that says how much of it is missing.
fn line(text: &str, fits: impl Fn(&str) -> bool) -> String {
    let mut end = text.len();
    loop {
        end = text.floor_char_boundary(end / 4 * 3);
        let shorter = format!("{}… [{} bytes cut]", &text[..end], text.len() - end);
        if end == 0 || fits(&shorter) {
            return shorter;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fits_is_not_touched_and_what_does_not_says_so() {
        let said = Said::object(&json!({"a": "x".repeat(900), "n": 7, "tachograph": {"seq": 1}}));
        assert!(matches!(fit_plain(&said, 2_000), Cow::Borrowed(_)));
        let cut: Value = serde_json::from_str(&fit_plain(&said, 700)).unwrap();
        assert_eq!((&cut["is_truncated"], &cut["untruncated_size"]), (&json!(true), &json!(said.text.len())));
        assert_eq!((&cut["n"], &cut["tachograph"]["seq"]), (&json!(7), &json!(1)));
        assert!(cut["a"].as_str().unwrap().ends_with("[388 bytes cut]"), "{cut}");
        let many: Map<String, Value> = (0..500).map(|number| (format!("member{number}"), number.into())).collect();
        let cut: Value = serde_json::from_str(&fit_plain(&Said::object(&many), 300)).unwrap();
        assert_eq!(cut["member0"], 0, "{cut}");
    }

    #[test]
    fn the_mark_stands_inside_where_no_other_member_may_be() {
        let said = Said::object(&json!({"additional": {"export_seq": "7"}, "target": {"url": "x".repeat(9_000)}}));
        assert!(matches!(fit_inside(&said, 10_000, "additional"), Cow::Borrowed(_)));
        let cut: Value = serde_json::from_str(&fit_inside(&said, 3_000, "additional")).unwrap();
        let additional =
            json!({"export_seq": "7", "is_truncated": "true", "untruncated_size": said.text.len().to_string()});
        assert_eq!((cut.as_object().unwrap().len(), &cut["additional"]), (2, &additional));
        assert!(cut["target"]["url"].as_str().unwrap().ends_with("[6952 bytes cut]"), "{cut}");
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Value::from),
            "(?s).{0,40}".prop_map(Value::from),
            ("(?s).{1,4}", 1usize..2_000).prop_map(|(text, times)| Value::from(text.repeat(times))),
        ];
        leaf.prop_recursive(3, 30, 6, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                proptest::collection::btree_map("[a-z]{1,9}", inner, 0..6)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_always_fits(members in proptest::collection::btree_map("[a-z]{1,9}", values(), 0..12), bytes_max in 256usize..4_000) {
            let object = Said::object(&members);
            let line = Said::line(object.text.clone());
            for said in [&object, &line] {
                let plain = fit_plain(said, bytes_max);
                prop_assert!(plain.len() <= bytes_max, "{} of {bytes_max}", plain.len());
                let string = fit_string(said, bytes_max);
                let escaped = Value::from(string.as_ref()).to_string();
                prop_assert_eq!(escaped.len(), escaped_len(&string));
                prop_assert!(escaped.len() <= bytes_max);
                if said.is_json {
                    prop_assert!(serde_json::from_str::<Value>(&plain).unwrap().is_object());
                    prop_assert!(serde_json::from_str::<Value>(&string).unwrap().is_object());
                }
            }
        }
    }
}
