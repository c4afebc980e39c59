//! The `[detect]` table of the configuration.

use std::path::PathBuf;

use detect_core::alert_budget::AlertBudget;
use detect_rules::registry::{ConfigError, Rules};
use detect_rules::user::{Depth, Loaded};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::user_rules::{self, LoadError};

/// What detectors look for. Every built-in rule is on unless `enabled = false`. A change is taken over on SIGHUP, and recorded with the
/// position from which it applies.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A directory of TOML files with your own rules, or one such file (docs/rules.md). All of them are checked at the start and on
    /// SIGHUP, which reads them again; one mistake refuses them all, as one in this file does. `tachograph rules check` names every
    /// mistake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_rules: Option<PathBuf>,
    /// How many alerts a team gets above low.
    pub alert_budget: AlertBudget,
    /// Parameters of the built-in detectors.
    #[schemars(skip)]
    pub rules: Rules,
}

impl Config {
    /// Checks what types cannot: ranges.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.rules.check()
    }

    /// Reads the files of user rules. What is wrong in them stands in the result: no rule runs until nothing is.
    pub fn load_user(&self, depth: Depth) -> Result<Loaded, LoadError> {
        match &self.user_rules {
            Some(path) => user_rules::load(std::slice::from_ref(path), depth),
            None => Ok(Loaded::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_valid_and_odd_input_is_named() {
        assert_eq!(Config::default().check(), Ok(()));
        let unknown = serde_json::from_str::<Config>(r#"{"rules":{"egress.denied_past":{}}}"#).unwrap_err();
        assert!(unknown.to_string().contains("egress.denied_past"), "{unknown}");
        let unknown = serde_json::from_str::<Config>(r#"{"rules":{"egress.denied_post":{"quiet":1}}}"#).unwrap_err();
        assert!(unknown.to_string().contains("quiet"), "{unknown}");
        let zero: Config = serde_json::from_str(r#"{"rules":{"egress.denied_post":{"quiet_seconds":0}}}"#).unwrap();
        let error = zero.check().unwrap_err().to_string();
        assert!(error.contains("egress.denied_post") && error.contains("quiet_seconds"), "{error}");
    }
}
