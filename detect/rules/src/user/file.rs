//! The text of files of user rules: TOML with `[[rule]]` tables, read whole, checked rule by rule. What is wrong is told with
//! file, line and column. No file is opened here.

use std::fmt;
use std::path::{Path, PathBuf};

use detect_core::text::nearest;
use serde::Deserialize;
use toml::Spanned;

use super::{Form, KEYS, OPERATORS, Problem, Rule, Test};
use crate::limits::{RULE_TESTS_MAX, USER_RULES_BYTES_MAX, USER_RULES_MAX};

/// What was read of some files.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The rules that are in order, by file and in the order of the file.
    pub rules: Vec<Source>,
    /// What is wrong. No rule runs until there is none.
    pub errors: Vec<RuleError>,
    /// What looks wrong and is allowed.
    pub warnings: Vec<RuleError>,
}

/// A rule with where it stands and its tests.
#[derive(Debug, Clone)]
pub struct Source {
    /// The file.
    pub file: PathBuf,
    /// The line of its `[[rule]]`.
    pub line: usize,
    /// The rule.
    pub rule: Rule,
    /// Its tests.
    pub tests: Vec<Test>,
}

/// Something in a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RuleError {
    /// The file.
    pub file: PathBuf,
    /// Line and column, from 1.
    pub place: (usize, usize),
    /// The rule, if it has a name.
    pub rule: Option<String>,
    /// What is wrong and what to write in its place.
    pub message: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.place;
        write!(f, "{}:{line}:{column}: ", self.file.display())?;
        if let Some(rule) = &self.rule {
            write!(f, "{rule}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// How far the tests beside rules are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// They are tests by their form: enough where rules are to run.
    Form,
    /// Their events are built, which takes long and much memory: for who writes rules.
    Events,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    rule: Vec<Spanned<toml::Table>>,
}

impl Loaded {
    /// Adds the rules of a file.
    pub fn add_file(&mut self, file: &Path, text: &str, depth: Depth) {
        let parsed: File = match toml::from_str(text) {
            Ok(parsed) => parsed,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let message = error.message().to_owned();
                return self.errors.push(RuleError {
                    file: file.to_owned(),
                    place: place(text, at),
                    rule: None,
                    message,
                });
            }
        };
        let starts: Vec<usize> = parsed.rule.iter().map(|rule| rule.span().start).collect();
        for (at, table) in parsed.rule.into_iter().enumerate() {
            let start = starts[at];
            let end = starts.get(at + 1).copied().filter(|end| *end > start).unwrap_or(text.len());
            let name = table.get_ref().get("name").and_then(toml::Value::as_str).map(detect_core::text::bounded);
            let located = |problem: Problem| RuleError {
                file: file.to_owned(),
                place: place(text, find(text, start, end, &problem.place)),
                rule: name.clone(),
                message: problem.message,
            };
            match one(table.into_inner(), depth) {
                Err(problem) => self.errors.push(located(problem)),
                Ok((rule, tests)) => {
                    self.warnings.extend(rule.warnings().into_iter().chain(missing_tests(&tests)).map(located));
                    self.rules.push(Source { file: file.to_owned(), line: place(text, start).0, rule, tests });
                }
            }
        }
    }

    /// Checks what no rule knows alone: names, numbers, sizes.
    pub fn check_together(&mut self) {
        let mut seen = std::collections::BTreeMap::new();
        let mut bytes = 0;
        for (at, source) in self.rules.iter().enumerate() {
            let error = |message: String| RuleError {
                file: source.file.clone(),
                place: (source.line, 1),
                rule: Some(source.rule.form().name.clone()),
                message,
            };
            bytes += serde_json::to_string(source.rule.form()).map_or(0, |text| text.len());
            if at == USER_RULES_MAX {
                self.errors.push(error(format!("there are more than {USER_RULES_MAX} rules")));
            }
            if bytes > USER_RULES_BYTES_MAX {
                self.errors.push(error(format!("all rules together have more than {USER_RULES_BYTES_MAX} bytes")));
                break;
            }
            if let Some(other) = seen.insert(source.rule.form().name.clone(), at) {
                let other = &self.rules[other];
                let message = format!("the name is taken by {}:{}", other.file.display(), other.line);
                self.errors.push(error(message));
            }
        }
    }

    /// The rules alone.
    pub fn rules(&self) -> Vec<Rule> {
        self.rules.iter().map(|source| source.rule.clone()).collect()
    }
}

/// A rule and its tests from one table.
fn one(mut table: toml::Table, depth: Depth) -> Result<(Rule, Vec<Test>), Problem> {
    let tests = table.remove("test");
    let operators = || OPERATORS.iter().map(|(name, _)| *name);
    for key in table.keys() {
        if !KEYS.contains(&key.as_str()) && !operators().any(|name| name == key) {
            let hint = nearest(key, KEYS.into_iter().chain(operators()));
            let hint = hint.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            return Err(Problem::new(key, 0, format!("unknown key `{}`{hint}", detect_core::text::bounded(key))));
        }
    }
    let form: Form = table.try_into().map_err(|error: toml::de::Error| {
        let message = error.message().to_owned();
        // What serde quotes is a key or a value of the rule.
        let quoted = message.split('`').nth(1).unwrap_or_default().to_owned();
        Problem { place: (quoted, 0), message }
    })?;
    let rule = Rule::written(form)?;
    let tests = match tests {
        None => Vec::new(),
        Some(tests) => tests
            .try_into()
            .map_err(|error: toml::de::Error| Problem::new("[[rule.test]]", 0, format!("test: {}", error.message())))?,
    };
    check_tests(&tests, depth)?;
    Ok((rule, tests))
}

fn check_tests(tests: &[Test], depth: Depth) -> Result<(), Problem> {
    if tests.len() > RULE_TESTS_MAX {
        return Err(Problem::new("[[rule.test]]", 0, format!("a rule has at most {RULE_TESTS_MAX} tests")));
    }
    for test in tests.iter().filter(|_| depth == Depth::Events) {
        test.check().map_err(|error| Problem::new(&test.name, 0, format!("test {:?}: {error}", test.name)))?;
    }
    Ok(())
}

/// A rule should show when it fires and when it does not.
fn missing_tests(tests: &[Test]) -> Vec<Problem> {
    let mut missing = Vec::new();
    if !tests.iter().any(|test| !test.alerts.is_empty()) {
        missing.push(Problem::new("", 0, "no [[rule.test]] shows it fire: add one with `alerts`"));
    }
    if !tests.iter().any(|test| test.alerts.is_empty()) {
        missing.push(Problem::new("", 0, "no [[rule.test]] shows it quiet: add one without `alerts`"));
    }
    missing
}

/// Where a text of a rule stands in the file. Texts with escapes are not found as they are; then it is the start of the rule.
fn find(text: &str, start: usize, end: usize, (wanted, at): &(String, usize)) -> usize {
    let rule = text.get(start..end).unwrap_or_default();
    match rule.find(wanted.as_str()).filter(|_| !wanted.is_empty()) {
        Some(found) => start + found + at,
        None => start,
    }
}

/// Line and column of an offset, both from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..text.floor_char_boundary(at)).unwrap_or(text);
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    (1 + before.matches('\n').count(), 1 + before[line..].chars().count())
}
