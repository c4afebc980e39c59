//! The grammar of a shell: lists, pipelines, groups, redirections and here-documents. It adds to a [`Line`] what would run.
//!
//! What a line says in the end decides: where shells differ, or a line is not well formed, more is taken for a command, not less.

mod emit;
mod expand;
mod scan;

use std::sync::Arc;

use crate::command::line::{Command, Line, Redirect, RedirectKind};
use crate::limits::{COMMAND_BYTES_MAX, COMMAND_DEPTH_MAX, COMMAND_WORK_BYTES_MAX};
use scan::{closing, document_len, document_name, operand_end, word_end};

/// Reads lines, one inside of another.
#[derive(Debug, Default)]
pub struct Shell {
    /// What was found.
    pub line: Line,
    /// What the line says of its variables.
    variables: Vec<(String, Value)>,
    /// Where it went.
    folder: Option<Arc<str>>,
    depth: usize,
    /// Bytes that were read or put in.
    work: usize,
    /// Documents that were looked for.
    documents: usize,
}

impl Line {
    /// Reads a line; of one that is too long, the beginning.
    pub fn read(line: &str) -> Self {
        let mut shell = Shell::default();
        let line = &line[..line.floor_char_boundary(COMMAND_BYTES_MAX)];
        shell.read(line);
        if let Some(endless) = endless(line) {
            shell.line.commands.push(Command { words: vec![endless.to_owned()], ..Command::default() });
        }
        shell.line.note_relations();
        shell.line
    }
}

/// What a loop of a shell that has no end does, as one command of a name that no program has: it asks a host on and on, or only costs
/// time. What waits, reads or leaves is an ordinary loop.
fn endless(line: &str) -> Option<&'static str> {
    const LOOPS: [&str; 6] = ["while true;", "while true\n", "while :;", "while : ;", "until false;", "for ((;;))"];
    const ENDS: [&str; 9] =
        ["sleep", "read ", "break", "exit", "timeout", "inotifywait", "return", "tail -f", "wait -n"];
    let at = LOOPS.iter().filter_map(|begin| line.find(begin)).min()?;
    let body = &line[at..];
    // Text in quotes is no loop.
    let is_quoted = line[..at].matches('\'').count() % 2 == 1 || line[..at].matches('"').count() % 2 == 1;
    if is_quoted || !body.contains("do") || ENDS.iter().any(|end| body.contains(end)) {
        return None;
    }
    let asks = ["curl ", "wget ", "ab ", "nc "].iter().any(|program| body.contains(program));
    Some(if asks { "flood" } else { "endless_loop" })
}

impl Shell {
    /// What a program of another language does; of one that is too long, the beginning.
    pub fn of_script(code: &str) -> Line {
        let mut shell = Self::default();
        shell.script(&code[..code.floor_char_boundary(COMMAND_BYTES_MAX)]);
        shell.line.note_relations();
        shell.line
    }
}

/// Documents of one line that are read: the end of each is looked for in all that follows.
const DOCUMENTS_MAX: usize = 256;

/// The value of a variable.
#[derive(Debug, Clone, Default)]
struct Value {
    text: String,
    /// Whether it stands for several words even in quotes, as in loops and lists.
    is_list: bool,
}

/// The command that is being read.
#[derive(Debug, Default)]
struct Draft {
    command: Command,
    /// The documents that begin after this line of text, and whether values are put into them.
    documents: Vec<(String, bool)>,
    begun: bool,
}

/// What was read of one line of text, until its documents begin.
struct Reading<'t> {
    text: &'t str,
    /// Where only blanks follow.
    blank_from: usize,
    at: usize,
    draft: Draft,
    fed_by: Option<usize>,
    /// The folder before each open bracket.
    folders: Vec<Option<Arc<str>>>,
    /// Commands whose documents begin after this line.
    documents: Vec<(usize, String, bool)>,
    /// Commands of this text, and how many of them were given their input.
    own: Vec<usize>,
    given: usize,
}

impl Shell {
    /// Reads a text, and tells which commands are its own rather than of a text inside of it.
    pub fn read(&mut self, text: &str) -> Vec<usize> {
        if self.depth >= COMMAND_DEPTH_MAX || !self.may_spend(text.len()) {
            return Vec::new();
        }
        self.line.is_chain |= self.depth == 0;
        self.depth += 1;
        let mut reading = Reading {
            text,
            blank_from: text.trim_end().len(),
            at: 0,
            draft: Draft::default(),
            fed_by: None,
            folders: Vec::new(),
            documents: Vec::new(),
            own: Vec::new(),
            given: 0,
        };
        while reading.at < text.len() {
            self.step(&mut reading);
        }
        self.end_command(&mut reading);
        self.give_input(&mut reading);
        self.depth -= 1;
        reading.own
    }

