//! Coming in by an OpenID provider: what its groups may do decides, and goes on deciding while somebody is in.

use std::sync::Arc;
use std::time::Duration;

use ledger::Timestamp;

use super::{LoginError, LoginService, Session};
use crate::access::Secret;
use crate::access::grants::{Granted, Identity, ProviderGrants};
use crate::kind::login::{Provided, Via};
use crate::limits;

/// Somebody who came in.
#[derive(Debug)]
pub struct Entrance {
    /// What the cookie holds.
    pub secret: Secret,
    /// How long the session lasts at most.
    pub age_max: Duration,
}

impl LoginService {
    /// Believes this provider from now on, and no other; `None` believes none. Sessions of people who may do less by that end.
    pub fn set_provider(&self, grants: Option<ProviderGrants>) {
        self.inner().provider = grants;
    }

    /// Refuses an address from which too many attempts failed of late, before a provider is asked about it.
    pub fn admit(&self, address: &str, now: Timestamp) -> Result<(), LoginError> {
        self.check_attempts(address, now)
    }

    /// Lets in a person of whom the provider said who it is.
    pub fn enter_by_provider(
        &self,
        identity: &Identity,
        address: &str,
        now: Timestamp,
    ) -> Result<Entrance, LoginError> {
        let name = identity.name();
        // Such people are known: one of them who tries again and again keeps nobody else out who comes from the same address.
        self.check_attempts(&name, now)?;
        let Identity { issuer, subject, groups, .. } = identity;
        let (granted, age_max, wanted) = {
            let inner = self.inner();
            let provider = inner.provider.as_ref();
            let granted = provider.and_then(|provider| provider.granted(issuer, groups));
            let age_max = provider.map_or(limits::SESSION_AGE_MAX, |provider| provider.session_age_max);
            (granted, age_max.min(limits::SESSION_AGE_MAX), provider.map(wanted).unwrap_or_default())
        };
        let Some(granted) = granted else {
            let error = LoginError::NoGroup { name: name.clone(), count: groups.len(), wanted };
            return Err(self.fail_of(&name, Via::Oidc, error, address, now));
        };
        let provided = Provided { issuer: issuer.clone(), subject: cut(subject), groups: granted.groups.clone() };
        let principal = Arc::new(identity.principal(&granted));
        let secret = self.enter(principal, Via::Oidc, Some(provided), age_max, address, now)?;
        Ok(Entrance { secret, age_max })
    }

    /// Records that somebody was refused because the provider did not prove who it is, or what came from there does not fit.
    pub fn refuse_by_provider(&self, reason: &str, address: &str, now: Timestamp) -> LoginError {
        self.fail(Via::Oidc, LoginError::Provider(reason.to_owned()), address, now)
    }
}

/// Whether what a session that came by a provider has is granted still.
pub(super) fn stands(provider: Option<&ProviderGrants>, session: &Session) -> bool {
    let Some(Provided { issuer, groups, .. }) = &session.provided else { return false };
    let granted: Option<Granted> = provider.and_then(|provider| provider.granted(issuer, groups));
    granted.is_some_and(|granted| granted.covers(&session.principal))
}

/// The groups of which one would let somebody in, as words; of many the first.
fn wanted(provider: &ProviderGrants) -> String {
    let roles = |roles: &[crate::access::Role]| roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ");
    let shown = provider.grants.iter().take(limits::GRANTS_SHOWN_MAX);
    let mut words: Vec<String> = shown.map(|grant| format!("{} ({})", grant.group, roles(&grant.roles))).collect();
    if provider.grants.len() > limits::GRANTS_SHOWN_MAX {
        words.push("…".to_owned());
    }
    words.join("; ")
}

