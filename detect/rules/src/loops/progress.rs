//! Which steps bring the work further, if they were not taken before: whatever changes something, and reading what was not
//! read yet. Programs that only look, check or talk are listed; of one that nobody knows, a change is assumed, since to call work
//! a loop is worse than to see a loop two rounds later.

use detect_core::event::EventRow;
use effects::command::{Command, RedirectKind};
use ledger::events::column;

use crate::loops::failing;

/// Programs that look, check, wait or talk, and those that only run what is read apart; sorted.
const LOOKERS: &[&str] = &[
    "",
    ".",
    "[",
    "[[",
    "ack",
    "ag",
    "alias",
    "awk",
    "bash",
    "bat",
    "bats",
    "bazel",
    "biome",
    "bun",
    "bundle",
    "bunx",
    "cargo",
    "cat",
    "cd",
    "clippy-driver",
    "cmp",
    "column",
    "comm",
    "composer",
    "ctest",
    "cut",
    "cypress",
    "date",
    "deno",
    "df",
    "diff",
    "dig",
    "dir",
    "dotnet",
    "du",
    "echo",
    "egrep",
    "env",
    "eslint",
    "export",
    "false",
    "fd",
    "fgrep",
    "file",
    "find",
    "flake8",
    "free",
    "g++",
    "gawk",
    "gcc",
    "go",
    "golangci-lint",
    "gradle",
    "gradlew",
    "grep",
    "hadolint",
    "head",
    "help",
    "history",
    "host",
    "hostname",
    "id",
    "java",
    "jest",
    "jobs",
    "journalctl",
    "jq",
    "kill",
    "less",
    "ll",
    "ls",
    "lsof",
    "make",
    "man",
    "md5sum",
    "mocha",
    "more",
    "mvn",
    "mvnw",
    "mypy",
    "nc",
    "netstat",
    "ninja",
    "nl",
    "node",
    "nox",
    "npm",
    "npx",
    "nslookup",
    "perl",
    "php",
    "phpunit",
    "ping",
    "pkill",
    "playwright",
    "pnpm",
    "poetry",
    "popd",
    "printenv",
    "printf",
    "ps",
    "pushd",
    "pwd",
    "pylint",
    "pyright",
    "pytest",
    "python",
    "python3",
    "rg",
    "rspec",
    "ruby",
    "ruff",
    "set",
    "sh",
    "shellcheck",
    "sleep",
    "sort",
    "source",
    "ss",
    "stat",
    "tail",
    "test",
    "tox",
    "tr",
    "tree",
    "true",
    "tsc",
    "type",
    "uname",
    "uniq",
    "vitest",
    "wait",
    "wc",
    "whereis",
    "which",
    "whoami",
    "xargs",
];

/// What package managers and build tools do to the tree or to the machine.
const PACKAGE_CHANGES: [&str; 16] = [
    "add",
    "ci",
    "fix",
    "fmt",
    "format",
    "generate",
    "get",
    "i",
    "init",
    "install",
    "new",
    "remove",
    "require",
    "uninstall",
    "update",
    "upgrade",
];

/// What git does to a tree, or adds to its history.
const GIT_CHANGES: [&str; 17] = [
    "add",
    "am",
    "apply",
    "checkout",
    "cherry-pick",
    "clone",
    "commit",
    "merge",
    "mv",
    "pull",
    "push",
    "rebase",
    "reset",
    "restore",
    "revert",
    "rm",
    "switch",
];

/// Verbs by which tools of containers, clouds and boards, and those of servers, only look.
const LOOKS: [&str; 26] = [
    "check", "checks", "count", "describe", "diff", "events", "find", "get", "help", "images", "info", "inspect",
    "list", "logs", "ls", "poll", "ps", "query", "search", "show", "stats", "status", "top", "version", "view",
    "watch",
];

/// Words in the names of tools that keep notes for the agent itself, or wait.
const NOTES: [&str; 8] = ["output", "plan", "screenshot", "sleep", "snapshot", "think", "todo", "wait"];

/// Whether a step that was not taken before comes further: it succeeded, and it changed something or read a file.
pub fn moves(event: &EventRow<'_>) -> bool {
    let reads = || event.kind() == "file.read" || event.line().commands.iter().any(shows_file);
    !failing::fails(event) && (changes_work(event) || reads())
}

