//! The lists that a script goes through, and the names under which it does: what stands in a list is meant wherever the name is.

use super::{TEXTS_MAX, name_at, text_end};
use crate::command::carry::Carried;

/// Loops of one script that are looked at.
const LOOPS_MAX: usize = 32;

/// The lines that a call runs one after another: those of the list that the script goes through with the name that it is given.
pub fn each_line(code: &str, call: &str) -> Vec<Carried> {
    let name = name_at(call, 1.min(call.len()));
    let name = name.strip_suffix(".split").unwrap_or(name);
    let lines = texts_of(code, name).into_iter().filter(|text| text.contains(' ')).take(TEXTS_MAX);
    lines.map(|line| Carried::Line(line, Vec::new())).collect()
}

/// The words of the list that a call is given: texts, and names with what the script gives them, one after another or at once.
pub fn words_of(code: &str, call: &str) -> Vec<String> {
    let list = call.find('[').map_or("", |at| &call[at + 1..]);
    let (mut at, mut words) = (0, Vec::new());
    while words.len() < TEXTS_MAX {
        let Some(next) = list.get(at..).and_then(|rest| rest.find(|char: char| !matches!(char, ' ' | ',' | '\n')))
        else {
            break;
        };
        let start = at + next;
        if list[start..].starts_with(['\'', '"']) {
            let end = text_end(list, start);
            words.push(list.get(start + 1..end).unwrap_or("").to_owned());
            at = end + 1;
            continue;
        }
        let name = name_at(list, start);
        if name.is_empty() || list[start..].starts_with(']') {
            break;
        }
        words.extend(super::assigned(code, name).into_iter().chain(texts_of(code, name)));
        // What is left of it, such as the brackets of a call, says nothing.
        let rest = &list[start + name.len()..];
        at = start + name.len() + rest.find([',', ']']).unwrap_or(rest.len());
    }
    words.truncate(TEXTS_MAX);
    words
}

/// The texts of the lists that a script goes through under a name.
fn texts_of(code: &str, name: &str) -> Vec<String> {
    if name.is_empty() {
        return Vec::new();
    }
    all(code).into_iter().filter(|(names, _)| names.contains(&name)).flat_map(|(_, texts)| texts).collect()
}

/// Every loop over a list of texts: the names of the loop, and the texts.
pub fn all(code: &str) -> Vec<(Vec<&str>, Vec<String>)> {
    let loops = code.match_indices("for ").take(LOOPS_MAX);
    let of = |(at, _): (usize, &str)| {
        let head = code.get(at + 4..)?;
        let head = head.trim_start_matches('(').trim_start_matches("const ").trim_start_matches("let ");
        let (names, rest) = head.split_once(" in ").or_else(|| head.split_once(" of "))?;
        if names.len() > 64 || names.contains(['\n', ';']) {
            return None;
        }
        let names: Vec<&str> = names.split(',').map(|name| name.trim_matches([' ', '(', ')'])).collect();
        let rest = rest.trim_start();
        let list = if rest.starts_with(['[', '(']) { rest } else { assigned(code, rest)? };
        Some((names, texts(list)))
    };
    loops.filter_map(of).collect()
}

/// The list that a script gives a name, from its bracket on.
fn assigned<'c>(code: &'c str, rest: &str) -> Option<&'c str> {
    let name = &rest[..rest.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(rest.len())];
    if name.is_empty() {
        return None;
    }
    code.match_indices(name).take(LOOPS_MAX).find_map(|(at, _)| {
        let value = code[at + name.len()..].trim_start().strip_prefix('=')?.trim_start();
        value.starts_with(['[', '(']).then_some(value)
    })
}

/// The texts of a list, up to its closing bracket.
fn texts(list: &str) -> Vec<String> {
    let (mut at, mut found) = (1, Vec::new());
    while found.len() < TEXTS_MAX {
        let Some(next) = list.get(at..).and_then(|rest| rest.find(['\'', '"', ']', ')', '{'])) else { break };
        let start = at + next;
        if !list[start..].starts_with(['\'', '"']) {
            break;
        }
        let end = text_end(list, start);
        found.push(list.get(start + 1..end).unwrap_or("").to_owned());
        at = end + 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_the_list_of_a_call_stand_for_what_they_are_given() {
        let code =
            "COPY = '/var/tmp/.sh'\nfor verb in ('stop', 'mask'):\n  run(['systemctl', verb, COPY, str(x), 'end'])";
        assert_eq!(
            words_of(code, "(['systemctl', verb, COPY, str(x), 'end'])"),
            ["systemctl", "stop", "mask", "/var/tmp/.sh", "end"]
        );
        assert_eq!(words_of("", "(['a'"), ["a"]);
    }

    #[test]
    fn texts_of_lists_are_found_by_the_name_of_the_loop() {
        let check = |code: &str, name: &str, expected: &[&str]| assert_eq!(texts_of(code, name), expected, "{code}");
        check("for c in ('git push -f', \"ls -l\"):\n  run(c)", "c", &["git push -f", "ls -l"]);
        check("jobs = ['a b', 'c']\nfor job in jobs: pass", "job", &["a b", "c"]);
        check("for (const c of ['x y']) run(c)", "c", &["x y"]);
        check("BLOCKED = ['rm -rf /']\nsubprocess.run(cmd)", "cmd", &[]);
        check("for x in range(3): pass", "x", &[]);
    }
}
