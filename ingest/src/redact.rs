//! Redaction: finds secrets in free text and replaces each by `[REDACTED:<kind>]`, also inside JSON strings.
//!
//! It is best effort by rules (`erase` removes what slipped through). Rules see the text as the sender meant it: escapes are
//! decoded first, and a replacement covers whole characters of the record, so JSON stays JSON. It runs until nothing is
//! found, so redacting twice is redacting once.

pub mod rules;

use std::borrow::Cow;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::{Match, Regex};

use crate::url::Spans;
use rules::{RULES, RULES_MAX};

/// What one redaction put in: which kind of secret was at which offset of the redacted value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The rule's word.
    pub kind: &'static str,
    /// Byte offset of the placeholder in the redacted value, opening quote included where there is one.
    pub offset: usize,
}

/// A value in which secrets were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted {
    /// The value with placeholders.
    pub text: String,
    /// Where they are, in ascending order.
    pub marks: Vec<Mark>,
}

/// The rules in the form in which they run.
pub struct RuleSet {
    prefilter: Option<AhoCorasick>,
    /// For each keyword of the prefilter the bit of its rule.
    keyword_rules: Vec<u64>,
    /// The bits of the rules whose keyword is `@`: too short for the prefilter, and searched apart.
    at_rules: u64,
    rules: Vec<(Regex, &'static str)>,
}

/// A secret in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    start: usize,
    end: usize,
    kind: &'static str,
}

/// Rounds of search and replacement. Text that still changes after them was made to; it is replaced whole.
const ROUNDS_MAX: usize = 8;

/// The kind of a value that was replaced whole.
const WHOLE_VALUE: &str = "unstable";

