//! User rules: a condition over the event, an operator that puts matches together, and what an alert of it says.
//!
//! A rule is checked as a whole before it runs: columns, types, parameters, texts. What it does with events obeys the same
//! contract as the built-in detectors, with the same tables and episodes.

pub(crate) mod detector;
mod file;
mod operator;
mod template;
mod test;
mod value;

use std::borrow::Cow;
use std::sync::Arc;

use detect_core::episode::Label;
use detect_core::limits::NAME_BYTES_MAX;
use operations::alert::Severity;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::condition::Condition;
use crate::limits::{RULE_KEYS_MAX, TEMPLATE_BYTES_MAX};
use crate::registry::DETECTORS;
pub use file::{Depth, Loaded, RuleError, Source};
pub use operator::{OPERATORS, Operators};
use template::Template;
pub use test::{Expectation, RuleTestReport, Test, TestEvent, compare};
use value::RuleColumn;

/// A rule as it is written, without its tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Its name, such as `acme.npm_publish`: the rule of its alerts.
    pub name: String,
    /// Raised when the same events give other alerts on purpose: the ids of alerts differ between versions.
    #[serde(default = "first")]
    pub version: u32,
    /// Whether it runs.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// How bad it is.
    pub severity: Severity,
    /// A few words.
    pub title: String,
    /// Sentences with the observed value and what is usual.
    pub reason: String,
    /// What it looks for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub what: String,
    /// Why that matters.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// What else looks the same.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub false_positives: String,
    /// What to change when.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tuning: String,
    /// ATLAS and ATT&CK techniques.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Columns of text by which states and alerts are kept apart; none for the whole fleet together.
    pub by: Vec<String>,
    /// Which events it is about.
    #[serde(default = "always")]
    pub condition: String,
    /// An alert is resolved after so many seconds without another hit.
    #[serde(default = "quarter_of_an_hour")]
    pub quiet_seconds: u32,
    /// What has to come together; without one, each match counts.
    #[serde(flatten)]
    pub operators: Operators,
}

fn first() -> u32 {
    1
}

fn yes() -> bool {
    true
}

fn always() -> String {
    "true".to_owned()
}

fn quarter_of_an_hour() -> u32 {
    900
}

/// The keys of a rule in its file, besides operators.
const KEYS: [&str; 14] = [
    "name",
    "version",
    "enabled",
    "severity",
    "title",
    "reason",
    "what",
    "why",
    "false_positives",
    "tuning",
    "tags",
    "by",
    "condition",
    "quiet_seconds",
];

/// A rule that can run. Clones share it. One that is read back from where it was recorded ran before, so what is asked of
/// names and texts when a rule is written is not asked of it again: see [`Rule::written`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct Rule(Arc<Checked>);

#[derive(Debug)]
struct Checked {
    form: Form,
    condition: Condition,
    by: Vec<RuleColumn>,
    title: Template,
    reason: Template,
    label: Label,
    hash: String,
    /// Whether what it observes is money.
    money: bool,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        self.0.form == other.0.form
    }
}

impl Eq for Rule {}

impl From<Rule> for Form {
    fn from(rule: Rule) -> Self {
        rule.0.form.clone()
    }
}

/// What is wrong with a rule, and in which of its texts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// The text as it stands in the file, and the offset in it; empty if it is about the rule as a whole.
    pub place: (String, usize),
    /// What is wrong and what to write in its place.
    pub message: String,
}

impl Problem {
    fn new(text: &str, at: usize, message: impl Into<String>) -> Self {
        Self { place: (text.to_owned(), at), message: message.into() }
    }
}

impl TryFrom<Form> for Rule {
    type Error = Problem;

    fn try_from(form: Form) -> Result<Self, Problem> {
        let by = check_by(&form.by)?;
        let condition = check_condition("condition", &form.condition)?;
        check_operators(&form.operators)?;
        let column = form.operators.column().map(RuleColumn::new).transpose();
        let column = column.map_err(|message| Problem::new("column", 0, message))?;
        let money = form.operators.burn.is_some() && column.is_some_and(RuleColumn::is_money);
        let text = |name: &str, text: &str| {
            Template::new(text, money).map_err(|message| Problem::new(text, 0, format!("{name}: {message}")))
        };
        let (title, reason) = (text("title", &form.title)?, text("reason", &form.reason)?);
        let label = Label { name: Cow::Owned(form.name.clone()), version: form.version, tags: form.tags.clone() };
        let hash = state_hash(&form);
        Ok(Self(Arc::new(Checked { form, condition, by, title, reason, label, hash, money })))
    }
}

impl Rule {
    /// Checks a rule that somebody wrote.
    pub fn written(form: Form) -> Result<Self, Problem> {
        check_name(&form.name)?;
        check_texts(&form)?;
        Self::try_from(form)
    }

    /// How it is written.
    pub fn form(&self) -> &Form {
        &self.0.form
    }

    /// What looks wrong and is allowed.
    pub fn warnings(&self) -> Vec<Problem> {
        let form = self.form();
        let mut warnings = Vec::new();
        for column in self.0.by.iter().filter(|column| column.is_unbounded()) {
            let message =
                format!("by: `{}` has a new value for nearly each event, so no state is ever met again", column.name());
            warnings.push(Problem::new(column.name(), 0, message));
        }
        for (name, text) in [("what", &form.what), ("why", &form.why), ("false_positives", &form.false_positives)] {
            if text.is_empty() {
                let message = format!("{name} is missing: who is woken by it will ask");
                warnings.push(Problem::new(&form.name, 0, message));
            }
        }
        if self.0.condition.reads_content() {
            let message = "condition: it reads content, which a replay finds only until it is erased";
            warnings.push(Problem::new(&form.condition, 0, message));
        }
        warnings
    }

