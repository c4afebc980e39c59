//! The words of a condition, each with its place. No meaning lives here.

use super::ConditionError;

/// A word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// A name: of a column, a function or a variable.
    Name(String),
    /// A whole number without its sign; as large as the magnitude of the smallest integer.
    Int(u64),
    /// A text.
    Text(String),
    /// An operator or a bracket.
    Sign(&'static str),
}

/// Longer ones first, so that `<=` is not read as `<`.
const SIGNS: [&str; 23] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "!", "+", "-", "*", "/", "%", "(", ")", "[", "]", ".", ",", "?", ":",
    "{",
];

/// Splits a condition into words.
pub fn lex(source: &str) -> Result<Vec<(usize, Token)>, ConditionError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        if first.is_ascii_whitespace() {
            at += 1;
        } else if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if let Some(prefix) = text_prefix(rest) {
            let (text, len) = text(rest, prefix, at)?;
            tokens.push((at, Token::Text(text)));
            at += len;
        } else if first.is_ascii_digit() {
            let (number, len) = number(rest, at)?;
            tokens.push((at, Token::Int(number)));
            at += len;
        } else if first.is_ascii_alphabetic() || first == '_' {
            let len = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push((at, Token::Name(rest[..len].to_owned())));
            at += len;
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            tokens.push((at, Token::Sign(sign)));
            at += sign.len();
        } else {
            return Err(ConditionError::new(at, format!("{first:?} has no meaning in a condition")));
        }
    }
    Ok(tokens)
}

/// The letters before the quote of a text, if this is one.
fn text_prefix(rest: &str) -> Option<&str> {
    ["", "r", "R", "b", "B", "br", "bR", "Br", "BR", "rb", "rB", "Rb", "RB"]
        .into_iter()
        .find(|prefix| rest.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['"', '\''])))
}

/// The value of the text at the start of `rest`, and its length there.
fn text(rest: &str, prefix: &str, at: usize) -> Result<(String, usize), ConditionError> {
    if prefix.contains(['b', 'B']) {
        return Err(ConditionError::new(at, "no column that rules read holds bytes; leave the `b` away"));
    }
    let quoted = &rest[prefix.len()..];
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| quoted.starts_with(quote)).unwrap_or("'");
    let body = &quoted[quote.len()..];
    let mut value = String::new();
    let mut chars = body.char_indices();
    while let Some((offset, c)) = chars.next() {
        if body[offset..].starts_with(quote) {
            return Ok((value, prefix.len() + quote.len() + offset + quote.len()));
        }
        match c {
            '\\' if prefix.is_empty() => {
                let len = escape(&body[offset..], &mut value).ok_or_else(|| {
                    let here = at + prefix.len() + quote.len() + offset;
                    ConditionError::new(here, "an escape that does not exist; for patterns write r'…'")
                })?;
                (1..len).for_each(|_| _ = chars.next());
            }
            '\n' | '\r' if quote.len() == 1 => break,
            c => value.push(c),
        }
    }
    Err(ConditionError::new(at, "the text does not end; its closing quote is missing"))
}

/// Appends what an escape stands for; its length in characters, all of which are ASCII.
fn escape(body: &str, value: &mut String) -> Option<usize> {
    let bytes = body.as_bytes();
    let digits = |from: usize, len: usize, radix: u32| -> Option<char> {
        let digits = body.get(from..from + len).filter(|digits| digits.bytes().all(|b| b.is_ascii_alphanumeric()))?;
        char::from_u32(u32::from_str_radix(digits, radix).ok()?)
    };
    let (c, len) = match *bytes.get(1)? {
        b'n' => ('\n', 2),
        b't' => ('\t', 2),
        b'r' => ('\r', 2),
        b'a' => ('\u{7}', 2),
        b'b' => ('\u{8}', 2),
        b'f' => ('\u{c}', 2),
        b'v' => ('\u{b}', 2),
        quote @ (b'\\' | b'?' | b'"' | b'\'' | b'`') => (char::from(quote), 2),
        b'x' | b'X' => (digits(2, 2, 16)?, 4),
        b'u' => (digits(2, 4, 16)?, 6),
        b'U' => (digits(2, 8, 16)?, 10),
        b'0'..=b'3' => (digits(1, 3, 8)?, 4),
        _ => return None,
    };
    value.push(c);
    Some(len)
}

fn number(rest: &str, at: usize) -> Result<(u64, usize), ConditionError> {
    let hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
    let start = if hexadecimal { 2 } else { 0 };
    let digits = rest[start..].find(|c: char| !c.is_ascii_hexdigit() || !(hexadecimal || c.is_ascii_digit()));
    let end = digits.map_or(rest.len(), |len| start + len);
    let decimal = rest[end..].strip_prefix('.').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if decimal || rest[end..].starts_with(['e', 'E']) {
        return Err(ConditionError::new(
            at,
            "columns hold whole numbers; write one, such as 2500000 for $2.50 in micros",
        ));
    }
    if rest[end..].starts_with(['u', 'U']) {
        return Err(ConditionError::new(at, "columns hold signed numbers; leave the `u` away"));
    }
    let number = u64::from_str_radix(&rest[start..end], if hexadecimal { 16 } else { 10 });
    let number = number.ok().filter(|number| *number <= i64::MIN.unsigned_abs());
    Ok((number.ok_or_else(|| ConditionError::new(at, "this number does not fit in 64 bits"))?, end))
}
