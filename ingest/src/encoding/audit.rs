//! Records of the Linux audit system: lines of `key=value`, in which text that an unprivileged user may choose stands in quotes or, if
//! it has blanks or quotes in it, in hexadecimal digits.
//!
//! Such a record is written as a JSON array whose items follow each other without a gap: text as it stands is a string, and a text in
//! hexadecimal is `{"hex": "what it says"}`. So a command line can be read, searched for secrets and cut out, and the record's own
//! bytes come back.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{FieldPath, Json, Located, RecordEncoding, Transcoder, Unreadable};

/// The lines of one record of the audit system.
#[derive(Debug)]
pub struct Audit;

impl RecordEncoding for Audit {
    fn locate(&self, text: &str, paths: &[&FieldPath]) -> Result<Vec<Located>, Unreadable> {
        Json.locate(text, paths)
    }

    fn transcoder(&self) -> Option<&dyn Transcoder> {
        Some(self)
    }
}

impl Transcoder for Audit {
    fn text(&self, bytes: &[u8]) -> Option<String> {
        let text = std::str::from_utf8(bytes).ok()?;
        let items: Vec<Item> = pieces(text).into_iter().map(Piece::item).collect();
        serde_json::to_string(&items).ok()
    }

    fn bytes(&self, text: &str) -> Option<Vec<u8>> {
        let items: Vec<Item> = serde_json::from_str(text).ok()?;
        let mut bytes = Vec::new();
        for item in items {
            match item {
                Item::Text(text) => bytes.extend_from_slice(text.as_bytes()),
                Item::Hex { hex } => bytes.extend_from_slice(hex::encode_upper(hex.as_bytes()).as_bytes()),
            }
        }
        Some(bytes)
    }
}

/// An item of the written record.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Item<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Hex { hex: Cow<'a, str> },
}

/// A part of a record: the text between two values, or a value that users choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The number of its line.
    pub line: usize,
    /// The key of a value; empty for the text between values.
    pub key: &'a str,
    /// As it stands in the record, quotes included.
    pub written: &'a str,
    /// What a value in hexadecimal says.
    hex: Option<String>,
}

impl<'a> Piece<'a> {
    /// What a value says, without quotes.
    pub fn value(&self) -> Cow<'_, str> {
        match &self.hex {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Borrowed(unquoted(self.written)),
        }
    }

    fn item(self) -> Item<'a> {
        match self.hex {
            Some(hex) => Item::Hex { hex: Cow::Owned(hex) },
            None => Item::Text(Cow::Borrowed(self.written)),
        }
    }
}

/// A value without its quotes.
pub fn unquoted(written: &str) -> &str {
    let ends = |quote: char| written.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    ends('"').or_else(|| ends('\'')).unwrap_or(written)
}

/// A field of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its key.
    pub key: &'a str,
    /// As it is written, quotes included.
    pub written: &'a str,
}

/// The fields of one line in order. Those of the message that a program adds in quotes (`msg='op=login …'`) are fields of the line.
pub fn fields(line: &str) -> impl Iterator<Item = Field<'_>> {
    let mut rest = line;
    std::iter::from_fn(move || {
        loop {
            rest = rest.trim_start_matches(is_gap);
            let end = rest.find(|char| char == '=' || is_gap(char))?;
            let key = &rest[..end];
            if !rest[end..].starts_with('=') {
                rest = &rest[end..];
                continue;
            }
            rest = &rest[end + 1..];
            if key == "msg" && rest.starts_with('\'') {
                rest = &rest[1..];
                continue;
            }
            let length = value_length(rest);
            let written = &rest[..length];
            rest = &rest[length..];
            return Some(Field { key, written });
        }
    })
}

/// What stands between fields. The last is before what auditd adds to a line to explain it.
fn is_gap(char: char) -> bool {
    matches!(char, ' ' | '\t' | '\n' | '\r' | '\'' | '\x1d')
}

fn value_length(rest: &str) -> usize {
    if let Some(inside) = rest.strip_prefix('"')
        && let Some(end) = inside.find('"')
    {
        return end + 2;
    }
    rest.find(is_gap).unwrap_or(rest.len())
}

/// Keys of values that users choose, which the kernel and programs write in quotes or in hexadecimal.
const CHOSEN: &[&str] = &[
    "acct",
    "cmd",
    "comm",
    "cwd",
    "data",
    "dir",
    "exe",
    "grantors",
    "invalid_context",
    "key",
    "name",
    "ocomm",
    "old",
    "path",
    "proctitle",
    "watch",
];

/// Whether the value under this key is one that users choose. The arguments of a program are in lines of type EXECVE only: elsewhere
/// `a0` is a number.
fn is_chosen(is_execve: bool, key: &str) -> bool {
    CHOSEN.contains(&key) || (is_execve && is_argument(key))
}

