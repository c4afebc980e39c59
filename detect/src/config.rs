//! The `[detect]` table of the configuration.

use serde::{Deserialize, Serialize};

use crate::registry::Rules;

/// What the configuration says about detection. Everything has a default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Parameters of the built-in detectors.
    pub rules: Rules,
}

impl Config {
    /// Checks what types cannot: ranges.
    pub fn check(&self) -> Result<(), ConfigError> {
        self.rules.check()
    }
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

/// Checks parameters by name, value, least and greatest value.
pub(crate) fn check_ranges(ranges: &[(&str, u32, u32, u32)]) -> Result<(), String> {
    match ranges.iter().find(|(_, value, least, greatest)| !(least..=greatest).contains(&value)) {
        Some((name, value, least, greatest)) => Err(format!("{name} is {value}; it must be {least} to {greatest}")),
        None => Ok(()),
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
