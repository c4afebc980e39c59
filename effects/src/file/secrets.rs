//! Which files and folders hold secrets, by how such files are named: patterns of names, endings and places.
//!
//! Case is not told apart, since some systems do not; paths are wound ([`paths::wound`]) and separated by slashes.

use crate::file::paths;

/// Names that hold secrets wherever they lie.
const NAMES: [&str; 41] = [
    ".netrc",
    "_netrc",
    ".npmrc",
    ".yarnrc.yml",
    ".pypirc",
    ".git-credentials",
    ".pgpass",
    "pgpass.conf",
    ".my.cnf",
    ".mylogin.cnf",
    ".dockercfg",
    ".htpasswd",
    ".vault-token",
    ".vault_pass",
    ".vaultpass",
    ".boto",
    ".s3cfg",
    ".envrc",
    ".credentials.json",
    ".terraformrc",
    "credentials",
    "credentials.db",
    "credentials.tfrc.json",
    "access_tokens.db",
    "accesstokens.json",
    "application_default_credentials.json",
    "oauth_creds.json",
    "wp-config.php",
    "master.key",
    "logins.json",
    "key3.db",
    "key4.db",
    "cookies.sqlite",
    "login data",
    "wallet.dat",
    "ntds.dit",
    "shadow",
    "gshadow",
    "master.passwd",
    "kubeconfig",
    "vault_pass.txt",
];

/// Endings of files that are keys, or stores of keys.
const ENDINGS: [&str; 17] = [
    ".pem",
    ".key",
    ".p12",
    ".pfx",
    ".p8",
    ".jks",
    ".keystore",
    ".kdbx",
    ".ppk",
    ".ovpn",
    ".tfstate",
    ".tfstate.backup",
    ".keychain",
    ".keychain-db",
    ".agekey",
    ".jceks",
    ".kdb",
];

/// Ends of paths that hold secrets.
const PLACES: [&str; 24] = [
    ".kube/config",
    ".docker/config.json",
    ".config/gh/hosts.yml",
    ".config/hub",
    ".config/rclone/rclone.conf",
    ".config/solana/id.json",
    ".codex/auth.json",
    ".local/share/opencode/auth.json",
    ".gemini/oauth_creds.json",
    ".config/github-copilot/hosts.json",
    ".config/github-copilot/apps.json",
    ".composer/auth.json",
    ".cargo/credentials.toml",
    "etc/sudoers",
    "etc/kubernetes/admin.conf",
    "etc/krb5.keytab",
    "config/sam",
    "chrome/default/cookies",
    "chromium/default/cookies",
    "brave-browser/default/cookies",
    ".m2/settings.xml",
    ".gradle/gradle.properties",
    "nuget/nuget.config",
    ".config/op/config",
];

/// Folders in which every file is a secret.
const FOLDERS: [&str; 16] = [
    ".aws/sso/cache",
    ".aws/cli/cache",
    ".azure",
    ".config/gcloud",
    ".gnupg",
    ".password-store",
    ".electrum",
    ".ethereum/keystore",
    "library/keychains",
    "run/secrets",
    "etc/ssh/private",
    "etc/ssl/private",
    "etc/sudoers.d",
    "run/credentials",
    ".local/share/keyrings",
    ".local/share/kwalletd",
];

/// Folders that hold files with secrets besides others: to copy one is to copy those.
const HOLDERS: [&str; 6] = [".ssh", ".aws", ".kube", ".docker", ".mozilla", ".config/google-chrome"];

/// Parts of names that say that the values in a file are none.
const SAMPLES: [&str; 9] = ["example", "sample", "template", "dist", "schema", "default", "dummy", "fixture", "mock"];

/// Whether a file of this name usually holds secrets.
pub fn holds_secrets(path: &str) -> bool {
    let path = lower(path);
    let name = path.rsplit('/').next().unwrap_or(&path);
    if name.is_empty() {
        return false;
    }
    is_environment(name)
        || NAMES.contains(&name)
        || is_key(name, &path)
        || is_credentials(name)
        || PLACES.iter().any(|place| ends_with(&path, place))
        || FOLDERS.iter().any(|folder| lies_in(&path, folder))
        || is_in_ssh(name, &path)
        || is_environment_of_process(&path)
}

/// Whether a folder holds secrets as a whole or among others.
pub fn is_holder(path: &str) -> bool {
    let path = lower(path);
    let folder = path.trim_end_matches(['/', '*']).trim_end_matches('/');
    HOLDERS.iter().chain(&FOLDERS).any(|known| ends_with(folder, known))
}

