//! Extension is one new file and one line in one list: every file of such a folder stands in its list.

use std::collections::BTreeSet;

use quote::ToTokens;
use syn::visit::Visit;

use crate::no_faults;
use crate::sources::root;

/// Folders whose files are extensions. The list stands in the folder's module file.
const REGISTRIES: [&str; 4] =
    ["ingest/src/dialect", "ingest/src/transport", "detect/src/detector", "query/export/src/sink"];

#[test]
fn every_extension_is_in_its_list() {
    let mut faults = Vec::new();
    for folder in REGISTRIES {
        let Some((list, text)) = module_file(folder) else {
            faults.push(format!("{folder}: has no module file; the list of its extensions belongs there"));
            continue;
        };
        let listed = listed_words(&text);
        let modules = extensions(folder);
        if modules.is_empty() {
            faults.push(format!("{folder}: is empty"));
        }
        let missing = modules.iter().filter(|module| !listed.contains(*module));
        faults.extend(missing.map(|module| {
            format!("{folder}/{module}: add its line to the list in {list}, or move what is no extension out of the folder")
        }));
    }
    no_faults(&faults);
}

fn module_file(folder: &str) -> Option<(String, String)> {
    let candidates = [format!("{folder}.rs"), format!("{folder}/mod.rs")];
    candidates.into_iter().find_map(|path| Some((path.clone(), std::fs::read_to_string(root().join(&path)).ok()?)))
}

/// The modules in a folder: files and folders, without the module file itself.
fn extensions(folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join(folder)).into_iter().flatten().filter_map(Result::ok);
    let names = entries.map(|entry| entry.file_name().to_string_lossy().trim_end_matches(".rs").to_owned());
    names.filter(|name| name != "mod").collect()
}

/// The words in the values of a file's constants and statics: the list names its members by their module.
fn listed_words(text: &str) -> BTreeSet<String> {
    struct Finder(BTreeSet<String>);
    impl Finder {
        fn add(&mut self, value: &syn::Expr) {
            let text = value.to_token_stream().to_string();
            let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
            self.0.extend(words.map(str::to_owned));
        }
    }
    impl<'a> Visit<'a> for Finder {
        fn visit_item_const(&mut self, item: &'a syn::ItemConst) {
            self.add(&item.expr);
        }
        fn visit_item_static(&mut self, item: &'a syn::ItemStatic) {
            self.add(&item.expr);
        }
    }
    let mut finder = Finder(BTreeSet::new());
    finder.visit_file(&syn::parse_file(text).unwrap());
    finder.0
}

#[test]
fn lists_are_read() {
    let words = listed_words("mod b; static ALL: &[&dyn A] = &[&b::B, &c::C]; fn d() { e::f(); }");
    assert!(words.contains("b") && words.contains("c") && !words.contains("e"));
}