    /// Takes so many bytes from what one line may cost.
    fn may_spend(&mut self, bytes: usize) -> bool {
        self.work = self.work.saturating_add(bytes + 1);
        self.work <= COMMAND_WORK_BYTES_MAX
    }

    /// Reads what stands at the place: a word, a redirection, or what ends a command.
    fn step(&mut self, reading: &mut Reading<'_>) {
        let rest = &reading.text[reading.at..];
        let bytes = rest.as_bytes();
        let next = bytes.get(1).copied();
        match (bytes[0], next) {
            (b' ' | b'\t' | b'\r', _) => reading.at += 1,
            (b'\\', Some(b'\n')) => reading.at += 2,
            (b'#', _) => reading.at += rest.find('\n').unwrap_or(rest.len()),
            (b'\n', _) => self.end_line(reading),
            (b'&', Some(b'&')) => self.end_list(reading, 2, true),
            (b'|', Some(b'|')) => self.end_list(reading, 2, false),
            (b'|', _) => {
                let len = if next == Some(b'&') { 2 } else { 1 };
                self.end_command(reading);
                reading.fed_by = reading.own.last().copied();
                reading.at += len;
            }
            (b'&', Some(b'>')) => {
                reading.at += 1;
                self.redirect(reading);
            }
            (b';' | b'&', _) => self.end_list(reading, 1, false),
            (b'(', _) => self.open(reading),
            (b')', _) => {
                self.end_command(reading);
                if let Some(folder) = reading.folders.pop() {
                    self.folder = folder;
                }
                reading.at += 1;
            }
            (b'<' | b'>', _) => self.redirect(reading),
            _ => self.word(reading),
        }
    }

    fn end_list(&mut self, reading: &mut Reading<'_>, len: usize, is_chain: bool) {
        self.end_command(reading);
        // What stands at the very end separates nothing.
        self.line.is_chain &= is_chain || reading.at + len >= reading.blank_from;
        reading.fed_by = None;
        reading.at += len;
    }

    /// `f()` defines a function; any other bracket opens a group with a place of its own.
    fn open(&mut self, reading: &mut Reading<'_>) {
        let rest = &reading.text[reading.at + 1..];
        let closes = rest.trim_start_matches([' ', '\t']).strip_prefix(')').map(|after| rest.len() - after.len());
        let words = &mut reading.draft.command.words;
        if let (Some(len), [_]) = (closes, words.as_slice()) {
            self.line.functions.append(words);
            reading.draft = Draft::default();
            reading.at += 1 + len;
            return;
        }
        self.end_command(reading);
        reading.folders.push(self.folder.clone());
        reading.at += 1;
    }

    /// The end of a line of text: the documents of its commands follow.
    fn end_line(&mut self, reading: &mut Reading<'_>) {
        // After a pipe the command goes on in the next line.
        let goes_on = !reading.draft.begun && reading.fed_by.is_some();
        self.end_command(reading);
        reading.at += 1;
        if !goes_on {
            reading.fed_by = None;
        }
        self.line.is_chain &= reading.at >= reading.blank_from || !reading.documents.is_empty();
        for (at, name, has_values) in std::mem::take(&mut reading.documents) {
            let Some(len) = document_len(&reading.text[reading.at..], &name) else { continue };
            let (body, _) = reading.text[reading.at..reading.at + len.1].split_at(len.0);
            reading.at += len.1;
            if has_values {
                self.substituted(body);
            }
            if let Some(command) = self.line.commands.get_mut(at).filter(|_| self.work < COMMAND_WORK_BYTES_MAX) {
                command.input = Some(body.to_owned());
                self.work += body.len();
            }
        }
        if !goes_on {
            self.give_input(reading);
        }
    }

    /// What stands in `$(…)` and backticks of a text that is not a word.
    fn substituted(&mut self, text: &str) {
        let mut at = 0;
        while let Some(found) = text[at..].find(['$', '`']) {
            let start = at + found;
            let rest = &text[start..];
            let (open, closer) = match rest.as_bytes() {
                [b'$', b'(', ..] => (2, b')'),
                [b'`', ..] => (1, b'`'),
                _ => {
                    at = start + 1;
                    continue;
                }
            };
            let end = closing(text, start + open, closer);
            self.read(&text[start + open..end]);
            at = (end + 1).min(text.len());
        }
    }

