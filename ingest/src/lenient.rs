//! Mends JSON that strict readers refuse, so that one odd string never hides the rest of its record.
//!
//! Agents, shells and log writers produce halves of surrogate pairs, escapes that JSON does not know, raw control
//! characters, bytes that are not UTF-8, `NaN`, numbers beyond any range and commas before a closing bracket. Each of them
//! is replaced by the nearest thing that JSON can say, and the member that it stood in is named. What is not JSON for
//! another reason, such as a record that was cut off, stays as it is. No dialect is known here.

use std::borrow::Cow;

use serde::de::IgnoredAny;

use crate::limits;

/// A record as strict JSON, or as UTF-8 if it is other text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// The text.
    pub text: String,
    /// Names of the members that something was replaced in, a few at most, each once.
    pub replaced: Vec<String>,
    /// Every value stands at the offsets that it has in the record, whose own bytes are JSON that lenient readers take.
    pub in_place: bool,
}

/// The mark of text that is not UTF-8 in front of it.
pub const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Whether a strict reader of the text may pass over something that is odd: what may be half of a surrogate pair. Everything
/// else that [`mend`] mends makes a strict reader fail, or is no UTF-8.
pub fn may_hide(text: &str) -> bool {
    let raw = text.as_bytes();
    let surrogate = |digit: &[u8; 3]| {
        memchr::memmem::find_iter(raw, digit).any(|at| raw.get(at + 3).copied().is_some_and(is_surrogate))
    };
    memchr::memchr(b'\\', raw).is_some() && (surrogate(b"\\ud") || surrogate(b"\\uD"))
}

/// Whether this is the second digit of a surrogate's code.
fn is_surrogate(digit: u8) -> bool {
    matches!(digit, b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F')
}

/// Whether the record is UTF-16: it has that byte order mark, or each second byte of its beginning is zero.
pub fn is_utf16(raw: &[u8]) -> bool {
    // Neither a byte order mark nor a zero is a byte of plain text.
    if raw.first().is_some_and(|byte| (1..0x80).contains(byte)) && raw.get(1) != Some(&0) {
        return false;
    }
    let zeros = |from: usize| raw.len() >= 8 && (0..8).all(|at| (raw[at] == 0) == (at % 2 == from));
    raw.starts_with(b"\xff\xfe") || raw.starts_with(b"\xfe\xff") || zeros(0) || zeros(1)
}

/// The text as strict JSON, where it is JSON that can be mended.
pub fn strict(text: &str) -> Cow<'_, str> {
    if !may_hide(text) && serde_json::from_str::<IgnoredAny>(text).is_ok() {
        return Cow::Borrowed(text);
    }
    mend(text.as_bytes()).map_or(Cow::Borrowed(text), |mended| Cow::Owned(mended.text))
}

/// Mends a record; `None` if there is nothing to mend, or if it is not JSON for a reason that cannot be mended.
pub fn mend(raw: &[u8]) -> Option<Mended> {
    let first = raw.iter().find(|byte| !byte.is_ascii_whitespace())?;
    if !matches!(first, b'{' | b'[' | b'"') {
        let lossy = String::from_utf8_lossy(raw);
        return matches!(lossy, Cow::Owned(_)).then(|| Mended {
            text: lossy.into_owned(),
            replaced: vec!["text".to_owned()],
            in_place: false,
        });
    }
    let mut mender =
        Mender { raw, out: Vec::new(), copied: 0, open: Vec::new(), keys: Vec::new(), state: State::default() };
    mender.run()?;
    mender.finish()
}

/// Names of members at this depth and below are kept apart; deeper ones are told under the name of the last that is.
const NAMED_DEPTH: usize = 64;

struct Mender<'a> {
    raw: &'a [u8],
    /// The mended text up to the byte `copied` of the record.
    out: Vec<u8>,
    copied: usize,
    /// The open brackets.
    open: Vec<u8>,
    /// Where the name of the member stands, for each of the outer brackets.
    keys: Vec<(usize, usize)>,
    state: State,
}

#[derive(Default)]
struct State {
    /// A comma that nothing has followed.
    comma: Option<usize>,
    /// The next string is a member's name.
    name_comes: bool,
    /// More than replacements in place was done.
    moved: bool,
    replaced: Vec<String>,
}