/// Whether this is the key of an argument, `a7`, or of a part of a long one, `a7[0]`.
pub fn is_argument(key: &str) -> bool {
    let Some(rest) = key.strip_prefix('a') else { return false };
    let number = rest.split_once('[').map_or(rest, |(number, _)| number);
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// The parts of a record in order; together they are all of it.
pub fn pieces(record: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for (number, line) in record.split('\n').enumerate() {
        let is_execve = fields(line).find(|field| field.key == "type").is_some_and(|field| field.written == "EXECVE");
        for field in fields(line).filter(|field| is_chosen(is_execve, field.key)) {
            let Some(start) = super::Span::of(record.as_bytes(), field.written.as_bytes()).map(|span| span.start)
            else {
                continue;
            };
            if let Some(between) = record.get(from..start).filter(|between| !between.is_empty()) {
                pieces.push(Piece { line: number, key: "", written: between, hex: None });
            }
            pieces.push(Piece { line: number, key: field.key, written: field.written, hex: from_hex(field.written) });
            from = start + field.written.len();
        }
    }
    if let Some(rest) = record.get(from..).filter(|rest| !rest.is_empty()) {
        pieces.push(Piece { line: record.split('\n').count() - 1, key: "", written: rest, hex: None });
    }
    pieces
}

/// The text behind upper-case hexadecimal digits, if that is what they are and the text gives them back.
fn from_hex(written: &str) -> Option<String> {
    let is_upper = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
    if written.len() < 2 || !written.bytes().all(is_upper) {
        return None;
    }
    String::from_utf8(hex::decode(written).ok()?).ok()
}

/// The address in the `saddr` of a SOCKADDR line: host and port. `None` if it is of another family than IPv4 and IPv6.
pub fn address(saddr: &str) -> Option<(String, u16)> {
    let bytes = hex::decode(saddr).ok()?;
    let port = u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]);
    match (bytes.first()?, bytes.get(1)?) {
        (2, 0) => {
            let host: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            Some((std::net::Ipv4Addr::from(host).to_string(), port))
        }
        (10, 0) => {
            let host: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
            Some((std::net::Ipv6Addr::from(host).to_string(), port))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(line: &str, expected: &[(&str, &str)]) {
        let found: Vec<_> = fields(line).map(|field| (field.key, unquoted(field.written))).collect();
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn fields_are_read() {
        check(
            r#"type=SYSCALL msg=audit(1.002:3): arch=c000003e comm="a b" key=(null)"#,
            &[
                ("type", "SYSCALL"),
                ("msg", "audit(1.002:3):"),
                ("arch", "c000003e"),
                ("comm", "a b"),
                ("key", "(null)"),
            ],
        );
        check(
            "type=USER_CMD msg=audit(1.002:4): pid=7 msg='cwd=\"/w\" cmd=6C73 res=success'\x1dUID=\"mira\"",
            &[
                ("type", "USER_CMD"),
                ("msg", "audit(1.002:4):"),
                ("pid", "7"),
                ("cwd", "/w"),
                ("cmd", "6C73"),
                ("res", "success"),
                ("UID", "mira"),
            ],
        );
        check("words a= =b \"", &[("a", ""), ("", "b")]);
        check("comm=\"cut", &[("comm", "\"cut")]);
    }

    #[test]
    fn what_users_choose_is_a_piece_of_its_own() {
        let record = "type=EXECVE msg=audit(1.002:3): argc=2 a0=\"ls\" a1=2D6C20\ntype=SYSCALL a0=55D0 comm=\"ls\"";
        let found: Vec<_> =
            pieces(record).iter().map(|piece| (piece.line, piece.key, piece.value().into_owned())).collect();
        assert_eq!(
            found,
            [
                (0, "", "type=EXECVE msg=audit(1.002:3): argc=2 a0=".to_owned()),
                (0, "a0", "ls".to_owned()),
                (0, "", " a1=".to_owned()),
                (0, "a1", "-l ".to_owned()),
                (1, "", "\ntype=SYSCALL a0=55D0 comm=".to_owned()),
                (1, "comm", "ls".to_owned()),
            ]
        );
        let written = Audit.text(record.as_bytes()).expect("text");
        assert!(written.contains(r#"{"hex":"-l "}"#), "{written}");
        assert_eq!(Audit.bytes(&written).expect("bytes"), record.as_bytes());
        assert_eq!(Audit.bytes("{}"), None);
        assert_eq!(Audit.bytes("[null]"), None);
        assert_eq!(Audit.text(b"\xff"), None);
    }

    #[test]
    fn addresses_are_read() {
        let host = |saddr: &str| address(saddr).map(|(host, port)| format!("{host} {port}"));
        assert_eq!(host("020001BBCB0071090000000000000000").as_deref(), Some("203.0.113.9 443"));
        assert_eq!(host("0A0001BB0000000020010DB8000000000000000000000001000000 00"), None, "blanks are no digits");
        assert_eq!(
            host("0A0001BB0000000020010DB800000000000000000000000100000000").as_deref(),
            Some("2001:db8::1 443")
        );
        for other in ["01002F72756E", "02", "", "zz"] {
            assert_eq!(host(other), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn any_record_comes_back(record in "([a-z]{1,3}=(\"[a-z =]{0,4}\"|[0-9A-F]{0,6}|'[a-z]{0,3}) ?|type=EXECVE |a[0-9]=|cmd=|proctitle=|\n|\x1d|é|\\PC){0,20}") {
            let written = Audit.text(record.as_bytes()).expect("it is text");
            prop_assert_eq!(Audit.bytes(&written).expect("it is written"), record.as_bytes());
            prop_assert_eq!(pieces(&record).iter().map(|piece| piece.written).collect::<String>(), record);
        }
    }
}
