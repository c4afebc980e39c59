//! All rules of an import together: detections with the filters that apply to them, and correlations, which name rules of any file.

use rsigma_parser::version::is_unsupported;
use rsigma_parser::{CorrelationRule, FilterRule, FilterRuleTarget, LogSource, SigmaRule};

use crate::detection::{Translated, translate};
use crate::document::Unit;
use crate::expression::Expression;
use crate::source::Source;

/// A detection rule and what became of it.
#[derive(Debug)]
pub struct Detected {
    pub input: usize,
    pub rule: SigmaRule,
    /// `None` if its log source is not here.
    pub source: Option<Source>,
    pub translated: Translated,
    pub aggregation: Option<String>,
    pub notes: Vec<String>,
}

/// A correlation rule.
#[derive(Debug)]
pub struct Correlated {
    pub input: usize,
    pub rule: CorrelationRule,
    pub problems: Vec<String>,
    pub notes: Vec<String>,
}

/// A filter rule.
#[derive(Debug)]
pub struct Filtered {
    pub input: usize,
    pub rule: FilterRule,
    pub problems: Vec<String>,
    /// Whether there is a rule that it changes.
    pub is_applied: bool,
}

/// What could not be read.
#[derive(Debug)]
pub struct Unread {
    pub input: usize,
    pub title: String,
    pub problems: Vec<String>,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Collection {
    pub detections: Vec<Detected>,
    pub correlations: Vec<Correlated>,
    pub filters: Vec<Filtered>,
    pub unread: Vec<Unread>,
}

impl Collection {
    /// Adds what one document says.
    pub fn add(&mut self, input: usize, unit: Unit) {
        let Unit { collection, aggregation, title, problems, notes } = unit;
        if collection.is_empty() {
            if !problems.is_empty() {
                self.unread.push(Unread { input, title, problems });
            }
            return;
        }
        for rule in collection.rules {
            let (source, mut translated) = match Source::of(&rule.logsource) {
                Ok(source) => (Some(source), translate(&rule.detection, source)),
                Err(reason) => (None, Translated { expression: None, reasons: vec![reason] }),
            };
            for problem in &problems {
                translated.refuse(problem);
            }
            refuse_version(rule.sigma_version, &mut translated);
            let (aggregation, notes) = (aggregation.clone(), notes.clone());
            self.detections.push(Detected { input, rule, source, translated, aggregation, notes });
        }
        for rule in collection.correlations {
            let mut problems = problems.clone();
            if is_unsupported(rule.sigma_version) {
                problems.push(unsupported(rule.sigma_version));
            }
            self.correlations.push(Correlated { input, rule, problems, notes: notes.clone() });
        }
        for rule in collection.filters {
            self.filters.push(Filtered { input, rule, problems: problems.clone(), is_applied: false });
        }
    }

    /// Narrows every rule by the filters that are about it. One that cannot be expressed is a reason against the rule.
    pub fn apply_filters(&mut self) {
        for filter in &mut self.filters {
            for detected in self.detections.iter_mut().filter(|detected| is_about(&filter.rule, &detected.rule)) {
                filter.is_applied = true;
                let Some(source) = detected.source else { continue };
                let narrower = translate(&filter.rule.detection, source);
                for reason in filter.problems.iter().chain(&narrower.reasons) {
                    detected.translated.refuse(format!("filter `{}`: {reason}", filter.rule.title));
                }
                let both = [detected.translated.expression.take(), narrower.expression];
                let known: Vec<Expression> = both.into_iter().flatten().collect();
                detected.translated.expression = (!known.is_empty()).then(|| Expression::all(known));
            }
        }
    }

    /// The rule that a correlation names.
    pub fn find(&self, reference: &str) -> Option<&Detected> {
        self.detections.iter().find(|detected| is_named(&detected.rule, reference))
    }

    /// The correlations that name a rule, unless they let it alert by itself.
    pub fn parts_of(&self, rule: &SigmaRule) -> Vec<String> {
        let names = |correlated: &&Correlated| {
            !correlated.rule.generate && correlated.rule.rules.iter().any(|reference| is_named(rule, reference))
        };
        self.correlations.iter().filter(names).map(|correlated| correlated.rule.title.clone()).collect()
    }
}

fn is_named(rule: &SigmaRule, reference: &str) -> bool {
    [&rule.name, &rule.id].into_iter().flatten().any(|name| name == reference)
}

fn is_about(filter: &FilterRule, rule: &SigmaRule) -> bool {
    let named = match &filter.rules {
        FilterRuleTarget::Any => true,
        FilterRuleTarget::Specific(references) => references.iter().any(|reference| is_named(rule, reference)),
    };
    let parts = |source: &LogSource| [source.category.clone(), source.product.clone(), source.service.clone()];
    let fits = filter.logsource.as_ref().is_none_or(|source| {
        parts(source).iter().zip(parts(&rule.logsource)).all(|(wanted, found)| wanted.is_none() || *wanted == found)
    });
    named && fits
}

fn refuse_version(version: Option<u32>, translated: &mut Translated) {
    if is_unsupported(version) {
        translated.refuse(unsupported(version));
    }
}

fn unsupported(version: Option<u32>) -> String {
    format!("sigma-version {}: a later form of the language than is known here", version.unwrap_or_default())
}
