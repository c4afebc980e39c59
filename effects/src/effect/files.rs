//! The files that a command reads, writes and removes, whatever they are: for columns and for those who ask in SQL.

use super::rights::written_all;
use super::{Effect, EffectKind};
use crate::command::{Command, REMOVERS, RedirectKind};
use crate::effect::destroy::removed_paths;

/// Programs that show the files that they are given.
const READERS: [&str; 24] = [
    "cat",
    "tac",
    "less",
    "more",
    "head",
    "tail",
    "bat",
    "nl",
    "od",
    "xxd",
    "hexdump",
    "strings",
    "base64",
    "source",
    ".",
    "type",
    "get-content",
    "gc",
    "cut",
    "sort",
    "uniq",
    "wc",
    "diff",
    "cmp",
];

/// The effects of one command.
pub fn effects(command: &Command, name: &str, found: &mut Vec<Effect>) {
    let read = command
        .redirects
        .iter()
        .filter(|redirect| redirect.kind == RedirectKind::Read)
        .map(|redirect| redirect.path.as_str());
    let given = command.operands(&["-n", "-c"]).filter(|_| READERS.contains(&name));
    for path in read.chain(given).filter(|path| *path != "-" && !path.starts_with("/dev/")).take(FILES_MAX) {
        found.push(Effect::new(EffectKind::Read, "a file is read").on(command.path(path)));
    }
    for path in written_all(command, name).take(FILES_MAX) {
        found.push(Effect::new(EffectKind::Write, "a file is written").on(path));
    }
    if REMOVERS.contains(&name) {
        for path in removed_paths(command, name).take(FILES_MAX) {
            found.push(Effect::new(EffectKind::Delete, "a file is removed").on(command.path(path)));
        }
    } else if name == "find" && command.has(&["-delete"]) {
        found.push(Effect::new(EffectKind::Delete, "files that are found are removed"));
    }
}

/// Files of one command that are told.
const FILES_MAX: usize = 8;
