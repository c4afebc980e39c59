//! The members of an object that are not known to be facts: all of them are content, whatever a later release adds.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::json::{Raw, Text, part, read};
use crate::encoding::FieldPath;
use crate::event::Draft;

/// More members than this are cut out of the record without a name of their own.
pub const CONTENT_MEMBERS_MAX: usize = 32;
/// The longest name of a content value.
const NAME_CHARS_MAX: usize = 64;
/// The name of content values without a name of their own.
pub const MORE: &str = "more";

/// The name of a content value, as far as it is shown.
pub fn shown(name: &str) -> &str {
    let end = name.char_indices().nth(NAME_CHARS_MAX).map_or(name.len(), |(end, _)| end);
    &name[..end]
}

/// Marks every member of an object as content, except those with these names. `object` is a part of `record`, at this path; what is
/// no object has no members.
pub fn add_others(draft: &mut Draft, record: &str, path: &FieldPath, object: &str, facts: &[&str]) {
    for (number, (name, value)) in of(object).enumerate() {
        if facts.contains(&name.as_str()) {
            continue;
        }
        let shown = if number < CONTENT_MEMBERS_MAX { shown(name.as_str()) } else { MORE };
        draft.add_content(record, shown.to_owned(), path.then(name.as_str()), Some(value));
    }
}

/// The members of an object in order; of what is none there are none.
pub fn of(object: &str) -> impl Iterator<Item = (Text<'_>, &RawValue)> {
    read::<Members>(object).unwrap_or_default().0.into_iter()
}

/// The members of an object, in their order.
#[derive(Debug, Default)]
pub struct Members<'a>(pub Vec<(Text<'a>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The last member with this name, unless it is null.
    pub fn get(&self, name: &str) -> Raw<'a> {
        let mut with_name = self.0.iter().rev().filter(|(key, _)| key.as_str() == name);
        with_name.next().map(|(_, value)| *value).filter(|value| value.get() != "null")
    }

    /// The text or number of a member; empty if there is none.
    pub fn text(&self, name: &str) -> Text<'a> {
        part(self.get(name))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(object: &str, facts: &[&str], names: &[&str]) {
        let mut draft = Draft::default();
        add_others(&mut draft, object, &FieldPath::root(), object, facts);
        let found: Vec<&str> = draft.content.iter().map(crate::event::ContentField::name).collect();
        assert_eq!(found, names, "{object}");
    }

    #[test]
    fn what_is_no_known_fact_is_content() {
        check(r#"{"a":1,"b":"x","c":{},"d":null,"e":[1]}"#, &["a"], &["b", "e"]);
        check(r#"{"a":1,"a":2,"b":3}"#, &["b"], &["a", "a"]);
        check("[1]", &[], &[]);
        check("7", &[], &[]);
        let many: Vec<String> = (0..40).map(|at| format!("\"k{at}\":1")).collect();
        let mut draft = Draft::default();
        let object = format!("{{{}}}", many.join(","));
        add_others(&mut draft, &object, &FieldPath::root(), &object, &[]);
        assert_eq!(draft.content.iter().filter(|field| field.name() == "more").count(), 8);
    }
}
