//! Tokens of services that no rule names: a short word, then a long text that no person and no program would write.
//!
//! Services that are new give their tokens such a form, `acme_pat_4fK…`, so that scanners find them. Identifiers of calls and
//! messages have it as well; those that joins need are listed, and most are shorter.

use super::Found;

/// The kind of such a token. Where a rule knows more, its word goes before.
pub const KIND: &str = "unknown_token";
/// The shortest text behind the word.
const PART_BYTES_MIN: usize = 30;
/// The longest word before it.
const WORD_BYTES_MAX: usize = 10;
/// The shortest token.
const TOKEN_BYTES_MIN: usize = PART_BYTES_MIN + 2;

/// Words before identifiers and digests.
const IDENTIFIERS: [&str; 24] = [
    "asst", "batch", "call", "chatcmpl", "ctc", "evt", "file", "ftjob", "gen", "item", "msg", "projects", "req",
    "resp", "rs", "run", "sha1", "sha256", "sha384", "sha512", "srvtoolu", "thread", "tooluse", "toolu",
];

/// Adds the tokens of a text.
pub fn find(text: &str, found: &mut Vec<Found>) {
    found.extend(
        runs(text).filter(|(start, end)| is_made(&text[*start..*end])).map(|(start, end)| Found::new(start, end, KIND)),
    );
}

/// Whether a text may hold one.
pub fn may_find(text: &str) -> bool {
    runs(text).any(|(start, end)| is_made(&text[start..end]))
}

fn is_part(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// Runs of letters, digits, hyphens and underscores that are long enough. Most text is jumped over: a run that is long enough
/// covers every place at this distance.
fn runs(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let bytes = text.as_bytes();
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(last) = bytes.get(from + TOKEN_BYTES_MIN - 1) {
            let probe = from + TOKEN_BYTES_MIN;
            if !is_part(*last) {
                from = probe;
                continue;
            }
            let start = probe - bytes[from..probe].iter().rev().take_while(|byte| is_part(**byte)).count();
            let end = probe + bytes[probe..].iter().take_while(|byte| is_part(**byte)).count();
            from = end;
            if end - start >= TOKEN_BYTES_MIN {
                return Some((start, end));
            }
        }
        None
    })
}

fn is_made(run: &str) -> bool {
    let Some((word, rest)) = run.split_once(['_', '-']) else { return false };
    let is_word = (1..=WORD_BYTES_MAX).contains(&word.len())
        && word.starts_with(|char: char| char.is_ascii_lowercase())
        && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    is_word && !IDENTIFIERS.contains(&word) && rest.split(['_', '-']).any(is_random)
}

/// Whether letters and digits follow each other as chance has it. In names that people write, a capital begins a word or stands
/// among others, and small letters come in words.
fn is_random(part: &str) -> bool {
    let bytes = part.as_bytes();
    if bytes.len() < PART_BYTES_MIN {
        return false;
    }
    let count = |is: fn(&u8) -> bool| bytes.iter().filter(|byte| is(byte)).count();
    let alone = bytes.split(|byte| !byte.is_ascii_lowercase()).filter(|letters| letters.len() == 1).count();
    let odd = bytes.windows(2).filter(|pair| pair[0].is_ascii_uppercase() && !pair[1].is_ascii_lowercase()).count();
    count(u8::is_ascii_digit) >= 1
        && count(u8::is_ascii_lowercase) >= 4
        && count(u8::is_ascii_uppercase) >= 4
        && odd >= 3
        && alone >= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_chance_made_is_told_from_what_people_and_joins_call_things() {
        let random = "a8Kd0PzQ7rLm2XvB9tYc4NwE6hJs1GuF";
        let check = |text: &str, is: bool| {
            let mut found = Vec::new();
            find(text, &mut found);
            assert_eq!((!found.is_empty(), may_find(text)), (is, is), "{text}");
        };
        for before in ["acme_", "acme_pat_", "x1-live-", "use tok_"] {
            check(&format!("{before}{random} now"), true);
        }
        for before in ["toolu_", "call_", "sha512-", "", "Acme_", "verylongword_"] {
            check(&format!("{before}{random} now"), false);
        }
        check("test_shouldReturnTheRightValueWhenUser2IsLoggedIn3Times", false);
        check("test_parseHTTPServerURLWithIPv6AndTLSConfig2", false);
        check("cache-3f786850e387550fdab836ed7e6dc881de23001b", false);
        check("const_THE_LONGEST_NAME_OF_ALL_CONSTANTS_9_IN_THIS_FILE_7", false);
        check("acme_a8Kd0PzQ7rLm2XvB9tYc", false);
        check("", false);
    }
}