impl Mender<'_> {
    /// Walks over the record; `None` where it is not JSON and cannot be mended.
    fn run(&mut self) -> Option<()> {
        let mut at = 0;
        while let Some(&byte) = self.raw.get(at) {
            match byte {
                b' ' | b'\t' | b'\r' | b'\n' => {
                    at += 1;
                    continue;
                }
                b'{' | b'[' => {
                    self.open.push(byte);
                    if self.open.len() <= NAMED_DEPTH {
                        self.keys.push((0, 0));
                    }
                    self.state.name_comes = byte == b'{';
                    at += 1;
                }
                b'}' | b']' => {
                    self.state.name_comes = false;
                    if let Some(comma) = self.state.comma {
                        self.put(comma, comma + 1, b"");
                        self.note();
                    }
                    self.open.pop()?;
                    self.keys.truncate(self.open.len());
                    at += 1;
                }
                b',' => {
                    self.state.comma = Some(at);
                    self.state.name_comes = self.open.last() == Some(&b'{');
                    at += 1;
                    continue;
                }
                b':' => {
                    self.state.name_comes = false;
                    at += 1;
                }
                b'"' => at = self.string(at)?,
                _ => at = self.word(at),
            }
            self.state.comma = None;
        }
        Some(())
    }

    fn finish(mut self) -> Option<Mended> {
        if self.copied == 0 && self.state.replaced.is_empty() {
            return None;
        }
        self.out.extend_from_slice(&self.raw[self.copied..]);
        // What stands between strings and is not UTF-8 is no JSON either; the dialect says so.
        let text = String::from_utf8_lossy(&self.out).into_owned();
        Some(Mended { text, replaced: self.state.replaced, in_place: !self.state.moved })
    }

    /// Writes something else for a part of the record.
    fn put(&mut self, start: usize, end: usize, with: &[u8]) {
        self.out.extend_from_slice(&self.raw[self.copied..start]);
        self.out.extend_from_slice(with);
        self.copied = end;
        self.state.moved |= with.len() != end - start || !with.starts_with(b"\\u");
    }

    /// Notes the member that stands open.
    fn note(&mut self) {
        let (start, end) = self.keys.iter().rev().find(|(start, end)| end > start).copied().unwrap_or_default();
        let legal = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        let name = &self.raw[start..end];
        // Senders choose names: only those that are harmless wherever they are shown are told.
        let told =
            !self.state.name_comes && (1..=limits::MARK_NAME_BYTES_MAX).contains(&name.len()) && name.iter().all(legal);
        let name = if told { String::from_utf8_lossy(name).into_owned() } else { "other".to_owned() };
        if self.state.replaced.len() < limits::MARKS_MAX && !self.state.replaced.contains(&name) {
            self.state.replaced.push(name);
        }
    }

    /// Mends the string that begins here; gives back where it ends.
    fn string(&mut self, start: usize) -> Option<usize> {
        let mut at = start + 1;
        loop {
            at = match *self.raw.get(at)? {
                b'"' => break,
                b'\\' => self.escape(at)?,
                byte @ 0..0x20 => {
                    self.put(at, at + 1, format!("\\u{byte:04x}").as_bytes());
                    self.note();
                    at + 1
                }
                0x80.. => self.character(at),
                _ => at + 1,
            };
        }
        if self.state.name_comes {
            let depth = self.open.len();
            if let Some(key) = depth.checked_sub(1).and_then(|depth| self.keys.get_mut(depth)) {
                *key = (start + 1, at);
            }
        }
        Some(at + 1)
    }

    /// Passes over a character beyond ASCII, or replaces what is none.
    fn character(&mut self, at: usize) -> usize {
        let next = &self.raw[at..self.raw.len().min(at + 4)];
        let Some(chunk) = next.utf8_chunks().next() else { return at + 1 };
        if let Some(char) = chunk.valid().chars().next() {
            return at + char.len_utf8();
        }
        let end = at + chunk.invalid().len().max(1);
        self.put(at, end, "\u{FFFD}".as_bytes());
        self.note();
        end
    }

    /// Mends the escape that begins here; gives back where it ends.
    fn escape(&mut self, at: usize) -> Option<usize> {
        let kind = *self.raw.get(at + 1)?;
        let (end, with): (usize, Cow<'static, [u8]>) = match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => return Some(at + 2),
            b'u' => match (self.code(at), self.code(at + 6)) {
                (Some(0xD800..0xDC00), Some(0xDC00..0xE000)) => return Some(at + 12),
                (Some(0xD800..0xE000), _) => (at + 6, Cow::Borrowed(b"\\ufffd")),
                (Some(_), _) => return Some(at + 6),
                // Not a code: the backslash stands for itself.
                (None, _) => (at + 1, Cow::Borrowed(b"\\\\")),
            },
            b'x' => match self.digits(at + 2, 2) {
                Some(code @ ..0x80) => (at + 4, Cow::Owned(format!("\\u{code:04x}").into_bytes())),
                Some(_) => (at + 4, Cow::Borrowed(b"\\ufffd")),
                None => (at + 1, Cow::Borrowed(b"\\\\")),
            },
            b'a' => (at + 2, Cow::Borrowed(b"\\u0007")),
            b'e' => (at + 2, Cow::Borrowed(b"\\u001b")),
            b'v' => (at + 2, Cow::Borrowed(b"\\u000b")),
            b'0' => (at + 2, Cow::Borrowed(b"\\u0000")),
            b'\'' | b'`' | b'$' | b' ' => (at + 1, Cow::Borrowed(b"")),
            _ => (at + 1, Cow::Borrowed(b"\\\\")),
        };
        self.put(at, end, &with);
        self.note();
        Some(end)
    }

    /// The code of the `\uXXXX` that stands here.
    fn code(&self, at: usize) -> Option<u32> {
        self.raw.get(at..at + 2).filter(|start| *start == b"\\u")?;
        self.digits(at + 2, 4)
    }

    fn digits(&self, at: usize, count: usize) -> Option<u32> {
        let digits = self.raw.get(at..at + count)?;
        let digits = digits.iter().all(u8::is_ascii_hexdigit).then(|| std::str::from_utf8(digits).ok())??;
        u32::from_str_radix(digits, 16).ok()
    }

    /// Mends a number or a word; gives back where it ends.
    fn word(&mut self, start: usize) -> usize {
        let ends =
            |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b':' | b'{' | b'}' | b'[' | b']' | b'"');
        let len = self.raw[start..].iter().position(ends).unwrap_or(self.raw.len() - start);
        let word = &self.raw[start..start + len];
        let with: &[u8] = match word {
            b"true" | b"false" | b"null" => return start + len,
            b"True" => b"true",
            b"False" => b"false",
            b"None" | b"undefined" | b"nil" | b"NaN" | b"nan" | b"Infinity" | b"-Infinity" | b"+Infinity" | b"inf"
            | b"-inf" => b"null",
            _ if is_number(word) => return start + len,
            // A number that no reader holds says nothing; other words are no JSON, which the dialect says.
            _ if looks_like_number(word) => b"null",
            _ => return start + len,
        };
        self.put(start, start + len, with);
        self.note();
        start + len
    }
}

