//! The names that an operator lists: domains that are trusted, packages that are known.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::request::Request;
use crate::limits::{LISTED_NAME_BYTES_MAX, NAMES_MAX};

/// Names that an operator lists, in lower case: hosts or registrable domains, or packages.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Names(BTreeSet<String>);

impl Names {
    /// Whether the name is listed.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Whether the request's host or domain is listed.
    pub fn cover(&self, request: &Request<'_>) -> bool {
        !self.0.is_empty() && (self.has(request.domain) || self.has(request.host))
    }

    /// The names in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Checks number and form.
    pub fn check(&self, parameter: &str) -> Result<(), String> {
        if self.0.len() > NAMES_MAX {
            return Err(format!("{parameter} has {} names; it may have {NAMES_MAX}", self.0.len()));
        }
        let odd = |name: &&String| {
            let graphic = name.bytes().all(|byte| byte.is_ascii_graphic() && !byte.is_ascii_uppercase());
            name.is_empty() || name.len() > LISTED_NAME_BYTES_MAX || !graphic || name.contains('*')
        };
        match self.0.iter().find(odd) {
            Some(name) => Err(format!(
                "{parameter} has {:?}; names are in lower case, without wildcards, at most {LISTED_NAME_BYTES_MAX} bytes long",
                crate::text::bounded(name)
            )),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_names_have_a_form() {
        let names = |list: &[&str]| Names(list.iter().map(ToString::to_string).collect());
        assert_eq!(names(&["acme.example", "ci.acme.example"]).check("trusted_domains"), Ok(()));
        for odd in ["", "Acme.example", "*.acme.example", "a b", &"x".repeat(LISTED_NAME_BYTES_MAX + 1)] {
            let error = names(&[odd]).check("trusted_domains").unwrap_err();
            assert!(error.contains("trusted_domains"), "{error}");
        }
        let many: Vec<String> = (0..=NAMES_MAX).map(|number| format!("d{number}.example")).collect();
        assert!(Names(many.into_iter().collect()).check("trusted_domains").is_err());
    }
}
