//! What words become: quotes, escapes, variables of the line, homes, braces, and the results of commands that are plain.

use super::scan::{braces, closing, word_end};
use super::{Shell, Value};
use crate::command::line::Command;
use crate::limits::{COMMAND_VALUE_BYTES_MAX, COMMAND_VARIABLES_MAX, COMMAND_WORDS_MAX};

/// The longest word whose braces are looked at, in bytes, and the words that they may become.
const BRACED_BYTES_MAX: usize = 1_024;
const BRACED_WORDS_MAX: usize = 64;
/// Places of one value that are replaced by another.
const REPLACED_MAX: usize = 16;

/// The words that one word becomes while they are made.
#[derive(Default)]
struct Fields {
    done: Vec<String>,
    text: String,
    begun: bool,
}

impl Fields {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.begun = true;
    }

    /// Ends a word, if one was begun.
    fn cut(&mut self) {
        if self.begun || !self.text.is_empty() {
            self.done.push(std::mem::take(&mut self.text));
        }
        self.begun = false;
    }

    /// Puts a value in: outside of quotes, blanks in it separate words.
    fn put(&mut self, value: &str, is_quoted: bool) {
        if is_quoted {
            return self.push(value);
        }
        for (at, piece) in value.split([' ', '\t', '\n']).enumerate() {
            if at > 0 {
                self.cut();
            }
            if !piece.is_empty() {
                self.push(piece);
            }
        }
    }
}

impl Shell {
    /// Adds the words that a raw word becomes.
    pub(super) fn fields(&mut self, raw: &str, words: &mut Vec<String>) {
        let room = COMMAND_WORDS_MAX.saturating_sub(words.len());
        if room == 0 || !self.may_spend(raw.len()) {
            return;
        }
        if !raw.bytes().any(|byte| matches!(byte, b'\'' | b'"' | b'\\' | b'$' | b'`' | b'{' | b'%')) {
            words.push(raw.to_owned());
            return;
        }
        if raw.len() > BRACED_BYTES_MAX || !raw.contains('{') {
            return words.extend(self.field(raw).into_iter().take(room));
        }
        for raw in braces(raw, BRACED_WORDS_MAX) {
            if self.may_spend(raw.len()) {
                words.extend(self.field(&raw));
            }
        }
        words.truncate(COMMAND_WORDS_MAX);
    }

    /// What a raw word becomes where one word is expected.
    pub(super) fn joined(&mut self, raw: &str) -> String {
        let mut words = Vec::new();
        self.fields(raw, &mut words);
        words.join(" ")
    }

    /// What the raw words of a list become.
    pub(super) fn joined_all(&mut self, list: &str) -> String {
        let (mut words, mut at) = (Vec::new(), 0);
        while at < list.len() {
            let end = word_end(list, at);
            if end > at {
                self.fields(&list[at..end], &mut words);
            }
            at = end.max(at) + 1;
        }
        words.join(" ")
    }

    /// Notes the value of a variable.
    pub(super) fn assign(&mut self, name: &str, mut value: Value) {
        value.text.truncate(value.text.floor_char_boundary(COMMAND_VALUE_BYTES_MAX));
        if let Some((_, known)) = self.variables.iter_mut().find(|(known, _)| known == name) {
            *known = value;
        } else if self.variables.len() < COMMAND_VARIABLES_MAX {
            self.variables.push((name.to_owned(), value));
        }
    }

    fn value(&self, name: &str) -> Option<Value> {
        let known = self.variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
        known.or_else(|| {
            let text = match name {
                "HOME" | "USERPROFILE" | "HOMEPATH" => "~",
                "PWD" | "CLAUDE_PROJECT_DIR" | "INIT_CWD" => self.folder.as_deref().unwrap_or("."),
                "TMPDIR" | "TEMP" | "TMP" => "/tmp",
                "USER" | "LOGNAME" | "USERNAME" => "user",
                "IFS" => " ",
                "SystemRoot" | "windir" => "C:/Windows",
                _ => return None,
            };
            Some(Value { text: text.to_owned(), is_list: false })
        })
    }

