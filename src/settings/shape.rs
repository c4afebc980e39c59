//! Which settings a configuration may hold, as its types say through serde, so that no test keeps a list of them by hand: the reference
//! has to name every one.

use std::fmt;

use ingest::config::Collector;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

use super::{Settings, reference};

/// One step from a value to one that it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum PathSegment {
    Field(&'static str),
    /// Any entry of a list.
    Item,
}

/// What stands at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Struct(&'static [&'static str]),
    List,
    /// A table whose keys no type says.
    Map,
    Leaf,
}

/// Goes along a path, and ends with the shape of what is there.
struct Walker<'a>(&'a [PathSegment]);

/// The shape, as the error that ends the walk.
#[derive(Debug)]
struct Arrived(Result<Shape, String>);

impl fmt::Display for Arrived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

impl std::error::Error for Arrived {}

impl de::Error for Arrived {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(Err(message.to_string()))
    }
}

impl<'de> Deserializer<'de> for Walker<'_> {
    type Error = Arrived;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Arrived> {
        Err(Arrived(Ok(Shape::Leaf)))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Arrived> {
        match self.0 {
            [PathSegment::Field(_), ..] => visitor.visit_map(self),
            _ => Err(Arrived(Ok(Shape::Struct(fields)))),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Arrived> {
        match self.0 {
            [PathSegment::Item, ..] => visitor.visit_seq(self),
            _ => Err(Arrived(Ok(Shape::List))),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Arrived> {
        Err(Arrived(Ok(Shape::Map)))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Arrived> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Arrived> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct enum
        identifier ignored_any
    }
}

impl<'de> MapAccess<'de> for Walker<'_> {
    type Error = Arrived;

    fn next_key_seed<K: de::DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Arrived> {
        let Some(PathSegment::Field(name)) = self.0.first() else { return Ok(None) };
        seed.deserialize(de::value::BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: de::DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Arrived> {
        seed.deserialize(Walker(&self.0[1..]))
    }
}

impl<'de> SeqAccess<'de> for Walker<'_> {
    type Error = Arrived;

    fn next_element_seed<T: de::DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Arrived> {
        seed.deserialize(Walker(&self.0[1..])).map(Some)
    }
}

/// A table with its settings: its heading in the reference, and whether each of its fields is a table of its own.
#[derive(Debug, PartialEq, Eq)]
struct Section {
    heading: String,
    settings: Vec<&'static str>,
}

/// Every table that a file may hold, with its settings that are no tables.
fn sections() -> Vec<Section> {
    let mut sections = Vec::new();
    visit::<Settings>(&mut Vec::new(), &mut sections);
    sections
}

fn shape<T: for<'de> Deserialize<'de>>(path: &[PathSegment]) -> Shape {
    match T::deserialize(Walker(path)) {
        Err(Arrived(Ok(shape))) => shape,
        Err(Arrived(Err(message))) => panic!("{path:?}: {message}"),
        Ok(_) => panic!("{path:?}: a value was made of nothing"),
    }
}

/// Notes the table at a path, and those that it holds. Says whether there is one.
fn visit<T: for<'de> Deserialize<'de>>(path: &mut Vec<PathSegment>, sections: &mut Vec<Section>) -> bool {
    let fields = match shape::<T>(path) {
        Shape::Leaf => return false,
        // Two types read a table in parts; they say themselves what they have in common.
        Shape::Map => match &path[..] {
            [PathSegment::Field("collector"), PathSegment::Item] => Collector::field_names(),
            [PathSegment::Field("sink"), PathSegment::Item] => export::Common::field_names(),
            _ => return false,
        },
        Shape::List => {
            path.push(PathSegment::Item);
            let holds_tables = visit::<T>(path, sections);
            path.pop();
            return holds_tables;
        }
        Shape::Struct(fields) => fields,
    };
    let is_read_in_parts = shape::<T>(path) == Shape::Map;
    let at = sections.len();
    sections.push(Section { heading: heading(path), settings: Vec::new() });
    for field in fields {
        path.push(PathSegment::Field(field));
        if is_read_in_parts || !visit::<T>(path, sections) {
            sections[at].settings.push(field);
        }
        path.pop();
    }
    true
}

/// How a table is headed: `[store]`, `[[sink]]`, `[detect.rules."a.b"]`.
fn heading(path: &[PathSegment]) -> String {
    let names = path.iter().filter_map(|step| match step {
        PathSegment::Field(name) if name.contains('.') => Some(format!("{name:?}")),
        PathSegment::Field(name) => Some((*name).to_owned()),
        PathSegment::Item => None,
    });
    let name = names.collect::<Vec<_>>().join(".");
    if path.last() == Some(&PathSegment::Item) { format!("[[{name}]]") } else { format!("[{name}]") }
}

/// The settings that a part of the reference names: what stands in backticks before the colon of a list's entry, and keys in TOML.
fn named(part: &str) -> Vec<&str> {
    let mut names = Vec::new();
    for line in part.lines() {
        if let Some(entry) = line.strip_prefix("- ").or(line.strip_prefix("* ")) {
            let head = entry.split([':', '(']).next().unwrap_or_default();
            names.extend(head.split('`').skip(1).step_by(2));
        } else if let Some((key, _)) = line.split_once(" = ") {
            names.push(key);
        }
    }
    names
}

/// The part of the reference under the headings, of Markdown or of TOML, that name this table.
fn part(text: &str, heading: &str) -> Option<String> {
    let (mut part, mut is_inside, mut level) = (None, false, 0);
    for line in text.lines() {
        let depth = line.bytes().take_while(|byte| *byte == b'#').count();
        if line == heading || (depth > 0 && line.contains(&format!("`{heading}`"))) {
            (is_inside, level) = (true, depth);
            part.get_or_insert_with(String::new);
        } else if line.starts_with('[') || (depth > 0 && (depth <= level.max(2) || line.contains("`["))) {
            is_inside = false;
        } else if is_inside && (level == 0 || line.starts_with(['-', '*'])) {
            // An example names settings without saying what they mean.
            part.get_or_insert_default().extend([line, "\n"]);
        }
    }
    part
}

#[test]
fn the_reference_names_every_setting() {
    let text = reference();
    let sections = sections();
    let mut missing = Vec::new();
    for Section { heading, settings } in &sections {
        if settings.is_empty() {
            continue;
        }
        let Some(part) = part(&text, heading) else {
            missing.push(heading.clone());
            continue;
        };
        let names = named(&part);
        missing.extend(settings.iter().filter(|name| !names.contains(name)).map(|name| format!("{heading} {name}")));
    }
    assert_eq!(
        missing, [""; 0],
        "the type that reads them does not say what they mean: derive JsonSchema, write a comment"
    );
    // That the types were asked.
    for (heading, setting) in [
        ("[store]", "reserve_bytes"),
        ("[[collector]]", "backfill"),
        ("[[sink]]", "interval_ms"),
        ("[[alerts.escalate]]", "match"),
        ("[detect.rules.\"egress.denied_post\"]", "quiet_seconds"),
        ("[[route]]", "continue"),
    ] {
        assert!(
            sections.iter().any(|section| section.heading == heading && section.settings.contains(&setting)),
            "{heading}"
        );
    }
}

#[test]
fn a_setting_that_is_not_named_is_found() {
    let text = "## `[store]`\n\nThe `size` matters.\n\n- `data`, `kept` (optional): a directory, or `nothing`.\n\n### `[store.more]`\n\n- `a`: b\n\n## `[query]`\n\n- `threads`: many\n\n```toml\n[rules]\nsmall = 1\n[other]\nlarge = 2\n```\n";
    let check =
        |heading: &str, names: &[&str]| assert_eq!(named(&part(text, heading).unwrap_or_default()), names, "{heading}");
    check("[store]", &["data", "kept"]);
    check("[store.more]", &["a"]);
    check("[query]", &["threads"]);
    check("[rules]", &["small"]);
    check("[other]", &["large"]);
    check("[absent]", &[]);
}

#[test]
fn the_reference_names_what_the_packages_list() {
    let text = reference();
    let lists = [
        ingest::transport::TRANSPORTS.iter().map(|transport| transport.name()).collect::<Vec<_>>(),
        ingest::dialect::DIALECTS.iter().map(|dialect| dialect.name()).collect(),
        detect_rules::registry::DETECTORS.iter().map(|spec| spec.name).collect(),
        export::SINKS.iter().map(|spec| spec.kind).collect(),
    ];
    for name in lists.concat() {
        assert!(text.lines().any(|line| line.starts_with("###") && line.contains(name)), "{name}");
    }
    let settings = export::SINKS.iter().flat_map(|spec| (spec.fields)()).copied();
    let settings = settings.chain(
        ingest::transport::TRANSPORTS.iter().flat_map(|transport| transport.settings()).map(|setting| setting.name),
    );
    for name in settings {
        assert!(named(&text).contains(&name), "{name}");
    }
}
