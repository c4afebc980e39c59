//! What the groups of an OpenID provider may do here, and the principal of a person who comes by one. Pure: who proves a person's
//! identity, and how, is for others.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Principal, Role, Trust};
use crate::limits;

/// What the name of whoever came by a provider begins with. Nobody else has such a name.
pub const PROVIDER_PREFIX: &str = "oidc:";

/// What a group of the provider may do here.
///
/// ```toml
/// [[oidc.grant]]
/// group = "agents-security"
/// roles = ["analyst"]
/// content = true
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The group as the provider writes it: a name, a path such as `/agents/security`, or an id. Every character counts.
    pub group: String,
    /// What its members may do. Whoever is in several groups has the roles of all of them.
    #[schemars(with = "Vec<String>", extend("form" = "list of: one of `\"analyst\"`, `\"auditor\"`, `\"admin\"`"))]
    pub roles: Vec<Role>,
    /// Whether its members may read content: prompts, commands, tool input and output.
    #[serde(default)]
    pub content: bool,
}

/// Why grants cannot be used; the message names the setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// Nobody would come in.
    #[error("grant: without a group nobody comes in; name one in [[oidc.grant]]")]
    None,
    /// There are too many.
    #[error("grant: there are more than {max}", max = limits::GRANTS_MAX)]
    TooMany,
    /// A group is no name.
    #[error("grant {0:?}: group: it has 1 to {max} bytes and no control characters", max = limits::GROUP_BYTES_MAX)]
    Group(String),
    /// Two grants are for the same group.
    #[error("grant {0:?}: group: it stands in two grants; give one all roles")]
    Twice(String),
    /// A grant gives nothing, or the same twice.
    #[error("grant {0:?}: roles: there is at least one, each once")]
    Roles(String),
    /// A role is for machines.
    #[error("grant {0:?}: roles: {1} is for machines, which show a token; people are analyst, auditor or admin")]
    Machine(String, Role),
}

/// Which provider is believed, and what its groups may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderGrants {
    /// The provider: whoever another one proves is another person.
    pub issuer: String,
    /// What its groups may do.
    pub grants: Vec<Grant>,
    /// How long a session lasts at most; never longer than [`limits::SESSION_AGE_MAX`].
    pub session_age_max: Duration,
}

/// A person as a provider proved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The provider.
    pub issuer: String,
    /// Who it is for the provider: never given to another person, unlike names and addresses.
    pub subject: String,
    /// What people call them; whoever steers the account may have chosen it.
    pub shown: Option<String>,
    /// The groups that the provider names, as they are.
    pub groups: Vec<String>,
}

/// What somebody may do by their groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Granted {
    /// The groups that gave it.
    pub groups: Vec<String>,
    /// The roles, each once.
    pub roles: Vec<Role>,
    /// Whether content may be read.
    pub content: bool,
}

impl ProviderGrants {
    /// Looks whether they can be used.
    pub fn check(grants: &[Grant]) -> Result<(), GrantError> {
        if grants.is_empty() {
            return Err(GrantError::None);
        }
        if grants.len() > limits::GRANTS_MAX {
            return Err(GrantError::TooMany);
        }
        for (at, grant) in grants.iter().enumerate() {
            let Grant { group, roles, .. } = grant;
            let name = || group.chars().take(64).collect::<String>();
            if !(1..=limits::GROUP_BYTES_MAX).contains(&group.len()) || group.chars().any(char::is_control) {
                return Err(GrantError::Group(name()));
            }
            if grants.iter().take(at).any(|other| other.group == *group) {
                return Err(GrantError::Twice(name()));
            }
            let is_repeated = |(at, role): (usize, &Role)| roles.iter().take(at).any(|other| other == role);
            if roles.is_empty() || roles.iter().enumerate().any(is_repeated) {
                return Err(GrantError::Roles(name()));
            }
            if let Some(role) = roles.iter().find(|role| matches!(role, Role::Ingest | Role::Budget)) {
                return Err(GrantError::Machine(name(), *role));
            }
        }
        Ok(())
    }

