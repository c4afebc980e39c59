//! Detectors are pure: what `detect-core` and `detect-rules` may name. Their manifests keep libraries out (`layering.rs`); this
//! keeps out what the standard library and our own lower packages offer.

use proc_macro2::Delimiter;

use crate::no_faults;
use crate::sources::{File, Token, flat, rust};

/// Where only pure code lives.
const PURE: [&str; 2] = ["detect/core/src/", "detect/rules/src/"];

/// Words that bring a clock or chance, wherever they come from.
const WORDS: [&str; 5] = ["SystemTime", "Instant", "RandomState", "rand", "getrandom"];

/// Modules of the standard library that do I/O, wait, or ask the machine.
const MODULES: [&str; 7] = ["fs", "net", "thread", "env", "process", "io", "os"];

/// What may be used of a lower package: rows and their columns, not what reads or writes them.
const OF_PACKAGES: [(&str, &[&str]); 2] = [
    (
        "ledger",
        &[
            "Column",
            "Entry",
            "Kind",
            "LedgerName",
            "Part",
            "Position",
            "Row",
            "Rows",
            "Seq",
            "Timestamp",
            "column",
            "events",
            "limits",
        ],
    ),
    ("operations", &["Money", "access", "alert", "calendar"]),
];

#[test]
fn detectors_have_no_clock_no_files_and_no_chance() {
    let files = rust();
    let pure = files.iter().filter(|file| !file.is_test && PURE.iter().any(|folder| file.path.starts_with(folder)));
    let faults: Vec<String> = pure.flat_map(faults).collect();
    assert!(PURE.iter().all(|folder| files.iter().any(|file| file.path.starts_with(folder))), "{PURE:?} are there");
    no_faults(&faults);
}

fn faults(file: &File) -> Vec<String> {
    let tokens = flat(file.tokens());
    let fault = |line: usize, what: &str| {
        format!(
            "{}:{line}: `{what}`: a detector has no clock, no I/O and no randomness, so that the same events give the same \
             findings; do it in `detect-runner`",
            file.path
        )
    };
    let mut faults = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Token::Word(word, line) = token else { continue };
        if WORDS.contains(&word.as_str()) {
            faults.push(fault(*line, word));
        }
        let named = named(&tokens[at + 1..]);
        if word == "std" {
            let impure = named.iter().filter(|name| MODULES.contains(&name.as_str()));
            faults.extend(impure.map(|name| fault(*line, &format!("std::{name}"))));
        }
        if let Some((_, allowed)) = OF_PACKAGES.iter().find(|(package, _)| package == word) {
            let other = named.iter().filter(|name| !allowed.contains(&name.as_str()));
            faults.extend(other.map(|name| fault(*line, &format!("{word}::{name}"))));
        }
    }
    faults
}

/// The names that follow a `::`: one, or those of a group.
pub fn named(tokens: &[Token]) -> Vec<String> {
    let [Token::Sign(':'), Token::Sign(':'), rest @ ..] = tokens else { return Vec::new() };
    match rest {
        [Token::Word(word, _), ..] => vec![word.clone()],
        [Token::Open(Delimiter::Brace), group @ ..] => {
            let (mut depth, mut begins, mut names) = (0, true, Vec::new());
            for token in group {
                match token {
                    Token::Open(_) => depth += 1,
                    Token::Other if depth == 0 => break,
                    Token::Other => depth -= 1,
                    Token::Word(word, _) if depth == 0 && begins => names.push(word.clone()),
                    _ => {}
                }
                begins = matches!(token, Token::Sign(',')) || (begins && matches!(token, Token::Other));
            }
            names
        }
        _ => Vec::new(),
    }
}

#[test]
fn what_is_impure_is_named() {
    let check = |text: &str, expected: &[&str]| {
        let file = File { path: "a.rs".to_owned(), text: text.to_owned(), is_test: false };
        let found = faults(&file);
        assert_eq!(found.len(), expected.len(), "{text}: {found:?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(&format!("`{expected}`")), "{found}");
        }
    };
    check("use std::time::Duration; use core::net::IpAddr; use ledger::{Row, events::column, Position};", &[]);
    check("use std::{fs, collections::BTreeMap, env};", &["std::fs", "std::env"]);
    check("fn now() { std::time::Instant::now(); std::thread::yield_now() }", &["Instant", "std::thread"]);
    check("use ledger::{Row, Store, column::{handle, Reader}};", &["ledger::Store"]);
    check("fn f() { ledger::Reader::open() } use operations::fold;", &["ledger::Reader", "operations::fold"]);
    check("#[cfg(test)] mod tests { use std::fs; }", &[]);
}
