//! Readings of a text: with its JSON escapes, percent-encoding or base64 decoded, and the way back to the text's own offsets.
//!
//! Rules look at every reading, so that a secret is found however it is written; what is replaced are whole characters of
//! the text as it was sent. Every reading is at most as long as the text.
//!
//! The decoders are our own because a secret must be found again in the text: they tell where each character came from, take text
//! that is broken or cut off, in both alphabets of base64, and end at the first byte that is none of a text.

use std::borrow::Cow;

use super::{Found, is_placeholder, rules};

/// A text as one who decodes it reads it.
pub struct View<'a> {
    /// The decoded text.
    pub text: Cow<'a, str>,
    /// The offset in the original of each byte of `text`, and of its end; empty if nothing was decoded.
    offsets: Vec<u32>,
    /// The insides of quoted strings, in offsets of `text`.
    strings: Vec<(usize, usize)>,
}

impl<'a> View<'a> {
    /// Reads JSON, or text with strings that are quoted as Go does: escapes inside strings are decoded.
    pub fn unquoted(value: &'a str) -> Self {
        let escaped = memchr::memchr(b'\\', value.as_bytes()).is_some();
        let mut strings = Vec::new();
        if !escaped {
            let mut quotes = memchr::memchr_iter(b'"', value.as_bytes());
            while let (Some(open), Some(close)) = (quotes.next(), quotes.next()) {
                strings.push((open + 1, close));
            }
            return Self { text: Cow::Borrowed(value), offsets: Vec::new(), strings };
        }
        let mut opened = None;
        let mut view = Self::decode(value, [b'"', b'\\'], |rest, text| {
            let next = rest.chars().next()?;
            if next == '"' {
                match opened.take() {
                    Some(start) => strings.push((start, text)),
                    None => opened = Some(text + 1),
                }
            }
            (next == '\\' && opened.is_some()).then(|| unescape(rest))
        });
        view.strings = strings;
        view
    }

    /// Reads escapes wherever they stand, as in JSON inside of a string of JSON. `None` if there are none.
    pub fn unescaped(value: &'a str) -> Option<Self> {
        let mut slashes = memchr::memchr_iter(b'\\', value.as_bytes());
        let is_escape = |at: usize| value.as_bytes().get(at + 1).is_some_and(|byte| b"nrtu\"\\/x".contains(byte));
        slashes.any(is_escape).then(|| Self::decode(value, [b'\\'; 2], |rest, _| Some(unescape(rest))))
    }

    /// Reads percent-encoding. `None` if there is none. Bytes that are no UTF-8 stay encoded.
    pub fn percent_decoded(value: &'a str) -> Option<Self> {
        let mut percents = memchr::memchr_iter(b'%', value.as_bytes());
        let is_encoded = |at: usize| hex(value, at + 1, 2).is_some();
        percents.any(is_encoded).then(|| Self::decode(value, [b'%'; 2], |rest, _| percent_char(rest)))
    }

    /// Builds a reading: where one of the two ASCII characters stands, `special` gives the character that begins there and the length that it is
    /// written with, or nothing if it stands for itself, as all others do. It also learns the length of the reading so far.
    fn decode(value: &'a str, marks: [u8; 2], mut special: impl FnMut(&str, usize) -> Option<(char, usize)>) -> Self {
        let mut text = String::with_capacity(value.len());
        let mut offsets = Vec::with_capacity(value.len() + 1);
        let mut at = 0;
        while at < value.len() {
            let rest = &value[at..];
            let (run, rest) = rest.split_at(memchr::memchr2(marks[0], marks[1], rest.as_bytes()).unwrap_or(rest.len()));
            text.push_str(run);
            if run.is_ascii() {
                offsets.extend(at as u32..(at + run.len()) as u32);
            } else {
                let starts = run.char_indices();
                starts.for_each(|(start, char)| offsets.resize(offsets.len() + char.len_utf8(), (at + start) as u32));
            }
            at += run.len();
            if let Some(mark) = rest.chars().next() {
                let (char, len) = special(rest, text.len()).unwrap_or((mark, mark.len_utf8()));
                text.push(char);
                offsets.resize(text.len(), at as u32);
                at += len;
            }
        }
        offsets.push(at as u32);
        Self { text: Cow::Owned(text), offsets, strings: Vec::new() }
    }

