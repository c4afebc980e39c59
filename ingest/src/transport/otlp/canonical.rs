//! Writes a message of OTLP as JSON in one way, whether it came as protobuf or as JSON, and however lenient its sender was: what is
//! recorded of an element, and hashed, must not depend on how it was sent. `ledger/FORMAT.md`, section 2.8, says how.
//!
//! Text that is no UTF-8 is written as it is; whoever reads the record mends and marks it, as with every other source.

use std::fmt::Display;
use std::io::Write as _;

use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::engine::{DecodePaddingMode, Engine as _};
use prost::encoding::decode_varint;
use serde_json::Value as Json;

use super::schema::{Field, Kind, Message, Presence};
use crate::encoding::wire::{Fields, Malformed, Value};
use crate::limits;

/// Why an element cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unwritable {
    /// The bytes are not what its message is made of.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// What stands there cannot be read as JSON, or is nested deeper than is read.
    #[error("it is no JSON, or is nested too deeply")]
    NoJson,
    /// Where a message belongs stands something else.
    #[error("where a message belongs stands another JSON value")]
    NoObject,
    /// Values are nested in values.
    #[error("values are nested deeper than {} messages", limits::OTLP_DEPTH_MAX)]
    TooDeep,
}

/// Writes a message that came as protobuf.
pub(super) fn write_protobuf(message: &[u8], schema: &Message, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    protobuf(message, schema, 0, out)
}

/// Writes a message that came as JSON.
pub(super) fn write_json(message: &Json, schema: &Message, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    json(message, schema, 0, out)
}

fn protobuf(message: &[u8], schema: &Message, depth: usize, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    if depth == limits::OTLP_DEPTH_MAX {
        return Err(Unwritable::TooDeep);
    }
    let mut found = Fields::of(message).collect::<Result<Vec<_>, _>>()?;
    found.sort_by_key(|(number, _)| *number);
    let mut object = Object::begin(out);
    for field in schema.fields {
        let from = found.partition_point(|(number, _)| *number < field.number);
        let values = &found[from..from + found[from..].partition_point(|(number, _)| *number == field.number)];
        if field.presence == Presence::Repeated {
            let mut items = object.array(field.name);
            for (_, value) in values {
                match *value {
                    Value::Bytes(packed) if !is_delimited(field.kind) => {
                        unpack(packed, field.kind, |value| items.item(|out| scalar(value, field.kind, depth, out)))?;
                    }
                    value => items.item(|out| scalar(value, field.kind, depth, out))?,
                }
            }
            items.end();
        } else if let Some((_, value)) = values.last() {
            object.member(field, |out| scalar(*value, field.kind, depth, out))?;
        }
    }
    for (number, value) in &found {
        if !schema.fields.iter().any(|field| field.number == *number) {
            object.unknown(&format!("@{number}"), |out| match value {
                Value::Varint(value) | Value::Fixed64(value) => digits(*value, out),
                Value::Fixed32(value) => digits(*value, out),
                Value::Bytes(bytes) => string(STANDARD.encode(bytes).as_bytes(), out),
            });
        }
    }
    object.end();
    Ok(())
}

/// Whether a value of this kind has a length before it, so that it is never one of several in one field.
fn is_delimited(kind: Kind) -> bool {
    matches!(kind, Kind::Text | Kind::Bytes | Kind::Hex | Kind::Message(_))
}

/// Numbers that stand one after the other.
fn unpack<'a>(
    mut packed: &'a [u8],
    kind: Kind,
    mut take: impl FnMut(Value<'a>) -> Result<(), Unwritable>,
) -> Result<(), Unwritable> {
    while !packed.is_empty() {
        let value = match kind {
            Kind::Double | Kind::Fixed64 | Kind::SignedFixed64 => {
                let (bytes, rest) = packed.split_first_chunk().ok_or(Malformed)?;
                packed = rest;
                Value::Fixed64(u64::from_le_bytes(*bytes))
            }
            Kind::Fixed32 => {
                let (bytes, rest) = packed.split_first_chunk().ok_or(Malformed)?;
                packed = rest;
                Value::Fixed32(u32::from_le_bytes(*bytes))
            }
            _ => Value::Varint(decode_varint(&mut packed).map_err(|_| Malformed)?),
        };
        take(value)?;
    }
    Ok(())
}

