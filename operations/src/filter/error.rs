//! Why a text is no filter: where, what, and what is possible.

use std::fmt;

use super::{Term, words};
use crate::limits;

/// Why a text is no filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// The byte of the text at which the term begins; 0 for what is about the whole text.
    pub at: usize,
    /// The term as it was written, cut; empty for what is about the whole text.
    pub term: String,
    /// What is wrong, and what is possible.
    pub problem: String,
}

impl FilterError {
    pub(super) fn new(at: usize, term: &str, problem: impl Into<String>) -> Self {
        let mut shown: String = term.chars().take(limits::FILTER_SHOWN_CHARS_MAX).collect();
        if shown.len() < term.len() {
            shown.push('…');
        }
        Self { at, term: shown, problem: problem.into() }
    }

    pub(super) fn whole(problem: impl Into<String>) -> Self {
        Self { at: 0, term: String::new(), problem: problem.into() }
    }

    /// A term that routes and silences do not take.
    pub(super) fn not_for_delivery(term: &Term) -> Self {
        let words = words::ALL.iter().filter(|word| !word.alerts.is_empty() && !word.is_of_people);
        let words = words.map(|word| word.word).collect::<Vec<_>>().join(", ");
        let problem = format!("routes and silences look at what a detector found; possible are {words} and free text");
        Self::new(0, &term.to_string(), problem)
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.term.is_empty() {
            return write!(f, "the filter: {}", self.problem);
        }
        write!(f, "the filter at character {}, {}: {}", self.at + 1, self.term.escape_debug(), self.problem)
    }
}

impl std::error::Error for FilterError {}

/// The name that is most like a misspelt one, if one is like it at all.
pub fn nearest<'a>(misspelt: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if misspelt.len() > limits::FILTER_SHOWN_CHARS_MAX {
        return None;
    }
    let near = names.map(|name| (strsim::osa_distance(misspelt, name), name)).min()?;
    (near.0 <= 1 + misspelt.len() / 4).then_some(near.1)
}
