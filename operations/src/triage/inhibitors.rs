//! Which alerts hide others now: an index over the inhibition rules, kept up to date alert by alert, so that ten thousand
//! alerts at once cost ten thousand look-ups and not their square.

use std::collections::{BTreeMap, BTreeSet};

use super::matcher::{Column, all_match};
use super::policy::Inhibition;
use crate::alert::Alert;

/// The alerts that hide, per rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Inhibitors(Vec<Sources>);

/// The alerts that hide by one rule, by the values that must be equal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sources {
    /// Those that the rule cannot hide.
    strict: BTreeMap<String, BTreeSet<String>>,
    /// Those that it could hide too. They hide only alerts that are no source themselves: two alerts that hide each other
    /// would leave nobody to tell.
    mutual: BTreeMap<String, BTreeSet<String>>,
}

impl Inhibitors {
    pub(super) fn new(rules: &[Inhibition]) -> Self {
        Self(rules.iter().map(|_| Sources::default()).collect())
    }

    /// Counts an alert among those that hide.
    pub(super) fn insert(&mut self, rules: &[Inhibition], alert: &Alert) {
        for (sources, rule) in self.0.iter_mut().zip(rules) {
            if let Some((keys, key)) = sources.of(rule, alert) {
                keys.entry(key).or_default().insert(alert.id.clone());
            }
        }
    }

    /// Takes an alert out, as it was when it was inserted.
    pub(super) fn remove(&mut self, rules: &[Inhibition], alert: &Alert) {
        for (sources, rule) in self.0.iter_mut().zip(rules) {
            let Some((keys, key)) = sources.of(rule, alert) else { continue };
            if let Some(ids) = keys.get_mut(&key) {
                ids.remove(&alert.id);
                if ids.is_empty() {
                    keys.remove(&key);
                }
            }
        }
    }

    /// The rules that hide an alert now, each with one of the alerts that do it.
    pub(super) fn hiding<'a>(&'a self, rules: &'a [Inhibition], alert: &Alert) -> Vec<(&'a Inhibition, &'a str)> {
        let found = self.0.iter().zip(rules).filter_map(|(sources, rule)| {
            if !all_match(&rule.target, alert) {
                return None;
            }
            let key = key(&rule.equal, alert)?;
            let strict = sources.strict.get(&key).and_then(BTreeSet::first);
            let mutual = || sources.mutual.get(&key).and_then(BTreeSet::first);
            let source = strict.or_else(|| if all_match(&rule.source, alert) { None } else { mutual() })?;
            Some((rule, source.as_str()))
        });
        found.collect()
    }
}

impl Sources {
    /// Where an alert belongs that the rule's source matches.
    fn of(&mut self, rule: &Inhibition, alert: &Alert) -> Option<(&mut BTreeMap<String, BTreeSet<String>>, String)> {
        if !all_match(&rule.source, alert) {
            return None;
        }
        let key = key(&rule.equal, alert)?;
        Some((if all_match(&rule.target, alert) { &mut self.mutual } else { &mut self.strict }, key))
    }
}

/// The values that must be equal. An alert without one of them is like no other: hiding too little is the safe side.
fn key(columns: &[Column], alert: &Alert) -> Option<String> {
    let values: Vec<&str> = columns.iter().map(|column| column.value(alert)).collect();
    values.iter().all(|value| !value.is_empty()).then(|| serde_json::Value::from(values).to_string())
}
