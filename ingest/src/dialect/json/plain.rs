//! The quick reader of plain JSON: what serialisers write on one line. It walks over the text once, hands out slices of it, and
//! gives up where anything is unusual; then [`super::read`] has `serde_json` read the text from its beginning.
//!
//! It never takes what `serde_json` refuses, and what it takes it reads alike: a test compares them on hostile text. It gives up
//! on control characters outside of white space, on deep nesting, and on what is no JSON, so that no error is made here. Strings
//! with escapes and numbers that are not short whole ones are read by `serde_json`, each from its own slice.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, StrDeserializer};
use serde::de::{self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

/// Deeper values are read by `serde_json`.
const DEPTH_MAX: u32 = 32;
/// Digits of the longest whole number that is read here.
const DIGITS_MAX: usize = 18;
/// What `serde_json` calls a raw value when it asks for one. If a release changed it, raw values would be read by it alone.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// The text is not plain JSON of the type that was asked for. It says nothing more: `serde_json` says what is wrong.
#[derive(Debug)]
pub struct NotPlain;

impl fmt::Display for NotPlain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not plain JSON")
    }
}

impl std::error::Error for NotPlain {}

impl de::Error for NotPlain {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Reads a value that fills the text.
pub fn read<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, NotPlain> {
    let mut scanner = Scanner { text, at: 0, depth: 0 };
    let value = T::deserialize(&mut scanner)?;
    scanner.blank();
    if scanner.at == text.len() { Ok(value) } else { Err(NotPlain) }
}

/// A string as it stands between its quotes.
#[derive(Clone, Copy)]
struct Inside {
    start: usize,
    end: usize,
    escaped: bool,
}

/// A place in the text.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Scanner<'a> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes over white space; serialisers write none, or one.
    fn blank(&mut self) {
        while matches!(self.byte(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// The first byte of the value that comes.
    fn peek(&mut self) -> Result<u8, NotPlain> {
        let byte = self.byte().ok_or(NotPlain)?;
        if byte > b' ' {
            return Ok(byte);
        }
        self.blank();
        self.byte().ok_or(NotPlain)
    }

    fn take(&mut self, byte: u8) -> Result<(), NotPlain> {
        if self.peek()? == byte {
            self.at += 1;
            return Ok(());
        }
        Err(NotPlain)
    }

    fn slice(&self, start: usize, end: usize) -> Result<&'a str, NotPlain> {
        self.text.get(start..end).ok_or(NotPlain)
    }

    fn word(&mut self, word: &str) -> Result<(), NotPlain> {
        let end = self.at + word.len();
        if self.text.as_bytes().get(self.at..end) == Some(word.as_bytes()) {
            self.at = end;
            return Ok(());
        }
        Err(NotPlain)
    }

    /// Passes over the string that begins here with its quote.
    #[inline]
    fn string(&mut self) -> Result<Inside, NotPlain> {
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        let (mut at, mut escaped) = (start, false);
        loop {
            at = special(bytes, at).ok_or(NotPlain)?;
            match bytes[at] {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    at = escape(bytes, at)?;
                }
                _ => return Err(NotPlain),
            }
        }
        self.at = at + 1;
        Ok(Inside { start, end: at, escaped })
    }

    /// What a string says.
    fn said(&self, inside: Inside) -> Result<Cow<'a, str>, NotPlain> {
        if !inside.escaped {
            return self.slice(inside.start, inside.end).map(Cow::Borrowed);
        }
        let written = self.slice(inside.start - 1, inside.end + 1)?;
        serde_json::from_str::<String>(written).map(Cow::Owned).map_err(|_| NotPlain)
    }

