//! Sessions of people at the console: who is in, how they came in, when that ends, and how often somebody may try.
//!
//! Sessions are kept in memory: a restart ends them. What outlives it is the record that somebody came in, left, or was refused.
//! Secrets are kept as their hashes only. Nothing here knows HTTP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ledger::operations::TABLE;
use ledger::{AppendError, Appender, Entry, Group, Rejected, Timestamp};

use super::{Authorize, Principal, ProviderGrants, Secret, Tokens, secret};
use crate::kind::Envelope;
use crate::kind::login::{
    ENDED, LOGIN, LOGIN_ENDED, LOGIN_REFUSED, LoggedIn, LoginEnded, LoginRefused, OPEN, Provided, Via,
};
use crate::limits;

mod provider;

pub use provider::Entrance;

/// Who may be at the console.
pub struct LoginService {
    tokens: Tokens,
    /// `None` where nothing can be recorded; then nobody comes in.
    appender: Option<Appender>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// By the hash of the secret in the link.
    invitations: HashMap<[u8; 32], Invitation>,
    /// By the hash of the secret in the cookie.
    sessions: HashMap<[u8; 32], Session>,
    /// By address, or by name where a provider said who it is.
    failures: HashMap<String, Failures>,
    /// The provider that is believed, and what its groups may do.
    provider: Option<ProviderGrants>,
}

/// A link that was not used yet.
struct Invitation {
    principal: Arc<Principal>,
    until: Timestamp,
}

/// Somebody who is in.
#[derive(Clone)]
struct Session {
    id: String,
    via: Via,
    /// By which groups of which provider, if one proved who it is.
    provided: Option<Provided>,
    principal: Arc<Principal>,
    used: Timestamp,
    until: Timestamp,
}

/// Attempts from one address, or of one person, that failed.
struct Failures {
    /// Since when they are counted.
    since: Timestamp,
    count: u32,
    /// How many of them no entry tells of yet.
    untold: u64,
}

/// Who is in, for a page.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Id of the session, as recorded.
    pub session: String,
    /// Who it is.
    pub principal: Arc<Principal>,
    /// When the session ends at the latest.
    pub until: Timestamp,
}

