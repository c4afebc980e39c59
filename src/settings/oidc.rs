//! `[oidc]`: the OpenID provider by which people come to the console. What groups give is the ledger's; who asks the provider is `serve`'s.

use std::path::PathBuf;
use std::time::Duration;

use export::Secret;
use export::tls::certificates;
use operations::access::{Grant, ProviderGrants};
use reqwest::Url;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits;

/// People come to the console by an OpenID provider (authorization code with PKCE), beside links and tokens. Without this table nobody does.
/// A change is taken over on SIGHUP: sessions of people whose groups give less than before end. How to set up a provider stands in
/// docs/login.md.
///
/// ```toml
/// [oidc]
/// name = "Acme"
/// issuer = "https://login.acme.example/realms/acme"
/// client_id = "tachograph"
/// client_secret = "file:/etc/tachograph/oidc-secret"
/// console = "https://tachograph.acme.example"
/// ```
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// What the login page calls the provider: "Sign in with Acme".
    pub name: String,
    /// The provider, letter by letter as its discovery document names it. It is an `https` address; `http` goes for this machine only.
    pub issuer: String,
    /// The id under which the provider knows the console.
    pub client_id: String,
    /// Where the client's secret lies.
    pub client_secret: Secret,
    /// The address by which browsers reach the console, such as `https://tachograph.acme.example`. The redirect address that the provider
    /// must know is this with `/login/oidc/callback` behind it. Its name stands in `names` of `[listen]`, too. With `https` cookies never
    /// leave without TLS.
    pub console: String,
    /// What is asked of the provider beside `openid`. Some providers name groups only if they are asked for the scope `groups`.
    #[serde(default = "scopes")]
    #[schemars(length(max = limits::OIDC_SCOPES_MAX))]
    pub scopes: Vec<String>,
    /// The claim that holds a person's groups: a name, names with dots between where it lies within others (`realm_access.roles`), or a list
    /// of such names where they have dots themselves (`["https://acme.example/groups"]`). It is looked for in the ID token, and if it is
    /// not there, in what the provider's userinfo endpoint answers.
    #[serde(default = "groups_claim")]
    pub groups_claim: ClaimPath,
    /// The claim with the name that people know. It is only shown: who somebody is says `sub`, which no other person ever gets.
    #[serde(default = "person_claim")]
    pub person_claim: String,
    /// How long a session lasts at most.
    #[schemars(range(min = limits::OIDC_SESSION_MINUTES_MIN, max = limits::OIDC_SESSION_MINUTES_MAX))]
    #[serde(default = "session_minutes")]
    pub session_minutes: u32,
    /// A PEM file of certificate authorities that are believed beside those of the system when the provider is asked.
    pub ca_file: Option<PathBuf>,
    /// What a group of the provider may do here. Who is in none does not come in.
    #[serde(rename = "grant")]
    #[schemars(length(max = operations::limits::GRANTS_MAX))]
    pub grants: Vec<Grant>,
}

/// Where a claim lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a claim is a string, or a list of strings where names have dots")]
#[schemars(extend("form" = "string or list of: string"))]
pub enum ClaimPath {
    /// Names with dots between.
    Dotted(String),
    /// Names one by one.
    Steps(Vec<String>),
}

impl ClaimPath {
    /// The names, from the outermost to the innermost.
    pub fn steps(&self) -> Vec<&str> {
        match self {
            Self::Dotted(path) => path.split('.').collect(),
            Self::Steps(steps) => steps.iter().map(String::as_str).collect(),
        }
    }
}

fn scopes() -> Vec<String> {
    ["profile", "email"].map(str::to_owned).to_vec()
}

fn groups_claim() -> ClaimPath {
    ClaimPath::Dotted("groups".to_owned())
}

fn person_claim() -> String {
    "preferred_username".to_owned()
}

const fn session_minutes() -> u32 {
    limits::OIDC_SESSION_MINUTES_MAX
}