    /// What these groups of this provider give together; `None` if that is nothing.
    pub fn granted(&self, issuer: &str, groups: &[String]) -> Option<Granted> {
        let mut granted = Granted { groups: Vec::new(), roles: Vec::new(), content: false };
        for grant in self.grants.iter().filter(|grant| issuer == self.issuer && groups.contains(&grant.group)) {
            granted.groups.push(grant.group.clone());
            granted.roles.extend(&grant.roles);
            granted.content |= grant.content;
        }
        granted.roles.sort_unstable();
        granted.roles.dedup();
        (!granted.groups.is_empty()).then_some(granted)
    }
}

impl Granted {
    /// Whether it gives all that a principal has.
    pub fn covers(&self, principal: &Principal) -> bool {
        let has = |role: &Role| self.roles.contains(role);
        principal.roles.iter().all(has) && (self.content || !principal.content)
    }
}

impl Identity {
    /// `oidc:`, a digest of provider and subject that nobody chooses, and behind a slash what people call them, as far as it is harmless:
    /// two people never have the same name, whatever they call themselves and whoever is their provider.
    pub fn name(&self) -> String {
        let shown = self.shown.as_deref().map(harmless).filter(|shown| !shown.is_empty());
        shown.map_or_else(|| self.id(), |shown| format!("{}/{shown}", self.id()))
    }

    /// The part of the name that stays when people are called otherwise.
    pub fn id(&self) -> String {
        let mut hash = Sha256::new();
        // The length before it keeps two different pairs apart.
        hash.update((self.issuer.len() as u64).to_be_bytes());
        hash.update(self.issuer.as_bytes());
        hash.update(self.subject.as_bytes());
        let digest = hash.finalize();
        format!("{PROVIDER_PREFIX}{}", hex::encode(&digest[..ID_BYTES]))
    }

    /// The principal of a person who may do so much.
    pub fn principal(&self, granted: &Granted) -> Principal {
        Principal {
            token: self.id(),
            name: self.name(),
            roles: granted.roles.clone(),
            content: granted.content,
            dialects: Vec::new(),
            trust: Trust::Agent,
            workspace: None,
            user: None,
            team: None,
            org: None,
        }
    }
}

/// So much of the digest that nobody finds an account of the same.
const ID_BYTES: usize = 8;

/// A name in which nothing can be taken for something else than letters: the rest becomes `_`, and what is too long is cut.
fn harmless(name: &str) -> String {
    let is_plain = |char: char| char.is_alphanumeric() || matches!(char, '.' | '-' | '_' | '@' | '+');
    let mut text: String = name.trim().chars().map(|char| if is_plain(char) { char } else { '_' }).collect();
    while text.len() > limits::PERSON_BYTES_MAX {
        text.pop();
    }
    text
}

