//! Redaction: finds secrets in text and replaces each by `[REDACTED:<kind>]`, also inside JSON strings.
//!
//! It is best effort by rules (`erase` removes what slipped through). Secrets are found by their form (`rules`, `made`), by the name
//! before them (`names`) and by their place in a command line (`options`), in the text as the sender meant it: escapes,
//! percent-encoding and base64 are decoded first (`view`), and a replacement covers whole characters of the record, so JSON
//! stays JSON. It runs until nothing is found, so redacting twice is redacting once. docs/redaction.md tells what is covered.

#[cfg(test)]
mod coverage;
mod made;
mod names;
mod options;
mod prefilter;
mod record;
pub mod rules;
mod view;

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::{Match, Regex};

use crate::url::Spans;
use prefilter::Prefilter;
pub use record::Piece;
use rules::{RULES, RULES_MAX};
use view::View;

/// What one redaction put in: which kind of secret was at which offset of the redacted value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redaction {
    /// The rule's word.
    pub kind: &'static str,
    /// Byte offset of the placeholder in the redacted value, opening quote included where there is one.
    pub offset: usize,
}

/// A value in which secrets were found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedactedText {
    /// The value with placeholders.
    pub text: String,
    /// Where they are, in ascending order.
    pub redactions: Vec<Redaction>,
}

/// The rules in the form in which they run.
pub struct RuleSet {
    /// Says of most text that it holds nothing. There is none on processors without such a search.
    prefilter: Option<Prefilter>,
    keywords: Option<AhoCorasick>,
    /// For each keyword the bit of its rule.
    keyword_rules: Vec<u128>,
    /// The bits of the rules whose keyword is one character, which more than its presence speaks for.
    short_rules: Vec<(u8, u128)>,
    rules: Vec<(Regex, &'static str)>,
}

/// The bit that says that a name of a secret may occur.
const NAMES: u128 = 1 << 127;

/// How deep readings of readings are searched: base64 of percent-encoded text, and the like.
const DEPTH_MAX: usize = 2;

/// The kind of a user and a password in base64.
const CREDENTIALS: &str = "basic_credentials";

/// A secret in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    start: usize,
    end: usize,
    kind: &'static str,
    /// Whether it is a number of JSON, whose placeholder needs quotes.
    is_number: bool,
}

impl Found {
    fn new(start: usize, end: usize, kind: &'static str) -> Self {
        Self { start, end, kind, is_number: false }
    }

    fn shifted(self, by: usize) -> Self {
        Self { start: self.start + by, end: self.end + by, ..self }
    }

    fn placeholder_len(&self) -> usize {
        "[REDACTED:]".len() + self.kind.len() + 2 * usize::from(self.is_number)
    }
}

/// Rounds of search and replacement. Text that still changes after them was made to; it is replaced whole.
const ROUNDS_MAX: usize = 8;

/// The kind of a value that was replaced whole.
const WHOLE_VALUE: &str = "unstable";