impl RuleSet {
    /// The built-in rules.
    pub fn built_in() -> Self {
        let mut rules = Vec::new();
        let (mut keywords, mut keyword_rules, mut at_rules) = (Vec::new(), Vec::new(), 0);
        // A test holds that every pattern compiles and that there are few enough.
        for rule in RULES.iter().take(RULES_MAX) {
            let Ok(regex) = Regex::new(rule.pattern) else { continue };
            let bit = 1 << rules.len();
            rules.push((regex, rule.kind));
            for keyword in rule.keywords {
                if *keyword == "@" {
                    at_rules |= bit;
                } else {
                    keywords.push(*keyword);
                    keyword_rules.push(bit);
                }
            }
        }
        let prefilter = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&keywords)
            .ok();
        Self { prefilter, keyword_rules, at_rules, rules }
    }

    /// Redacts plain text; `None` if there is no secret.
    pub fn redact_plain(&self, text: &str) -> Option<Redacted> {
        settle(text, |text| {
            let found = self.find(text);
            (!found.is_empty()).then_some(found)
        })
    }

    /// Redacts the strings of a JSON value, or of a string quoted as Go does; `None` if there is no secret.
    pub fn redact_quoted(&self, value: &str) -> Option<Redacted> {
        settle(value, |value| self.find_quoted(value, Self::find))
    }

    /// Redacts an address, written plainly; `None` if there is no secret. The host stays what it is: only a secret that
    /// stands in its labels is taken out.
    pub fn redact_address(&self, address: &str) -> Option<Redacted> {
        settle(address, |address| {
            let found = self.find_in_address(address);
            (!found.is_empty()).then_some(found)
        })
    }

    /// Redacts an address that stands in a JSON string, or is quoted as Go does.
    pub fn redact_quoted_address(&self, value: &str) -> Option<Redacted> {
        settle(value, |value| self.find_quoted(value, Self::find_in_address))
    }

    /// Finds secrets in the parts of an address; text that is none is searched as text.
    fn find_in_address(&self, text: &str) -> Vec<Found> {
        // In a quoted value the address stands between its quotes.
        let start = usize::from(text.starts_with('"'));
        let end = text.len() - usize::from(text.len() > start && text.ends_with('"'));
        let Some(spans) = Spans::of(&text[start..end]) else { return self.find(text) };
        let part = |range: Range<usize>| start + range.start..start + range.end;
        let (host, tail, user) = (part(spans.host), part(spans.tail), spans.user.map(part));
        let mut found = Vec::new();
        if let Some(user) = user.filter(|user| rules::is_secret_user(&text[user.clone()])) {
            found.push(Found { start: user.start, end: user.end, kind: rules::USER_INFO });
        }
        for secret in self.find(text) {
            // A name that happens to stand in a host says nothing, neither about the host nor about what follows it.
            let by_name = rules::is_by_name(secret.kind);
            for range in [&host, &tail] {
                let (start, end) = (secret.start.max(range.start), secret.end.min(range.end));
                if start < end && (!by_name || secret.start >= tail.start) {
                    found.push(Found { start, end, kind: secret.kind });
                }
            }
        }
        found.sort_by_key(|found| found.start);
        found
    }

    /// Finds secrets inside the strings of a quoted value; offsets are those of `value`.
    fn find_quoted(&self, value: &str, find: impl Fn(&Self, &str) -> Vec<Found>) -> Option<Vec<Found>> {
        let escaped = memchr::memchr(b'\\', value.as_bytes()).is_some();
        // Keywords have no character that serialisers must escape; those that may be escaped are written as \u or \/.
        let hidden = escaped && (value.contains("\\u") || value.contains("\\x") || value.contains("\\/"));
        if !hidden && self.candidates(value) == 0 {
            return None;
        }
        let unquoted = Unquoted::of(value);
        let mut found = Vec::new();
        for secret in find(self, &unquoted.text) {
            // A secret that reaches over the end of a string is replaced string by string, so the JSON around it stays.
            let first = unquoted.strings.partition_point(|(_, end)| *end <= secret.start);
            for &(start, end) in unquoted.strings[first..].iter().take_while(|(start, _)| *start < secret.end) {
                let (start, end) = (start.max(secret.start), end.min(secret.end));
                if start < end && !is_placeholder(&unquoted.text[start..end]) {
                    found.push(Found { start: unquoted.offset(start), end: unquoted.offset(end), kind: secret.kind });
                }
            }
        }
        (!found.is_empty()).then_some(found)
    }

    /// The bits of the rules whose keywords occur.
    fn candidates(&self, text: &str) -> u64 {
        let mut bits = 0;
        if self.at_rules != 0 && memchr::memchr(b'@', text.as_bytes()).is_some() {
            bits |= self.at_rules;
        }
        if let Some(prefilter) = &self.prefilter {
            for hit in prefilter.find_overlapping_iter(text) {
                bits |= self.keyword_rules[hit.pattern().as_usize()];
            }
        }
        bits
    }

    /// Finds secrets in decoded text, in order and without overlap.
    fn find(&self, text: &str) -> Vec<Found> {
        let candidates = self.candidates(text);
        if candidates == 0 {
            return Vec::new();
        }
        let mut found = Vec::new();
        for (bit, (regex, kind)) in self.rules.iter().enumerate() {
            if candidates & (1 << bit) == 0 {
                continue;
            }
            let mut note = |secret: Option<Match>| {
                if let Some(secret) = secret.filter(|secret| !secret.is_empty() && !is_placeholder(secret.as_str())) {
                    found.push(Found { start: secret.start(), end: secret.end(), kind });
                }
            };
            // Finding groups is much slower than finding matches.
            if regex.captures_len() == 1 {
                regex.find_iter(text).for_each(|secret| note(Some(secret)));
            } else {
                regex.captures_iter(text).for_each(|captures| note(captures.iter().skip(1).flatten().next()));
            }
        }
        found.sort_by_key(|found| (found.start, usize::MAX - found.end));
        found.dedup_by(|next, kept| {
            let overlaps = next.start < kept.end;
            if overlaps {
                kept.end = kept.end.max(next.end);
            }
            overlaps
        });
        found
    }
}

