//! How much a command line deletes at once, as far as it says: `rm -r`, `find -delete`, `git clean`, `xargs rm`.
//!
//! A line does not say how much a folder holds, so folders are counted as such and the detector weighs them. What can be made
//! again, such as build folders, caches and temporary files, is not counted.

use effects::command::{Command, Line, REMOVERS, program};
use effects::file::paths;

use effects::effect::destroy::{deletes, is_narrow, is_recursive, removed_paths};

/// What a command line deletes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Files that are named.
    pub files: u32,
    /// Folders, and other numbers of files that the line does not tell.
    pub folders: u32,
    /// Everything in the folder that is worked in, and how.
    pub everything: Option<&'static str>,
}

impl Sweep {
    /// What all commands of a line delete together; `None` if that is nothing. `is_workspace` knows the folders that the
    /// session works in.
    pub fn of(line: &Line, mut is_workspace: impl FnMut(&str) -> bool) -> Option<Self> {
        let mut sweep = Self::default();
        for command in &line.commands {
            let name = command.name();
            let mut folder = WorkingFolder { command, is_workspace: &mut is_workspace };
            match name.as_str() {
                _ if REMOVERS.contains(&name.as_str()) => sweep.remove(&name, line.feeding(command), &mut folder),
                "find" if deletes(command, line) => sweep.find(&mut folder),
                "git" => sweep.clean(&mut folder),
                _ => {}
            }
        }
        (sweep != Self::default()).then_some(sweep)
    }

    /// How many files that is, if a folder counts as `folder` files and everything as at least `everything`.
    pub fn weight(&self, folder: u32, everything: u32) -> u32 {
        let counted = self.folders.saturating_mul(folder).saturating_add(self.files);
        if self.everything.is_some() { counted.max(everything) } else { counted }
    }

    /// What to say of a number that was not counted but weighed.
    pub fn what(&self) -> Option<&'static str> {
        let folders = (self.folders > 0).then_some("commands delete whole folders");
        self.everything.or(folders)
    }

    /// `rm` and its like. What it is given no names for, `xargs` gives it from the command before.
    fn remove(&mut self, name: &str, feeding: Option<&Command>, folder: &mut WorkingFolder<'_>) {
        let recursive = is_recursive(folder.command, name);
        let mut names = removed_paths(folder.command, name).filter(|name| !name.contains("{}")).peekable();
        if names.peek().is_none() {
            return self.feed(feeding.filter(|_| folder.command.takes_names));
        }
        for name in names {
            if folder.is_needless(name) {
                continue;
            }
            // What ends like a file is one, whatever options come with it.
            let last = program(name);
            let is_file = last.find('.').is_some_and(|at| at > 0 && at + 1 < last.len()) && !name.contains('*');
            match () {
                () if recursive && folder.is_everything(name) => {
                    self.everything = Some("rm of everything in the folder that it works in");
                }
                () if recursive && !is_file || matches!(name, "*" | "./*") => self.folders += 1,
                () => self.files += 1,
            }
        }
    }

    /// What `xargs` hands on; `find` is asked itself what it deletes.
    fn feed(&mut self, feeding: Option<&Command>) {
        let Some(command) = feeding else { return };
        match command.name().as_str() {
            "find" => {}
            "git" if command.operands(&[]).eq(["ls-files"]) => {
                self.everything = Some("rm of all files that git lists");
            }
            "ls" | "dir" if command.operands(&[]).next().is_none_or(|folder| folder == ".") => {
                self.everything = Some("rm of everything in the folder that it works in");
            }
            _ => self.folders += 1,
        }
    }

    /// `find` whose findings are deleted. Tests of names, ages and the like narrow it.
    fn find(&mut self, folder: &mut WorkingFolder<'_>) {
        let is_narrow = is_narrow(folder.command);
        let words = folder.command.words.get(1..).unwrap_or_default();
        let mut starts = words.iter().take_while(|word| !word.starts_with(['-', '!', '(', '\\'])).peekable();
        if starts.peek().is_none() && !folder.is_needless(".") {
            return self.found(is_narrow, true);
        }
        for start in starts {
            if !folder.is_needless(start) {
                let everything = folder.is_everything(start);
                self.found(is_narrow, everything);
            }
        }
    }

    fn found(&mut self, is_narrow: bool, everything: bool) {
        if everything && !is_narrow {
            self.everything = Some("find deletes everything in the folder that it works in");
        } else {
            self.folders += 1;
        }
    }

    /// `git clean`, unless it only says what it would do.
    fn clean(&mut self, folder: &mut WorkingFolder<'_>) {
        let command = folder.command;
        let mut rest = command.operands(&["-C", "-c", "-e", "--exclude"]);
        let flag = |letter, long| command.flag(letter, long);
        if rest.next() != Some("clean") || !flag('f', "force") || flag('n', "dry-run") {
            return;
        }
        let names: Vec<&str> = rest.filter(|name| !matches!(*name, "." | "./")).collect();
        if !names.is_empty() {
            self.folders += names.iter().filter(|name| !folder.is_needless(name)).count() as u32;
        } else if !flag('X', " ") {
            self.everything = Some("git clean of everything that is not committed");
        } else {
            self.folders += 1;
        }
    }
}

