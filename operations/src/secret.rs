//! Secrets: the configuration holds where one lies, never the secret itself, and nothing here prints one.

use std::fmt;
use std::io::Read as _;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits::SECRET_BYTES_MAX;

/// Where a secret lies: `env:NAME` or `file:PATH`. It is read anew for each request or connection, so that it can be rotated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("form" = "`env:NAME` or `file:PATH`"))]
pub enum Secret {
    /// An environment variable.
    Environment(String),
    /// A file; white space at its end is left out.
    File(PathBuf),
}

/// A secret that was read. Its `Debug` prints nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretText(String);

impl SecretText {
    /// A text that is no secret, where one is expected: an address that may be shown.
    pub fn public(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// A secret that lies nowhere: it was received, or made from another one.
    pub fn made(text: String) -> Self {
        Self(text)
    }

    /// The secret itself. Only for the request that it goes into.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText")
    }
}

/// A secret cannot be read. The message names the place only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// The text is not a reference. It is not repeated, since it may be the secret itself.
    #[error("a secret is given as env:NAME or file:PATH, never as the secret itself")]
    NotAReference,
    /// The environment does not have it.
    #[error("the environment variable {0} is not set, or is empty")]
    NoVariable(String),
    /// The file cannot be read.
    #[error("the secret in {}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// The secret is not what it is needed for.
    #[error("the secret in {place} is not {expected}")]
    Unusable {
        /// Where it lies.
        place: String,
        /// What it should be.
        expected: &'static str,
    },
}

impl TryFrom<String> for Secret {
    type Error = SecretError;

    fn try_from(text: String) -> Result<Self, SecretError> {
        match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() && !name.contains(['=', '\0']) => {
                Ok(Self::Environment(name.to_owned()))
            }
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            _ => Err(SecretError::NotAReference),
        }
    }
}

impl From<Secret> for String {
    fn from(secret: Secret) -> Self {
        secret.to_string()
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl Secret {
    /// Reads the secret.
    pub fn read(&self) -> Result<SecretText, SecretError> {
        match self {
            Self::Environment(name) => match std::env::var(name) {
                Ok(text) if !text.is_empty() => Ok(SecretText(text)),
                _ => Err(SecretError::NoVariable(name.clone())),
            },
            Self::File(path) => {
                let failed = |message: String| SecretError::File { path: path.clone(), message };
                let file = std::fs::File::open(path).map_err(|error| failed(error.to_string()))?;
                let mut text = String::new();
                file.take(SECRET_BYTES_MAX).read_to_string(&mut text).map_err(|error| failed(error.to_string()))?;
                text.truncate(text.trim_end().len());
                if text.is_empty() { Err(failed("the file is empty".to_owned())) } else { Ok(SecretText(text)) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_references_are_taken_and_a_secret_by_mistake_is_not_repeated() {
        for text in ["env:HEC_TOKEN", "file:/run/secrets/hec"] {
            assert_eq!(Secret::try_from(text.to_owned()).unwrap().to_string(), text);
        }
        for text in ["https://hooks.slack.example/services/T/B/hunter2", "hunter2", "env:", "file:", ""] {
            let error = Secret::try_from(text.to_owned()).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_file_is_read_without_its_last_line_end_and_never_printed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "hunter2\n").unwrap();
        let secret = Secret::File(path).read().unwrap();
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(format!("{secret:?}"), "SecretText");
        assert!(Secret::File(dir.path().join("none")).read().is_err());
        assert!(Secret::Environment("TACHOGRAPH_SURELY_NOT_SET".into()).read().is_err());
    }
}
