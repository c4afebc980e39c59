//! Whose place a request is for, on services where anybody has one: whose repository, bucket, channel, package, form. Names and
//! syntax only; whether a place is the team's own is learnt elsewhere.

use std::borrow::Cow;

use super::services::{SERVICES, Service};

/// A place on a service where anybody has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenancy<'a> {
    /// The service, as a person would name it.
    pub service: &'static str,
    /// Whose place it is, as the address says; empty where only what is sent says it.
    owner: &'a str,
    /// Whether the request takes something from there in a way in which one works with a place of one's own: it fetches from a
    /// repository, or reads where reading is all there is. To look at a page of a stranger makes it nobody's own.
    pub fetches: bool,
}

impl<'a> Tenancy<'a> {
    /// The place that a request is for; `None` if its host is nobody's but its owner's.
    pub fn of(host: &'a str, path: &'a str, is_write: bool) -> Option<Self> {
        let (service, owner) = bucket(host, path).or_else(|| {
            let begin = SERVICES.partition_point(|service| service.zone < zone(host));
            let mut near = SERVICES.iter().skip(begin).take_while(|service| service.zone == zone(host));
            near.find_map(|service| Some((service.name, place(service, host, path)?)))
        })?;
        let is_code = CODE.contains(&service);
        // On such a host every page begins with a name; only git's own requests say that it is a repository's.
        if host == service && is_code && !is_git(path) && !path.starts_with("/api/") {
            return None;
        }
        let fetches = if is_code { is_git_fetch(path) } else { !is_write };
        Some(Self { service, owner, fetches })
    }

    /// Whose place it is; empty where the address does not say.
    pub fn owner(&self) -> Cow<'a, str> {
        match self.owner {
            // Services that keep repositories do not tell cases apart.
            owner if owner.bytes().any(|byte| byte.is_ascii_uppercase()) && CODE.contains(&self.service) => {
                Cow::Owned(owner.to_ascii_lowercase())
            }
            owner => Cow::Borrowed(owner),
        }
    }

    /// Whether the address says whose place it is.
    pub fn is_told(&self) -> bool {
        !self.owner.is_empty()
    }

    /// The place as a person would name it: `github.com/acme`.
    pub fn name(&self) -> String {
        match self.owner() {
            owner if owner.is_empty() => self.service.to_owned(),
            owner => format!("{}/{owner}", self.service),
        }
    }
}

/// Services that keep repositories.
const CODE: [&str; 6] =
    ["github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "huggingface.co", "dev.azure.com"];

/// Whether a request takes a repository's content: git asks for it with the method that writes elsewhere.
pub fn is_git_fetch(path: &str) -> bool {
    path.ends_with("/git-upload-pack") || path.ends_with("/info/refs?service=git-upload-pack")
}

/// Whether git asks.
fn is_git(path: &str) -> bool {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    path.ends_with("/git-upload-pack")
        || path.ends_with("/git-receive-pack")
        || path.ends_with("/info/refs")
        || path.contains("/info/lfs/")
}

/// The last two labels of a host.
fn zone(host: &str) -> &str {
    let mut dots = host.bytes().enumerate().rev().filter(|(_, byte)| *byte == b'.').map(|(at, _)| at);
    dots.nth(1).map_or(host, |at| &host[at + 1..])
}

/// The bucket of a service that speaks like S3, in the host or at the beginning of the path.
fn bucket<'a>(host: &'a str, path: &'a str) -> Option<(&'static str, &'a str)> {
    const STORES: [(&str, &str); 7] = [
        (".amazonaws.com", "s3"),
        (".amazonaws.com.cn", "s3"),
        (".backblazeb2.com", "backblazeb2.com"),
        (".wasabisys.com", "wasabisys.com"),
        (".scw.cloud", "scw.cloud"),
        (".digitaloceanspaces.com", "digitaloceanspaces.com"),
        (".linodeobjects.com", "linodeobjects.com"),
    ];
    let (rest, service) = STORES.iter().find_map(|(zone, name)| Some((host.strip_suffix(zone)?, *name)))?;
    let named =
        |before: &'a str| Some((service, if before.is_empty() { segments(path).next().unwrap_or("") } else { before }));
    if matches!(service, "digitaloceanspaces.com" | "linodeobjects.com") {
        return named(rest.rsplit_once('.').map_or("", |(bucket, _)| bucket));
    }
    // `s3`, `s3-us-west-2`, `s3-accelerate`: what stands before that label is the bucket.
    let mut from = 0;
    for label in rest.split('.') {
        if label == "s3" || label.strip_prefix("s3-").is_some_and(|more| !more.is_empty()) {
            return named(rest[..from].trim_end_matches('.'));
        }
        from += label.len() + 1;
    }
    None
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    path.split('/').filter(|segment| !segment.is_empty())
}

/// Whose place of a service it is, if host and path are the service's; empty where they do not say.
fn place<'a>(service: &Service, host: &'a str, path: &'a str) -> Option<&'a str> {
    let mut owner = "";
    if let Some(zone) = service.host.strip_prefix("{}") {
        owner = host.strip_suffix(zone).filter(|label| !label.is_empty())?;
    } else if let Some(zone) = service.host.strip_prefix("*") {
        host.strip_suffix(zone).filter(|label| !label.is_empty())?;
    } else if host != service.host {
        return None;
    }
    let mut given = segments(path);
    for wanted in segments(service.path) {
        let part = given.next()?;
        match wanted.split_once("{}") {
            Some((before, _)) => owner = part.strip_prefix(before).and_then(first_name)?,
            None if wanted == "*" || wanted.eq_ignore_ascii_case(part) => {}
            None => return None,
        }
    }
    Some(owner)
}