/// Searches and replaces until nothing is found.
fn settle(value: &str, find: impl Fn(&str) -> Option<Vec<Found>>) -> Option<Redacted> {
    let mut redacted = Redacted { text: String::new(), marks: Vec::new() };
    for round in 0..ROUNDS_MAX {
        let text = if round == 0 { value } else { &redacted.text };
        match find(text) {
            None if round == 0 => return None,
            None => return Some(redacted),
            Some(found) => redacted = replace(text, &found, &redacted.marks),
        }
    }
    Some(whole(value))
}

/// Whether the text is a placeholder and nothing else.
fn is_placeholder(text: &str) -> bool {
    text.strip_prefix("[REDACTED:")
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|kind| kind.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
}

/// A value of which nothing is kept.
fn whole(value: &str) -> Redacted {
    let quote = if value.starts_with(['"', '{', '[']) { "\"" } else { "" };
    let mark = Mark { kind: WHOLE_VALUE, offset: quote.len() };
    Redacted { text: format!("{quote}[REDACTED:{WHOLE_VALUE}]{quote}"), marks: vec![mark] }
}

/// Puts placeholders in; earlier marks move with the text, and those inside a replaced range go.
fn replace(text: &str, found: &[Found], earlier: &[Mark]) -> Redacted {
    let mut out = String::with_capacity(text.len());
    let mut marks = Vec::new();
    let mut earlier = earlier.iter().peekable();
    let mut at = 0;
    for Found { start, end, kind } in found.iter().copied() {
        let shift = out.len() as isize - at as isize;
        while let Some(mark) = earlier.next_if(|mark| mark.offset < end) {
            if mark.offset < start {
                marks.push(Mark { kind: mark.kind, offset: mark.offset.saturating_add_signed(shift) });
            }
        }
        out.push_str(&text[at..start]);
        marks.push(Mark { kind, offset: out.len() });
        out.push_str("[REDACTED:");
        out.push_str(kind);
        out.push(']');
        at = end;
    }
    let shift = out.len() as isize - at as isize;
    marks.extend(earlier.map(|mark| Mark { kind: mark.kind, offset: mark.offset.saturating_add_signed(shift) }));
    out.push_str(&text[at..]);
    Redacted { text: out, marks }
}

/// A quoted value with the escapes of its strings decoded, and the way back to its own offsets.
struct Unquoted<'a> {
    text: Cow<'a, str>,
    /// The offset in the value of each byte of `text`, and of its end; empty if nothing was escaped.
    offsets: Vec<u32>,
    /// The insides of the strings, in offsets of `text`.
    strings: Vec<(usize, usize)>,
}

impl<'a> Unquoted<'a> {
    fn of(value: &'a str) -> Self {
        let escaped = memchr::memchr(b'\\', value.as_bytes()).is_some();
        let mut strings = Vec::new();
        if !escaped {
            let mut quotes = memchr::memchr_iter(b'"', value.as_bytes());
            while let (Some(open), Some(close)) = (quotes.next(), quotes.next()) {
                strings.push((open + 1, close));
            }
            return Self { text: Cow::Borrowed(value), offsets: Vec::new(), strings };
        }
        let mut text = String::with_capacity(value.len());
        let mut offsets = Vec::with_capacity(value.len() + 1);
        let mut opened = None;
        let mut at = 0;
        while let Some(next) = value[at..].chars().next() {
            let (char, len) = match next {
                '\\' if opened.is_some() => unescape(&value[at..]),
                _ => (next, next.len_utf8()),
            };
            if next == '"' {
                match opened.take() {
                    Some(start) => strings.push((start, text.len())),
                    None => opened = Some(text.len() + 1),
                }
            }
            text.push(char);
            offsets.resize(text.len(), at as u32);
            at += len;
        }
        offsets.push(at as u32);
        Self { text: Cow::Owned(text), offsets, strings }
    }

    /// The offset in the value of an offset in the text.
    fn offset(&self, at: usize) -> usize {
        if self.offsets.is_empty() { at } else { self.offsets.get(at).map_or(0, |offset| *offset as usize) }
    }
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

#[cfg(test)]
mod tests;
