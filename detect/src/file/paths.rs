//! What the name of a file says about it: secrets, what continuous integration runs, what an agent is configured by, what
//! starts by itself, what belongs to the system.

/// Whether files of this name usually hold secrets.
pub fn holds_secrets(path: &str) -> bool {
    const NAMES: [&str; 12] = [
        ".netrc",
        ".npmrc",
        ".pypirc",
        ".git-credentials",
        ".pgpass",
        "id_rsa",
        "id_ed25519",
        "id_ecdsa",
        "credentials",
        "credentials.json",
        "secrets.yaml",
        "secrets.json",
    ];
    const ENDINGS: [&str; 4] = [".pem", ".key", ".p12", ".tfstate"];
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let environment = name == ".env" || name.strip_prefix(".env.").is_some_and(|rest| !rest.contains("example"));
    environment
        || NAMES.contains(&name)
        || ENDINGS.iter().any(|ending| name.len() > ending.len() && name.ends_with(ending))
        || path.ends_with(".kube/config")
        || path.ends_with(".docker/config.json")
}

/// Whether continuous integration runs what this file says.
pub fn is_ci(path: &str) -> bool {
    const NAMES: [&str; 6] = [
        ".gitlab-ci.yml",
        "Jenkinsfile",
        "azure-pipelines.yml",
        ".travis.yml",
        "bitbucket-pipelines.yml",
        "cloudbuild.yaml",
    ];
    const FOLDERS: [&str; 5] = [".github/workflows/", ".github/actions/", ".circleci/", ".buildkite/", ".git/hooks/"];
    NAMES.contains(&name(path)) || FOLDERS.iter().any(|folder| holds(path, folder))
}

/// Whether an agent takes its permissions, tools or hooks from this file.
pub fn is_agent_configuration(path: &str) -> bool {
    const ENDINGS: [&str; 9] = [
        ".claude/settings.json",
        ".claude/settings.local.json",
        ".claude.json",
        ".mcp.json",
        ".codex/config.toml",
        ".gemini/settings.json",
        ".cursor/mcp.json",
        ".vscode/mcp.json",
        ".config/opencode/opencode.json",
    ];
    let is = |ending: &&str| path.strip_suffix(*ending).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
    ENDINGS.iter().any(is) || holds(path, ".claude/hooks/")
}

/// Whether something starts by itself from this file, or lets somebody in.
pub fn starts_by_itself(path: &str) -> bool {
    const NAMES: [&str; 8] =
        [".bashrc", ".bash_profile", ".profile", ".zshrc", ".zprofile", "authorized_keys", "crontab", "ld.so.preload"];
    const FOLDERS: [&str; 5] =
        ["/etc/cron", "/etc/systemd/", ".config/systemd/", ".config/autostart/", "/etc/profile.d/"];
    NAMES.contains(&name(path)) || FOLDERS.iter().any(|folder| path.starts_with(folder) || holds(path, folder))
}

/// Whether the file belongs to the system and not to anybody's work.
pub fn is_system(path: &str) -> bool {
    const FOLDERS: [&str; 12] = [
        "/etc/",
        "/usr/",
        "/bin/",
        "/sbin/",
        "/lib/",
        "/lib64/",
        "/boot/",
        "/root/",
        "/sys/",
        "/proc/",
        "/dev/",
        "/var/lib/",
    ];
    const HARMLESS: [&str; 5] = ["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/shm/", "/usr/local/share/"];
    FOLDERS.iter().any(|folder| path.starts_with(folder)) && !HARMLESS.iter().any(|path_| path.starts_with(path_))
}

/// Whether reading this file of the system shows secrets.
pub fn is_system_secret(path: &str) -> bool {
    path == "/etc/shadow"
        || path == "/etc/sudoers"
        || (path.starts_with("/proc/") && path.ends_with("/environ"))
        || path.starts_with("/var/run/secrets/")
        || path.starts_with("/run/secrets/")
}

fn name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// Whether a folder is somewhere in the path.
fn holds(path: &str, folder: &str) -> bool {
    path.match_indices(folder).any(|(at, _)| at == 0 || path.as_bytes().get(at - 1) == Some(&b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_names() {
        let check = |test: fn(&str) -> bool, yes: &[&str], no: &[&str]| {
            for path in yes {
                assert!(test(path), "{path}");
            }
            for path in no {
                assert!(!test(path), "{path}");
            }
        };
        check(
            is_ci,
            &[".github/workflows/ci.yml", "/w/.gitlab-ci.yml", "/w/.git/hooks/pre-commit"],
            &["/w/x.github/workflows/a", "ci.yml"],
        );
        check(
            is_agent_configuration,
            &["/w/.claude/settings.json", ".mcp.json", "/w/.claude/hooks/a.sh"],
            &["/w/settings.json", "/w/my.mcp.json"],
        );
        check(starts_by_itself, &["/home/a/.bashrc", "/etc/cron.d/x", "/home/a/.ssh/authorized_keys"], &["/w/bashrc"]);
        check(is_system, &["/etc/hosts", "/usr/bin/x"], &["/home/a/etc/x", "/dev/null", "/tmp/x", "etc/x"]);
        check(is_system_secret, &["/etc/shadow", "/proc/1/environ"], &["/proc/1/status"]);
    }

    #[test]
    fn names_that_usually_hold_secrets() {
        for path in
            [".env", "/w/.env.production", "/home/a/.aws/credentials", "C:\\k\\id_rsa", "/x/tls.key", "~/.kube/config"]
        {
            assert!(holds_secrets(path), "{path}");
        }
        for path in ["/w/env", ".env.example", "/w/src/main.rs", "/w/key", ".key", "/w/credentials.md", ""] {
            assert!(!holds_secrets(path), "{path}");
        }
    }
}
