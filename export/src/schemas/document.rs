//! A JSON object that is written field by field, by dotted names. What the fields are called stands in the schemas.

use serde_json::{Map, Value, json};

use super::Said;

/// An object with fields by their dotted names.
#[derive(Debug, Default)]
pub struct Document(Map<String, Value>);

impl Document {
    /// Sets a field. A field MUST NOT stand below one that holds a value: then nothing is set.
    pub fn put(&mut self, field: &str, value: Value) {
        let mut at = &mut self.0;
        let (path, last) = field.rsplit_once('.').unwrap_or(("", field));
        for part in path.split('.').filter(|part| !part.is_empty()) {
            let Value::Object(inner) = at.entry(part).or_insert_with(|| json!({})) else { return };
            at = inner;
        }
        at.insert(last.to_owned(), value);
    }

    /// Sets a field to a text, if there is one.
    pub fn text(&mut self, field: &str, text: Option<&str>) {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            self.put(field, text.into());
        }
    }

    /// Sets a field to a number, if there is one.
    pub fn number(&mut self, field: &str, number: Option<i64>) {
        if let Some(number) = number {
            self.put(field, number.into());
        }
    }

    /// Whether a field is set.
    pub fn has(&self, field: &str) -> bool {
        let mut parts = field.split('.');
        let first = parts.next().and_then(|part| self.0.get(part));
        parts.fold(first, |at, part| at?.get(part)).is_some()
    }

    /// The object as a schema says it.
    pub fn said(&self) -> Said {
        Said::object(&self.0)
    }
}
