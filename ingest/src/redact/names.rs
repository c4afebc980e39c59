//! Secrets that are known by the name before them: `password: …`, `DB_PASS=…`, `"apiKey":"…"`, `["Authorization", "…"]`,
//! `--token …`, `?sig=…`, whatever the syntax. Which names mean secrets, and which values cannot be any.
//!
//! One search finds the words that such names are made of; around each the whole name is read, then what separates it from
//! its value, then the value. What is read again is bounded, so the work stays linear.

mod value;
mod word;

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};

use super::Found;
use value::Value;
pub use word::Strength;

/// Kinds of secrets that are known by their name.
pub const KINDS: &[&str] = &["api_key_header", "assignment", "authorization", "cookie", "option", "url_query"];

/// What names of secrets have in them.
pub const WORDS: &[&str] = &[
    "pass",
    "pwd",
    "secret",
    "token",
    "auth",
    "apikey",
    "api-key",
    "api_key",
    "api key",
    "accesskey",
    "access-key",
    "access_key",
    "_key",
    "-key",
    "key-data",
    "key=",
    "privatekey",
    "signingkey",
    "encryptionkey",
    "accountkey",
    "masterkey",
    "credential",
    "cookie",
    "mnemonic",
    "seed phrase",
    "seed_phrase",
    "?sig=",
    "&sig=",
    "?code=",
    "&code=",
    "?session=",
    "&session=",
    "?sid=",
    "&sid=",
    "?jwt=",
    "&jwt=",
    "signature=",
    "?hmac=",
    "&hmac=",
    "?ticket=",
    "&ticket=",
    ";sig=",
];

/// The longest name on each side of its word.
const NAME_BYTES_MAX: usize = 64;

static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .match_kind(MatchKind::LeftmostFirst)
        .kind(Some(AhoCorasickKind::DFA))
        .build(WORDS)
        .ok()
});

/// Finds the values of secrets' names, of which none has its word before `from`.
pub fn find(text: &str, from: usize, found: &mut Vec<Found>) {
    let Some(search) = &*SEARCH else { return };
    let mut done = 0;
    for hit in search.find_iter(Input::new(text).range(from..)) {
        if hit.end() <= done {
            continue;
        }
        let name = Name::around(text, hit.start(), hit.end());
        done = name.end;
        // What was redacted before is passed over.
        if text[name.end..].starts_with("=[REDACTED:") {
            continue;
        }
        if let Some(strength) = name.strength(text) {
            done = done.max(name.find_value(text, strength, found));
        }
    }
}

/// A name in a text.
#[derive(Debug, Clone, Copy)]
struct Name {
    start: usize,
    end: usize,
}

impl Name {
    /// The whole name around a word of it.
    fn around(text: &str, start: usize, end: usize) -> Self {
        let bytes = text.as_bytes();
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$');
        // Words that bring a separator with them, such as `?sig=`, are names without it.
        let start = start + usize::from(matches!(bytes.get(start), Some(b'?' | b'&' | b';')));
        let end = end - usize::from(end > start && bytes.get(end - 1) == Some(&b'='));
        let before = bytes[start.saturating_sub(NAME_BYTES_MAX)..start].iter().rev().take_while(|byte| is_part(**byte));
        let start = start - before.count();
        let after = bytes[end..].iter().take(NAME_BYTES_MAX).take_while(|byte| is_part(**byte));
        let mut end = end + after.count();
        while end > start && bytes[end - 1] == b'.' {
            end -= 1;
        }
        Self { start, end }
    }

    fn text(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or_default()
    }

    fn before(self, text: &str) -> Option<u8> {
        self.start.checked_sub(1).and_then(|at| text.as_bytes().get(at).copied())
    }

    fn strength(self, text: &str) -> Option<Strength> {
        let in_query = matches!(self.before(text), Some(b'?' | b'&' | b';'));
        word::strength(self.text(text).trim_start_matches('-'), in_query)
    }

    /// Finds the value behind the name; gives back where reading ended.
    fn find_value(self, text: &str, strength: Strength, found: &mut Vec<Found>) -> usize {
        let name = self.text(text);
        let kind = self.kind(text);
        let Some(value) = Value::behind(text, self.start, self.end, kind) else { return self.end };
        let strength = if value.in_sentence { Strength::Weak } else { strength };
        let mut end = self.end;
        for part in value.parts {
            let shown = &text[part.start..part.end];
            if value::may_be_secret(shown, &text[part.end..], part.quoted, strength, name) {
                found.push(Found::new(part.start, part.end, kind));
                end = end.max(part.end);
            }
        }
        end
    }

    /// The word for what it is the name of.
    fn kind(self, text: &str) -> &'static str {
        let name = self.text(text).to_ascii_lowercase();
        let plain = name.trim_start_matches('-');
        if plain.ends_with("authorization") {
            "authorization"
        } else if plain.ends_with("cookie") {
            "cookie"
        } else if name.starts_with("--") {
            "option"
        } else if matches!(self.before(text), Some(b'?' | b'&')) {
            "url_query"
        } else if ["x-", "private-token", "coder-session-token", "api-key"].iter().any(|head| plain.starts_with(head))
            && plain.contains('-')
        {
            "api_key_header"
        } else {
            "assignment"
        }
    }
}
