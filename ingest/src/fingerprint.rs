//! Fingerprints: keyed hashes of normalised tool inputs and results, so that loops are found without keeping content.
//!
//! All are SipHash-2-4 under the installation's key, so nobody outside can guess content from them or make two collide.
//! They hash what the source sent, before redaction: a new redaction rule does not change them.
//!
//! | fingerprint | of what |
//! |---|---|
//! | action | the tool's name and its input as canonical JSON: keys sorted, no white space, whole floats as integers. Every value counts, timeouts and descriptions too: a call with another timeout is another call. Input that is not JSON is taken as it is, without white space at its ends. |
//! | result | the result as canonical JSON, or as text, in which what differs from run to run is folded to `#`: dates, times of day, epochs, durations, process ids, addresses, UUIDs |
//!
//! An input is the same whether it comes as a JSON object (hooks) or as a string with JSON in it (gateway).

use std::borrow::Cow;
use std::fmt::Write as _;
use std::hash::Hasher;

use regex::{Regex, RegexBuilder};
use serde_json::Value;
use siphasher::sip::SipHasher24;
use siphasher::sip128::{Hasher128, SipHasher24 as SipHasher24With128};

use crate::lenient;

/// Of a longer result this many bytes from its beginning and from its end count.
const RESULT_END_BYTES_MAX: usize = 64 << 10;

/// Patterns of what differs from run to run. `\b` is the ASCII one.
const VOLATILE: &[&str] = &[
    // UUIDs and addresses.
    r"(?-u:\b)[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?-u:\b)",
    r"(?-u:\b)0x[0-9a-fA-F]{4,16}(?-u:\b)",
    // Dates with or without a time, and times of day.
    r"(?-u:\b)[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?",
    r"(?-u:\b)[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?-u:\b)",
    // Epochs in seconds to nanoseconds, of the years 2001 to 2286.
    r"(?-u:\b)[1-9][0-9]{9}(?:[0-9]{3}){0,3}(?:\.[0-9]+)?(?-u:\b)",
    // Durations with their unit.
    r"(?-u:\b)[0-9]+(?:\.[0-9]+)?\s?(?:ns|us|µs|ms|s|sec|secs|seconds?|min|mins|minutes?|h|hours?)(?-u:\b)",
    // Process ids behind their name or in the brackets of a log line, and JSON fields whose name says what they are.
    r"(?i:(?-u:\b)pid)[\s:=#]{0,3}[0-9]+",
    r"\[[0-9]{2,7}\]",
    r#""[A-Za-z_]*(?i:duration|elapsed|time|timestamp|pid|_ms|millis)[A-Za-z_]*":"?-?[0-9.]+"?"#,
];

/// Makes fingerprints under one key.
pub struct Fingerprinter {
    key: [u8; 16],
    wide_key: [u8; 16],
    volatile: Option<Regex>,
}

impl Fingerprinter {
    /// Uses the two halves of the installation's fingerprint key: one for 64-bit and one for 128-bit hashes.
    pub fn new(key: &[u8; 32]) -> Self {
        let half = |from: usize| std::array::from_fn(|at| key[from + at]);
        // A test holds that the pattern compiles.
        let volatile = RegexBuilder::new(&VOLATILE.join("|")).build().ok();
        Self { key: half(0), wide_key: half(16), volatile }
    }

    /// The fingerprint of a tool call; `input` is JSON text or any other text.
    pub fn action(&self, tool: &str, input: &str) -> u64 {
        self.hash(b'a', &[tool.as_bytes(), canonical(input).as_bytes()])
    }

    /// The fingerprint of a result; `result` is JSON text or any other text.
    pub fn result(&self, result: &str) -> u64 {
        let canonical = canonical(result);
        let ends = both_ends(&canonical);
        let folded = self.volatile.as_ref().map_or(Cow::Borrowed(&*ends), |volatile| volatile.replace_all(&ends, "#"));
        self.hash(b'r', &[folded.trim().as_bytes()])
    }

    /// A keyed 128-bit hash of content, big-endian.
    pub fn content(&self, content: &[u8]) -> [u8; 16] {
        self.wide_hash(b'c', content)
    }

    /// A keyed 128-bit hash of what makes a record the same record, as hexadecimal digits.
    pub fn identity(&self, identity: &str) -> String {
        format!("{:032x}", u128::from_be_bytes(self.wide_hash(b'i', identity.as_bytes())))
    }

    fn hash(&self, domain: u8, parts: &[&[u8]]) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write(&[domain]);
        for part in parts {
            hasher.write(&(part.len() as u64).to_be_bytes());
            hasher.write(part);
        }
        hasher.finish()
    }

    fn wide_hash(&self, domain: u8, bytes: &[u8]) -> [u8; 16] {
        let mut hasher = SipHasher24With128::new_with_key(&self.wide_key);
        hasher.write(&[domain]);
        hasher.write(bytes);
        hasher.finish128().as_u128().to_be_bytes()
    }
}

/// JSON in one form; other text without white space at its ends. A string with JSON in it is read as that JSON.
fn canonical(text: &str) -> Cow<'_, str> {
    let trimmed = text.trim();
    if !trimmed.starts_with(['{', '[', '"']) {
        return Cow::Borrowed(trimmed);
    }
    match json(trimmed) {
        Ok(Value::String(inner)) => {
            let nested = inner.trim_start().starts_with(['{', '[']).then(|| json(&inner).ok()).flatten();
            nested.map_or_else(|| Cow::Owned(inner.trim().to_owned()), |value| Cow::Owned(written(&value)))
        }
        Ok(value) => Cow::Owned(written(&value)),
        Err(_) => Cow::Borrowed(trimmed),
    }
}

