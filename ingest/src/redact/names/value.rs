//! The value behind a name: where it begins and ends in JSON, YAML, INI, headers, options, markup and addresses, and what
//! cannot be a secret.

use std::ops::Range;

use super::Strength;

/// The longest value that is looked for an end; the work for one name is bounded by it.
const VALUE_BYTES_MAX: usize = 16 << 10;
/// White space, quotes and backslashes between a name and its value.
const GAP_BYTES_MAX: usize = 64;
/// What stands before the secret of a header and says nothing.
const SCHEMES: [&str; 7] = ["basic", "bearer", "bot", "digest", "negotiate", "token", "ssws"];
/// How references to what stands elsewhere begin: variables, templates, files, secret managers.
const REFERENCES: [&str; 11] =
    ["$", "{{", "<", "%(", "env:", "file:", "[REDACTED:", "op://", "vault:", "arn:aws:", "@"];
/// Texts of a list that are values of one name.
const LIST_ITEMS_MAX: usize = 32;

/// A value, or the values of a list.
pub struct Value {
    /// The texts of it.
    pub parts: Vec<Part>,
    /// Whether it stands in a sentence, where most words are no secrets.
    pub in_sentence: bool,
}

/// One text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    pub start: usize,
    pub end: usize,
    /// Whether it stands in quotes.
    pub quoted: bool,
}

/// Reads bytes from left to right.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, is: impl Fn(u8) -> bool) -> usize {
        let start = self.at;
        while self.at - start < GAP_BYTES_MAX && self.byte().is_some_and(&is) {
            self.at += 1;
        }
        self.at - start
    }

    fn take(&mut self, text: &str) -> bool {
        let taken = self.rest().starts_with(text);
        if taken {
            self.at += text.len();
        }
        taken
    }

    /// An opening quote with the backslashes before it.
    fn quote(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        self.skip(|byte| byte == b'\\');
        if matches!(self.byte(), Some(b'"' | b'\'' | b'`')) {
            self.at += 1;
            return Some(start..self.at);
        }
        self.at = start;
        None
    }
}

impl Value {
    /// The value behind the name at this place.
    pub fn behind(text: &str, start: usize, end: usize, kind: &str) -> Option<Self> {
        let mut reader = Reader { text, at: end };
        let quoted_name = reader.quote().is_some();
        // `config["password"] = …`
        let indexed = quoted_name && reader.take("]");
        let gap = reader.skip(|byte| byte == b' ' || byte == b'\t' || (quoted_name && matches!(byte, b'\n' | b'\r')));
        let is_option = text[start..end].starts_with("--");
        let separator = reader.byte();
        let is_header = matches!(kind, "authorization" | "cookie" | "api_key_header");
        match separator {
            Some(b':' | b'=') => {
                reader.at += 1;
                // A comparison is no assignment, and `::` leads to a part of a program.
                if matches!(reader.byte(), Some(b'=' | b'~')) && separator == Some(b'=')
                    || reader.rest().starts_with(':')
                {
                    return None;
                }
                reader.skip(|byte| matches!(byte, b'=' | b'>'));
                skip_type(&mut reader);
            }
            // `var password string = "…"`
            Some(b's') if gap > 0 && !quoted_name && reader.take("string = ") => {}
            // `<property name="password" value="…"/>`
            Some(_) if quoted_name && gap > 0 && is_attribute(text, start) && named_value(&mut reader) => {}
            // `["Authorization", "Bearer …"]`, `{"name": "Authorization", "value": "…"}`
            Some(b',') if quoted_name && !indexed => {
                reader.at += 1;
                reader.skip(|byte| byte.is_ascii_whitespace());
                let is_set = || sets(text, start) && matches!(reader.byte(), Some(b'"' | b'\''));
                if is_set() {
                    // `define('DB_PASSWORD', '…')`
                } else if !(named_value(&mut reader) || is_header || is_option || text[start..end].contains('-')) {
                    return None;
                }
            }
            // `- name: DB_PASSWORD` with `value: …` in the next line.
            Some(b'\n' | b'\r') if text[..start].trim_end().ends_with("name:") => {
                reader.skip(|byte| byte.is_ascii_whitespace());
                if !named_value(&mut reader) {
                    return None;
                }
            }
            // `the password is …`
            Some(b'i') if gap > 0 && reader.take("is ") => {}
            // `<password>…</password>`
            Some(b'>') if gap == 0 && text[..start].ends_with('<') => {
                reader.at += 1;
                let close = reader.rest().find('<').filter(|len| *len <= VALUE_BYTES_MAX)?;
                return Some(Self::one(reader.at, reader.at + close, true));
            }
            Some(_) if is_option && gap > 0 && !reader.rest().starts_with('-') => {}
            // `ALTER USER app WITH PASSWORD '…'`
            Some(b'\'' | b'"') if gap > 0 && !quoted_name && is_sql(text, start) => {}
            Some(b'"' | b'\'') if is_option && quoted_name => {}
            _ => return None,
        }
        let lines = quoted_name || separator == Some(b',');
        reader.skip(|byte| byte == b' ' || byte == b'\t' || (lines && matches!(byte, b'\n' | b'\r')));
        Self::at(&mut reader, start, kind, separator)
    }