    /// Passes over a number; gives back where it began, and whether it is a whole number.
    fn number(&mut self) -> Result<(usize, bool), NotPlain> {
        let (start, bytes) = (self.at, self.text.as_bytes());
        let digits = |from: usize| from + bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let first = start + usize::from(bytes[start] == b'-');
        let mut at = digits(first);
        if at == first || (bytes[first] == b'0' && at > first + 1) {
            return Err(NotPlain);
        }
        let mut is_whole = true;
        if bytes.get(at) == Some(&b'.') {
            let end = digits(at + 1);
            if end == at + 1 {
                return Err(NotPlain);
            }
            (at, is_whole) = (end, false);
        }
        if matches!(bytes.get(at), Some(b'e' | b'E')) {
            let from = at + 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
            let end = digits(from.min(bytes.len()));
            if end == from {
                return Err(NotPlain);
            }
            (at, is_whole) = (end, false);
        }
        self.at = at;
        Ok((start, is_whole))
    }

    /// Hands out a number.
    fn visit_number<V: Visitor<'a>>(&mut self, visitor: V) -> Result<V::Value, NotPlain> {
        let (start, is_whole) = self.number()?;
        let written = self.slice(start, self.at)?;
        if is_whole && written.len() <= DIGITS_MAX && !written.starts_with('-') {
            let number = written.bytes().fold(0, |number, digit| number * 10 + u64::from(digit - b'0'));
            return visitor.visit_u64(number);
        }
        serde_json::Deserializer::from_str(written).deserialize_any(visitor).map_err(|_| NotPlain)
    }

    /// Passes over any value.
    fn skip(&mut self) -> Result<(), NotPlain> {
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' => {
                self.enter()?;
                let mut is_first = true;
                while self.has_member(&mut is_first, b'}')? {
                    self.string()?;
                    self.take(b':')?;
                    self.skip()?;
                }
                self.depth -= 1;
                Ok(())
            }
            b'[' => {
                self.enter()?;
                let mut is_first = true;
                while self.has_member(&mut is_first, b']')? {
                    self.skip()?;
                }
                self.depth -= 1;
                Ok(())
            }
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => self.number().map(drop),
        }
    }

    /// Passes over an opening bracket.
    fn enter(&mut self) -> Result<(), NotPlain> {
        self.at += 1;
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(NotPlain) } else { Ok(()) }
    }

    /// Whether another member comes before the closing bracket, which is passed over. Of an object's member the key comes next.
    #[inline]
    fn has_member(&mut self, is_first: &mut bool, close: u8) -> Result<bool, NotPlain> {
        let byte = self.peek()?;
        if byte == close {
            self.at += 1;
            return Ok(false);
        }
        if !std::mem::take(is_first) {
            if byte != b',' {
                return Err(NotPlain);
            }
            self.at += 1;
            self.peek()?;
        }
        // A comma before the closing bracket is none of JSON's.
        match self.byte() {
            Some(b'"') => Ok(true),
            Some(byte) if close == b']' && byte != close => Ok(true),
            _ => Err(NotPlain),
        }
    }
}

/// Where the next quote, backslash or control character stands, eight bytes at a time.
#[inline]
fn special(bytes: &[u8], from: usize) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let mut at = from;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        // Each is a byte with its top bit set at the first place that is meant, and perhaps at places after it.
        let quote = (word ^ (ONES * 0x22)).wrapping_sub(ONES);
        let slash = (word ^ (ONES * 0x5c)).wrapping_sub(ONES);
        let control = word.wrapping_sub(ONES * 0x20);
        let found = (quote | slash | control) & !word & TOPS;
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20)).map(|found| at + found)
}

/// Where the escape that begins here ends. Which characters `\u` may mean is asked of who reads the string.
fn escape(bytes: &[u8], at: usize) -> Result<usize, NotPlain> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 2),
        Some(b'u') if bytes.get(at + 2..at + 6).is_some_and(|code| code.iter().all(u8::is_ascii_hexdigit)) => {
            Ok(at + 6)
        }
        _ => Err(NotPlain),
    }
}

