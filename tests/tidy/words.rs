//! Words that do not belong into the code, each with what to write in its place.

use proc_macro2::Delimiter;

use crate::no_faults;
use crate::sources::{File, Token, flat, rust};

/// Macros that mean "not finished".
const MACROS: [(&str, &str); 3] = [
    ("todo", "finish it or leave it out: what is not there yet does not stand in the code"),
    ("unimplemented", "finish it or leave it out: what is not there yet does not stand in the code"),
    ("dbg", "use a `tracing` event with fields, or remove it"),
];

/// Methods that turn bad input into a crash.
const METHODS: [(&str, &str); 2] = [
    ("unwrap", "return a typed error, or use `unwrap_or`, `let … else` or a type that cannot fail"),
    ("expect", "return a typed error, or use `unwrap_or_else`, `let … else` or a type that cannot fail"),
];

#[test]
fn unfinished_code_is_not_checked_in() {
    no_faults(&rust().iter().flat_map(unfinished).collect::<Vec<_>>());
}

#[test]
fn users_never_meet_unwrap_or_unsafe() {
    no_faults(&rust().iter().filter(|file| !file.is_test).flat_map(crashing).collect::<Vec<_>>());
}

fn unfinished(file: &File) -> Vec<String> {
    let tokens = flat(file.tokens());
    let macros = tokens.windows(2).filter_map(|pair| match pair {
        [Token::Word(word, line), Token::Sign('!')] => {
            let (_, remedy) = MACROS.iter().find(|(name, _)| name == word)?;
            Some(format!("{}:{line}: `{word}!`: {remedy}", file.path))
        }
        _ => None,
    });
    let dead = tokens.windows(3).filter_map(|three| match three {
        [Token::Word(allow, line), Token::Open(Delimiter::Parenthesis), Token::Word(lint, _)]
            if allow == "allow" && lint == "dead_code" =>
        {
            Some(format!("{}:{line}: `allow(dead_code)`: delete what nothing uses", file.path))
        }
        _ => None,
    });
    macros.chain(dead).collect()
}

fn crashing(file: &File) -> Vec<String> {
    let tokens = flat(file.tokens());
    let calls = tokens.windows(3).filter_map(|three| match three {
        [Token::Sign('.' | ':'), Token::Word(word, line), Token::Open(Delimiter::Parenthesis)] => {
            let (_, remedy) = METHODS.iter().find(|(name, _)| name == word)?;
            Some(format!("{}:{line}: `.{word}()`: {remedy}", file.path))
        }
        _ => None,
    });
    let keyword = tokens.windows(2).filter_map(|pair| match pair {
        [Token::Word(word, line), Token::Open(Delimiter::Brace) | Token::Word(..)] if word == "unsafe" => {
            Some(format!("{}:{line}: `unsafe`: use a safe library; the workspace forbids it", file.path))
        }
        _ => None,
    });
    calls.chain(keyword).collect()
}

#[test]
fn the_rules_find_what_they_forbid() {
    let check = |source: &str, unfinished_count: usize, crashing_count: usize| {
        let file = File { path: "src/a.rs".to_owned(), text: source.to_owned(), is_test: false };
        assert_eq!(unfinished(&file).len(), unfinished_count, "{source}");
        assert_eq!(crashing(&file).len(), crashing_count, "{source}");
    };
    check("fn a() { todo!() }", 1, 0);
    check("fn a() { select! { _ = b => unimplemented!() } }", 1, 0);
    check("#[allow(dead_code)] fn a() { dbg!(1); }", 2, 0);
    check("fn a() { b().unwrap(); c.expect(\"d\"); e.map(Result::unwrap) }", 0, 2);
    check("fn a() { unsafe { b() } }", 0, 1);
    check("fn a() { b.unwrap_or(1); d.unwrap_or_default(); c.expected() } // unwrap() todo!()", 0, 0);
    check("#[cfg(test)] mod tests { fn a() { b.unwrap() } }", 0, 0);
}
