//! What differs between two sets of rules as they are written: parameters of built-in detectors, and user rules.

use detect_rules::rule_set::RuleSet;
use serde::Serialize;
use serde_json::{Map, Value};

/// A difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The rule.
    pub rule: String,
    /// The parameter; `None` if the whole rule was added or removed.
    pub parameter: Option<String>,
    /// What it is in the current set; `None` if it is not there.
    pub from: Option<Value>,
    /// What it is in the candidate.
    pub to: Option<Value>,
}

/// What the candidate changes.
pub fn changes(current: &RuleSet, candidate: &RuleSet) -> Vec<Change> {
    let (current, candidate) = (by_rule(current), by_rule(candidate));
    let mut changes = Vec::new();
    let names: std::collections::BTreeSet<&String> = current.keys().chain(candidate.keys()).collect();
    for rule in names {
        match (current.get(rule), candidate.get(rule)) {
            (Some(from), Some(to)) => compare(rule, "", from, to, &mut changes),
            (from, to) => {
                changes.push(Change { rule: rule.clone(), parameter: None, from: from.cloned(), to: to.cloned() });
            }
        }
    }
    changes
}

fn by_rule(set: &RuleSet) -> Map<String, Value> {
    // Rules hold texts and numbers: they always have a JSON form.
    let mut rules = match serde_json::to_value(&set.builtin) {
        Ok(Value::Object(rules)) => rules,
        _ => Map::new(),
    };
    for rule in &set.user {
        rules.insert(rule.form().name.clone(), serde_json::to_value(rule.form()).unwrap_or_default());
    }
    rules
}

fn compare(rule: &str, path: &str, from: &Value, to: &Value, changes: &mut Vec<Change>) {
    if let (Value::Object(a), Value::Object(b)) = (from, to) {
        let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
        for key in keys {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            compare(rule, &path, a.get(key).unwrap_or(&Value::Null), b.get(key).unwrap_or(&Value::Null), changes);
        }
    } else if from != to {
        let said = |value: &Value| (!value.is_null()).then(|| value.clone());
        changes.push(Change {
            rule: rule.to_owned(),
            parameter: Some(path.to_owned()),
            from: said(from),
            to: said(to),
        });
    }
}
