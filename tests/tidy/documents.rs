//! What our documents say about the code and about themselves: that named tests exist, that decisions are dated and listed.

use crate::no_faults;
use crate::sources::{files, rust};

/// Where the decisions lie.
const DECISIONS: &str = "docs/decisions/";

#[test]
fn the_tests_that_hold_the_invariants_exist() {
    let pages = files("md");
    let page = pages.iter().find(|page| page.path == "ARCHITECTURE.md").map_or("", |page| page.text.as_str());
    let sources = rust();
    let named = named(page);
    assert!(named.len() > 20, "the table of invariants is gone or has another form");
    let missing = named.iter().filter(|(path, test)| {
        !sources.iter().any(|file| file.path == *path && file.text.contains(&format!("fn {test}(")))
    });
    let missing = missing.map(|(path, test)| {
        format!("ARCHITECTURE.md: {path} has no test `{test}`: name the test that holds the invariant now")
    });
    no_faults(&missing.collect::<Vec<_>>());
}

#[test]
fn every_decision_is_dated_and_listed() {
    let pages = files("md");
    let decisions = pages.iter().filter_map(|page| page.path.strip_prefix(DECISIONS));
    let decisions: Vec<&str> = decisions.filter(|name| *name != "README.md").collect();
    assert!(!decisions.is_empty(), "there are no decisions in {DECISIONS}");
    let index = pages.iter().find(|page| page.path == format!("{DECISIONS}README.md"));
    let index = index.map_or("", |page| page.text.as_str());
    no_faults(&decisions.iter().filter_map(|name| fault_of_decision(name, index)).collect::<Vec<_>>());
}

/// The file and the test of each line of the table of invariants.
fn named(page: &str) -> Vec<(&str, &str)> {
    let rows = page.lines().filter(|line| line.starts_with('|'));
    let pairs = rows.filter_map(|line| {
        let cell = line.trim_end_matches('|').trim_end().rsplit("| ").next()?;
        let (path, test) = cell.strip_prefix('`')?.strip_suffix('`')?.split_once("` `")?;
        path.contains(".rs").then_some((path, test))
    });
    pairs.collect()
}

fn fault_of_decision(name: &str, index: &str) -> Option<String> {
    let is_dated = name.split('-').map(str::len).take(3).eq([4, 2, 2])
        && name.split('-').take(3).all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_dated {
        return Some(format!("{DECISIONS}{name}: is named YYYY-MM-DD-topic.md, after the day of the decision"));
    }
    let listed = format!("]({name})");
    (!index.contains(&listed)).then(|| format!("{DECISIONS}{name}: add its line to {DECISIONS}README.md"))
}

#[test]
fn what_is_wrong_is_found() {
    let page = "| holds | test |\n|---|---|\n| a | `b.rs` `c` |\n| d | `e.rs` |\nText `f.rs` `g`.\n";
    assert_eq!(named(page), [("b.rs", "c")]);
    let check = |name: &str, index: &str, says: Option<&str>| {
        let fault = fault_of_decision(name, index);
        assert_eq!(fault.is_some(), says.is_some(), "{name}: {fault:?}");
        assert!(says.is_none_or(|says| fault.as_deref().unwrap_or_default().contains(says)), "{name}: {fault:?}");
    };
    check("2026-11-29-blocks.md", "- [Blocks](2026-11-29-blocks.md)", None);
    check("2026-11-29-blocks.md", "- 2026-11-29", Some("add its line"));
    check("blocks.md", "- [Blocks](blocks.md)", Some("YYYY-MM-DD"));
    check("26-11-29-blocks.md", "", Some("YYYY-MM-DD"));
    check("2026-nov-29-blocks.md", "", Some("YYYY-MM-DD"));
}