/// Whether a step changes something, if it succeeds, and does not only look at it.
pub fn changes_work(event: &EventRow<'_>) -> bool {
    match event.kind() {
        "file.read" => false,
        "file.write" => true,
        "tool.result" if event.text(column::COMMAND).is_none() => event.text(column::TOOL).is_some_and(changes_by_name),
        _ => event.line().commands.iter().any(|command| changes(command) || writes_file(command)),
    }
}

/// Programs that say something, tell the time or the place, or do nothing: whatever they answer is no news.
const TALKERS: [&str; 12] =
    ["", ":", "cd", "clear", "date", "echo", "false", "printf", "pwd", "sleep", "true", "whoami"];

/// Whether a step only says something: a note or a plan of the agent for itself, an `echo`, the time.
pub fn talks(event: &EventRow<'_>) -> bool {
    if matches!(event.kind(), "file.read" | "file.write") {
        return false;
    }
    let line = event.line();
    if line.commands.is_empty() {
        return event.text(column::TOOL).is_some_and(|tool| notes(&words_of(tool)));
    }
    line.commands.iter().all(|command| TALKERS.contains(&command.name().as_str()) && !writes_file(command))
}

/// Whether a command changes files, what the repository holds, or something elsewhere.
fn changes(command: &Command) -> bool {
    let name = command.name();
    let verb = || command.operands(&["-c", "-C", "-n", "--namespace", "--git-dir", "--work-tree"]).take(3);
    match name.as_str() {
        "sed" | "perl" => command.flag('i', "in-place"),
        // What puts its findings right in the files themselves.
        _ if command.option(&["--fix", "--write", "--apply"]) => true,
        "black" | "isort" | "rustfmt" | "prettier" | "terraform" | "tofu" => {
            !command.option(&["--check", "--diff"]) && !command.has(&["plan", "validate", "show", "output"])
        }
        "gofmt" | "goimports" => command.has(&["-w"]),
        "clang-format" => command.has(&["-i"]),
        "git" => verb().next().is_some_and(|verb| GIT_CHANGES.contains(&verb)),
        "npm" | "pnpm" | "yarn" | "bun" | "poetry" | "cargo" | "go" | "bundle" | "composer" | "dotnet" => {
            verb().any(|verb| PACKAGE_CHANGES.contains(&verb))
        }
        "docker" | "podman" | "docker-compose" | "kubectl" | "oc" | "gh" | "glab" | "aws" | "gcloud" | "az"
        | "systemctl" | "brew" | "apt" | "apt-get" | "pip" | "pip3" | "uv" | "helm" => !verb().any(|verb| {
            LOOKS.contains(&verb)
                || verb.starts_with("describe-")
                || verb.starts_with("get-")
                || verb.starts_with("list-")
        }),
        "curl" | "wget" | "http" | "https" | "xh" => sends(command),
        "psql" | "mysql" | "mariadb" | "sqlite3" | "duckdb" | "mongosh" | "redis-cli" => states(command),
        name => LOOKERS.binary_search(&name).is_err(),
    }
}

/// Whether a request carries something, or its answer becomes a file.
fn sends(command: &Command) -> bool {
    const SENDING: [&str; 12] = [
        "-d",
        "--data",
        "--data-raw",
        "--data-binary",
        "--json",
        "-F",
        "--form",
        "-T",
        "-o",
        "-O",
        "--output",
        "--post-data",
    ];
    command.option(&SENDING)
        || command.has(&["POST", "PUT", "PATCH", "DELETE", "-XPOST", "-XPUT", "-XPATCH", "-XDELETE"])
}

/// Whether a statement changes what a database holds.
fn states(command: &Command) -> bool {
    const VERBS: [&str; 9] = ["insert", "update", "delete", "create", "alter", "drop", "set", "replace", "copy"];
    let texts = command.words.iter().skip(1).chain(&command.input);
    texts
        .flat_map(|text| text.split(|char: char| !char.is_ascii_alphabetic()))
        .any(|word| VERBS.iter().any(|verb| word.eq_ignore_ascii_case(verb)))
}

/// Whether a command shows a file that it names: the same as reading it by a tool.
fn shows_file(command: &Command) -> bool {
    let is_viewer = matches!(command.name().as_str(), "cat" | "head" | "tail" | "less" | "more" | "bat" | "nl" | "sed");
    let valued = ["-n", "-c", "-e", "--lines", "--bytes"];
    let named = command.operands(&valued).find(|word| !word.bytes().all(|byte| byte.is_ascii_digit()));
    is_viewer && command.fed_by.is_none() && named.is_some()
}