impl RuleSet {
    /// The built-in rules.
    pub fn built_in() -> Self {
        let mut rules = Vec::new();
        let (mut keywords, mut keyword_rules, mut short_rules) = (Vec::new(), Vec::new(), Vec::new());
        // A test holds that every pattern compiles and that there are few enough.
        for rule in RULES.iter().chain(options::RULES).take(RULES_MAX) {
            let Ok(regex) = Regex::new(rule.pattern) else { continue };
            let bit = 1 << rules.len();
            rules.push((regex, rule.kind));
            for keyword in rule.keywords {
                if let [byte] = keyword.as_bytes() {
                    short_rules.push((*byte, bit));
                } else {
                    keywords.push(*keyword);
                    keyword_rules.push(bit);
                }
            }
        }
        keywords.extend(names::WORDS);
        keyword_rules.resize(keywords.len(), NAMES);
        let search = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&keywords)
            .ok();
        Self { prefilter: Prefilter::new(), keywords: search, keyword_rules, short_rules, rules }
    }

    /// Redacts plain text; `None` if there is no secret.
    pub fn redact_plain(&self, text: &str) -> Option<RedactedText> {
        if !self.may_have_secrets(text) {
            return None;
        }
        settle(text, |text| {
            let found = self.find(text);
            (!found.is_empty()).then_some(found)
        })
    }

    /// Redacts the strings of a JSON value, or of a string quoted as Go does; `None` if there is no secret.
    pub fn redact_quoted(&self, value: &str) -> Option<RedactedText> {
        if !self.may_have_secrets(value) {
            return None;
        }
        settle(value, |value| self.find_quoted(value, Self::find))
    }

    /// Redacts an address, written plainly; `None` if there is no secret. The host stays what it is: only a secret that
    /// stands in its labels is taken out.
    pub fn redact_address(&self, address: &str) -> Option<RedactedText> {
        if !self.may_have_secrets(address) && !may_have_user(address) {
            return None;
        }
        settle(address, |address| {
            let found = self.find_in_address(address);
            (!found.is_empty()).then_some(found)
        })
    }

    /// Finds secrets in the parts of an address; text that is none is searched as text.
    fn find_in_address(&self, text: &str) -> Vec<Found> {
        // In a quoted value the address stands between its quotes.
        let start = usize::from(text.starts_with('"'));
        let end = text.len() - usize::from(text.len() > start && text.ends_with('"'));
        let Some(spans) = Spans::of(&text[start..end]) else {
            let mut found = self.find(text);
            // An authority of its own, such as the value of a `Host` header.
            if let Some(at) = text[start..end].rfind('@').filter(|at| rules::is_secret_user(&text[start..start + at]))
                && !text[start..end].contains(|char: char| char.is_whitespace() || char == '/')
            {
                found.push(Found::new(start, start + at, rules::USER_INFO));
                join_overlapping(&mut found);
            }
            return found;
        };
        let part = |range: Range<usize>| start + range.start..start + range.end;
        let (host, tail, user) = (part(spans.host), part(spans.tail), spans.user.map(part));
        let mut found = Vec::new();
        if let Some(user) = user.filter(|user| rules::is_secret_user(&text[user.clone()])) {
            found.push(Found::new(user.start, user.end, rules::USER_INFO));
        }
        for secret in self.find(text) {
            // A name that happens to stand in a host says nothing, neither about the host nor about what follows it.
            let by_name = rules::is_by_name(secret.kind);
            for range in [&host, &tail] {
                let (start, end) = (secret.start.max(range.start), secret.end.min(range.end));
                if start < end && (!by_name || secret.start >= tail.start) {
                    found.push(Found::new(start, end, secret.kind));
                }
            }
        }
        found.sort_by_key(|found| found.start);
        found
    }

    /// Finds secrets inside the strings of a quoted value; offsets are those of `value`.
    fn find_quoted(&self, value: &str, find: impl Fn(&Self, &str) -> Vec<Found>) -> Option<Vec<Found>> {
        let view = View::unquoted(value);
        let mut found = Vec::new();
        for secret in find(self, &view.text) {
            view.clip(secret, &mut found);
        }
        join_overlapping(&mut found);
        (!found.is_empty()).then_some(found)
    }

    /// Whether a search can find anything; most text is passed over here.
    fn may_have_secrets(&self, text: &str) -> bool {
        self.prefilter.as_ref().is_none_or(|prefilter| prefilter.may_find(text))
    }

    /// The bits of the rules whose keywords occur, and where the first word of a name begins.
    fn candidates(&self, text: &str) -> (u128, usize) {
        let (mut bits, mut first_name) = (0, text.len());
        for (byte, rule) in &self.short_rules {
            let may_match = match byte {
                b'@' => prefilter::has_user(text),
                b'.' => prefilter::has_middle(text),
                _ => memchr::memchr(*byte, text.as_bytes()).is_some(),
            };
            if may_match {
                bits |= rule;
            }
        }
        if let Some(keywords) = &self.keywords {
            for hit in keywords.find_overlapping_iter(text) {
                let rule = self.keyword_rules[hit.pattern().as_usize()];
                bits |= rule;
                if rule == NAMES {
                    first_name = first_name.min(hit.start());
                }
            }
        }
        (bits, first_name)
    }

    /// Finds secrets in text and in all that it encodes, in order and without overlap.
    fn find(&self, text: &str) -> Vec<Found> {
        let mut found = Vec::new();
        self.find_in_readings(text, 0, &mut found);
        join_overlapping(&mut found);
        found
    }

    /// Searches the text and its readings, whose number and length are bounded.
    fn find_in_readings(&self, text: &str, depth: usize, found: &mut Vec<Found>) {
        self.find_as_written(text, found);
        if depth == DEPTH_MAX {
            return;
        }
        for view in [View::unescaped(text), View::percent_decoded(text)].into_iter().flatten() {
            let mut inside = Vec::new();
            self.find_in_readings(&view.text, depth + 1, &mut inside);
            found.extend(inside.into_iter().map(|secret| view.in_original(secret)));
        }
        for (start, end, said) in view::base64_texts(text) {
            let mut inside = Vec::new();
            self.find_in_readings(&said, depth + 1, &mut inside);
            let kind =
                inside.first().map(|secret| secret.kind).or_else(|| is_user_and_password(&said).then_some(CREDENTIALS));
            found.extend(kind.map(|kind| Found::new(start, end, kind)));
        }
    }

    /// Searches the text as it is written.
    fn find_as_written(&self, text: &str, found: &mut Vec<Found>) {
        made::find(text, found);
        let (mut candidates, first_name) = self.candidates(text);
        if candidates & NAMES != 0 {
            names::find(text, first_name, found);
        }
        candidates &= !NAMES;
        while candidates != 0 {
            let rule = self.rules.get(candidates.trailing_zeros() as usize);
            candidates &= candidates - 1;
            let Some((regex, kind)) = rule else { continue };
            let mut note = |secret: Option<Match>| {
                if let Some(secret) = secret.filter(|secret| !secret.is_empty() && !is_placeholder(secret.as_str())) {
                    found.push(Found::new(secret.start(), secret.end(), kind));
                }
            };
            // Finding groups is much slower than finding matches.
            if regex.captures_len() == 1 {
                regex.find_iter(text).for_each(|secret| note(Some(secret)));
            } else {
                regex.captures_iter(text).for_each(|captures| note(captures.iter().skip(1).flatten().next()));
            }
        }
    }
}

