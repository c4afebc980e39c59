//! What counts as one step of an agent: a tool call with its result where a source tells results, else the call alone. And
//! which steps bring the work further, if they were not taken before.
//!
//! Several sources may report the same call: hooks tell its start and its end, a gateway the model's wish. One call is one step.

use ledger::events::column;

use crate::command::{Command, RedirectKind};
use crate::engine::Key;
use crate::event::EventRow;
use crate::pack::packed;

/// Which events of an agent are its steps.
#[derive(Debug, Default)]
pub struct Feed {
    /// Whether its results are told: then calls are not counted.
    ends: bool,
    /// Calls since the last result.
    unanswered: u8,
    at: u8,
    /// Quarters of the hashes of the latest calls' ids.
    calls: [u16; CALLS],
}

packed!(Feed { ends, unanswered, at, calls });

/// Calls whose ids are remembered, to know them again in another source.
const CALLS: usize = 4;
/// After so many calls without a result, nobody tells results any more.
const UNANSWERED_MAX: u8 = 32;

/// One step.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// Fingerprint of what was done.
    pub action: u64,
    /// Of what was done and what came of it.
    pub hash: u64,
    /// Whether the result is part of that.
    pub has_result: bool,
    /// Whether it brings the work further if it is new.
    pub moves: bool,
}

/// Whether an event may be a step; cheaper than looking its agent up.
pub fn may_be(event: &EventRow<'_>) -> bool {
    matches!(event.kind(), "tool.call" | "tool.result" | "command" | "file.read" | "file.write")
        && event.fingerprint(column::ACTION_FP).is_some()
}

/// Whether a step changes the tree or reads a file, and succeeds: who does that for the first time comes further, whatever
/// is repeated in between.
fn moves(event: &EventRow<'_>) -> bool {
    if event.failure().is_some() {
        return false;
    }
    matches!(event.kind(), "file.read" | "file.write")
        || event
            .line()
            .commands
            .iter()
            .any(|command| changes_tree(command) || writes_file(command) || shows_file(command))
        || (event.kind() == "tool.result" && event.text(column::TOOL).is_some_and(changes_by_name))
}

/// Whether a command changes files or what the repository holds.
fn changes_tree(command: &Command) -> bool {
    match command.name().as_str() {
        "mv" | "cp" | "rm" | "mkdir" | "rmdir" | "touch" | "ln" | "patch" | "tee" | "install" | "rsync" | "unzip"
        | "chmod" => true,
        "sed" | "perl" => command.flag('i', "in-place"),
        "npm" | "pnpm" | "yarn" | "bun" | "pip" | "pip3" | "uv" | "poetry" | "pdm" | "conda" | "cargo" | "go"
        | "gem" | "bundle" | "composer" | "dotnet" | "apt" | "apt-get" | "dnf" | "apk" | "brew" => {
            command.operands(&[]).take(3).any(|verb| PACKAGE_CHANGES.contains(&verb))
        }
        // What puts its findings right in the files themselves.
        _ if command.option(&["--fix", "--write", "--apply"]) => true,
        "black" | "isort" | "rustfmt" | "dos2unix" => !command.option(&["--check", "--diff"]),
        "gofmt" | "goimports" => command.has(&["-w"]),
        "clang-format" => command.has(&["-i"]),
        "git" => {
            let mut words = command.operands(&["-c", "-C", "--git-dir", "--work-tree"]);
            words.next().is_some_and(|verb| GIT_CHANGES.contains(&verb))
        }
        _ => false,
    }
}

/// What package managers do to the tree or to the machine.
const PACKAGE_CHANGES: [&str; 10] =
    ["add", "ci", "get", "i", "install", "remove", "uninstall", "update", "upgrade", "require"];

/// Whether a command shows a file that it names: the same as reading it by a tool.
fn shows_file(command: &Command) -> bool {
    let is_viewer = matches!(command.name().as_str(), "cat" | "head" | "tail" | "less" | "more" | "bat" | "nl" | "sed");
    let valued = ["-n", "-c", "-e", "--lines", "--bytes"];
    let named = command.operands(&valued).find(|word| !word.bytes().all(|byte| byte.is_ascii_digit()));
    is_viewer && command.fed_by.is_none() && named.is_some()
}

/// Whether a tool that is no agent's own says by its name that it changes something: `mcp__board__update_issue`.
fn changes_by_name(tool: &str) -> bool {
    const VERBS: [&str; 20] = [
        "add", "append", "apply", "commit", "create", "delete", "edit", "insert", "merge", "move", "patch", "post",
        "put", "remove", "rename", "replace", "set", "update", "upload", "write",
    ];
    let name = tool.rsplit("__").next().unwrap_or(tool);
    let word = name.split(|char: char| !char.is_ascii_lowercase()).find(|word| !word.is_empty());
    word.is_some_and(|word| VERBS.contains(&word))
}

/// What git does to a tree, or adds to its history.
const GIT_CHANGES: [&str; 16] = [
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
    "restore",
    "revert",
    "rm",
    "switch",
];

/// Whether a command puts its output into a file, as `cat > notes.md` does; `2>&1` and `>/dev/null` do not.
fn writes_file(command: &Command) -> bool {
    let mut redirects = command.redirects.iter();
    redirects.any(|redirect| redirect.kind != RedirectKind::Read && !redirect.path.starts_with("/dev/"))
}

/// Whether a step waits before it looks: asking again is then its purpose.
pub fn waits(event: &EventRow<'_>) -> bool {
    event.line().commands.iter().any(|command| command.name() == "sleep")
}

impl Feed {
    /// The step that this event is, if it is one.
    pub fn step(&mut self, event: &EventRow<'_>, key: Key) -> Option<Step> {
        let action = event.fingerprint(column::ACTION_FP).filter(|_| may_be(event))?;
        if event.kind() == "tool.call" {
            self.unanswered = self.unanswered.saturating_add(1);
            if self.ends && self.unanswered < UNANSWERED_MAX {
                return None;
            }
            self.ends = false;
            self.is_new_call(event, key).then_some(Step { action, hash: action, has_result: false, moves: false })
        } else {
            (self.ends, self.unanswered) = (true, 0);
            let result = event.fingerprint(column::RESULT_FP);
            let hash = Key::join(action, result.unwrap_or_default());
            Some(Step { action, hash, has_result: result.is_some(), moves: moves(event) })
        }
    }

    fn is_new_call(&mut self, event: &EventRow<'_>, key: Key) -> bool {
        let Some(id) = event.text(column::TOOL_CALL) else { return true };
        let hash = key.hash(&["call", id]) as u16;
        if self.calls.contains(&hash) {
            return false;
        }
        let at = usize::from(self.at) % CALLS;
        self.calls[at] = hash;
        self.at = self.at.wrapping_add(1);
        true
    }
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
    fn tools_say_by_their_names_whether_they_change_something() {
        for (tool, changes) in [
            ("mcp__board__update_issue", true),
            ("mcp__notes__createPage", true),
            ("mcp__board__list_issues", false),
            ("mcp__settings__get", false),
            ("WebFetch", false),
            ("", false),
        ] {
            assert_eq!(changes_by_name(tool), changes, "{tool}");
        }
    }

    #[test]
    fn commands_that_change_the_tree_are_told_from_looks_at_it() {
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
            "",
        ] {
            check(command, false);
        }
    }
}