    fn field(&mut self, raw: &str) -> Vec<String> {
        let (mut fields, mut at, mut in_quotes) = (Fields::default(), 0, false);
        let is_windows = is_windows_path(raw);
        while let Some(char) = raw[at..].chars().next() {
            let rest = &raw[at..];
            let second = rest.as_bytes().get(1).copied();
            let len = match char {
                '\'' if !in_quotes => {
                    let end = rest[1..].find('\'').map_or(rest.len(), |end| end + 1);
                    fields.push(own_name(&fields, &rest[1..end]));
                    fields.push(&rest[1..end]);
                    end + 1
                }
                '"' => {
                    in_quotes = !in_quotes;
                    fields.begun = true;
                    if in_quotes {
                        fields.push(own_name(&fields, &rest[1..]));
                    }
                    1
                }
                '\\' if is_windows => {
                    fields.push("\\");
                    1
                }
                '\\' => escaped(&mut fields, rest, in_quotes),
                '$' if second == Some(b'\'') && !in_quotes => ansi(&mut fields, rest),
                '$' => self.dollar(&mut fields, rest, in_quotes),
                '`' => {
                    let end = closing(rest, 1, b'`');
                    let inner = rest[1..end].replace("\\`", "`").replace("\\$", "$");
                    let value = self.result_of(&inner);
                    fields.put(&value, in_quotes);
                    end + 1
                }
                '%' => {
                    let name = rest[1..].split('%').next().filter(|name| name.len() + 1 < rest.len());
                    let value =
                        name.filter(|name| !name.is_empty() && name.len() < 32).and_then(|name| self.value(name));
                    fields.push(value.as_ref().map_or("%", |value| &value.text));
                    value.map_or(1, |_| name.map_or(0, str::len) + 2)
                }
                _ => {
                    fields.text.push(char);
                    fields.begun = true;
                    char.len_utf8()
                }
            };
            at = (at + len).min(raw.len());
        }
        fields.cut();
        fields.done
    }

    /// What begins with a dollar sign; the bytes that were read.
    fn dollar(&mut self, fields: &mut Fields, rest: &str, in_quotes: bool) -> usize {
        let bytes = rest.as_bytes();
        match bytes.get(1).copied() {
            Some(b'(') => {
                let end = closing(rest, 2, b')');
                // Arithmetic gives a number, whatever it is.
                let value = if bytes.get(2) == Some(&b'(') { "0".to_owned() } else { self.result_of(&rest[2..end]) };
                fields.put(&value, in_quotes);
                end + 1
            }
            Some(b'{') => {
                let end = closing(rest, 2, b'}');
                let value = self.parameter(&rest[2..end]);
                fields.put(&value.text, in_quotes && !value.is_list);
                end + 1
            }
            Some(b'"') if !in_quotes => 1,
            Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' => {
                let is_name = |char: char| char.is_ascii_alphanumeric() || char == '_';
                let scope = if rest[1..].starts_with("env:") { 5 } else { 1 };
                let len = rest[scope..].find(|char| !is_name(char)).unwrap_or(rest.len() - scope);
                self.variable(fields, &rest[scope..scope + len], in_quotes);
                scope + len
            }
            Some(byte) if byte.is_ascii_digit() || matches!(byte, b'@' | b'*') => {
                self.variable(fields, &rest[1..2], in_quotes);
                2
            }
            _ => {
                fields.push("$");
                1
            }
        }
    }

    fn variable(&mut self, fields: &mut Fields, name: &str, in_quotes: bool) {
        match self.value(name).filter(|value| self.may_spend(value.text.len())) {
            Some(value) => fields.put(&value.text, in_quotes && !value.is_list),
            None => fields.push(&format!("${name}")),
        }
    }

    /// What stands in `${…}`.
    fn parameter(&mut self, inner: &str) -> Value {
        let inner = inner.strip_prefix('!').unwrap_or(inner);
        if inner.starts_with('#') {
            return Value { text: "0".to_owned(), is_list: false };
        }
        let len = inner.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(inner.len());
        let (name, rest) = inner.split_at(len.max(usize::from(inner.starts_with(['@', '*']))));
        let rest = rest.strip_prefix("[@]").or_else(|| rest.strip_prefix("[*]")).unwrap_or(rest);
        let known = self.value(name).filter(|value| self.may_spend(value.text.len()));
        let is_set = known.as_ref().is_some_and(|value| !value.text.is_empty());
        let plain = known.clone().unwrap_or_else(|| Value { text: format!("${name}"), is_list: false });
        let colon = rest.strip_prefix(':').unwrap_or(rest);
        let text = |text: String| Value { text, is_list: false };
        match colon.as_bytes().first() {
            Some(b'-' | b'=') if !is_set => {
                let value = text(self.joined_all(&colon[1..]));
                if colon.starts_with('=') {
                    self.assign(name, value.clone());
                }
                value
            }
            Some(b'+') if known.is_none() || is_set => text(self.joined_all(&colon[1..])),
            Some(b'+') => text(String::new()),
            Some(b'0'..=b'9') if rest.starts_with(':') => {
                let whole = match name {
                    "HOME" => "/home/user".to_owned(),
                    "PWD" => "/home/user/work".to_owned(),
                    "PATH" => "/usr/local/bin:/usr/bin:/bin".to_owned(),
                    "SHELL" => "/bin/bash".to_owned(),
                    _ => plain.text,
                };
                let (start, len) = colon.split_once(':').unwrap_or((colon, ""));
                let chars = whole.chars().skip(start.parse().unwrap_or(0));
                text(chars.take(len.parse().unwrap_or(usize::MAX)).collect())
            }
            Some(b'/') if known.is_some() => {
                let (from, to) = colon.trim_start_matches('/').split_once('/').unwrap_or((colon, ""));
                let (from, to) = (self.joined(from), self.joined(to));
                text(if from.is_empty() { plain.text } else { plain.text.replacen(&from, &to, REPLACED_MAX) })
            }
            Some(b',') => text(plain.text.to_lowercase()),
            Some(b'^') => text(plain.text.to_uppercase()),
            _ => plain,
        }
    }

    /// What a line prints, if it is a single command that is plain; what it runs is noted.
    fn result_of(&mut self, line: &str) -> String {
        let own = self.read(line);
        let command = match own.as_slice() {
            [at] => self.line.commands.get(*at),
            _ => None,
        };
        command.and_then(|command| printed(command, self.folder.as_deref())).unwrap_or_else(|| "$()".to_owned())
    }
}