impl Oidc {
    /// What types cannot find; each message begins with the setting. `names` are those by which the console may be asked.
    pub fn problems(&self, names: &[String]) -> Vec<String> {
        let Self {
            name, issuer, client_id, console, scopes, groups_claim, person_claim, session_minutes, grants, ..
        } = self;
        let mut problems = Vec::new();
        let mut told = |setting: &str, is_wrong: bool, message: &str| {
            if is_wrong {
                problems.push(format!("oidc.{setting}: {message}"));
            }
        };
        let is_text = |text: &str, max: usize| (1..=max).contains(&text.len()) && !text.chars().any(char::is_control);
        told("name", !is_text(name, 64), "it has 1 to 64 bytes and no control characters");
        told("client_id", !is_text(client_id, 256), "it has 1 to 256 bytes and no control characters");
        told("issuer", address(issuer).is_none() || issuer.len() > limits::OIDC_ADDRESS_BYTES_MAX, ADDRESS);
        match address(console).filter(|url| url.path() == "/") {
            None => told("console", true, &format!("{ADDRESS}; it has no path")),
            Some(url) if !is_answered(&url, names) => {
                let host = url.host_str().unwrap_or_default();
                let message = format!("requests by the name {host} are refused; put it into `names` in [listen]");
                told("console", true, &message);
            }
            Some(_) => {}
        }
        let is_scope = |scope: &String| {
            is_text(scope, 128) && scope.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
        };
        told("scopes", scopes.len() > limits::OIDC_SCOPES_MAX, "there are too many");
        told("scopes", !scopes.iter().all(is_scope), "a scope is a word without spaces; each stands for itself");
        let steps = groups_claim.steps();
        let is_path = (1..=8).contains(&steps.len()) && steps.iter().all(|step| is_text(step, 256));
        told("groups_claim", !is_path, "it has 1 to 8 names, none of them empty");
        told("person_claim", !is_text(person_claim, 256), "it is the name of a claim");
        let minutes = limits::OIDC_SESSION_MINUTES_MIN..=limits::OIDC_SESSION_MINUTES_MAX;
        let bounds = format!("it is between {} and {}", minutes.start(), minutes.end());
        told("session_minutes", !minutes.contains(session_minutes), &bounds);
        problems.extend(ProviderGrants::check(grants).err().map(|error| format!("oidc.{error}")));
        problems
    }

    /// What it names and is not there.
    pub fn missing(&self) -> Vec<String> {
        let secret = self.client_secret.read().err().map(|error| format!("oidc.client_secret: {error}"));
        let authorities = self.ca_file.as_ref().and_then(|file| {
            certificates(file).err().map(|error| format!("oidc.ca_file: {}: {error}", file.display()))
        });
        secret.into_iter().chain(authorities).collect()
    }

    /// What the groups of the provider may do.
    pub fn provider_grants(&self) -> ProviderGrants {
        ProviderGrants {
            issuer: self.issuer.clone(),
            grants: self.grants.clone(),
            session_age_max: Duration::from_mins(self.session_minutes.into()),
        }
    }
}

const ADDRESS: &str = "it is an address such as https://login.acme.example, without user, query and fragment; http goes for this machine only";

/// An address at which nobody on the way reads or changes what is said.
pub fn address(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let is_plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    (is_plain && is_private(&url)).then_some(url)
}

/// Whether it is `https`, or stays on this machine.
pub fn is_private(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.host_str().is_some(),
        "http" => is_loopback(url),
        _ => false,
    }
}

