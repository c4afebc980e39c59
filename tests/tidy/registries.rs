//! Extension is one new file and one line in one list: every file of such a folder stands in its list.

use std::collections::BTreeSet;

use crate::no_faults;
use crate::sources::{File, Token, flat, rust};

/// The trait of an extension, the folder where its files lie, and the file with their list.
const REGISTRIES: [(&str, &str, &str); 4] = [
    ("Dialect", "ingest/src/dialect/", "ingest/src/dialect.rs"),
    ("Transport", "ingest/src/transport/", "ingest/src/transport.rs"),
    ("Detector", "detect/rules/src/", "detect/rules/src/registry.rs"),
    ("Sink", "export/src/sinks/", "export/src/sinks.rs"),
];

/// What implements such a trait and is no extension: the rules of users are listed in their files.
const NOT_LISTED: [&str; 1] = ["detect/rules/src/user/detector.rs"];

#[test]
fn every_extension_is_in_its_list() {
    let files = rust();
    let mut faults = Vec::new();
    for (contract, folder, list) in REGISTRIES {
        let Some(list) = files.iter().find(|file| file.path == list) else {
            faults.push(format!("{list}: is gone; the list of the extensions in {folder} belongs there"));
            continue;
        };
        let listed = listed_words(list);
        let modules = extensions(&files, contract, folder);
        if modules.is_empty() {
            faults.push(format!("{folder}: has no extension"));
        }
        let missing = modules.iter().filter(|module| !listed.contains(*module));
        faults.extend(missing.map(|module| {
            format!("{folder}…/{module}: implements `{contract}`: add its line to the list in {}", list.path)
        }));
    }
    no_faults(&faults);
}

/// The modules in a folder that implement the trait.
fn extensions(files: &[File], contract: &str, folder: &str) -> BTreeSet<String> {
    let files = files.iter().filter(|file| !file.is_test && file.path.starts_with(folder));
    let files = files.filter(|file| !NOT_LISTED.contains(&file.path.as_str()));
    let files = files.filter(|file| {
        let tokens = flat(file.tokens());
        tokens.windows(2).any(
            |pair| matches!(pair, [Token::Word(name, _), Token::Word(word, _)] if name == contract && word == "for"),
        )
    });
    let module = |file: &File| file.path.trim_end_matches(".rs").rsplit('/').next().unwrap_or_default().to_owned();
    files.map(module).collect()
}

/// The words of a file that stand before `::`: a list names its members by their module, a `mod` line does not count.
fn listed_words(list: &File) -> BTreeSet<String> {
    let tokens = flat(list.tokens());
    let paths = tokens.windows(3).filter_map(|three| match three {
        // The list of detectors is a macro's: `group::module;`.
        [Token::Word(word, _), Token::Sign(':'), Token::Sign(':')]
        | [Token::Sign(':'), Token::Word(word, _), Token::Sign(';')] => Some(word.clone()),
        _ => None,
    });
    paths.collect()
}

#[test]
fn lists_are_read() {
    let text = "mod b; mod d; static ALL: &[&dyn A] = &[&b::B, &c::C]; list! { \"e\" e group::e; }";
    let words = listed_words(&File { path: String::new(), text: text.to_owned(), is_test: false });
    assert!(["b", "c", "e"].iter().all(|word| words.contains(*word)) && !words.contains("d"), "{words:?}");
}
