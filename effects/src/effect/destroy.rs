//! What cannot be brought back after a command, or only from backups: by kind, one file each.
//!
//! A new tool is a line in the table of its kind; a rule here says when such a line does not count.

mod cloud;
mod data;
mod files;
mod git;
mod machine;
mod sql;

use crate::command::{Command, Line};

use super::{Effect, EffectKind};
pub use files::{deletes, is_narrow, is_recursive, removed_paths};

/// The effect of one command of a line.
pub fn effect(command: &Command, line: &Line) -> Option<Effect> {
    // Files first: `rm` and the shell's own `>` know no rehearsal.
    if let Some(effect) = files::effect(command, line) {
        return Some(effect);
    }
    if command.is_rehearsal() {
        return None;
    }
    git::effect(command)
        .or_else(|| data::effect(command, line))
        .or_else(|| cloud::effect(command))
        .or_else(|| machine::effect(command))
}

/// What a line has just made: kind and name, as effects are about them. Only what fails if the thing is there already counts, and
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
