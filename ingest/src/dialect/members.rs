//! The members of an object that are not known to be facts: all of them are content, whatever a later release adds.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::json::{Text, read};
use crate::encoding::FieldPath;
use crate::event::Draft;

/// More members than this are cut out of the record without a name of their own.
const CONTENT_MEMBERS_MAX: usize = 32;
/// The longest name of a content value.
const NAME_CHARS_MAX: usize = 64;

/// Marks every member of an object as content, except those with these names. `object` is a part of `record`, at this path; what is
/// no object has no members.
pub fn add_others(draft: &mut Draft, record: &str, path: &FieldPath, object: &str, facts: &[&str]) {
    for (number, (name, value)) in of(object).enumerate() {
        if facts.contains(&name.as_str()) {
            continue;
        }
        let shown: Cow<'static, str> = if number < CONTENT_MEMBERS_MAX {
            Cow::Owned(name.as_str().chars().take(NAME_CHARS_MAX).collect())
        } else {
            Cow::Borrowed("more")
        };
        draft.add_content(record, shown, path.then(name.as_str()), Some(value));
    }
}

/// The members of an object in order; of what is none there are none.
pub fn of(object: &str) -> impl Iterator<Item = (Text<'_>, &RawValue)> {
    read::<Members>(object).map(|members| members.0).unwrap_or_default().into_iter()
}

struct Members<'a>(Vec<(Text<'a>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor(PhantomData))
    }
}

struct MembersVisitor<'a>(PhantomData<&'a str>);

impl<'de: 'a, 'a> Visitor<'de> for MembersVisitor<'a> {
    type Value = Members<'a>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key::<Text<'de>>()? {
            members.push((name, map.next_value()?));
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