/// A subject has at most 255 characters; what a provider makes longer is cut for the record.
fn cut(subject: &str) -> String {
    subject.chars().take(255).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{at, with_service};
    use super::*;
    use crate::access::Role;
    use crate::access::grants::Grant;

    const ISSUER: &str = "https://login.acme.example";

    fn provider(grants: &[(&str, Role, bool)]) -> ProviderGrants {
        let grant = |(group, role, content): &(&str, Role, bool)| Grant {
            group: (*group).to_owned(),
            roles: vec![*role],
            content: *content,
        };
        ProviderGrants {
            issuer: ISSUER.to_owned(),
            grants: grants.iter().map(grant).collect(),
            session_age_max: Duration::from_hours(1),
        }
    }

    fn person(subject: &str, groups: &[&str]) -> Identity {
        Identity {
            issuer: ISSUER.to_owned(),
            subject: subject.to_owned(),
            shown: Some("ada".to_owned()),
            groups: groups.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn a_session_ends_when_what_it_has_is_granted_no_more() {
        with_service(|logins, _| {
            let enter = |groups: &[&str]| logins.enter_by_provider(&person("1", groups), "::1", at(0));
            assert!(matches!(enter(&["sec"]), Err(LoginError::NoGroup { .. })), "there is no provider");
            let both = provider(&[("sec", Role::Analyst, true), ("audit", Role::Auditor, false)]);
            logins.set_provider(Some(both.clone()));
            let stays = |change: ProviderGrants, expected: bool| {
                logins.set_provider(Some(both.clone()));
                let entrance = enter(&["sec", "audit", "others"]).unwrap();
                assert_eq!(entrance.age_max, Duration::from_hours(1));
                let visitor = logins.visitor(entrance.secret.reveal(), at(1)).unwrap();
                assert_eq!(visitor.principal.roles, [Role::Analyst, Role::Auditor]);
                assert!(visitor.principal.content && visitor.principal.name.ends_with("/ada"));
                logins.set_provider(Some(change.clone()));
                assert_eq!(logins.visitor(entrance.secret.reveal(), at(2)).is_some(), expected, "{change:?}");
            };
            stays(both.clone(), true);
            stays(
                provider(&[("sec", Role::Analyst, true), ("audit", Role::Auditor, false), ("x", Role::Admin, true)]),
                true,
            );
            stays(provider(&[("sec", Role::Analyst, true)]), false);
            stays(provider(&[("sec", Role::Analyst, false), ("audit", Role::Auditor, false)]), false);
            stays(provider(&[("sec", Role::Auditor, true), ("audit", Role::Auditor, false)]), false);
            stays(ProviderGrants { issuer: "https://other.example".to_owned(), ..both.clone() }, false);
            logins.set_provider(Some(both.clone()));
            let entrance = enter(&["sec"]).unwrap();
            logins.set_provider(None);
            assert!(logins.visitor(entrance.secret.reveal(), at(1)).is_none());
        });
    }

    #[test]
    fn a_session_lasts_as_long_as_the_provider_says_and_no_longer_than_any() {
        with_service(|logins, _| {
            let mut provider = provider(&[("sec", Role::Analyst, false)]);
            logins.set_provider(Some(provider.clone()));
            let entrance = logins.enter_by_provider(&person("1", &["sec"]), "::1", at(0)).unwrap();
            assert!(logins.visitor(entrance.secret.reveal(), at(3_599)).is_some());
            assert!(logins.visitor(entrance.secret.reveal(), at(3_600)).is_none());
            provider.session_age_max = Duration::from_hours(1_000);
            logins.set_provider(Some(provider));
            let entrance = logins.enter_by_provider(&person("1", &["sec"]), "::1", at(0)).unwrap();
            assert_eq!(entrance.age_max, limits::SESSION_AGE_MAX);
        });
    }

    #[test]
    fn who_has_no_group_keeps_nobody_else_of_the_same_address_out() {
        with_service(|logins, store| {
            logins.set_provider(Some(provider(&[("sec", Role::Analyst, false)])));
            let next = || store.operations().reader().durable().unwrap().next_seq.get();
            let before = next();
            for _ in 0..limits::LOGIN_FAILURES_MAX {
                let error = logins.enter_by_provider(&person("2", &["sales"]), "::1", at(0)).unwrap_err();
                assert!(error.to_string().contains("sec (analyst)"), "{error}");
            }
            let error = logins.enter_by_provider(&person("2", &["sales"]), "::1", at(0)).unwrap_err();
            assert!(matches!(error, LoginError::TooMany(_)));
            assert_eq!(next(), before + 2);
            assert!(logins.enter_by_provider(&person("1", &["sec"]), "::1", at(0)).is_ok());
            assert!(logins.admit("::1", at(0)).is_ok());
            for _ in 0..limits::LOGIN_FAILURES_MAX {
                logins.refuse_by_provider("the state is not known", "::1", at(0));
            }
            assert!(matches!(logins.admit("::1", at(0)), Err(LoginError::TooMany(_))));
        });
    }
}
