//! What a command line or a call does, as a list of effects: the one answer that intake writes into columns and rules judge.
//!
//! Each file here knows one kind of doing and says what it saw in words that quote no content; names of files, hosts and packages
//! stand in [`Effect::object`]. Whether an effect is worth telling is for rules to say.

mod code;
pub mod configure;
mod cover;
pub mod destroy;
mod discover;
mod escape;
mod exhaust;
mod files;
mod install;
mod kind;
mod network;
mod persist;
mod remote;
mod rights;
mod scan;
mod unattended;

pub use destroy::made;
pub use discover::LOOKS;
pub use exhaust::LOOPS;
pub use kind::{EffectKind, UnknownWord};
pub use network::{COPIED, destination};

use crate::command::reads;
use crate::command::{Command, Line, SecretUse};
use crate::host;
use crate::limits::EFFECTS_MAX;

/// One thing that a command or call does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// What kind of thing.
    pub kind: EffectKind,
    /// What was seen, in words of ours that quote nothing.
    pub what: String,
    /// What it is done to: a path, a host, a package. Content, as the line itself is.
    pub object: Option<String>,
    /// What it is about, if a session may have made it itself: `branch:topic`, `volume:data`.
    pub target: Option<String>,
}

impl Effect {
    /// An effect on nothing that has a name.
    pub fn new(kind: EffectKind, what: &str) -> Self {
        Self { kind, what: what.to_owned(), object: None, target: None }
    }

    /// The same about a thing of this kind and name.
    #[must_use]
    pub fn about(self, kind: &str, name: Option<&str>) -> Self {
        Self { target: name.map(|name| format!("{kind}:{name}")), ..self }
    }

    /// The same on something.
    #[must_use]
    pub fn on(self, object: impl Into<String>) -> Self {
        Self { object: Some(object.into()), ..self }
    }
}

/// What a tool for the web does that asks a host.
pub fn of_host(host: &str) -> Option<Effect> {
    escape::of_host(host)
}

impl Line {
    /// What the line does, in the order in which it is read; of more than [`EFFECTS_MAX`] effects the usual ones are left out first.
    pub fn effects(&self) -> &[Effect] {
        self.conclusions.effects.get_or_init(|| search(self))
    }
}

/// The worst effect of a line that `is_meant` says is to be looked at.
pub fn worst(line: &Line, mut is_meant: impl FnMut(&Effect) -> bool) -> Option<&Effect> {
    let mut worst: Option<&Effect> = None;
    for effect in line.effects() {
        // Of equals the first is told.
        if worst.is_none_or(|worst| effect.kind > worst.kind) && is_meant(effect) {
            worst = Some(effect);
        }
    }
    worst
}

fn search(line: &Line) -> Vec<Effect> {
    let mut found = of_itself(line);
    for written in crate::written::run_at_once(line) {
        found.extend(of_itself(&written));
    }
    keep_worst(&mut found);
    found
}

/// What a line does without the files that it writes and runs.
fn of_itself(line: &Line) -> Vec<Effect> {
    let mut found = Vec::new();
    found.extend(exhaust::of_line(line));
    for command in &line.commands {
        of_command(command, line, &mut found);
        // A line may have thousands of commands, of which only the worst are worth keeping.
        if found.len() > 4 * EFFECTS_MAX {
            keep_worst(&mut found);
        }
    }
    found.extend(network::exfiltration(line));
    found.extend(code::fetched_and_run(line));
    found.extend(exhaust::encryption(line));
    found.extend(remote::of_line(line));
    keep_worst(&mut found);
    found
}

/// Takes out what was seen twice, and the most usual of what is too much.
fn keep_worst(found: &mut Vec<Effect>) {
    let mut kept: Vec<Effect> = Vec::with_capacity(found.len().min(EFFECTS_MAX));
    let mut by_kind: Vec<Effect> = std::mem::take(found);
    by_kind.sort_by_key(|effect| std::cmp::Reverse(effect.kind));
    for effect in by_kind {
        if kept.len() == EFFECTS_MAX {
            break;
        }
        if !kept.contains(&effect) {
            kept.push(effect);
        }
    }
    kept.sort_by_key(|effect| effect.kind);
    *found = kept;
}

