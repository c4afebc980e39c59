//! The words of a text with what they are for: without case, accents, escapes of JSON, and characters that nobody sees.

use super::lexicon::{Class, begins, class_of};

/// A word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// Where it stands in the text.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What it is for.
    pub class: Class,
    /// Whether a sentence, a line or a clause begins with it.
    pub is_first: bool,
}

/// A text in which the escapes of JSON and YAML are blanks and line ends, byte for byte, so that places stay.
pub fn unescaped(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        let from = at;
        while bytes.get(at) == Some(&b'\\') {
            at += 1;
        }
        let end = match bytes.get(at) {
            Some(b'n' | b'r') => b'\n',
            Some(b't') => b' ',
            Some(b'"') => b'\'',
            // A line that is folded, and anything else.
            _ => {
                bytes[from..at].fill(b' ');
                continue;
            }
        };
        bytes[from..at].fill(b' ');
        bytes[at] = end;
        at += 1;
    }
    // Only whole characters of one byte were replaced.
    String::from_utf8(bytes).unwrap_or_default()
}

/// Whether a character is one that nobody sees.
pub fn is_unseen(char: char) -> bool {
    matches!(char, '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{ad}' | '\u{e0000}'..='\u{e007f}')
}

fn is_dense(char: char) -> bool {
    matches!(char, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7af}' | '\u{f900}'..='\u{faff}')
}

/// The words of a text in which escapes were replaced.
pub fn words(text: &str) -> Vec<Word> {
    let mut words = Vec::with_capacity(text.len() / 6);
    let mut folded = String::new();
    let (mut start, mut is_first) = (0, true);
    let mut skipped = 0;
    for (at, char) in text.char_indices() {
        if at < skipped {
            continue;
        }
        if is_unseen(char) {
            continue;
        }
        let joins = matches!(char, '\'' | '-' | '.' | '’') && !folded.is_empty() && {
            let next = text[at + char.len_utf8()..].chars().next();
            next.is_some_and(char::is_alphanumeric) && (char != '.' || folded.len() < 2)
        };
        if (char.is_alphanumeric() && !is_dense(char)) || joins {
            if folded.is_empty() {
                start = at;
            }
            fold(char, &mut folded);
            continue;
        }
        if !folded.is_empty() {
            words.push(Word { start, end: at, class: class_of(&folded), is_first });
            is_first = false;
            folded.clear();
        }
        if is_dense(char) {
            if let Some((class, len)) = begins(&text[at..]) {
                words.push(Word { start: at, end: at + len, class, is_first });
                (is_first, skipped) = (false, at + len);
            }
        } else if matches!(
            char,
            '.' | '!' | '?' | '\n' | ':' | ';' | '。' | '！' | '？' | '：' | '"' | '>' | '(' | '*' | '#' | '`'
        ) {
            is_first = true;
        }
    }
    if !folded.is_empty() {
        words.push(Word { start, end: text.len(), class: class_of(&folded), is_first });
    }
    words
}

/// Appends a character in small letters and without its accent.
fn fold(char: char, out: &mut String) {
    if char.is_ascii() {
        out.push(char.to_ascii_lowercase());
        return;
    }
    for char in char.to_lowercase() {
        out.push(match char {
            'à'..='å' | 'ā' | 'ą' => 'a',
            'è'..='ë' | 'ē' | 'ę' => 'e',
            'ì'..='ï' | 'ī' | 'ı' => 'i',
            'ò'..='ö' | 'ø' | 'ō' => 'o',
            'ù'..='ü' | 'ū' => 'u',
            'ç' | 'ć' | 'č' => 'c',
            'ñ' | 'ń' => 'n',
            'ś' | 'š' => 's',
            'ź' | 'ż' | 'ž' => 'z',
            'ł' => 'l',
            'ý' | 'ÿ' => 'y',
            '’' => '\'',
            other => other,
        });
    }
}