fn scalar(value: Value<'_>, kind: Kind, depth: usize, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    match (kind, value) {
        (Kind::Text, Value::Bytes(text)) => string(text, out),
        (Kind::Bytes, Value::Bytes(bytes)) => string(STANDARD.encode(bytes).as_bytes(), out),
        (Kind::Hex, Value::Bytes(bytes)) => hexadecimal(bytes, out),
        (Kind::Bool, Value::Varint(value)) => plain(value != 0, out),
        (Kind::Double, Value::Fixed64(bits)) => double(f64::from_bits(bits), out),
        (Kind::Enum(_), Value::Varint(value)) => plain(value as i32, out),
        (Kind::Unsigned32, Value::Varint(value)) => plain(value as u32, out),
        (Kind::ZigZag32, Value::Varint(value)) => plain((value as u32 >> 1) as i32 ^ -((value & 1) as i32), out),
        (Kind::Fixed32, Value::Fixed32(value)) => plain(value, out),
        (Kind::Unsigned64, Value::Varint(value)) | (Kind::Fixed64, Value::Fixed64(value)) => digits(value, out),
        (Kind::Integer64, Value::Varint(value)) | (Kind::SignedFixed64, Value::Fixed64(value)) => {
            digits(value as i64, out);
        }
        (Kind::Message(schema), Value::Bytes(message)) => protobuf(message, schema, depth + 1, out)?,
        _ => return Err(Malformed.into()),
    }
    Ok(())
}

fn json(message: &Json, schema: &Message, depth: usize, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    if depth == limits::OTLP_DEPTH_MAX {
        return Err(Unwritable::TooDeep);
    }
    let nothing = serde_json::Map::new();
    let members = match message {
        Json::Object(members) => members,
        Json::Null => &nothing,
        _ => return Err(Unwritable::NoObject),
    };
    // Senders that write the names of the protobuf files, or an id in capitals, mean the same.
    let mut found: Vec<Option<&Json>> = vec![None; schema.fields.len()];
    let mut unknown = Vec::new();
    for (name, value) in members {
        let exact = schema.fields.iter().position(|field| field.name == name);
        match exact.or_else(|| schema.fields.iter().position(|field| is_same_name(field.name, name))) {
            Some(at) if exact.is_some() || found[at].is_none() => found[at] = Some(value),
            _ => unknown.push((name, value)),
        }
    }
    let mut object = Object::begin(out);
    for (field, value) in schema.fields.iter().zip(found) {
        let Some(value) = value.filter(|value| !value.is_null()) else { continue };
        if field.presence != Presence::Repeated {
            object.member(field, |out| json_scalar(value, field.kind, depth, out))?;
            continue;
        }
        let mut items = object.array(field.name);
        // One that is no array is taken as the only item.
        let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
        for value in values {
            items.item(|out| json_scalar(value, field.kind, depth, out))?;
        }
        items.end();
    }
    for (name, value) in unknown {
        object.unknown(name, |out| plain(value, out));
    }
    object.end();
    Ok(())
}

/// Whether two names differ only in underscores and capitals.
pub(super) fn is_same_name(name: &str, other: &str) -> bool {
    letters(name).eq(letters(other))
}

fn letters(name: &str) -> impl Iterator<Item = u8> + '_ {
    name.bytes().filter(|byte| *byte != b'_').map(|byte| byte.to_ascii_lowercase())
}

/// Base64 with either alphabet, padded or not.
fn base64(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    static ENGINES: [GeneralPurpose; 2] =
        [GeneralPurpose::new(&alphabet::STANDARD, LENIENT), GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT)];
    ENGINES.iter().find_map(|engine| engine.decode(text).ok())
}

/// Writes a value in the one form of its kind, and what cannot be brought into it as it is.
fn json_scalar(value: &Json, kind: Kind, depth: usize, out: &mut Vec<u8>) -> Result<(), Unwritable> {
    match (kind, value) {
        (Kind::Message(schema), value) => return json(value, schema, depth + 1, out),
        (Kind::Text, Json::String(text)) => string(text.as_bytes(), out),
        (Kind::Text, value) => string(value.to_string().as_bytes(), out),
        (Kind::Bytes, Json::String(text)) => match base64(text) {
            Some(bytes) => string(STANDARD.encode(bytes).as_bytes(), out),
            None => string(text.as_bytes(), out),
        },
        (Kind::Hex, Json::String(text)) if text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            string(text.to_ascii_lowercase().as_bytes(), out);
        }
        (Kind::Hex, Json::String(text)) => match base64(text) {
            // The usual JSON of protobuf, which OTLP departs from.
            Some(bytes) if matches!(bytes.len(), 8 | 16) => hexadecimal(&bytes, out),
            _ => string(text.as_bytes(), out),
        },
        (Kind::Bool, Json::String(text)) if matches!(text.as_str(), "true" | "false") => plain(text == "true", out),
        (Kind::Double, value) => match number(value).and_then(|text| text.parse().ok()) {
            Some(value) => double(value, out),
            None => plain(value, out),
        },
        (Kind::Enum(names), Json::String(text)) => match names.iter().position(|name| name == text) {
            Some(number) => plain(number, out),
            None => small(value, out),
        },
        (Kind::Enum(_) | Kind::Unsigned32 | Kind::ZigZag32 | Kind::Fixed32, value) => small(value, out),
        (Kind::Unsigned64 | Kind::Integer64 | Kind::Fixed64 | Kind::SignedFixed64, value) => match whole(value) {
            Some(number) => digits(number, out),
            None => plain(value, out),
        },
        (_, value) => plain(value, out),
    }
    Ok(())
}

