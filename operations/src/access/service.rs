//! The one way to create, revoke and list tokens: who may, what is checked, and the entry that records it.
//!
//! Everything here blocks: it reads the disk and waits for an fsync. Callers in a runtime put it on a thread for that.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger::operations::TABLE;
use ledger::{AppendError, Appender, Entry, Group, LedgerError, Receipt, Rejected};
use serde::{Deserialize, Serialize};

use super::{Directory, PROVIDER_PREFIX, Principal, Role, Secret, Tokens, Trust};
use crate::kind::Envelope;
use crate::kind::token::{ACTIVE, Created, Ended, REVOKED, TOKEN, TOKEN_REVOKED};
use crate::limits;

/// What a new token is to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// Name of the person or system that will show it.
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
    #[serde(default = "least_trust")]
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

fn least_trust() -> Trust {
    Trust::Agent
}

/// A token that was created.
#[derive(Debug)]
pub struct CreatedToken {
    /// Its id.
    pub id: String,
    /// What its owner shows. It is kept nowhere else.
    pub secret: Secret,
    /// The entry that records it.
    pub receipt: Receipt,
}

/// A token that was revoked.
#[derive(Debug)]
pub struct RevokedToken {
    /// Who showed it.
    pub name: String,
    /// The entry that records it.
    pub receipt: Receipt,
}

/// Why a token was not created, revoked or shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The principal has not the role.
    #[error("{0} may not manage tokens; that takes the role admin")]
    Role(String),
    /// The principal speaks for a part of the fleet only.
    #[error("{0} is bound to a workspace, user, team or organisation and may not manage tokens of the others")]
    Bound(String),
    /// The principal would grant more than it has.
    #[error("{0} may not read content, and so may not let others read it")]
    Content(String),
    /// A name is no name.
    #[error("names have 1 to {max} bytes and no control characters", max = limits::TOKEN_NAME_BYTES_MAX)]
    Name,
    /// The name is that of somebody who comes by a provider.
    #[error(
        "names that begin with {PROVIDER_PREFIX} belong to people who come by the OpenID provider; take another one"
    )]
    Reserved,
    /// There are too many names.
    #[error("a token names at most {max} dialects", max = limits::TOKEN_DIALECTS_MAX)]
    Dialects,
    /// The token would do nothing.
    #[error("a token has at least one role, each once")]
    Roles,
    /// There are so many tokens that no more are accepted.
    #[error("there are {max} active tokens, the most there may be; revoke those that nobody uses", max = limits::TOKENS_MAX)]
    TooMany,
    /// There is no such token.
    #[error("there is no token {0:?}")]
    Unknown(String),
    /// It was revoked before.
    #[error("the token {0:?} was revoked already")]
    Revoked(String),
    /// Nothing can be recorded here.
    #[error("the ledger is open for reading only")]
    ReadOnly,
    /// The operating system gave no random bytes.
    #[error("no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    /// The ledger did not take the entry.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The ledger could not be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Creates, revokes and lists tokens. Changes are made one after the other, so that each is checked against what the one
/// before it left; who shows a token is answered meanwhile.
pub struct TokenService {
    tokens: Tokens,
    /// `None` where nothing can be recorded.
    appender: Option<Appender>,
    changes: Mutex<()>,
}

impl TokenService {
    /// A service over `operations`. Without an appender it only shows.
    pub fn new(tokens: Tokens, appender: Option<Appender>) -> Self {
        Self { tokens, appender, changes: Mutex::new(()) }
    }

    /// Creates a token in the name of `principal`, and returns when it is durable and accepted.
    pub fn create(&self, new: NewToken, principal: &Principal) -> Result<CreatedToken, TokenError> {
        may_manage(principal)?;
        if new.content && !principal.content {
            return Err(TokenError::Content(principal.name.clone()));
        }
        new.check()?;
        let _turn = self.turn();
        self.tokens.refresh()?;
        if self.tokens.read(Directory::active) >= limits::TOKENS_MAX {
            return Err(TokenError::TooMany);
        }
        let mut id = [0; 8];
        getrandom::fill(&mut id)?;
        let id = format!("tok_{}", hex::encode(id));
        let secret = Secret::generate()?;
        let record = Created { hash: hex::encode(secret.hash()), principal: new.principal(&id) };
        let actor = &principal.name;
        let envelope = Envelope { subject: &id, revision: Some(1), actor, from: None, to: Some(ACTIVE) };
        let receipt = self.append(&TOKEN.entry(&envelope, &record)?)?;
        Ok(CreatedToken { id, secret, receipt })
    }