/// Whether this is a number that JSON readers take.
fn is_number(word: &[u8]) -> bool {
    serde_json::from_slice::<f64>(word).is_ok_and(f64::is_finite)
}

fn looks_like_number(word: &[u8]) -> bool {
    word.iter().any(u8::is_ascii_digit)
        && word.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'+' | b'-' | b'.' | b'_' | b'x' | b'X'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn check(raw: &[u8], want: Option<(&str, &[&str], bool)>) {
        let mended = mend(raw);
        let found = mended.as_ref().map(|mended| (mended.text.as_str(), mended.in_place));
        assert_eq!(found, want.map(|(text, _, in_place)| (text, in_place)), "{}", String::from_utf8_lossy(raw));
        if let (Some(mended), Some((_, replaced, _))) = (mended, want) {
            assert_eq!(mended.replaced, replaced, "{}", String::from_utf8_lossy(raw));
            if matches!(raw[0], b'{' | b'[') {
                serde_json::from_str::<Value>(&mended.text).expect("strict JSON");
            }
        }
    }

    #[test]
    fn sound_records_stay_and_hopeless_ones_too() {
        let sound = [
            r#"{"a":"\ud83d\ude00 \u00e9 \\ud83d","b":[1,-2.5e3,true,null,{"c":"é"}]}"#,
            "[]",
            "text",
            "",
            "{\"a\":\"cut",
        ];
        for record in sound {
            check(record.as_bytes(), None);
        }
        check(b"}", None);
        check(b"{'a':1}", None);
    }

    #[test]
    fn odd_strings_are_mended_and_named() {
        check(br#"{"a":1,"b":"x\ud83d"}"#, Some((r#"{"a":1,"b":"x\ufffd"}"#, &["b"], true)));
        check(br#"{"b":{"c":["\udcfc\ud83d\u0041"]}}"#, Some((r#"{"b":{"c":["\ufffd\ufffd\u0041"]}}"#, &["c"], true)));
        check(br#"{"\ud800":"v"}"#, Some((r#"{"\ufffd":"v"}"#, &["other"], true)));
        check(
            br#"{"a":"\x1b[0m \'q\' \d \u12 \xff"}"#,
            Some((r#"{"a":"\u001b[0m 'q' \\d \\u12 \ufffd"}"#, &["a"], false)),
        );
        check(b"{\"a\":\"t\tn\nz\0\"}", Some((r#"{"a":"t\u0009n\u000az\u0000"}"#, &["a"], false)));
        check(
            b"{\"a\":\"\xff\xc3(\xe2\x82\xac\xed\xa0\xbd\"}",
            Some(("{\"a\":\"\u{FFFD}\u{FFFD}(€\u{FFFD}\u{FFFD}\u{FFFD}\"}", &["a"], false)),
        );
        check(b"time=x msg=\xff", Some(("time=x msg=\u{FFFD}", &["text"], false)));
    }

    #[test]
    fn odd_values_are_mended_and_named() {
        check(
            br#"{"a":NaN,"b":-Infinity,"c":True}"#,
            Some((r#"{"a":null,"b":null,"c":true}"#, &["a", "b", "c"], false)),
        );
        check(br#"{"a":1e400,"b":01,"c":0x1F}"#, Some((r#"{"a":null,"b":null,"c":null}"#, &["a", "b", "c"], false)));
        check(br#"{"a":[1,2,],"b":{"c":1,},}"#, Some((r#"{"a":[1,2],"b":{"c":1}}"#, &["a", "c", "b"], false)));
        let deep = format!("{}\"\\ud800\"{}", "[".repeat(5_000), "]".repeat(5_000));
        assert!(mend(deep.as_bytes()).is_some_and(|mended| mended.in_place && mended.text.len() == deep.len()));
    }

    #[test]
    fn marks_are_few_and_harmless() {
        let members: Vec<String> = (0..99).map(|at| format!("\"k{at}\":\"\\ud800\"")).collect();
        assert_eq!(mend(format!("{{{}}}", members.join(",")).as_bytes()).unwrap().replaced.len(), limits::MARKS_MAX);
        check("{\"a\\n:b\":NaN}".as_bytes(), Some(("{\"a\\n:b\":null}", &["other"], false)));
    }

    #[test]
    fn other_encodings_are_told() {
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        assert!(is_utf16(&wide("{\"kind\":1}")) && is_utf16(&[b"\xfe\xff".to_vec(), wide("{")].concat()));
        assert!(is_utf16(&"{\"kind\":1}".encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>()));
        assert!(!is_utf16(b"{\"kind\":\"a\"}") && !is_utf16(b"\0\0\0\0\0\0\0\0\0") && !is_utf16(b""));
    }

    proptest! {
        #[test]
        fn what_is_mended_is_strict_and_stays_so(bytes in prop::collection::vec(any::<u8>(), 0..40), escape in "(\\\\[a-zA-Z0-9'xu]{1,5}){0,4}") {
            let mut raw = b"{\"before\":1,\"odd\":\"".to_vec();
            raw.extend(bytes.iter().filter(|byte| !matches!(byte, b'"' | b'\\')));
            raw.extend(escape.bytes());
            raw.extend(b"\",\"after\":[true]}");
            let mended = mend(&raw);
            let text = mended.as_ref().map_or(&raw[..], |mended| mended.text.as_bytes());
            let value: Value = serde_json::from_slice(text).expect("strict JSON");
            prop_assert_eq!((&value["before"], &value["after"][0]), (&Value::from(1), &Value::from(true)));
            prop_assert!(value["odd"].is_string());
            prop_assert_eq!(mend(text), None);
            if let Some(mended) = &mended {
                prop_assert_eq!(&mended.replaced, &["odd"]);
                prop_assert!(!mended.in_place || mended.text.len() == raw.len());
            }
        }

        #[test]
        fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..60), json in "[\\[\\]{}:,\"\\\\ ux0-9aNd]{0,40}") {
            for raw in [&bytes[..], json.as_bytes()] {
                if let Some(mended) = mend(raw) {
                    prop_assert!(mended.replaced.len() <= limits::MARKS_MAX && !mended.replaced.is_empty());
                }
                let _ = (is_utf16(raw), may_hide(&String::from_utf8_lossy(raw)));
            }
        }
    }
}