    /// Reads the value at the reader's place.
    fn at(reader: &mut Reader, name: usize, kind: &str, separator: Option<u8>) -> Option<Self> {
        if reader.byte() == Some(b'[') {
            return Some(Self { parts: list(reader), in_sentence: false });
        }
        // A YAML value that begins in the next line.
        let block = reader.rest();
        if separator == Some(b':') && ["|\n", "|-\n", ">\n", ">-\n"].iter().any(|head| block.starts_with(head)) {
            reader.at += block.find('\n')?;
            reader.skip(|byte| byte.is_ascii_whitespace());
        }
        let quote = reader.quote();
        let start = reader.at;
        if let Some(quote) = quote {
            let close = closing(reader, &reader.text[quote]).unwrap_or_else(|| bare_end(reader.rest(), false));
            let end = start + close;
            return Some(Self::one(start + scheme_len(&reader.text[start..end], kind), end, true));
        }
        let is_header = matches!(kind, "authorization" | "cookie");
        let line_start = reader.text[..name].rfind('\n').map_or(0, |at| at + 1);
        let indent = reader.text[line_start..name].trim_start_matches([' ', '\t', '-']);
        let whole_line = is_header || (separator == Some(b':') && indent.is_empty());
        let start = start + scheme_len(reader.rest(), kind);
        let rest = reader.text.get(start..)?;
        let end = if whole_line && kind == "cookie" {
            line_end(rest)
        } else if whole_line && kind != "authorization" {
            line_end(rest).max(bare_end(rest, false))
        } else {
            bare_end(rest, kind == "url_query")
        };
        Some(Self { in_sentence: separator == Some(b'i'), ..Self::one(start, start + end, false) })
    }

    fn one(start: usize, end: usize, quoted: bool) -> Self {
        Self { parts: vec![Part { start, end, quoted }], in_sentence: false }
    }
}

/// The type between a name and its value: `password: String = "…"`.
fn skip_type(reader: &mut Reader) {
    let rest = reader.rest();
    let window = &rest[..rest.floor_char_boundary(GAP_BYTES_MAX)];
    let Some((kind, after)) = window.split_once('=') else { return };
    let named = kind.trim_start().trim_start_matches(['&', '\'']);
    let is_type = named.starts_with(|char: char| char.is_ascii_alphabetic())
        && kind.chars().all(|char| char.is_ascii_alphanumeric() || " _<>[]?.:&'|".contains(char));
    if is_type && after.trim_start().starts_with(['"', '\'']) {
        reader.at += kind.len() + 1;
    }
}

