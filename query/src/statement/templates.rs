//! Patterns of the SQL standard and of PostgreSQL in the languages that the engine speaks.

use std::str::Chars;

/// What `to_char` of PostgreSQL writes for a time (table 9.31 of its manual), and what `strftime` calls it. A longer word
/// stands before those that begin it. Names are not padded with blanks, as if `FM` stood before each.
const TIME_WORDS: [(&str, &str); 31] = [
    ("HH24", "%H"),
    ("HH12", "%I"),
    ("HH", "%I"),
    ("MI", "%M"),
    ("SSSSS", ""),
    ("SS", "%S"),
    ("MS", "%3f"),
    ("US", "%6f"),
    ("am", "%P"),
    ("pm", "%P"),
    ("AM", "%p"),
    ("PM", "%p"),
    ("IYYY", "%G"),
    ("YYYY", "%Y"),
    ("YYY", ""),
    ("YY", "%y"),
    ("IW", "%V"),
    ("IDDD", ""),
    ("ID", "%u"),
    ("Month", "%B"),
    ("Mon", "%b"),
    ("MM", "%m"),
    ("Day", "%A"),
    ("Dy", "%a"),
    ("DDD", "%j"),
    ("DD", "%d"),
    ("TZH", ""),
    ("TZM", ""),
    ("TZ", "%Z"),
    ("OF", "%:z"),
    ("FM", NOTHING),
];

/// What stands for nothing in the list above, where the empty text stands for what is not known.
const NOTHING: &str = "\u{0}";

/// The classes of characters that PostgreSQL knows (section 9.7.3 of its manual) and the engine too.
const CLASSES: [&str; 12] = [
    "[:alnum:]",
    "[:alpha:]",
    "[:blank:]",
    "[:cntrl:]",
    "[:digit:]",
    "[:graph:]",
    "[:lower:]",
    "[:print:]",
    "[:punct:]",
    "[:space:]",
    "[:upper:]",
    "[:xdigit:]",
];

/// A template of `to_char` as a pattern of `strftime`.
pub(super) fn strftime(template: &str) -> Result<String, String> {
    let mut out = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some(first) = rest.chars().next() {
        if first == '"' {
            let (quoted, after) = rest[1..]
                .split_once('"')
                .ok_or_else(|| "a quotation in the pattern of to_char has no end".to_owned())?;
            out.push_str(quoted);
            rest = after;
        } else if let Some((word, pattern)) = TIME_WORDS.iter().find(|(word, _)| begins(rest, word)) {
            if pattern.is_empty() {
                return Err(format!("to_char does not know {word}; patterns of strftime work too, such as '%Y-%m-%d'"));
            }
            out.push_str(pattern.trim_start_matches(NOTHING));
            rest = &rest[word.len()..];
        } else if first.is_alphabetic() {
            return Err(format!(
                "to_char does not know the pattern that begins with {first}; quote text, as in 'YYYY-MM-DD\"T\"HH24:MI'"
            ));
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    Ok(out)
}

/// Numbers are written alike whatever the case of their pattern.
fn begins(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|head| head == word || head.to_ascii_uppercase() == word)
}

/// A pattern of `SIMILAR TO` as a regular expression that matches the whole text: `%` and `_` stand for any characters,
/// `| * + ? {m,n} ( ) [ ]` mean what they do in regular expressions, everything else means itself.
pub(super) fn regular(pattern: &str, escape: Option<char>) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len() + 16);
    out.push_str("^(?s:");
    let mut characters = pattern.chars();
    let unbalanced = || "the brackets in the pattern of SIMILAR TO do not match".to_owned();
    let (mut in_set, mut groups) = (false, 0_usize);
    while let Some(character) = characters.next() {
        if Some(character) == escape {
            let next = characters.next().ok_or_else(|| "a pattern of SIMILAR TO ends with its escape".to_owned())?;
            push_itself(next, &mut out);
            continue;
        }
        match character {
            ']' => {
                in_set = false;
                out.push(']');
            }
            '[' if in_set && characters.as_str().starts_with(':') => out.push_str(class(&mut characters)?),
            '^' | '-' if in_set => out.push(character),
            _ if in_set => push_itself(character, &mut out),
            '[' => {
                in_set = true;
                out.push('[');
            }
            '%' => out.push_str(".*"),
            '_' => out.push('.'),
            // A group that is not captured, so that nothing that follows `(` is taken for an instruction.
            '(' => {
                groups += 1;
                out.push_str("(?:");
            }
            // Else the pattern would close the group that holds the whole.
            ')' => {
                groups = groups.checked_sub(1).ok_or_else(unbalanced)?;
                out.push(')');
            }
            '|' | '*' | '+' | '?' | '{' | '}' => out.push(character),
            _ => push_itself(character, &mut out),
        }
    }
    out.push_str(")$");
    if in_set || groups > 0 { Err(unbalanced()) } else { Ok(out) }
}

/// A class within a set, such as `[:digit:]`, whose bracket was read already.
fn class(characters: &mut Chars<'_>) -> Result<&'static str, String> {
    let rest = characters.as_str();
    let known = CLASSES.iter().find(|class| rest.starts_with(&class[1..]));
    let class = known.ok_or_else(|| "a set in the pattern of SIMILAR TO has a class that is not known".to_owned())?;
    *characters = rest[class.len() - 1..].chars();
    Ok(class)
}

fn push_itself(character: char, out: &mut String) {
    if character.is_ascii_punctuation() {
        out.push('\\');
    }
    out.push(character);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_of_to_char() {
        let check = |template: &str, expected: Option<&str>| {
            assert_eq!(strftime(template).ok().as_deref(), expected, "{template}");
        };
        check("YYYY-MM-DD HH24:MI:SS", Some("%Y-%m-%d %H:%M:%S"));
        check("YYYY-MM-DD\"T\"HH24:MI:SS.USOF", Some("%Y-%m-%dT%H:%M:%S.%6f%:z"));
        check("Dy, DD Mon YYYY", Some("%a, %d %b %Y"));
        check("FMMonth", Some("%B"));
        check("IYYY-IW", Some("%G-%V"));
        check("yyyy-mm-dd hh24:mi am", Some("%Y-%m-%d %H:%M %P"));
        check("SSSSS", None);
        check("Quarter", None);
        check("YYYY \"never closed", None);
    }

    #[test]
    fn patterns_of_similar_to() {
        let check = |pattern: &str, expected: Option<&str>| {
            assert_eq!(regular(pattern, Some('\\')).ok().as_deref(), expected, "{pattern}");
        };
        check("abc", Some("^(?s:abc)$"));
        check("a%_", Some("^(?s:a.*.)$"));
        check("(a|b)+.x", Some("^(?s:(?:a|b)+\\.x)$"));
        check("[a-f%]{2}", Some("^(?s:[a-f\\%]{2})$"));
        check("[[:digit:]a]+", Some("^(?s:[[:digit:]a]+)$"));
        check("[^[:space:]]", Some("^(?s:[^[:space:]])$"));
        check("[[:digit]", None);
        check("[[:number:]]", None);
        check("a\\%", Some("^(?s:a\\%)$"));
        check("a)|(.*", None);
        check("(a", None);
        check("[a", None);
        check("a\\", None);
    }
}