/// Why somebody does not come in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginError {
    /// The link or token is not known, was used, ran out or was revoked.
    #[error("this {0} is not known: it was used already, ran out, or was revoked")]
    Unknown(&'static str),
    /// Too many attempts failed.
    #[error("too many attempts failed; try again in {seconds} s", seconds = .0.as_secs().max(1))]
    TooMany(Duration),
    /// The principal may look at nothing.
    #[error("{0} may send or spend, and look at nothing; ask for the role analyst, auditor or admin")]
    NoRole(String),
    /// The provider did not prove who it is, or what came from there does not fit.
    #[error("{0}")]
    Provider(String),
    /// The person is in no group that may come in.
    #[error("{name} is in no group that may come in: the provider named {count} groups; ask for one of {wanted}")]
    NoGroup {
        /// Who.
        name: String,
        /// How many groups the provider named.
        count: usize,
        /// Groups that may come in, with their roles.
        wanted: String,
    },
    /// So many are in that nobody else can be.
    #[error("there are {max} sessions at the console, the most there may be; try again later", max = limits::SESSIONS_MAX)]
    Full,
    /// The operating system gave no random bytes.
    #[error("no random bytes: {0}")]
    Random(#[from] getrandom::Error),
    /// The ledger did not take the entry.
    #[error(transparent)]
    Append(#[from] AppendError),
}

impl LoginService {
    /// Nobody is in yet. Without an appender nobody comes in.
    pub fn new(tokens: Tokens, appender: Option<Appender>) -> Self {
        Self { tokens, appender, inner: Mutex::default() }
    }

    /// A secret that lets `principal` in once, for [`limits::INVITATION_AGE_MAX`].
    pub fn invite(&self, principal: Principal, now: Timestamp) -> Result<Secret, LoginError> {
        let secret = Secret::generate()?;
        let mut inner = self.inner();
        inner.invitations.retain(|_, invitation| invitation.until > now);
        if inner.invitations.len() >= limits::INVITATIONS_MAX {
            return Err(LoginError::Full);
        }
        let until = now.saturating_add(limits::INVITATION_AGE_MAX);
        inner.invitations.insert(secret.hash(), Invitation { principal: Arc::new(principal), until });
        Ok(secret)
    }

    /// Lets in whoever shows an invitation's secret, which is used up by that.
    pub fn enter_by_link(&self, shown: &str, address: &str, now: Timestamp) -> Result<Secret, LoginError> {
        self.check_attempts(address, now)?;
        let invitation = self.inner().invitations.remove(&secret::hash(shown)).filter(|found| found.until > now);
        match invitation {
            Some(Invitation { principal, .. }) => {
                self.enter(principal, Via::Link, None, limits::SESSION_AGE_MAX, address, now)
            }
            None => Err(self.fail(Via::Link, LoginError::Unknown("link"), address, now)),
        }
    }

    /// Lets in whoever shows a token. The session ends when the token is revoked.
    pub fn enter_by_token(&self, shown: &str, address: &str, now: Timestamp) -> Result<Secret, LoginError> {
        self.check_attempts(address, now)?;
        match self.tokens.authorize(shown.trim()) {
            Some(principal) => self.enter(principal, Via::Token, None, limits::SESSION_AGE_MAX, address, now),
            None => Err(self.fail(Via::Token, LoginError::Unknown("token"), address, now)),
        }
    }

    /// Lets in somebody who is known. Returns the secret for the cookie when the entry is durable.
    fn enter(
        &self,
        principal: Arc<Principal>,
        via: Via,
        provided: Option<Provided>,
        age_max: Duration,
        address: &str,
        now: Timestamp,
    ) -> Result<Secret, LoginError> {
        if !ledger::LedgerName::ALL.iter().any(|ledger| principal.may_read(*ledger)) {
            let refused = LoginError::NoRole(principal.name.clone());
            return Err(self.fail(via, refused, address, now));
        }
        let secret = Secret::generate()?;
        let mut id = [0; 8];
        getrandom::fill(&mut id)?;
        let id = format!("login_{}", hex::encode(id));
        let until = now.saturating_add(age_max);
        {
            let mut inner = self.inner();
            inner.sessions.retain(|_, session| session.is_open(now));
            if inner.sessions.len() >= limits::SESSIONS_MAX {
                return Err(LoginError::Full);
            }
        }
        let roles = principal.roles.clone();
        let (content, address_shown) = (principal.content, address.to_owned());
        let record = LoggedIn { via, roles, content, address: address_shown, until, provider: provided.clone() };
        let envelope = Envelope { subject: &id, actor: &principal.name, to: Some(OPEN), ..Envelope::default() };
        self.append(&LOGIN.entry(&envelope, &record)?)?;
        let session = Session { id, via, provided, principal, used: now, until };
        let mut inner = self.inner();
        inner.failures.remove(address);
        inner.sessions.insert(secret.hash(), session);
        Ok(secret)
    }

    /// Who shows this secret, if the session is open still.
    pub fn visitor(&self, shown: &str, now: Timestamp) -> Option<Visitor> {
        let mut inner = self.inner();
        let Inner { sessions, provider, .. } = &mut *inner;
        let hash = secret::hash(shown);
        let session = sessions.get_mut(&hash)?;
        if !session.is_open(now) || !self.stands(session, provider.as_ref()) {
            sessions.remove(&hash);
            return None;
        }
        session.used = session.used.max(now);
        let Session { id, principal, until, .. } = session.clone();
        Some(Visitor { session: id, principal, until })
    }

    /// Ends a session, and says how the person had come. Nothing happens if there is none.
    pub fn leave(&self, shown: &str) -> Result<Option<Via>, LoginError> {
        let Some(session) = self.inner().sessions.remove(&secret::hash(shown)) else { return Ok(None) };
        let actor = &session.principal.name;
        let envelope =
            Envelope { subject: &session.id, actor, from: Some(OPEN), to: Some(ENDED), ..Envelope::default() };
        self.append(&LOGIN_ENDED.entry(&envelope, &LoginEnded {})?)?;
        Ok(Some(session.via))
    }

    /// Whether what let a person in does so still: the token is not revoked, the groups are granted as much.
    fn stands(&self, session: &Session, provider: Option<&ProviderGrants>) -> bool {
        let revoked = |id: &str| {
            self.tokens.read(|directory| directory.tokens().get(id).is_none_or(|token| token.revoked.is_some()))
        };
        match session.via {
            Via::Link => true,
            Via::Token => !revoked(&session.principal.token),
            Via::Oidc => provider::stands(provider, session),
        }
    }

    /// Refuses an address or a person of which too many attempts failed of late.
    fn check_attempts(&self, who: &str, now: Timestamp) -> Result<(), LoginError> {
        let mut inner = self.inner();
        inner.failures.retain(|_, failures| now.since(failures.since) < limits::LOGIN_FAILURES_WINDOW);
        // Who tries from many addresses meets the same bound as who tries from one.
        let full = inner.failures.len() >= limits::LOGIN_ADDRESSES_MAX && !inner.failures.contains_key(who);
        match inner.failures.get(who) {
            Some(failures) if failures.count >= limits::LOGIN_FAILURES_MAX => {
                let rest = limits::LOGIN_FAILURES_WINDOW.saturating_sub(now.since(failures.since));
                Err(LoginError::TooMany(rest))
            }
            _ if full => Err(LoginError::TooMany(limits::LOGIN_FAILURES_WINDOW)),
            _ => Ok(()),
        }
    }

    /// Counts an attempt that failed, and records it. Attempts that come one after the other share entries: the first, the
    /// last before the address is refused, and nothing after it, so that nobody fills the ledger from outside.
    fn fail(&self, via: Via, error: LoginError, address: &str, now: Timestamp) -> LoginError {
        self.fail_of(address, via, error, address, now)
    }

    /// The same of an attempt that is counted as that of `who`.
    fn fail_of(&self, who: &str, via: Via, error: LoginError, address: &str, now: Timestamp) -> LoginError {
        let told = {
            let mut inner = self.inner();
            let failures = inner.failures.entry(who.to_owned()).or_insert(Failures { since: now, count: 0, untold: 0 });
            failures.count += 1;
            failures.untold += 1;
            let tells = failures.count == 1 || failures.count == limits::LOGIN_FAILURES_MAX;
            tells.then(|| std::mem::take(&mut failures.untold))
        };
        tracing::warn!(via = via.as_str(), address, reason = %error, "a login was refused");
        if let Some(count) = told {
            let record = LoginRefused { via, reason: error.to_string(), count };
            let envelope = Envelope { subject: address, actor: "console", ..Envelope::default() };
            let recorded = LOGIN_REFUSED.entry(&envelope, &record).map_err(LoginError::from);
            if let Err(error) = recorded.and_then(|entry| self.append(&entry)) {
                tracing::error!(error = &error as &dyn std::error::Error, "a refused login could not be recorded");
            }
        }
        error
    }

    fn append(&self, entry: &Entry) -> Result<(), LoginError> {
        let appender = self.appender.as_ref().ok_or(AppendError::Stopped)?;
        let mut group = Group::new(&TABLE);
        group.push(entry)?;
        appender.try_append(group).map_err(|Rejected { error, .. }| error)?.wait()?;
        Ok(())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session {
    fn is_open(&self, now: Timestamp) -> bool {
        now < self.until && now.since(self.used) < limits::SESSION_IDLE_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role;
    use ledger::{Options, Store};

    /// Shows a service over a new store to a check, which moves its clock as it likes.
    pub(super) fn with_service(check: impl FnOnce(&LoginService, &Store)) {
        let directory = tempfile::tempdir().unwrap();
        Store::init(directory.path(), "test.example/agents").unwrap();
        let store = Store::open(directory.path(), Options { reserve_bytes: 0, ..Options::default() }).unwrap();
        let tokens = Tokens::load(store.operations().reader()).unwrap();
        check(&LoginService::new(tokens, Some(store.operations().appender())), &store);
        store.stop();
    }

    pub(super) fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_micros(1_800_000_000_000_000 + seconds * 1_000_000)
    }

    #[test]
    fn a_link_works_once_and_for_a_while() {
        with_service(|logins, _| {
            let link = logins.invite(Principal::local(), at(0)).unwrap();
            let late = at(0).saturating_add(limits::INVITATION_AGE_MAX);
            assert!(matches!(logins.enter_by_link(link.reveal(), "::1", late), Err(LoginError::Unknown(_))));
            let link = logins.invite(Principal::local(), at(0)).unwrap();
            let cookie = logins.enter_by_link(link.reveal(), "::1", at(1)).unwrap();
            assert!(matches!(logins.enter_by_link(link.reveal(), "::1", at(1)), Err(LoginError::Unknown(_))));
            assert_eq!(logins.visitor(cookie.reveal(), at(2)).unwrap().principal.name, "local");
            assert!(logins.visitor(link.reveal(), at(2)).is_none());
            logins.leave(cookie.reveal()).unwrap();
            assert!(logins.visitor(cookie.reveal(), at(2)).is_none());
        });
    }

    #[test]
    fn sessions_end_when_they_are_old_or_nobody_uses_them() {
        with_service(|logins, _| {
            let enter = || {
                let link = logins.invite(Principal::local(), at(0)).unwrap();
                logins.enter_by_link(link.reveal(), "::1", at(0)).unwrap()
            };
            let idle = enter();
            assert!(logins.visitor(idle.reveal(), at(0).saturating_add(limits::SESSION_IDLE_MAX)).is_none());
            let used = enter();
            let mut now = at(0);
            while now.since(at(0)) < limits::SESSION_AGE_MAX {
                assert!(logins.visitor(used.reveal(), now).is_some(), "{now:?}");
                now = now.saturating_add(limits::SESSION_IDLE_MAX / 2);
            }
            assert!(logins.visitor(used.reveal(), now).is_none());
        });
    }

    #[test]
    fn a_session_by_token_ends_with_the_token() {
        with_service(|logins, store| {
            let tokens = crate::access::TokenService::new(logins.tokens.clone(), Some(store.operations().appender()));
            let new = |role| crate::access::NewToken {
                name: "ada".to_owned(),
                roles: vec![role],
                content: false,
                dialects: Vec::new(),
                trust: crate::access::Trust::Agent,
                workspace: None,
                user: None,
                team: None,
                org: None,
            };
            let sender = tokens.create(new(Role::Ingest), &Principal::local()).unwrap();
            let refused = logins.enter_by_token(sender.secret.reveal(), "::1", at(0));
            assert!(matches!(refused, Err(LoginError::NoRole(_))));
            let token = tokens.create(new(Role::Analyst), &Principal::local()).unwrap();
            let cookie = logins.enter_by_token(token.secret.reveal(), "::1", at(0)).unwrap();
            assert!(logins.visitor(cookie.reveal(), at(1)).is_some());
            tokens.revoke(&token.id, &Principal::local()).unwrap();
            assert!(logins.visitor(cookie.reveal(), at(1)).is_none());
        });
    }

    #[test]
    fn who_fails_too_often_waits_and_does_not_fill_the_ledger() {
        with_service(|logins, store| {
            let before = store.operations().reader().durable().unwrap().next_seq.get();
            for _ in 0..limits::LOGIN_FAILURES_MAX {
                assert!(matches!(logins.enter_by_token("x", "::1", at(0)), Err(LoginError::Unknown(_))));
            }
            for _ in 0..1000 {
                assert!(matches!(logins.enter_by_link("x", "::1", at(1)), Err(LoginError::TooMany(_))));
            }
            assert_eq!(store.operations().reader().durable().unwrap().next_seq.get(), before + 2);
            assert!(matches!(logins.enter_by_token("x", "::2", at(1)), Err(LoginError::Unknown(_))));
            let later = at(0).saturating_add(limits::LOGIN_FAILURES_WINDOW);
            assert!(matches!(logins.enter_by_token("x", "::1", later), Err(LoginError::Unknown(_))));
        });
    }
}
