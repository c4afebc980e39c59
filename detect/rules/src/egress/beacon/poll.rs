//! What programs of a developer poll: the state of a job, the health of a service, a mirror of packages, a feed, a model. A
//! request only looks like that, since whoever makes it chooses its words; how it is weighed is decided elsewhere. And which
//! places are the agent's own house, which no stranger can answer for.

use detect_core::egress::request::Request;
use detect_core::event::EventRow;
use effects::host::Class;
use ledger::events::column;

/// Parts of a path that name a state, sorted.
const STATES: &[&str] = &[
    "actuator",
    "health",
    "health-check",
    "healthcheck",
    "healthz",
    "live",
    "liveness",
    "livez",
    "metrics",
    "readiness",
    "ready",
    "readyz",
    "status",
    "statusz",
    "version",
    "versions",
];
/// Parts of a path that name work with a state, if it says which work, sorted.
const WORK: &[&str] = &[
    "actions",
    "build",
    "builds",
    "check-runs",
    "check-suites",
    "checks",
    "commits",
    "deployment",
    "deployments",
    "deploys",
    "evaluations",
    "executions",
    "job",
    "jobs",
    "merge_requests",
    "operations",
    "pipeline",
    "pipelines",
    "predictions",
    "pull",
    "pulls",
    "queue",
    "run",
    "runs",
    "statuses",
    "task",
    "tasks",
    "workflow",
    "workflows",
];
/// Parts of a path that name what is published, sorted: feeds, lists of packages and of models, references of a repository.
const PUBLISHED: &[&str] = &[
    "-",
    "atom",
    "atom.xml",
    "blobs",
    "changelog",
    "config.json",
    "dists",
    "feed",
    "feed.json",
    "feed.xml",
    "index.json",
    "index.xml",
    "index.yaml",
    "info",
    "inrelease",
    "manifests",
    "models",
    "namespaces",
    "packages.gz",
    "packages.json",
    "pods",
    "refs",
    "release",
    "releases",
    "repodata",
    "rss",
    "rss.xml",
    "simple",
    "tags",
];
/// Ends of paths to which programs write by protocol.
const PROTOCOLS: &[&str] = &[
    "/api/chat",
    "/api/generate",
    "/envelope/",
    "/git-upload-pack",
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/embeddings",
    "/v1/logs",
    "/v1/messages",
    "/v1/metrics",
    "/v1/responses",
    "/v1/traces",
];
/// Words in a host below its registrable domain, sorted.
const HOSTS: &[&str] = &[
    "artifactory",
    "build",
    "buildkite",
    "builds",
    "ci",
    "crates",
    "drone",
    "forgejo",
    "git",
    "gitea",
    "gitlab",
    "grafana",
    "jenkins",
    "k8s",
    "kube",
    "kubernetes",
    "llm",
    "mirror",
    "mirrors",
    "models",
    "nexus",
    "npm",
    "ollama",
    "packages",
    "prometheus",
    "pypi",
    "registry",
    "rss",
    "sentry",
    "sonar",
    "vllm",
];
/// Ends of names that no public resolver answers for.
const INTERNAL: &[&str] = &[".corp", ".home.arpa", ".internal", ".intranet", ".lan", ".local", ".svc"];
/// "Not modified" and "accepted, come again".
const UNCHANGED: [i64; 2] = [304, 202];

/// Whether a request asks for what programs poll.
pub fn is_poll(event: &EventRow<'_>, request: &Request<'_>) -> bool {
    let path = request.path.split(['?', '#']).next().unwrap_or_default();
    if request.is_write() {
        return PROTOCOLS.iter().any(|end| path.ends_with(end));
    }
    let is_unchanged = event.integer(column::STATUS).is_some_and(|status| UNCHANGED.contains(&status));
    is_unchanged || request.class() == Class::PrivateAddress || is_polled_path(path) || is_polled_host(request)
}

fn is_polled_path(path: &str) -> bool {
    let has = |listed: &[&str], part: &str| listed.binary_search_by(|word| compare(word, part)).is_ok();
    let parts = || path.split('/').filter(|part| !part.is_empty());
    let is_named = parts().any(|part| has(STATES, part) || has(PUBLISHED, part));
    // Which work it is stands in a number or an id behind it.
    let is_id = |part: &str| part.bytes().any(|byte| byte.is_ascii_digit());
    is_named || parts().skip_while(|part| !has(WORK, part)).skip(1).any(is_id)
}

fn is_polled_host(request: &Request<'_>) -> bool {
    let below = request.host.strip_suffix(request.domain).unwrap_or_default();
    below.split(['.', '-']).any(|word| HOSTS.binary_search(&word).is_ok())
}

