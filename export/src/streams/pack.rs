//! Packs records into one body: as many as it takes, from the first on. What stands between them is the format's business.

use serde::Serialize;

use crate::message::Rendered;
use crate::record::Record;

/// How a body holds records, and how much.
#[derive(Debug, Clone, Copy)]
pub struct Shape<'a> {
    /// What stands before the first,
    pub open: &'a str,
    /// between two,
    pub between: &'a str,
    /// and behind the last.
    pub close: &'a str,
    /// Bytes of the body. Only a record that is alone may make it longer.
    pub bytes_max: usize,
    /// Records in it.
    pub records_max: usize,
}

/// Packs the records as `say` says each, as long as the body stays within its bounds; at least one.
pub fn pack(records: &[Record], shape: &Shape<'_>, mut say: impl FnMut(&Record) -> String) -> Rendered {
    let (mut body, mut taken) = (shape.open.as_bytes().to_vec(), 0);
    for record in records.iter().take(shape.records_max.max(1)) {
        let text = say(record);
        let between = if taken > 0 { shape.between } else { "" };
        if taken > 0 && body.len() + between.len() + text.len() + shape.close.len() > shape.bytes_max {
            break;
        }
        body.extend_from_slice(between.as_bytes());
        body.extend_from_slice(text.as_bytes());
        taken += 1;
    }
    body.extend_from_slice(shape.close.as_bytes());
    Rendered::whole(body, taken)
}

/// A JSON object that is written member by member, in the order in which they come.
#[derive(Debug)]
pub struct ObjectWriter(Vec<u8>);

impl ObjectWriter {
    /// An object without members, with room for so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    /// Adds a member.
    pub fn member(&mut self, name: &str, value: &impl Serialize) {
        self.name(name);
        let start = self.0.len();
        // Texts, numbers and values of JSON always have a form in JSON.
        if serde_json::to_writer(&mut self.0, value).is_err() {
            self.0.truncate(start);
            self.0.extend_from_slice(b"null");
        }
    }

    /// Adds a member whose value is JSON already, and so is not read again.
    pub fn said(&mut self, name: &str, json: &str) {
        self.name(name);
        self.0.extend_from_slice(json.as_bytes());
    }

    fn name(&mut self, name: &str) {
        self.0.push(if self.0.is_empty() { b'{' } else { b',' });
        // Names are our own words, so nothing of them needs escaping.
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    /// The object as a text.
    pub fn end(mut self) -> String {
        if self.0.is_empty() {
            self.0.push(b'{');
        }
        self.0.push(b'}');
        // Only texts were added.
        String::from_utf8(self.0).unwrap_or_default()
    }
}

/// A JSON object from its members, each a name and what stands behind the colon. What is said already is so not read again.
pub fn object(members: &[(&str, &str)]) -> String {
    let bytes = members.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>();
    let mut object = ObjectWriter::with_capacity(bytes + 2);
    members.iter().for_each(|(name, value)| object.said(name, value));
    object.end()
}

/// A text as a JSON string.
pub fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;
    use serde_json::json;

    #[test]
    fn a_body_is_full_and_no_longer() {
        let records = fixtures::records(&fixtures::events(&vec![json!({"kind": "prompt"}); 5]));
        let shape = Shape { open: "[", between: ",", close: "]", bytes_max: 7, records_max: 9 };
        let check = |shape: Shape<'_>, text: &str, body: &str, taken: usize| {
            let rendered = pack(&records, &shape, |_| text.to_owned());
            assert_eq!((rendered.messages[0].body.as_slice(), rendered.taken), (body.as_bytes(), taken));
        };
        check(shape, "1", "[1,1,1]", 3);
        check(Shape { records_max: 2, ..shape }, "1", "[1,1]", 2);
        check(Shape { records_max: 0, ..shape }, "1", "[1]", 1);
        check(shape, "12345678", "[12345678]", 1);
        assert_eq!(object(&[("a", "1"), ("b", &string("x\"y"))]), r#"{"a":1,"b":"x\"y"}"#);
        assert_eq!(object(&[]), "{}");
    }
}
