//! The file of names: which API key belongs to which workspace, which team a workspace or a user belongs to, and which hosts are
//! gateways.
//!
//! ```toml
//! gateways = ["ai-gateway.acme.example"]   # hosts of AI Gateways that run on their own, without coderd in front
//!
//! [api_keys]              # `id` and `token_name` of Coder's table `api_keys`
//! Zq3xT8vLm2 = "6c405053-27e3-484a-9ad7-bcb64e7bfde6_f2bd4e9f-7e27-49fc-961e-be4d1c2aa987_session_token"
//!
//! [workspaces.f2bd4e9f-7e27-49fc-961e-be4d1c2aa987]
//! name = "fix-refunds"
//! team = "payments"
//!
//! [users.6c405053-27e3-484a-9ad7-bcb64e7bfde6]
//! name = "amara"
//! ```

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};

use crate::bounded::read_text;
use crate::limits;
use crate::url::split_host;
use crate::uuid::is_uuid;

/// Names that no record says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Names {
    #[serde(deserialize_with = "hosts")]
    gateways: HashSet<String>,
    api_keys: HashMap<String, ApiKey>,
    workspaces: HashMap<String, Workspace>,
    users: HashMap<String, User>,
}

/// The owner of a workspace's API key. Coder names such a key `<user>_<workspace>_session_token`; a key with another
/// name belongs to a person and says nothing about a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
enum ApiKey {
    Workspace(Owner),
    Personal,
}

/// Whom a workspace's API key belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Owner {
    pub user: String,
    pub workspace: String,
}

impl From<String> for ApiKey {
    fn from(token_name: String) -> Self {
        match owner_of_key(&token_name) {
            Some((user, workspace)) => {
                Self::Workspace(Owner { user: user.to_owned(), workspace: workspace.to_owned() })
            }
            None => Self::Personal,
        }
    }
}

/// The person and the workspace that the name of a workspace's API key tells.
pub(crate) fn owner_of_key(token_name: &str) -> Option<(&str, &str)> {
    let ids = token_name.strip_suffix("_session_token")?.split_once('_')?;
    (is_uuid(ids.0) && is_uuid(ids.1)).then_some(ids)
}

/// Hosts, each in the one form that events have; a port that stands with it says nothing more.
fn hosts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HashSet<String>, D::Error> {
    let written = Vec::<String>::deserialize(deserializer)?;
    Ok(written.iter().map(|host| split_host(host).0.into_owned()).collect())
}

/// What is known of a workspace.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Workspace {
    pub name: Option<String>,
    pub team: Option<String>,
    pub org: Option<String>,
    pub template: Option<String>,
}

/// What is known of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct User {
    pub name: Option<String>,
    pub team: Option<String>,
}

/// Why a file of names is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NamesError {
    /// It cannot be read.
    #[error("the file of names {} cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// It is not in the form that is expected.
    #[error("the file of names {}: {message}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong and where.
        message: String,
    },
}

impl Names {
    /// Reads a file of names.
    pub fn read(path: &Path) -> Result<Self, NamesError> {
        let failed = |source| NamesError::Read { path: path.to_owned(), source };
        let text = read_text(path, limits::NAMES_FILE_BYTES_MAX).map_err(failed)?;
        toml::from_str(&text).map_err(|error| NamesError::Parse { path: path.to_owned(), message: error.to_string() })
    }

    pub(super) fn api_key(&self, id: &str) -> Option<&Owner> {
        match self.api_keys.get(id) {
            Some(ApiKey::Workspace(owner)) => Some(owner),
            Some(ApiKey::Personal) | None => None,
        }
    }

    /// Whether the host, in its one form, is that of a gateway.
    pub(super) fn is_gateway(&self, host: &str) -> bool {
        self.gateways.contains(host)
    }

    pub(super) fn workspace(&self, id: &str) -> Option<&Workspace> {
        self.workspaces.get(id)
    }

    pub(super) fn user(&self, id: &str) -> Option<&User> {
        self.users.get(id)
    }

    /// The ids and names of all users that have a name.
    pub(super) fn persons(&self) -> impl Iterator<Item = (&str, &str)> {
        self.users.iter().filter_map(|(id, user)| Some((id.as_str(), user.name.as_deref()?)))
    }

    /// The name of a user whose id is known, else what was given: some sources have the name and some the id.
    pub(super) fn user_name<'a>(&'a self, user: &'a str) -> &'a str {
        self.user(user).and_then(|user| user.name.as_deref()).unwrap_or(user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_names_is_read_and_mistakes_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("names.toml");
        let check = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Names::read(&path)
        };
        let user = "6c405053-27e3-484a-9ad7-bcb64e7bfde6";
        let workspace = "f2bd4e9f-7e27-49fc-961e-be4d1c2aa987";
        let names = check(&format!(
            "gateways = [\"AI.acme.example:4001\"]\n[api_keys]\na = \"{user}_{workspace}_session_token\"\nb = \"my laptop\"\n[users.{user}]\nname = \"amara\"\n\
             [workspaces.{workspace}]\nteam = \"payments\"\n"
        ))
        .unwrap();
        assert_eq!(
            names.api_key("a").map(|owner| (owner.user.as_str(), owner.workspace.as_str())),
            Some((user, workspace))
        );
        assert!(names.is_gateway("ai.acme.example") && !names.is_gateway("acme.example"));
        assert_eq!((names.api_key("b"), names.api_key("c")), (None, None));
        assert_eq!((names.user_name(user), names.user_name("bo")), ("amara", "bo"));
        assert_eq!(names.workspace(workspace).and_then(|workspace| workspace.team.as_deref()), Some("payments"));
        assert!(matches!(check("[teams]\n"), Err(NamesError::Parse { message, .. }) if message.contains("teams")));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(Names::read(&path), Err(NamesError::Read { .. })));
    }
}