/// What a command prints, if its words say it.
pub(super) fn printed(command: &Command, folder: Option<&str>) -> Option<String> {
    let operand = || command.operands(&[]).next().map(str::to_owned);
    match command.name().as_str() {
        "echo" | "write-output" => {
            let words = command.words.iter().skip(1).map(String::as_str);
            let said = words.skip_while(|word| matches!(*word, "-n" | "-e" | "-E" | "-ne" | "-en"));
            Some(said.collect::<Vec<_>>().join(" "))
        }
        "printf" => {
            let mut words = command.words.iter().skip(1).map(String::as_str).filter(|word| *word != "--");
            let format = words.next()?;
            let values = words.collect::<Vec<_>>().join(" ");
            let format = format.replace("\\n", "\n").replace("%b", "%s");
            Some(if format.contains("%s") { format.replacen("%s", &values, 1) } else { format })
        }
        "pwd" => Some(folder.unwrap_or(".").to_owned()),
        "cat" | "tee" => command.input.clone(),
        "which" | "realpath" | "readlink" | "basename" | "cygpath" => operand(),
        "dirname" => {
            operand().map(|path| path.rsplit_once('/').map_or(".".to_owned(), |(folder, _)| folder.to_owned()))
        }
        "mktemp" => Some("/tmp/mktemp".to_owned()),
        "whoami" | "logname" => Some("user".to_owned()),
        "git" if command.has(&["--show-toplevel"]) => Some(".".to_owned()),
        _ => None,
    }
}

/// A quoted `~` is no home but a name, which `./` says.
fn own_name(fields: &Fields, quoted: &str) -> &'static str {
    if fields.text.is_empty() && quoted.starts_with('~') { "./" } else { "" }
}

/// What follows a backslash; the bytes that were read.
fn escaped(fields: &mut Fields, rest: &str, in_quotes: bool) -> usize {
    let Some(next) = rest[1..].chars().next() else { return 1 };
    if in_quotes && !matches!(next, '$' | '`' | '"' | '\\' | '\n') {
        fields.push("\\");
        return 1;
    }
    if next != '\n' {
        fields.push(own_name(fields, &rest[1..]));
        fields.push(next.encode_utf8(&mut [0; 4]));
    }
    1 + next.len_utf8()
}

/// What stands in `$'…'`; the bytes that were read.
fn ansi(fields: &mut Fields, rest: &str) -> usize {
    let mut at = 2;
    fields.begun = true;
    while let Some(char) = rest[at..].chars().next() {
        at += char.len_utf8();
        match char {
            '\'' => return at,
            '\\' => {
                let Some(kind) = rest[at..].chars().next() else { return at };
                at += kind.len_utf8();
                let (radix, start, most) = match kind {
                    'x' => (16, at, 2),
                    'u' => (16, at, 4),
                    'U' => (16, at, 8),
                    '0'..='7' => (8, at - 1, 3),
                    'n' | 'r' | 't' => {
                        fields.push("\n");
                        continue;
                    }
                    other => {
                        fields.text.push(other);
                        continue;
                    }
                };
                let digits = rest[start..].chars().take(most).take_while(|char| char.is_digit(radix)).count();
                let code = u32::from_str_radix(&rest[start..start + digits], radix).ok();
                fields.text.extend(code.and_then(char::from_u32));
                at = start + digits;
            }
            other => fields.text.push(other),
        }
    }
    at
}

/// Whether a word is a path of Windows, in which a backslash separates names.
fn is_windows_path(raw: &str) -> bool {
    let raw = raw.trim_start_matches(['"', '\'']);
    let bytes = raw.as_bytes();
    let is_drive = bytes.first().is_some_and(u8::is_ascii_alphabetic) && bytes.get(1..3) == Some(b":\\");
    let is_variable = raw.to_ascii_lowercase().starts_with("$env:") || raw.starts_with('%');
    is_drive
        || is_variable
        || [".\\", "..\\", "~\\"].iter().any(|start| raw.starts_with(start) && raw.len() > start.len())
}