/// Whether a pattern of a shell, such as `/e?c/shadow`, may stand for a file with secrets. What matches nearly everything
/// says nothing.
pub fn may_match(pattern: &str) -> bool {
    const FILES: [&str; 12] = [
        "/etc/shadow",
        "/etc/gshadow",
        "/etc/sudoers",
        "~/.ssh/id_rsa",
        "~/.ssh/id_ed25519",
        "~/.aws/credentials",
        "~/.kube/config",
        "~/.netrc",
        "~/.git-credentials",
        "~/.docker/config.json",
        "/proc/1/environ",
        ".env",
    ];
    let pattern = lower(pattern);
    if !pattern.contains(['*', '?', '[']) || pattern.bytes().filter(u8::is_ascii_alphanumeric).count() < 2 {
        return false;
    }
    let home = pattern.strip_prefix("/home/").or_else(|| pattern.strip_prefix("/users/"));
    let of_home = home.and_then(|rest| rest.split_once('/')).map(|(_, rest)| format!("~/{rest}"));
    let last = pattern.rsplit('/').next().filter(|name| name.starts_with(".e")).unwrap_or("");
    FILES.iter().any(|file| {
        matches(&pattern, file)
            || of_home.as_deref().is_some_and(|pattern| matches(pattern, file))
            || matches(last, file)
    })
}

/// Whether a pattern of a shell stands for a name: `*` and `?` are no slash and no leading dot, a set is any one character.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    // For each place in the pattern, how far a star may still reach: the usual two pointers.
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        let leads = text[t] == b'.' && (t == 0 || text[t - 1] == b'/');
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'[') if !leads && text[t] != b'/' => {
                let close = pattern[p..].iter().position(|byte| *byte == b']');
                p += close.map_or(1, |close| close + 1);
                t += 1;
            }
            Some(b'?') if !leads && text[t] != b'/' => (p, t) = (p + 1, t + 1),
            Some(byte) if *byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, reached)) if text[reached] != b'/' => {
                    star = Some((at, reached + 1));
                    (p, t) = (at + 1, reached + 1);
                }
                _ => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

fn lower(path: &str) -> String {
    paths::wound(&path.replace('\\', "/")).to_lowercase()
}

fn is_sample(name: &str) -> bool {
    SAMPLES.iter().any(|sample| name.contains(sample))
}

/// `.env`, `.env.production`, `prod.env`, `.env-staging`.
fn is_environment(name: &str) -> bool {
    let rest = name.strip_prefix(".env");
    let named = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_', '~']));
    (named || name.strip_suffix(".env").is_some_and(|stem| !stem.is_empty()))
        && !is_sample(name)
        && name.strip_suffix(".ts").is_none()
}

/// Private keys by their ending; certificates are none.
fn is_key(name: &str, path: &str) -> bool {
    const PUBLIC: [&str; 6] = ["cacert", "ca-", "cert.", "chain", "public", "pub."];
    let ending = ENDINGS.iter().find(|ending| name.len() > ending.len() && name.ends_with(**ending));
    let is_public = ending.is_some_and(|ending| *ending == ".pem")
        && (PUBLIC.iter().any(|word| name.contains(word))
            || path.contains("/ssl/certs/")
            || path.contains("/ca-certificates/"));
    let is_ssh =
        name.starts_with("id_") && ["rsa", "dsa", "ecdsa", "ed25519"].iter().any(|kind| name[3..].starts_with(kind));
    let is_host = name.starts_with("ssh_host_") && name.ends_with("_key");
    // Keys of tests are made for everybody to see.
    let is_fixture =
        ["/fixtures/", "/testdata/", "/test-data/"].iter().any(|folder| format!("/{path}").contains(folder));
    (ending.is_some() && !is_public && !is_fixture) || ((is_ssh || is_host) && !is_public_half(name))
}