/// What is written of a number, whether it stands in quotes or not.
fn number(value: &Json) -> Option<String> {
    match value {
        Json::Number(number) => Some(number.to_string()),
        Json::String(text) => Some(text.trim().to_owned()),
        _ => None,
    }
}

/// A whole number of 64 bits, also one that a sender wrote as a float.
fn whole(value: &Json) -> Option<i128> {
    let text = number(value)?;
    let float = || text.parse::<f64>().ok().filter(|value| value.fract() == 0.0 && value.abs() < 9.0e15);
    text.parse().ok().or_else(|| float().map(|value| value as i128))
}

/// A number of 32 bits.
fn small(value: &Json, out: &mut Vec<u8>) {
    match whole(value) {
        Some(number) => plain(number, out),
        None => plain(value, out),
    }
}

/// An object that is being written.
struct Object<'o> {
    out: &'o mut Vec<u8>,
    is_empty: bool,
}

impl<'o> Object<'o> {
    fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, is_empty: true }
    }

    fn name(&mut self, name: &str) {
        if !self.is_empty {
            self.out.push(b',');
        }
        self.is_empty = false;
        string(name.as_bytes(), self.out);
        self.out.push(b':');
    }

    /// A value, unless it is one that goes without saying.
    fn member(
        &mut self,
        field: &Field,
        write: impl FnOnce(&mut Vec<u8>) -> Result<(), Unwritable>,
    ) -> Result<(), Unwritable> {
        let (was_empty, from) = (self.is_empty, self.out.len());
        self.name(field.name);
        let at = self.out.len();
        write(self.out)?;
        if field.presence == Presence::Implicit && self.out[at..] == *unsaid(field.kind) {
            self.out.truncate(from);
            self.is_empty = was_empty;
        }
        Ok(())
    }

    fn array(&mut self, name: &'static str) -> Array<'_, 'o> {
        Array { object: self, name, is_empty: true }
    }

    fn unknown(&mut self, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.name(name);
        write(self.out);
    }

    fn end(self) {
        self.out.push(b'}');
    }
}

/// An array that is being written; nothing is, if it has no items.
struct Array<'a, 'o> {
    object: &'a mut Object<'o>,
    name: &'static str,
    is_empty: bool,
}

impl Array<'_, '_> {
    fn item(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Unwritable>) -> Result<(), Unwritable> {
        if self.is_empty {
            self.object.name(self.name);
        }
        self.object.out.push(if self.is_empty { b'[' } else { b',' });
        self.is_empty = false;
        write(self.object.out)
    }

    fn end(self) {
        if !self.is_empty {
            self.object.out.push(b']');
        }
    }
}

/// What a field of this kind holds if it is not there.
fn unsaid(kind: Kind) -> &'static [u8] {
    match kind {
        Kind::Text | Kind::Bytes | Kind::Hex => b"\"\"",
        Kind::Bool => b"false",
        Kind::Double => b"0.0",
        Kind::Enum(_) | Kind::Unsigned32 | Kind::ZigZag32 | Kind::Fixed32 => b"0",
        Kind::Unsigned64 | Kind::Integer64 | Kind::Fixed64 | Kind::SignedFixed64 => b"\"0\"",
        Kind::Message(_) => b"{}",
    }
}

fn plain(value: impl Display, out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = write!(out, "{value}");
}

fn digits(value: impl Display, out: &mut Vec<u8>) {
    out.push(b'"');
    plain(value, out);
    out.push(b'"');
}

fn double(value: f64, out: &mut Vec<u8>) {
    match serde_json::Number::from_f64(value) {
        Some(number) => plain(number, out),
        None if value.is_nan() => string(b"NaN", out),
        None if value > 0.0 => string(b"Infinity", out),
        None => string(b"-Infinity", out),
    }
}

fn hexadecimal(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    out.extend(bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]));
    out.push(b'"');
}

/// Text in quotes. Only what JSON does not allow is escaped, and in one way.
fn string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\')) {
        out.extend_from_slice(&rest[..at]);
        match rest[at] {
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte @ 0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            byte => out.extend_from_slice(&[b'\\', byte]),
        }
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

#[cfg(test)]
mod tests;
