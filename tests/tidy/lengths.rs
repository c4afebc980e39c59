//! How long files and functions may be, and that files say what they are for.
//!
//! What was too long when the rule came stands in `ratchet.toml` and may only shrink.

use std::collections::BTreeMap;

use serde::Deserialize;
use syn::spanned::Spanned;
use syn::visit::Visit;

use crate::no_faults;
use crate::sources::{File, root, rust};

/// Lines of a file.
const FILE_LINES_MAX: usize = 500;
/// Lines of a function from `fn` to its closing bracket.
const FUNCTION_LINES_MAX: usize = 70;

/// The exceptions: each with the length that it had, which it must not pass.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ratchet {
    /// Path → lines. The file's head comment says why it is long.
    files: BTreeMap<String, usize>,
    /// `path::function` → lines.
    functions: BTreeMap<String, usize>,
}

fn ratchet() -> Ratchet {
    let path = root().join("tests/tidy/ratchet.toml");
    toml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn files_are_short() {
    let lengths = rust().iter().map(|file| (file.path.clone(), file.text.lines().count())).collect();
    let remedy = "split it by meaning";
    no_faults(&compare(&lengths, &ratchet().files, FILE_LINES_MAX, remedy));
}

#[test]
fn functions_are_short() {
    let mut lengths = BTreeMap::new();
    for file in rust() {
        for (name, lines) in functions(&file) {
            let longest = lengths.entry(format!("{}::{name}", file.path)).or_insert(0);
            *longest = lines.max(*longest);
        }
    }
    let remedy = "take a step with a name of its own out of it";
    no_faults(&compare(&lengths, &ratchet().functions, FUNCTION_LINES_MAX, remedy));
}

#[test]
fn files_say_what_lives_in_them() {
    let bare = rust().into_iter().filter(|file| !file.text.starts_with("//! "));
    let fault = |file: File| {
        format!("{}: open it with `//!` and whole sentences: what lives here, and what must not", file.path)
    };
    no_faults(&bare.map(fault).collect::<Vec<_>>());
}

fn compare(
    lengths: &BTreeMap<String, usize>,
    exceptions: &BTreeMap<String, usize>,
    max: usize,
    remedy: &str,
) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, lines) in lengths {
        match exceptions.get(name) {
            None if *lines > max => faults.push(format!("{name} has {lines} lines, at most {max}: {remedy}")),
            Some(before) if lines > before => {
                faults.push(format!("{name} grew from {before} to {lines} lines: {remedy}"));
            }
            Some(before) if lines < before => faults.push(format!(
                "{name} shrank from {before} to {lines} lines: well done; write that down in tests/tidy/ratchet.toml"
            )),
            _ => {}
        }
    }
    let gone = exceptions.keys().filter(|name| !lengths.contains_key(*name));
    faults.extend(gone.map(|name| format!("{name} is gone: take it out of tests/tidy/ratchet.toml")));
    faults
}

/// The functions of a file with their lengths in lines, without comments and attributes above them.
fn functions(file: &File) -> Vec<(String, usize)> {
    struct Finder(Vec<(String, usize)>);
    impl Finder {
        fn add(&mut self, signature: &syn::Signature, body: &syn::Block) {
            let lines = body.span().end().line - signature.span().start().line + 1;
            self.0.push((signature.ident.to_string(), lines));
        }
    }
    impl<'a> Visit<'a> for Finder {
        fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
            self.add(&item.sig, &item.block);
            syn::visit::visit_item_fn(self, item);
        }
        fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
            self.add(&item.sig, &item.block);
            syn::visit::visit_impl_item_fn(self, item);
        }
        fn visit_trait_item_fn(&mut self, item: &'a syn::TraitItemFn) {
            if let Some(body) = &item.default {
                self.add(&item.sig, body);
            }
            syn::visit::visit_trait_item_fn(self, item);
        }
    }
    let mut finder = Finder(Vec::new());
    let parsed = syn::parse_file(&file.text).unwrap_or_else(|error| panic!("{}: {error}", file.path));
    finder.visit_file(&parsed);
    finder.0
}

#[test]
fn the_ratchet_only_turns_one_way() {
    let lengths = |lines| BTreeMap::from([("a".to_owned(), lines)]);
    let check = |lines, before: Option<usize>, faults: usize| {
        let before = before.map(lengths).unwrap_or_default();
        assert_eq!(compare(&lengths(lines), &before, 10, "").len(), faults, "{lines} {before:?}");
    };
    check(10, None, 0);
    check(11, None, 1);
    check(11, Some(11), 0);
    check(12, Some(11), 1);
    check(9, Some(11), 1);
    assert_eq!(compare(&BTreeMap::new(), &lengths(11), 10, "").len(), 1);
    let source = "trait A { fn a() {\n} fn b(); }\n/// Not counted.\n#[inline]\npub fn c(\n) {\n}\n";
    let file = File { path: String::new(), text: source.to_owned(), is_test: false };
    assert_eq!(functions(&file), [("a".to_owned(), 2), ("c".to_owned(), 3)]);
}
