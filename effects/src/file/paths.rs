//! What the name of a file says about it: secrets, what continuous integration runs, what an agent is configured by, what
//! starts by itself, what belongs to the system, what can be made again.

use std::borrow::Cow;

/// An absolute path without what only winds it: `.`, `..`, doubled and closing slashes. A relative path stays as it is.
pub fn plain(path: &str) -> Cow<'_, str> {
    let winds = |name: &str| matches!(name, "" | "." | "..");
    let Some(rest) = path.strip_prefix('/').filter(|rest| !rest.is_empty()) else { return Cow::Borrowed(path) };
    if !rest.split('/').any(winds) {
        return Cow::Borrowed(path);
    }
    let mut plain = String::with_capacity(path.len());
    for name in rest.split('/') {
        match name {
            "" | "." => {}
            ".." => plain.truncate(plain.rfind('/').unwrap_or(0)),
            name => {
                plain.push('/');
                plain.push_str(name);
            }
        }
    }
    if plain.is_empty() { Cow::Borrowed("/") } else { Cow::Owned(plain) }
}

/// A path without what only winds it, also if it is relative or from a home (`~`). Where it leads out of what is known, `..`
/// stays.
pub fn wound(path: &str) -> String {
    if path.starts_with('/') {
        return plain(path).into_owned();
    }
    // Homes lie beside each other.
    if let Some(rest) = path.strip_prefix("~/..").filter(|rest| rest.is_empty() || rest.starts_with('/')) {
        return plain(&format!("/home{rest}")).into_owned();
    }
    let mut names: Vec<&str> = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." if names.last().is_some_and(|last| *last != ".." && !last.starts_with(['~', '$'])) => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    match names.first() {
        None if !path.is_empty() => ".".to_owned(),
        // Only at the beginning is `~` a home.
        Some(first) if first.starts_with('~') && !path.starts_with('~') => format!("./{}", names.join("/")),
        _ => names.join("/"),
    }
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
    const ENDINGS: [&str; 18] = [
        ".claude/settings.json",
        ".claude/.mcp.json",
        "claude_desktop_config.json",
        ".codex/hooks.json",
        ".qwen/settings.json",
        ".cursor/hooks.json",
        ".cursor/permissions.json",
        ".config/goose/config.yaml",
        ".copilot/mcp-config.json",
        "opencode.json",
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

/// Whether agents read it at the start of a session, or take it as what they noted themselves: instructions, rules, memories.
pub fn is_agent_instructions(path: &str) -> bool {
    const NAMES: [&str; 14] = [
        "claude.md",
        "claude.local.md",
        "agents.md",
        "gemini.md",
        "qwen.md",
        "memory.md",
        ".cursorrules",
        ".windsurfrules",
        ".clinerules",
        ".goosehints",
        "copilot-instructions.md",
        "conventions.md",
        "skill.md",
        ".roorules",
    ];
    let name = name(path).to_ascii_lowercase();
    NAMES.contains(&name.as_str())
        || [
            ".cursor/rules/",
            ".claude/agents/",
            ".claude/commands/",
            ".claude/skills/",
            ".claude/memory/",
            ".clinerules/",
        ]
        .iter()
        .any(|folder| holds(path, folder))
}

/// Whether git runs this file by itself.
pub fn is_git_hook(path: &str) -> bool {
    holds(path, ".git/hooks/") && !path.ends_with(".sample")
}

/// Whether something starts by itself from this file, or lets somebody in.
pub fn starts_by_itself(path: &str) -> bool {
    const NAMES: [&str; 20] = [
        ".bashrc",
        ".bash_profile",
        ".bash_login",
        ".bash_logout",
        ".bash_aliases",
        ".profile",
        ".zshrc",
        ".zshenv",
        ".zprofile",
        ".zlogin",
        ".xinitrc",
        ".xprofile",
        "authorized_keys",
        "crontab",
        "ld.so.preload",
        "rc.local",
        "sitecustomize.py",
        "usercustomize.py",
        "config.fish",
        "profile.ps1",
    ];
    const FOLDERS: [&str; 13] = [
        "/etc/cron",
        "/var/spool/cron",
        "/etc/systemd/",
        "/lib/systemd/system/",
        ".config/systemd/",
        ".config/autostart/",
        "/etc/profile.d/",
        "/etc/init.d/",
        "/etc/xdg/autostart/",
        "Library/LaunchAgents/",
        "/Library/LaunchDaemons/",
        "/etc/update-motd.d/",
        "Start Menu/Programs/Startup/",
    ];
    if matches!(path, "/etc/profile" | "/etc/bash.bashrc" | "/etc/zsh/zshrc" | "/etc/environment") {
        return true;
    }
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

/// A folder without which little is left: the root, a home, a system folder, or everything in one of them.
pub fn is_root(word: &str) -> bool {
    const ROOTS: [&str; 35] = [
        "/",
        "~",
        "/home",
        "/root",
        "/users",
        "/etc",
        "/usr",
        "/usr/bin",
        "/usr/lib",
        "/usr/local",
        "/var",
        "/var/lib",
        "/var/log",
        "/bin",
        "/sbin",
        "/lib",
        "/lib64",
        "/boot",
        "/opt",
        "/srv",
        "/var/www",
        "/dev",
        "/mnt",
        "/media",
        "/volumes",
        "/data",
        "/system",
        "/library",
        "/applications",
        "/workspaces",
        "/workspace",
        "c:",
        "c:/windows",
        "c:/users",
        "c:/program files",
    ];
    let folder = word.replace('\\', "/").to_ascii_lowercase();
    let folder = folder.trim_end_matches(['*', '.']);
    let folder = if folder.len() > 1 { folder.trim_end_matches('/') } else { folder };
    let above = word.split('/').all(|name| matches!(name, ".." | "*" | "")) && word.contains("..");
    let is_home = ["/home/", "/users/", "c:/users/"]
        .iter()
        .any(|homes| folder.strip_prefix(homes).is_some_and(|name| !name.is_empty() && !name.contains('/')));
    let is_users = folder.starts_with('~') && !folder.contains('/');
    let is_drive = folder.len() == 2 && folder.ends_with(':');
    ROOTS.contains(&folder) || is_drive || is_home || is_users || above
}

/// Whether the path lies in a place for temporary files.
pub fn is_scratch(path: &str) -> bool {
    const FOLDERS: [&str; 7] =
        ["/tmp", "/var/tmp", "/private/tmp", "/var/folders", "/private/var/folders", "/dev/shm", "/run/user"];
    const DEVICES: [&str; 4] = ["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"];
    let is_in = |folder: &&str| path.strip_prefix(*folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    DEVICES.contains(&path) || FOLDERS.iter().any(is_in)
}

/// Whether agents and tools keep their own notes and caches there, wherever they work.
pub fn is_of_tools(path: &str) -> bool {
    const FOLDERS: [&str; 6] = [".claude/", ".codex/", ".gemini/", ".cursor/", ".cache/", ".local/state/"];
    FOLDERS.iter().any(|folder| holds(path, folder))
}

/// Whether a build, a package manager or a test run makes it again.
pub fn is_generated(path: &str) -> bool {
    const NAMES: [&str; 27] = [
        "target",
        "node_modules",
        "build",
        "_build",
        "dist",
        "out",
        "tmp",
        "temp",
        "coverage",
        "htmlcov",
        "venv",
        "Pods",
        "DerivedData",
        "__pycache__",
        ".venv",
        ".tox",
        ".nox",
        ".cache",
        ".parcel-cache",
        ".pytest_cache",
        ".mypy_cache",
        ".ruff_cache",
        ".next",
        ".nuxt",
        ".turbo",
        ".gradle",
        ".terraform",
    ];
    path.split(['/', '\\']).any(|name| NAMES.contains(&name) || name.ends_with(".egg-info"))
}

/// The last part of a path.
pub fn name(path: &str) -> &str {
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
        check(is_scratch, &["/tmp", "/tmp/x", "/dev/null"], &["/tmpx", "/home/a/tmp", "/dev/sda"]);
        check(is_of_tools, &["/home/a/.claude/plans/x.md", "/home/a/.cache/y"], &["/home/a/.ssh/config"]);
        check(is_generated, &["target/debug", "/w/node_modules", "x.egg-info/"], &["src", "/w/targets", ""]);
        check(is_root, &["/", "~/*", "/home/a/", "/etc"], &["/home/a/b", ".", "src"]);
    }

    #[test]
    fn paths_are_unwound() {
        for (path, expected) in [
            ("/w/a.rs", "/w/a.rs"),
            ("/w/../etc//./passwd/", "/etc/passwd"),
            ("/../..", "/"),
            ("/", "/"),
            ("../x/", "../x/"),
            ("", ""),
        ] {
            assert_eq!(plain(path), expected, "{path}");
        }
    }

    #[test]
    fn relative_paths_are_unwound() {
        for (path, expected) in [
            ("./a/../b", "b"),
            ("~/a/..", "~"),
            ("~/../x", "/home/x"),
            ("~/a/../../x", "~/../x"),
            ("../a", "../a"),
            ("./", "."),
            ("./~", "./~"),
            ("//etc/./x", "/etc/x"),
            ("", ""),
        ] {
            assert_eq!(wound(path), expected, "{path}");
        }
    }
}
