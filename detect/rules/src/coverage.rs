//! Which technique is found by which rule, from which events, and what is not: derived from the rules' tags and examples. The page
//! docs/coverage.md is this text.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use detect_core::spec::Spec;
use serde::Serialize;
use serde_json::Value;

use crate::registry::DETECTORS;
use crate::techniques::{Catalogue, TECHNIQUES};

/// A technique and who finds it.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// Its id.
    pub id: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The list that it stands in.
    pub catalogue: Catalogue,
    /// The rules that name it.
    pub rules: Vec<RuleCoverage>,
    /// What of it no rule sees, and why.
    pub unseen: &'static str,
}

/// A rule as far as a technique is concerned.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct RuleCoverage {
    /// Its name.
    pub rule: &'static str,
    /// The kinds of events that it hears of, as its examples show.
    pub events: Vec<String>,
}

/// Every technique of the lists that matters to coding agents.
pub fn coverage() -> Vec<Covered> {
    let rules = |id: &str| {
        let naming = DETECTORS.iter().filter(|spec| spec.tags.contains(&id));
        naming.map(|spec| RuleCoverage { rule: spec.name, events: events(spec) }).collect()
    };
    let covered = TECHNIQUES.iter().map(|technique| Covered {
        id: technique.id,
        name: technique.name,
        catalogue: technique.catalogue(),
        rules: rules(technique.id),
        unseen: technique.unseen,
    });
    covered.collect()
}

/// The kinds of events in the examples in which a rule speaks.
fn events(spec: &Spec) -> Vec<String> {
    let mut kinds = BTreeSet::new();
    for example in spec.examples.iter().filter(|example| !example.alerts.is_empty()) {
        for text in example.events {
            let event: Value = serde_json::from_str(text).unwrap_or_default();
            kinds.extend(event.get("kind").and_then(Value::as_str).map(str::to_owned));
        }
    }
    kinds.into_iter().collect()
}

const HEAD: &str = "\
# What is covered

<!-- Made by `UPDATE_DOCS=1 cargo test -p detect-rules coverage` from the rules' tags and examples and from `detect/rules/src/techniques.rs`. -->

Techniques of three lists that matter to coding agents: the OWASP Top 10 for Agentic Applications (2026), MITRE ATLAS (data of 2026-05) and
MITRE ATT&CK. A rule that names a technique finds some ways of it, not all: what is known not to be seen stands beside it. `tachograph rules
explain RULE` says what a rule looks for; `tachograph rules coverage -o json` prints this page for programs.
";

/// The page.
pub fn page() -> String {
    let all = coverage();
    let mut text = String::from(HEAD);
    for (catalogue, title) in [
        (Catalogue::Owasp, "OWASP Top 10 for Agentic Applications"),
        (Catalogue::Atlas, "MITRE ATLAS"),
        (Catalogue::Attack, "MITRE ATT&CK"),
    ] {
        let of_list: Vec<&Covered> = all.iter().filter(|covered| covered.catalogue == catalogue).collect();
        let found: Vec<&&Covered> = of_list.iter().filter(|covered| !covered.rules.is_empty()).collect();
        // Writing to a string does not fail.
        let _ = write!(text, "\n## {title}\n\n{} of {} are found by a rule.\n\n", found.len(), of_list.len());
        text.push_str("| technique | found by | what of it is not seen |\n|---|---|---|\n");
        for covered in &found {
            let rules: Vec<String> = covered.rules.iter().map(|rule| format!("`{}`", rule.rule)).collect();
            let _ = writeln!(text, "| {} {} | {} | {} |", covered.id, covered.name, rules.join(", "), covered.unseen);
        }
        let missing: Vec<&&Covered> = of_list.iter().filter(|covered| covered.rules.is_empty()).collect();
        if !missing.is_empty() {
            text.push_str("\n| not found by any rule | why |\n|---|---|\n");
        }
        for covered in missing {
            let _ = writeln!(text, "| {} {} | {} |", covered.id, covered.name, covered.unseen);
        }
    }
    text.push_str("\n## From which events\n\nThe kinds of events that each rule hears of, as its examples show; which source brings them: README.md.\n\n");
    text.push_str("| rule | kinds of events | techniques |\n|---|---|---|\n");
    for spec in DETECTORS {
        let kinds: Vec<String> = events(spec).iter().map(|kind| format!("`{kind}`")).collect();
        let _ = writeln!(text, "| `{}` | {} | {} |", spec.name, kinds.join(", "), spec.tags.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_told_with_its_events() {
        for spec in DETECTORS {
            assert!(!events(spec).is_empty(), "{}: its examples have events", spec.name);
        }
        let of = |id: &str| coverage().into_iter().find(|covered| covered.id == id).unwrap();
        assert!(of("AML.T0051").rules.is_empty() && !of("AML.T0051").unseen.is_empty());
        let beacon = RuleCoverage { rule: "egress.beacon", events: vec!["egress.http".to_owned()] };
        assert!(of("AML.T0108").rules.contains(&beacon));
    }

    /// `UPDATE_DOCS=1 cargo test -p detect-rules coverage` writes the file.
    #[test]
    fn the_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/coverage.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        let file = std::fs::read_to_string(path).unwrap_or_default();
        assert!(file == page(), "docs/coverage.md is stale: run UPDATE_DOCS=1 cargo test -p detect-rules coverage");
    }
}