/// The effects of one command of a line.
fn of_command(command: &Command, line: &Line, found: &mut Vec<Effect>) {
    let name = command.name();
    if let Some(effect) = escape::effect(command) {
        found.push(effect);
    }
    if let Some(effect) = destroy::effect(command, line) {
        found.push(effect);
    }
    found.extend(code::effect(command, line, &name));
    found.extend(cover::effect(command, &name));
    found.extend(rights::effects(command, &name));
    found.extend(configure::effect(command, &name));
    found.extend(persist::effects(command, &name));
    found.extend(unattended::effect(command, &name));
    found.extend(remote::effect(command, line, &name));
    found.extend(scan::effect(command, &name));
    found.extend(exhaust::effect(command, &name));
    found.extend(discover::effect(command, &name));
    install::effects(command, &name, found);
    network::effects(command, line, &name, found);
    files::effects(command, &name, found);
    match reads::of_command(line, command) {
        Some(SecretUse::Shown) => {
            let path = reads::named(line, command);
            let effect = Effect::new(EffectKind::Secret, reads::SHOWN);
            found.push(Effect { object: path, ..effect });
        }
        // To load a file into variables is how programs are started.
        Some(SecretUse::Loaded) | None => {}
    }
    if matches!(name.as_str(), "gcore" | "procdump" | "memdump" | "lime" | "avml") {
        found.push(Effect::new(EffectKind::Secret, "the memory of a process or of the machine is written to a file"));
    }
    if matches!(
        name.as_str(),
        "record_keys" | "xinput" | "scrot" | "screencapture" | "logkeys" | "gnome-screenshot" | "pbpaste" | "wl-paste"
    ) || (matches!(name.as_str(), "xclip" | "xsel") && command.option(&["-o", "-out", "--output"]))
    {
        found.push(Effect::new(EffectKind::Secret, "what is typed, copied or shown on the screen is recorded"));
    }
    match name.as_str() {
        "overwrite_files" => {
            found.push(Effect::new(EffectKind::Destroy, "a script overwrites or renames all files of a folder"));
        }
        "send_files" => {
            found.push(Effect::new(EffectKind::Exfiltrate, "a script sends all files of a folder to a host"));
        }
        "mass_mail" => found.push(Effect::new(EffectKind::Publish, "a script sends mail to many")),
        "search_environment" => {
            found.push(Effect::new(EffectKind::Secret, "a script searches its environment for secrets"));
        }
        "search_files" => {
            found.push(Effect::new(EffectKind::Secret, "a script gathers files that usually hold secrets"));
        }
        "grep" | "rg" | "egrep" | "awk" if searches_environment(command, line) => {
            found.push(Effect::new(EffectKind::Secret, "the environment is searched for secrets"));
        }
        _ => {}
    }
}

/// Whether a command looks for secrets in what lists all variables.
fn searches_environment(command: &Command, line: &Line) -> bool {
    const PARTS: [&str; 7] = ["secret", "token", "passw", "api_key", "apikey", "key", "cred"];
    let lists = |before: &Command| match before.name().as_str() {
        "env" | "printenv" | "set" => before.words.len() == 1,
        "export" | "declare" => before.has(&["-p", "-x", "-xp"]),
        _ => false,
    };
    line.feeding(command).is_some_and(lists)
        && command.words.iter().skip(1).any(|word| PARTS.iter().any(|part| word.to_ascii_lowercase().contains(part)))
}

/// Whether a word is a host of that sort, or no host at all.
fn is_near_or_empty(word: &str) -> bool {
    word.is_empty() || is_near(word)
}

/// Whether a host is this machine, or one in a network that is not routed on the internet.
fn is_near(name: &str) -> bool {
    matches!(host::of(name, ""), host::Class::Local | host::Class::PrivateAddress)
}

#[cfg(test)]
mod tests;