    /// Revokes a token in the name of `principal`, and returns when that is durable and it is not accepted any more.
    pub fn revoke(&self, id: &str, principal: &Principal) -> Result<RevokedToken, TokenError> {
        may_manage(principal)?;
        let _turn = self.turn();
        self.tokens.refresh()?;
        let token = self.tokens.read(|directory| directory.tokens().get(id).cloned());
        let token = token.ok_or_else(|| TokenError::Unknown(id.to_owned()))?;
        if token.revoked.is_some() {
            return Err(TokenError::Revoked(id.to_owned()));
        }
        let actor = &principal.name;
        let envelope = Envelope { subject: id, revision: Some(2), actor, from: Some(ACTIVE), to: Some(REVOKED) };
        let receipt = self.append(&TOKEN_REVOKED.entry(&envelope, &Ended {})?)?;
        Ok(RevokedToken { name: token.principal.name.clone(), receipt })
    }

    /// Shows all tokens that are durable now to `principal`.
    pub fn read<T>(&self, principal: &Principal, look: impl FnOnce(&Directory) -> T) -> Result<T, TokenError> {
        may_manage(principal)?;
        self.tokens.refresh()?;
        Ok(self.tokens.read(look))
    }

    fn append(&self, entry: &Entry) -> Result<Receipt, TokenError> {
        let appender = self.appender.as_ref().ok_or(TokenError::ReadOnly)?;
        let mut group = Group::new(&TABLE);
        group.push(entry)?;
        let receipt = appender.try_append(group).map_err(|Rejected { error, .. }| error)?.wait()?;
        // The entry is durable whatever comes of this; the fold that follows the ledger reads it later.
        if let Err(error) = self.tokens.refresh() {
            tracing::error!(%error, "the tokens cannot be read");
        }
        Ok(receipt)
    }

