//! Tests of the way that an event goes.

use std::fs;
use std::path::{Path, PathBuf};

use ledger::events::column;
use operations::access::Trust;

use super::*;

#[test]
fn trust_is_the_least_of_all() {
    let mut draft = Draft::default();
    draft.limit_trust(Trust::Gateway);
    assert_eq!(draft.columns.text(column::TRUST), Some("gateway"));
    draft.limit_trust(Trust::ControlPlane);
    assert_eq!(draft.columns.text(column::TRUST), Some("gateway"));
    draft.limit_trust(Trust::Agent);
    assert_eq!(draft.columns.text(column::TRUST), Some("agent"));
}

#[test]
fn drafts_are_reused_empty() {
    let mut drafts = Drafts::new();
    let draft = drafts.add();
    draft.url.push_str("https://acme.example/");
    draft.columns.set_integer(column::STATUS, 1);
    drafts.clear();
    assert!(drafts.is_empty() && drafts.iter_mut().next().is_none());
    let draft = drafts.add();
    assert!(draft.url.is_empty() && draft.columns.is_empty());
    assert_eq!((drafts.len(), drafts.iter().count()), (1, 1));
}

/// Every source of the package.
fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The types hold the way as long as nobody builds a group beside them.
#[test]
fn groups_are_built_in_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let builds = |path: &&PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        text.lines().any(|line| line.contains("Group::new(") && !line.contains("contains("))
    };
    let found: Vec<&Path> = files.iter().filter(builds).map(|path| path.strip_prefix(&root).unwrap()).collect();
    assert_eq!(found, [Path::new("event/batch.rs")]);
}
