//! What becomes of a command that was read: keywords and wrappers are taken off, what it runs is read too, and what it says
//! of variables and folders is noted.

use std::sync::Arc;

use super::expand::printed;
use super::{Shell, Value, assignment};
use crate::command::carry::{self, Carried};
use crate::command::line::Command;
use crate::command::script;
use crate::file::paths;
use crate::limits::{COMMAND_WORDS_MAX, COMMANDS_MAX};

impl Shell {
    /// Adds a command and what it runs; its place, if anything is left of it.
    pub(super) fn emit(&mut self, mut command: Command) -> Option<usize> {
        command.words.truncate(COMMAND_WORDS_MAX);
        self.without_keywords(&mut command.words);
        while let Some(prefix) = carry::prefix(&command.words) {
            command.words.drain(..prefix.len.min(command.words.len()));
            command.is_privileged |= prefix.is_privileged;
            command.takes_names |= prefix.takes_names;
            if let Some(line) = prefix.line {
                self.read(&line);
            }
            while let Some((name, value)) = command.words.first().and_then(|word| assignment(word)) {
                command.assignments.push(format!("{name}={value}"));
                command.words.remove(0);
            }
        }
        if self.line.commands.len() >= COMMANDS_MAX || (command.words.is_empty() && command.redirects.is_empty()) {
            return None;
        }
        command.folder.clone_from(&self.folder);
        if command.takes_names {
            self.take_names(&mut command);
        }
        let at = self.line.commands.len();
        self.note(&command);
        let (carried, fed_by, is_privileged) = (carry::carried(&command.words), command.fed_by, command.is_privileged);
        let finds = command.name() == "find";
        let assignments = command.assignments.clone();
        self.line.commands.push(command);
        for carried in carried {
            match carried {
                Carried::Line(line, positional) => {
                    self.position(&positional);
                    self.read(&line);
                }
                Carried::Words(words) => {
                    let (fed_by, assignments) = (if finds { Some(at) } else { fed_by }, assignments.clone());
                    let inner =
                        Command { words, fed_by, is_privileged, takes_names: finds, assignments, ..Command::default() };
                    self.depth += 1;
                    if self.depth < crate::limits::COMMAND_DEPTH_MAX && self.may_spend(inner.words.len()) {
                        self.emit(inner);
                    }
                    self.depth -= 1;
                }
                Carried::Script(code) => self.script(&code),
            }
        }
        Some(at)
    }

    /// Takes off the words of loops, conditions and definitions; what they say of variables is noted.
    fn without_keywords(&mut self, words: &mut Vec<String>) {
        while let Some(first) = words.first() {
            let len = match first.as_str() {
                "if" | "then" | "elif" | "else" | "while" | "until" | "do" | "!" | "{" | "}" | "fi" | "done"
                | "esac" | "coproc" => 1,
                "for" | "select" | "foreach" => {
                    if let [_, name, word, values @ ..] = words.as_slice()
                        && word == "in"
                    {
                        let value = Value { text: values.join(" "), is_list: true };
                        let name = name.clone();
                        self.assign(&name, value);
                    }
                    words.len()
                }
                "case" => words.len(),
                "function" => {
                    self.line.functions.extend(words.get(1).cloned());
                    2
                }
                _ => return,
            };
            words.drain(..len.min(words.len()));
        }
    }

    /// Notes what a command says of variables and of where the line goes.
    fn note(&mut self, command: &Command) {
        match command.name().as_str() {
            "cd" | "pushd" | "chdir" | "set-location" | "sl" => {
                let folder = command.operands(&[]).next().unwrap_or("~");
                self.folder = Some(Arc::from(if folder == "-" { ".".to_owned() } else { command.path(folder) }));
            }
            "popd" => self.folder = None,
            "export" | "declare" | "local" | "readonly" | "typeset" => {
                for (name, value) in command.words.iter().filter_map(|word| assignment(word)) {
                    self.assign(name, Value { text: value.to_owned(), is_list: false });
                }
            }
            "set" => {
                if let Some(at) = command.words.iter().position(|word| word == "--") {
                    let words: Vec<String> = command.words[at + 1..].to_vec();
                    self.position(&words);
                }
            }
            _ => {}
        }
    }

    /// Notes the words that a line inside of another is given.
    fn position(&mut self, words: &[String]) {
        if words.is_empty() {
            return;
        }
        for (at, word) in words.iter().take(9).enumerate() {
            self.assign(&(at + 1).to_string(), Value { text: word.clone(), is_list: false });
        }
        for name in ["@", "*"] {
            self.assign(name, Value { text: words.join(" "), is_list: true });
        }
    }

    /// Gives a command the names that `xargs` reads for it, if the command before says them.
    fn take_names(&mut self, command: &mut Command) {
        let given = command.input.clone().or_else(|| self.text_of(command.fed_by?));
        let Some(names) = given else { return };
        if !self.may_spend(names.len()) {
            return;
        }
        let names: Vec<String> = names.split_whitespace().map(str::to_owned).collect();
        match command.words.iter().position(|word| word.contains("{}")) {
            Some(at) => drop(command.words.splice(at..=at, names)),
            None => command.words.extend(names),
        }
        command.words.truncate(COMMAND_WORDS_MAX);
    }

    /// What a command prints, as far as the line says it.
    fn text_of(&self, at: usize) -> Option<String> {
        let command = self.line.commands.get(at)?;
        let passes_on = matches!(command.name().as_str(), "cat" | "tee") && command.operands(&[]).next().is_none();
        match command.fed_by.filter(|before| passes_on && command.input.is_none() && *before < at) {
            Some(before) => self.text_of(before),
            None => printed(command, self.folder.as_deref()),
        }
    }

    /// Gives a command what it reads from a document or a pipe: shells run it, other languages do what it says.
    pub(super) fn give(&mut self, at: usize) {
        let Some(command) = self.line.commands.get(at) else { return };
        let reader = carry::reader(&command.words);
        if reader == carry::Reader::None {
            return;
        }
        let text = command.input.clone().or_else(|| self.text_of(command.fed_by?));
        match (reader, text) {
            (carry::Reader::Shell, Some(text)) => drop(self.read(&text)),
            (_, Some(text)) => self.script(&text),
            (_, None) => {}
        }
    }

    /// Adds what a script of another language does, as the commands that do the same.
    pub(super) fn script(&mut self, code: &str) {
        if !self.may_spend(code.len()) {
            return;
        }
        let from = self.line.commands.len();
        for carried in script::commands(code) {
            match carried {
                Carried::Line(line, _) => drop(self.read(&line)),
                Carried::Words(words) => {
                    let words: Vec<String> = words
                        .iter()
                        .map(|word| if word.contains("://") { word.clone() } else { paths::wound(word) })
                        .collect();
                    self.depth += 1;
                    if self.depth < crate::limits::COMMAND_DEPTH_MAX {
                        self.emit(Command { words, ..Command::default() });
                    }
                    self.depth -= 1;
                }
                Carried::Script(_) => {}
            }
        }
        for command in self.line.commands.iter_mut().skip(from) {
            command.is_of_script = true;
        }
    }
}