impl<'a> Deserializer<'a> for &mut Scanner<'a> {
    type Error = NotPlain;

    #[inline]
    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        match self.peek()? {
            b'"' => {
                let inside = self.string()?;
                match self.said(inside)? {
                    Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
                    Cow::Owned(text) => visitor.visit_string(text),
                }
            }
            b'{' => {
                self.enter()?;
                let mut members = Members { scanner: self, close: b'}', is_first: true, is_done: false };
                let value = visitor.visit_map(&mut members)?;
                members.leave().map(|()| value)
            }
            b'[' => {
                self.enter()?;
                let mut members = Members { scanner: self, close: b']', is_first: true, is_done: false };
                let value = visitor.visit_seq(&mut members)?;
                members.leave().map(|()| value)
            }
            b't' => self.word("true").and_then(|()| visitor.visit_bool(true)),
            b'f' => self.word("false").and_then(|()| visitor.visit_bool(false)),
            b'n' => self.word("null").and_then(|()| visitor.visit_unit()),
            _ => self.visit_number(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        if self.peek()? == b'n' {
            return self.word("null").and_then(|()| visitor.visit_none());
        }
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(self, name: &'static str, visitor: V) -> Result<V::Value, NotPlain> {
        if name != RAW_VALUE {
            return visitor.visit_newtype_struct(self);
        }
        self.peek()?;
        let start = self.at;
        self.skip()?;
        visitor.visit_map(Raw(Some(self.slice(start, self.at)?)))
    }

    fn deserialize_ignored_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        self.skip()?;
        visitor.visit_unit()
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, NotPlain> {
        Err(NotPlain)
    }

    forward_to_deserialize_any! {
        <W: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier
    }
}

/// The members of an object, or the items of an array.
struct Members<'s, 'a> {
    scanner: &'s mut Scanner<'a>,
    close: u8,
    is_first: bool,
    is_done: bool,
}

impl Members<'_, '_> {
    #[inline]
    fn has_next(&mut self) -> Result<bool, NotPlain> {
        if self.is_done {
            return Ok(false);
        }
        let has_next = self.scanner.has_member(&mut self.is_first, self.close)?;
        self.is_done = !has_next;
        Ok(has_next)
    }

    /// Ends the value, whose members must all have been read.
    fn leave(self) -> Result<(), NotPlain> {
        self.scanner.depth -= 1;
        if self.is_done { Ok(()) } else { Err(NotPlain) }
    }
}

impl<'a> MapAccess<'a> for &mut Members<'_, 'a> {
    type Error = NotPlain;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, NotPlain> {
        if self.has_next()? { seed.deserialize(Key(self.scanner)).map(Some) } else { Ok(None) }
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, NotPlain> {
        self.scanner.take(b':')?;
        seed.deserialize(&mut *self.scanner)
    }
}

impl<'a> SeqAccess<'a> for &mut Members<'_, 'a> {
    type Error = NotPlain;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, NotPlain> {
        if self.has_next()? { seed.deserialize(&mut *self.scanner).map(Some) } else { Ok(None) }
    }
}

/// The key of a member. Of a key that is asked for as a raw value or as a number `serde_json` knows more.
struct Key<'s, 'a>(&'s mut Scanner<'a>);

impl<'a> Deserializer<'a> for Key<'_, 'a> {
    type Error = NotPlain;

    #[inline]
    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        let inside = self.0.string()?;
        match self.0.said(inside)? {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'a>>(self, name: &'static str, visitor: V) -> Result<V::Value, NotPlain> {
        if name == RAW_VALUE { Err(NotPlain) } else { visitor.visit_newtype_struct(self) }
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, NotPlain> {
        visitor.visit_some(self)
    }

    forward_to_deserialize_any! {
        <W: Visitor<'a>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct enum identifier ignored_any
    }
}

/// A raw value in the form in which `serde_json` asks for it: an object with one member.
struct Raw<'a>(Option<&'a str>);

impl<'a> MapAccess<'a> for Raw<'a> {
    type Error = NotPlain;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, NotPlain> {
        if self.0.is_none() {
            return Ok(None);
        }
        let key: StrDeserializer<'_, NotPlain> = RAW_VALUE.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, NotPlain> {
        seed.deserialize(BorrowedStrDeserializer::new(self.0.take().ok_or(NotPlain)?))
    }
}

#[cfg(test)]
mod tests;