/// Whether a user may stand in an address, with its quotes or without. In an authority of its own no slash is before it.
fn may_have_user(address: &str) -> bool {
    let inside = address.strip_prefix('"').unwrap_or(address);
    memchr::memchr(b'@', inside.as_bytes()).is_some() && Spans::of(inside).is_none_or(|spans| spans.user.is_some())
}

/// Puts what was found in order and makes one of what overlaps. A secret with a form that a rule knows says more than a name,
/// and than a form that only looks made.
fn join_overlapping(found: &mut Vec<Found>) {
    found.sort_by_key(|found| (found.start, usize::MAX - found.end));
    found.dedup_by(|next, kept| {
        let overlaps = next.start < kept.end;
        if overlaps {
            kept.end = kept.end.max(next.end);
            let says_little = |kind: &str| rules::is_by_name(kind) || kind == made::KIND;
            if says_little(kept.kind) && !says_little(next.kind) {
                kept.kind = next.kind;
            }
        }
        overlaps
    });
}

/// Whether a text is `user:password` and nothing else, as the header `Authorization: Basic` has it.
fn is_user_and_password(text: &str) -> bool {
    let Some((user, password)) = text.trim_end_matches('\n').split_once(':') else { return false };
    let is_user = |char: char| char.is_ascii_alphanumeric() || "._@+-".contains(char);
    !user.is_empty()
        && user.len() <= 128
        && user.chars().all(is_user)
        && (4..=256).contains(&password.len())
        && !password.contains(char::is_whitespace)
        && !password.starts_with('/')
        && !is_time_and_process(password)
}

/// Whether this is `time:pid`: Tetragon's id of a process is its node's name with both behind it, in base64. The time is in nanoseconds since
/// the machine's start, so that a short number is none.
fn is_time_and_process(text: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.split_once(':').is_some_and(|(time, process)| time.len() >= 9 && is_number(time) && is_number(process))
}

/// Searches and replaces until nothing is found.
fn settle(value: &str, find: impl Fn(&str) -> Option<Vec<Found>>) -> Option<RedactedText> {
    let mut redacted = RedactedText { text: String::new(), redactions: Vec::new() };
    for round in 0..ROUNDS_MAX {
        let text = if round == 0 { value } else { &redacted.text };
        match find(text) {
            None if round == 0 => return None,
            None => return Some(redacted),
            Some(found) => redacted = replace(text, &found, &redacted.redactions),
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
fn whole(value: &str) -> RedactedText {
    let quote = if value.starts_with(['"', '{', '[']) { "\"" } else { "" };
    let redaction = Redaction { kind: WHOLE_VALUE, offset: quote.len() };
    RedactedText { text: format!("{quote}[REDACTED:{WHOLE_VALUE}]{quote}"), redactions: vec![redaction] }
}

/// Puts placeholders in; earlier redactions move with the text, and those inside a replaced range go.
fn replace(text: &str, found: &[Found], earlier: &[Redaction]) -> RedactedText {
    let mut out = String::with_capacity(text.len());
    let mut redactions = Vec::new();
    let mut earlier = earlier.iter().peekable();
    let mut at = 0;
    for Found { start, end, kind, is_number } in found.iter().copied() {
        let quote = if is_number { "\"" } else { "" };
        let shift = out.len() as isize - at as isize;
        while let Some(redaction) = earlier.next_if(|redaction| redaction.offset < end) {
            if redaction.offset < start {
                redactions
                    .push(Redaction { kind: redaction.kind, offset: redaction.offset.saturating_add_signed(shift) });
            }
        }
        out.push_str(&text[at..start]);
        out.push_str(quote);
        redactions.push(Redaction { kind, offset: out.len() });
        out.push_str("[REDACTED:");
        out.push_str(kind);
        out.push(']');
        out.push_str(quote);
        at = end;
    }
    let shift = out.len() as isize - at as isize;
    redactions.extend(
        earlier
            .map(|redaction| Redaction { kind: redaction.kind, offset: redaction.offset.saturating_add_signed(shift) }),
    );
    out.push_str(&text[at..]);
    RedactedText { text: out, redactions }
}

#[cfg(test)]
mod tests;
