//! The envelope of a line that coderd logs, and a quick look at its `msg`.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use crate::dialect::json::Text;

/// A line with the fields of one message.
#[derive(Debug, Default)]
pub struct Line<'a, F> {
    /// When coderd wrote it.
    pub ts: Text<'a>,
    /// DEBUG, INFO, WARN, ERROR, ….
    pub level: Text<'a>,
    /// What decides the shape of the fields.
    pub msg: Text<'a>,
    /// The fields.
    pub fields: F,
}

impl<'de: 'a, 'a, F: Deserialize<'de> + Default> Deserialize<'de> for Line<'a, F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(LineVisitor(PhantomData))
    }
}

struct LineVisitor<'a, F>(PhantomData<(&'a str, F)>);

impl<'de: 'a, 'a, F: Deserialize<'de> + Default> Visitor<'de> for LineVisitor<'a, F> {
    type Value = Line<'a, F>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut line = Line::default();
        while let Some(key) = map.next_key::<Text<'de>>()? {
            match key.as_str() {
                "ts" => line.ts = map.next_value()?,
                "level" => line.level = map.next_value()?,
                "msg" => line.msg = map.next_value()?,
                "fields" => line.fields = map.next_value()?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(line)
    }
}

/// The `msg` stands in the first bytes of a line, before anything that others wrote.
const PEEK_BYTES_MAX: usize = 1_024;

/// The value of the first `"msg":` as it is written, as a guess which the parsed line confirms or refutes.
pub fn peek_msg(text: &str) -> Option<&str> {
    let head = text.get(..text.floor_char_boundary(PEEK_BYTES_MAX))?;
    let rest = &head[memchr::memmem::find(head.as_bytes(), b"\"msg\"")? + 5..];
    let rest = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    rest.split_once('"').map(|(msg, _)| msg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_msg_is_seen() {
        assert_eq!(peek_msg(r#"{"ts":"x","msg":"audit_log","fields":{"msg":"y"}}"#), Some("audit_log"));
        assert_eq!(peek_msg(r#"{ "msg" : "a b" }"#), Some("a b"));
        assert_eq!(peek_msg(r#"{"msg":7}"#), None);
        assert_eq!(peek_msg(r#"{"msg":"cut"#), None);
        assert_eq!(peek_msg("é"), None);
    }

    #[test]
    fn a_line_is_read_in_any_order() {
        let line: Line<Text> =
            crate::dialect::json::read(r#"{"fields":"f","func":{},"msg":"m","level":"INFO","ts":"t"}"#)
                .expect("a line");
        assert_eq!(
            (line.ts.as_str(), line.level.as_str(), line.msg.as_str(), line.fields.as_str()),
            ("t", "INFO", "m", "f")
        );
        assert!(crate::dialect::json::read::<Line<Text>>("7").is_err());
    }
}