/// The folder in which a command runs.
struct WorkingFolder<'a> {
    command: &'a Command,
    is_workspace: &'a mut dyn FnMut(&str) -> bool,
}

impl WorkingFolder<'_> {
    fn is_needless(&self, name: &str) -> bool {
        is_needless(&self.command.path(name))
    }

    /// Whether it is the folder that is worked in, all in it, or one that holds more than that.
    fn is_everything(&mut self, name: &str) -> bool {
        let path = self.command.path(name);
        let folder = path.trim_end_matches('*').trim_end_matches('/');
        matches!(folder, "" | ".") || folder.starts_with("!(") || paths::is_root(&path) || (self.is_workspace)(folder)
    }
}

/// Whether what is deleted can be made again: build output, caches, temporary files.
fn is_needless(path: &str) -> bool {
    let is_variable = path.starts_with('$') && path.to_ascii_lowercase().contains("tmp");
    is_variable || paths::is_scratch(path) || paths::is_generated(path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(line: &str) -> Sweep {
        Sweep::of(&Line::read(line), |folder| folder == "/home/coder/app").unwrap_or_default()
    }

    #[test]
    fn what_a_line_deletes() {
        const ALL: u32 = 9_999;
        for (line, files, folders, everything) in [
            // Everything.
            ("rm -rf .", 0, 0, true),
            ("cd /home/coder/app && rm -fr ./*", 0, 0, true),
            ("rm -rf /home/coder/app/", 0, 0, true),
            ("rm -r \"$PWD\"", 0, 0, true),
            ("git clean -fdx", 0, 0, true),
            ("git -C app clean -d --force -e .env", 0, 0, true),
            ("sudo git clean -ffdx .", 0, 0, true),
            ("find . -type f -delete", 0, 0, true),
            ("find -delete", 0, 0, true),
            ("find . -type f ! -name '*.md' -exec rm {} +", 0, 0, true),
            ("git ls-files -z | xargs -0 rm -f", 0, 0, true),
            ("find . -type f | xargs -n 1 rm", 0, 0, true),
            ("bash -c 'rm -rf *'", 0, 0, true),
            ("git clean -f", 0, 0, true),
            ("ls -A | xargs rm -rf", 0, 0, true),
            ("rm -rf !(notes)", 0, 0, true),
            // Some, how many is not said.
            ("rm -rf src lib/", 0, 2, false),
            ("cd src && rm -fr ./*", 0, 1, false),
            ("rm -rf src 2>/dev/null", 0, 1, false),
            ("find . -name '*.orig' -delete", 0, 1, false),
            ("find src tests -type f -delete", 0, 2, false),
            ("git clean -fdX", 0, 1, false),
            ("git clean -fd docs target", 0, 1, false),
            ("grep -l x -r . | xargs rm", 0, 1, false),
            ("if true; then rm -r docs; fi", 0, 1, false),
            ("rm *", 0, 1, false),
            // So many.
            ("rm a.txt b.txt -f c", 3, 0, false),
            ("rm -rf notes.md", 1, 0, false),
            ("sudo rm a", 1, 0, false),
            // Nothing that matters.
            ("rm -rf target/debug node_modules ./dist", 0, 0, false),
            ("cd /tmp/x && rm -rf *", 0, 0, false),
            ("rm -rf /tmp/x \"$TMPDIR\"/y", 0, 0, false),
            ("find . -name a", 0, 0, false),
            ("find /tmp -delete", 0, 0, false),
            ("git clean -ndx; git clean -dx; git commit -m 'clean -fdx'", 0, 0, false),
            ("echo rm -rf .; docker run --rm app", 0, 0, false),
            ("", 0, 0, false),
        ] {
            let sweep = of(line);
            assert_eq!(
                (sweep.files, sweep.folders, sweep.everything.is_some()),
                (files, folders, everything),
                "{line}"
            );
            let weight = if everything { ALL } else { files + 10 * folders };
            assert_eq!(sweep.weight(10, ALL), weight, "{line}");
        }
    }

    proptest! {
        #[test]
        fn any_line_is_read(line in "(rm|find|git|clean|xargs|-rf|-delete|-exec|[*./{}$ |;!]|\\PC){0,40}") {
            let _ = of(&line);
        }
    }
}
