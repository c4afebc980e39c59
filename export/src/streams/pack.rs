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

/// Packs the records as `put` appends each, as long as the body stays within its bounds; at least one.
pub fn pack(records: &[Record], shape: &Shape<'_>, mut put: impl FnMut(&Record, &mut Vec<u8>)) -> Rendered {
    let (mut body, mut taken) = (shape.open.as_bytes().to_vec(), 0);
    for record in records.iter().take(shape.records_max.max(1)) {
        let before = body.len();
        if taken > 0 {
            body.extend_from_slice(shape.between.as_bytes());
        }
        put(record, &mut body);
        if taken > 0 && body.len() + shape.close.len() > shape.bytes_max {
            body.truncate(before);
            break;
        }
        taken += 1;
    }
    body.extend_from_slice(shape.close.as_bytes());
    Rendered::whole(body, taken)
}

/// A JSON object that is written member by member, in the order in which they come, behind what stands in some bytes already.
#[derive(Debug)]
pub struct ObjectWriter<'a> {
    bytes: &'a mut Vec<u8>,
    /// What stands before the next member.
    before: u8,
}

impl<'a> ObjectWriter<'a> {
    /// An object without members yet.
    pub fn new(bytes: &'a mut Vec<u8>) -> Self {
        Self { bytes, before: b'{' }
    }

    /// Adds a member.
    pub fn member(&mut self, name: &str, value: &impl Serialize) {
        let bytes = self.name(name);
        let start = bytes.len();
        // Texts, numbers and values of JSON always have a form in JSON.
        if serde_json::to_writer(&mut *bytes, value).is_err() {
            bytes.truncate(start);
            bytes.extend_from_slice(b"null");
        }
    }

    /// Adds a member whose value is JSON already, and so is not read again.
    pub fn said(&mut self, name: &str, json: &str) {
        self.name(name).extend_from_slice(json.as_bytes());
    }

    /// Adds a member that is an object.
    pub fn object(&mut self, name: &str) -> ObjectWriter<'_> {
        ObjectWriter::new(self.name(name))
    }

    /// Begins a member whose value is appended to what is returned.
    fn name(&mut self, name: &str) -> &mut Vec<u8> {
        self.bytes.push(std::mem::replace(&mut self.before, b','));
        // Names are our own words, so nothing of them needs escaping.
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.extend_from_slice(b"\":");
        self.bytes
    }

    /// The object is whole.
    pub fn end(self) {
        if self.before == b'{' {
            self.bytes.push(b'{');
        }
        self.bytes.push(b'}');
    }
}

/// A JSON object from its members, each a name and what stands behind the colon. What is said already is so not read again.
pub fn object(members: &[(&str, &str)]) -> String {
    let bytes = members.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>();
    let mut text = Vec::with_capacity(bytes + 2);
    let mut object = ObjectWriter::new(&mut text);
    for (name, value) in members {
        object.said(name, value);
    }
    object.end();
    // Only texts were added.
    String::from_utf8(text).unwrap_or_default()
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
            let rendered = pack(&records, &shape, |_, body| body.extend_from_slice(text.as_bytes()));
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
