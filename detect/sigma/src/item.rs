//! One line of a detection, `field|modifiers: values`, as an expression, or the reason why it is none.

use rsigma_parser::{DetectionItem, SigmaValue};

use crate::anchors::{anchored, printable};
use crate::encoding::encode;
use crate::expression::{Comparison, Expression};
use crate::modifiers::{Modifiers, Operator};
use crate::network;
use crate::pattern::{Dialect, Held, Pattern, Piece, WHOLE, alternatives, any_of, flags};
use crate::source::{Part, Source, Target};

/// Where a command begins in a line of several: at the start, after a separator, after a word that runs another command, or in what
/// `sh -c` is given.
const COMMAND_START: &str = r"(?:(?:^|[;&|(){}!\n\x60])[ \t]*(?:(?:[A-Za-z_][A-Za-z0-9_]*=[^ \t\n]*|then|do|else|exec|nohup|time|command|(?:sudo|doas|env|xargs|nice|timeout)(?:[ \t][^;&|\n]*?)?)[ \t]+)*|[ \t]-[a-z]*c[ \t]+[\x22\x27]?)";
/// Where one ends.
const COMMAND_END: &str = r"[ \t]*(?:$|[;&|()}\n\x60]|[\x22\x27][ \t]*$)";
const COMMAND: Dialect<'static> = Dialect { any: ".*", one: ".", start: [COMMAND_START, ""], end: [COMMAND_END, ""] };

/// The name of a program, after its folder or alone.
const PROGRAM_START: &str = r"(?:[^ \t\n;&|]*[/\\])?";
/// What ends it: a space, a separator, a quote, a redirection.
const PROGRAM_END: &str = r"(?:\.exe)?(?:$|[ \t\n;&|()<>\x22\x27\x60])";

/// The bytes of a query, of what stands before it, and of the last part's ending.
const STEM: Dialect<'static> = Dialect { any: "[^?]*", one: "[^?]", start: ["^", "^[^?]*"], end: [r"(?:\?|$)", ""] };
const QUERY: Dialect<'static> = Dialect { any: ".*", one: ".", start: [r"^[^?]*\?", r"^[^?]*\?.*"], end: ["$", ""] };
const EXTENSION: Dialect<'static> = Dialect {
    any: "[^?/.]*",
    one: "[^?/.]",
    start: [r"^[^?]*\.", r"^[^?]*\.[^?/.]*"],
    end: [r"(?:\?|$)", r"[^?/.]*(?:\?|$)"],
};

/// The line as an expression.
pub fn expression(item: &DetectionItem, source: Source) -> Result<Expression, String> {
    let field = item.field.name.as_deref().ok_or("keywords: rules look into columns, not into whole records")?;
    let inner = || {
        let target = source.target(field).map_err(|error| (false, error))?;
        let modifiers = Modifiers::of(&item.field.modifiers).map_err(|error| (true, error))?;
        if item.values.is_empty() {
            return Err((true, "it has no value".to_owned()));
        }
        of_target(target, &modifiers, &item.values).map_err(|error| (true, error))
    };
    inner().map_err(|(named, error)| if named { format!("field `{field}`: {error}") } else { error })
}

fn of_target(target: Target, modifiers: &Modifiers, values: &[SigmaValue]) -> Result<Expression, String> {
    match modifiers.operator {
        Operator::Exists => exists(target, values),
        Operator::Pattern => joined(modifiers.all, values.iter().map(|value| pattern(target, &modifiers.flags, value))),
        Operator::Network => joined(modifiers.all, values.iter().map(|value| in_network(target, value))),
        Operator::Compare(comparison) => {
            joined(modifiers.all, values.iter().map(|value| compare(target, comparison, value)))
        }
        Operator::Differs => {
            let alone = Modifiers { operator: Operator::Is, ..modifiers.clone() };
            let differs = |value| {
                let is = text(target, &alone, std::slice::from_ref(value))?;
                Ok(Expression::all([target.says(), Expression::not(is)]))
            };
            joined(modifiers.all, values.iter().map(differs))
        }
        _ if modifiers.all => {
            joined(true, values.iter().map(|value| text(target, modifiers, std::slice::from_ref(value))))
        }
        _ => text(target, modifiers, values),
    }
}

