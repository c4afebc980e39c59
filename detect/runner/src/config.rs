//! The `[detect]` table of the configuration.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::registry::Rules;
use crate::user::{self, Depth, LoadError, Loaded};

/// What the configuration says about detection. Everything has a default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// A directory of user rules, or one file of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_rules: Option<PathBuf>,
    /// Parameters of the built-in detectors.
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
            Some(path) => user::load(std::slice::from_ref(path), depth),
            None => Ok(Loaded::default()),
        }
    }
}

/// Checks that a parameter lies in its range.
pub(crate) fn check_range(name: &str, value: u32, range: RangeInclusive<u32>) -> Result<(), String> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(format!("{name} is {value}; it must be {} to {}", range.start(), range.end()))
}

/// A parameter is out of its range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("detect.rules.\"{rule}\": {message}")]
pub struct ConfigError {
    /// The rule.
    pub rule: &'static str,
    /// Which parameter, which range.
    pub message: String,
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