/// What stands before the quote that opens before `start`.
fn before_quote(text: &str, start: usize) -> &str {
    text[..start].trim_end_matches(['"', '\'', '`', '\\'])
}

/// Whether the quoted text at `start` is the value of an attribute in markup.
fn is_attribute(text: &str, start: usize) -> bool {
    ["name=", "key=", "id=", "property="].iter().any(|attribute| before_quote(text, start).ends_with(attribute))
}

/// Whether the quoted text at `start` is the first argument of a call whose name says that it sets something.
fn sets(text: &str, start: usize) -> bool {
    const VERBS: [&str; 7] = ["set", "put", "define", "add", "store", "insert", "save"];
    let Some(call) = before_quote(text, start).trim_end().strip_suffix('(') else { return false };
    let name = call.rsplit(|char: char| !char.is_ascii_alphanumeric() && char != '_').next().unwrap_or(call);
    let name = name.to_ascii_lowercase();
    VERBS.iter().any(|verb| name.starts_with(verb)) || name.ends_with("setenv") || name.ends_with("_set")
}

/// Whether the name at `start` is that of a password in a statement of SQL.
fn is_sql(text: &str, start: usize) -> bool {
    let word = text[..start].trim_end().rsplit(char::is_whitespace).next().unwrap_or_default();
    ["with", "encrypted", "set"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// `"value": ` behind `"name": "…", `.
fn named_value(reader: &mut Reader) -> bool {
    let start = reader.at;
    let quoted = reader.quote().is_some();
    let is_value = ["value", "val", "content", "data", "default"].iter().any(|key| {
        let matches = reader.rest().get(..key.len()).is_some_and(|head| head.eq_ignore_ascii_case(key));
        reader.at += if matches { key.len() } else { 0 };
        matches
    });
    if is_value && quoted == reader.quote().is_some() {
        reader.skip(|byte| byte.is_ascii_whitespace());
        if matches!(reader.byte(), Some(b':' | b'=')) {
            reader.at += 1;
            return true;
        }
    }
    reader.at = start;
    false
}

/// The texts of a list.
fn list(reader: &mut Reader) -> Vec<Part> {
    let mut parts = Vec::new();
    reader.at += 1;
    while parts.len() < LIST_ITEMS_MAX {
        reader.skip(|byte| byte.is_ascii_whitespace() || byte == b',');
        let Some(quote) = reader.quote() else { break };
        let start = reader.at;
        let Some(len) = closing(reader, &reader.text[quote.clone()]) else { break };
        parts.push(Part { start, end: start + len, quoted: true });
        reader.at = start + len + quote.len();
    }
    parts
}

/// The length of a quoted text up to its closing quote.
fn closing(reader: &Reader, quote: &str) -> Option<usize> {
    let rest = reader.rest();
    let window = &rest[..rest.floor_char_boundary(VALUE_BYTES_MAX)];
    let mut from = 0;
    loop {
        let at = from + window[from..].find(quote)?;
        // A quote that is itself escaped does not close a text that was opened without.
        let escaped =
            !quote.starts_with('\\') && window[..at].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1;
        if !escaped {
            return Some(at);
        }
        from = at + quote.len();
    }
}

/// Where a value without quotes ends.
fn bare_end(rest: &str, in_query: bool) -> usize {
    let window = &rest[..rest.floor_char_boundary(VALUE_BYTES_MAX)];
    let ends = |char: char| {
        char.is_whitespace()
            || matches!(char, '"' | '\'' | '`' | '<' | '>' | '&' | ';' | '|' | ',' | '(' | ')' | '{' | '}' | '\\' | ']')
            || (in_query && char == '#')
    };
    window.find(ends).unwrap_or(window.len())
}

/// Where a line ends, or the quotes around it.
fn line_end(rest: &str) -> usize {
    let window = &rest[..rest.floor_char_boundary(VALUE_BYTES_MAX)];
    let end = window.find(['\n', '\r', '"', '\'', '`']).unwrap_or(window.len());
    let end = window[..end].find(" #").unwrap_or(end);
    window[..end].trim_end().len()
}

/// The length of `Bearer ` and its like, which say nothing.
fn scheme_len(text: &str, kind: &str) -> usize {
    if !matches!(kind, "authorization" | "api_key_header" | "assignment") {
        return 0;
    }
    let scheme = text.find(|char: char| !char.is_ascii_alphabetic()).unwrap_or(text.len());
    let known = SCHEMES.contains(&text[..scheme].to_ascii_lowercase().as_str());
    let blanks = text[scheme..].bytes().take_while(|byte| *byte == b' ').count();
    if known && blanks > 0 { scheme + blanks } else { 0 }
}

/// Values that name a type, a state or nothing.
const NO_SECRETS: &[&str] = &[
    "",
    "any",
    "bool",
    "boolean",
    "bytes",
    "false",
    "int",
    "integer",
    "n/a",
    "nil",
    "no",
    "none",
    "null",
    "number",
    "object",
    "optional",
    "required",
    "redacted",
    "some",
    "str",
    "string",
    "text",
    "true",
    "undefined",
    "unknown",
    "yes",
    "the",
    "is",
    "a",
    "an",
    "not",
    "must",
    "and",
    "or",
    "for",
    "in",
    "to",
    "of",
    "if",
    "field",
    "value",
    "self",
    "this",
    "hidden",
    "masked",
    "secret",
    "password",
    "token",
    "bearer",
    "basic",
    "invalid",
    "missing",
    "expired",
    "valid",
    "ok",
    "env",
    "input",
    "ask",
    "prompt",
    "default",
    "empty",
    "set",
    "unset",
    "found",
    "needed",
    "denied",
    "failed",
    "error",
];

/// Whether a value may be a secret. `after` is what follows it.
pub fn may_be_secret(value: &str, after: &str, quoted: bool, strength: Strength, name: &str) -> bool {
    let plain = value.trim().trim_end_matches([';', ',']);
    if NO_SECRETS.contains(&plain.to_ascii_lowercase().as_str()) || super::super::is_placeholder(plain) {
        return false;
    }
    let first = plain.chars().next().unwrap_or(' ');
    let refers = REFERENCES.iter().any(|head| plain.starts_with(head))
        && !(quoted && matches!(first, '$' | '@' | '<') && plain.len() >= 12 && has_digit(plain));
    let masked =
        plain.chars().all(|char| char == first || matches!(char, '.' | '*' | '\u{2022}')) && !first.is_ascii_digit();
    if refers || masked {
        return false;
    }
    // `PWD=/home/coder` is the folder, not a password.
    if name.eq_ignore_ascii_case("pwd") && plain.starts_with(['/', '~', '\\']) {
        return false;
    }
    if strength == Strength::Weak && (plain.len() < 8 || !has_digit(plain) || plain.contains(' ')) {
        return false;
    }
    quoted || !is_code(plain, after)
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// Whether a value without quotes is part of a program: a call, a path to a variable, a type.
fn is_code(value: &str, after: &str) -> bool {
    let is_name = |part: &str| {
        part.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
            && part.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
    };
    // `environ['DB_PASS']`
    let indexed = value
        .split_once('[')
        .is_some_and(|(path, _)| path.split('.').all(is_name) && after.starts_with(['\'', '"', ']']));
    let called = after.starts_with('(') && value.split(['.', ':']).filter(|part| !part.is_empty()).all(is_name);
    let path = value.contains('.') && value.split('.').all(|part| is_name(part) && !has_digit(part));
    let typed = value.starts_with('&')
        || after.starts_with('<')
        || (value.starts_with(|char: char| char.is_ascii_uppercase())
            && is_name(value)
            && !has_digit(value)
            && after.starts_with([',', ')', ';']));
    let variable = is_name(value) && !has_digit(value) && after.starts_with([';', ')', ',']);
    called || indexed || path || typed || variable || value.len() < 3
}