fn joined(all: bool, parts: impl Iterator<Item = Result<Expression, String>>) -> Result<Expression, String> {
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    Ok(if all { Expression::all(parts) } else { Expression::any(parts) })
}

fn exists(target: Target, values: &[SigmaValue]) -> Result<Expression, String> {
    let wanted = match values {
        [SigmaValue::Bool(value)] => *value,
        _ => return Err("`exists` is true or false".to_owned()),
    };
    if matches!(target, Target::Part(Part::Query | Part::Extension)) {
        return Err("whether a part of the path exists is not told by a column".to_owned());
    }
    Ok(if wanted { target.says() } else { Expression::not(target.says()) })
}

fn compare(target: Target, comparison: Comparison, value: &SigmaValue) -> Result<Expression, String> {
    let Target::Number(column) = target else { return Err("only numbers are more or less".to_owned()) };
    Ok(Expression::Number(column, comparison, number(value)?))
}

fn number(value: &SigmaValue) -> Result<i64, String> {
    let refuse = || format!("`{value}` is not a whole number, as columns hold them");
    match value {
        SigmaValue::Integer(number) => Ok(*number),
        SigmaValue::String(text) => text.as_plain().and_then(|text| text.parse().ok()).ok_or_else(refuse),
        _ => Err(refuse()),
    }
}

fn in_network(target: Target, value: &SigmaValue) -> Result<Expression, String> {
    let (Target::Host, SigmaValue::String(text)) = (target, value) else {
        return Err("only the host that was asked for may be an address in a network".to_owned());
    };
    Ok(Expression::Matches("host", network::regex(&text.original)?))
}

/// A pattern that the rule wrote itself. It is found anywhere, and case counts unless its flags say otherwise.
fn pattern(target: Target, flags: &str, value: &SigmaValue) -> Result<Expression, String> {
    let SigmaValue::String(text) = value else { return Err("a pattern is a text".to_owned()) };
    let regex = printable(&text.original);
    let with =
        |flags: &str, regex: &str| if flags.is_empty() { regex.to_owned() } else { format!("(?{flags}){regex}") };
    let matches = |column| Expression::Matches(column, with(flags, &regex));
    match target {
        Target::Text(column) => Ok(matches(column)),
        Target::User => Ok(matches("user")),
        // Names of hosts have no case.
        Target::Host if flags.contains('i') => Ok(matches("host")),
        Target::Host => Ok(Expression::Matches("host", with(&format!("i{flags}"), &regex))),
        Target::Url => Ok(Expression::any([matches("target"), matches("path")])),
        Target::CommandLine => {
            let anchored = anchored(&regex).filter(|found| !(found.start || found.end) || !flags.contains('m'));
            let found = anchored.ok_or("its pattern is held to an end of the value in one place or with one flag only, and a command line may hold several commands")?;
            if !found.start && !found.end {
                return Ok(matches("command"));
            }
            let start = if found.start { COMMAND_START } else { "" };
            let end = if found.end { COMMAND_END } else { "" };
            Ok(Expression::Matches("command", with(flags, &format!("{start}(?:{}){end}", found.inner))))
        }
        Target::Program | Target::Part(_) | Target::Number(_) | Target::Constant(_) => {
            Err("a pattern is not looked for in it: it has no column of text of its own".to_owned())
        }
    }
}

