//! The kinds about people at the console: who came in, who left, and who was refused. Who may come is decided in `access`.

use serde::{Deserialize, Serialize};

use super::{Family, Info, Kind};
use crate::access::Role;

/// Somebody came in, or left.
pub const LOGIN: Kind<LoggedIn> = Kind::of(Info::new(
    "login",
    Family::Others,
    "a person",
    "`subject` is the id of the session at the console; `to` is `open`: `via` (`link`, `token`, `oidc`), `roles`, `content`, `address`, `until`; who came by a provider also has `provider`: its `issuer`, the `subject` there and the `groups` that gave the roles",
));
/// The same kind, of the entry that ends a session.
pub const LOGIN_ENDED: Kind<LoginEnded> = Kind::of(LOGIN.info);
/// Somebody was refused.
pub const LOGIN_REFUSED: Kind<LoginRefused> = Kind::of(Info::new(
    "login.refused",
    Family::Others,
    "`console`",
    "`subject` is the address; `via`, `reason`, `count`: how many since the entry before it about that address",
));

/// The state of a session that is open.
pub const OPEN: &str = "open";
/// The state of a session that ended.
pub const ENDED: &str = "ended";

/// How somebody proved who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    /// A link that `tachograph login` made, which works once.
    Link,
    /// A token.
    Token,
    /// An OpenID provider.
    Oidc,
}

impl Via {
    /// The word in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::Token => "token",
            Self::Oidc => "oidc",
        }
    }
}

/// The record of a session that began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedIn {
    /// How.
    pub via: Via,
    /// What the person may do.
    pub roles: Vec<Role>,
    /// Whether the person may read content parts.
    pub content: bool,
    /// From which address.
    pub address: String,
    /// When it ends at the latest.
    pub until: ledger::Timestamp,
    /// Who the person is for the provider, if one proved it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<Provided>,
}

/// How an OpenID provider knows a person, and why that one may come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provided {
    /// The provider.
    pub issuer: String,
    /// The person there.
    pub subject: String,
    /// The groups that gave the roles.
    pub groups: Vec<String>,
}

/// The record of a session that a person ended; one that just runs out has none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginEnded {}

/// The record of attempts that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginRefused {
    /// How it was tried the last time.
    pub via: Via,
    /// Why, in words.
    pub reason: String,
    /// How many attempts the entry stands for.
    pub count: u64,
}