/// What people call a principal of this name: of one who came by a provider, what stands behind the id.
pub fn familiar(name: &str) -> &str {
    name.strip_prefix(PROVIDER_PREFIX).and_then(|name| name.split_once('/')).map_or(name, |(_, shown)| shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ISSUER: &str = "https://login.acme.example";

    fn grant(group: &str, roles: &[Role], content: bool) -> Grant {
        Grant { group: group.to_owned(), roles: roles.to_vec(), content }
    }

    fn grants(grants: Vec<Grant>) -> ProviderGrants {
        ProviderGrants { issuer: ISSUER.to_owned(), grants, session_age_max: Duration::from_hours(1) }
    }

    fn identity(issuer: &str, subject: &str, shown: Option<&str>) -> Identity {
        Identity {
            issuer: issuer.to_owned(),
            subject: subject.to_owned(),
            shown: shown.map(str::to_owned),
            groups: Vec::new(),
        }
    }

    #[test]
    fn groups_give_what_is_granted_to_them_and_nothing_else() {
        let grants = grants(vec![
            grant("sec", &[Role::Analyst], true),
            grant("audit", &[Role::Auditor], false),
            grant("ops", &[Role::Admin, Role::Analyst], false),
        ]);
        let check = |groups: &[&str], expected: Option<(&[Role], bool)>| {
            let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
            let granted = grants.granted(ISSUER, &groups);
            let found = granted.as_ref().map(|granted| (granted.roles.as_slice(), granted.content));
            assert_eq!(found, expected, "{groups:?}");
        };
        check(&[], None);
        check(&["Sec", "sec ", "sec2", ""], None);
        check(&["audit"], Some((&[Role::Auditor], false)));
        check(&["x", "ops", "sec"], Some((&[Role::Analyst, Role::Admin], true)));
        assert_eq!(grants.granted("https://other.example", &["sec".to_owned()]), None);
    }

    #[test]
    fn grants_that_cannot_work_are_told() {
        let check = |grants: &[Grant], says: &str| {
            let error = ProviderGrants::check(grants).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        };
        check(&[], "nobody comes in");
        check(&[grant("", &[Role::Admin], false)], "group");
        check(&[grant("a\u{1b}", &[Role::Admin], false)], "group");
        check(&[grant("a", &[], false)], "at least one");
        check(&[grant("a", &[Role::Admin, Role::Admin], false)], "each once");
        check(&[grant("a", &[Role::Ingest], false)], "for machines");
        check(&[grant("a", &[Role::Budget], false)], "for machines");
        check(&[grant("a", &[Role::Admin], false), grant("a", &[Role::Auditor], false)], "two grants");
        let many: Vec<Grant> =
            (0..=limits::GRANTS_MAX).map(|at| grant(&at.to_string(), &[Role::Admin], false)).collect();
        check(&many, "more than");
        assert_eq!(ProviderGrants::check(&many[1..]), Ok(()));
    }

    #[test]
    fn names_are_of_one_person_of_one_provider() {
        let ada = identity(ISSUER, "1", Some("ada@acme.example"));
        assert!(ada.name().ends_with("/ada@acme.example") && ada.name().starts_with(&ada.id()), "{}", ada.name());
        assert_eq!(familiar(&ada.name()), "ada@acme.example");
        assert_eq!(familiar("r.ibarra"), "r.ibarra");
        assert_eq!(identity(ISSUER, "1", None).name(), ada.id());
        assert_ne!(identity("https://other.example", "1", None).id(), ada.id());
        assert_ne!(identity(ISSUER, "2", Some("ada@acme.example")).name(), ada.name());
        // What belongs to the provider and what to the subject is no matter of where one cuts.
        assert_ne!(identity("https://a.example", "/x1", None).id(), identity("https://a.example/x", "1", None).id());
        let sly = identity(ISSUER, "3", Some("local\u{202e}/oidc:0/\u{1b}[2J x"));
        assert!(sly.name().ends_with("/local__oidc_0___2J_x"), "{}", sly.name());
    }

    proptest! {
        #[test]
        fn any_name_is_short_and_harmless(issuer in "\\PC{0,40}", subject in "\\PC{0,300}", shown in proptest::option::of(".{0,400}")) {
            let name = identity(&issuer, &subject, shown.as_deref()).name();
            prop_assert!(name.len() <= limits::TOKEN_NAME_BYTES_MAX);
            let (id, rest) = name.split_at(PROVIDER_PREFIX.len() + 2 * ID_BYTES);
            prop_assert_eq!(id, identity(&issuer, &subject, None).id());
            prop_assert!(rest.is_empty() || rest.starts_with('/') && rest.matches('/').count() == 1);
            prop_assert!(!name.chars().any(|char| char.is_control() || char.is_whitespace()));
        }

        #[test]
        fn more_groups_never_give_less_and_others_give_nothing(
            given in proptest::collection::vec(("[a-d]", 0..3_usize, any::<bool>()), 1..6),
            member in proptest::collection::vec("[a-f]", 0..6),
            more in proptest::collection::vec("[a-f]", 0..4),
        ) {
            let roles = [Role::Analyst, Role::Auditor, Role::Admin];
            let given = grants(given.iter().map(|(group, role, content)| grant(group, &[roles[*role]], *content)).collect());
            let both = [member.clone(), more].concat();
            match (given.granted(ISSUER, &member), given.granted(ISSUER, &both)) {
                (None, _) => prop_assert!(given.grants.iter().all(|grant| !member.contains(&grant.group))),
                (Some(few), Some(many)) => {
                    let principal = identity(ISSUER, "1", None).principal(&few);
                    prop_assert!(few.covers(&principal) && many.covers(&principal));
                    // What was granted is what the groups that gave it give alone.
                    prop_assert_eq!(given.granted(ISSUER, &few.groups).map(|granted| (granted.roles, granted.content)), Some((few.roles, few.content)));
                }
                (Some(_), None) => prop_assert!(false, "less for more groups"),
            }
        }
    }
}