/// Values that are compared as texts; any of them.
fn text(target: Target, modifiers: &Modifiers, values: &[SigmaValue]) -> Result<Expression, String> {
    let (mut parts, mut patterns) = (Vec::new(), Vec::new());
    for value in values {
        if matches!(value, SigmaValue::Null) {
            if modifiers.operator != Operator::Is {
                return Err("null is no text".to_owned());
            }
            parts.push(Expression::not(target.says()));
            continue;
        }
        if let Target::Number(column) = target {
            if modifiers.operator != Operator::Is {
                return Err("a part of a number is not looked for".to_owned());
            }
            parts.push(Expression::Number(column, Comparison::Equal, number(value)?));
            continue;
        }
        if let Target::Constant(constant) = target {
            let wanted = value.to_string().to_ascii_lowercase();
            if modifiers.operator != Operator::Is || wanted != constant.to_string() {
                return Err(format!("only events in which it is {constant} are recorded here"));
            }
            parts.push(Expression::Bool(true));
            continue;
        }
        patterns.extend(written(modifiers, value)?);
    }
    if !patterns.is_empty() {
        parts.push(matching(target, modifiers.cased, &patterns)?);
    }
    Ok(Expression::any(parts))
}

/// What a value looks for, encoded and opened as its modifiers say.
fn written(modifiers: &Modifiers, value: &SigmaValue) -> Result<Vec<Pattern>, String> {
    let pattern = match value {
        SigmaValue::String(text) => Pattern::of(text),
        SigmaValue::Integer(number) => Pattern::plain(&number.to_string()),
        SigmaValue::Bool(value) => Pattern::plain(&value.to_string()),
        SigmaValue::Float(_) => return Err(format!("`{value}`: how a decimal number is written is not known")),
        SigmaValue::Null => return Err("null is no text".to_owned()),
    };
    let mut patterns = vec![pattern];
    if !modifiers.encodings.is_empty() {
        let plain = patterns.iter().find_map(Pattern::as_plain).ok_or("a value with wildcards is not encoded")?;
        let texts = encode(plain, &modifiers.encodings).ok_or("what it is encoded to is no text")?;
        patterns = texts.iter().map(|text| Pattern::plain(text)).collect();
    }
    let (start, end) = match modifiers.operator {
        Operator::Contains => (true, true),
        Operator::StartsWith => (false, true),
        Operator::EndsWith => (true, false),
        _ => (false, false),
    };
    let finish = |pattern: Pattern| {
        let pattern = if modifiers.any_dash { pattern.any_dash() } else { pattern };
        pattern.open(start, end)
    };
    Ok(patterns.into_iter().map(finish).collect())
}

fn matching(target: Target, cased: bool, patterns: &[Pattern]) -> Result<Expression, String> {
    match target {
        Target::Text(column) => Ok(any_of(column, patterns, cased, WHOLE)),
        Target::User => user(cased, patterns),
        Target::Host => hosts(patterns),
        Target::CommandLine => Ok(any_of("command", patterns, cased, COMMAND)),
        Target::Program => programs(cased, patterns),
        Target::Url => {
            Ok(Expression::any([any_of("target", patterns, cased, WHOLE), any_of("path", patterns, cased, WHOLE)]))
        }
        Target::Part(part) => parts_of_path(part, cased, patterns),
        Target::Number(_) | Target::Constant(_) => Err("it is no text".to_owned()),
    }
}

/// Accounts of a machine that are no person.
const ACCOUNTS: [&str; 10] = [
    "root",
    "system",
    "nt authority",
    "authori",
    "autori",
    "local service",
    "network service",
    "nobody",
    "www-data",
    "daemon",
];

fn user(cased: bool, patterns: &[Pattern]) -> Result<Expression, String> {
    for pattern in patterns {
        let (_, pieces) = pattern.parts();
        let literals = pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(text) => Some(text.to_lowercase()),
            _ => None,
        });
        for literal in literals {
            if ACCOUNTS.iter().any(|account| literal == *account || (account.len() > 6 && literal.contains(account))) {
                return Err(format!(
                    "`{literal}` is an account of a machine; `user` is the person for whom the agent works, and the account is not recorded"
                ));
            }
        }
    }
    Ok(any_of("user", patterns, cased, WHOLE))
}