    /// The operator's name; `each` if every match counts.
    pub fn operator(&self) -> &'static str {
        self.form().operators.names().first().copied().unwrap_or("each")
    }

    pub(crate) fn condition(&self) -> &Condition {
        &self.0.condition
    }

    pub(crate) fn by(&self) -> &[RuleColumn] {
        &self.0.by
    }

    /// Whether what it observes is money.
    pub(crate) fn is_about_money(&self) -> bool {
        self.0.money
    }

    pub(crate) fn title(&self) -> &Template {
        &self.0.title
    }

    pub(crate) fn reason(&self) -> &Template {
        &self.0.reason
    }

    pub(crate) fn label(&self) -> Label {
        self.0.label.clone()
    }

    /// What kind of name the first column of the key is.
    pub(crate) fn scope_kind(&self) -> &'static str {
        self.0.by.first().map_or("fleet", |column| column.name())
    }

    /// The name of its state in snapshots.
    pub(crate) fn state_name(&self) -> String {
        format!("{}@{}", self.form().name, self.0.hash)
    }
}

/// A hash of what the meaning of a state depends on; texts and severity may change and the state stays.
fn state_hash(form: &Form) -> String {
    // A form holds texts and numbers: it always has a JSON form.
    let operators = serde_json::to_string(&form.operators).unwrap_or_default();
    let parts = [form.version.to_string(), form.by.join("\n"), form.condition.clone(), operators];
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let mut start = [0; 8];
    start.copy_from_slice(&hasher.finalize()[..8]);
    format!("{:016x}", u64::from_be_bytes(start))
}

fn check_name(name: &str) -> Result<(), Problem> {
    let refuse = |message: String| Err(Problem::new(name, 0, message));
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_lowercase())
            && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    if name.len() > 64 || !name.contains('.') || !name.split('.').all(is_word) {
        return refuse(
            "a name is two or more words of a-z, 0-9 and _ with dots between, at most 64 bytes, such as \
                       acme.npm_publish"
                .to_owned(),
        );
    }
    let family = name.split('.').next().unwrap_or_default();
    if DETECTORS.iter().any(|spec| spec.name.split('.').next() == Some(family)) {
        return refuse(format!(
            "names that begin with `{family}.` are those of built-in detectors; begin with your own word"
        ));
    }
    Ok(())
}

fn check_texts(form: &Form) -> Result<(), Problem> {
    for (name, text) in
        [("what", &form.what), ("why", &form.why), ("false_positives", &form.false_positives), ("tuning", &form.tuning)]
    {
        if text.len() > TEMPLATE_BYTES_MAX {
            return Err(Problem::new(name, 0, format!("{name} has more than {TEMPLATE_BYTES_MAX} bytes")));
        }
    }
    if form.tags.len() > 16 || form.tags.iter().any(|tag| tag.len() > NAME_BYTES_MAX / 8) {
        return Err(Problem::new("tags", 0, "tags: at most 16 of at most 64 bytes"));
    }
    if !(1..=2_592_000).contains(&form.quiet_seconds) {
        let message = format!("quiet_seconds is {}; it must be 1 to 2592000", form.quiet_seconds);
        return Err(Problem::new("quiet_seconds", 0, message));
    }
    Ok(())
}

fn check_by(by: &[String]) -> Result<Vec<RuleColumn>, Problem> {
    if by.len() > RULE_KEYS_MAX {
        return Err(Problem::new("by", 0, format!("by: at most {RULE_KEYS_MAX} columns")));
    }
    let column = |name: &String| {
        let column = RuleColumn::new(name).map_err(|message| Problem::new(name, 0, format!("by: {message}")))?;
        let refused = if column.is_content() {
            "is made from content; alerts name their key, and not everybody may read content"
        } else if column.is_number() {
            "holds numbers; states are kept by names"
        } else {
            return Ok(column);
        };
        Err(Problem::new(name, 0, format!("by: `{name}` {refused}")))
    };
    by.iter().map(column).collect()
}

fn check_condition(name: &str, source: &str) -> Result<Condition, Problem> {
    Condition::new(source).map_err(|error| Problem::new(source, error.at, format!("{name}: {error}")))
}

fn check_operators(operators: &Operators) -> Result<(), Problem> {
    let names = operators.names();
    if names.len() > 1 {
        let message =
            format!("a rule has one operator, this one has {}; make several rules of it", names.join(" and "));
        return Err(Problem::new(names[1], 0, message));
    }
    operators.check().map_err(|(name, message)| {
        let last = name.rsplit('.').next().unwrap_or_default().to_owned();
        Problem::new(&last, 0, format!("{name} {message}"))
    })?;
    for (at, step) in operators.sequence.iter().flat_map(operator::sequence::Sequence::steps).enumerate() {
        check_condition(&format!("sequence.steps[{at}]"), step)?;
    }
    if let Some(expect) = operators.absence.as_ref().and_then(|absence| absence.expected()) {
        check_condition("absence.expect", expect)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
