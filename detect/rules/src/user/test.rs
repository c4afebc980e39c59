//! Tests that stand beside a rule: events, the alerts that they must give, and how what came differs from that. Nothing is
//! run here.

use detect_core::limits::TEST_SECONDS_MAX;
use detect_core::sample::{self, SampleError};
use detect_core::spec::Expected;
use operations::alert::{Alert, Severity, State};
use serde::Deserialize;
use serde_json::Value;

/// `[[rule.test]]`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// What happens in it.
    pub name: String,
    /// The events: columns by name, and `second`, the recorded time in seconds after the start.
    pub events: Vec<TestEvent>,
    /// The second up to which time passes after the last event.
    #[serde(default)]
    pub until: i64,
    /// The revisions in order; none for a test that shows the rule quiet.
    #[serde(default)]
    pub alerts: Vec<Expectation>,
}

/// One event of a test.
pub type TestEvent = toml::Table;

/// What a test expects of one revision. What is left out is not compared.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// Where the episode stands.
    pub state: Option<State>,
    /// How bad it is.
    pub severity: Option<Severity>,
    /// Number of events.
    pub count: Option<u64>,
    /// Words that stand in the title.
    pub title: Option<String>,
    /// Words that stand in the reason.
    pub reason: Option<String>,
}

/// How a test ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleTestReport {
    /// The test.
    pub name: String,
    /// What was expected (`-`) and what came (`+`), line by line, where they differ; empty if it passed.
    pub differences: Vec<String>,
}

impl Test {
    /// Checks that the events are events.
    pub fn check(&self) -> Result<(), SampleError> {
        if !(0..=TEST_SECONDS_MAX).contains(&self.until) {
            return Err(SampleError::Second { event: self.events.len() + 1 });
        }
        sample::rows(&self.json()).map(|_| ())
    }

    /// The events as JSON objects.
    pub fn json(&self) -> Vec<Value> {
        // What has no JSON form is an event without a second, which is refused.
        self.events.iter().map(|event| serde_json::to_value(event).unwrap_or_default()).collect()
    }
}

impl From<&Expected> for Expectation {
    fn from(expected: &Expected) -> Self {
        Self {
            state: Some(expected.state),
            severity: Some(expected.severity),
            count: Some(expected.count),
            title: None,
            reason: Some(expected.reason.to_owned()),
        }
    }
}

impl Expectation {
    fn fits(&self, alert: &Alert) -> bool {
        self.state.is_none_or(|state| state == alert.state)
            && self.severity.is_none_or(|severity| severity == alert.severity)
            && self.count.is_none_or(|count| count == alert.count)
            && self.title.as_ref().is_none_or(|words| alert.title.contains(words))
            && self.reason.as_ref().is_none_or(|words| alert.reason.contains(words))
    }

    fn say(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.state.map(|state| state.to_string()));
        parts.extend(self.severity.map(|severity| severity.to_string()));
        parts.extend(self.count.map(|count| format!("count {count}")));
        parts.extend(self.title.as_ref().map(|words| format!("title with {words:?}")));
        parts.extend(self.reason.as_ref().map(|words| format!("reason with {words:?}")));
        if parts.is_empty() { "any revision".to_owned() } else { parts.join(", ") }
    }
}

/// The lines of what was expected and what came, where they differ. Revisions are compared in order.
pub fn compare(expected: &[Expectation], found: Result<Vec<Alert>, SampleError>) -> Vec<String> {
    let found = match found {
        Ok(found) => found,
        Err(error) => return vec![format!("! {error}")],
    };
    let say = |alert: &Alert| {
        let Alert { state, severity, count, title, reason, .. } = alert;
        format!("{state}, {severity}, count {count}, title {title:?}, reason {reason:?}")
    };
    let mut lines = Vec::new();
    for at in 0..expected.len().max(found.len()) {
        match (expected.get(at), found.get(at)) {
            (Some(expected), Some(alert)) if expected.fits(alert) => {}
            (expected, alert) => {
                lines.extend(expected.map(|expected| format!("- {}", expected.say())));
                lines.extend(alert.map(|alert| format!("+ {}", say(alert))));
            }
        }
    }
    lines
}