/// Whether it is on this machine.
pub fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether the console answers requests by this name: addresses and `localhost` always go.
fn is_answered(url: &Url, names: &[String]) -> bool {
    let host = url.host_str().unwrap_or_default();
    let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    is_address || host == "localhost" || names.iter().any(|name| name.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    const GRANT: &str = "[[oidc.grant]]\ngroup = \"sec\"\nroles = [\"analyst\"]\n";

    fn table(more: &str, grants: &str) -> String {
        let settings = [
            ("name", "\"Acme\""),
            ("issuer", "\"https://login.acme.example/realms/acme\""),
            ("client_id", "\"tachograph\""),
            ("client_secret", "\"env:OIDC_SECRET\""),
            ("console", "\"https://tachograph.acme.example\""),
        ];
        let kept = settings.iter().filter(|(name, _)| !more.starts_with(&format!("{name} ")));
        let kept: Vec<String> = kept.map(|(name, value)| format!("{name} = {value}")).collect();
        let kept = kept.join("\n");
        format!("[listen]\nnames = [\"tachograph.acme.example\"]\n[oidc]\n{kept}\n{more}\n{grants}")
    }

    #[test]
    fn what_cannot_work_is_told_with_its_setting() {
        let settings = parse(&table("", GRANT)).unwrap().oidc.unwrap();
        assert_eq!(settings.groups_claim.steps(), ["groups"]);
        assert_eq!(settings.provider_grants().session_age_max, operations::limits::SESSION_AGE_MAX);
        let check = |more: &str, grants: &str, says: &str| {
            let error = parse(&table(more, grants)).unwrap_err();
            assert!(error.contains(says), "{more:?} {grants:?} says {error:?}, not {says:?}");
            assert!(!error.contains("hunter2"), "{error}");
        };
        let http = "http goes for this machine only";
        check("issuer = \"http://login.acme.example\"", GRANT, http);
        check("issuer = \"ldap://login.acme.example\"", GRANT, http);
        check("issuer = \"https://ada:hunter2@login.acme.example\"", GRANT, http);
        check("issuer = \"https://login.acme.example?a=hunter2\"", GRANT, http);
        check("console = \"http://tachograph.acme.example\"", GRANT, http);
        check("console = \"https://tachograph.acme.example/console\"", GRANT, "no path");
        check("console = \"https://other.acme.example\"", GRANT, "`names` in [listen]");
        check("client_secret = \"hunter2\"", GRANT, "env:NAME or file:PATH");
        check("client_id = \"\"", GRANT, "oidc.client_id");
        check("name = \"a\\u0007\"", GRANT, "oidc.name");
        check("scopes = [\"a b\"]", GRANT, "oidc.scopes");
        check("groups_claim = \"a..b\"", GRANT, "oidc.groups_claim");
        check("groups_claim = []", GRANT, "oidc.groups_claim");
        check("groups_claim = 1", GRANT, "a claim is a string");
        check("person_claim = \"\"", GRANT, "oidc.person_claim");
        check("session_minutes = 721", GRANT, "oidc.session_minutes");
        check("session_minutes = 1", GRANT, "oidc.session_minutes");
        check("colour = 1", GRANT, "colour");
        check("", "", "grant");
        check("grant = []", "", "nobody comes in");
        check("", &GRANT.replace("analyst", "root"), "root");
        check("", &GRANT.replace("analyst", "ingest"), "for machines");
        check("", &(GRANT.to_owned() + GRANT), "two grants");
        check("", &(GRANT.to_owned() + "colour = 1"), "colour");
        check("", &GRANT.replace("[\"analyst\"]", "[]"), "at least one");
    }

    #[test]
    fn this_machine_may_speak_plain_http() {
        let check = |more: &str| assert!(parse(&table(more, GRANT)).is_ok(), "{more}");
        check("issuer = \"http://127.0.0.1:9000\"");
        check("issuer = \"http://[::1]:9000/a\"");
        check("issuer = \"http://localhost:9000\"");
        check("console = \"http://127.0.0.1:7070\"");
        check("console = \"https://192.0.2.1:7070\"");
        check("groups_claim = \"realm_access.roles\"");
        check("groups_claim = [\"https://acme.example/groups\"]");
    }

    #[test]
    fn a_secret_that_is_not_there_is_told() {
        let oidc =
            parse(&table("client_secret = \"env:TACHOGRAPH_SURELY_NOT_SET\"\nca_file = \"/nowhere/ca.pem\"", GRANT))
                .unwrap()
                .oidc
                .unwrap();
        let missing = oidc.missing();
        assert!(
            matches!(&missing[..], [secret, file] if secret.contains("TACHOGRAPH_SURELY_NOT_SET") && file.contains("/nowhere/ca.pem")),
            "{missing:?}"
        );
    }
}