/// `secrets.yaml`, `credentials.json`, `gcp-service-account.json`, `client_secret_1.json`, `token.json`.
fn is_credentials(name: &str) -> bool {
    const STEMS: [&str; 7] = ["credentials", "credential", "secrets", "secret", "tokens", "token", "creds"];
    const FORMS: [&str; 9] = ["json", "yaml", "yml", "toml", "ini", "properties", "csv", "xml", "txt"];
    let Some((stem, form)) = name.rsplit_once('.') else { return false };
    if !FORMS.contains(&form) || is_sample(stem) {
        return false;
    }
    let stem = stem.trim_start_matches('.').replace('_', "-");
    let last = stem.rsplit('-').next().unwrap_or(&stem);
    STEMS.contains(&stem.as_str())
        || matches!(last, "credentials" | "creds")
        || stem.starts_with("client-secret")
        || stem.contains("service-account")
        || stem.contains("serviceaccount")
        || stem.starts_with("msal-token-cache")
        || (form == "json" && (stem.ends_with("-sa") || stem.ends_with("gcp-key")))
}

/// The half of a pair of keys that everybody may know.
fn is_public_half(name: &str) -> bool {
    name.strip_suffix(".pub").is_some()
}

/// A file among the keys of SSH that is neither public nor a list of hosts.
fn is_in_ssh(name: &str, path: &str) -> bool {
    let lies = path.strip_suffix(name).is_some_and(|folder| ends_with(folder.trim_end_matches('/'), ".ssh"));
    let is_plain =
        name.starts_with("known_hosts") || is_public_half(name) || matches!(name, "config" | "authorized_keys");
    lies && !is_plain && !name.contains(['*', '?'])
}

fn is_environment_of_process(path: &str) -> bool {
    path.strip_prefix("/proc/").and_then(|rest| rest.split_once('/')).is_some_and(|(_, rest)| rest == "environ")
}

/// Whether a path ends with whole names.
fn ends_with(path: &str, ending: &str) -> bool {
    path.strip_suffix(ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

/// Whether a path lies below a folder, wherever that lies.
fn lies_in(path: &str, folder: &str) -> bool {
    path.match_indices(folder).any(|(at, _)| {
        let bytes = path.as_bytes();
        (at == 0 || bytes[at - 1] == b'/') && bytes.get(at + folder.len()) == Some(&b'/')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_usually_hold_secrets() {
        for path in [
            ".env",
            "/w/.env.production",
            "deploy/prod.env",
            "/home/a/.aws/credentials",
            "C:\\Users\\a\\.ssh\\id_rsa",
            "~/.ssh/work_key",
            "~/.ssh/id_ed25519_acme",
            "/home/a//.ssh/./id_ecdsa",
            "/etc/../etc/shadow",
            "/ETC/SHADOW",
            "/x/tls.key",
            "~/.kube/config",
            "/proc/self/environ",
            "/var/run/secrets/kubernetes.io/serviceaccount/token",
            "~/.config/gcloud/legacy_credentials/a/adc.json",
            "~/Library/Keychains/login.keychain-db",
            "~/.mozilla/firefox/x.default/logins.json",
            "infra/terraform.tfstate.backup",
            "acme-service-account.json",
            "client_secret_12.json",
            "config/secrets.yml",
            "~/.claude/.credentials.json",
            "vault.kdbx",
        ] {
            assert!(holds_secrets(path), "{path}");
        }
        for path in [
            "/w/env",
            "tests/fixtures/server.key",
            ".env.example",
            ".env.sample",
            "/w/src/main.rs",
            "/w/key",
            ".key",
            "/w/credentials.md",
            "src/secrets.rs",
            "~/.ssh/config",
            "~/.ssh/id_rsa.pub",
            "~/.ssh/known_hosts",
            "/etc/ssl/certs/acme.pem",
            "fullchain.pem",
            "tokenizer.json",
            "/proc/self/status",
            "/proc/1/status",
            "environment.ts",
            "",
        ] {
            assert!(!holds_secrets(path), "{path}");
        }
    }

    #[test]
    fn patterns_and_folders() {
        for pattern in [
            "/e?c/shadow",
            "/etc/sh*",
            "~/.ssh/*",
            "/home/*/.ssh/id_*",
            "/et[c]/shadow",
            ".en?",
            "/proc/*/environ",
            "~/.ss?/id_rsa",
        ] {
            assert!(may_match(pattern), "{pattern}");
        }
        for pattern in ["*", "*.json", "src/*", "/etc/*.conf", ".*", "~/*", "/etc/shadow"] {
            assert!(!may_match(pattern), "{pattern}");
        }
        for folder in ["~/.ssh", "/home/a/.aws/", "~/.gnupg/*", "~/.config/gcloud"] {
            assert!(is_holder(folder), "{folder}");
        }
        assert!(!is_holder("~/src") && !is_holder("~") && !is_holder(".sshx"));
    }
}
