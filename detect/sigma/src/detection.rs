//! Detections and the conditions over them, as expressions. What cannot be expressed is left out of the tree and named beside it, so
//! that the rest can still be shown.

use std::collections::BTreeMap;

use rsigma_parser::{ConditionExpr, Detection, Detections, Quantifier, SelectorPattern};

use crate::expression::Expression;
use crate::item;
use crate::limits::CHOICES_MAX;
use crate::source::Source;

/// What could be expressed, and why the rest could not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Translated {
    /// `None` if nothing could.
    pub expression: Option<Expression>,
    /// In order, each once.
    pub reasons: Vec<String>,
}

impl Translated {
    /// Adds a reason.
    pub fn refuse(&mut self, reason: impl Into<String>) {
        let reason = reason.into();
        if !self.reasons.contains(&reason) {
            self.reasons.push(reason);
        }
    }
}

/// The detections of a rule of this source.
pub fn translate(detections: &Detections, source: Source) -> Translated {
    let mut translator = Translator { detections, source, done: BTreeMap::new(), found: Translated::default() };
    let parts = detections.conditions.iter().map(|condition| translator.condition(condition));
    let parts: Vec<_> = parts.collect();
    let expression = joined(parts, Expression::any);
    let mut found = translator.found;
    if detections.conditions.is_empty() {
        found.refuse("it has no condition");
    }
    found.expression = expression;
    found
}

struct Translator<'a> {
    detections: &'a Detections,
    source: Source,
    /// Selections that were looked at, so that each is told of once.
    done: BTreeMap<&'a str, Option<Expression>>,
    found: Translated,
}

impl<'a> Translator<'a> {
    fn condition(&mut self, condition: &'a ConditionExpr) -> Option<Expression> {
        match condition {
            ConditionExpr::And(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.condition(part)).collect();
                joined(parts, Expression::all)
            }
            ConditionExpr::Or(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.condition(part)).collect();
                joined(parts, Expression::any)
            }
            ConditionExpr::Not(part) => self.condition(part).map(Expression::not),
            ConditionExpr::Identifier(name) => self.selection(name),
            ConditionExpr::Selector { quantifier, pattern } => self.several(quantifier, pattern),
        }
    }

    fn several(&mut self, quantifier: &Quantifier, pattern: &SelectorPattern) -> Option<Expression> {
        let names = self.detections.named.keys().map(String::as_str);
        let mut names: Vec<&'a str> = names.filter(|name| pattern.matches_detection_name(name)).collect();
        // The parser keeps them in no order.
        names.sort_unstable();
        if names.is_empty() {
            self.found.refuse(format!("`{quantifier} of {pattern}` names no selection"));
            return None;
        }
        let parts: Vec<_> = names.iter().map(|name| self.selection(name)).collect();
        match quantifier {
            Quantifier::Any => joined(parts, Expression::any),
            Quantifier::All => joined(parts, Expression::all),
            Quantifier::Count(count) => {
                let Some(choices) = choices(parts.len(), *count) else {
                    self.found.refuse(format!("`{quantifier} of {pattern}`: there are no such choices, or too many"));
                    return None;
                };
                let all = choices
                    .iter()
                    .map(|choice| joined(choice.iter().map(|at| parts[*at].clone()).collect(), Expression::all));
                joined(all.collect(), Expression::any)
            }
        }
    }

    fn selection(&mut self, name: &str) -> Option<Expression> {
        let Some((name, detection)) = self.detections.named.get_key_value(name) else {
            self.found.refuse(format!("the condition names `{name}`, which is no selection"));
            return None;
        };
        if let Some(done) = self.done.get(name.as_str()) {
            return done.clone();
        }
        let expression = self.detection(detection);
        self.done.insert(name, expression.clone());
        expression
    }

    fn detection(&mut self, detection: &Detection) -> Option<Expression> {
        match detection {
            Detection::AllOf(items) => {
                if items.is_empty() {
                    self.found.refuse("a selection is empty");
                    return None;
                }
                let mut parts = Vec::new();
                for item in items {
                    parts.push(item::expression(item, self.source).map_err(|reason| self.found.refuse(reason)).ok());
                }
                joined(parts, Expression::all)
            }
            Detection::And(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.detection(part)).collect();
                joined(parts, Expression::all)
            }
            Detection::AnyOf(parts) => {
                if parts.is_empty() {
                    self.found.refuse("a selection is empty");
                    return None;
                }
                let parts: Vec<_> = parts.iter().map(|part| self.detection(part)).collect();
                joined(parts, Expression::any)
            }
            Detection::Keywords(_) => {
                self.found.refuse("keywords: rules look into columns, not into whole records");
                None
            }
            Detection::ArrayMatch { field, .. } => {
                self.found.refuse(format!("field `{field}`: no column is a list of fields"));
                None
            }
            Detection::Conditional { .. } => {
                self.found.refuse("a selection with a condition of its own: no column is a list of fields");
                None
            }
        }
    }
}

/// What could be expressed of several parts.
fn joined(parts: Vec<Option<Expression>>, join: impl Fn(Vec<Expression>) -> Expression) -> Option<Expression> {
    let known: Vec<Expression> = parts.into_iter().flatten().collect();
    if known.is_empty() { None } else { Some(join(known)) }
}

/// The ways to choose so many of so many.
fn choices(of: usize, count: u64) -> Option<Vec<Vec<usize>>> {
    let count = usize::try_from(count).ok().filter(|count| (1..=of).contains(count))?;
    let mut found: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..count {
        let longer = found.iter().flat_map(|choice| {
            let from = choice.last().map_or(0, |last| last + 1);
            (from..of).map(|next| [choice.as_slice(), &[next]].concat()).collect::<Vec<_>>()
        });
        found = longer.collect();
        if found.len() > CHOICES_MAX {
            return None;
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_of_so_many_are_chosen() {
        assert_eq!(choices(3, 2).unwrap(), [[0, 1], [0, 2], [1, 2]]);
        assert_eq!(choices(2, 2).unwrap(), [[0, 1]]);
        assert_eq!([choices(2, 0), choices(2, 3), choices(40, 20)], [None, None, None]);
    }
}
