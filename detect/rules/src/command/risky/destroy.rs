//! What cannot be brought back after a command, or only from backups: by kind, one file each.
//!
//! A new tool is a line in the table of its kind; a rule here says when such a line does not count.

mod cloud;
mod data;
mod files;
mod git;
mod machine;
mod sql;

use detect_core::command::{Command, Line};

use super::sign::{Class, Sign};
pub use files::{deletes, is_narrow, is_recursive, removed_paths};

/// The sign of one command of a line.
pub fn sign(command: &Command, line: &Line) -> Option<Sign> {
    // Files first: `rm` and the shell's own `>` know no rehearsal.
    if let Some(sign) = files::sign(command, line) {
        return Some(sign);
    }
    if command.is_rehearsal() {
        return None;
    }
    git::sign(command)
        .or_else(|| data::sign(command, line))
        .or_else(|| cloud::sign(command))
        .or_else(|| machine::sign(command))
}

/// A function that calls itself twice at once, until nothing else runs.
pub fn fork_bomb(line: &Line) -> Option<Sign> {
    let is_bomb = line.commands.iter().any(|command| {
        let name = command.words.first();
        let before = line.feeding(command).and_then(|before| before.words.first());
        name.is_some_and(|name| before == Some(name) && line.functions.contains(name))
    });
    is_bomb.then(|| Sign::new(Class::Destroy, "a function that calls itself without end"))
}

/// What a line has just made: kind and name, as signs are about them. Only what fails if the thing is there already counts, and
/// only if the line ends where something fails.
pub fn made(line: &Line) -> Vec<String> {
    if !line.is_chain {
        return Vec::new();
    }
    line.commands
        .iter()
        .filter_map(|command| {
            git::made(command)
                .or_else(|| data::made(command))
                .or_else(|| cloud::made(command))
                .or_else(|| files::made(command))
        })
        .collect()
}

/// Whether a name says that what has it is for tests or for now.
fn is_for_tests(name: &str) -> bool {
    name.to_ascii_lowercase()
        .split(|char: char| !char.is_ascii_alphanumeric())
        .any(|word| matches!(word, "test" | "tests" | "testing" | "tmp" | "temp" | "scratch" | "e2e" | "ci"))
}
