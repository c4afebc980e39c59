//! Detectors are pure: what `detect-core` and `detect-rules` may name. Their manifests keep libraries out (`layering.rs`); this
//! keeps out what the standard library and our own lower packages offer.

use proc_macro2::Delimiter;

use crate::no_faults;
use crate::sources::{File, Token, flat, rust};

/// Where only pure code lives.
const PURE: [&str; 4] = ["detect/core/src/", "detect/rules/src/", "detect/sigma/src/", "effects/src/"];

/// Words that bring a clock or chance, wherever they come from. What `DefaultHasher` makes of a value is another with another compiler.
const WORDS: [&str; 6] = ["SystemTime", "Instant", "RandomState", "DefaultHasher", "rand", "getrandom"];

/// Collections whose hasher is one of chance unless another is named, and the types that must be named then.
const HASHED: [(&str, usize); 2] = [("HashMap", 3), ("HashSet", 2)];

/// Modules of the standard library that do I/O, wait, or ask the machine, and the words that bring them under no name or another.
const MODULES: [&str; 9] = ["fs", "net", "thread", "env", "process", "io", "os", "self", "*"];

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
    ("operations", &["Money", "access", "alert", "calendar", "limits", "teller", "witness"]),
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
        if HASHED.iter().any(|(name, types)| name == word && has_chance(&tokens[at + 1..], *types)) {
            faults.push(fault(*line, word));
        }
        let is_package = word == "std" || OF_PACKAGES.iter().any(|(package, _)| package == word);
        if is_package && matches!(&tokens[at + 1..], [Token::Word(other, _), ..] if other == "as") {
            faults.push(fault(*line, &format!("{word} as")));
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

/// Whether the use of a hashed collection that these tokens follow leaves the hasher to the standard library. Where its name is only
/// brought in nothing is used yet.
fn has_chance(tokens: &[Token], types: usize) -> bool {
    let generics = match tokens {
        [Token::Sign('<'), rest @ ..] | [Token::Sign(':'), Token::Sign(':'), Token::Sign('<'), rest @ ..] => rest,
        [Token::Sign(':'), Token::Sign(':'), ..] => return true,
        [Token::Word(word, _), ..] => return word == "as",
        _ => return false,
    };
    let (mut depth, mut count) = (0, 1);
    for token in generics {
        match token {
            Token::Sign('<') | Token::Open(_) => depth += 1,
            Token::Sign('>') if depth == 0 => break,
            Token::Sign('>') | Token::Other => depth -= 1,
            Token::Sign(',') if depth == 0 => count += 1,
            _ => {}
        }
    }
    count < types
}

/// The names that follow a `::`: one, or those of a group; `*` for all.
pub fn named(tokens: &[Token]) -> Vec<String> {
    let [Token::Sign(':'), Token::Sign(':'), rest @ ..] = tokens else { return Vec::new() };
    match rest {
        [Token::Word(word, _), ..] => vec![word.clone()],
        [Token::Sign('*'), ..] => vec!["*".to_owned()],
        [Token::Open(Delimiter::Brace), group @ ..] => {
            let (mut depth, mut begins, mut names) = (0, true, Vec::new());
            for token in group {
                match token {
                    Token::Open(_) => depth += 1,
                    Token::Other if depth == 0 => break,
                    Token::Other => depth -= 1,
                    Token::Word(word, _) if depth == 0 && begins => names.push(word.clone()),
                    Token::Sign('*') if depth == 0 && begins => names.push("*".to_owned()),
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
    check("use ledger::*; use std::*;", &["ledger::*", "std::*"]);
    check("use std::{*, fmt}; use operations::{Money, *};", &["std::*", "operations::*"]);
    check("use ledger as l; use std as s; extern crate std as t;", &["ledger as", "std as", "std as"]);
    check("use std::{self as s, fmt}; use ledger::{self, Row};", &["std::self", "ledger::self"]);
    check("use std::collections::{BTreeSet, HashMap}; struct S { m: HashMap<u64, (u8, u8), H<P>> }", &[]);
    check("struct S { m: HashMap<u64, Vec<(u8, H)>>, s: HashSet<u64> }", &["HashMap", "HashSet"]);
    check("fn f() { HashMap::new(); let s = HashSet::<u64, H>::default(); }", &["HashMap"]);
    check("use std::collections::HashMap as Map;", &["HashMap"]);
    check("#[cfg(test)] mod tests { use std::fs; }", &[]);
}