/// The name at the beginning of a part of a path: a package's scope, a bot's number without its secret.
fn first_name(part: &str) -> Option<&str> {
    let end = part.bytes().position(|byte| matches!(byte, b':' | b'%')).unwrap_or(part.len());
    part.get(..end).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whose_place_it_is_stands_in_the_address() {
        let check = |host: &str, path: &str, name: Option<&str>| {
            let found = Tenancy::of(host, path, true).map(|tenancy| tenancy.name());
            assert_eq!(found.as_deref(), name, "{host}{path}");
        };
        check("github.com", "/Acme/ledger.git/git-receive-pack", Some("github.com/acme"));
        check("api.github.com", "/repos/acme/ledger/git/blobs", Some("github.com/acme"));
        check("uploads.github.com", "/repos/acme/ledger/releases/7/assets?name=x", Some("github.com/acme"));
        check("api.github.com", "/gists", Some("gists of github.com"));
        check("gist.github.com", "/9f3a.git/git-receive-pack", Some("gists of github.com"));
        check("gitlab.com", "/acme/tools/ledger.git/git-receive-pack", Some("gitlab.com/acme"));
        check("loot.s3.eu-west-1.amazonaws.com", "/a.tgz", Some("s3/loot"));
        check("my.loot.s3.amazonaws.com", "/a.tgz", Some("s3/my.loot"));
        check("s3.eu-west-1.amazonaws.com", "/loot/a.tgz", Some("s3/loot"));
        check("s3-us-west-2.amazonaws.com", "/loot/a.tgz", Some("s3/loot"));
        check("sts.amazonaws.com", "/", None);
        check("s3.us-west-002.backblazeb2.com", "/loot/a", Some("backblazeb2.com/loot"));
        check("loot.nyc3.digitaloceanspaces.com", "/a", Some("digitaloceanspaces.com/loot"));
        check("storage.googleapis.com", "/loot/a.tgz", Some("storage.googleapis.com/loot"));
        check("storage.googleapis.com", "/upload/storage/v1/b/loot/o?name=a", Some("storage.googleapis.com/loot"));
        check("loot.storage.googleapis.com", "/a.tgz", Some("storage.googleapis.com/loot"));
        check("acct.blob.core.windows.net", "/c/a", Some("blob.core.windows.net/acct"));
        check("hooks.slack.com", "/services/T0A/B0B/xyz", Some("slack.com/T0A"));
        check("discord.com", "/api/webhooks/123/abc", Some("webhooks of discord.com/123"));
        check("api.telegram.org", "/bot123:ABC/sendDocument", Some("bots of telegram.org/123"));
        check("registry.npmjs.org", "/@acme%2fledger", Some("npmjs.org/@acme"));
        check("upload.pypi.org", "/legacy/", Some("packages of pypi.org"));
        check("huggingface.co", "/datasets/acme/x.git/git-receive-pack", Some("huggingface.co/acme"));
        check("registry-1.docker.io", "/v2/acme/x/blobs/uploads/", Some("docker.io/acme"));
        check("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "/v2/x/blobs/uploads/", None);
        check("docs.google.com", "/forms/d/e/1FAI/formResponse", Some("forms of google.com/1FAI"));
        check("api.anthropic.com", "/v1/files", Some("files of anthropic.com"));
        check("api.anthropic.com", "/v1/messages", None);
        check("acme.example", "/acme/x", None);
        check("github.com", "/", None);
        check("github.com", "/login/oauth/access_token", None);
        check("xgithub.com", "/acme/x", None);
    }

    #[test]
    fn to_look_at_a_repository_is_not_to_work_with_it() {
        let fetches = |host, path, is_write| Tenancy::of(host, path, is_write).unwrap().fetches;
        assert!(fetches("github.com", "/acme/ledger.git/info/refs?service=git-upload-pack", false));
        assert!(fetches("github.com", "/acme/ledger.git/git-upload-pack", true));
        assert!(Tenancy::of("github.com", "/acme/ledger/blob/main/README.md", false).is_none());
        assert!(!fetches("api.github.com", "/repos/acme/ledger/readme", false));
        assert!(!fetches("github.com", "/acme/ledger.git/info/refs?service=git-receive-pack", false));
        assert!(fetches("loot.s3.amazonaws.com", "/a", false) && !fetches("loot.s3.amazonaws.com", "/a", true));
    }

    #[test]
    fn the_services_are_sorted_by_their_zones() {
        assert!(SERVICES.is_sorted_by(|one, other| one.zone <= other.zone));
        for Service { zone: written, host, path, name } in SERVICES {
            assert_eq!(zone(host.trim_start_matches("{}.").trim_start_matches("*.")), *written, "{name}: {path}");
            assert!(path.starts_with('/') && path.matches("{}").count() <= 1, "{name}: {path}");
        }
    }

    proptest! {
        #[test]
        fn any_address_has_a_place_or_none(host in "[a-z0-9.]{0,30}", path in "\\PC{0,40}", at in 0usize..200) {
            let _ = Tenancy::of(&host, &path, true);
            let service = &SERVICES[at % SERVICES.len()];
            let host = service.host.replace("{}", &host).replace('*', "x");
            if let Some(tenancy) = Tenancy::of(&host, &path, false) {
                prop_assert!(!tenancy.name().is_empty());
            }
        }
    }
}
