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
        || event.line().commands.iter().any(|command| changes_tree(command) || writes_file(command))
}

/// Whether a command changes files or what the repository holds.
fn changes_tree(command: &Command) -> bool {
    match command.name().as_str() {
        "mv" | "cp" | "rm" | "mkdir" | "rmdir" | "touch" | "ln" | "patch" | "tee" | "install" | "rsync" | "unzip"
        | "chmod" => true,
        "sed" | "perl" => command.flag('i', "in-place"),
        "git" => {
            let mut words = command.operands(&["-c", "-C", "--git-dir", "--work-tree"]);
            words.next().is_some_and(|verb| GIT_CHANGES.contains(&verb))
        }
        _ => false,
    }
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
        ] {
            check(command, true);
        }
        for command in [
            "cargo check -q 2>&1",
            "make test >/dev/null 2>&1",
            "git status",
            "git log --oneline",
            "sed -n 1,20p src/lib.rs",
            "grep -rn 'a->b' src",
            "awk '$1 >= 2' t",
            "diff <(ls a) <(ls b)",
            "",
        ] {
            check(command, false);
        }
    }
}
