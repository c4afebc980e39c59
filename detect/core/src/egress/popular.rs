//! Domains that software development everywhere talks to: the prior against which a new destination is judged.
//!
//! Only registrable domains whose names their owners alone can give out stand here: no hosting service under which anybody
//! rents a name, since the public suffix list makes each rented name a domain of its own.

/// Whether the registrable domain is one of the built-in list.
pub fn is_popular(domain: &str) -> bool {
    POPULAR.binary_search(&domain).is_ok()
}

/// Whether the registrable domain is one to which programs report how they are used and what went wrong.
pub fn is_telemetry(domain: &str) -> bool {
    TELEMETRY.binary_search(&domain).is_ok()
}

/// Whether anybody has a place of his own under the domain, such as a repository, a bucket or a channel, or whether it is such
/// a place: that many use it says nothing about what is written there.
pub fn is_shared(domain: &str) -> bool {
    let below = |at: usize| SHARED.binary_search(&&domain[at + 1..]).is_ok();
    SHARED.binary_search(&domain).is_ok() || domain.match_indices('.').any(|(at, _)| below(at))
}

/// Whether a host of such a domain is one to which programs report. Words count only where the domain's owner alone names its
/// hosts, not where strangers do.
pub fn is_telemetry_host(host: &str, domain: &str) -> bool {
    const WORDS: [&str; 8] = ["analytics", "collector", "crash", "events", "logs", "metrics", "stats", "telemetry"];
    const HOSTS: [&str; 8] = [
        "copilot-telemetry.githubusercontent.com",
        "dc.services.visualstudio.com",
        "firebaselogging.googleapis.com",
        "in.applicationinsights.azure.com",
        "ingest.monitor.azure.com",
        "livediagnostics.monitor.azure.com",
        "pipe.aria.microsoft.com",
        "play.googleapis.com",
    ];
    let is_owners = SHARED.binary_search(&domain).is_ok();
    let is_below = |known: &&str| host.strip_suffix(*known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    HOSTS.iter().any(is_below) || (is_owners && host.split(['.', '-']).any(|word| WORDS.contains(&word)))
}

/// Whether a request to a host of such a domain reports to its owner, by a path that nobody else can choose.
pub fn is_telemetry_path(host: &str, path: &str) -> bool {
    const PATHS: [(&str, &str); 4] = [
        ("huggingface.co", "/api/telemetry/"),
        ("registry.npmjs.org", "/-/npm/v1/security/"),
        ("registry.yarnpkg.com", "/-/npm/v1/security/"),
        ("api.github.com", "/copilot_internal/"),
    ];
    let is_plain = !path.contains("..") && !path.contains('%');
    is_plain && PATHS.iter().any(|(known, start)| *known == host && path.starts_with(start))
}

/// Vendors of telemetry, error reports and feature switches, and of agents and tools that report to a domain of their own, sorted.
const TELEMETRY: &[&str] = &[
    "adjust.com",
    "airbrake.io",
    "amplitude.com",
    "app-measurement.com",
    "appcenter.ms",
    "applicationinsights.io",
    "appsflyer.com",
    "astro.build",
    "axiom.co",
    "betterstack.com",
    "branch.io",
    "braze.com",
    "browser-intake-datadoghq.com",
    "browser-intake-datadoghq.eu",
    "browser-intake-us3-datadoghq.com",
    "browser-intake-us5-datadoghq.com",
    "bugsnag.com",
    "chatgpt.com",
    "chronosphere.io",
    "clarity.ms",
    "claude.com",
    "cloudflareinsights.com",
    "codeium.com",
    "configcat.com",
    "coralogix.com",
    "countly.com",
    "crashlytics.com",
    "cursor.com",
    "cursor.sh",
    "datadoghq.com",
    "datadoghq.eu",
    "ddog-gov.com",
    "dynatrace.com",
    "elastic-cloud.com",
    "embrace.io",
    "exp-tas.com",
    "featureassets.org",
    "flagsmith.com",
    "fullstory.com",
    "google-analytics.com",
    "gradle.com",
    "grafana.net",
    "growthbook.io",
    "heap.io",
    "heapanalytics.com",
    "honeybadger.io",
    "honeycomb.io",
    "hotjar.com",
    "instabug.com",
    "intercom.io",
    "last9.io",
    "launchdarkly.com",
    "lightstep.com",
    "logdna.com",
    "loggly.com",
    "logrocket.com",
    "logrocket.io",
    "logtail.com",
    "logz.io",
    "lr-in.com",
    "lr-ingest.io",
    "mezmo.com",
    "mixpanel.com",
    "mouseflow.com",
    "newrelic.com",
    "nextjs.org",
    "nr-data.net",
    "optimizely.com",
    "papertrailapp.com",
    "plausible.io",
    "posthog.com",
    "prodregistryv2.org",
    "raygun.io",
    "rollbar.com",
    "rudderstack.com",
    "scarf.sh",
    "segment.com",
    "segment.io",
    "sentry-cdn.com",
    "sentry.io",
    "signalfx.com",
    "signoz.cloud",
    "smartlook.com",
    "split.io",
    "splunkcloud.com",
    "statsig.com",
    "statsigapi.net",
    "sumologic.com",
    "traceloop.com",
    "unleash-hosted.com",
    "uptrace.dev",
    "vercel-insights.com",
    "windsurf.com",
];

/// Popular domains under which anybody has a place of his own, sorted.
const SHARED: &[&str] = &[
    "amazonaws.com",
    "anaconda.org",
    "archive.org",
    "atlassian.com",
    "azure.com",
    "bitbucket.org",
    "cloudflare.com",
    "docker.com",
    "docker.io",
    "dropbox.com",
    "ghcr.io",
    "github.com",
    "githubusercontent.com",
    "gitlab.com",
    "google.com",
    "googleapis.com",
    "huggingface.co",
    "microsoft.com",
    "notion.com",
    "npmjs.org",
    "pypi.org",
    "quay.io",
    "rubygems.org",
    "slack.com",
    "telegram.org",
    "visualstudio.com",
    "windows.net",
];

/// Sorted.
const POPULAR: &[&str] = &[
    "alpinelinux.org",
    "amazon.com",
    "anaconda.com",
    "anaconda.org",
    "android.com",
    "anthropic.com",
    "apache.org",
    "apple.com",
    "archive.org",
    "archlinux.org",
    "arxiv.org",
    "atlassian.com",
    "bitbucket.org",
    "brew.sh",
    "bun.sh",
    "centos.org",
    "cloudflare.com",
    "cmake.org",
    "conda.io",
    "cpan.org",
    "crates.io",
    "datadoghq.com",
    "debian.org",
    "deno.com",
    "deno.land",
    "djangoproject.com",
    "docker.com",
    "docker.io",
    "docs.rs",
    "elastic.co",
    "fedoraproject.org",
    "freebsd.org",
    "gcr.io",
    "ghcr.io",
    "git-scm.com",
    "github.com",
    "githubcopilot.com",
    "gitlab.com",
    "gnu.org",
    "go.dev",
    "golang.org",
    "google.com",
    "googlesource.com",
    "gradle.org",
    "grafana.com",
    "hashicorp.com",
    "haskell.org",
    "hex.pm",
    "homebrew.sh",
    "huggingface.co",
    "ietf.org",
    "jetbrains.com",
    "jsdelivr.net",
    "jsr.io",
    "kernel.org",
    "kubernetes.io",
    "llvm.org",
    "mariadb.org",
    "maven.org",
    "microsoft.com",
    "mistral.ai",
    "modelcontextprotocol.io",
    "mongodb.com",
    "mozilla.org",
    "mysql.com",
    "nginx.org",
    "nixos.org",
    "nodejs.org",
    "nodesource.com",
    "npmjs.com",
    "npmjs.org",
    "nuget.org",
    "nvidia.com",
    "openai.com",
    "openjdk.org",
    "openrouter.ai",
    "oracle.com",
    "packagist.org",
    "perl.org",
    "php.net",
    "playwright.dev",
    "postgresql.org",
    "pypa.io",
    "pypi.org",
    "pytest.org",
    "python.org",
    "pythonhosted.org",
    "pytorch.org",
    "quay.io",
    "r-project.org",
    "readthedocs.org",
    "redhat.com",
    "redis.io",
    "ruby-lang.org",
    "rubygems.org",
    "rust-lang.org",
    "rustup.rs",
    "semver.org",
    "sentry.io",
    "slack.com",
    "sonatype.org",
    "sqlite.org",
    "stackexchange.com",
    "stackoverflow.com",
    "swift.org",
    "tensorflow.org",
    "terraform.io",
    "typescriptlang.org",
    "ubuntu.com",
    "unpkg.com",
    "visualstudio.com",
    "vuejs.org",
    "w3.org",
    "whatwg.org",
    "wikipedia.org",
    "x.ai",
    "yarnpkg.com",
    "zed.dev",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_of_registrable_domains() {
        for list in [POPULAR, TELEMETRY, SHARED] {
            assert!(list.is_sorted_by(|one, other| one < other));
        }
        assert!(is_popular("github.com") && !is_popular("attacker-logger.com") && !is_popular("somebody.github.io"));
    }

    #[test]
    fn the_place_of_a_stranger_is_shared_whatever_it_is_called() {
        let check = |domain: &str, shared: bool, host: &str, telemetry: bool| {
            assert_eq!((is_shared(domain), is_telemetry_host(host, domain)), (shared, telemetry), "{host} of {domain}");
        };
        check("google.com", true, "logs.google.com", true);
        check("google.com", true, "docs.google.com", false);
        // The suffix list knows these as places of their own: whoever has one names it.
        check("storage.googleapis.com", true, "storage.googleapis.com", false);
        check("firebaselogging.googleapis.com", true, "firebaselogging.googleapis.com", true);
        check("logs.s3.amazonaws.com", true, "logs.s3.amazonaws.com", false);
        check("copilot-telemetry.githubusercontent.com", true, "copilot-telemetry.githubusercontent.com", true);
        check("stranger.githubusercontent.com", true, "logs.stranger.githubusercontent.com", false);
        check("azure.com", true, "westeurope-5.in.applicationinsights.azure.com", true);
        check("notgithub.com", false, "logs.notgithub.com", false);
    }

    #[test]
    fn reports_by_path_go_to_the_owner_only() {
        for (host, path, is) in [
            ("registry.npmjs.org", "/-/npm/v1/security/audits/quick", true),
            ("huggingface.co", "/api/telemetry/transformers/x", true),
            ("registry.npmjs.org", "/loot", false),
            ("huggingface.co", "/stranger/telemetry/upload", false),
            ("huggingface.co", "/api/telemetry/../models/loot", false),
            ("evil.example", "/api/telemetry/", false),
        ] {
            assert_eq!(is_telemetry_path(host, path), is, "{host}{path}");
        }
    }
}