    fn turn(&self) -> MutexGuard<'_, ()> {
        // It guards an order and no data that a panic could leave half done.
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NewToken {
    fn check(&self) -> Result<(), TokenError> {
        let texts = [&self.workspace, &self.user, &self.team, &self.org].into_iter().flatten();
        let mut texts = texts.chain(&self.dialects).chain([&self.name]);
        let is_name = |text: &String| {
            (1..=limits::TOKEN_NAME_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
        };
        if !texts.all(is_name) {
            return Err(TokenError::Name);
        }
        if self.name.starts_with(PROVIDER_PREFIX) {
            return Err(TokenError::Reserved);
        }
        if self.dialects.len() > limits::TOKEN_DIALECTS_MAX {
            return Err(TokenError::Dialects);
        }
        let is_repeated = |(at, role): (usize, &Role)| self.roles[..at].contains(role);
        if self.roles.is_empty() || self.roles.iter().enumerate().any(is_repeated) {
            return Err(TokenError::Roles);
        }
        Ok(())
    }

    fn principal(self, id: &str) -> Principal {
        let Self { name, roles, content, dialects, trust, workspace, user, team, org } = self;
        Principal { token: id.to_owned(), name, roles, content, dialects, trust, workspace, user, team, org }
    }
}

/// Whoever manages tokens can take any role but content, so it is for admins of the whole fleet.
fn may_manage(principal: &Principal) -> Result<(), TokenError> {
    if !principal.may(Role::Admin) {
        return Err(TokenError::Role(principal.name.clone()));
    }
    let Principal { workspace, user, team, org, .. } = principal;
    if [workspace, user, team, org].into_iter().any(Option::is_some) {
        return Err(TokenError::Bound(principal.name.clone()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Authorize;
    use ledger::{Options, Store};

    fn new(name: &str, role: Role) -> NewToken {
        NewToken {
            name: name.to_owned(),
            roles: vec![role],
            content: false,
            dialects: Vec::new(),
            trust: Trust::Agent,
            workspace: None,
            user: None,
            team: None,
            org: None,
        }
    }

    /// Shows a service over a new store to a check.
    fn with_service(check: impl FnOnce(&TokenService, &Tokens)) {
        let directory = tempfile::tempdir().unwrap();
        Store::init(directory.path(), "test.example/agents").unwrap();
        let store = Store::open(directory.path(), Options { reserve_bytes: 0, ..Options::default() }).unwrap();
        let tokens = Tokens::load(store.operations().reader()).unwrap();
        check(&TokenService::new(tokens.clone(), Some(store.operations().appender())), &tokens);
        store.stop();
    }

    #[test]
    fn a_token_is_accepted_once_it_is_created_and_until_it_is_revoked() {
        with_service(|service, tokens| {
            let local = Principal::local();
            let created = service.create(new("ada", Role::Analyst), &local).unwrap();
            assert_eq!(tokens.authorize(created.secret.reveal()).unwrap().token, created.id);
            assert_eq!(service.read(&local, Directory::active).unwrap(), 1);
            let revoked = service.revoke(&created.id, &local).unwrap();
            assert_eq!((revoked.name.as_str(), revoked.receipt.first.seq), ("ada", created.receipt.first.seq.next()));
            assert!(tokens.authorize(created.secret.reveal()).is_none());
            assert!(matches!(service.revoke(&created.id, &local), Err(TokenError::Revoked(_))));
            assert!(matches!(service.revoke("tok_none", &local), Err(TokenError::Unknown(_))));
        });
    }

    #[test]
    fn nobody_grants_more_than_they_have() {
        with_service(|service, tokens| {
            let local = Principal::local();
            let admin = |change: fn(&mut NewToken)| {
                let mut admin = new("root", Role::Admin);
                change(&mut admin);
                let created = service.create(admin, &local).unwrap();
                tokens.authorize(created.secret.reveal()).unwrap()
            };
            let (plain, content) = (admin(|_| {}), admin(|token| token.content = true));
            let reader = || NewToken { content: true, ..new("ada", Role::Analyst) };
            assert!(matches!(service.create(reader(), &plain), Err(TokenError::Content(_))));
            assert!(service.create(new("ada", Role::Analyst), &plain).is_ok());
            assert!(service.create(reader(), &content).is_ok());
            let binds: [fn(&mut NewToken); 4] = [
                |token| token.workspace = Some("w".to_owned()),
                |token| token.user = Some("u".to_owned()),
                |token| token.team = Some("t".to_owned()),
                |token| token.org = Some("o".to_owned()),
            ];
            for bound in binds.map(admin) {
                assert!(matches!(service.create(new("x", Role::Ingest), &bound), Err(TokenError::Bound(_))));
                assert!(matches!(service.revoke(&plain.token, &bound), Err(TokenError::Bound(_))));
                assert!(matches!(service.read(&bound, |_| ()), Err(TokenError::Bound(_))));
            }
            for role in [Role::Ingest, Role::Analyst, Role::Auditor, Role::Budget] {
                let created = service.create(new("x", role), &local).unwrap();
                let principal = tokens.authorize(created.secret.reveal()).unwrap();
                assert!(matches!(service.create(new("y", Role::Ingest), &principal), Err(TokenError::Role(_))));
                assert!(matches!(service.revoke(&plain.token, &principal), Err(TokenError::Role(_))));
                assert!(matches!(service.read(&principal, |_| ()), Err(TokenError::Role(_))));
            }
        });
    }

    #[test]
    fn what_a_token_says_of_itself_is_bounded() {
        let check = |change: fn(&mut NewToken), is_wrong: fn(&TokenError) -> bool| {
            let mut token = new("ada", Role::Analyst);
            assert!(token.check().is_ok());
            change(&mut token);
            assert!(token.check().is_err_and(|error| is_wrong(&error)), "{token:?}");
        };
        let is_name = |error: &TokenError| matches!(error, TokenError::Name);
        check(|token| token.name = String::new(), is_name);
        check(|token| token.name = "a\u{1b}[2J".to_owned(), is_name);
        check(|token| token.team = Some("x".repeat(limits::TOKEN_NAME_BYTES_MAX + 1)), is_name);
        check(|token| token.dialects = vec![String::new()], is_name);
        check(
            |token| token.dialects = vec!["coder".to_owned(); limits::TOKEN_DIALECTS_MAX + 1],
            |error| matches!(error, TokenError::Dialects),
        );
        let is_reserved = |error: &TokenError| matches!(error, TokenError::Reserved);
        check(|token| token.name = "oidc:0011223344556677/ada".to_owned(), is_reserved);
        let is_roles = |error: &TokenError| matches!(error, TokenError::Roles);
        check(|token| token.roles = Vec::new(), is_roles);
        check(|token| token.roles = vec![Role::Admin, Role::Analyst, Role::Admin], is_roles);
    }

    #[test]
    fn without_a_writer_nothing_is_created() {
        with_service(|service, tokens| {
            let id = service.create(new("ada", Role::Analyst), &Principal::local()).unwrap().id;
            let reading = TokenService::new(tokens.clone(), None);
            let local = Principal::local();
            assert!(matches!(reading.create(new("x", Role::Ingest), &local), Err(TokenError::ReadOnly)));
            assert!(matches!(reading.revoke(&id, &local), Err(TokenError::ReadOnly)));
            assert_eq!(reading.read(&local, |directory| directory.tokens().len()).unwrap(), 1);
        });
    }
}