/// The value of JSON text, which is mended if it must be.
fn json(text: &str) -> serde_json::Result<Value> {
    serde_json::from_str(text).or_else(|_| serde_json::from_str(&lenient::strict(text)))
}

fn written(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

/// Writes JSON with sorted keys whatever the order that the parser keeps. The parser bounds the depth.
fn write(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (at, (name, member)) in members.into_iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                // Writing to a string does not fail.
                let _ = write!(out, "{}:", Value::from(name.as_str()));
                write(member, out);
            }
            out.push('}');
        }
        Value::Number(number) => {
            let whole = number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15);
            let _ = match whole {
                Some(float) => write!(out, "{}", float as i64),
                None => write!(out, "{number}"),
            };
        }
        _ => {
            let _ = write!(out, "{value}");
        }
    }
}

/// Both ends of a text that is too long to be read whole.
fn both_ends(text: &str) -> Cow<'_, str> {
    if text.len() <= 2 * RESULT_END_BYTES_MAX {
        return Cow::Borrowed(text);
    }
    let head = &text[..text.floor_char_boundary(RESULT_END_BYTES_MAX)];
    let tail = &text[text.ceil_char_boundary(text.len() - RESULT_END_BYTES_MAX)..];
    Cow::Owned(format!("{head}\n…\n{tail}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static PRINTS: LazyLock<Fingerprinter> = LazyLock::new(|| Fingerprinter::new(&std::array::from_fn(|at| at as u8)));

    fn check_action(one: (&str, &str), other: (&str, &str), same: bool) {
        assert_eq!(PRINTS.action(one.0, one.1) == PRINTS.action(other.0, other.1), same, "{one:?} {other:?}");
    }

    fn check_result(one: &str, other: &str, same: bool) {
        assert_eq!(PRINTS.result(one) == PRINTS.result(other), same, "{one:?} {other:?}");
    }

    #[test]
    fn the_same_call_has_the_same_fingerprint_in_every_form() {
        let object = r#"{"command": "ls -la", "n": [1, 2.0], "description": "List"}"#;
        let compact = r#"{"description":"List","n":[1.0,2],"command":"ls -la"}"#;
        let string = serde_json::json!(compact).to_string();
        check_action(("Bash", object), ("Bash", compact), true);
        check_action(("Bash", object), ("Bash", &string), true);
        check_action(("Bash", object), ("Shell", object), false);
        check_action(("Bash", object), ("Bash", &object.replace("ls", "rm")), false);
        check_action(("Bash", r#"{"command":"ls","timeout":1}"#), ("Bash", r#"{"command":"ls","timeout":2}"#), false);
        check_action(("Bash", " ls\n"), ("Bash", "\"ls\""), true);
        check_action(("ab", "c"), ("a", "bc"), false);
        check_action(("t", "{broken"), ("t", "{broken "), true);
    }

    #[test]
    fn results_differ_in_what_matters_only() {
        check_result("3 failed in 4.21s", "3 failed in 5.02s", true);
        check_result("3 failed in 4.21s", "2 failed in 4.21s", false);
        check_result(
            "[2026-10-03T08:15:04Z] worker pid 4711 done",
            "[2026-10-04T09:00:00.123Z] worker pid 9 done",
            true,
        );
        check_result("at 0x7ffdeadbeef0", "at 0x7ffdeadb0000", true);
        check_result(
            "session 5d2f8c1e-0b7a-4e63-b1d4-9a3c7e6f2b80",
            "session 11111111-0b7a-4e63-b1d4-9a3c7e6f2b80",
            true,
        );
        check_result(r#"{"ok":true,"durationMs":12}"#, r#"{ "durationMs": 99, "ok": true }"#, true);
        check_result(r#"{"ok":true}"#, r#"{"ok":false}"#, false);
        check_result("\"plain\"", "plain", true);
        check_result("nginx[1234]: up", "nginx[99]: up", true);
        let (long, other) = ("x".repeat(300_000) + "a", "x".repeat(300_000) + "b");
        check_result(&long, &other, false);
    }

    #[test]
    fn the_pattern_compiles_and_keys_matter() {
        assert!(PRINTS.volatile.is_some());
        let other = Fingerprinter::new(&[7; 32]);
        assert_ne!(PRINTS.action("a", "b"), other.action("a", "b"));
        assert_ne!(PRINTS.content(b"a"), other.content(b"a"));
        assert_eq!(PRINTS.identity("a").len(), 32);
        assert_ne!(PRINTS.identity("a"), PRINTS.identity("b"));
    }

    proptest! {
        #[test]
        fn any_text_has_a_fingerprint(text in "\\PC{0,40}") {
            let quoted = serde_json::json!(text).to_string();
            // Quoting changes nothing, unless the text is itself a quoted string, which is unwrapped once only.
            if !text.trim().starts_with('"') {
                prop_assert_eq!(PRINTS.action("t", &text), PRINTS.action("t", &quoted));
                prop_assert_eq!(PRINTS.result(&text), PRINTS.result(&quoted));
            }
        }
    }
}