    fn redirect(&mut self, reading: &mut Reading<'_>) {
        let rest = &reading.text[reading.at..];
        reading.draft.begun = true;
        if let Some(inner) = rest.strip_prefix("<(").or_else(|| rest.strip_prefix(">(")) {
            // The command is given a file from which it reads what the inner line prints.
            let end = closing(inner, 0, b')');
            self.read(&inner[..end]);
            reading.at += (2 + end + 1).min(rest.len());
            reading.draft.command.words.push("/dev/fd/63".to_owned());
            return;
        }
        if let Some(after) = rest.strip_prefix("<<").filter(|after| !after.starts_with('<')) {
            return self.document(reading, after);
        }
        let signs: &[(&str, RedirectKind)] = &[
            ("<<<", RedirectKind::Read),
            (">>", RedirectKind::Append),
            (">|", RedirectKind::Write),
            (">&", RedirectKind::Write),
            ("<&", RedirectKind::Read),
            ("<>", RedirectKind::Append),
            (">", RedirectKind::Write),
            ("<", RedirectKind::Read),
        ];
        let Some((sign, kind)) = signs.iter().find(|(sign, _)| rest.starts_with(sign)) else {
            reading.at += 1;
            return;
        };
        reading.at += sign.len();
        reading.at +=
            reading.text[reading.at..].len() - reading.text[reading.at..].trim_start_matches([' ', '\t']).len();
        let end = word_end(reading.text, reading.at);
        let raw = &reading.text[reading.at..end];
        reading.at = end;
        let target = self.joined(raw);
        if *sign == "<<<" {
            reading.draft.command.input = Some(target);
        } else if !target.is_empty() && target != "-" && !(sign.ends_with('&') && target.parse::<u32>().is_ok()) {
            reading.draft.command.redirects.push(Redirect { kind: *kind, path: target });
        }
    }

    /// The name after `<<`. A document that never ends is none.
    fn document(&mut self, reading: &mut Reading<'_>, after: &str) {
        let (name, has_values, end) = document_name(reading.text, reading.text.len() - after.len());
        reading.at = end;
        if !name.is_empty() && self.documents < DOCUMENTS_MAX {
            self.documents += 1;
            reading.draft.documents.push((name, has_values));
        }
    }

    fn word(&mut self, reading: &mut Reading<'_>) {
        let is_first = reading.draft.command.words.is_empty();
        let end = if is_first { word_end(reading.text, reading.at) } else { operand_end(reading.text, reading.at) };
        let raw = &reading.text[reading.at..end];
        let after = reading.text.as_bytes().get(end).copied();
        // Digits right before a redirection say which of the open files it is about.
        if matches!(after, Some(b'<' | b'>')) && raw.bytes().all(|byte| byte.is_ascii_digit()) {
            reading.at = end;
            return;
        }
        reading.draft.begun = true;
        if let Some((name, value)) = assignment(raw).filter(|_| is_first) {
            reading.at = end;
            let value = if value.is_empty() && after == Some(b'(') {
                let close = closing(reading.text, end + 1, b')');
                let list = reading.text[end + 1..close].to_owned();
                reading.at = (close + 1).min(reading.text.len());
                Value { text: self.joined_all(&list), is_list: true }
            } else {
                Value { text: self.joined(value), is_list: false }
            };
            reading.draft.command.assignments.push(format!("{name}={}", value.text));
            self.assign(name, value);
            return;
        }
        reading.at = end.max(reading.at + 1);
        self.fields(raw, &mut reading.draft.command.words);
    }

    /// Ends the command that is being read.
    fn end_command(&mut self, reading: &mut Reading<'_>) {
        let draft = std::mem::take(&mut reading.draft);
        if !draft.begun {
            return;
        }
        let command = Command { fed_by: reading.fed_by, ..draft.command };
        let Some(at) = self.emit(command) else { return };
        reading.own.push(at);
        reading.documents.extend(draft.documents.into_iter().map(|(name, has_values)| (at, name, has_values)));
    }

    /// Gives the commands that were read since the last time what they read from documents and pipes.
    fn give_input(&mut self, reading: &mut Reading<'_>) {
        for at in reading.own.split_off(reading.given) {
            self.give(at);
            reading.own.push(at);
        }
        reading.given = reading.own.len();
    }
}

/// The name and value of `NAME=value`; `+=` is taken for `=`.
fn assignment(raw: &str) -> Option<(&str, &str)> {
    let (name, value) = raw.split_once('=')?;
    let name = name.strip_suffix('+').unwrap_or(name);
    let name = name.split_once('[').map_or(name, |(name, _)| name);
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_');
    is_name.then_some((name, value))
}

#[cfg(test)]
mod tests;