/// Hosts are recorded in lower case and in ASCII, so case never counts.
fn hosts(patterns: &[Pattern]) -> Result<Expression, String> {
    let lower = patterns.iter().map(|pattern| {
        let piece = |piece: &Piece| match piece {
            Piece::Literal(text) if text.is_ascii() => Ok(Piece::Literal(text.to_ascii_lowercase())),
            Piece::Literal(text) => Err(format!("`{text}`: hosts are recorded in ASCII; write the name as xn--…")),
            other => Ok(other.clone()),
        };
        pattern.0.iter().map(piece).collect::<Result<_, _>>().map(Pattern)
    });
    Ok(any_of("host", &lower.collect::<Result<Vec<_>, String>>()?, true, WHOLE))
}

/// Programs by name, where a command line starts them.
fn programs(cased: bool, patterns: &[Pattern]) -> Result<Expression, String> {
    let mut regexes = Vec::new();
    for pattern in patterns {
        let (held, pieces) = pattern.parts();
        let [Piece::Literal(first), rest @ ..] = pieces else { return Err(folder(pattern)) };
        let name = first.strip_prefix(['/', '\\']).filter(|name| !name.is_empty());
        let (Some(name), Held { start: false, .. }) = (name, held) else { return Err(folder(pattern)) };
        let mut named = Pattern(vec![Piece::Literal(without_exe(name, rest.is_empty() && held.end).to_owned())]);
        named.0.extend(rest.iter().cloned());
        if named.holds(&['/', '\\']) || named.0.contains(&Piece::Dash) {
            return Err(folder(pattern));
        }
        let any = r"[^ \t\n;&|/\\]*";
        let dialect = Dialect { any, one: r"[^ \t\n;&|/\\]", start: ["", ""], end: ["", any] };
        regexes.push(if held.end { named.regex(dialect) } else { named.open(false, true).regex(dialect) });
    }
    // All names share the long beginning; several conditions take a list that is too long for one.
    let found = alternatives(&regexes).into_iter().map(|names| {
        let regex = format!("{}{COMMAND_START}[\\x22\\x27]?{PROGRAM_START}(?:{names}){PROGRAM_END}", flags(cased));
        Expression::Matches("command", regex)
    });
    Ok(Expression::any(found))
}

/// Command lines leave the ending out.
fn without_exe(name: &str, is_whole: bool) -> &str {
    let stem = name.len().checked_sub(4).and_then(|at| name.split_at_checked(at));
    match stem {
        Some((stem, ending)) if is_whole && !stem.is_empty() && ending.eq_ignore_ascii_case(".exe") => stem,
        _ => name,
    }
}

fn folder(pattern: &Pattern) -> String {
    let said: String = pattern
        .0
        .iter()
        .map(|piece| match piece {
            Piece::Literal(text) => text.as_str(),
            Piece::Any => "*",
            Piece::One => "?",
            Piece::Dash => "-",
        })
        .collect();
    format!("`{said}`: which folder a program lies in is not recorded; only its name is, as in |endswith: '/curl'")
}

fn parts_of_path(part: Part, cased: bool, patterns: &[Pattern]) -> Result<Expression, String> {
    let (dialect, foreign): (_, &[char]) = match part {
        Part::Stem => (STEM, &['?']),
        Part::Query => (QUERY, &[]),
        Part::Extension => (EXTENSION, &['?', '/', '.']),
    };
    if patterns.iter().any(|pattern| pattern.0.is_empty() || pattern.is_anything()) {
        return Err("whether a part of the path exists is not told by a column".to_owned());
    }
    // What holds a character that ends the part is never in it.
    let possible: Vec<Pattern> = patterns.iter().filter(|pattern| !pattern.holds(foreign)).cloned().collect();
    if possible.is_empty() {
        return Ok(Expression::Bool(false));
    }
    Ok(any_of("path", &possible, cased, dialect))
}
