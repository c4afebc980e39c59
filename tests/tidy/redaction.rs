//! Intake reaches the ledger through `event` only, where what is appended has been searched for secrets.

use crate::no_faults;
use crate::purity::named;
use crate::sources::{File, Token, flat, rust};

/// The package, and the folder of it that may append.
const INTAKE: &str = "ingest/src/";
const EVENT: &str = "ingest/src/event";

/// What of `ledger` appends, or is appended, and the words that bring it under no name or another.
const APPENDING: [&str; 6] = ["Appender", "Entry", "Group", "Store", "self", "*"];

#[test]
fn intake_appends_what_was_redacted_and_nothing_else() {
    let files = rust();
    let others = files.iter().filter(|file| !file.is_test && file.path.starts_with(INTAKE));
    let faults: Vec<String> = others.filter(|file| !file.path.starts_with(EVENT)).flat_map(faults).collect();
    assert!(files.iter().any(|file| file.path.starts_with(EVENT)), "{EVENT} is there");
    no_faults(&faults);
}

fn faults(file: &File) -> Vec<String> {
    let tokens = flat(file.tokens());
    let mut faults = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Token::Word(word, line) = token else { continue };
        let names = match &tokens[at + 1..] {
            [Token::Word(other, _), ..] if word == "ledger" && other == "as" => vec!["self".to_owned()],
            after if word == "ledger" => named(after),
            _ => Vec::new(),
        };
        let appending = names.into_iter().filter(|name| APPENDING.contains(&name.as_str()));
        for name in appending.chain((word == "appender" && is_called(&tokens, at)).then(|| "appender()".to_owned())) {
            faults.push(format!(
                "{}:{line}: `{name}` of the ledger: what intake appends goes through `event::Batch`, so that it was searched for secrets",
                file.path
            ));
        }
    }
    faults
}

/// Whether the word is a method that is called.
fn is_called(tokens: &[Token], at: usize) -> bool {
    matches!(at.checked_sub(1).map(|before| &tokens[before]), Some(Token::Sign('.')))
        && matches!(tokens.get(at + 1), Some(Token::Open(proc_macro2::Delimiter::Parenthesis)))
}

#[test]
fn a_way_past_redaction_is_named() {
    let check = |text: &str, expected: usize| {
        let file = File { path: "ingest/src/a.rs".to_owned(), text: text.to_owned(), is_test: false };
        assert_eq!(faults(&file).len(), expected, "{text}");
    };
    check("use ledger::{AppendError, Group, Pending};", 1);
    check("fn f(entry: &ledger::Entry) {}", 1);
    check("use ledger::*; use ledger as log; use ledger::{self, Row}; extern crate ledger as other;", 4);
    check("fn f() { store.events().appender().append(group); }", 1);
    check(
        "use ledger::{AppendError, Pending, Receipt}; struct S { appender: BatchAppender } fn f() { self.appender.queue(batch, patience); }",
        0,
    );
}