    /// The offset in the original of an offset in the text.
    fn offset(&self, at: usize) -> usize {
        if self.offsets.is_empty() { at } else { self.offsets.get(at).map_or(0, |offset| *offset as usize) }
    }

    /// The insides of the strings that a range of the text touches, with the range clipped to each.
    fn strings_in(&self, start: usize, end: usize) -> impl Iterator<Item = (usize, usize)> {
        let first = self.strings.partition_point(|(_, string_end)| *string_end <= start);
        self.strings[first..].iter().copied().take_while(move |(string, _)| *string < end)
    }
}

impl View<'_> {
    /// The same secret, in offsets of the original.
    pub(super) fn in_original(&self, secret: Found) -> Found {
        Found { start: self.offset(secret.start), end: self.offset(secret.end), ..secret }
    }

    /// Clips a secret to the strings of JSON that it touches, or to a number, so that what is around it stays JSON.
    pub(super) fn clip(&self, secret: Found, found: &mut Vec<Found>) {
        let mut in_string = false;
        for (string, string_end) in self.strings_in(secret.start, secret.end) {
            in_string = true;
            let (start, mut end) = (string.max(secret.start), string_end.min(secret.end));
            // A value is a whole string, whatever quotes it has inside.
            if start == string && rules::is_by_name(secret.kind) {
                end = string_end;
            }
            if start < end && !is_placeholder(&self.text[start..end]) {
                found.push(self.in_original(Found { start, end, ..secret }));
            }
        }
        let value = &self.text[secret.start..secret.end];
        let is_digit = |byte: u8| byte.is_ascii_digit() || b".+-eE".contains(&byte);
        let beside = [secret.start.checked_sub(1), Some(secret.end)];
        let is_part =
            beside.into_iter().flatten().any(|at| self.text.as_bytes().get(at).is_some_and(|byte| is_digit(*byte)));
        if !in_string && !is_part && !value.is_empty() && value.bytes().all(is_digit) {
            found.push(self.in_original(Found { is_number: true, ..secret }));
        }
    }
}

/// The character that percent-encoding at the start of the text means, and the length that it is written with.
fn percent_char(text: &str) -> Option<(char, usize)> {
    let byte = |index: usize| {
        (text.as_bytes().get(index * 3) == Some(&b'%'))
            .then(|| hex(text, index * 3 + 1, 2))
            .flatten()
            .map(|code| code as u8)
    };
    let first = byte(0)?;
    let count = match first {
        0..0x80 => return Some((first as char, 3)),
        0xC2..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0..0xF5 => 4,
        _ => return None,
    };
    let bytes: Option<Vec<u8>> = (0..count).map(byte).collect();
    let char = std::str::from_utf8(&bytes?).ok()?.chars().next()?;
    Some((char, count * 3))
}

/// The character that an escape means and the escape's length; one that means nothing stands for itself.
fn unescape(text: &str) -> (char, usize) {
    let bytes = text.as_bytes();
    match bytes.get(1) {
        Some(b'n') => ('\n', 2),
        Some(b't') => ('\t', 2),
        Some(b'r') => ('\r', 2),
        Some(b'u') => match hex(text, 2, 4) {
            Some(high @ 0xD800..0xDC00) if bytes.get(6..8) == Some(b"\\u") => match hex(text, 8, 4) {
                Some(low @ 0xDC00..0xE000) => {
                    let code = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                    (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 12)
                }
                _ => (char::REPLACEMENT_CHARACTER, 6),
            },
            Some(code) => (char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER), 6),
            None => ('\\', 1),
        },
        Some(b'x') => hex(text, 2, 2).and_then(char::from_u32).map_or(('\\', 1), |char| (char, 4)),
        Some(byte @ (b'"' | b'\\' | b'/')) => (*byte as char, 2),
        // Backspace, form feed and Go's rarer escapes end a secret as white space does.
        Some(b'b' | b'f' | b'a' | b'v') => (' ', 2),
        _ => ('\\', 1),
    }
}

fn hex(text: &str, at: usize, digits: usize) -> Option<u32> {
    let digits = text.get(at..at + digits).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok()
}

/// The shortest run of base64 that is decoded: `a:bcdefgh` in it.
pub const BASE64_BYTES_MIN: usize = 12;
/// The longest run; of a longer one the beginning is read.
const BASE64_BYTES_MAX: usize = 64 << 10;

