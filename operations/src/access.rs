//! Who may do what: principals, their roles, and the question that every listener asks about a token.
//!
//! Tokens are entries of the ledger; [`Directory`] is the fold over them, [`Tokens`] keeps it up to date while a server runs, and
//! [`TokenService`] is the one way to create and revoke them. Intake only asks [`Authorize`].

mod directory;
mod grants;
mod live;
mod login;
mod secret;
mod service;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ledger::LedgerName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use directory::{Directory, TokenState};
pub use grants::{Grant, GrantError, Granted, Identity, PROVIDER_PREFIX, ProviderGrants, familiar};
pub use live::Tokens;
pub use login::{Entrance, LoginError, LoginService, Visitor};
pub use secret::Secret;
pub use service::{CreatedToken, NewToken, RevokedToken, TokenError, TokenService};

/// How far a source is from the agent's reach, least trusted first: the order is the meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trust {
    /// Reported by the agent itself.
    Agent,
    /// Reported from inside the agent's workspace.
    Workspace,
    /// Reported by a sensor of the host.
    Host,
    /// Reported by a model gateway.
    Gateway,
    /// Reported by the platform's control plane.
    ControlPlane,
}

impl Trust {
    /// All of them, least trusted first.
    pub const ALL: [Self; 5] = [Self::Agent, Self::Workspace, Self::Host, Self::Gateway, Self::ControlPlane];

    /// The word in the `trust` column.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Workspace => "workspace",
            Self::Host => "host",
            Self::Gateway => "gateway",
            Self::ControlPlane => "control_plane",
        }
    }
}

/// What a principal may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Send events.
    Ingest,
    /// Query, tail, and work on alerts.
    Analyst,
    /// Change configuration, tokens, sinks and rules.
    Admin,
    /// Read everything that proves something, and nothing else.
    Auditor,
    /// Ask hard budgets for money, and see them.
    Budget,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Ingest, Self::Analyst, Self::Admin, Self::Auditor, Self::Budget];

    /// The word on the command line and in `operations`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Analyst => "analyst",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
            Self::Budget => "budget",
        }
    }
}

macro_rules! words {
    ($type:ty, $what:literal) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.into_iter().find(|word| word.as_str() == text).ok_or_else(|| {
                    let words: Vec<&str> = Self::ALL.iter().map(|word| word.as_str()).collect();
                    format!("{text:?} is not a {}; it is one of {}", $what, words.join(", "))
                })
            }
        }
    };
}
words!(Trust, "trust");
words!(Role, "role");

/// Who shows a token. The token's identity outranks what a record says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// Id of the token: public, stands in the `token` column.
    pub token: String,
    /// Name of the person or system, for `actor`.
    pub name: String,
    /// What it may do.
    pub roles: Vec<Role>,
    /// Whether it may read content parts.
    #[serde(default)]
    pub content: bool,
    /// Dialects that it may send; empty means every one.
    #[serde(default)]
    pub dialects: Vec<String>,
    /// The most trust that its records get.
    pub trust: Trust,
    /// The workspace that its records belong to, whatever they say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// The person for whom its sender works, whatever its records say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The team that its records belong to, whatever they say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<String>,
    /// The organisation that its records belong to, whatever they say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
}

impl Principal {
    /// The principal of commands on the data directory and of collectors that read local files.
    pub fn local() -> Self {
        Self {
            token: "local".to_owned(),
            name: "local".to_owned(),
            roles: Role::ALL.to_vec(),
            content: true,
            dialects: Vec::new(),
            trust: Trust::ControlPlane,
            workspace: None,
            user: None,
            team: None,
            org: None,
        }
    }

    /// Whether it has the role. An admin has every role that only looks or decides about others' work: `ingest` and `budget`,
    /// which speak for a machine, are never implied.
    pub fn may(&self, role: Role) -> bool {
        let implied = !matches!(role, Role::Ingest | Role::Budget);
        self.roles.contains(&role) || (implied && self.roles.contains(&Role::Admin))
    }

    /// Whether it may read what is recorded in a ledger, and what is known beside: analysts read both ledgers, auditors what
    /// Tachograph and its people did. How the server stands, alerts and silences belong to the latter.
    pub fn may_read(&self, ledger: LedgerName) -> bool {
        self.may(Role::Analyst) || (self.may(Role::Auditor) && ledger == LedgerName::Operations)
    }

    /// Whether it may send records in this dialect.
    pub fn may_send(&self, dialect: &str) -> bool {
        self.may(Role::Ingest) && (self.dialects.is_empty() || self.dialects.iter().any(|name| name == dialect))
    }
}

/// Answers who shows a token.
pub trait Authorize: Send + Sync {
    /// The principal behind the secret of a bearer token, `None` if there is none or it was revoked.
    fn authorize(&self, secret: &str) -> Option<Arc<Principal>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_role_reads_what_it_works_with() {
        let check = |role: Role, events: bool, operations: bool| {
            let principal = Principal { roles: vec![role], ..Principal::local() };
            let reads = LedgerName::ALL.map(|ledger| principal.may_read(ledger));
            assert_eq!(reads, [events, operations], "{role}");
        };
        check(Role::Ingest, false, false);
        check(Role::Analyst, true, true);
        check(Role::Admin, true, true);
        check(Role::Auditor, false, true);
        check(Role::Budget, false, false);
    }
}
