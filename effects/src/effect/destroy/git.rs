//! Commits, branches and changes that version control can no longer give back.

use crate::command::Command;

use super::{Effect, EffectKind};

/// Options of git itself that take a word.
const VALUED: [&str; 8] = ["-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "-o", "--push-option"];

/// The effect of one command.
pub fn effect(command: &Command) -> Option<Effect> {
    let words: Vec<&str> = command.operands(&VALUED).collect();
    let discards = |what: &str| Some(Effect::new(EffectKind::Discard, what));
    match command.name().as_str() {
        "git" => of_git(command, words.first()?, words.get(1..).unwrap_or_default()),
        "gh" | "glab" | "hub" | "tea" => {
            let is_repository = matches!(words.as_slice(), ["repo" | "project", "delete", ..]);
            let is_release = matches!(words.as_slice(), ["release" | "secret" | "variable", "delete", ..]);
            let is_call = words.first() == Some(&"api") && command.has(&["DELETE", "-XDELETE", "--method=DELETE"]);
            let what =
                if is_repository { "a repository is deleted" } else { "something is deleted where the code is kept" };
            (is_repository || is_release || is_call).then(|| Effect::new(EffectKind::Destroy, what))
        }
        "svn" if words.first() == Some(&"revert") && command.flag('R', "recursive") => {
            discards("changes of a whole checkout are reverted")
        }
        "hg" if matches!(words.first(), Some(&("strip" | "purge")))
            || (words.first() == Some(&"update") && command.flag('C', "clean")) =>
        {
            discards("changes of a checkout are thrown away")
        }
        "jj" if matches!(words.first(), Some(&("abandon" | "restore"))) => {
            discards("changes of a checkout are thrown away")
        }
        _ => None,
    }
}

/// A branch that a command makes, which must not have been there.
pub fn made(command: &Command) -> Option<String> {
    let words: Vec<&str> = command.operands(&VALUED).collect();
    let name = match (command.name().as_str(), words.as_slice()) {
        ("git", ["checkout", name, ..]) if command.has(&["-b"]) => name,
        ("git", ["switch", name, ..]) if command.has(&["-c", "--create"]) => name,
        ("git", ["branch", name, ..]) if !command.words.iter().any(|word| word.starts_with('-')) => name,
        _ => return None,
    };
    Some(format!("branch:{name}"))
}

fn of_git(command: &Command, verb: &str, rest: &[&str]) -> Option<Effect> {
    let destroys = |what: &str| Some(Effect::new(EffectKind::Destroy, what));
    let discards = |what: &str| Some(Effect::new(EffectKind::Discard, what));
    let flag = |letter, long| command.flag(letter, long);
    let is_all = |path: &&str| matches!(*path, "." | "./" | "*" | ":/" | ":/*" | ":" | "'*'" | "-A");
    let first = rest.first().copied().unwrap_or_default();
    match verb {
        "push" => pushes(command, rest),
        "reset" if command.option(&["--hard"]) => {
            discards("git reset --hard throws changes away that are not committed")
        }
        "checkout" if flag('f', "force") && !command.has(&["-b"]) => {
            discards("git checkout throws changes away that are not committed")
        }
        "checkout" | "restore" if rest.iter().any(is_all) => {
            let is_index_only = verb == "restore" && flag('S', "staged") && !flag('W', "worktree");
            if is_index_only { None } else { discards("changes of a whole checkout are thrown away") }
        }
        "switch" if flag('f', "force") || command.option(&["--discard-changes"]) => {
            discards("git switch throws changes away that are not committed")
        }
        "checkout-index" if flag('f', "force") && flag('a', "all") => {
            discards("changes of a whole checkout are thrown away")
        }
        "read-tree" if command.option(&["--reset"]) && flag('u', "update") => {
            discards("changes of a whole checkout are thrown away")
        }
        "stash" if matches!(first, "drop" | "clear") => discards("stashed changes are dropped"),
        "branch"
            if command
                .words
                .iter()
                .any(|word| word.starts_with('-') && !word.starts_with("--") && word.contains('D'))
                || (flag('d', "delete") && flag('f', "force")) =>
        {
            discards("a branch is deleted, merged or not").map(|sign| sign.about("branch", rest.first().copied()))
        }
        "worktree" if first == "remove" && flag('f', "force") => discards("a worktree is removed with its changes"),
        "submodule" if first == "deinit" && flag('f', "force") => discards("submodules are removed with their changes"),
        "rm" if flag('r', " ")
            && rest.iter().any(is_all)
            && !command.option(&["--cached"])
            && !flag('n', "dry-run") =>
        {
            discards("git rm of every file")
        }
        "update-ref" if flag('d', " ") => discards("a reference to commits is deleted"),
        "reflog" if matches!(first, "expire" | "delete") => {
            destroys("the record of what commits there were is removed")
        }
        "gc" if command.words.iter().any(|word| word.starts_with("--prune=") && !word.contains("week")) => {
            destroys("commits that nothing refers to are removed at once")
        }
        "prune" if !flag('n', "dry-run") => destroys("commits that nothing refers to are removed at once"),
        "filter-branch" | "filter-repo" => destroys("the history of a repository is rewritten"),
        _ => None,
    }
}

/// A push that rewrites or removes what the remote has. A lease protects what others pushed.
fn pushes(command: &Command, rest: &[&str]) -> Option<Effect> {
    let is_force = |word: &String| {
        matches!(word.as_str(), "--force" | "--forc")
            || (word.starts_with('-') && !word.starts_with("--") && word.contains('f'))
    };
    let rewrites =
        command.words.iter().any(is_force) || rest.iter().any(|word| word.starts_with('+') && word.len() > 1);
    let removes = command.flag('d', "delete")
        || command.option(&["--mirror", "--prune"])
        || rest.iter().skip(1).any(|word| word.starts_with(':') && word.len() > 1);
    let what = match (command.flag('n', "dry-run"), rewrites, removes) {
        (true, ..) => return None,
        (_, true, _) => "a forced git push",
        (.., true) => "git push removes branches or tags of the remote",
        _ => return None,
    };
    Some(Effect::new(EffectKind::Destroy, what))
}
