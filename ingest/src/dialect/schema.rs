//! What of a product's objects is known to be a fact, and where objects lie in objects; everything else in them is content.

use serde_json::value::RawValue;

use super::json::read;
use super::members;
use crate::encoding::FieldPath;
use crate::event::Draft;

/// What is known of an object.
#[derive(Debug)]
pub struct Schema {
    /// Members that are facts, as they are.
    pub facts: &'static [&'static str],
    /// Members that are objects of which more is known, or short lists of such. What stands there and is neither is content.
    pub objects: &'static [(&'static str, &'static Schema)],
}

impl Schema {
    /// An object without objects in it that are known.
    pub const fn flat(facts: &'static [&'static str]) -> Self {
        Self { facts, objects: &[] }
    }

    /// Marks as content what is no fact of the object, which is a part of `record` at this path. How deep it goes is for the schema,
    /// not for the record.
    pub fn add_content(&self, draft: &mut Draft, record: &str, path: &FieldPath, object: &str) {
        let known: Vec<&str> = self.facts.iter().copied().chain(self.objects.iter().map(|(name, _)| *name)).collect();
        members::add_others(draft, record, path, object, &known);
        for (name, value) in members::of(object) {
            let Some((known, inner)) = self.objects.iter().find(|(known, _)| *known == name.as_str()) else { continue };
            inner.add_value(draft, record, path.then(known), known, value);
        }
    }

    /// The same of a value with this name, which should be such an object or a list of them.
    fn add_value(&self, draft: &mut Draft, record: &str, path: FieldPath, name: &'static str, value: &RawValue) {
        if value.get().starts_with('{') {
            return self.add_content(draft, record, &path, value.get());
        }
        let list = || read::<Vec<&RawValue>>(value.get()).ok().filter(|items| items.len() <= ITEMS_MAX);
        let items = if value.get().starts_with('[') { list() } else { None };
        let Some(items) = items else { return draft.add_content(record, name, path, Some(value)) };
        for (number, item) in items.into_iter().enumerate() {
            let path = path.item(number);
            if item.get().starts_with('{') {
                self.add_content(draft, record, &path, item.get());
            } else {
                draft.add_content(record, name, path, Some(item));
            }
        }
    }
}

/// A longer list is content as a whole.
const ITEMS_MAX: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_known_fact_at_any_depth_is_content() {
        static INNER: Schema = Schema::flat(&["id"]);
        static OUTER: Schema = Schema { facts: &["id"], objects: &[("in", &INNER)] };
        for (object, names) in [
            (r#"{"id":1,"in":{"id":2,"x":"a"},"y":"b"}"#, &["y", "x"][..]),
            (r#"{"id":{"x":1},"in":[1]}"#, &["in"][..]),
            (r#"{"in":null}"#, &[][..]),
            (r#"{"in":[{"id":3,"x":"a"},[{"id":4}],7]}"#, &["x", "in", "in"][..]),
            (&format!(r#"{{"in":[{}{{"id":3}}]}}"#, r#"{"x":"a"},"#.repeat(ITEMS_MAX)), &["in"][..]),
            ("[]", &[][..]),
        ] {
            let mut draft = Draft::default();
            OUTER.add_content(&mut draft, object, &FieldPath::root(), object);
            let found: Vec<&str> = draft.content.iter().map(crate::event::ContentField::name).collect();
            assert_eq!(found, names, "{object}");
        }
    }
}
