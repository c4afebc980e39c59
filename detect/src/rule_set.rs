//! Everything that is detected at a time: the parameters of the built-in detectors and the users' own rules. It is recorded
//! as a whole when it changes, so that a replay knows what applied.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::detector::Detector;
use crate::engine::Key;
use crate::registry::Rules;
use crate::user::Rule;
use crate::user::detector::UserDetector;

/// The rules of an engine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RuleSet {
    /// Parameters of the built-in detectors.
    #[serde(rename = "rules")]
    pub builtin: Rules,
    /// The users' own, in the order in which they see an event.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub user: Vec<Rule>,
}

/// A detector with the name of its state.
pub struct Running {
    /// Name of a built-in detector, or name and hash of a user rule: a changed rule does not read the state of the old one.
    pub name: Cow<'static, str>,
    /// Version of a built-in detector.
    pub version: u32,
    /// The detector.
    pub detector: Box<dyn Detector + Send>,
}

impl RuleSet {
    /// The built-in detectors with their default parameters and these rules.
    pub fn with_user(user: Vec<Rule>) -> Self {
        Self { user, ..Self::default() }
    }

    /// Only the user rules.
    pub fn only_user(user: Vec<Rule>) -> Self {
        Self { builtin: Rules::off(), user }
    }

    /// Builds the detectors that are enabled.
    pub(crate) fn build(&self, key: Key) -> Vec<Running> {
        let builtin = self.builtin.build(key).into_iter();
        let builtin =
            builtin.map(|(spec, detector)| Running { name: Cow::Borrowed(spec.name), version: spec.version, detector });
        let (mut detectors, last): (Vec<_>, Vec<_>) = builtin.partition(|running| running.name != LAST);
        detectors.extend(self.user.iter().filter(|rule| rule.form().enabled).map(|rule| Running {
            name: Cow::Owned(rule.state_name()),
            version: 2,
            detector: Box::new(UserDetector::new(rule, key)),
        }));
        detectors.extend(last);
        detectors
    }
}

impl From<Rules> for RuleSet {
    fn from(builtin: Rules) -> Self {
        Self { builtin, user: Vec::new() }
    }
}

/// The detector that hears of what the tables of all others forgot.
const LAST: &str = "state.flood";