/// Compares a word in lower case with one in any.
fn compare(word: &str, part: &str) -> core::cmp::Ordering {
    word.bytes().cmp(part.bytes().map(|byte| byte.to_ascii_lowercase()))
}

/// Whether the place is the house of the agent's own people: by a name that only their network knows, or by the domain of the
/// person's own address.
pub fn is_own(event: &EventRow<'_>, request: &Request<'_>) -> bool {
    let is_internal = INTERNAL.iter().any(|end| request.host.ends_with(end));
    let is_bare = !request.host.is_empty() && !request.host.contains(['.', ':']);
    let home = event.text(column::USER).and_then(|user| user.rsplit_once('@')).map_or("", |(_, home)| home);
    let is_home = home.strip_suffix(request.domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    let is_named = !request.domain.is_empty() && !home.is_empty() && is_home;
    (is_internal || is_bare || is_named) && !matches!(request.class(), Class::Metadata | Class::Address)
}

/// What a request asks for, without what differs from one time to the next: its path without the query, and without parts that
/// have digits.
pub fn asked<'a>(request: &Request<'a>) -> impl Iterator<Item = &'a str> {
    let path = request.path.split(['?', '#']).next().unwrap_or_default();
    let is_id = |part: &str| part.bytes().any(|byte| byte.is_ascii_digit());
    path.split('/').map(move |part| if is_id(part) { "" } else { part })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::fixtures;

    fn check(mut event: Value, poll: bool, own: bool) {
        event["second"] = json!(0);
        event["kind"] = json!("egress.http");
        let rows = fixtures::rows(std::slice::from_ref(&event));
        let row = rows.get(0).unwrap();
        let shown = EventRow::new(&row, false, fixtures::key());
        let request = shown.request().unwrap();
        assert_eq!((is_poll(&shown, &request), is_own(&shown, &request)), (poll, own), "{event}");
    }

    #[test]
    fn lists_are_sorted() {
        for list in [STATES, WORK, PUBLISHED, HOSTS, INTERNAL, PROTOCOLS] {
            assert!(list.is_sorted(), "{list:?}");
        }
    }

    #[test]
    fn what_programs_poll_is_told_by_its_words() {
        let get = |host: &str, path: &str| json!({"method": "GET", "host": host, "domain": "b.example", "path": path});
        for path in
            ["/Healthz", "/api/v4/projects/7/pipelines/91", "/jobs/3f/status?x=1", "/simple/serde/", "/feed.xml"]
        {
            check(get("b.example", path), true, false);
        }
        for path in ["/", "", "/tasks", "/api/v1/beacon/7", "/healthy", "/?q=/health", "/runs/latest"] {
            check(get("b.example", path), false, false);
        }
        check(get("git.b.example", "/x"), true, false);
        check(get("my-ci.b.example", "/x"), true, false);
        check(get("legit.b.example", "/x"), false, false);
        check(json!({"method": "GET", "host": "git.example", "domain": "git.example", "path": "/x"}), false, false);
        check(json!({"method": "POST", "host": "b.example", "domain": "b.example", "path": "/health"}), false, false);
        check(
            json!({"method": "POST", "host": "b.example", "domain": "b.example", "path": "/v1/messages"}),
            true,
            false,
        );
        check(
            json!({"method": "GET", "host": "b.example", "domain": "b.example", "path": "/x", "status": 304}),
            true,
            false,
        );
        check(json!({"method": "GET", "host": "10.1.2.3", "path": "/x"}), true, false);
    }

    #[test]
    fn the_own_house_is_told_by_its_name() {
        check(json!({"host": "api.acme.example", "domain": "acme.example", "user": "ada@acme.example"}), false, true);
        check(
            json!({"host": "api.acme.example", "domain": "acme.example", "user": "ada@eu.acme.example"}),
            false,
            true,
        );
        check(
            json!({"host": "notacme.example", "domain": "notacme.example", "user": "ada@acme.example"}),
            false,
            false,
        );
        check(json!({"host": "acme.example", "domain": "acme.example", "user": "ada@notacme.example"}), false, false);
        check(json!({"host": "acme.example", "domain": "acme.example", "user": "ada"}), false, false);
        check(json!({"host": "api.corp.internal", "domain": "corp.internal"}), false, true);
        check(json!({"host": "registry", "domain": "registry"}), false, true);
        check(json!({"host": "metadata.google.internal", "domain": "google.internal"}), false, false);
        check(json!({"user": "ada@acme.example"}), false, false);
    }
}