/// Whether a command puts its output into a file, as `cat > notes.md` does; `2>&1` and `>/dev/null` do not.
fn writes_file(command: &Command) -> bool {
    let mut redirects = command.redirects.iter();
    redirects.any(|redirect| redirect.kind != RedirectKind::Read && !redirect.path.starts_with("/dev/"))
}

/// Whether a tool is none of those that say by their names that they only look, wait or keep notes.
fn changes_by_name(tool: &str) -> bool {
    let words = words_of(tool);
    let looks = words
        .first()
        .is_none_or(|word| LOOKS.contains(&word.as_str()) || matches!(word.as_str(), "grep" | "glob" | "l"));
    !looks && !notes(&words)
}

/// Whether words say that a tool keeps notes for the agent itself, or waits.
fn notes(words: &[String]) -> bool {
    words.iter().any(|word| NOTES.iter().any(|note| word.starts_with(note)))
}

/// The words of a tool's own name, in small letters.
fn words_of(tool: &str) -> Vec<String> {
    let name = tool.rsplit("__").next().unwrap_or(tool);
    let mut words: Vec<String> = Vec::new();
    for char in name.chars() {
        match words.last_mut() {
            Some(word) if char.is_ascii_lowercase() => word.push(char),
            _ => words.push(char.to_ascii_lowercase().to_string()),
        }
    }
    let trimmed = words.iter().map(|word| word.trim_matches(['_', '-', '.']).to_owned());
    trimmed.filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures;

    fn check(command: &str, changes: bool) {
        let event = json!({"second": 0, "kind": "command", "tool": "Bash", "command": command, "outcome": "success"});
        let rows = fixtures::rows(&[event]);
        let row = rows.get(0).unwrap();
        assert_eq!(moves(&EventRow::new(&row, false, fixtures::key())), changes, "{command}");
    }

    #[test]
    fn lookers_are_sorted() {
        assert!(LOOKERS.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn tools_say_by_their_names_whether_they_change_something() {
        for (tool, changes) in [
            ("mcp__board__update_issue", true),
            ("mcp__notes__createPage", true),
            ("mcp__browser__browser_navigate", true),
            ("WebFetch", true),
            ("Task", true),
            ("mcp__board__list_issues", false),
            ("mcp__settings__getAll", false),
            ("mcp__browser__browser_snapshot", false),
            ("mcp__mind__sequentialthinking", true),
            ("mcp__mind__think", false),
            ("TodoWrite", false),
            ("BashOutput", false),
            ("Grep", false),
            ("", false),
        ] {
            assert_eq!(changes_by_name(tool), changes, "{tool}");
        }
    }

    #[test]
    fn commands_that_change_something_are_told_from_looks_at_it() {
        for command in [
            "git mv src/cart.rs src/basket.rs",
            "cd shop && mv a.rs b.rs",
            "sed -i 's/cart/basket/' src/lib.rs",
            "perl -pi -e 's/a/b/' x",
            "git -c user.name=a commit -m done",
            "bash -c 'rm old.rs'",
            "cat > notes.md <<'END'",
            "cargo metadata >> meta.json 2>/dev/null",
            "npm install left-pad",
            "python3 -m pip install attrs",
            "npx prettier --write src/cart.ts",
            "gofmt -w cart.go",
            "python3 - <<'END'\nopen('cart.py', 'w').write('x')\nEND",
            "python3 -c \"from pathlib import Path; p = Path('a'); p.write_text('x')\"",
            "cat src/lib.rs",
            "sed -n 1,20p src/lib.rs",
            "docker build -t cart services/cart",
            "kubectl -n shop apply -f cart.yaml",
            "psql -c 'INSERT INTO carts VALUES (7)'",
            "curl -X POST localhost:8080/items -d id=7",
            "python manage.py makemigrations cart",
            "jscodeshift -t up.js src/cart.js",
            "gh issue close 7",
        ] {
            check(command, true);
        }
        for command in [
            "cargo check -q 2>&1",
            "make test >/dev/null 2>&1",
            "git status",
            "git log --oneline",
            "make 2>&1 | tail -n 20",
            "npm test",
            "black --check .",
            "gofmt -l .",
            "grep -rn 'a->b' src",
            "awk '$1 >= 2' t",
            "diff <(ls a) <(ls b)",
            "docker logs cart",
            "kubectl get pods",
            "psql -c 'SELECT 1'",
            "curl -s localhost:8080/health",
            "gh run view 7 --json status",
            "python3 -c 'print(7)'",
            "echo try 7",
            "sleep 7",
            "",
        ] {
            check(command, false);
        }
    }
}
