//! Fingerprints: keyed hashes of normalised tool inputs and results, so that loops are found without keeping content.
//!
//! All are SipHash-2-4 under the installation's key, so nobody outside can guess content from them or make two collide.
//! They hash text *after redaction*: whoever can send events and read facts cannot confirm a guess of a redacted secret. What
//! no rule takes out can still be confirmed that way; SECURITY.md says so.
//!
//! | fingerprint | of what |
//! |---|---|
//! | action | the tool's name and what the call does: see [`action`] |
//! | result | the result as canonical JSON, or as text, in which what differs from run to run is folded to `#`: dates, times of day, epochs, durations, process ids, ports of this machine, seeds, temporary names, request ids, addresses, UUIDs, colours |
//!
//! An input is the same whether it comes as a JSON object (hooks) or as a string with JSON in it (gateway).

mod action;
mod chance;

use std::borrow::Cow;
use std::fmt::Write as _;
use std::hash::Hasher;

use serde_json::Value;
use siphasher::sip::SipHasher24;
use siphasher::sip128::{Hasher128, SipHasher24 as SipHasher24With128};

use crate::lenient;
use chance::Chance;

/// Of a longer result this many bytes from its beginning and from its end count.
const RESULT_END_BYTES_MAX: usize = 64 << 10;

/// Makes fingerprints under one key.
pub struct Fingerprinter {
    key: [u8; 16],
    wide_key: [u8; 16],
    chance: Chance,
}

impl Fingerprinter {
    /// Uses the two halves of the installation's fingerprint key: one for 64-bit and one for 128-bit hashes.
    pub fn new(key: &[u8; 32]) -> Self {
        let half = |from: usize| std::array::from_fn(|at| key[from + at]);
        Self { key: half(0), wide_key: half(16), chance: Chance::new() }
    }

    /// The fingerprint of a tool call; `input` is redacted JSON text or any other redacted text.
    pub fn action(&self, tool: &str, input: &str) -> u64 {
        self.hash(b'a', &[tool.as_bytes(), action::essence(&self.chance, tool, &canonical(input)).as_bytes()])
    }

    /// The fingerprint of a result; `result` is redacted JSON text or any other redacted text.
    pub fn result(&self, result: &str) -> u64 {
        let canonical = canonical(result);
        let folded = self.chance.fold_result(&as_shown(&both_ends(&canonical))).into_owned();
        self.hash(b'r', &[folded.trim().as_bytes()])
    }

    /// A keyed hash of 48 bits of what a text names; `kind` says what kind of name it is.
    pub fn name(&self, kind: &str, name: &str) -> u64 {
        self.hash(b'n', &[kind.as_bytes(), name.as_bytes()]) >> 16
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

/// JSON in one form: keys sorted, no white space, whole floats as integers; other text without white space at its ends. A
/// string with JSON in it is read as that JSON. Making text canonical again changes nothing unless it is a quoted string.
pub fn canonical(text: &str) -> Cow<'_, str> {
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

/// JSON in which line ends, tabs and the controls of terminals are what they stand for, since what differs from run to run is
/// known by the blank before it: in `\n12 ms` the number follows a letter.
fn as_shown(text: &str) -> Cow<'_, str> {
    if !text.starts_with(['{', '[']) || !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = &rest[at..];
        let (shown, len) = match escape.as_bytes() {
            [_, b'n' | b'r', ..] => ("\n", 2),
            [_, b't', ..] => ("\t", 2),
            [_, b'u', b'0', b'0', b'1', b'b' | b'B', ..] => ("\u{1b}", 6),
            // Two backslashes are one that begins no escape; other escapes stay as they are.
            _ => {
                let len = escape.char_indices().nth(2).map_or(escape.len(), |(at, _)| at);
                (&escape[..len], len)
            }
        };
        out.push_str(shown);
        rest = &escape[len..];
    }
    out.push_str(rest);
    Cow::Owned(out)
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
mod tests;
