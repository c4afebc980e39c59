//! Records that are JSON: the encoding of most dialects.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{FieldPath, Located, RecordEncoding, Span, Unreadable};

/// One JSON value, on one line or on several.
#[derive(Debug)]
pub struct Json;

impl RecordEncoding for Json {
    fn locate(&self, text: &str, paths: &[&FieldPath]) -> Result<Vec<Located>, Unreadable> {
        let mut root = Node::default();
        for (number, path) in paths.iter().enumerate() {
            root.add(path, number);
        }
        let record: &RawValue = serde_json::from_str(text).map_err(|_| Unreadable)?;
        let mut found = Vec::new();
        root.visit(text, record.get(), &mut found)?;
        Ok(found)
    }
}

/// What is looked for at a value and inside of it.
#[derive(Default)]
struct Node {
    /// The numbers of the paths that end here.
    ends: Vec<usize>,
    /// What is looked for inside, by the name or the number that leads there.
    inside: BTreeMap<String, Node>,
}

impl Node {
    fn add(&mut self, path: &FieldPath, number: usize) {
        let mut node = self;
        for step in path.steps() {
            node = node.inside.entry(step.into_owned()).or_default();
        }
        node.ends.push(number);
    }

    /// Looks at a value, which is a part of the text.
    fn visit(&self, text: &str, value: &str, found: &mut Vec<Located>) -> Result<(), Unreadable> {
        let span = Span::of(text.as_bytes(), value.as_bytes()).ok_or(Unreadable)?;
        found.extend(self.ends.iter().map(|&path| Located { path, span, is_json: true }));
        if self.inside.is_empty() || !value.starts_with(['{', '[']) {
            return Ok(());
        }
        let mut json = serde_json::Deserializer::from_str(value);
        let inside = json.deserialize_any(Inside(self)).map_err(|_| Unreadable)?;
        inside.into_iter().try_for_each(|(node, value)| node.visit(text, value.get(), found))
    }
}

/// Reads the members or the items in which something is looked for. A member that is written twice is found twice.
struct Inside<'n>(&'n Node);

impl<'de, 'n> Visitor<'de> for Inside<'n> {
    type Value = Vec<(&'n Node, &'de RawValue)>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object or an array")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut inside = Vec::new();
        while let Some(name) = map.next_key::<Name<'de>>()? {
            match self.0.inside.get(name.0.as_ref()) {
                Some(node) => inside.push((node, map.next_value()?)),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(inside)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let (mut inside, mut number) = (Vec::new(), 0_usize);
        while let Some(value) = seq.next_element::<&'de RawValue>()? {
            inside.extend(self.0.inside.get(&number.to_string()).map(|node| (node, value)));
            number += 1;
        }
        Ok(inside)
    }
}

/// A member's name, borrowed where nothing in it was escaped.
#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, path: &str, expected: Result<&[&str], Unreadable>) {
        let path = path.split('/').skip(1).fold(FieldPath::root(), |path, name| path.then(name));
        let found = Json.locate(text, &[&path]);
        let found = found.map(|found| found.iter().map(|found| &text[found.span.start..found.span.end]).collect());
        assert_eq!(found, expected.map(<[&str]>::to_vec), "{path} of {text}");
    }

    #[test]
    fn fields_are_found_by_their_path() {
        let text = r#" {"a": {"b" :[1, "x\"", {"c":[]}], "b\u0031":7}, "0":null } "#;
        check(text, "", Ok(&[text.trim()]));
        check(text, "/a/b/1", Ok(&[r#""x\"""#]));
        check(text, "/a/b/2/c", Ok(&["[]"]));
        check(text, "/a/b1", Ok(&["7"]));
        check(text, "/0", Ok(&["null"]));
        for missing in ["/", "/a/b/3", "/a/b/01", "/a/b/c", "/a/b/1/x", "/c"] {
            check(text, missing, Ok(&[]));
        }
        check(r#"{"a":1,"a":{"a":2}}"#, "/a", Ok(&["1", r#"{"a":2}"#]));
        check("7", "", Ok(&["7"]));
        check("7", "/a", Ok(&[]));
        for broken in ["", "{", r#"{"a":1}x"#, "level=INFO"] {
            check(broken, "/a", Err(Unreadable));
        }
    }

    #[test]
    fn many_paths_are_looked_for_at_once() {
        let text = r#"{"rows":[{"x":1,"y":2},{"y":3}],"z":4}"#;
        let paths = ["/rows/1/y", "/z", "/rows/0/x", "/rows", "/z"].map(FieldPath::from);
        let found = Json.locate(text, &paths.iter().collect::<Vec<_>>()).unwrap();
        let mut found: Vec<_> =
            found.iter().map(|found| (found.path, &text[found.span.start..found.span.end])).collect();
        found.sort_unstable();
        assert_eq!(found, [(0, "3"), (1, "4"), (2, "1"), (3, r#"[{"x":1,"y":2},{"y":3}]"#), (4, "4")]);
    }

    #[test]
    fn depth_is_no_matter() {
        let text = format!("{}7{}", "[".repeat(5_000), "]".repeat(5_000));
        let path = (0..200).fold(FieldPath::root(), |path, _| path.item(0));
        let found = Json.locate(&text, &[&path]).unwrap();
        assert_eq!(found.iter().map(|found| found.span).collect::<Vec<_>>(), [Span { start: 200, end: 9_801 }]);
    }
}
