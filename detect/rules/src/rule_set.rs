//! Everything that is detected at a time: the parameters of the built-in detectors and the users' own rules. It is recorded
//! as a whole when it changes, so that a replay knows what applied.

use std::borrow::Cow;
use std::collections::BTreeSet;

use detect_core::alert_budget::AlertBudget;
use detect_core::engine::{Engine, NamedDetector, Parts};
use detect_core::key::Key;
use detect_core::text::bounded;
use ledger::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::registry::Rules;
use crate::user::Rule;
use crate::user::detector::{Share, UserDetector};

/// The rules of an engine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RuleSet {
    /// Parameters of the built-in detectors.
    #[serde(rename = "rules")]
    pub builtin: Rules,
    /// The users' own, in the order in which they see an event.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "recorded")]
    pub user: Vec<Rule>,
    /// How many of their alerts a team gets above low.
    #[serde(default)]
    pub alert_budget: AlertBudget,
}

/// The rules that can still be read: one that names a column which is gone must not take the others with it.
fn recorded<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Rule>, D::Error> {
    let rules = Vec::<serde_json::Value>::deserialize(deserializer)?.into_iter();
    let read = |rule: serde_json::Value| {
        let name = rule.get("name").and_then(|name| name.as_str()).map(bounded).unwrap_or_default();
        let warn = |error: &serde_json::Error| tracing::warn!(rule = name, %error, "a recorded rule is left out");
        serde_json::from_value(rule).inspect_err(warn).ok()
    };
    Ok(rules.filter_map(read).collect())
}

impl RuleSet {
    /// The built-in detectors with their default parameters and these rules.
    pub fn with_user(user: Vec<Rule>) -> Self {
        Self { user, ..Self::default() }
    }

    /// Only the user rules, and what they say as they say it.
    pub fn only_user(user: Vec<Rule>) -> Self {
        Self { builtin: Rules::off(), user, alert_budget: AlertBudget::off() }
    }

    /// The names of the rules that find the same in both: the same parameters, and the same room for their states.
    pub fn same(&self, other: &Self) -> BTreeSet<String> {
        let (mine, others) = (self.enabled(), other.enabled());
        let shares = Share::of_rules(&mine).into_iter().zip(&mine);
        let others: Vec<(Share, &&Rule)> = Share::of_rules(&others).into_iter().zip(&others).collect();
        let user = shares.filter(|rule| others.contains(rule)).map(|(_, rule)| rule.form().name.clone());
        self.builtin.same(&other.builtin).into_iter().map(str::to_owned).chain(user).collect()
    }

    /// The users' own that run.
    fn enabled(&self) -> Vec<&Rule> {
        self.user.iter().filter(|rule| rule.form().enabled).collect()
    }

    /// An engine of these rules that has seen nothing. Rows recorded before `live_from` will be backfill.
    pub fn engine(&self, key: Key, live_from: Timestamp) -> Engine {
        Engine::new(self.build(key), key, live_from)
    }

    /// Builds the detectors that are enabled.
    pub fn build(&self, key: Key) -> Parts {
        let builtin = self.builtin.build(key).into_iter();
        let (mut detectors, last): (Vec<_>, Vec<_>) = builtin.partition(|named| named.name != LAST);
        let user = self.enabled();
        detectors.extend(user.iter().zip(UserDetector::of_rules(&user, key)).map(|(rule, detector)| NamedDetector {
            name: Cow::Owned(rule.state_name()),
            version: 2,
            detector: Box::new(detector),
            is_always_told: false,
        }));
        detectors.extend(last);
        Parts { detectors, budget: self.alert_budget.clone() }
    }
}

impl From<Rules> for RuleSet {
    fn from(builtin: Rules) -> Self {
        Self { builtin, ..Self::default() }
    }
}

/// The detector that hears of what the tables of all others forgot.
const LAST: &str = "state.flood";

#[cfg(test)]
mod tests;
