//! A command line as the simple commands that it consists of, however they are wrapped: what all rules are given.

use std::sync::{Arc, OnceLock};

use crate::effect::Effect;
use crate::file::paths;

/// A command line, read once for all rules.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its simple commands, those inside of others included, in the order in which they are read.
    pub commands: Vec<Command>,
    /// Names of the functions that it defines.
    pub functions: Vec<String>,
    /// Whether each command runs only if the one before it succeeded.
    pub is_chain: bool,
    /// Whether one of its commands fetches something from the network.
    pub fetches: bool,
    /// Whether one of its commands removes what another one finds, which stands as `{}` in its words.
    pub removes_found: bool,
    /// What follows from the rest, once somebody asked.
    pub(crate) conclusions: Conclusions,
}

/// How a line comes by a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretUse {
    /// A file is loaded into variables of the shell: usual before a program is started.
    Loaded,
    /// A file is read, copied or sent.
    Shown,
}

/// What was concluded of a line. A line that comes again and again is judged once, whichever events and rules ask.
#[derive(Debug, Default, Clone)]
pub(crate) struct Conclusions {
    /// How it comes by a secret.
    pub(crate) secret: OnceLock<Option<SecretUse>>,
    /// What it does.
    pub(crate) effects: OnceLock<Vec<Effect>>,
}

// Whether somebody asked makes no difference between lines.
impl PartialEq for Conclusions {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Conclusions {}

/// One simple command: words without quotes, with variables of the line put in, and without what only changes how it runs.
///
/// A home is written `~`, whatever variable said so; a variable that nobody knows stays as `$NAME`, and the result of a command
/// that is not known as `$()`.
#[allow(clippy::struct_excessive_bools, reason = "each is a different fact about one command, and several may hold")]
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Command {
    /// The program and what it is given. Never empty, except for a redirection without a command.
    pub words: Vec<String>,
    /// Assignments before it, as `NAME=value`.
    pub assignments: Vec<String>,
    /// Files that the shell opens for it.
    pub redirects: Vec<Redirect>,
    /// Text that it is given by a here-document or here-string.
    pub input: Option<String>,
    /// The command, by its place in the line, whose output it reads.
    pub fed_by: Option<usize>,
    /// The folder in which it runs, if the line went elsewhere.
    pub folder: Option<Arc<str>>,
    /// Whether it runs with another user's privileges, by `sudo` or the like.
    pub is_privileged: bool,
    /// Whether what `xargs` or `find` hands on are its operands.
    pub takes_names: bool,
    /// Whether what it prints is handed on to a command that removes it.
    pub feeds_removal: bool,
    /// Whether it stands for what a script of another language does.
    pub is_of_script: bool,
}

/// A file that the shell opens for a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// How it is opened.
    pub kind: RedirectKind,
    /// Its path as it is written, without quotes.
    pub path: String,
}

/// How a redirection opens a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedirectKind {
    /// To read it.
    Read,
    /// To write it anew: what was in it is lost.
    Write,
    /// To write at its end.
    Append,
}

impl Line {
    /// Notes what rules ask of one command about all others: once, since a line may have thousands.
    pub(super) fn note_relations(&mut self) {
        for at in 0..self.commands.len() {
            let command = &self.commands[at];
            let name = command.name();
            self.fetches |= is_fetcher(&name);
            if REMOVERS.contains(&name.as_str()) {
                self.removes_found |= command.words.iter().any(|word| word.contains("{}"));
                let feeding = command.fed_by.filter(|_| command.takes_names);
                if let Some(feeding) = feeding.and_then(|feeding| self.commands.get_mut(feeding)) {
                    feeding.feeds_removal = true;
                }
            }
        }
    }

    /// About how much memory it takes, in bytes.
    pub fn bytes(&self) -> usize {
        let texts = |texts: &[String]| texts.iter().map(|text| size_of::<String>() + text.len()).sum::<usize>();
        let of = |command: &Command| {
            let redirects = command.redirects.iter().map(|redirect| size_of_val(redirect) + redirect.path.len());
            size_of_val(command)
                + texts(&command.words)
                + texts(&command.assignments)
                + redirects.sum::<usize>()
                + command.input.as_ref().map_or(0, String::len)
                + command.folder.as_ref().map_or(0, |folder| folder.len())
        };
        size_of_val(self) + texts(&self.functions) + self.commands.iter().map(of).sum::<usize>()
    }

    /// The command whose output a command reads.
    pub fn feeding(&self, command: &Command) -> Option<&Command> {
        self.commands.get(command.fed_by?)
    }
}

impl Command {
    /// The name of its program: without folder and ending, in lower case, since some systems do not tell cases apart.
    pub fn name(&self) -> String {
        self.words.first().map(|word| program(word)).unwrap_or_default()
    }

    /// A path that it names, as it is from where the line began: absolute, from a home (`~`), or relative to that place.
    pub fn path(&self, written: &str) -> String {
        let path = written.replace('\\', "/");
        let is_rooted = path.starts_with(['/', '~', '$', '%']) || path.get(1..2) == Some(":");
        match &self.folder {
            Some(folder) if !is_rooted => paths::wound(&format!("{folder}/{path}")),
            _ => paths::wound(&path),
        }
    }
}

/// Programs that remove what they are given.
pub const REMOVERS: [&str; 14] = [
    "rm",
    "rimraf",
    "unlink",
    "srm",
    "shred",
    "remove-item",
    "ri",
    "del",
    "erase",
    "rd",
    "rmdir",
    "trash",
    "rm-rf",
    "del-cli",
];

/// Whether a program prints what it fetches from the network.
pub fn is_fetcher(name: &str) -> bool {
    matches!(name, "curl" | "wget" | "iwr" | "irm" | "invoke-webrequest" | "invoke-restmethod" | "fetch")
}

/// The name of a program without its folder and ending, in lower case.
pub fn program(word: &str) -> String {
    let mut name = word.rsplit(['/', '\\']).next().unwrap_or(word).to_ascii_lowercase();
    if let Some(ending) = [".exe", ".cmd", ".bat", ".com"].into_iter().find(|ending| name.ends_with(ending)) {
        name.truncate(name.len() - ending.len());
    }
    name
}