/// Readable text that stands as base64 in a text: the range of each run, and what it says.
pub fn base64_texts(text: &str) -> impl Iterator<Item = (usize, usize, String)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            if BASE64[bytes[at] as usize] == NO_DIGIT {
                at += 1;
                continue;
            }
            let start = at;
            while at < bytes.len() && BASE64[bytes[at] as usize] != NO_DIGIT {
                at += 1;
            }
            if at - start >= BASE64_BYTES_MIN
                && may_be_base64(&bytes[start..at])
                && let Some(said) = decode_base64(&bytes[start..at.min(start + BASE64_BYTES_MAX)])
            {
                return Some((start, at, said));
            }
        }
        None
    })
}

const NO_DIGIT: u8 = 0xFF;

/// The value of each digit of base64 in its usual and in its URL alphabet.
const BASE64: [u8; 256] = {
    let mut table = [NO_DIGIT; 256];
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut value = 0;
    while value < digits.len() {
        table[digits[value] as usize] = value as u8;
        value += 1;
    }
    table[b'-' as usize] = 62;
    table[b'_' as usize] = 63;
    table
};

/// Whether the beginning of a run of base64 says text. Most runs are identifiers, and end at their first digits.
pub fn may_be_base64(run: &[u8]) -> bool {
    let Some(first) = run.first_chunk::<BASE64_BYTES_MIN>() else { return false };
    let mut said = [0; BASE64_BYTES_MIN / 4 * 3];
    let mut len = 0;
    for group in first.as_chunks::<4>().0 {
        let bits = group.iter().fold(0u32, |bits, digit| bits << 6 | u32::from(BASE64[*digit as usize] & 63));
        let [_, bytes @ ..] = bits.to_be_bytes();
        said[len..len + 3].copy_from_slice(&bytes);
        len += 3;
        // The last character may go on.
        let is_utf8 = std::str::from_utf8(&said[..len]).map_or_else(|error| error.error_len().is_none(), |_| true);
        if !is_utf8 || !bytes.iter().all(|byte| is_text(*byte)) {
            return false;
        }
    }
    true
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\n' | b'\r' | b'\t' | 0x80..)
}

/// What a run of base64 says, if that is readable text. Most runs are identifiers and end at their first digits.
fn decode_base64(digits: &[u8]) -> Option<String> {
    let mut said = Vec::new();
    for group in digits.chunks(4) {
        let bits = group.iter().fold(0u32, |bits, digit| bits << 6 | u32::from(BASE64[*digit as usize] & 63));
        let bytes = (bits << (6 * (4 - group.len()))).to_be_bytes();
        let count = group.len() * 6 / 8;
        for byte in &bytes[1..=count] {
            if !is_text(*byte) {
                return None;
            }
            said.push(*byte);
        }
    }
    let said = String::from_utf8(said).ok()?;
    (said.bytes().filter(u8::is_ascii).count() * 4 >= said.len() * 3).then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads one character after the other, all of which may be special.
    fn slowly(value: &str, mut special: impl FnMut(&str) -> Option<(char, usize)>) -> (String, Vec<u32>) {
        let (mut text, mut offsets, mut at) = (String::new(), Vec::new(), 0);
        while let Some(next) = value[at..].chars().next() {
            let (char, len) = special(&value[at..]).unwrap_or((next, next.len_utf8()));
            text.push(char);
            offsets.resize(text.len(), at as u32);
            at += len;
        }
        offsets.push(at as u32);
        (text, offsets)
    }

    fn check(value: &str, view: Option<View>, special: impl FnMut(&str) -> Option<(char, usize)>) {
        if let Some(view) = view.filter(|view| matches!(view.text, Cow::Owned(_))) {
            assert_eq!((view.text.into_owned(), view.offsets), slowly(value, special), "{value:?}");
        }
    }

    proptest! {
        #[test]
        fn runs_are_read_as_characters_are(value in r#"([a-zäß€𝄞 0-9]{0,6}(["\\%]|\\u[dD][89abAB][0-9]{2}|\\[nxt"]|%[0-9C]{2}){0,3}){0,8}"#) {
            let mut is_open = false;
            check(&value, Some(View::unquoted(&value)), |rest| {
                is_open ^= rest.starts_with('"');
                (is_open && rest.starts_with('\\')).then(|| unescape(rest))
            });
            check(&value, View::unescaped(&value), |rest| rest.starts_with('\\').then(|| unescape(rest)));
            check(&value, View::percent_decoded(&value), percent_char);
        }
    }
}
